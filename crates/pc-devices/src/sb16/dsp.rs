//! The DSP: commands, and blocks of samples on their way between memory and converters.

use super::spec::{COPYRIGHT, Io, Mode, READY, STATUS, VERSION, command};
use crate::codec::{codec_enum, codec_struct};
use device_api::{SoundFrame, VmTime};

/// Capacity of the DSP's output queue, in bytes.
const MOST_OUTPUT: usize = 64;
/// Frames a second, at least and at most.
///
/// SPEC: creative-sb-guide :: DSP Commands -> 41h: 5000 to 45000 Hz; 40h reaches 3906 Hz
const RATES: (u32, u32) = (3906, 45_000);

/// What a block consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Samples for the converter
    #[default]
    Pcm,
    /// Compressed samples, which are not heard
    Adpcm,
    /// Nothing, for some time
    Silence,
    /// Samples of the converter, which is connected to nothing
    Input,
}
codec_enum!(Kind { Pcm, Adpcm, Silence, Input });

/// A block on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Transfer {
    kind: Kind,
    /// It moves words rather than bytes
    wide: bool,
    signed: bool,
    stereo: bool,
    /// Auto-initialize mode: the next block follows automatically
    auto: bool,
    paused: bool,
    /// Frames a second
    rate: u32,
    /// Bytes or words a second
    units: u32,
    /// Bytes or words of a block, and those that are left of this one
    block: u32,
    left: u32,
    /// When the first was due, and how many moved since
    start: VmTime,
    moved: u64,
    /// How many are due and not moved yet
    due: u32,
    /// The left half of a frame, which waits for the right
    half: Option<u16>,
}
codec_struct!(Transfer {
    kind,
    wide,
    signed,
    stereo,
    auto,
    paused,
    rate,
    units,
    block,
    left,
    start,
    moved,
    due,
    half
});

impl Transfer {
    fn channels(&self) -> u32 {
        1 + u32::from(self.stereo)
    }

    fn moves(&self) -> bool {
        self.kind != Kind::Silence
    }

    /// Restarts the count of time.
    fn restart(&mut self, now: VmTime) {
        (self.start, self.moved, self.due) = (now, 0, 0);
    }

    /// Finds what is due at a time.
    fn catch_up(&mut self, now: VmTime) {
        if self.paused {
            return;
        }
        let passed = VmTime(now.since(self.start)).ticks(self.units.into());
        let due = passed.saturating_sub(self.moved);
        // A controller that did not serve the channel, or a host that was late, leaves a gap.
        if due > u64::from(self.units / 10) + u64::from(self.channels()) && self.moves() {
            self.restart(now);
            self.due = self.channels().min(self.left);
            return;
        }
        let due = due.min(self.left.into()) as u32;
        self.due = if due == self.left { due } else { due - due % self.channels() };
    }

    /// Returns when more is due.
    fn next_deadline(&self) -> Option<VmTime> {
        // A request that is not served waits for the controller.
        if self.paused || self.moves() && self.due > 0 {
            return None;
        }
        let portion = if self.moves() { (self.units / 100).next_multiple_of(2) } else { self.left };
        let next = self.moved.saturating_add(portion.clamp(1, self.left.max(1)).into());
        Some(self.start + VmTime::at_tick(next, self.units.max(1).into()).0)
    }

    /// Counts transferred units. Returns whether the block ends with them.
    fn advance(&mut self, units: u32) -> bool {
        self.moved = self.moved.saturating_add(units.into());
        self.due = self.due.saturating_sub(units);
        self.left = self.left.saturating_sub(units);
        self.left == 0
    }

    /// Returns a frame once it is complete.
    fn frame(&mut self, bytes: [u8; 2]) -> Option<SoundFrame> {
        let bias = if self.signed { 0 } else { 0x8000 };
        let sample = u16::from_le_bytes(bytes) ^ bias;
        match (self.stereo, self.half.take()) {
            (false, _) => Some([sample as i16; 2]),
            (true, Some(left)) => Some([left as i16, sample as i16]),
            (true, None) => {
                self.half = Some(sample);
                None
            }
        }
    }
}

