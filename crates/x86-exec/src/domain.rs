//! The seam: what an instruction needs of the world it means something in.
//!
//! Semantics are written once as functions over [`Domain`]. With concrete values they execute ([`crate::Vcpu`]); with a
//! compiler's values they record code. Nothing here knows which.

mod operation;
mod x87;

pub use operation::{Bin, Cmp, Flag, FlagDef, Rmw, Un};
pub use x87::{Format, X87};

use crate::vector::Pair;
use x86_decode::Instruction;
use x86_types::{CodeSize, Cond, Exception, Seg, Width};

/// How an instruction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Flow {
    /// Go on with the next instruction of the block
    Next,
    /// The block ends here: RIP was changed, or something the run loop must look at
    End,
}

/// The outcome of one instruction.
pub type Step<D> = Result<Flow, <D as Domain>::Fault>;

/// A memory operand: a segment and an offset already cut to the address size.
#[derive(Clone, Copy, Debug)]
pub struct MemRef<V> {
    /// Segment, as an index that never leaves 0 to 5
    pub seg: Seg,
    /// Effective address within the segment
    pub offset: V,
}

/// What semantics may ask for. Integer values (`V`) are zero-extended from the width they were made with.
pub trait Domain: Sized {
    /// An integer of up to 64 bits
    type V: Copy;
    /// A 128-bit vector
    type X: Copy;
    /// What stops an instruction: the exception itself, or in a compiler nothing at all
    type Fault;

    /// Whether an instruction has one function for each operand size and shape. What executes is faster by that; what
    /// records once is not, and much smaller without
    const BY_SHAPE: bool;

    // Facts that are fixed while code is translated.

    /// Default sizes of the code
    fn code_size(&self) -> CodeSize;
    /// Width of the stack pointer: 64 bits in 64-bit mode, else by SS.B
    fn stack_width(&self) -> Width;
    /// Whether selectors are paragraphs: in real-address and virtual-8086 mode
    fn has_paragraphs(&self) -> bool;

    // Values.

