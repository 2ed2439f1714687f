//! The 8042 with a keyboard at its first port and nothing at its second.

use super::keyboard::Keyboard;
use super::spec::*;
use crate::codec::{codec_enum, codec_struct};

/// Who a byte in the output buffer is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Source {
    /// The keyboard or the controller itself
    #[default]
    Keyboard,
    /// The auxiliary port
    Auxiliary,
    /// The auxiliary port, where nothing answered
    Silence,
}
codec_enum!(Source { Keyboard, Auxiliary, Silence });

/// Bytes that wait behind the output buffer, the keyboard's own buffer included.
const QUEUE: usize = 16;

/// State of the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    command_byte: u8,
    output_port: u8,
    /// The command whose data byte comes next at port 60h
    waiting: Option<u8>,
    last_was_command: bool,
    memory: [u8; 32],
    /// The output buffer first, then what follows
    bytes: [u8; QUEUE],
    sources: [Source; QUEUE],
    queued: u8,
    /// What port 60h reads when the buffer is empty
    last: u8,
    keyboard: Keyboard,
}
codec_struct!(Chip {
    command_byte,
    output_port,
    waiting,
    last_was_command,
    memory,
    bytes,
    sources,
    queued,
    last,
    keyboard
});

impl Default for Chip {
    /// As firmware leaves it: self-test passed, keyboard on with translation, auxiliary port off, A20 open.
    fn default() -> Self {
        Self {
            command_byte: INT | SYS | DISABLE2 | TRANSLATE,
            output_port: OUT_RESET | OUT_A20 | 0xcc,
            waiting: None,
            last_was_command: false,
            memory: [0; 32],
            bytes: [0; QUEUE],
            sources: [Source::Keyboard; QUEUE],
            queued: 0,
            last: 0,
            keyboard: Keyboard::default(),
        }
    }
}

impl Chip {
    fn front(&self) -> Option<(u8, Source)> {
        (self.queued != 0).then_some((self.bytes[0], self.sources[0]))
    }

    /// Queues a byte; when all is full it is lost.
    fn push(&mut self, byte: u8, source: Source) {
        let at = usize::from(self.queued);
        if let (Some(to), Some(from)) = (self.bytes.get_mut(at), self.sources.get_mut(at)) {
            (*to, *from) = (byte, source);
            self.queued += 1;
        }
    }

    fn pop(&mut self) -> u8 {
        if let Some((byte, _)) = self.front() {
            self.last = byte;
            self.queued -= 1;
            self.bytes.rotate_left(1);
            self.sources.rotate_left(1);
        }
        self.last
    }

    /// The interrupt outputs: line 1 and line 12.
    pub(super) fn irqs(&self) -> [bool; 2] {
        match self.front() {
            None => [false, false],
            Some((_, Source::Keyboard)) => [self.command_byte & INT != 0, false],
            Some(_) => [false, self.command_byte & INT2 != 0],
        }
    }

    /// A key's byte from the host (set 1 when translation is on). Dropped when the keyboard does not scan.
    #[cfg(test)]
    pub(super) fn key(&mut self, byte: u8) {
        if self.keyboard.scanning() && self.command_byte & DISABLE == 0 {
            self.push(byte, Source::Keyboard);
        }
    }

    fn status(&self) -> u8 {
        let buffer = match self.front() {
            None => 0,
            Some((_, Source::Keyboard)) => OBF,
            Some((_, Source::Auxiliary)) => OBF | AUX_OBF,
            Some((_, Source::Silence)) => OBF | AUX_OBF | TIMEOUT,
        };
        buffer | self.command_byte & SYS | UNLOCKED | if self.last_was_command { A2 } else { 0 }
    }

    /// Reads a port; `true` with the byte when that took it from the buffer.
    pub(super) fn read_port(&mut self, port: u16) -> (u8, bool) {
        match port {
            DATA => {
                let full = self.queued != 0;
                (self.pop(), full)
            }
            COMMAND => (self.status(), false),
            _ => (0xff, false),
        }
    }

