//! Names of the registers of FM chips that matter beside the sound.

/// First port of an `AdLib` card: address and status, then data; on an OPL3 twice
pub(super) const BASE: u16 = 0x388;

/// Timer 1 data
pub(super) const TIMER1: u8 = 0x02;
/// Timer 2 data
pub(super) const TIMER2: u8 = 0x03;
/// Timer control
pub(super) const TIMER_CONTROL: u8 = 0x04;
/// Of the second set: channels with four operators
pub(super) const FOUR_OPERATORS: u8 = 0x04;
/// Of the second set: the OPL3's extensions are on
pub(super) const NEW: u8 = 0x05;

/// Nanoseconds of a step of each timer
pub(super) const STEPS: [u64; 2] = [80_000, 320_000];

bitflags::bitflags! {
    /// Timer control.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct TimerControl: u8 {
        const RESET = 1 << 7;
        const MASK1 = 1 << 6;
        const MASK2 = 1 << 5;
        const START2 = 1 << 1;
        const START1 = 1 << 0;
    }

    /// Status.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Status: u8 {
        const ANY = 1 << 7;
        const TIMER1 = 1 << 6;
        const TIMER2 = 1 << 5;
    }
}