/// State of the DSP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dsp {
    /// What is to be read, with the byte that was read last
    output: Vec<u8>,
    last: u8,
    /// A command that waits for parameters, with those that came
    command: Option<u8>,
    parameters: Vec<u8>,
    /// Its reset port is held
    in_reset: bool,
    speaker: bool,
    rate: u32,
    /// Block size, in bytes, of commands without a length
    block: u16,
    test: u8,
    /// Interrupts that were not acknowledged
    irq8: bool,
    irq16: bool,
    transfer: Option<Transfer>,
    /// What the converter was given directly, and when
    direct: Option<Direct>,
}
codec_struct!(Dsp {
    output,
    last,
    command,
    parameters,
    in_reset,
    speaker,
    rate,
    block,
    test,
    irq8,
    irq16,
    transfer,
    direct
});

/// A sample that the converter holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Direct {
    pub(super) since: VmTime,
    pub(super) sample: u8,
}
codec_struct!(Direct { since, sample });

impl Default for Dsp {
    fn default() -> Self {
        Self {
            output: Vec::new(),
            last: 0xff,
            command: None,
            parameters: Vec::new(),
            in_reset: false,
            speaker: false,
            rate: 11_025,
            block: 0x7ff,
            test: 0,
            irq8: false,
            irq16: false,
            transfer: None,
            direct: None,
        }
    }
}

/// Returns how many bytes follow a command.
fn parameters(command: u8) -> usize {
    match command {
        0xb0..=0xcf => 3,
        command::DIRECT_DAC | command::TIME_CONSTANT | command::IDENTIFY | command::WRITE_TEST => 1,
        // MIDI output, DMA identification, and commands of a signal processor that the card lacks
        0x02 | 0x04 | 0x08 | 0x0f | 0x38 | 0xe2 => 1,
        0x05 | 0x0e => 2,
        command::OUTPUT_RATE | command::INPUT_RATE | command::BLOCK_SIZE | command::SILENCE => 2,
        0x14..=0x17 | 0x24 | 0x74..=0x77 => 2,
        _ => 0,
    }
}

impl Dsp {
    /// Returns whether an interrupt waits: of bytes, of words.
    pub(super) fn interrupts(&self) -> (bool, bool) {
        (self.irq8, self.irq16)
    }

    /// Acknowledges an interrupt.
    pub(super) fn acknowledge(&mut self, wide: bool) {
        if wide {
            self.irq16 = false;
        } else {
            self.irq8 = false;
        }
    }

    /// SPEC: creative-sb-guide :: Resetting DSP -> 1, then 0 at the reset port; the DSP says 0AAh when it is done
    pub(super) fn write_reset(&mut self, value: u8) {
        let held = value & 1 != 0;
        if std::mem::replace(&mut self.in_reset, held) && !held {
            *self = Self::default();
            self.output.push(READY);
        } else if held {
            *self = Self { in_reset: true, ..Self::default() };
        }
    }

    /// SPEC: creative-sb-guide :: Reading from DSP -> bit 7 of the read-buffer status is set where there are data
    pub(super) fn read_status(&self) -> u8 {
        if self.output.is_empty() { !STATUS } else { 0xff }
    }

    pub(super) fn read_data(&mut self) -> u8 {
        if !self.output.is_empty() {
            self.last = self.output.remove(0);
        }
        self.last
    }

    fn queue_output(&mut self, bytes: &[u8]) {
        self.output.extend(bytes);
        self.output.truncate(MOST_OUTPUT);
    }

    /// A byte at the command port.
    ///
    /// SPEC: creative-sb-guide :: Writing to DSP -> a command, then its parameters
    pub(super) fn write(&mut self, now: VmTime, value: u8) {
        if self.in_reset {
            return;
        }
        let command = match self.command {
            Some(command) => {
                self.parameters.push(value);
                command
            }
            None => *self.command.insert(value),
        };
        if self.parameters.len() >= parameters(command) {
            let given = std::mem::take(&mut self.parameters);
            self.command = None;
            self.execute(now, command, &given);
        }
    }

