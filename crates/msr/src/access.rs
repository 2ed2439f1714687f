//! RDMSR and WRMSR.

use x86_state::Cpu;

/// What became of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MsrResult {
    /// The machine's, not the processor's: the local APIC (IA32_APIC_BASE, IA32_TSC_DEADLINE, 800H to 8FFH)
    NotHandled,
    /// Done; the value read (for a write, the value now held)
    Handled(u64),
    /// #GP(0)
    GeneralProtection,
}

/// What a write may have changed beyond the register itself. All false for most registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Effects {
    /// EFER: NXE or LME, hence paging and mode
    pub efer: bool,
    /// PAT or an MTRR: memory types
    pub memory_types: bool,
    /// IA32_TSC or IA32_TSC_ADJUST: deadlines
    pub tsc: bool,
    /// FS, GS or KERNEL_GS base
    pub segment_base: bool,
}

/// RDMSR at CPL 0. `tsc` is the raw counter, to which IA32_TSC_ADJUST is added.
pub fn read(cpu: &Cpu, msr: u32, tsc: u64) -> MsrResult {
    let _ = (cpu, msr, tsc);
    MsrResult::GeneralProtection
}

/// WRMSR at CPL 0.
pub fn write(cpu: &mut Cpu, msr: u32, value: u64, tsc: u64) -> (MsrResult, Effects) {
    let _ = (cpu, msr, value, tsc);
    (MsrResult::GeneralProtection, Effects::default())
}

/// The register's name in the manual, for traces.
pub fn name(msr: u32) -> Option<&'static str> {
    let _ = msr;
    None
}
