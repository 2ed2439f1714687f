use crate::{Effects, MsrAccess, name, number::*, read, table, write};
use MsrAccess::{GeneralProtection as Gp, Handled, NotHandled};
use x86_state::{
    Cpu, Cr0, Efer,
    cpuid::{CpuModel, Features},
};

const TSC: u64 = 1000;

fn cpu() -> Cpu {
    Cpu::new(CpuModel::X86_64_V2)
}

#[test]
fn the_table_agrees_with_reset_and_has_each_number_once() {
    let cpu = Cpu::new(CpuModel::MAX);
    let mut numbers = std::collections::HashSet::new();
    for register in table::registers() {
        let command = matches!(register.rule, table::Rule::Command(_));
        let expected = if command { Gp } else { Handled(register.reset) };
        assert_eq!(read(&cpu, register.number, 0), expected, "{}", register.name);
        assert!(numbers.insert(register.number), "{}", register.name);
        assert_eq!(name(register.number), Some(register.name));
    }
}

#[test]
fn every_register_but_the_adjustment_has_its_own_place() {
    for register in table::registers() {
        let mut cpu = Cpu::new(CpuModel::MAX);
        let Some(place) = register.place else { continue };
        (place.set)(&mut cpu, 0x5555);
        let readable = |other: &&table::Register| !matches!(other.rule, table::Rule::Command(_));
        for other in table::registers().filter(readable).filter(|other| other.number != register.number) {
            let shared = [IA32_TSC_ADJUST, IA32_TIME_STAMP_COUNTER];
            if !(shared.contains(&other.number) && shared.contains(&register.number)) {
                let reset = Handled(other.reset);
                assert_eq!(read(&cpu, other.number, 0), reset, "{} {}", register.name, other.name);
            }
        }
    }
}

#[test]
fn writes_are_accepted_cut_or_refused() {
    const LOW: u64 = 0x0000_7fff_ffff_f000;
    const HIGH: u64 = 0xffff_8000_0000_0000;
    const HOLE: u64 = 0x0000_8000_0000_0000;
    let held = |value| (value, Handled(value));
    for (msr, (value, expected)) in [
        (IA32_PLATFORM_ID, (0, Gp)),
        (IA32_FEATURE_CONTROL, (1, Gp)),
        (IA32_BIOS_SIGN_ID, (0, Handled(1 << 32))),
        (IA32_MTRRCAP, (0x508, Gp)),
        (IA32_ARCH_CAPABILITIES, (0, Gp)),
        (IA32_SYSENTER_CS, (0x1_0000_0010, Handled(0x10))),
        (IA32_SYSENTER_ESP, held(HIGH)),
        (IA32_SYSENTER_EIP, (HOLE, Gp)),
        (IA32_MCG_CAP, (0, Gp)),
        (IA32_MCG_STATUS, held(7)),
        (IA32_MCG_STATUS, (8, Gp)),
        (IA32_MISC_ENABLE, held(0x1801)),
        // Every bit that can be written, and those that read the same always
        (IA32_MISC_ENABLE, (0x4_00c5_0809, Handled(0x4_00c5_1809))),
        (IA32_MISC_ENABLE, (0x80, Handled(0x1800))),
        (IA32_MISC_ENABLE, (2, Gp)),
        (IA32_DEBUGCTL, held(3)),
        (IA32_DEBUGCTL, (4, Gp)),
        (IA32_PAT, held(0x0706_0504_0100_0007)),
        (IA32_PAT, (0x0200, Gp)),
        (IA32_PAT, (0x03 << 56, Gp)),
        (IA32_PAT, (0x08, Gp)),
        (IA32_MTRR_DEF_TYPE, held(0xc06)),
        (IA32_MTRR_DEF_TYPE, (0xc02, Gp)),
        (IA32_MTRR_DEF_TYPE, (0x1000, Gp)),
        (IA32_MTRR_FIX64K_00000, held(0x0606_0606_0605_0401)),
        // UC- is a PAT type, not an MTRR type.
        (IA32_MTRR_FIX4K_F8000, (7, Gp)),
        (IA32_MTRR_PHYSBASE0, held(0xff_ffff_f006)),
        (IA32_MTRR_PHYSBASE0, (0x100_0000_0006, Gp)),
        (IA32_MTRR_PHYSBASE0, (0x106, Gp)),
        (IA32_MTRR_PHYSBASE0, (3, Gp)),
        (IA32_MTRR_PHYSMASK7, held(0xff_ffff_f800)),
        (IA32_MTRR_PHYSMASK7, (0x400, Gp)),
        (IA32_MTRR_PHYSMASK7, (1 << 40, Gp)),
        (IA32_STAR, held(u64::MAX)),
        (IA32_LSTAR, held(HIGH)),
        (IA32_LSTAR, (HOLE, Gp)),
        (IA32_CSTAR, (HOLE, Gp)),
        (IA32_FMASK, held(0x4_7700)),
        (IA32_FMASK, (1 << 32, Gp)),
        (IA32_FS_BASE, held(LOW)),
        (IA32_GS_BASE, held(HIGH)),
        (IA32_GS_BASE, (HIGH - 1, Gp)),
        (IA32_KERNEL_GS_BASE, (HOLE, Gp)),
        (IA32_TSC_AUX, held(0xffff_ffff)),
        (IA32_TSC_AUX, (1 << 32, Gp)),
        (IA32_EFER, held(0x901)),
        (IA32_EFER, (1 << 1, Gp)),
        // LMA cannot be set by hand.
        (IA32_EFER, (0xd01, Handled(0x901))),
        // STIBP is not enumerated.
        (IA32_SPEC_CTRL, (0x403, Handled(0x401))),
        (IA32_SPEC_CTRL, (4, Gp)),
        (IA32_PRED_CMD, (2, Gp)),
        (IA32_BIOS_UPDT_TRIG, (0x1000, Handled(0))),
        (IA32_PERF_STATUS, (0, Gp)),
        (0x400, (0, Gp)),
        (0xc000_0104, (0, Gp)),
    ] {
        let mut cpu = cpu();
        let before = cpu.clone();
        let (result, _) = write(&mut cpu, msr, value, 0);
        assert_eq!(result, expected, "{:?} {value:#x}", name(msr));
        match expected {
            Handled(_) if msr == IA32_BIOS_UPDT_TRIG => assert_eq!(read(&cpu, msr, 0), Gp),
            Handled(_) => assert_eq!(read(&cpu, msr, 0), expected),
            _ => assert_eq!(cpu, before),
        }
    }
}