    fn execute(&mut self, now: VmTime, command: u8, given: &[u8]) {
        let byte = |n: usize| given.get(n).copied().unwrap_or(0);
        let low_first = u16::from_le_bytes([byte(0), byte(1)]);
        match command {
            command::DIRECT_DAC => self.direct = Some(Direct { since: now, sample: byte(0) }),
            command::DIRECT_ADC => self.queue_output(&[0x80]),
            // SPEC: creative-sb-guide :: DSP Commands -> 40h: 256 less 1000000 divided by the rate
            command::TIME_CONSTANT => self.set_rate(1_000_000 / (256 - u32::from(byte(0)))),
            // SPEC: creative-sb-guide :: DSP Commands -> 41h: the upper byte of the rate comes first
            command::OUTPUT_RATE | command::INPUT_RATE => {
                self.set_rate(u16::from_be_bytes([byte(0), byte(1)]).into());
            }
            command::BLOCK_SIZE => self.block = low_first,
            0x14..=0x17 | 0x1c | 0x1f | 0x24 | 0x2c | 0x74..=0x77 | 0x7d | 0x7f | 0x90..=0x99 => {
                self.start_old(now, command, low_first);
            }
            command::SILENCE => {
                let transfer = Transfer { kind: Kind::Silence, ..Transfer::default() };
                self.start(now, transfer, (low_first, 1));
            }
            0xb0..=0xcf => {
                let (io, mode) = (Io::from_bits_truncate(command), Mode::from_bits_truncate(byte(0)));
                let transfer = Transfer {
                    kind: if io.contains(Io::INPUT) { Kind::Input } else { Kind::Pcm },
                    wide: command < 0xc0,
                    signed: mode.contains(Mode::SIGNED),
                    stereo: mode.contains(Mode::STEREO),
                    auto: io.contains(Io::AUTO),
                    ..Transfer::default()
                };
                self.start(now, transfer, (u16::from_le_bytes([byte(1), byte(2)]), 1));
            }
            command::PAUSE_8 => self.pause(now, false, true),
            command::PAUSE_16 => self.pause(now, true, true),
            command::CONTINUE_8 => self.pause(now, false, false),
            command::CONTINUE_16 => self.pause(now, true, false),
            command::EXIT_AUTO_8 => self.repeat(false, false),
            command::EXIT_AUTO_16 => self.repeat(true, false),
            command::CONTINUE_AUTO_8 => self.repeat(false, true),
            command::CONTINUE_AUTO_16 => self.repeat(true, true),
            command::SPEAKER_ON => self.speaker = true,
            command::SPEAKER_OFF => self.speaker = false,
            command::SPEAKER_STATUS => self.queue_output(&[if self.speaker { 0xff } else { 0 }]),
            command::IDENTIFY => self.queue_output(&[!byte(0)]),
            command::VERSION => self.queue_output(&VERSION),
            command::COPYRIGHT => self.queue_output(COPYRIGHT),
            command::WRITE_TEST => self.test = byte(0),
            command::READ_TEST => self.queue_output(&[self.test]),
            command::REQUEST_8 => self.irq8 = true,
            command::REQUEST_16 => self.irq16 = true,
            _ => {}
        }
    }

    fn set_rate(&mut self, rate: u32) {
        self.rate = rate.clamp(RATES.0, RATES.1);
    }

    /// The commands of earlier DSPs: unsigned bytes of one channel, with a length or by the block size.
    ///
    /// SPEC: creative-sb-guide :: DSP Commands -> 14h, 16h, 24h, 74h and 76h say the length, 1Ch, 1Fh, 2Ch, 7Dh, 7Fh and the high-speed commands 90h, 91h, 98h and 99h take the block size
    fn start_old(&mut self, now: VmTime, command: u8, length: u16) {
        let (kind, frames) = match command {
            0x14 | 0x15 | 0x1c | 0x90 | 0x91 => (Kind::Pcm, 1),
            0x16 | 0x17 | 0x1f => (Kind::Adpcm, 4),
            0x76 | 0x77 | 0x7f => (Kind::Adpcm, 3),
            0x74 | 0x75 | 0x7d => (Kind::Adpcm, 2),
            0x24 | 0x2c | 0x98 | 0x99 => (Kind::Input, 1),
            _ => return,
        };
        let auto = matches!(command, 0x1c | 0x1f | 0x2c | 0x7d | 0x7f | 0x90 | 0x98);
        let says = matches!(command, 0x14..=0x17 | 0x24 | 0x74..=0x77);
        let length = if says { length } else { self.block };
        self.start(now, Transfer { kind, auto, ..Transfer::default() }, (length, frames));
    }

