//! The speaker behind counter 2, as frames of sound.

use super::chip::{Chip, clock};
use super::counter::Counter;
use super::spec::HZ;
use device_api::{SoundFrame, VmTime, Voice};

/// Frames a second.
const RATE: u32 = 44_100;
/// Frames from one call of the device to the next while the speaker plays: a fiftieth of a second.
const PORTION: u64 = RATE as u64 / 50;
/// How far the cone goes each way, where a frame's is 32,768.
const LEVEL: i64 = 8192;

/// What plays.
struct Tone {
    /// When it began, in clocks of the counter
    start: u64,
    /// The first clock that is not heard yet
    clock: u64,
    /// Whole frames since the start
    frames: u64,
    /// Clocks of the present frame in which the cone is out, less those in which it is in
    sum: i64,
    /// The counter as it was last programmed
    counter: Counter,
    /// Its output reaches the speaker
    on: bool,
    /// Frames since it last did
    quiet: u64,
}

/// The speaker. What it plays follows from the chip's state, so that there is nothing to save.
#[derive(Default)]
pub(super) struct Speaker {
    voice: Option<Box<dyn Voice>>,
    tone: Option<Tone>,
}

impl Tone {
    fn new(start: u64, counter: Counter) -> Self {
        Self { start, clock: start, frames: 0, sum: 0, counter, on: true, quiet: 0 }
    }

    /// Returns the clock at which a frame begins.
    fn clock_of(&self, frame: u64) -> u64 {
        self.start.saturating_add((u128::from(frame) * u128::from(HZ) / u128::from(RATE)) as u64)
    }

    /// Returns the frames up to a clock: each the mean of the counter's output over its clocks.
    fn frames_until(&mut self, end: u64) -> Vec<SoundFrame> {
        let mut frames = Vec::new();
        while self.clock < end {
            let (first, last) = (self.clock_of(self.frames), self.clock_of(self.frames + 1));
            let until = end.min(last);
            if self.on {
                self.counter.catch_up(self.clock);
                let high = (self.clock..until).filter(|&clock| self.counter.out(clock)).count() as i64;
                self.sum += 2 * high - (until - self.clock) as i64;
                self.quiet = 0;
            }
            self.clock = until;
            if until == last {
                let level = (LEVEL * self.sum / ((last - first) as i64).max(1)) as i16;
                frames.push([level, level]);
                self.sum = 0;
                self.frames += 1;
                self.quiet += 1;
            }
        }
        frames
    }
}

impl Speaker {
    pub(super) fn new(voice: Option<Box<dyn Voice>>) -> Self {
        Self { voice, tone: None }
    }

    /// Plays up to `now` what the counter puts out since it was last programmed. Precedes every access to the chip.
    pub(super) fn catch_up(&mut self, now: VmTime) {
        let (Some(voice), Some(tone)) = (&mut self.voice, &mut self.tone) else { return };
        let at = VmTime::at_tick(tone.clock_of(tone.frames), HZ);
        // Where the time jumps, as when a state is loaded, nothing was played.
        if clock(now) > tone.clock_of(tone.frames + 3 * PORTION) || clock(now) < tone.clock {
            self.tone = None;
            return;
        }
        let frames = tone.frames_until(clock(now));
        if !frames.is_empty() {
            voice.play(at, RATE, &frames);
        }
        if !tone.on && tone.quiet > PORTION {
            self.tone = None;
        }
    }

    /// Takes over what the chip was programmed to. Follows every access to the chip.
    ///
    /// SPEC: intel-82371sb :: NMISC—NMI Status and Control Register -> bit 1 lets the output of counter 2 through to the speaker
    pub(super) fn follow(&mut self, chip: &Chip, now: VmTime) {
        if self.voice.is_none() {
            return;
        }
        match (&mut self.tone, chip.speaker_counter()) {
            (None, None) => {}
            (None, Some(counter)) => self.tone = Some(Tone::new(clock(now), counter.clone())),
            // Programs that make sound of single pulses switch it off and on within a frame.
            (Some(tone), None) => tone.on = false,
            (Some(tone), Some(counter)) => (tone.counter, tone.on) = (counter.clone(), true),
        }
    }

    /// Returns when [`Speaker::catch_up`] must be called at the latest.
    pub(super) fn next_deadline(&self) -> Option<VmTime> {
        let tone = self.tone.as_ref()?;
        let portion = tone.frames / PORTION + 1;
        Some(VmTime::at_tick(tone.clock_of(portion * PORTION), HZ))
    }
}
