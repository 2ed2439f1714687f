//! The port with a printer that takes every byte at once.

use super::spec::*;
use crate::codec::codec_struct;

/// State.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    data: u8,
    status: u8,
    control: u8,
    interrupt: bool,
}
codec_struct!(Chip { data, status, control, interrupt });

/// A printer that waits for a byte.
const IDLE: Status = Status::READY.union(Status::NO_ACK).union(Status::ON_LINE).union(Status::NO_ERROR);

impl Default for Chip {
    fn default() -> Self {
        Self {
            data: 0xff,
            status: (IDLE | Status::TIMEOUT).bits(),
            control: (Control::ONES | Control::SELECT | Control::NOT_INIT).bits(),
            interrupt: false,
        }
    }
}

impl Chip {
    fn control(&self) -> Control {
        Control::from_bits_truncate(self.control)
    }

    fn status(&self) -> Status {
        Status::from_bits_truncate(self.status)
    }

    /// Returns the interrupt output.
    pub(super) fn interrupt(&self) -> bool {
        self.interrupt
    }

    /// Reads a register. The printer is busy during the strobe, then acknowledges, then is ready. Each read of the
    /// status advances this sequence, as in QEMU.
    pub(super) fn read(&mut self, register: u16) -> u8 {
        match register {
            // Nothing drives the lines when they are inputs.
            offset::DATA if self.control().contains(Control::INPUT) => 0xff,
            offset::DATA => self.data,
            offset::STATUS => {
                self.interrupt = false;
                let shown = self.status();
                if !shown.contains(Status::READY) && !self.control().contains(Control::STROBE) {
                    let next = if shown.contains(Status::NO_ACK) {
                        shown - Status::NO_ACK
                    } else {
                        shown | Status::NO_ACK | Status::READY
                    };
                    self.status = next.bits();
                }
                shown.bits()
            }
            offset::CONTROL => self.control,
            _ => 0xff,
        }
    }

    /// Writes a register. Returns the byte that the printer takes, if it takes one.
    pub(super) fn write(&mut self, register: u16, value: u8) -> Option<u8> {
        match register {
            offset::DATA => {
                self.data = value;
                None
            }
            offset::CONTROL => {
                let before = self.control();
                self.control = value | Control::ONES.bits();
                self.strobe(before)
            }
            _ => None,
        }
    }

    fn strobe(&mut self, before: Control) -> Option<u8> {
        let control = self.control();
        if !control.contains(Control::NOT_INIT) {
            self.status = IDLE.bits();
            return None;
        }
        if !control.contains(Control::SELECT) {
            return None;
        }
        if control.contains(Control::STROBE) {
            self.status = (self.status() - Status::READY).bits();
            return (!before.contains(Control::STROBE)).then_some(self.data);
        }
        // The acknowledgement interrupts.
        self.interrupt |= before.contains(Control::STROBE) && control.contains(Control::INTERRUPT);
        None
    }
}