    /// The gate for address line 20.
    pub(super) fn a20(&self) -> bool {
        self.output_port & OUT_A20 != 0
    }

    /// Writes a port; returns whether the processor's reset line was pulsed.
    pub(super) fn write_port(&mut self, port: u16, value: u8) -> bool {
        self.last_was_command = port == COMMAND;
        match port {
            COMMAND => self.command(value),
            DATA => self.data(value),
            _ => false,
        }
    }

    /// SPEC: ibm-ps2-hitrc :: Keyboard/Auxiliary Device Controller—Commands -> each command as listed there; the rest does nothing
    fn command(&mut self, command: u8) -> bool {
        self.waiting = None;
        match command {
            0x20 => self.reply(self.command_byte),
            0x21..=0x3f => self.reply(self.memory[usize::from(command & 31)]),
            0x60..=0x7f | 0xd1..=0xd4 => self.waiting = Some(command),
            0xa7 => self.command_byte |= DISABLE2,
            0xa8 => self.command_byte &= !DISABLE2,
            // Interface tests: no error.
            0xa9 | 0xab => self.reply(0x00),
            0xaa => {
                // The self-test starts over, with both ports disabled.
                self.queued = 0;
                self.command_byte = SYS | DISABLE | DISABLE2 | TRANSLATE;
                self.reply(0x55);
            }
            0xad => self.command_byte |= DISABLE,
            0xae => self.command_byte &= !DISABLE,
            0xc0 => self.reply(INPUT_PORT),
            0xd0 => {
                let [one, twelve] = self.irqs();
                let lines = if one { OUT_IRQ1 } else { 0 } | if twelve { OUT_IRQ12 } else { 0 };
                self.reply(self.output_port & !(OUT_IRQ1 | OUT_IRQ12) | lines);
            }
            // Test inputs: clock lines idle.
            0xe0 => self.reply(0x00),
            // SPEC: ibm-ps2-hitrc :: Keyboard/Auxiliary Device Controller—Commands F0 to FF -> bits that are 0 pulse their line of the output port; bit 0 resets
            0xf0..=0xff if command & OUT_RESET == 0 => return true,
            _ => {}
        }
        false
    }

    fn data(&mut self, value: u8) -> bool {
        match self.waiting.take() {
            Some(0x60) => self.command_byte = value,
            Some(command @ 0x61..=0x7f) => self.memory[usize::from(command & 31)] = value,
            Some(0xd1) => return self.write_output_port(value),
            Some(0xd2) => self.push(value, Source::Keyboard),
            Some(0xd3) => self.push(value, Source::Auxiliary),
            // Nothing is plugged in: the controller gives up and says so.
            Some(0xd4) => self.push(RESEND, Source::Silence),
            _ => {
                // Talking to the keyboard enables it.
                self.command_byte &= !DISABLE;
                let translate = self.command_byte & TRANSLATE != 0;
                let mut answers = [0; 4];
                let mut count = 0;
                self.keyboard.receive(value, |byte| {
                    if let Some(to) = answers.get_mut(count) {
                        *to = byte;
                        count += 1;
                    }
                });
                for byte in answers.into_iter().take(count) {
                    self.push(if translate { translated(byte) } else { byte }, Source::Keyboard);
                }
            }
        }
        false
    }

    fn write_output_port(&mut self, value: u8) -> bool {
        self.output_port = value | OUT_RESET;
        value & OUT_RESET == 0
    }

    /// The controller's own answer. It goes before what the keyboard has queued.
    fn reply(&mut self, byte: u8) {
        if usize::from(self.queued) >= QUEUE {
            self.queued -= 1;
        }
        self.queued += 1;
        self.bytes.rotate_right(1);
        self.sources.rotate_right(1);
        self.bytes[0] = byte;
        self.sources[0] = Source::Keyboard;
    }
}

/// Answers of the keyboard pass through the translation, too: only the second byte of the identification is changed.
fn translated(byte: u8) -> u8 {
    if byte == 0x83 { 0x41 } else { byte }
}