    /// Starts a transfer of one unit more than `length`, each of which has some frames.
    fn start(&mut self, now: VmTime, mut transfer: Transfer, (length, frames): (u16, u32)) {
        transfer.rate = self.rate;
        transfer.units = (self.rate.saturating_mul(transfer.channels()) / frames).max(1);
        transfer.block = u32::from(length) + 1;
        transfer.left = transfer.block;
        transfer.restart(now);
        self.direct = None;
        self.transfer = Some(transfer);
    }

    fn of_width(&mut self, wide: bool) -> Option<&mut Transfer> {
        self.transfer.as_mut().filter(|transfer| transfer.wide == wide)
    }

    fn pause(&mut self, now: VmTime, wide: bool, paused: bool) {
        if let Some(transfer) = self.of_width(wide)
            && transfer.paused != paused
        {
            transfer.restart(now);
            transfer.paused = paused;
        }
    }

    /// SPEC: creative-sb-guide :: 8-bit Mono Auto-initialize Transfer -> the exit command takes effect at the end of the block
    fn repeat(&mut self, wide: bool, auto: bool) {
        if let Some(transfer) = self.of_width(wide) {
            transfer.auto = auto;
        }
    }

    /// Finds what is due at a time. Precedes every access.
    pub(super) fn catch_up(&mut self, now: VmTime) {
        let Some(transfer) = &mut self.transfer else { return };
        transfer.catch_up(now);
        if transfer.kind == Kind::Silence {
            let due = transfer.due;
            if transfer.advance(due) {
                self.end_block();
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<VmTime> {
        self.transfer.as_ref()?.next_deadline()
    }

    /// Returns whether bytes are requested, and whether by the channel of words.
    pub(super) fn request(&self) -> (bool, bool) {
        let request = self.transfer.as_ref().filter(|transfer| transfer.moves() && transfer.due > 0);
        (request.is_some(), self.transfer.as_ref().is_some_and(|transfer| transfer.wide))
    }

    /// SPEC: creative-sb-guide :: Handling Interrupts from DSP -> an interrupt at the end of each block
    fn end_block(&mut self) {
        let Some(transfer) = &mut self.transfer else { return };
        if transfer.wide {
            self.irq16 = true;
        } else {
            self.irq8 = true;
        }
        if transfer.auto {
            transfer.left = transfer.block;
        } else {
            self.transfer = None;
        }
    }

    /// Moves up to `bytes` bytes: calls `each` with the position of a unit and how many bytes it has. Returns how many
    /// bytes moved.
    fn move_units(&mut self, bytes: usize, mut each: impl FnMut(&mut Transfer, usize, usize)) -> usize {
        let Some(transfer) = &mut self.transfer else { return 0 };
        let size = 1 + usize::from(transfer.wide);
        let units = (bytes / size).min(transfer.due as usize);
        for unit in 0..units {
            each(transfer, unit * size, size);
        }
        if transfer.advance(units as u32) && units > 0 {
            self.end_block();
        }
        units * size
    }

    /// Takes samples from memory. Returns how many bytes, and the frames that they are, with when the first is heard.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, Option<(VmTime, u32, Vec<SoundFrame>)>) {
        let heard = self.transfer.as_ref().filter(|transfer| transfer.kind == Kind::Pcm).map(|transfer| {
            let frames = transfer.moved / u64::from(transfer.channels());
            (transfer.start + VmTime::at_tick(frames, transfer.rate.max(1).into()).0, transfer.rate)
        });
        let mut frames = Vec::new();
        let taken = self.move_units(bytes.len(), |transfer, at, size| {
            let sample = match bytes.get(at..at + size) {
                Some(&[low, high]) => [low, high],
                Some(&[byte]) => [0, byte],
                _ => [0, 0],
            };
            frames.extend(transfer.frame(sample));
        });
        (taken, heard.filter(|_| !frames.is_empty()).map(|(at, rate)| (at, rate, frames)))
    }

    /// Gives memory the samples of a converter that hears nothing. Returns how many bytes.
    pub(super) fn give(&mut self, bytes: &mut [u8]) -> usize {
        let len = bytes.len();
        self.move_units(len, |transfer, at, size| {
            if let Some(sample) = bytes.get_mut(at..at + size) {
                sample.fill(0);
                if let (Some(high), false) = (sample.last_mut(), transfer.signed) {
                    *high = 0x80;
                }
            }
        })
    }

    /// Returns what the converter was given directly last.
    pub(super) fn direct(&self) -> Option<Direct> {
        self.direct
    }
}
