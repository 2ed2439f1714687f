//! Rounding, masks and exception flags: MXCSR and the x87 control word as one type.

use bitflags::bitflags;

bitflags! {
    /// Exceptions, as the low six bits of MXCSR and of the x87 status word.
    ///
    /// SPEC: intel-sdm-vol1 :: 4.9.1 Floating-Point Exception Conditions -> invalid, denormal operand, divide by zero, overflow, underflow, inexact
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct Flags: u8 {
        /// Invalid operation
        const IE = 1 << 0;
        /// Denormal operand
        const DE = 1 << 1;
        /// Divide by zero
        const ZE = 1 << 2;
        /// Overflow
        const OE = 1 << 3;
        /// Underflow
        const UE = 1 << 4;
        /// Inexact result (precision)
        const PE = 1 << 5;
    }
}

/// Rounding control, numbered as the RC field.
///
/// SPEC: intel-sdm-vol1 :: 4.8.4 Rounding -> the four modes and their encoding
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Rounding {
    /// To nearest, ties to even
    #[default]
    NearestEven = 0,
    /// Toward minus infinity
    Down = 1,
    /// Toward plus infinity
    Up = 2,
    /// Toward zero
    Zero = 3,
}

impl Rounding {
    /// From the low two bits of `rc`.
    #[inline(always)]
    pub const fn from_rc(rc: u32) -> Self {
        match rc & 3 {
            0 => Self::NearestEven,
            1 => Self::Down,
            2 => Self::Up,
            _ => Self::Zero,
        }
    }
}

/// The environment of an operation: its parameters and exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Env {
    /// Rounding mode
    pub rounding: Rounding,
    /// Denormal operands are taken as zeros (SSE)
    pub daz: bool,
    /// Tiny results become zeros while underflow is masked (SSE)
    pub ftz: bool,
    /// Bits of precision of the x87 basic operations: 24, 53 or 64
    pub precision: u8,
    /// Masked exceptions
    pub masks: Flags,
    /// Flags that were set before. They only save work: an exception already recorded and masked need not be detected.
    pub sticky: Flags,
    /// Exceptions of the operations done with this environment (less those that `sticky` made needless to detect)
    pub raised: Flags,
    /// Whether the last result was inexact and larger in magnitude than the exact value (x87 C1)
    pub rounded_up: bool,
}

impl Env {
    /// The environment that MXCSR describes.
    ///
    /// SPEC: intel-sdm-vol1 :: 10.2.3 MXCSR Control and Status Register -> flags 5:0, DAZ 6, masks 12:7, RC 14:13, FTZ 15
    #[inline(always)]
    pub const fn from_mxcsr(mxcsr: u32) -> Self {
        Self {
            rounding: Rounding::from_rc(mxcsr >> 13),
            daz: mxcsr & 1 << 6 != 0,
            ftz: mxcsr & 1 << 15 != 0,
            precision: 64,
            masks: Flags::from_bits_truncate((mxcsr >> 7) as u8),
            sticky: Flags::from_bits_truncate(mxcsr as u8),
            raised: Flags::empty(),
            rounded_up: false,
        }
    }

    /// The environment that an x87 control word describes.
    ///
    /// SPEC: intel-sdm-vol1 :: 8.1.5 x87 FPU Control Word -> masks 5:0, precision control 9:8, rounding control 11:10
    #[inline]
    pub const fn from_x87_control(control: u16) -> Self {
        Self {
            rounding: Rounding::from_rc(control as u32 >> 10),
            daz: false,
            ftz: false,
            precision: match control >> 8 & 3 {
                0 => 24,
                2 => 53,
                _ => 64,
            },
            masks: Flags::from_bits_truncate(control as u8),
            sticky: Flags::empty(),
            raised: Flags::empty(),
            rounded_up: false,
        }
    }

    /// Records exceptions.
    #[inline(always)]
    pub fn raise(&mut self, flags: Flags) {
        self.raised = self.raised.union(flags);
    }

    /// Exceptions raised here that are not masked: the caller delivers #XM, or #MF later.
    #[inline(always)]
    pub const fn unmasked(&self) -> Flags {
        self.raised.difference(self.masks)
    }

    /// Returns whether an unmasked exception was found in the operands, so that nothing is computed.
    ///
    /// SPEC: intel-sdm-vol1 :: 4.9.2 Floating-Point Exception Priority -> an unmasked invalid, denormal or divide-by-zero exception hides those of the result
    #[inline(always)]
    pub(crate) const fn aborted(&self) -> bool {
        self.unmasked().intersects(Flags::IE.union(Flags::DE).union(Flags::ZE))
    }

    /// Returns whether results are rounded to nearest, ties to even, as the host's operations do.
    #[inline(always)]
    pub const fn rounds_to_nearest(&self) -> bool {
        matches!(self.rounding, Rounding::NearestEven)
    }

    /// Returns whether the host's round-to-nearest operations may stand in: rounding itself raises nothing that needs
    /// to be seen.
    #[inline(always)]
    pub const fn rounds_as_host(&self) -> bool {
        self.rounds_to_nearest() && self.sticky.contains(Flags::PE) && self.masks.contains(Flags::PE)
    }
}
