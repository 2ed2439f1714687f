//! An AT keyboard's side of the wire: it answers commands.

use super::spec::{ACK, BAT_OK, RESEND};
use crate::codec::{codec_enum, codec_struct};

/// A command that waits for its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Leds,
    ScanCodeSet,
    Typematic,
    KeyType,
}
codec_enum!(Waiting { Leds, ScanCodeSet, Typematic, KeyType });

/// State of the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keyboard {
    scanning: bool,
    set: u8,
    leds: u8,
    typematic: u8,
    waiting: Option<Waiting>,
    last: u8,
}
codec_struct!(Keyboard { scanning, set, leds, typematic, waiting, last });

impl Default for Keyboard {
    fn default() -> Self {
        Self { scanning: true, set: 2, leds: 0, typematic: 0x2b, waiting: None, last: 0 }
    }
}

impl Keyboard {
    /// Whether keys are sent.
    #[cfg(test)]
    pub(super) fn scanning(&self) -> bool {
        self.scanning
    }

    /// A byte from the host; `answer` takes what the keyboard sends back.
    ///
    /// SPEC: ibm-ps2-hitrc :: Keyboard—Commands from the System -> ACK for every command and argument, except echo, resend and what is unknown
    pub(super) fn receive(&mut self, byte: u8, mut answer: impl FnMut(u8)) {
        let mut send = |keyboard: &mut Self, bytes: &[u8]| {
            for byte in bytes {
                keyboard.last = *byte;
                answer(*byte);
            }
        };
        if let Some(waiting) = self.waiting.take().filter(|_| byte < 0x80) {
            match waiting {
                Waiting::Leds => self.leds = byte & 7,
                Waiting::Typematic => self.typematic = byte,
                Waiting::KeyType => {}
                Waiting::ScanCodeSet => match byte {
                    0 => return send(self, &[ACK, self.set]),
                    1..=3 => self.set = byte,
                    _ => return send(self, &[RESEND]),
                },
            }
            return send(self, &[ACK]);
        }
        let answer: &[u8] = match byte {
            0xed => {
                self.waiting = Some(Waiting::Leds);
                &[ACK]
            }
            0xee => &[0xee],
            0xf0 => {
                self.waiting = Some(Waiting::ScanCodeSet);
                &[ACK]
            }
            0xf2 => &[ACK, 0xab, 0x83],
            0xf3 => {
                self.waiting = Some(Waiting::Typematic);
                &[ACK]
            }
            0xf4 => {
                self.scanning = true;
                &[ACK]
            }
            // Defaults, and with F5 no scanning.
            0xf5 | 0xf6 => {
                *self = Self { scanning: byte == 0xf6, ..Self::default() };
                &[ACK]
            }
            // Typematic and make/break behaviour of all keys.
            0xf7..=0xfa => &[ACK],
            // The same of single keys, which follow.
            0xfb..=0xfd => {
                self.waiting = Some(Waiting::KeyType);
                &[ACK]
            }
            0xfe => &[self.last],
            0xff => {
                *self = Self::default();
                &[ACK, BAT_OK]
            }
            _ => &[RESEND],
        };
        send(self, answer);
    }
}