    /// A constant
    fn imm(&mut self, value: u64) -> Self::V;
    /// `op` on two operands of width `w`
    fn bin(&mut self, op: Bin, w: Width, a: Self::V, b: Self::V) -> Self::V;
    /// `op` on one operand of width `w`
    fn un(&mut self, op: Un, w: Width, a: Self::V) -> Self::V;
    /// 0 or 1
    fn cmp(&mut self, op: Cmp, w: Width, a: Self::V, b: Self::V) -> Self::V;
    /// `yes` where `c` is not 0, else `no`
    fn select(&mut self, c: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// Sign-extends from `from` to `to`
    fn sext(&mut self, from: Width, to: Width, a: Self::V) -> Self::V;
    /// The low bits of `a`, zero-extended
    fn trunc(&mut self, to: Width, a: Self::V) -> Self::V;
    /// Full product: low and high half
    fn mul_wide(&mut self, signed: bool, w: Width, a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// Quotient and remainder of `hi:lo / divisor`
    ///
    /// # Errors
    /// #DE where the divisor is 0 or the quotient does not fit.
    fn div_wide(
        &mut self,
        signed: bool,
        w: Width,
        hi: Self::V,
        lo: Self::V,
        divisor: Self::V,
    ) -> Result<(Self::V, Self::V), Self::Fault>;

    // Registers and flags.

    /// General register `r` (0 to 15; with `B1` also 16 to 19 for AH, CH, DH and BH)
    fn read_gpr(&mut self, r: u8, w: Width) -> Self::V;
    /// Writes it. 32-bit writes clear the upper half, narrower ones leave the rest.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.4.1.1 General-Purpose Registers in 64-Bit Mode -> 32-bit results are zero-extended, 8- and 16-bit ones are merged
    fn write_gpr(&mut self, r: u8, w: Width, v: Self::V);
    /// Defines the status flags.
    fn set_flags(&mut self, def: FlagDef<Self::V>);
    /// Defines the status flags where `c` is not 0, else leaves them.
    fn set_flags_if(&mut self, c: Self::V, def: FlagDef<Self::V>);
    /// One status flag, 0 or 1
    fn flag(&mut self, flag: Flag) -> Self::V;
    /// All six status flags at their places in RFLAGS
    fn flags_image(&mut self) -> Self::V;
    /// RFLAGS.DF, 0 or 1
    fn direction(&mut self) -> Self::V;

    // Memory. Faults leave the state as it was before the instruction.

    /// Loads `w` bytes, zero-extended
    ///
    /// # Errors
    /// The exception that segmentation or paging raise.
    fn load(&mut self, m: &MemRef<Self::V>, w: Width) -> Result<Self::V, Self::Fault>;
    /// Loads what the same instruction will store: the access is checked as a write.
    ///
    /// # Errors
    /// As a store would.
    fn load_for_write(&mut self, m: &MemRef<Self::V>, w: Width) -> Result<Self::V, Self::Fault>;
    /// Stores
    ///
    /// # Errors
    /// The exception that segmentation or paging raise; nothing is stored then.
    fn store(&mut self, m: &MemRef<Self::V>, w: Width, v: Self::V) -> Result<(), Self::Fault>;
    /// Reads memory, combines it with `operand` and writes it back, as one atomic operation. Returns the old and the new
    /// value. Processors take turns here, so that a load and a store are atomic; where they run at the same time, this and
    /// the two that follow are what an engine has to provide.
    ///
    /// SPEC: intel-sdm-vol2 :: LOCK—Assert LOCK# Signal Prefix -> the read-modify-write is atomic
    ///
    /// # Errors
    /// As a store.
    #[inline(always)]
    fn atomic_rmw(
        &mut self,
        op: Rmw,
        m: &MemRef<Self::V>,
        w: Width,
        operand: Self::V,
    ) -> Result<(Self::V, Self::V), Self::Fault> {
        let old = self.load_for_write(m, w)?;
        let new = match op {
            Rmw::Exchange => operand,
            Rmw::Op(op) => self.bin(op, w, old, operand),
            Rmw::Un(op) => self.un(op, w, old),
        };
        self.store(m, w, new)?;
        Ok((old, new))
    }
    /// Replaces memory by `new` if it is `expected`, as one atomic operation; else writes back what it was. Returns what it
    /// was, and whether that was `expected`, 0 or 1.
    ///
    /// SPEC: intel-sdm-vol2 :: CMPXCHG—Compare and Exchange -> the destination is written in either case
    ///
    /// # Errors
    /// As a store.
    #[inline(always)]
    fn atomic_compare_exchange(
        &mut self,
        m: &MemRef<Self::V>,
        w: Width,
        expected: Self::V,
        new: Self::V,
    ) -> Result<(Self::V, Self::V), Self::Fault> {
        let old = self.load_for_write(m, w)?;
        let equal = self.cmp(Cmp::Eq, w, expected, old);
        let stored = self.select(equal, new, old);
        self.store(m, w, stored)?;
        Ok((old, equal))
    }
    /// The same for two neighbours, the lower first, of width `w` each.
    ///
    /// # Errors
    /// As a store.
    #[allow(clippy::type_complexity)] // the associated types say more than an alias would
    fn atomic_compare_exchange_pair(
        &mut self,
        m: [&MemRef<Self::V>; 2],
        w: Width,
        expected: [Self::V; 2],
        new: [Self::V; 2],
    ) -> Result<([Self::V; 2], Self::V), Self::Fault> {
        let old = [self.load_for_write(m[0], w)?, self.load_for_write(m[1], w)?];
        let low = self.cmp(Cmp::Eq, w, expected[0], old[0]);
        let high = self.cmp(Cmp::Eq, w, expected[1], old[1]);
        let equal = self.bin(Bin::And, Width::B4, low, high);
        for n in 0..2 {
            let stored = self.select(equal, new[n], old[n]);
            self.store(m[n], w, stored)?;
        }
        Ok((old, equal))
    }
    /// Loads 16 bytes; `aligned` asks for #GP(0) on a misaligned address.
    ///
    /// # Errors
    /// As `load`.
    fn load128(&mut self, m: &MemRef<Self::V>, aligned: bool) -> Result<Self::X, Self::Fault>;
    /// Stores 16 bytes.
    ///
    /// # Errors
    /// As `store`.
    fn store128(&mut self, m: &MemRef<Self::V>, aligned: bool, x: Self::X) -> Result<(), Self::Fault>;

    // Vectors.

    /// Bits 127:0 of vector register `r`
    fn read_xmm(&mut self, r: u8) -> Self::X;
    /// Writes bits 127:0, leaving the rest
    fn write_xmm(&mut self, r: u8, x: Self::X);
    /// Whether AVX instructions may execute: #UD by mode, CR4 and XCR0, #NM by CR0
    ///
    /// # Errors
    /// #UD, #NM.
    fn check_avx(&mut self) -> Result<(), Self::Fault>;
    /// Whether the mode has VEX-encoded instructions on general registers
    ///
    /// # Errors
    /// #UD in real-address and virtual-8086 mode.
    fn check_vex(&mut self) -> Result<(), Self::Fault>;
    /// Bits 255:128 of vector register `r`
    fn read_ymm_high(&mut self, r: u8) -> Self::X;
    /// Writes bits 255:128, leaving the rest
    fn write_ymm_high(&mut self, r: u8, x: Self::X);
    /// Loads 32 bytes, the lower half first; `aligned` asks for #GP(0) on a misaligned address.
    ///
    /// # Errors
    /// As `load`.
    fn load256(
        &mut self,
        m: &MemRef<Self::V>,
        addrsize: Width,
        aligned: bool,
    ) -> Result<Pair<Self::X>, Self::Fault>;
    /// Stores 32 bytes.
    ///
    /// # Errors
    /// As `store`.
    fn store256(
        &mut self,
        m: &MemRef<Self::V>,
        addrsize: Width,
        aligned: bool,
        x: Pair<Self::X>,
    ) -> Result<(), Self::Fault>;
    /// A lane-wise operation on both halves of 256 bits, as one operation
    ///
    /// # Errors
    /// As `vector`.
    fn vector_pair(
        &mut self,
        op: crate::vector::VecOp,
        a: Pair<Self::X>,
        b: Pair<Self::X>,
        imm: Pair<u8>,
    ) -> Result<Pair<Self::X>, Self::Fault>;
    /// Lane `lane` of width `w`
    fn extract(&mut self, x: Self::X, w: Width, lane: u8) -> Self::V;
    /// `x` with one lane replaced
    fn insert(&mut self, x: Self::X, w: Width, lane: u8, v: Self::V) -> Self::X;
    /// 128 zero bits
    fn zero128(&mut self) -> Self::X;
    /// A lane-wise operation
    ///
    /// # Errors
    /// #XM where an unmasked floating-point exception occurs.
    fn vector(
        &mut self,
        op: crate::vector::VecOp,
        a: Self::X,
        b: Self::X,
        imm: u8,
    ) -> Result<Self::X, Self::Fault>;
    /// Whether SSE instructions may execute: #UD or #NM by CR0 and CR4
    ///
    /// # Errors
    /// #UD, #NM.
    fn check_sse(&mut self) -> Result<(), Self::Fault>;

    /// MMX register `r`
    fn read_mmx(&mut self, r: u8) -> Self::V;
    /// Writes it; the exponent of the x87 register that holds it becomes all ones.
    fn write_mmx(&mut self, r: u8, v: Self::V);
    /// Whether MMX instructions may execute: #UD or #NM by CR0, #MF where an x87 exception waits
    ///
    /// # Errors
    /// #UD, #NM, #MF.
    fn check_mmx(&mut self) -> Result<(), Self::Fault>;
    /// What every MMX instruction but EMMS does to the x87 state: TOP = 0, all registers valid. It follows what may fault.
    fn enter_mmx(&mut self);
    /// What EMMS does: all registers are empty.
    fn leave_mmx(&mut self);

    // Segment registers.

    /// The selector in a segment register
    fn selector(&mut self, seg: Seg) -> Self::V;
    /// Loads ES, SS, DS, FS or GS.
    ///
    /// # Errors
    /// What the checks of its descriptor raise.
    fn load_segment(&mut self, seg: Seg, selector: Self::V) -> Result<(), Self::Fault>;
    /// Interrupts wait for one instruction, since SS was loaded and RSP is to follow.
    fn hold_interrupts(&mut self);
    /// Pushes two values of width `w`, or none of them.
    ///
    /// # Errors
    /// As a store.
    fn push_two(&mut self, w: Width, first: Self::V, second: Self::V) -> Result<(), Self::Fault>;
    /// Goes to an offset of another code segment where selectors are paragraphs.
    ///
    /// # Errors
    /// As `jump`: the limit of CS stays what it is.
    fn jump_to_paragraph(&mut self, selector: Self::V, offset: Self::V) -> Result<(), Self::Fault>;

    // Control.

    /// RIP of the next instruction
    fn next_rip(&mut self) -> Self::V;
    /// Whether RIP may become `target`: asked by instructions that store before they jump.
    ///
    /// # Errors
    /// As `jump`.
    fn check_target(&mut self, target: Self::V) -> Result<(), Self::Fault>;
    /// Goes to `target` (cut to the operand size by the caller).
    ///
    /// # Errors
    /// #GP(0) where the target is not canonical or lies beyond the limit of CS.
    fn jump(&mut self, target: Self::V) -> Result<(), Self::Fault>;
    /// Goes to `target` where `c` is not 0.
    ///
    /// # Errors
    /// As `jump`.
    fn branch(&mut self, c: Self::V, target: Self::V) -> Result<(), Self::Fault>;
    /// Raises an exception.
    fn raise(&mut self, exception: Exception) -> Self::Fault;
    /// One instruction that is rare or hard: its concrete meaning is called.
    ///
    /// # Errors
    /// Whatever the instruction raises.
    fn concrete(&mut self, insn: &Instruction) -> Step<Self>;
    /// The function that calls it, or one that finds less still to choose.
    fn concrete_handler(_insn: &Instruction) -> crate::Handler<Self>
    where
        Self: Sized,
    {
        |d, i| d.concrete(i)
    }
    /// A repeated string instruction: `body` is one iteration.
    ///
    /// # Errors
    /// Whatever an iteration raises; the iterations before it have taken effect.
    fn repeat(
        &mut self,
        insn: &Instruction,
        body: fn(&mut Self, &Instruction) -> Result<(), Self::Fault>,
    ) -> Step<Self>;

    /// Whether a condition holds, 0 or 1. A compiler may know better from the last [`FlagDef`].
    ///
    /// SPEC: intel-sdm-vol1 :: B.1 Condition Codes -> each condition as a function of the flags
    #[inline(always)]
    fn cond(&mut self, cond: Cond) -> Self::V {
        let plain = match cond as u8 & !1 {
            0 => self.flag(Flag::Of),
            2 => self.flag(Flag::Cf),
            4 => self.flag(Flag::Zf),
            6 => {
                let (cf, zf) = (self.flag(Flag::Cf), self.flag(Flag::Zf));
                self.bin(Bin::Or, Width::B4, cf, zf)
            }
            8 => self.flag(Flag::Sf),
            10 => self.flag(Flag::Pf),
            even => {
                let (sf, of) = (self.flag(Flag::Sf), self.flag(Flag::Of));
                let less = self.bin(Bin::Xor, Width::B4, sf, of);
                if even == 12 {
                    less
                } else {
                    let zf = self.flag(Flag::Zf);
                    self.bin(Bin::Or, Width::B4, less, zf)
                }
            }
        };
        if cond as u8 & 1 == 0 {
            plain
        } else {
            let one = self.imm(1);
            self.bin(Bin::Xor, Width::B4, plain, one)
        }
    }
}
