//! RDMSR and WRMSR.

use crate::number::{IA32_APIC_BASE, IA32_TSC_DEADLINE, X2APIC_FIRST, X2APIC_LAST};
use crate::table::{
    Effect, MISC_ENABLE_FIXED, MISC_ENABLE_HELD, MISC_ENABLE_READ_ONLY, Register, Rule, find,
};
use x86_state::{Cpu, Cr0, Efer, XD_BIT_DISABLE, cpuid::Features};
use x86_types::{LinearAddr, MsrAccess};

/// What a write may have changed beyond the register itself. All false for most registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Effects {
    /// EFER: NXE or LME, hence paging and mode
    pub efer: bool,
    /// PAT or an MTRR: memory types
    pub memory_types: bool,
    /// IA32_TSC or IA32_TSC_ADJUST: deadlines
    pub tsc: bool,
    /// FS or GS base
    pub segment_base: bool,
}

impl Effects {
    fn of(effect: Effect) -> Self {
        Self {
            efer: effect == Effect::Efer,
            memory_types: effect == Effect::MemoryTypes,
            tsc: effect == Effect::Tsc,
            segment_base: effect == Effect::SegmentBase,
        }
    }
}

/// SPEC: intel-sdm-vol3 :: 12.12.1.2 x2APIC Register Address Space -> MSRs 800H to 8FFH are the local APIC's
fn is_routed(msr: u32) -> bool {
    matches!(msr, IA32_APIC_BASE | IA32_TSC_DEADLINE | X2APIC_FIRST..=X2APIC_LAST)
}

/// Returns whether a register of the local APIC exists, and takes the value where one is written.
///
/// SPEC: intel-sdm-vol3 :: 12.12.1 Detecting and Enabling x2APIC Mode -> EXTD of IA32_APIC_BASE is reserved, and MSRs 800H to 8FFH do not exist, where CPUID does not report x2APIC
/// SPEC: intel-sdm-vol3 :: 12.5.4.1 TSC-Deadline Mode -> IA32_TSC_DEADLINE exists where CPUID.1:ECX[24] says so
fn routed_exists(cpu: &Cpu, msr: u32, value: Option<u64>) -> bool {
    const EXTD: u64 = 1 << 10;
    let has = |feature| cpu.model.features.contains(feature);
    match msr {
        IA32_APIC_BASE => has(Features::X2APIC) || value.is_none_or(|value| value & EXTD == 0),
        IA32_TSC_DEADLINE => has(Features::TSC_DEADLINE),
        _ => has(Features::X2APIC),
    }
}

fn existing(cpu: &Cpu, msr: u32) -> Option<&'static Register> {
    let has = |register: &&Register| {
        register.features.is_empty() || cpu.model.features.intersects(register.features)
    };
    find(msr).filter(has)
}

fn value(cpu: &Cpu, register: &Register, tsc: u64) -> u64 {
    let held = register.place.map_or(register.reset, |place| (place.get)(cpu));
    // SPEC: intel-sdm-vol3 :: 19.17.3 Time-Stamp Counter Adjustment -> a write to one of IA32_TSC and IA32_TSC_ADJUST changes the other by as much; the counter reads as the raw one plus the adjustment
    if register.rule == Rule::TimeStampCounter { tsc.wrapping_add(held) } else { held }
}

/// RDMSR at CPL 0. `tsc` is the raw counter, to which IA32_TSC_ADJUST is added.
///
/// SPEC: intel-sdm-vol2 :: RDMSR—Read From Model Specific Register -> an unimplemented address is #GP(0)
pub fn read(cpu: &Cpu, msr: u32, tsc: u64) -> MsrAccess {
    if is_routed(msr) {
        let exists = routed_exists(cpu, msr, None);
        return if exists { MsrAccess::NotHandled } else { MsrAccess::GeneralProtection };
    }
    existing(cpu, msr)
        .filter(|register| !matches!(register.rule, Rule::Command(_)))
        .map_or(MsrAccess::GeneralProtection, |register| MsrAccess::Handled(value(cpu, register, tsc)))
}

/// WRMSR at CPL 0.
///
/// SPEC: intel-sdm-vol2 :: WRMSR—Write to Model Specific Register -> an unimplemented or read-only address and reserved bits are #GP(0)
pub fn write(cpu: &mut Cpu, msr: u32, value: u64, tsc: u64) -> (MsrAccess, Effects) {
    if is_routed(msr) {
        let exists = routed_exists(cpu, msr, Some(value));
        let result = if exists { MsrAccess::NotHandled } else { MsrAccess::GeneralProtection };
        return (result, Effects::default());
    }
    let Some(register) = existing(cpu, msr) else {
        return (MsrAccess::GeneralProtection, Effects::default());
    };
    let Some(accepted) = accept(cpu, register.rule, value, tsc) else {
        return (MsrAccess::GeneralProtection, Effects::default());
    };
    if let Some(place) = register.place {
        (place.set)(cpu, accepted);
    }
    (MsrAccess::Handled(self::value(cpu, register, tsc)), Effects::of(register.effect))
}

