//! The 8042 between the processor and the two devices.

use super::keyboard::Keyboard;
use super::mouse::Mouse;
use super::spec::*;
use super::translate::Translation;
use crate::codec::{codec_enum, codec_struct};
use device_api::{InputEvent, VmTime};

/// The source of a byte in the output buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Source {
    /// The controller itself, at the keyboard's place
    #[default]
    Controller,
    /// The keyboard
    Keyboard,
    /// The auxiliary port
    Auxiliary,
}
codec_enum!(Source { Controller, Keyboard, Auxiliary });

/// A byte and where it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Output {
    byte: u8,
    source: Source,
}
codec_struct!(Output { byte, source });

/// State of the controller and of what is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    command_byte: u8,
    output_port: u8,
    /// The command whose data byte comes next at port 60h
    waiting: Option<u8>,
    last_was_command: bool,
    memory: [u8; 32],
    /// The output buffer
    output: Option<Output>,
    /// A device's byte that was displaced by a response of the controller
    displaced: Option<Output>,
    /// What port 60h reads when the buffer is empty
    last: u8,
    /// No scan code and no packet arrives before this
    quiet_until: VmTime,
    translation: Translation,
    keyboard: Keyboard,
    mouse: Mouse,
}
codec_struct!(Chip {
    command_byte,
    output_port,
    waiting,
    last_was_command,
    memory,
    output,
    displaced,
    last,
    quiet_until,
    translation,
    keyboard,
    mouse
});

impl Default for Chip {
    /// The state that firmware sets up: self-test passed, keyboard enabled with translation, auxiliary port disabled,
    /// A20 enabled.
    fn default() -> Self {
        Self {
            command_byte: INT | SYS | DISABLE2 | TRANSLATE,
            output_port: OUT_RESET | OUT_A20 | 0xcc,
            waiting: None,
            last_was_command: false,
            memory: [0; 32],
            output: None,
            displaced: None,
            last: 0,
            quiet_until: VmTime::ZERO,
            translation: Translation::default(),
            keyboard: Keyboard::default(),
            mouse: Mouse::default(),
        }
    }
}

impl Chip {
    /// Returns the interrupt outputs: line 1 and line 12.
    pub(super) fn irqs(&self) -> [bool; 2] {
        match self.output {
            None => [false, false],
            Some(Output { source: Source::Auxiliary, .. }) => [false, self.command_byte & INT2 != 0],
            Some(_) => [self.command_byte & INT != 0, false],
        }
    }

    /// Returns the gate for address line 20.
    pub(super) fn a20(&self) -> bool {
        self.output_port & OUT_A20 != 0
    }

    /// Keyboard or mouse is used.
    pub(super) fn input(&mut self, now: VmTime, event: InputEvent) {
        match event {
            InputEvent::Key { code, down } => self.keyboard.key(code, down),
            InputEvent::Move { dx, dy } => self.mouse.moved(dx, dy),
            InputEvent::Wheel { dz } => self.mouse.wheel(dz),
            InputEvent::Button { button, down } => self.mouse.button(now, button, down),
        }
    }

    fn listens_to_keyboard(&self) -> bool {
        self.command_byte & DISABLE == 0
    }

    fn listens_to_mouse(&self) -> bool {
        self.command_byte & DISABLE2 == 0
    }

    /// Returns when the next byte of a device arrives in the empty buffer.
    pub(super) fn next_event(&self) -> Option<VmTime> {
        let codes = (self.listens_to_keyboard() && self.keyboard.has_codes()).then_some(VmTime::ZERO);
        let packet = self.mouse.packet_due().filter(|_| self.listens_to_mouse());
        let first = codes.into_iter().chain(packet).min();
        first.filter(|_| self.output.is_none()).map(|at| at.max(self.quiet_until))
    }

    /// Fills the output buffer if it is empty: answers at once, the rest byte by byte as the wire carries it. The keyboard
    /// goes first. A device that is disabled is held by its clock line, and keeps what it has.
    pub(super) fn catch_up(&mut self, now: VmTime) {
        self.output = self.output.or_else(|| self.displaced.take());
        while self.output.is_none() && self.listens_to_keyboard() {
            let code = |keyboard: &mut Keyboard| {
                if now >= self.quiet_until { keyboard.take_code() } else { None }
            };
            let Some(byte) = self.keyboard.take_answer().or_else(|| code(&mut self.keyboard)) else { break };
            let translate = self.command_byte & TRANSLATE != 0;
            // The prefix of a break code is swallowed, and the next byte follows.
            let byte = if translate { self.translation.translate(byte) } else { Some(byte) };
            self.output = byte.map(|byte| Output { byte, source: Source::Keyboard });
        }
        if self.output.is_none() && self.listens_to_mouse() {
            let packet =
                |mouse: &mut Mouse| if now >= self.quiet_until { mouse.take_packet(now) } else { None };
            let byte = self.mouse.take_answer().or_else(|| packet(&mut self.mouse));
            self.output = byte.map(|byte| Output { byte, source: Source::Auxiliary });
        }
    }

    fn status(&self) -> u8 {
        let buffer = match self.output {
            None => 0,
            Some(Output { source: Source::Auxiliary, .. }) => OBF | AUX_OBF,
            Some(_) => OBF,
        };
        buffer | self.command_byte & SYS | UNLOCKED | if self.last_was_command { A2 } else { 0 }
    }

    /// Reads a port; `true` with the byte when that took it from the buffer.
    pub(super) fn read_port(&mut self, now: VmTime, port: u16) -> (u8, bool) {
        match port {
            DATA => {
                let Some(output) = self.output.take() else { return (self.last, false) };
                self.last = output.byte;
                if output.source != Source::Controller {
                    self.quiet_until = now + BYTE_NS;
                }
                (output.byte, true)
            }
            COMMAND => (self.status(), false),
            _ => (0xff, false),
        }
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
                self.displaced = None;
                self.translation = Translation::default();
                self.command_byte = SYS | DISABLE | DISABLE2 | TRANSLATE;
                self.output = None;
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
            // The A20 gate alone, as in QEMU and later controllers.
            0xdd => self.output_port &= !OUT_A20,
            0xdf => self.output_port |= OUT_A20,
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
            Some(0x60) => {
                self.command_byte = value;
                self.translation = Translation::default();
            }
            Some(command @ 0x61..=0x7f) => self.memory[usize::from(command & 31)] = value,
            Some(0xd1) => return self.write_output_port(value),
            Some(0xd2) => self.put(Output { byte: value, source: Source::Keyboard }),
            Some(0xd3) => self.put(Output { byte: value, source: Source::Auxiliary }),
            // Talking to a device enables its port.
            Some(0xd4) => {
                self.command_byte &= !DISABLE2;
                self.mouse.receive(value);
            }
            _ => {
                self.command_byte &= !DISABLE;
                self.keyboard.receive(value);
            }
        }
        false
    }

    fn write_output_port(&mut self, value: u8) -> bool {
        self.output_port = value | OUT_RESET;
        value & OUT_RESET == 0
    }

    fn reply(&mut self, byte: u8) {
        self.put(Output { byte, source: Source::Controller });
    }

    /// Puts a byte into the buffer at once. A device's byte that is there comes again behind it; a second answer of the
    /// controller takes the place of the first.
    fn put(&mut self, output: Output) {
        self.displaced = self.displaced.or(self.output.filter(|there| there.source != Source::Controller));
        self.output = Some(output);
    }
}