#[test]
fn commands_are_taken_and_cannot_be_read() {
    let mut cpu = cpu();
    let before = cpu.clone();
    assert_eq!(write(&mut cpu, IA32_PRED_CMD, 1, 0), (Handled(0), Effects::default()));
    assert_eq!(cpu, before);
    assert_eq!(read(&cpu, IA32_PRED_CMD, 0), Gp);
}

#[test]
fn the_local_apics_registers_are_the_machines() {
    let mut cpu = Cpu::new(CpuModel::MAX);
    for msr in [IA32_APIC_BASE, IA32_TSC_DEADLINE, 0x800, 0x8ff] {
        assert_eq!(read(&cpu, msr, 0), NotHandled);
        assert_eq!(write(&mut cpu, msr, 0, 0), (NotHandled, Effects::default()));
        assert!(name(msr).is_some());
    }
    for msr in [0x7ff, 0x900, 0x47, 0xce, 0x4000_0000, u32::MAX] {
        assert_eq!(read(&cpu, msr, 0), Gp, "{msr:#x}");
        assert_eq!(name(msr), None);
    }
}

/// Without the feature there is no x2APIC mode to enter, and there are no registers of it.
#[test]
fn the_local_apics_registers_need_their_features() {
    let mut cpu = Cpu::new(CpuModel::MAX);
    let result = |cpu: &mut Cpu, msr, value| write(cpu, msr, value, 0).0;
    assert_eq!(result(&mut cpu, IA32_APIC_BASE, 0xfee0_0d00), NotHandled);
    cpu.model.features -= Features::X2APIC | Features::TSC_DEADLINE;
    assert_eq!(result(&mut cpu, IA32_APIC_BASE, 0xfee0_0d00), Gp);
    assert_eq!(result(&mut cpu, IA32_APIC_BASE, 0xfee0_0900), NotHandled);
    assert_eq!(read(&cpu, IA32_APIC_BASE, 0), NotHandled);
    for msr in [IA32_TSC_DEADLINE, X2APIC_FIRST, X2APIC_LAST] {
        assert_eq!((read(&cpu, msr, 0), result(&mut cpu, msr, 0)), (Gp, Gp), "{msr:#x}");
    }
}

