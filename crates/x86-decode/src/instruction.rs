//! The decoded instruction: 32 bytes, plain data, the same for all modes.

use crate::{Feature, Op};
use bitflags::bitflags;
use x86_types::{CodeSize, Cond, Seg, Width};

bitflags! {
    /// Facts about an instruction that are not operands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct InsnFlags: u16 {
        /// F0 prefix (the decoder has already rejected it where it is not allowed)
        const LOCK = 1 << 0;
        /// F3 prefix, where it is REP/REPE and not part of the opcode
        const REP = 1 << 1;
        /// F2 prefix, where it is REPNE and not part of the opcode
        const REPNE = 1 << 2;
        /// An explicit segment override was given (`seg` holds the effective segment in any case)
        const SEG_OVERRIDE = 1 << 3;
        /// VEX-encoded: 128-bit results clear bits 255:128 of the destination
        const VEX = 1 << 4;
        /// VEX.L: 256-bit operation
        const VEX_L = 1 << 5;
        /// The memory operand is RIP-relative: `disp` is relative to the next instruction
        const RIP_RELATIVE = 1 << 6;
        /// REX.W or VEX.W
        const W = 1 << 7;
        /// Ends a decoded block: the instruction may change RIP otherwise than to its successor, or change mode,
        /// interruptibility or address translation.
        const ENDS_BLOCK = 1 << 8;
        /// A privileged instruction: #GP at privilege levels 1 to 3, independently of IOPL
        const PRIVILEGED = 1 << 9;
        /// 66 prefix was present
        const OPSIZE_PREFIX = 1 << 10;
        /// The memory operand is a full offset in `imm` (MOV with a memory offset)
        const MOFFS = 1 << 11;
    }
}

/// What one operand is. `Operand::reg` holds the register number, or for memory and immediates their size code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
#[non_exhaustive]
pub enum OperandKind {
    /// Absent
    #[default]
    None,
    /// General register; `reg` 0 to 15, and 16 to 19 for AH, CH, DH, BH (only with `Gpr8`)
    Gpr8,
    /// 16-bit general register
    Gpr16,
    /// 32-bit general register
    Gpr32,
    /// 64-bit general register
    Gpr64,
    /// The instruction's one memory operand; `reg` is its [`MemSize`]
    Mem,
    /// Immediate, already sign- or zero-extended to 64 bits in `Instruction::imm`: bytes and words zero-extended
    /// unless the opcode sign-extends them, 16 or 32 bits of a full-size operand sign-extended, MOV's full immediate
    /// (B8+r) zero-extended
    Imm,
    /// Second immediate (ENTER's level, EXTRQ): bits 16 and up of `imm`
    Imm2,
    /// Relative branch displacement, sign-extended in `imm`; the target is next RIP plus it, cut to the operand size
    Rel,
    /// ptr16:16 or ptr16:32: offset in bits 31:0 of `imm`, selector in bits 47:32
    FarPtr,
    /// Segment register, 0 to 5
    Seg,
    /// Control register, 0 to 15
    Cr,
    /// Debug register, 0 to 7
    Dr,
    /// x87 stack register ST(0) to ST(7)
    St,
    /// MMX register, 0 to 7
    Mmx,
    /// 128-bit vector register, 0 to 15
    Xmm,
    /// 256-bit vector register, 0 to 15
    Ymm,
    /// An implicit constant 1 (shifts and rotates by one)
    One,
}

/// Size of what a memory operand reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
#[non_exhaustive]
pub enum MemSize {
    /// 8 bits
    B1 = 0,
    /// 16 bits
    B2 = 1,
    /// 32 bits
    B4 = 2,
    /// 64 bits
    B8 = 3,
    /// 128 bits
    B16 = 4,
    /// 256 bits
    B32 = 5,
    /// 80-bit floating point or packed BCD
    B10 = 6,
    /// Far pointer m16:16, m16:32 or m16:64, or a pseudo-descriptor m16&32 / m16&64, by operand size
    Far = 7,
    /// An address only (LEA, INVLPG, prefetches), or a structure of its own size (FXSAVE, XSAVE, FNSTENV, BOUND)
    Other = 8,
}

/// One operand, 2 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(C)]
pub struct Operand {
    /// What it is
    pub kind: OperandKind,
    /// Register number, or [`MemSize`] of a memory operand
    pub reg: u8,
}

