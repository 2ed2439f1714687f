//! What an OPL3 plays, as frames of sound.

use super::chip::Chip;
use super::spec::{FOUR_OPERATORS, NEW, TIMER_CONTROL};
use device_api::{SoundFrame, VmTime, Voice};
use oplon::Opl3;

/// Frames a second.
const RATE: u32 = 44_100;
/// Frames from one call of the device to the next: a fiftieth of a second.
const PORTION: u64 = RATE as u64 / 50;
/// The loudest, where volumes are in 1/32768ths.
pub(crate) const FULL: [i32; 2] = [32_768; 2];

/// The synthesizer. Its state is rebuilt from the registers: after a state was loaded, held notes restart.
pub(crate) struct Synth {
    chip: Opl3,
    voice: Option<Box<dyn Voice>>,
    /// Number of the next frame, while anything sounds
    next: Option<u64>,
    /// What is left of each side, in 1/32768ths
    gain: [i32; 2],
}

impl Synth {
    pub(crate) fn new(voice: Option<Box<dyn Voice>>) -> Self {
        Self { chip: Opl3::new(RATE), voice, next: None, gain: FULL }
    }

    /// Plays up to `now`. Precedes every write.
    pub(crate) fn catch_up(&mut self, now: VmTime) {
        let (Some(voice), Some(first)) = (&mut self.voice, self.next) else { return };
        let end = now.ticks(RATE.into());
        // Where the time jumps, as when a state is loaded, nothing was played.
        if first > end || end - first > 3 * PORTION {
            self.next = Some(end);
            return;
        }
        let gain = self.gain;
        let mut frame = || -> SoundFrame {
            let (left, right) = self.chip.render_frame();
            let scale = |value: i32, gain: i32| {
                let scaled = i64::from(value) * i64::from(gain) / 32_768;
                scaled.clamp(i16::MIN.into(), i16::MAX.into()) as i16
            };
            [scale(left, gain[0]), scale(right, gain[1])]
        };
        let frames: Vec<_> = (first..end).map(|_| frame()).collect();
        if !frames.is_empty() {
            voice.play(VmTime::at_tick(first, RATE.into()), RATE, &frames);
        }
        self.next = self.chip.any_active().then_some(end);
    }

    /// Takes over a register.
    pub(crate) fn write(&mut self, now: VmTime, (set, index, value): (u8, u8, u8)) {
        if self.voice.is_none() {
            return;
        }
        match set {
            0 => self.chip.write_reg(index, value),
            _ => self.chip.write_reg_high(index, value),
        }
        if self.next.is_none() && self.chip.any_active() {
            self.next = Some(now.ticks(RATE.into()));
        }
    }

    pub(crate) fn set_gain(&mut self, gain: [i32; 2]) {
        self.gain = gain;
    }

    /// Takes over all registers.
    pub(crate) fn load(&mut self, chip: &Chip, now: VmTime) {
        self.chip = Opl3::new(RATE);
        self.next = None;
        let [first, second] = chip.registers();
        // What the chip is comes first, keys that go down come last.
        let is_key = |index: &u8| (0xb0..=0xbf).contains(index);
        for index in [NEW, FOUR_OPERATORS] {
            self.write(now, (1, index, second[usize::from(index)]));
        }
        for keys in [false, true] {
            for index in (TIMER_CONTROL + 2..=0xff).filter(|index| is_key(index) == keys) {
                self.write(now, (0, index, first[usize::from(index)]));
                self.write(now, (1, index, second[usize::from(index)]));
            }
        }
    }

    /// Returns when [`Synth::catch_up`] must be called at the latest.
    pub(crate) fn next_deadline(&self) -> Option<VmTime> {
        let portion = self.next? / PORTION + 1;
        Some(VmTime::at_tick(portion * PORTION, RATE.into()))
    }
}
