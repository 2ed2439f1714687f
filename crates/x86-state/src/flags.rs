//! The six status flags, kept so that setting them is cheap and each can be had alone.

use crate::RFlags;

/// CF, PF, AF, ZF, SF and OF in the form in which instructions leave them.
///
/// `result` is the last result sign-extended from its width: ZF is `result == 0`, SF its sign, PF the parity of its low
/// byte. `aux` holds the rest: bit 63 is the carry out of the result's top bit (CF), bit 62 the carry into it (OF is
/// their difference), bit 3 the carry out of bit 3 (AF). So that any combination of flags can be written down, bit 0 of
/// `aux` inverts SF and bits 15:8 are exclusive-ored into the byte whose parity PF is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct ArithFlags {
    /// Sign-extended result
    pub result: u64,
    /// Carries and corrections
    pub aux: u64,
}

impl ArithFlags {
    /// `aux` bit of CF
    pub const CF: u64 = 1 << 63;
    /// `aux` bit of the carry into the top bit: CF ^ OF
    pub const CARRY_IN: u64 = 1 << 62;
    /// `aux` bit of AF
    pub const AF: u64 = 1 << 3;
    /// `aux` bit that inverts SF
    pub const SF_INVERT: u64 = 1;

    /// Carry
    #[inline(always)]
    pub const fn cf(self) -> bool {
        self.aux >> 63 != 0
    }
    /// Zero
    #[inline(always)]
    pub const fn zf(self) -> bool {
        self.result == 0
    }
    /// Sign
    #[inline(always)]
    pub const fn sf(self) -> bool {
        (self.result >> 63) ^ (self.aux & 1) != 0
    }
    /// Overflow
    #[inline(always)]
    pub const fn of(self) -> bool {
        ((self.aux >> 63) ^ (self.aux >> 62)) & 1 != 0
    }
    /// Auxiliary carry
    #[inline(always)]
    pub const fn af(self) -> bool {
        self.aux & Self::AF != 0
    }
    /// Parity: set when the low byte of the result has an even number of ones
    #[inline(always)]
    pub const fn pf(self) -> bool {
        ((self.result ^ (self.aux >> 8)) as u8).count_ones() & 1 == 0
    }

    /// Returns the six flags at their places in RFLAGS.
    #[inline]
    pub const fn pack(self) -> u64 {
        self.cf() as u64
            | (self.pf() as u64) << 2
            | (self.af() as u64) << 4
            | (self.zf() as u64) << 6
            | (self.sf() as u64) << 7
            | (self.of() as u64) << 11
    }

    /// The form that stands for the six flags of an RFLAGS value.
    #[inline]
    pub const fn unpack(rflags: u64) -> Self {
        let zf = rflags & RFlags::ZF.bits() != 0;
        let cf = rflags & RFlags::CF.bits() != 0;
        let of = rflags & RFlags::OF.bits() != 0;
        // result is 0 (ZF) or 1: its sign is clear and its low byte has 0 or 1 ones.
        let result = !zf as u64;
        let pf = rflags & RFlags::PF.bits() != 0;
        let parity_fix = (pf != zf) as u64;
        Self {
            result,
            aux: (cf as u64) << 63
                | ((cf != of) as u64) << 62
                | ((rflags & RFlags::AF.bits() != 0) as u64) << 3
                | parity_fix << 8
                | (rflags & RFlags::SF.bits() != 0) as u64,
        }
    }

    /// Sets CF, leaving the others.
    #[inline(always)]
    pub const fn set_cf(&mut self, cf: bool) {
        // OF is the difference of bits 63 and 62: flip both to keep it.
        if self.cf() != cf {
            self.aux ^= Self::CF | Self::CARRY_IN;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_round_trips() {
        for combination in 0..64u64 {
            let mut rflags = 0;
            for (i, bit) in [0, 2, 4, 6, 7, 11].into_iter().enumerate() {
                rflags |= (combination >> i & 1) << bit;
            }
            let mut flags = ArithFlags::unpack(rflags);
            assert_eq!(flags.pack(), rflags);
            flags.set_cf(true);
            assert_eq!(flags.pack(), rflags | 1);
            flags.set_cf(false);
            assert_eq!(flags.pack(), rflags & !1);
        }
    }
}
