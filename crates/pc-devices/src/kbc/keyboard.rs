//! The keyboard's side of the wire: keys become scan codes, commands are answered.

use super::fifo::Fifo;
use super::scancodes::{Modifiers, Set, sequence, set_3_code};
use super::spec::{ACK, BAT_OK, RESEND, keyboard as command};
use crate::codec::{codec_enum, codec_struct};
use device_api::KeyCode;

/// A command that waits for its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Indicators,
    Set,
    Typematic,
    KeyTypematic,
    KeyMakeBreak,
    KeyMake,
}
codec_enum!(Waiting { Indicators, Set, Typematic, KeyTypematic, KeyMakeBreak, KeyMake });

/// Bytes of scan codes that the keyboard holds; one more takes the overrun code.
const BUFFER: usize = 16;

/// A bit for each code of set 3.
type Codes = [u64; 3];

fn bit(code: u8) -> (usize, u64) {
    (usize::from(code >> 6), 1 << (code & 63))
}

fn contains(codes: &Codes, code: u8) -> bool {
    let (word, bit) = bit(code);
    codes.get(word).is_some_and(|word| word & bit != 0)
}

fn set(codes: &mut Codes, code: u8, on: bool) {
    let (word, bit) = bit(code);
    if let Some(word) = codes.get_mut(word) {
        *word = if on { *word | bit } else { *word & !bit };
    }
}

const fn all(codes: &[u8]) -> Codes {
    let mut bits = [0; 3];
    let mut n = 0;
    while n < codes.len() {
        bits[codes[n] as usize >> 6] |= 1 << (codes[n] & 63);
        n += 1;
    }
    bits
}

/// Keys of set 3 with a break code after reset: both shifts, the left control and alt keys, caps lock.
/// The others repeat, or are [`MAKE_ONLY`].
const MAKE_BREAK: Codes = all(&[0x11, 0x12, 0x14, 0x19, 0x59]);
/// Keys of set 3 that neither repeat nor have a break code after reset.
const MAKE_ONLY: Codes = all(&[
    0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x47, 0x4f, 0x56, 0x5e, 0x08, 0x39, 0x57, 0x58, 0x5f,
    0x62, 0x65, 0x67, 0x6d, 0x6e, 0x6f, 0x76, 0x6c, 0x6b, 0x69, 0x77, 0x75, 0x73, 0x72, 0x70, 0x7e, 0x7d,
    0x74, 0x7a, 0x71, 0x84, 0x79, 0x8b, 0x8c, 0x8d,
]);

/// State of the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keyboard {
    scanning: bool,
    set: Set,
    indicators: u8,
    typematic: u8,
    waiting: Option<Waiting>,
    /// The byte last sent
    last: u8,
    /// A bit for each key that is down
    down: u128,
    /// Keys that have a break code in set 3
    breaks: Codes,
    /// Keys that repeat in set 3
    repeats: Codes,
    /// Answers go before scan codes
    answers: Fifo<8>,
    codes: Fifo<{ BUFFER + 1 }>,
    /// The overrun code is the last byte of `codes`
    overrun: bool,
}
codec_struct!(Keyboard {
    scanning,
    set,
    indicators,
    typematic,
    waiting,
    last,
    down,
    breaks,
    repeats,
    answers,
    codes,
    overrun
});

impl Default for Keyboard {
    fn default() -> Self {
        let repeats = std::array::from_fn(|n| !(MAKE_BREAK[n] | MAKE_ONLY[n]));
        Self {
            scanning: true,
            set: Set::Two,
            indicators: 0,
            typematic: 0x2b,
            waiting: None,
            last: 0,
            down: 0,
            breaks: MAKE_BREAK,
            repeats,
            answers: Fifo::default(),
            codes: Fifo::default(),
            overrun: false,
        }
    }
}

impl Keyboard {
    fn is_down(&self, key: KeyCode) -> bool {
        self.down >> (key as u8 & 127) & 1 != 0
    }

    fn modifiers(&self) -> Modifiers {
        use KeyCode::*;
        let either = |one, other| self.is_down(one) || self.is_down(other);
        Modifiers {
            shift: either(ShiftLeft, ShiftRight),
            control: either(ControlLeft, ControlRight),
            alt: either(AltLeft, AltRight),
        }
    }

    /// A key goes down or up. One that goes down while it is down repeats.
    pub(super) fn key(&mut self, key: KeyCode, down: bool) {
        let was_down = self.is_down(key);
        if !down && !was_down {
            return;
        }
        // A key is not its own modifier.
        let with = self.modifiers();
        let bit = 1 << (key as u8 & 127);
        self.down = if down { self.down | bit } else { self.down & !bit };
        let code = set_3_code(key);
        let wanted = match (self.set, down && was_down) {
            (Set::Three, true) => contains(&self.repeats, code),
            (Set::Three, false) => down || contains(&self.breaks, code),
            (_, repeats) => !repeats || key != KeyCode::Pause,
        };
        if !self.scanning || !wanted {
            return;
        }
        let bytes = sequence(key, down, self.set, with);
        // A code that is cut would be another one.
        if self.overrun || bytes.len() > BUFFER.saturating_sub(BUFFER + 1 - self.codes.room()) {
            if !self.overrun && !bytes.is_empty() {
                self.overrun = self.codes.push(&[self.set.overrun()]);
            }
            return;
        }
        self.codes.push(&bytes);
    }

