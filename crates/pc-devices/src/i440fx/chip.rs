//! What the attribute map and the SMRAM register mean.

use super::spec::*;

/// An address range with its own attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) attributes: Attributes,
}

/// How many segments there are.
pub(super) const SEGMENTS: usize = 2 * PAMS - 1;

/// Returns the segments, F0000h first, as the registers describe them.
///
/// SPEC: intel-82441fx :: PAM—Programmable Attribute Map Registers -> PAM0 7:4 is F0000h to FFFFFh; PAM1 to PAM6 are 16 KiB for each half, from C0000h on, the lower half first
pub(super) fn segments(pam: [u8; PAMS]) -> [Segment; SEGMENTS] {
    std::array::from_fn(|n| {
        let register = pam[n.div_ceil(2)];
        // The upper half of PAM0, then lower and upper halves by turns.
        let half = if n % 2 == 0 { register >> 4 } else { register };
        let (start, len) = match n as u64 {
            0 => (0xf_0000, 0x1_0000),
            n => (SHADOW_RANGE.0 + (n - 1) * 0x4000, 0x4000),
        };
        Segment { start, len, attributes: Attributes::from_bits_truncate(half) }
    })
}

/// Returns the bits of SMRAM that a write may change while the register holds `old`.
///
/// SPEC: intel-82441fx :: SMRAM—System Management RAM Control Register -> D_LCK set clears D_OPEN, and both are read-only until reset; C_BASE_SEG is 010
pub(super) fn smram_written(old: u8, new: u8) -> u8 {
    let (old, new) = (Smram::from_bits_truncate(old), Smram::from_bits_truncate(new));
    let locked = Smram::D_LCK | Smram::D_OPEN;
    let mut value = if old.contains(Smram::D_LCK) { (new - locked) | (old & locked) } else { new };
    value.insert(Smram::C_BASE_SEG);
    if value.contains(Smram::D_LCK) {
        value.remove(Smram::D_OPEN);
    }
    value.bits()
}
