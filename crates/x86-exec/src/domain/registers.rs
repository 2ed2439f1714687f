//! General registers, segment registers, and the mode that code executes in.

use super::DomainTypes;
use x86_types::{CodeSize, Seg, Width};

/// The mode: facts that do not change within compiled code.
pub trait ExecutionMode {
    /// Returns the default size of the code.
    fn code_size(&self) -> CodeSize;
    /// Returns the width of the stack pointer: 64 bits in 64-bit mode, else by SS.B.
    fn stack_width(&self) -> Width;
    /// Returns whether selectors are paragraphs: in real-address and virtual-8086 mode.
    fn has_paragraphs(&self) -> bool;
}

/// The general registers.
pub trait GeneralRegisters: DomainTypes {
    /// Returns register `r` (0 to 15; with `B1` also 16 to 19 for AH, CH, DH and BH).
    fn read_gpr(&mut self, r: u8, w: Width) -> Self::V;
    /// Writes a register. A 32-bit write clears the upper half, narrower ones leave the rest.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.4.1.1 General-Purpose Registers in 64-Bit Mode -> 32-bit results are zero-extended, 8- and 16-bit ones are merged
    fn write_gpr(&mut self, r: u8, w: Width, v: Self::V);
}

/// The segment registers.
pub trait SegmentRegisters: DomainTypes {
    /// Returns the selector in a segment register.
    fn selector(&mut self, seg: Seg) -> Self::V;
    /// Loads ES, SS, DS, FS or GS.
    ///
    /// # Errors
    /// What the checks of its descriptor raise.
    fn load_segment(&mut self, seg: Seg, selector: Self::V) -> Result<(), Self::Fault>;
    /// Blocks interrupts for one instruction, after a load of SS.
    fn hold_interrupts(&mut self);
}