impl Operand {
    /// Returns the width of an integer register or of a memory operand of 1 to 8 bytes.
    #[inline(always)]
    pub const fn width(self) -> Option<Width> {
        match self.kind {
            OperandKind::Gpr8 => Some(Width::B1),
            OperandKind::Gpr16 => Some(Width::B2),
            OperandKind::Gpr32 => Some(Width::B4),
            OperandKind::Gpr64 => Some(Width::B8),
            OperandKind::Mem => match self.reg {
                0 => Some(Width::B1),
                1 => Some(Width::B2),
                2 => Some(Width::B4),
                3 => Some(Width::B8),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns whether this is the memory operand.
    #[inline(always)]
    pub const fn is_mem(self) -> bool {
        matches!(self.kind, OperandKind::Mem)
    }
}

/// `Instruction::base` or `index` when there is none.
pub const NO_REG: u8 = 0xff;

/// One decoded instruction. Offsets are fixed (`repr(C)`); the size is asserted to be 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(C)]
pub struct Instruction {
    /// What it does
    pub op: Op,
    /// See [`InsnFlags`]
    pub flags: InsnFlags,
    /// Length in bytes, 1 to 15
    pub len: u8,
    /// Effective segment of the memory operand (or of the source of a string instruction)
    pub seg: Seg,
    /// Effective operand size, by prefixes, REX.W, mode and the opcode's own rule (64-bit default, forced 64, byte)
    pub opsize: Width,
    /// Effective address size: never `B1`
    pub addrsize: Width,
    /// Destination first, as in Intel syntax; explicit operands only
    pub operands: [Operand; 4],
    /// Base register of the memory operand, 0 to 15, or [`NO_REG`]
    pub base: u8,
    /// Index register of the memory operand (a vector register for VSIB), or [`NO_REG`]
    pub index: u8,
    /// log2 of the scale, 0 to 3
    pub scale: u8,
    /// Low opcode nibble for Jcc, SETcc, CMOVcc; 0 otherwise
    pub cc: u8,
    /// Displacement, sign-extended
    pub disp: i32,
    /// Immediate; relative displacement; far pointer; or, for MOV with a memory offset (moffs), the full offset
    /// (then `base` and `index` are [`NO_REG`], `disp` is 0 and [`InsnFlags::MOFFS`] is set)
    pub imm: u64,
}

const _: () = assert!(core::mem::size_of::<Instruction>() == 32);

impl Default for Instruction {
    /// Returns a NOP of length 0, for [`decode_into`](crate::decode_into) to write over.
    #[inline]
    fn default() -> Self {
        Self {
            op: Op::Nop,
            flags: InsnFlags::empty(),
            len: 0,
            seg: Seg::Ds,
            opsize: Width::B4,
            addrsize: Width::B4,
            operands: [Operand::default(); 4],
            base: NO_REG,
            index: NO_REG,
            scale: 0,
            cc: 0,
            disp: 0,
            imm: 0,
        }
    }
}

impl Instruction {
    /// Returns the condition of Jcc, SETcc or CMOVcc.
    #[inline(always)]
    pub const fn cond(&self) -> Cond {
        Cond::from_opcode(self.cc)
    }

    /// Which CPUID feature the instruction needs, its form considered.
    ///
    /// SPEC: intel-sdm-vol2 :: VBROADCAST—Load with Broadcast Floating-Point Data -> a register source needs AVX2, a memory source AVX
    pub fn feature(&self) -> Feature {
        let mmx = self.operands.iter().any(|operand| operand.kind == OperandKind::Mmx);
        match self.op {
            Op::Pextrw if self.operands[0].is_mem() => Feature::Sse41,
            Op::Vbroadcastss | Op::Vbroadcastsd if !self.has_mem() => Feature::Avx2,
            op if mmx || self.flags.contains(InsnFlags::VEX_L) => op.other_feature(),
            op => op.feature(),
        }
    }

    /// Returns whether some operand is memory.
    #[inline]
    pub fn has_mem(&self) -> bool {
        self.operands.iter().any(|operand| operand.is_mem())
    }
}

/// Why bytes are not an instruction. Every byte string gives an instruction or one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DecodeError {
    /// The bytes given are a proper prefix of an instruction (never with 15 bytes or more)
    NeedMore,
    /// The instruction would be longer than 15 bytes: #GP(0)
    TooLong,
    /// No instruction has this encoding in this mode: #UD
    Undefined,
}

/// The signature of [`crate::decode`], for documentation's sake.
pub type DecodeFn = fn(CodeSize, &[u8]) -> Result<Instruction, DecodeError>;
