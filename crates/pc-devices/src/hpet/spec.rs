//! Names from the IA-PC HPET specification, as offsets from the base.

/// Where the registers are
pub(super) const BASE: u64 = 0xfed0_0000;
/// How many bytes they take
pub(super) const LEN: u64 = 0x400;
/// Frequency of the main counter
pub(super) const HZ: u64 = 10_000_000;
/// Its period in femtoseconds
pub(super) const PERIOD_FS: u64 = 1_000_000_000_000_000 / HZ;
/// Comparators
pub(super) const TIMERS: usize = 3;

/// General capabilities and ID
pub(super) const GCAP_ID: u64 = 0x000;
/// General configuration
pub(super) const GEN_CONF: u64 = 0x010;
/// General interrupt status
pub(super) const GINTR_STA: u64 = 0x020;
/// Main counter
pub(super) const MAIN_CNT: u64 = 0x0f0;
/// First timer; the others follow at distances of [`TIMER_STRIDE`]
pub(super) const TIMER0: u64 = 0x100;
/// Bytes from timer to timer
pub(super) const TIMER_STRIDE: u64 = 0x20;

/// Revision 1, three timers, 64 bits, legacy replacement, Intel
pub(super) const CAPABILITIES: u64 =
    PERIOD_FS << 32 | 0x8086 << 16 | 1 << 15 | 1 << 13 | (TIMERS as u64 - 1) << 8 | 1;
/// GEN_CONF: the main counter runs
pub(super) const ENABLE_CNF: u64 = 1 << 0;
/// GEN_CONF: timers 0 and 1 replace the interrupts of the 8254 and the RTC
pub(super) const LEG_RT_CNF: u64 = 1 << 1;
/// The interrupts that timers 0 and 1 replace
pub(super) const LEGACY_LINES: [u8; 2] = [0, 8];

/// Timer: level triggered
pub(super) const INT_TYPE: u64 = 1 << 1;
/// Timer: interrupts
pub(super) const INT_ENB: u64 = 1 << 2;
/// Timer: periodic
pub(super) const TYPE: u64 = 1 << 3;
/// Timer: the next write sets the comparator of a periodic timer
pub(super) const VAL_SET: u64 = 1 << 6;
/// Timer: 32 bits
pub(super) const MODE32: u64 = 1 << 8;
/// Timer: route, five bits from here
pub(super) const INT_ROUTE_SHIFT: u32 = 9;
/// Timer: what can be written
pub(super) const WRITABLE: u64 = INT_TYPE | INT_ENB | TYPE | VAL_SET | MODE32 | 31 << INT_ROUTE_SHIFT;
/// Timer: periodic and 64-bit capable, as read
pub(super) const TIMER_CAPABILITIES: u64 = 1 << 4 | 1 << 5;
/// Lines that each timer may be routed to
pub(super) const ROUTES: [u32; TIMERS] = [0x00f0_0000, 0x00f0_0000, 0x00f0_0800];
