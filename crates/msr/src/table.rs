//! The one table of registers: number, name, value after reset, what may be written, where it lives.

use crate::number::*;
use x86_state::{Cpu, cpuid::Features};
use x86_types::Seg;

/// What WRMSR may write; anything else is #GP(0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nothing: reads give the reset value
    ReadOnly,
    /// Anything, and it is forgotten: reads give the reset value
    Ignored,
    /// Anything
    Any,
    /// Only these bits may be set
    Mask(u64),
    /// Anything; only these bits are kept
    Keep(u64),
    /// Only these bits may be set, and nothing is held: reads are #GP(0)
    Command(u64),
    SpecCtrl,
    MiscEnable,
    /// A canonical address
    Canonical,
    /// Eight memory types, UC- included
    Pat,
    /// Eight MTRR memory types
    MtrrFixed,
    MtrrBase,
    MtrrMask,
    MtrrDefType,
    Efer,
    TimeStampCounter,
}

/// What a write changes beyond the register; see [`crate::Effects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Efer,
    MemoryTypes,
    Tsc,
    SegmentBase,
}

/// Where a register lives.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) get: fn(&Cpu) -> u64,
    pub(crate) set: fn(&mut Cpu, u64),
}

#[derive(Clone, Copy)]
pub(crate) struct Register {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) reset: u64,
    pub(crate) rule: Rule,
    pub(crate) effect: Effect,
    /// Any one of these brings the register into being; empty for one that every model has
    pub(crate) features: Features,
    /// `None`: the reset value is all there is
    pub(crate) place: Option<Place>,
}

macro_rules! place {
    ($($field:tt)+) => {
        Some(Place { get: |cpu| cpu.$($field)+, set: |cpu, value| cpu.$($field)+ = value })
    };
}

const fn row(number: u32, name: &'static str, reset: u64, rule: Rule, place: Option<Place>) -> Register {
    Register { number, name, reset, rule, effect: Effect::None, features: Features::empty(), place }
}

impl Register {
    const fn effect(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }
    const fn with(self, features: Features) -> Self {
        Self { features, ..self }
    }
}

/// SDM volume 4, 2.1 Architectural MSRs: IA32_ARCH_CAPABILITIES: RDCL_NO, IBRS_ALL, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO, IF_PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO, FBSDP_NO, PSDP_NO, BHI_NO, PBRSB_NO, GDS_NO, RFDS_NO and ITS_NO, since nothing here speculates
const ARCH_CAPABILITIES: u64 = 1
    | 1 << 1
    | 1 << 3
    | 1 << 4
    | 1 << 5
    | 1 << 6
    | 1 << 8
    | 1 << 13
    | 1 << 14
    | 1 << 15
    | 1 << 20
    | 1 << 24
    | 1 << 26
    | 1 << 27
    | 1 << 62;

/// SPEC: intel-sdm-vol3 :: 13.11.1 MTRR Feature Identification -> IA32_MTRRCAP: eight variable ranges, fixed ranges, write combining
const MTRRCAP: u64 = 8 | 1 << 8 | 1 << 10;

/// SDM volume 4, 2.1 Architectural MSRs: the bits of IA32_MISC_ENABLE that read the same always: no performance monitoring (7), BTS (11) and PEBS (12) unavailable
pub(crate) const MISC_ENABLE_FIXED: u64 = 1 << 11 | 1 << 12;
pub(crate) const MISC_ENABLE_READ_ONLY: u64 = 1 << 7 | MISC_ENABLE_FIXED;
/// Those that are held: fast strings (0), thermal control (3), SpeedStep (16), MONITOR (18), limit of CPUID's leaves (22), xTPR disable (23), and XD bit disable (34) where there is NX
pub(crate) const MISC_ENABLE_HELD: u64 = 1 | 1 << 3 | 1 << 16 | 1 << 18 | 1 << 22 | 1 << 23;
const MISC_ENABLE_RESET: u64 = 1 | MISC_ENABLE_FIXED;

/// SDM volume 4, 2.1 Architectural MSRs: IA32_PERF_STATUS: the same performance state always. Kernels read it without a
/// feature flag, for the clock frequency; the value is QEMU's
const PERF_STATUS: u64 = 1000 | 4 << 40;

/// SPEC: intel-sdm-vol3 :: 13.12.4 Programming the PAT -> after reset WB, WT, UC-, UC, twice
const PAT_RESET: u64 = 0x0007_0406_0007_0406;

const SYSCALL: Features = Features::SYSCALL;
const SEP: Features = Features::SEP;
const RDTSCP: Features = Features::RDTSCP.union(Features::RDPID);
const MTRR: Effect = Effect::MemoryTypes;
const BASE: Effect = Effect::SegmentBase;

