//! Integer arithmetic.

use super::{Bin, Cmp, DomainTypes, Un};
use x86_types::Width;

/// Operations on integers.
pub trait Arithmetic: DomainTypes {
    /// Returns a constant.
    fn imm(&mut self, value: u64) -> Self::V;
    /// Returns `op` of two operands of width `w`.
    fn bin(&mut self, op: Bin, w: Width, a: Self::V, b: Self::V) -> Self::V;
    /// Returns `op` of one operand of width `w`.
    fn un(&mut self, op: Un, w: Width, a: Self::V) -> Self::V;
    /// Returns whether a comparison of two operands of width `w` holds, 0 or 1.
    fn cmp(&mut self, op: Cmp, w: Width, a: Self::V, b: Self::V) -> Self::V;
    /// Returns `yes` if `c` is not 0, else `no`.
    fn select(&mut self, c: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// Returns `a`, sign-extended from `from` to `to`.
    fn sext(&mut self, from: Width, to: Width, a: Self::V) -> Self::V;
    /// Returns the low bits of `a`, zero-extended.
    fn trunc(&mut self, to: Width, a: Self::V) -> Self::V;
    /// Returns the low and the high half of the full product.
    fn mul_wide(&mut self, signed: bool, w: Width, a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// Returns quotient and remainder of `hi:lo / divisor`.
    ///
    /// # Errors
    /// #DE if the divisor is 0 or the quotient does not fit.
    fn div_wide(
        &mut self,
        signed: bool,
        w: Width,
        hi: Self::V,
        lo: Self::V,
        divisor: Self::V,
    ) -> Result<(Self::V, Self::V), Self::Fault>;
}
