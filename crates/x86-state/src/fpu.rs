//! x87, MMX, SSE and AVX registers.
#![allow(missing_docs, reason = "the names of bits are the manual's own")]

use bitflags::bitflags;

/// An 80-bit extended-precision value as it lies in memory: 64-bit significand, then sign and exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct F80 {
    /// Significand with its explicit integer bit. An MMX register is this field.
    pub significand: u64,
    /// Sign in bit 15, biased exponent below
    pub sign_exponent: u16,
    /// Keeps the layout free of padding
    pub reserved: [u16; 3],
}

/// The x87 FPU.
///
/// SPEC: intel-sdm-vol1 :: 8.1 x87 FPU Execution Environment -> data registers, status, control and tag words, last instruction pointers
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct X87 {
    /// Physical registers R0 to R7; ST(i) is R((TOP + i) mod 8)
    pub r: [F80; 8],
    /// Last instruction pointer
    pub fip: u64,
    /// Last operand pointer
    pub fdp: u64,
    /// Control word
    pub control: u16,
    /// Status word; TOP is bits 13:11
    pub status: u16,
    /// Last opcode, 11 bits
    pub opcode: u16,
    /// Last instruction's CS
    pub fcs: u16,
    /// Last operand's segment
    pub fds: u16,
    /// Abridged tags: bit k set when physical register k is not empty
    pub tags: u8,
    /// Keeps the layout free of padding
    pub reserved: [u8; 5],
}

impl X87 {
    /// After FNINIT.
    ///
    /// SPEC: intel-sdm-vol1 :: 8.1.10 Saving the x87 FPU's State with FSTENV/FNSTENV and FSAVE/FNSAVE -> FNINIT and FNSAVE leave FCW = 037FH, FSW = 0, all registers empty
    pub const INIT: X87 = X87 {
        r: [F80 { significand: 0, sign_exponent: 0, reserved: [0; 3] }; 8],
        fip: 0,
        fdp: 0,
        control: 0x37f,
        status: 0,
        opcode: 0,
        fcs: 0,
        fds: 0,
        tags: 0,
        reserved: [0; 5],
    };

    /// TOP, 0 to 7.
    #[inline]
    pub const fn top(&self) -> u8 {
        (self.status >> 11) as u8 & 7
    }
}

bitflags! {
    /// MXCSR: exception flags and masks, rounding control, denormals are zeros, flush to zero.
    ///
    /// SPEC: intel-sdm-vol1 :: 10.2.3 MXCSR Control and Status Register -> flags, masks, DAZ, rounding, FTZ
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Mxcsr: u32 {
        const IE = 1 << 0;
        const DE = 1 << 1;
        const ZE = 1 << 2;
        const OE = 1 << 3;
        const UE = 1 << 4;
        const PE = 1 << 5;
        const DAZ = 1 << 6;
        const IM = 1 << 7;
        const DM = 1 << 8;
        const ZM = 1 << 9;
        const OM = 1 << 10;
        const UM = 1 << 11;
        const PM = 1 << 12;
        const RC = 3 << 13;
        const FTZ = 1 << 15;
    }
}

impl Mxcsr {
    /// After reset: all exceptions masked, round to nearest.
    pub const RESET: Mxcsr = Mxcsr::from_bits_retain(0x1f80);
    /// MXCSR_MASK as FXSAVE stores it; setting another bit is #GP(0).
    pub const MASK: u32 = 0xffff;
}

/// A 256-bit vector register; XMM is its low half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C, align(32))]
pub struct Vector256 {
    /// Bits 127:0
    pub lo: u128,
    /// Bits 255:128
    pub hi: u128,
}
