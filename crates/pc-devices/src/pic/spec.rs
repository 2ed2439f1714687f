//! Names from the 8259A data sheet.

/// Command port (A0 = 0) of the master
pub(super) const MASTER: u16 = 0x20;
/// Command port (A0 = 0) of the slave
pub(super) const SLAVE: u16 = 0xa0;
/// Edge/level control, master then slave
pub(super) const ELCR: u16 = 0x4d0;

/// Master input that the slave's INT drives
pub(super) const CASCADE: u8 = 2;

/// ICW1: this byte starts initialization (A0 = 0, D4 = 1)
pub(super) const ICW1: u8 = 1 << 4;
/// ICW1: ICW4 follows
pub(super) const ICW1_IC4: u8 = 1 << 0;
/// ICW1: single, no ICW3
pub(super) const ICW1_SNGL: u8 = 1 << 1;
/// ICW4: automatic end of interrupt
pub(super) const ICW4_AEOI: u8 = 1 << 1;
/// ICW4: special fully nested mode
pub(super) const ICW4_SFNM: u8 = 1 << 4;

/// OCW3 rather than OCW2 (A0 = 0, D4 = 0)
pub(super) const OCW3: u8 = 1 << 3;
/// OCW2: rotate
pub(super) const OCW2_R: u8 = 1 << 7;
/// OCW2: the level in bits 2:0 counts
pub(super) const OCW2_SL: u8 = 1 << 6;
/// OCW2: end of interrupt
pub(super) const OCW2_EOI: u8 = 1 << 5;
/// OCW3: the special mask bit counts
pub(super) const OCW3_ESMM: u8 = 1 << 6;
/// OCW3: special mask mode
pub(super) const OCW3_SMM: u8 = 1 << 5;
/// OCW3: poll
pub(super) const OCW3_P: u8 = 1 << 2;
/// OCW3: the register choice counts
pub(super) const OCW3_RR: u8 = 1 << 1;
/// OCW3: read ISR rather than IRR
pub(super) const OCW3_RIS: u8 = 1 << 0;

/// Master lines that may be level triggered: not IRQ 0 to 2
pub(super) const ELCR1_MASK: u8 = 0xf8;
/// Slave lines that may be level triggered: not IRQ 8 and 13
pub(super) const ELCR2_MASK: u8 = 0xde;
