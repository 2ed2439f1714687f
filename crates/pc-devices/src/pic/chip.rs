//! One 8259A.

use super::spec::*;
use crate::codec::{codec_enum, codec_struct};

/// Which initialization word the next write to A0 = 1 is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Step {
    /// No ICW1 since power-on: INT stays low
    #[default]
    Uninitialized,
    Icw2,
    Icw3,
    Icw4,
    /// A0 = 1 is OCW1
    Ready,
}
codec_enum!(Step { Uninitialized, Icw2, Icw3, Icw4, Ready });

/// State of one 8259A.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    /// Levels of IR0 to IR7
    lines: u8,
    /// Edge sense latches
    edges: u8,
    /// Level triggered inputs
    elcr: u8,
    /// Inputs that are level-triggered independently of ELCR (the cascade)
    cascade: u8,
    imr: u8,
    isr: u8,
    /// T7 to T3
    base: u8,
    icw1: u8,
    icw4: u8,
    step: Step,
    /// Input of the highest priority
    top: u8,
    rotate_on_aeoi: bool,
    special_mask: bool,
    read_isr: bool,
    poll: bool,
}
codec_struct!(Chip {
    lines,
    edges,
    elcr,
    cascade,
    imr,
    isr,
    base,
    icw1,
    icw4,
    step,
    top,
    rotate_on_aeoi,
    special_mask,
    read_isr,
    poll,
});

impl Chip {
    /// Drives input `ir` (0 to 7).
    ///
    /// SPEC: intel-8259a :: EDGE AND LEVEL TRIGGERED MODES -> a rising edge sets the latch; an input that falls before INTA takes its request back
    pub(super) fn set_line(&mut self, ir: u8, high: bool) {
        let bit = 1 << (ir & 7);
        if high {
            self.edges |= bit & !self.lines;
            self.lines |= bit;
        } else {
            self.lines &= !bit;
            self.edges &= !bit;
        }
    }

    /// The input to which the slave's INT is wired: it follows the level.
    pub(super) fn set_cascade(&mut self, high: bool) {
        self.cascade = u8::from(high) << CASCADE;
    }

    /// Returns the registers as a line.
    pub(super) fn info(&self, name: &str) -> String {
        format!(
            "{name}: irr={:02x} imr={:02x} isr={:02x} hprio={} irq_base={:02x} rr_sel={} elcr={:02x} fnm={}\n",
            self.irr(),
            self.imr,
            self.isr,
            self.top & 7,
            self.base,
            u8::from(self.read_isr),
            self.elcr,
            u8::from(self.icw4 & ICW4_SFNM != 0)
        )
    }

    pub(super) fn elcr(&self) -> u8 {
        self.elcr
    }

    pub(super) fn set_elcr(&mut self, value: u8) {
        self.elcr = value;
    }

    /// Returns the interrupt request register.
    pub(super) fn irr(&self) -> u8 {
        self.cascade | self.lines & (self.edges | self.elcr)
    }

    /// The most urgent input of `set`, by the present priorities.
    fn first(&self, set: u8) -> Option<u8> {
        let top = self.top & 7;
        (set != 0).then(|| (set.rotate_right(u32::from(top)).trailing_zeros() as u8 + top) & 7)
    }

    /// How far `ir` is from the highest priority, 0 to 7.
    fn rank(&self, ir: u8) -> u8 {
        ir.wrapping_sub(self.top) & 7
    }

    /// Returns the input that INT stands for.
    ///
    /// SPEC: intel-8259a :: FULLY NESTED MODE -> a request must be more urgent than every level in service
    /// SPEC: intel-8259a :: SPECIAL MASK MODE -> levels in service that are masked inhibit nothing
    /// SPEC: intel-8259a :: THE SPECIAL FULLY NESTED MODE -> a slave in service may interrupt again
    fn pending(&self) -> Option<u8> {
        if self.step != Step::Ready {
            return None;
        }
        let request = self.first(self.irr() & !self.imr)?;
        let mut serving = self.isr;
        if self.special_mask {
            serving &= !self.imr;
        }
        let slave_again = self.icw4 & ICW4_SFNM != 0 && self.cascade == 1 << request;
        match self.first(serving) {
            Some(level) if level == request && slave_again => Some(request),
            Some(level) if self.rank(level) <= self.rank(request) => None,
            _ => Some(request),
        }
    }

    /// Returns the INT output.
    pub(super) fn int(&self) -> bool {
        self.pending().is_some()
    }

    /// INTA: the input that is taken into service, `None` for a spurious one.
    pub(super) fn take(&mut self) -> Option<u8> {
        let ir = self.pending()?;
        let bit = 1 << ir;
        self.edges &= !bit;
        // SPEC: intel-8259a :: AUTOMATIC END OF INTERRUPT (AEOI) MODE -> the in-service bit is gone at the end of the last INTA
        if self.icw4 & ICW4_AEOI == 0 {
            self.isr |= bit;
        } else if self.rotate_on_aeoi {
            self.top = (ir + 1) & 7;
        }
        Some(ir)
    }

    /// Returns the vector of input `ir`.
    ///
    /// SPEC: intel-8259a :: INTERRUPT SEQUENCE -> a request that is gone at INTA is answered as IR7, without an in-service bit
    pub(super) fn vector(&self, ir: Option<u8>) -> u8 {
        self.base | ir.unwrap_or(7) & 7
    }

