//! Registers of the 82371SB, function 0.

use device_api::IrqLine;

pub(super) const VENDOR: u16 = 0x8086;
pub(super) const DEVICE: u16 = 0x7000;

/// First of the four route control registers
pub(super) const PIRQRC: u8 = 0x60;
/// Route control: the wire goes to no ISA interrupt
pub(super) const ROUTE_DISABLED: u8 = 1 << 7;
/// Route control: bits that exist
pub(super) const ROUTE_WRITABLE: u8 = 0x8f;
/// How many wires are routed
pub(super) const PIRQS: usize = 4;
/// ISA interrupts that a wire can go to, a bit for each: 3 to 7, 9 to 12, 14 and 15
pub(super) const ROUTABLE: u16 = 0xdef8;

/// Returns the wire of PIRQ# `n`.
pub(super) const fn pirq(n: u8) -> IrqLine {
    IrqLine(device_api::PIRQA.0 + n)
}

/// Registers that keep what is written: offset, values after a reset. What most of them govern (ISA timing, chip selects,
/// decoding of the BIOS, motherboard DMA, system management interrupts) does not exist here.
pub(super) const PLAIN: &[(u8, &[u8])] = &[
    // IORT
    (0x4c, &[0x4d]),
    // XBCS
    (0x4e, &[0x03, 0x00]),
    // TOM
    (0x69, &[0x02]),
    // MSTAT
    (0x6a, &[0x00, 0x00]),
    // MBIRQ0
    (0x70, &[0x80]),
    // MBDMA0 and MBDMA1
    (0x76, &[0x0c, 0x0c]),
    // PCSC
    (0x78, &[0x02, 0x00]),
    // APICBASE
    (0x80, &[0x00]),
    // DLC
    (0x82, &[0x00]),
    // SMICNTL
    (0xa0, &[0x08]),
    // SMIEN, SEE
    (0xa2, &[0x00, 0x00, 0x00, 0x00, 0x00, 0x00]),
    // FTMR
    (0xa8, &[0x0f]),
    // SMIREQ
    (0xaa, &[0x00, 0x00]),
    // CTLTMR
    (0xac, &[0x00]),
    // CTHTMR
    (0xae, &[0x00]),
];
