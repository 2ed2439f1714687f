//! Names from the 8254 data sheet and of port 61h.

/// Input clock of the counters
pub(super) const HZ: u64 = 1_193_182;

/// Counter 0; 1 and 2 follow
pub(super) const COUNTER0: u16 = 0x40;
/// Control word register
pub(super) const CONTROL: u16 = 0x43;
/// System control port B
pub(super) const PORT_B: u16 = 0x61;

/// Control word: SC = 11, read-back command
pub(super) const READ_BACK: u8 = 3;
/// Read-back: do NOT latch the counts
pub(super) const READ_BACK_NO_COUNT: u8 = 1 << 5;
/// Read-back: do NOT latch the status
pub(super) const READ_BACK_NO_STATUS: u8 = 1 << 4;
/// Status: the OUT pin
pub(super) const STATUS_OUT: u8 = 1 << 7;
/// Status: a written count is not in the counting element yet
pub(super) const STATUS_NULL: u8 = 1 << 6;

/// Port 61h: gate of counter 2
pub(super) const GATE2: u8 = 1 << 0;
/// Port 61h: OUT of counter 2 reaches the speaker
pub(super) const SPEAKER: u8 = 1 << 1;
/// Port 61h: what can be written (gate, speaker data, two NMI masks)
pub(super) const PORT_B_WRITABLE: u8 = 0x0f;
/// Port 61h: toggles with every refresh cycle
pub(super) const REFRESH: u8 = 1 << 4;
/// Port 61h: OUT of counter 2
pub(super) const OUT2: u8 = 1 << 5;
/// Nanoseconds from one refresh cycle to the next: 18 periods of the input clock
pub(super) const REFRESH_NS: u64 = 15_085;
