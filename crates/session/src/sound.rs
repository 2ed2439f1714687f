//! Voices of devices, mixed by the virtual time at which they are heard. What comes out follows from what devices play and
//! when, and not from when the host takes it.

use device_api::{SoundBackend, SoundFrame, VmTime, Voice};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Default sample rate, in frames per second.
pub const DEFAULT_RATE: u32 = 44_100;
/// Rates that voices may have, in hertz.
const RATES: std::ops::RangeInclusive<u32> = 1000..=200_000;
/// Nanoseconds by which the beginning of a voice's frames may differ from the end of those before: rounding.
const TOLERANCE: u64 = 2_000_000;
/// Nanoseconds that are kept at most for a host that takes nothing.
const MOST: u64 = 2_000_000_000;
/// How long devices may take to play what is heard at a moment, in nanoseconds.
const LATE: u64 = 100_000_000;

/// Sound without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// Number of the first frame since power-on
    pub start: u64,
    /// Frames of the mixer's rate
    pub frames: Vec<SoundFrame>,
}

#[derive(Debug)]
struct State {
    rate: u32,
    /// Number of the first frame that was not taken yet
    position: u64,
    /// Sums from there on
    sums: VecDeque<[i32; 2]>,
}

impl State {
    /// Adds a frame. One that was taken already is late, and lost.
    fn add(&mut self, number: u64, frame: SoundFrame) {
        if self.sums.is_empty() && number > self.position {
            self.position = number;
        }
        let Some(at) = number.checked_sub(self.position) else { return };
        let most = MOST * u64::from(self.rate) / 1_000_000_000;
        if at >= most {
            // What was never taken makes room.
            let excess = at - most + 1;
            self.sums.drain(..(excess as usize).min(self.sums.len()));
            self.position += excess;
        }
        let at = (number - self.position) as usize;
        if self.sums.len() <= at {
            self.sums.resize(at + 1, [0; 2]);
        }
        for (sum, value) in self.sums[at].iter_mut().zip(frame) {
            *sum += i32::from(value);
        }
    }
}

/// All voices of an audio device. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Mixer(Arc<Mutex<State>>);