/// What a register holds after `value` is written to it; `None` is #GP(0).
fn accept(cpu: &Cpu, rule: Rule, value: u64, tsc: u64) -> Option<u64> {
    let reserved = |mask: u64| (value & !mask == 0).then_some(value);
    let physical = u64::MAX >> 64u8.saturating_sub(cpu.model.physical_bits.clamp(32, 52));
    match rule {
        Rule::ReadOnly => None,
        Rule::Ignored | Rule::Any => Some(value),
        Rule::Mask(mask) | Rule::Command(mask) => reserved(mask),
        // SDM volume 4, 2.1 Architectural MSRs: IA32_SPEC_CTRL holds IBRS and BHI_DIS_S; STIBP is ignored, not reserved, where only IBRS is enumerated
        Rule::SpecCtrl => {
            let has = |feature, bits| if cpu.model.features.contains(feature) { bits } else { 0 };
            reserved(has(Features::IBRS, 3) | has(Features::BHI_CTRL, 1 << 10)).map(|value| value & !2)
        }
        Rule::MiscEnable => {
            let nx = if cpu.model.features.contains(Features::NX) { XD_BIT_DISABLE } else { 0 };
            let held = MISC_ENABLE_HELD | nx;
            reserved(held | MISC_ENABLE_READ_ONLY).map(|value| value & held | MISC_ENABLE_FIXED)
        }
        Rule::Keep(mask) => Some(value & mask),
        // SPEC: intel-sdm-vol2 :: WRMSR—Write to Model Specific Register -> a non-canonical address is #GP(0); canonical is meant for the linear-address width the processor supports, whatever CR4.LA57
        Rule::Canonical => LinearAddr(value).is_canonical(cpu.supported_linear_bits()).then_some(value),
        // SPEC: intel-sdm-vol3 :: 13.12.2 IA32_PAT MSR -> encodings 2, 3 and above 7 are reserved
        Rule::Pat => every_byte(value, |byte| is_mtrr_type(byte) || byte == 7),
        // SPEC: intel-sdm-vol3 :: 13.11.2.2 Fixed Range MTRRs -> eight types a register; reserved encodings are #GP(0)
        Rule::MtrrFixed => every_byte(value, is_mtrr_type),
        // SPEC: intel-sdm-vol3 :: 13.11.2.3 Variable Range MTRRs -> type and page-aligned base; mask and valid flag; the rest is reserved
        Rule::MtrrBase => reserved(physical & !0xf00).filter(|&value| is_mtrr_type(value as u8)),
        Rule::MtrrMask => reserved(physical & !0x7ff),
        // SPEC: intel-sdm-vol3 :: 13.11.2.1 IA32_MTRR_DEF_TYPE MSR -> default type, FE and E
        Rule::MtrrDefType => reserved(0xcff).filter(|&value| is_mtrr_type(value as u8)),
        Rule::Efer => efer(cpu, Efer::from_bits_retain(value)),
        Rule::TimeStampCounter => Some(value.wrapping_sub(tsc)),
    }
}

fn every_byte(value: u64, good: impl Fn(u8) -> bool) -> Option<u64> {
    value.to_le_bytes().into_iter().all(good).then_some(value)
}

/// SPEC: intel-sdm-vol3 :: 13.11 Memory Type Range Registers (MTRRs) -> UC 0, WC 1, WT 4, WP 5, WB 6
fn is_mtrr_type(encoding: u8) -> bool {
    matches!(encoding, 0 | 1 | 4 | 5 | 6)
}

/// SPEC: intel-sdm-vol3 :: 2.2.1 Extended Feature Enable Register -> LMA is the processor's and keeps its value; a bit without its feature is reserved
/// SPEC: intel-sdm-vol3 :: 5.1.2 Paging-Mode Enabling -> changing LME while paging is on is #GP(0)
fn efer(cpu: &Cpu, new: Efer) -> Option<u64> {
    let features = cpu.model.features;
    let mut known = Efer::LMA;
    for (feature, bit) in
        [(Features::SYSCALL, Efer::SCE), (Features::LM, Efer::LME), (Features::NX, Efer::NXE)]
    {
        if features.contains(feature) {
            known |= bit;
        }
    }
    // SDM volume 4, 2.1 Architectural MSRs: XD bit disable takes the feature away
    if cpu.msr.misc_enable & XD_BIT_DISABLE != 0 {
        known -= Efer::NXE;
    }
    let changed = Efer::from_bits_retain(new.bits() ^ cpu.efer.bits());
    if new.bits() & !known.bits() != 0 || changed.contains(Efer::LME) && cpu.cr0.contains(Cr0::PG) {
        return None;
    }
    Some(new.bits() & !Efer::LMA.bits() | cpu.efer.bits() & Efer::LMA.bits())
}

/// Returns the register's name in the manual, for traces.
pub fn name(msr: u32) -> Option<&'static str> {
    match msr {
        IA32_APIC_BASE => Some("IA32_APIC_BASE"),
        IA32_TSC_DEADLINE => Some("IA32_TSC_DEADLINE"),
        X2APIC_FIRST..=X2APIC_LAST => Some("IA32_X2APIC"),
        _ => find(msr).map(|register| register.name),
    }
}
