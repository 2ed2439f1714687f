//! RIP: jumps, branches and exceptions.

use super::DomainTypes;
use x86_types::Exception;

/// Transfers of control.
pub trait ControlFlow: DomainTypes {
    /// Returns RIP of the next instruction.
    fn next_rip(&mut self) -> Self::V;
    /// Checks that RIP may become `target`, for instructions that store before they jump.
    ///
    /// # Errors
    /// As [`ControlFlow::jump`].
    fn check_target(&mut self, target: Self::V) -> Result<(), Self::Fault>;
    /// Jumps to `target`, which the caller has cut to the operand size.
    ///
    /// # Errors
    /// #GP(0) if the target is not canonical or lies beyond the limit of CS.
    fn jump(&mut self, target: Self::V) -> Result<(), Self::Fault>;
    /// Jumps to `target` if `c` is not 0.
    ///
    /// # Errors
    /// As [`ControlFlow::jump`].
    fn branch(&mut self, c: Self::V, target: Self::V) -> Result<(), Self::Fault>;
    /// Jumps to an offset of another code segment, in modes where selectors are paragraphs. The limit of CS does not change.
    ///
    /// # Errors
    /// As [`ControlFlow::jump`].
    fn jump_to_paragraph(&mut self, selector: Self::V, offset: Self::V) -> Result<(), Self::Fault>;
    /// Returns the fault by which an instruction raises an exception.
    fn raise(&mut self, exception: Exception) -> Self::Fault;
}