#[test]
fn the_counter_and_its_adjustment_move_together() {
    let mut cpu = cpu();
    assert_eq!(read(&cpu, IA32_TIME_STAMP_COUNTER, TSC), Handled(TSC));
    let (result, effects) = write(&mut cpu, IA32_TIME_STAMP_COUNTER, 50, TSC);
    assert_eq!((result, effects.tsc), (Handled(50), true));
    assert_eq!(read(&cpu, IA32_TIME_STAMP_COUNTER, TSC + 5), Handled(55));
    assert_eq!(read(&cpu, IA32_TSC_ADJUST, TSC), Handled(50u64.wrapping_sub(TSC)));
    write(&mut cpu, IA32_TSC_ADJUST, 7, TSC);
    assert_eq!(read(&cpu, IA32_TIME_STAMP_COUNTER, TSC), Handled(TSC + 7));
}

/// SDM volume 4, 2.1 Architectural MSRs: XD bit disable exists where NX does, and takes NXE away
#[test]
fn the_execute_disable_bit_can_be_taken_away() {
    let mut cpu = cpu();
    assert_eq!(write(&mut cpu, IA32_MISC_ENABLE, 1 << 34, 0).0, Handled(1 << 34 | 0x1800));
    assert_eq!(write(&mut cpu, IA32_EFER, Efer::NXE.bits(), 0).0, Gp);
    assert_eq!(write(&mut cpu, IA32_MISC_ENABLE, 1, 0).0, Handled(0x1801));
    assert_eq!(write(&mut cpu, IA32_EFER, Efer::NXE.bits(), 0).0, Handled(Efer::NXE.bits()));
    cpu.model.features -= Features::NX;
    assert_eq!(write(&mut cpu, IA32_MISC_ENABLE, 1 << 34, 0).0, Gp);
}

#[test]
fn efer_is_guarded_by_paging_and_features() {
    let mut cpu = cpu();
    cpu.cr0 |= Cr0::PE | Cr0::PG;
    cpu.efer = Efer::LME | Efer::LMA;
    for (value, expected) in [
        (0x500, Handled(0x500)),
        // LMA stays although it is written as 0.
        (0x901, Handled(0xd01)),
        (0x001, Gp),
    ] {
        let (result, effects) = write(&mut cpu, IA32_EFER, value, 0);
        assert_eq!(result, expected, "{value:#x}");
        assert_eq!(effects.efer, result != Gp);
    }
    let mut cpu =
        Cpu::new(CpuModel { features: Features::SYSCALL, physical_bits: 36, ..CpuModel::X86_64_V2 });
    for (value, expected) in [(1, Handled(1)), (1 << 11, Gp), (1 << 8, Gp)] {
        assert_eq!(write(&mut cpu, IA32_EFER, value, 0).0, expected);
    }
    for msr in [
        IA32_FS_BASE,
        IA32_TSC_AUX,
        IA32_SYSENTER_CS,
        IA32_ARCH_CAPABILITIES,
        IA32_SPEC_CTRL,
        IA32_TSC_ADJUST,
    ] {
        assert_eq!(read(&cpu, msr, 0), Gp, "a register without its feature");
    }
}

#[test]
fn canonical_means_the_widest_address_of_the_model() {
    let address = 0x00ff_0000_0000_0000;
    assert_eq!(write(&mut Cpu::new(CpuModel::MAX), IA32_LSTAR, address, 0).0, Handled(address));
    assert_eq!(write(&mut cpu(), IA32_LSTAR, address, 0).0, Gp);
}

#[test]
fn effects_tell_who_must_look_again() {
    for (msr, effects) in [
        (IA32_PAT, Effects { memory_types: true, ..Effects::default() }),
        (IA32_MTRR_PHYSMASK7, Effects { memory_types: true, ..Effects::default() }),
        (IA32_FS_BASE, Effects { segment_base: true, ..Effects::default() }),
        (IA32_EFER, Effects { efer: true, ..Effects::default() }),
        (IA32_KERNEL_GS_BASE, Effects::default()),
    ] {
        assert_eq!(write(&mut cpu(), msr, 0, 0).1, effects, "{:?}", name(msr));
    }
}
