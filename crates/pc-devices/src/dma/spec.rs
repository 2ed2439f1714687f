//! Names from the 8237A data sheet, as offsets within one controller.

/// First port of the controller of channels 0 to 3
pub(super) const LOW: u16 = 0x00;
/// First port of the controller of channels 4 to 7, whose ports are two apart
pub(super) const HIGH: u16 = 0xc0;
/// First page register
pub(super) const PAGES: u16 = 0x81;
/// How many page registers
pub(super) const PAGE_COUNT: u16 = 15;

/// Command register, read as status
pub(super) const COMMAND: u8 = 0x8;
/// Request register
pub(super) const REQUEST: u8 = 0x9;
/// Sets or clears one mask bit
pub(super) const SINGLE_MASK: u8 = 0xa;
/// Mode of one channel
pub(super) const MODE: u8 = 0xb;
/// Clears the byte pointer flip-flop
pub(super) const CLEAR_POINTER: u8 = 0xc;
/// Master clear, read as the temporary register
pub(super) const MASTER_CLEAR: u8 = 0xd;
/// Clears all mask bits
pub(super) const CLEAR_MASK: u8 = 0xe;
/// All mask bits
pub(super) const ALL_MASK: u8 = 0xf;