    /// Returns whether scan codes wait.
    pub(super) fn has_codes(&self) -> bool {
        !self.codes.is_empty()
    }

    /// Sends the next byte of an answer.
    pub(super) fn take_answer(&mut self) -> Option<u8> {
        let byte = self.answers.pop()?;
        self.last = byte;
        Some(byte)
    }

    /// Sends the next byte of the scan codes.
    pub(super) fn take_code(&mut self) -> Option<u8> {
        let byte = self.codes.pop()?;
        self.overrun &= !self.codes.is_empty();
        self.last = byte;
        Some(byte)
    }

    fn clear_codes(&mut self) {
        self.codes.clear();
        self.overrun = false;
    }

    /// Back to the defaults. Keys stay where they are.
    fn set_defaults(&mut self) {
        *self = Self { down: self.down, last: self.last, ..Self::default() };
    }

    /// A byte from the host.
    ///
    /// SPEC: ibm-ps2-hitrc :: Keyboard—Commands from the System -> ACK for every command and argument, except echo, resend and what is unknown
    pub(super) fn receive(&mut self, byte: u8) {
        if byte == command::RESEND {
            self.answers.push(&[self.last]);
            return;
        }
        // A new command begins. Unread bytes of the last response are lost.
        self.answers.clear();
        if let Some(waiting) = self.waiting.take()
            && self.argument(waiting, byte)
        {
            return;
        }
        self.command(byte);
    }

    /// Returns whether the byte is an argument rather than the next command.
    fn argument(&mut self, waiting: Waiting, byte: u8) -> bool {
        let of_key = matches!(waiting, Waiting::KeyTypematic | Waiting::KeyMakeBreak | Waiting::KeyMake);
        // Codes of set 3 reach above 7Fh.
        if byte >= if of_key { command::SET_INDICATORS } else { 0x80 } {
            return false;
        }
        let answer: &[u8] = match waiting {
            Waiting::Indicators => {
                self.indicators = byte & 7;
                &[ACK]
            }
            Waiting::Typematic => {
                self.typematic = byte;
                &[ACK]
            }
            Waiting::Set if byte == 0 => &[ACK, self.set.number()],
            Waiting::Set => match Set::of(byte) {
                Some(set) => {
                    self.clear_codes();
                    self.set = set;
                    &[ACK]
                }
                None => &[RESEND],
            },
            Waiting::KeyTypematic | Waiting::KeyMakeBreak | Waiting::KeyMake => {
                set(&mut self.repeats, byte, waiting == Waiting::KeyTypematic);
                set(&mut self.breaks, byte, waiting == Waiting::KeyMakeBreak);
                // Further keys may follow, until the next command.
                self.waiting = Some(waiting);
                &[ACK]
            }
        };
        self.answers.push(answer);
        true
    }

    fn command(&mut self, byte: u8) {
        let mut answer: &[u8] = &[ACK];
        match byte {
            command::SET_INDICATORS => self.waiting = Some(Waiting::Indicators),
            command::ECHO => answer = &[command::ECHO],
            command::SELECT_SET => self.waiting = Some(Waiting::Set),
            command::READ_ID => answer = &[ACK, 0xab, 0x83],
            command::SET_TYPEMATIC => self.waiting = Some(Waiting::Typematic),
            command::ENABLE => {
                self.clear_codes();
                self.scanning = true;
            }
            command::DEFAULT_DISABLE | command::SET_DEFAULT => {
                self.set_defaults();
                self.scanning = byte == command::SET_DEFAULT;
            }
            command::ALL_TYPEMATIC => (self.repeats, self.breaks) = ([u64::MAX; 3], [0; 3]),
            command::ALL_MAKE_BREAK => (self.repeats, self.breaks) = ([0; 3], [u64::MAX; 3]),
            command::ALL_MAKE => (self.repeats, self.breaks) = ([0; 3], [0; 3]),
            command::ALL_TYPEMATIC_MAKE_BREAK => {
                (self.repeats, self.breaks) = ([u64::MAX; 3], [u64::MAX; 3]);
            }
            command::KEY_TYPEMATIC => self.waiting = Some(Waiting::KeyTypematic),
            command::KEY_MAKE_BREAK => self.waiting = Some(Waiting::KeyMakeBreak),
            command::KEY_MAKE => self.waiting = Some(Waiting::KeyMake),
            command::RESET => {
                self.set_defaults();
                answer = &[ACK, BAT_OK];
            }
            _ => answer = &[RESEND],
        }
        self.answers.push(answer);
    }
}
