//! Guest-visible exceptions. What a guest does wrong becomes one of these, never a host error.

use crate::LinearAddr;
use bitflags::bitflags;

/// Vector numbers of the architectural exceptions.
///
/// SPEC: intel-sdm-vol3 :: 7.2 Exception and Interrupt Vectors -> numbers 0 to 21
pub mod vector {
    /// Divide error
    pub const DE: u8 = 0;
    /// Debug
    pub const DB: u8 = 1;
    /// Non-maskable interrupt
    pub const NMI: u8 = 2;
    /// Breakpoint
    pub const BP: u8 = 3;
    /// Overflow
    pub const OF: u8 = 4;
    /// BOUND range exceeded
    pub const BR: u8 = 5;
    /// Invalid (undefined) opcode
    pub const UD: u8 = 6;
    /// Device not available
    pub const NM: u8 = 7;
    /// Double fault
    pub const DF: u8 = 8;
    /// Invalid TSS
    pub const TS: u8 = 10;
    /// Segment not present
    pub const NP: u8 = 11;
    /// Stack-segment fault
    pub const SS: u8 = 12;
    /// General protection
    pub const GP: u8 = 13;
    /// Page fault
    pub const PF: u8 = 14;
    /// x87 floating-point error
    pub const MF: u8 = 16;
    /// Alignment check
    pub const AC: u8 = 17;
    /// Machine check
    pub const MC: u8 = 18;
    /// SIMD floating-point exception
    pub const XM: u8 = 19;
}

bitflags! {
    /// The error code of a page fault.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.7 Page-Fault Exceptions -> bits P, W/R, U/S, RSVD, I/D, PK
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct PageFaultCode: u32 {
        /// The page was present: a protection violation.
        const P = 1 << 0;
        /// The access was a write.
        const W = 1 << 1;
        /// The access was made in user mode.
        const U = 1 << 2;
        /// A reserved bit was set in a paging-structure entry.
        const RSVD = 1 << 3;
        /// The access was an instruction fetch (only with NXE or SMEP).
        const I = 1 << 4;
        /// A protection key forbade the access.
        const PK = 1 << 5;
    }
}

/// An exception raised by the processor itself, with its error code where the manual defines one.
///
/// Selector error codes are already in their final form (selector, TI, IDT and EXT bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Exception {
    /// #DE, a fault
    DivideError,
    /// #DB; the bits to set in DR6. A fault for instruction breakpoints and general detect, a trap otherwise.
    Debug {
        /// Bits to OR into DR6 (B0-B3, BD, BS, BT)
        dr6: u64,
        /// Whether saved RIP is that of the instruction (fault) rather than of its successor (trap)
        fault: bool,
    },
    /// #BP, a trap (INT3)
    Breakpoint,
    /// #OF, a trap (INTO)
    Overflow,
    /// #BR, a fault (BOUND)
    BoundRange,
    /// #UD, a fault
    InvalidOpcode,
    /// #NM, a fault (CR0.EM, CR0.TS)
    DeviceNotAvailable,
    /// #DF, an abort; error code 0
    DoubleFault,
    /// #TS(selector)
    InvalidTss(u16),
    /// #NP(selector)
    SegmentNotPresent(u16),
    /// #SS(selector)
    StackFault(u16),
    /// #GP(selector)
    GeneralProtection(u16),
    /// #PF; `address` goes to CR2
    PageFault {
        /// The linear address that faulted
        address: LinearAddr,
        /// The error code
        code: PageFaultCode,
    },
    /// #MF, a fault raised at the next waiting x87 instruction
    X87FloatingPoint,
    /// #AC(0)
    AlignmentCheck,
    /// #XM (also written #XF), a fault
    SimdFloatingPoint,
}

impl Exception {
    /// #GP(0)
    pub const GP0: Exception = Exception::GeneralProtection(0);
    /// #SS(0)
    pub const SS0: Exception = Exception::StackFault(0);

    /// Returns the vector number, 0 to 31.
    pub const fn vector(self) -> u8 {
        match self {
            Exception::DivideError => vector::DE,
            Exception::Debug { .. } => vector::DB,
            Exception::Breakpoint => vector::BP,
            Exception::Overflow => vector::OF,
            Exception::BoundRange => vector::BR,
            Exception::InvalidOpcode => vector::UD,
            Exception::DeviceNotAvailable => vector::NM,
            Exception::DoubleFault => vector::DF,
            Exception::InvalidTss(_) => vector::TS,
            Exception::SegmentNotPresent(_) => vector::NP,
            Exception::StackFault(_) => vector::SS,
            Exception::GeneralProtection(_) => vector::GP,
            Exception::PageFault { .. } => vector::PF,
            Exception::X87FloatingPoint => vector::MF,
            Exception::AlignmentCheck => vector::AC,
            Exception::SimdFloatingPoint => vector::XM,
        }
    }

    /// Returns the error code that delivery pushes, where the exception has one.
    pub const fn error_code(self) -> Option<u32> {
        match self {
            Exception::DoubleFault | Exception::AlignmentCheck => Some(0),
            Exception::InvalidTss(selector)
            | Exception::SegmentNotPresent(selector)
            | Exception::StackFault(selector)
            | Exception::GeneralProtection(selector) => Some(selector as u32),
            Exception::PageFault { code, .. } => Some(code.bits()),
            _ => None,
        }
    }

    /// Returns whether the saved instruction pointer is that of the next instruction.
    ///
    /// SPEC: intel-sdm-vol3 :: 7.5 Exception Classifications -> traps report the following instruction, faults the faulting one
    pub const fn is_trap(self) -> bool {
        matches!(self, Exception::Breakpoint | Exception::Overflow | Exception::Debug { fault: false, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_belong_to_the_vectors_that_push_one() {
        assert_eq!(Exception::GP0.error_code(), Some(0));
        assert_eq!(Exception::InvalidOpcode.error_code(), None);
        let code = PageFaultCode::P | PageFaultCode::W;
        let fault = Exception::PageFault { address: LinearAddr(0), code };
        assert_eq!((fault.vector(), fault.error_code()), (14, Some(3)));
    }
}