macro_rules! mtrr_range {
    ($base:expr, $n:literal) => {
        [
            row(
                $base + 2 * $n,
                concat!("IA32_MTRR_PHYSBASE", $n),
                0,
                Rule::MtrrBase,
                place!(msr.mtrr_variable[$n][0]),
            )
            .effect(MTRR),
            row(
                $base + 2 * $n + 1,
                concat!("IA32_MTRR_PHYSMASK", $n),
                0,
                Rule::MtrrMask,
                place!(msr.mtrr_variable[$n][1]),
            )
            .effect(MTRR),
        ]
    };
}

macro_rules! mtrr_fixed {
    ($number:expr, $name:literal, $n:literal) => {
        row($number, $name, 0, Rule::MtrrFixed, place!(msr.mtrr_fixed[$n])).effect(MTRR)
    };
}

pub(crate) const REGISTERS: [Register; 30] = [
    row(
        IA32_TIME_STAMP_COUNTER,
        "IA32_TIME_STAMP_COUNTER",
        0,
        Rule::TimeStampCounter,
        place!(msr.tsc_adjust),
    )
    .effect(Effect::Tsc)
    .with(Features::TSC),
    row(IA32_PLATFORM_ID, "IA32_PLATFORM_ID", 0, Rule::ReadOnly, None),
    // SDM volume 4, 2.1 Architectural MSRs: IA32_FEATURE_CONTROL reads as locked with nothing enabled, so that writes are #GP(0)
    row(IA32_FEATURE_CONTROL, "IA32_FEATURE_CONTROL", 1, Rule::ReadOnly, None),
    row(IA32_TSC_ADJUST, "IA32_TSC_ADJUST", 0, Rule::Any, place!(msr.tsc_adjust))
        .effect(Effect::Tsc)
        .with(Features::TSC_ADJUST),
    // SDM volume 4, 2.1 Architectural MSRs: nothing here predicts a branch, hence IA32_SPEC_CTRL and IA32_PRED_CMD have nothing to do but to be there: with IBRS_ALL and BHI_DIS_S, kernels leave their indirect jumps and their entries as they are
    row(IA32_SPEC_CTRL, "IA32_SPEC_CTRL", 0, Rule::SpecCtrl, place!(msr.spec_ctrl))
        .with(Features::IBRS.union(Features::BHI_CTRL)),
    row(IA32_PRED_CMD, "IA32_PRED_CMD", 0, Rule::Command(1), None).with(Features::IBRS),
    // SPEC: intel-sdm-vol3 :: 11.11.6 Microcode Update Loader -> a write hands over an update by its address; one that is not for this processor, as all are, changes nothing
    row(IA32_BIOS_UPDT_TRIG, "IA32_BIOS_UPDT_TRIG", 0, Rule::Command(u64::MAX), None),
    // SPEC: intel-sdm-vol3 :: 11.11.7.1 Determining the Signature -> the revision is in the upper half; software writes 0 and executes CPUID before it reads
    row(IA32_BIOS_SIGN_ID, "IA32_BIOS_SIGN_ID", 1 << 32, Rule::Ignored, None),
    row(IA32_MTRRCAP, "IA32_MTRRCAP", MTRRCAP, Rule::ReadOnly, None),
    row(IA32_ARCH_CAPABILITIES, "IA32_ARCH_CAPABILITIES", ARCH_CAPABILITIES, Rule::ReadOnly, None)
        .with(Features::ARCH_CAPABILITIES),
    row(IA32_SYSENTER_CS, "IA32_SYSENTER_CS", 0, Rule::Keep(0xffff_ffff), place!(msr.sysenter_cs)).with(SEP),
    row(IA32_SYSENTER_ESP, "IA32_SYSENTER_ESP", 0, Rule::Canonical, place!(msr.sysenter_esp)).with(SEP),
    row(IA32_SYSENTER_EIP, "IA32_SYSENTER_EIP", 0, Rule::Canonical, place!(msr.sysenter_eip)).with(SEP),
    // SPEC: intel-sdm-vol3 :: 16.3.1.1 IA32_MCG_CAP MSR -> no error-reporting banks
    row(IA32_MCG_CAP, "IA32_MCG_CAP", 0, Rule::ReadOnly, None),
    row(IA32_MCG_STATUS, "IA32_MCG_STATUS", 0, Rule::Mask(7), place!(msr.mcg_status)),
    row(IA32_PERF_STATUS, "IA32_PERF_STATUS", PERF_STATUS, Rule::ReadOnly, None),
    row(IA32_MISC_ENABLE, "IA32_MISC_ENABLE", MISC_ENABLE_RESET, Rule::MiscEnable, place!(msr.misc_enable)),
    // SPEC: intel-sdm-vol3 :: 19.4.1 IA32_DEBUGCTL MSR -> LBR and BTF are held; the other bits belong to features that no model has
    row(IA32_DEBUGCTL, "IA32_DEBUGCTL", 0, Rule::Mask(3), place!(msr.debugctl)),
    row(IA32_PAT, "IA32_PAT", PAT_RESET, Rule::Pat, place!(msr.pat)).effect(MTRR),
    row(IA32_MTRR_DEF_TYPE, "IA32_MTRR_DEF_TYPE", 0, Rule::MtrrDefType, place!(msr.mtrr_def_type))
        .effect(MTRR),
    Register {
        number: IA32_EFER,
        name: "IA32_EFER",
        reset: 0,
        rule: Rule::Efer,
        effect: Effect::Efer,
        features: Features::SYSCALL.union(Features::LM).union(Features::NX),
        place: Some(Place {
            get: |cpu| cpu.efer.bits(),
            set: |cpu, value| cpu.efer = x86_state::Efer::from_bits_retain(value),
        }),
    },
    row(IA32_STAR, "IA32_STAR", 0, Rule::Any, place!(msr.star)).with(SYSCALL),
    row(IA32_LSTAR, "IA32_LSTAR", 0, Rule::Canonical, place!(msr.lstar)).with(SYSCALL),
    row(IA32_CSTAR, "IA32_CSTAR", 0, Rule::Canonical, place!(msr.cstar)).with(SYSCALL),
    row(IA32_FMASK, "IA32_FMASK", 0, Rule::Mask(0xffff_ffff), place!(msr.sfmask)).with(SYSCALL),
    row(IA32_FS_BASE, "IA32_FS_BASE", 0, Rule::Canonical, place!(seg[Seg::Fs as usize].base))
        .effect(BASE)
        .with(Features::LM),
    row(IA32_GS_BASE, "IA32_GS_BASE", 0, Rule::Canonical, place!(seg[Seg::Gs as usize].base))
        .effect(BASE)
        .with(Features::LM),
    row(IA32_KERNEL_GS_BASE, "IA32_KERNEL_GS_BASE", 0, Rule::Canonical, place!(msr.kernel_gs_base))
        .with(Features::LM),
    row(IA32_TSC_AUX, "IA32_TSC_AUX", 0, Rule::Mask(0xffff_ffff), place!(msr.tsc_aux)).with(RDTSCP),
    mtrr_fixed!(IA32_MTRR_FIX64K_00000, "IA32_MTRR_FIX64K_00000", 0),
];