impl Mixer {
    /// Returns a mixer from which frames of a rate come.
    pub fn new(rate: u32) -> Self {
        let rate = rate.clamp(*RATES.start(), *RATES.end());
        Self(Arc::new(Mutex::new(State { rate, position: 0, sums: VecDeque::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is heard up to shortly before `now`; nothing where all voices are silent. Called a few times a second.
    pub fn take(&self, now: VmTime) -> Option<Passage> {
        let mut state = self.lock();
        let end = VmTime(now.0.saturating_sub(LATE)).ticks(state.rate.into());
        // The machine went back to an earlier time.
        if state.position > now.ticks(state.rate.into()) + u64::from(state.rate) {
            state.position = end;
            state.sums.clear();
        }
        let ready = end.saturating_sub(state.position).min(state.sums.len() as u64);
        take(&mut state, ready as usize)
    }

    /// Returns what is left at the end.
    pub fn take_rest(&self) -> Option<Passage> {
        let mut state = self.lock();
        let rest = state.sums.len();
        take(&mut state, rest)
    }
}

fn take(state: &mut State, count: usize) -> Option<Passage> {
    let start = state.position;
    state.position += count as u64;
    let clip = |value: i32| value.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    let frames: Vec<_> = state.sums.drain(..count).map(|sums| sums.map(clip)).collect();
    (!frames.is_empty()).then_some(Passage { start, frames })
}

impl SoundBackend for Mixer {
    fn voice(&mut self) -> Box<dyn Voice> {
        Box::new(MixedVoice { mixer: self.clone(), run: None })
    }
}

/// Frames of a voice without a gap between them.
#[derive(Debug)]
struct Run {
    rate: u32,
    start: VmTime,
    /// Frames that came
    came: u64,
    /// Frames that went to the mixer
    went: u64,
    last: SoundFrame,
}

impl Run {
    fn end(&self) -> VmTime {
        self.start + VmTime::at_tick(self.came, self.rate.into()).0
    }

    /// Takes a frame, and gives those of the mixer that lie before it: interpolated linearly.
    fn push(&mut self, frame: SoundFrame, mixer: &mut State) {
        let first = self.start.ticks(mixer.rate.into());
        let (from, to) = (u64::from(self.rate), u64::from(mixer.rate));
        // Both in units of 1 / (from * to) seconds
        let here = self.came * to;
        while self.went * from <= here {
            let number = first + self.went;
            let frame = match self.came {
                0 => frame,
                came => {
                    let past = (self.went * from - (came - 1) * to) as i64;
                    let between = |n: usize| {
                        let (a, b) = (i64::from(self.last[n]), i64::from(frame[n]));
                        (a + (b - a) * past / to as i64) as i16
                    };
                    [between(0), between(1)]
                }
            };
            mixer.add(number, frame);
            self.went += 1;
        }
        self.came += 1;
        self.last = frame;
    }
}

#[derive(Debug)]
struct MixedVoice {
    mixer: Mixer,
    run: Option<Run>,
}

impl Voice for MixedVoice {
    fn play(&mut self, at: VmTime, rate: u32, frames: &[SoundFrame]) {
        let rate = rate.clamp(*RATES.start(), *RATES.end());
        let follows = |run: &Run| run.rate == rate && run.end().0.abs_diff(at.0) <= TOLERANCE;
        let run = match &mut self.run {
            Some(run) if follows(run) => run,
            run => run.insert(Run { rate, start: at, came: 0, went: 0, last: [0; 2] }),
        };
        let mut mixer = self.mixer.lock();
        frames.iter().for_each(|&frame| run.push(frame, &mut mixer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// A second at 8000 Hz is 1000 frames of the mixer's rate, whatever the parts it comes in.
    #[test]
    fn rates_are_converted_whatever_the_portions() {
        let wave: Vec<SoundFrame> = (0..8000).map(|n: i32| [(n % 100 * 300) as i16, -7]).collect();
        let play = |portion: usize| {
            let mut mixer = Mixer::new(1000);
            let mut voice = mixer.voice();
            for (n, part) in wave.chunks(portion).enumerate() {
                let at = VmTime(500 * MS) + VmTime::at_tick((n * portion) as u64, 8000).0;
                voice.play(at, 8000, part);
            }
            mixer.take_rest().unwrap()
        };
        let whole = play(8000);
        assert_eq!((whole.start, whole.frames.len()), (500, 1000));
        // Each is the eighth of the frames that came.
        for (n, frame) in whole.frames.iter().enumerate() {
            assert_eq!(*frame, wave[8 * n], "{n}");
        }
        for portion in [1, 7, 160, 4000] {
            assert_eq!(play(portion), whole, "{portion}");
        }
    }

    #[test]
    fn what_lies_between_frames_is_interpolated() {
        let mut mixer = Mixer::new(4000);
        mixer.voice().play(VmTime::ZERO, 1000, &[[0, 800], [400, 0]]);
        let frames = mixer.take_rest().unwrap().frames;
        assert_eq!(frames, [[0, 800], [100, 600], [200, 400], [300, 200], [400, 0]]);
    }

    #[test]
    fn voices_are_added_and_clipped() {
        let mut mixer = Mixer::new(1000);
        let (mut one, mut two) = (mixer.voice(), mixer.voice());
        one.play(VmTime::ZERO, 1000, &[[20_000, 1]; 4]);
        two.play(VmTime(2 * MS), 1000, &[[20_000, -20_000]; 4]);
        let both = mixer.take_rest().unwrap();
        let (first, mixed, last) = ([20_000, 1], [i16::MAX, -19_999], [20_000, -20_000]);
        assert_eq!(both, Passage { start: 0, frames: vec![first, first, mixed, mixed, last, last] });
    }

    /// The host may look seldom or often: what it gets is the same.
    #[test]
    fn what_comes_out_does_not_depend_on_when_it_is_taken() {
        let play = |every: u64| {
            let mut mixer = Mixer::new(1000);
            let mut voice = mixer.voice();
            let mut got = Vec::new();
            for n in 0..40 {
                voice.play(VmTime(n * 20 * MS), 1000, &[[n as i16 + 1; 2]; 20]);
                if n % every == 0 {
                    got.extend(
                        mixer.take(VmTime((n + 1) * 20 * MS)).into_iter().flat_map(|part| part.frames),
                    );
                }
            }
            got.extend(mixer.take_rest().into_iter().flat_map(|part| part.frames));
            got
        };
        assert_eq!(play(1).len(), 800);
        assert_eq!(play(1), play(7));
    }

    #[test]
    fn silence_is_a_gap_and_nothing_grows_without_end() {
        let mut mixer = Mixer::new(1000);
        let mut voice = mixer.voice();
        voice.play(VmTime::ZERO, 1000, &[[1; 2]; 3]);
        assert_eq!(mixer.take(VmTime(3600 * 1000 * MS)).unwrap().frames.len(), 3);
        voice.play(VmTime(3600 * 1000 * MS), 1000, &[[2; 2]; 3]);
        assert_eq!(mixer.take_rest(), Some(Passage { start: 3_600_000, frames: vec![[2; 2]; 3] }));
        voice.play(VmTime(3700 * 1000 * MS), 1000, &vec![[3; 2]; 100_000]);
        assert_eq!(mixer.take_rest().unwrap().frames.len(), 2000);
        assert_eq!(mixer.take_rest(), None);
        // Back to an earlier time, as when a state is loaded
        voice.play(VmTime(1000 * MS), 1000, &[[4; 2]; 3]);
        assert_eq!(mixer.take(VmTime(1100 * MS)), None);
        voice.play(VmTime(1200 * MS), 1000, &[[5; 2]; 3]);
        assert_eq!(mixer.take(VmTime(2000 * MS)), Some(Passage { start: 1200, frames: vec![[5; 2]; 3] }));
    }
}
