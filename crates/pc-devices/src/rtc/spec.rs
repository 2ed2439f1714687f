//! Names from the MC146818A data sheet, and what PC firmware keeps in the CMOS memory.

/// Index port
pub(super) const INDEX: u16 = 0x70;
/// Data port
pub(super) const DATA: u16 = 0x71;

pub(super) const SECONDS: u8 = 0x00;
pub(super) const SECONDS_ALARM: u8 = 0x01;
pub(super) const MINUTES: u8 = 0x02;
pub(super) const MINUTES_ALARM: u8 = 0x03;
pub(super) const HOURS: u8 = 0x04;
pub(super) const HOURS_ALARM: u8 = 0x05;
pub(super) const DAY_OF_WEEK: u8 = 0x06;
pub(super) const DAY_OF_MONTH: u8 = 0x07;
pub(super) const MONTH: u8 = 0x08;
pub(super) const YEAR: u8 = 0x09;
pub(super) const REGISTER_A: u8 = 0x0a;
pub(super) const REGISTER_B: u8 = 0x0b;
pub(super) const REGISTER_C: u8 = 0x0c;
pub(super) const REGISTER_D: u8 = 0x0d;
/// Century, BCD; firmware's convention, named by the FADT
pub(super) const CENTURY: u8 = 0x32;

/// A: update in progress
pub(super) const UIP: u8 = 1 << 7;
/// A: divider select, the value of a running 32.768 kHz oscillator
pub(super) const DV_RUN: u8 = 2 << 4;
/// A: the divider select bits
pub(super) const DV: u8 = 7 << 4;
/// B: the time stands still and can be set
pub(super) const SET: u8 = 1 << 7;
/// B: periodic interrupt enable
pub(super) const PIE: u8 = 1 << 6;
/// B: alarm interrupt enable
pub(super) const AIE: u8 = 1 << 5;
/// B: update-ended interrupt enable
pub(super) const UIE: u8 = 1 << 4;
/// B: square wave output
pub(super) const SQWE: u8 = 1 << 3;
/// B: binary rather than BCD
pub(super) const DM: u8 = 1 << 2;
/// B: 24 hours rather than 12
pub(super) const HOURS_24: u8 = 1 << 1;
/// C: an enabled flag is set
pub(super) const IRQF: u8 = 1 << 7;
/// C: periodic flag; AF and UF follow, each at the place of its enable bit
pub(super) const PF: u8 = PIE;
/// C: alarm flag
pub(super) const AF: u8 = AIE;
/// C: update-ended flag
pub(super) const UF: u8 = UIE;
/// D: the memory is valid
pub(super) const VRT: u8 = 1 << 7;

/// Alarm bytes from here on match anything
pub(super) const DONT_CARE: u8 = 0xc0;
/// Hours byte in 12-hour form: afternoon
pub(super) const PM: u8 = 0x80;

/// Oscillator
pub(super) const HZ: u64 = 32_768;
/// Nanoseconds in a second
pub(super) const SECOND: u64 = 1_000_000_000;
/// How long UIP is set before the time changes: tBUC and tUC, 244 + 1984 microseconds
pub(super) const UIP_NS: u64 = 2_228_000;

/// Where RAM below 4 GiB ends at the latest; the rest is above 4 GiB
pub(super) const LOW_RAM_LIMIT: u64 = 0xc000_0000;
