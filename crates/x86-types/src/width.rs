//! Operand widths, code sizes, segment names and condition codes.

/// Width of an integer operand or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum Width {
    /// 8 bits
    B1 = 0,
    /// 16 bits
    B2 = 1,
    /// 32 bits
    B4 = 2,
    /// 64 bits
    B8 = 3,
}

impl Width {
    /// All widths, narrowest first.
    pub const ALL: [Width; 4] = [Width::B1, Width::B2, Width::B4, Width::B8];

    /// Size in bytes: 1, 2, 4 or 8.
    #[inline(always)]
    pub const fn bytes(self) -> u32 {
        1 << self as u32
    }

    /// Size in bits: 8, 16, 32 or 64.
    #[inline(always)]
    pub const fn bits(self) -> u32 {
        8 << self as u32
    }

    /// All bits of the width set.
    #[inline(always)]
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    /// Returns the most significant bit of the width.
    #[inline(always)]
    pub const fn sign_bit(self) -> u64 {
        1 << (self.bits() - 1)
    }

    /// `value` cut to the width.
    #[inline(always)]
    pub const fn trunc(self, value: u64) -> u64 {
        value & self.mask()
    }

    /// `value`, of this width, sign-extended to 64 bits.
    #[inline(always)]
    pub const fn sext(self, value: u64) -> u64 {
        let shift = 64 - self.bits();
        (((value << shift) as i64) >> shift) as u64
    }
}

/// The default operand and address size of code, by CS.L and CS.D.
///
/// SPEC: intel-sdm-vol1 :: 3.6 Operand-Size and Address-Size Attributes -> 16-bit and 32-bit code by CS.D, 64-bit mode defaults to 32-bit operands and 64-bit addresses
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum CodeSize {
    /// Real mode, virtual-8086 mode, and protected or compatibility mode with CS.D = 0
    Bits16 = 0,
    /// Protected or compatibility mode with CS.D = 1
    Bits32 = 1,
    /// 64-bit mode
    Bits64 = 2,
}

impl CodeSize {
    /// Width of the instruction pointer, and of near branch targets without an operand-size prefix.
    #[inline(always)]
    pub const fn width(self) -> Width {
        match self {
            CodeSize::Bits16 => Width::B2,
            CodeSize::Bits32 => Width::B4,
            CodeSize::Bits64 => Width::B8,
        }
    }
}

/// A segment register, numbered as in ModRM.reg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum Seg {
    /// Extra
    Es = 0,
    /// Code
    Cs = 1,
    /// Stack
    Ss = 2,
    /// Data
    Ds = 3,
    /// F
    Fs = 4,
    /// G
    Gs = 5,
}

impl Seg {
    /// All six, in encoding order.
    pub const ALL: [Seg; 6] = [Seg::Es, Seg::Cs, Seg::Ss, Seg::Ds, Seg::Fs, Seg::Gs];

    /// Returns the segment register that a ModRM.reg field names; `None` for 6 and 7.
    #[inline]
    pub const fn from_index(index: u8) -> Option<Seg> {
        if index < 6 { Some(Self::ALL[index as usize]) } else { None }
    }
}

/// A condition code: the low four bits of Jcc, SETcc and CMOVcc opcodes.
///
/// SPEC: intel-sdm-vol1 :: B.1 Condition Codes -> the sixteen tests; the lowest bit negates
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum Cond {
    /// Overflow: OF = 1
    O = 0,
    /// No overflow: OF = 0
    No = 1,
    /// Below, carry: CF = 1
    B = 2,
    /// Above or equal, no carry: CF = 0
    Ae = 3,
    /// Equal, zero: ZF = 1
    E = 4,
    /// Not equal, not zero: ZF = 0
    Ne = 5,
    /// Below or equal: CF = 1 or ZF = 1
    Be = 6,
    /// Above: CF = 0 and ZF = 0
    A = 7,
    /// Sign: SF = 1
    S = 8,
    /// No sign: SF = 0
    Ns = 9,
    /// Parity even: PF = 1
    P = 10,
    /// Parity odd: PF = 0
    Np = 11,
    /// Less: SF is not OF
    L = 12,
    /// Greater or equal: SF = OF
    Ge = 13,
    /// Less or equal: ZF = 1 or SF is not OF
    Le = 14,
    /// Greater: ZF = 0 and SF = OF
    G = 15,
}

impl Cond {
    /// All sixteen, in encoding order.
    pub const ALL: [Cond; 16] = [
        Cond::O,
        Cond::No,
        Cond::B,
        Cond::Ae,
        Cond::E,
        Cond::Ne,
        Cond::Be,
        Cond::A,
        Cond::S,
        Cond::Ns,
        Cond::P,
        Cond::Np,
        Cond::L,
        Cond::Ge,
        Cond::Le,
        Cond::G,
    ];

    /// Returns the condition that the low four bits of an opcode name.
    #[inline(always)]
    pub const fn from_opcode(opcode: u8) -> Cond {
        Self::ALL[(opcode & 15) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_cut_and_extend() {
        assert_eq!(Width::B1.sext(0x1_80), 0xffff_ffff_ffff_ff80);
        assert_eq!(Width::B8.sext(0x80), 0x80);
        assert_eq!(Width::B4.trunc(u64::MAX), 0xffff_ffff);
        assert_eq!(Width::ALL.map(Width::mask), [0xff, 0xffff, 0xffff_ffff, u64::MAX]);
    }

    #[test]
    fn conditions_and_segments_round_trip() {
        for (i, cond) in Cond::ALL.into_iter().enumerate() {
            assert_eq!(cond as usize, i);
        }
        assert_eq!(Seg::from_index(5), Some(Seg::Gs));
        assert_eq!(Seg::from_index(6), None);
    }
}
