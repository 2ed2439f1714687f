//! SSE, AVX and MMX registers, their memory operands and lane operations.

use super::{DomainTypes, MemRef};
use crate::vector::{Pair, VecOp};
use x86_types::Width;

/// Vector registers and operations on vectors.
pub trait Vectors: DomainTypes {
    /// Checks that SSE instructions may execute.
    ///
    /// # Errors
    /// #UD or #NM by CR0 and CR4.
    fn check_sse(&mut self) -> Result<(), Self::Fault>;
    /// Checks that AVX instructions may execute.
    ///
    /// # Errors
    /// #UD by mode, CR4 and XCR0, #NM by CR0.
    fn check_avx(&mut self) -> Result<(), Self::Fault>;
    /// Checks that the mode has VEX-encoded instructions on general registers.
    ///
    /// # Errors
    /// #UD in real-address and virtual-8086 mode.
    fn check_vex(&mut self) -> Result<(), Self::Fault>;

    /// Returns bits 127:0 of vector register `r`.
    fn read_xmm(&mut self, r: u8) -> Self::X;
    /// Writes bits 127:0, leaving the rest.
    fn write_xmm(&mut self, r: u8, x: Self::X);
    /// Returns bits 255:128 of vector register `r`.
    fn read_ymm_high(&mut self, r: u8) -> Self::X;
    /// Writes bits 255:128, leaving the rest.
    fn write_ymm_high(&mut self, r: u8, x: Self::X);

    /// Loads 16 bytes; with `aligned` a misaligned address is #GP(0).
    ///
    /// # Errors
    /// As [`Memory::load`](super::Memory::load).
    fn load128(&mut self, m: &MemRef<Self::V>, aligned: bool) -> Result<Self::X, Self::Fault>;
    /// Stores 16 bytes.
    ///
    /// # Errors
    /// As [`Memory::store`](super::Memory::store).
    fn store128(&mut self, m: &MemRef<Self::V>, aligned: bool, x: Self::X) -> Result<(), Self::Fault>;
    /// Loads 32 bytes, the lower half first; with `aligned` a misaligned address is #GP(0).
    ///
    /// # Errors
    /// As [`Memory::load`](super::Memory::load).
    fn load256(
        &mut self,
        m: &MemRef<Self::V>,
        addrsize: Width,
        aligned: bool,
    ) -> Result<Pair<Self::X>, Self::Fault>;
    /// Stores 32 bytes.
    ///
    /// # Errors
    /// As [`Memory::store`](super::Memory::store).
    fn store256(
        &mut self,
        m: &MemRef<Self::V>,
        addrsize: Width,
        aligned: bool,
        x: Pair<Self::X>,
    ) -> Result<(), Self::Fault>;

    /// Returns the result of a lane-wise operation.
    ///
    /// # Errors
    /// #XM if an unmasked floating-point exception occurs.
    fn vector(&mut self, op: VecOp, a: Self::X, b: Self::X, imm: u8) -> Result<Self::X, Self::Fault>;
    /// Returns the result of a lane-wise operation on both halves of 256 bits, as one operation.
    ///
    /// # Errors
    /// As [`Vectors::vector`].
    fn vector_pair(
        &mut self,
        op: VecOp,
        a: Pair<Self::X>,
        b: Pair<Self::X>,
        imm: Pair<u8>,
    ) -> Result<Pair<Self::X>, Self::Fault>;
    /// Returns lane `lane` of width `w`.
    fn extract(&mut self, x: Self::X, w: Width, lane: u8) -> Self::V;
    /// Returns `x` with one lane replaced.
    fn insert(&mut self, x: Self::X, w: Width, lane: u8, v: Self::V) -> Self::X;
    /// Returns 128 zero bits.
    fn zero128(&mut self) -> Self::X;
}

/// MMX registers, which alias the x87 registers.
pub trait Mmx: DomainTypes {
    /// Checks that MMX instructions may execute.
    ///
    /// # Errors
    /// #UD or #NM by CR0, #MF if an x87 exception is pending.
    fn check_mmx(&mut self) -> Result<(), Self::Fault>;
    /// Returns MMX register `r`.
    fn read_mmx(&mut self, r: u8) -> Self::V;
    /// Writes an MMX register; the exponent of the x87 register that holds it becomes all ones.
    fn write_mmx(&mut self, r: u8, v: Self::V);
    /// Applies the effect of every MMX instruction but EMMS to the x87 state: TOP = 0, all registers valid. Called after
    /// everything that may fault.
    fn enter_mmx(&mut self);
    /// Applies the effect of EMMS: all registers are empty.
    fn leave_mmx(&mut self);
}