    /// Reads a register; `a0` is the address line.
    pub(super) fn read(&mut self, a0: bool) -> u8 {
        // SPEC: intel-8259a :: POLL COMMAND -> the next read is the acknowledge: bit 7 says whether, bits 2:0 which
        if std::mem::take(&mut self.poll) {
            return self.take().map_or(0, |ir| 0x80 | ir);
        }
        match (a0, self.read_isr) {
            (true, _) => self.imr,
            (false, true) => self.isr,
            (false, false) => self.irr(),
        }
    }

    /// Writes a register.
    pub(super) fn write(&mut self, a0: bool, value: u8) {
        if a0 {
            self.write_data(value);
        } else if value & ICW1 != 0 {
            self.write_icw1(value);
        } else if value & OCW3 != 0 {
            self.write_ocw3(value);
        } else {
            self.write_ocw2(value);
        }
    }

    /// SPEC: intel-8259a :: INITIALIZATION COMMAND WORDS 1 AND 2 (ICW1, ICW2) -> edge latches, IMR, priorities and special mask start over; without IC4 the functions of ICW4 are zero
    fn write_icw1(&mut self, value: u8) {
        let Self { lines, elcr, cascade, base, .. } = *self;
        *self = Self { lines, elcr, cascade, base, icw1: value, step: Step::Icw2, ..Self::default() };
    }

    fn write_data(&mut self, value: u8) {
        let after_icw3 = if self.icw1 & ICW1_IC4 != 0 { Step::Icw4 } else { Step::Ready };
        match self.step {
            Step::Uninitialized | Step::Ready => self.imr = value,
            Step::Icw2 => {
                self.base = value & 0xf8;
                self.step = if self.icw1 & ICW1_SNGL != 0 { after_icw3 } else { Step::Icw3 };
            }
            // The wiring of the cascade is the board's; the word is taken and means nothing more.
            Step::Icw3 => self.step = after_icw3,
            Step::Icw4 => {
                self.icw4 = value;
                self.step = Step::Ready;
            }
        }
    }

    /// SPEC: intel-8259a :: OPERATION CONTROL WORD 2 (OCW2) -> R, SL and EOI choose among the end-of-interrupt and rotate commands
    fn write_ocw2(&mut self, value: u8) {
        let level = value & 7;
        let rotate = value & OCW2_R != 0;
        match (value & OCW2_EOI != 0, value & OCW2_SL != 0) {
            (true, specific) => {
                // SPEC: intel-8259a :: SPECIAL MASK MODE -> a masked level is not ended by a non-specific EOI
                let open = if self.special_mask { self.isr & !self.imr } else { self.isr };
                let ended = if specific { Some(level) } else { self.first(open) };
                if let Some(ended) = ended {
                    self.isr &= !(1 << ended);
                    if rotate {
                        self.top = (ended + 1) & 7;
                    }
                }
            }
            (false, true) if rotate => self.top = (level + 1) & 7,
            (false, true) => {}
            (false, false) => self.rotate_on_aeoi = rotate,
        }
    }

    /// SPEC: intel-8259a :: OPERATION CONTROL WORD 3 (OCW3) -> special mask, poll and the register that A0 = 0 reads
    fn write_ocw3(&mut self, value: u8) {
        if value & OCW3_ESMM != 0 {
            self.special_mask = value & OCW3_SMM != 0;
        }
        if value & OCW3_P != 0 {
            self.poll = true;
        } else if value & OCW3_RR != 0 {
            self.read_isr = value & OCW3_RIS != 0;
        }
    }
}

/// The two 8259A of a PC, the slave's INT on the master's IR2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) master: Chip,
    pub(super) slave: Chip,
}
codec_struct!(Pair { master, slave });

impl Pair {
    fn update_cascade(&mut self) {
        self.master.set_cascade(self.slave.int());
    }

    /// Drives ISA line 0 to 15; line 2 is the cascade and not connected.
    pub(super) fn set_line(&mut self, line: u8, high: bool) {
        match line {
            CASCADE => {}
            0..=7 => self.master.set_line(line, high),
            8..=15 => self.slave.set_line(line - 8, high),
            _ => {}
        }
        self.update_cascade();
    }

    pub(super) fn read(&mut self, port: u16) -> u8 {
        let value = match port {
            ELCR => self.master.elcr(),
            _ if port == ELCR + 1 => self.slave.elcr(),
            _ if port & !1 == SLAVE => self.slave.read(port & 1 != 0),
            _ if port & !1 == MASTER => self.master.read(port & 1 != 0),
            _ => 0xff,
        };
        self.update_cascade();
        value
    }

    /// SPEC: intel-ich9 :: ELCR1—Master Controller Edge/Level Triggered Register -> IRQ 0, 1, 2, 8 and 13 stay edge triggered; ICW1's LTIM bit means nothing
    pub(super) fn write(&mut self, port: u16, value: u8) {
        match port {
            ELCR => self.master.set_elcr(value & ELCR1_MASK),
            _ if port == ELCR + 1 => self.slave.set_elcr(value & ELCR2_MASK),
            _ if port & !1 == SLAVE => self.slave.write(port & 1 != 0, value),
            _ if port & !1 == MASTER => self.master.write(port & 1 != 0, value),
            _ => {}
        }
        self.update_cascade();
    }

    pub(super) fn int(&self) -> bool {
        self.master.int()
    }

    /// SPEC: intel-8259a :: CASCADE MODE -> the slave gives the vector when its input of the master is acknowledged
    pub(super) fn acknowledge(&mut self) -> u8 {
        let ir = self.master.take();
        let vector = if ir == Some(CASCADE) {
            let ir = self.slave.take();
            self.slave.vector(ir)
        } else {
            self.master.vector(ir)
        };
        self.update_cascade();
        vector
    }
}