pub(crate) const MTRR_FIXED: [Register; 10] = [
    mtrr_fixed!(IA32_MTRR_FIX16K_80000, "IA32_MTRR_FIX16K_80000", 1),
    mtrr_fixed!(IA32_MTRR_FIX16K_A0000, "IA32_MTRR_FIX16K_A0000", 2),
    mtrr_fixed!(IA32_MTRR_FIX4K_C0000, "IA32_MTRR_FIX4K_C0000", 3),
    mtrr_fixed!(IA32_MTRR_FIX4K_C0000 + 1, "IA32_MTRR_FIX4K_C8000", 4),
    mtrr_fixed!(IA32_MTRR_FIX4K_C0000 + 2, "IA32_MTRR_FIX4K_D0000", 5),
    mtrr_fixed!(IA32_MTRR_FIX4K_C0000 + 3, "IA32_MTRR_FIX4K_D8000", 6),
    mtrr_fixed!(IA32_MTRR_FIX4K_C0000 + 4, "IA32_MTRR_FIX4K_E0000", 7),
    mtrr_fixed!(IA32_MTRR_FIX4K_C0000 + 5, "IA32_MTRR_FIX4K_E8000", 8),
    mtrr_fixed!(IA32_MTRR_FIX4K_C0000 + 6, "IA32_MTRR_FIX4K_F0000", 9),
    mtrr_fixed!(IA32_MTRR_FIX4K_F8000, "IA32_MTRR_FIX4K_F8000", 10),
];

pub(crate) const MTRR_VARIABLE: [[Register; 2]; 8] = [
    mtrr_range!(IA32_MTRR_PHYSBASE0, 0),
    mtrr_range!(IA32_MTRR_PHYSBASE0, 1),
    mtrr_range!(IA32_MTRR_PHYSBASE0, 2),
    mtrr_range!(IA32_MTRR_PHYSBASE0, 3),
    mtrr_range!(IA32_MTRR_PHYSBASE0, 4),
    mtrr_range!(IA32_MTRR_PHYSBASE0, 5),
    mtrr_range!(IA32_MTRR_PHYSBASE0, 6),
    mtrr_range!(IA32_MTRR_PHYSBASE0, 7),
];

/// Returns all registers of the table.
pub(crate) fn registers() -> impl Iterator<Item = &'static Register> {
    static PLAIN: [Register; 30] = REGISTERS;
    static FIXED: [Register; 10] = MTRR_FIXED;
    static VARIABLE: [[Register; 2]; 8] = MTRR_VARIABLE;
    PLAIN.iter().chain(&FIXED).chain(VARIABLE.iter().flatten())
}

/// Returns the register of that number.
pub(crate) fn find(number: u32) -> Option<&'static Register> {
    registers().find(|register| register.number == number)
}
