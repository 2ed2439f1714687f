//! Operating modes.

use x86_types::CodeSize;

/// The mode that CR0.PE, EFER.LMA, RFLAGS.VM and CS select.
///
/// SPEC: intel-sdm-vol3 :: 2.2 Modes of Operation -> real-address, protected, virtual-8086 and IA-32e mode with its two sub-modes
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CpuMode {
    /// Real-address mode: CR0.PE = 0
    Real,
    /// Virtual-8086 mode: RFLAGS.VM = 1
    Virtual8086,
    /// Protected mode (including 16-bit segments, see `CodeSize`), EFER.LMA = 0
    Protected,
    /// EFER.LMA = 1, CS.L = 0
    Compatibility,
    /// EFER.LMA = 1, CS.L = 1
    Long64,
}

impl CpuMode {
    /// Real or virtual-8086: selectors are paragraphs.
    #[inline]
    pub const fn is_real_like(self) -> bool {
        matches!(self, CpuMode::Real | CpuMode::Virtual8086)
    }

    /// EFER.LMA is set.
    #[inline]
    pub const fn is_long(self) -> bool {
        matches!(self, CpuMode::Compatibility | CpuMode::Long64)
    }

    /// Returns a short readable name, with the code size.
    pub const fn describe(self, size: CodeSize) -> &'static str {
        match (self, size) {
            (CpuMode::Real, _) => "real",
            (CpuMode::Virtual8086, _) => "virtual-8086",
            (CpuMode::Protected, CodeSize::Bits16) => "protected, 16-bit",
            (CpuMode::Protected, _) => "protected, 32-bit",
            (CpuMode::Compatibility, CodeSize::Bits16) => "compatibility, 16-bit",
            (CpuMode::Compatibility, _) => "compatibility, 32-bit",
            (CpuMode::Long64, _) => "64-bit",
        }
    }
}
