//! RDMSR, WRMSR, and the time-stamp counter.

use super::Outcome;
use super::control::{edx_eax, set_edx_eax};
use crate::{BusMsr, Domain, Flow, Vcpu};
use msr::MsrResult;
use x86_decode::{Instruction, Op};
use x86_state::{Cr4, gpr};
use x86_types::{Exception, Width};

/// RDMSR
///
/// SPEC: intel-sdm-vol2 :: RDMSR—Read From Model Specific Register -> a register that does not exist is #GP(0)
pub(super) fn rdmsr(vm: &mut Vcpu) -> Outcome {
    let number = vm.cpu.gpr[gpr::RCX] as u32;
    let now = vm.retired_now();
    let tsc = vm.bus_mut().tsc(now);
    let value = match msr::read(&vm.cpu, number, tsc) {
        MsrResult::Handled(value) => Some(value),
        MsrResult::GeneralProtection => None,
        MsrResult::NotHandled => match vm.bus_mut().read_msr(now, number) {
            BusMsr::Value(value) => Some(value),
            BusMsr::GeneralProtection => None,
        },
    };
    tracing::trace!(target: "msr", msr = number, name = msr::name(number), ?value, "rdmsr");
    set_edx_eax(vm, value.ok_or(Exception::GP0)?);
    Ok(Flow::End)
}

/// WRMSR
pub(super) fn wrmsr(vm: &mut Vcpu) -> Outcome {
    let (number, value) = (vm.cpu.gpr[gpr::RCX] as u32, edx_eax(vm));
    let now = vm.retired_now();
    let tsc = vm.bus_mut().tsc(now);
    tracing::trace!(target: "msr", msr = number, name = msr::name(number), value, "wrmsr");
    match msr::write(&mut vm.cpu, number, value, tsc) {
        (MsrResult::Handled(_), effects) => {
            if effects.efer {
                vm.tlb_mut().flush_all();
            }
            vm.mode_switched();
        }
        (MsrResult::GeneralProtection, _) => return Err(Exception::GP0),
        (MsrResult::NotHandled, _) => {
            if vm.bus_mut().write_msr(now, number, value) == BusMsr::GeneralProtection {
                return Err(Exception::GP0);
            }
            vm.bus_touched();
        }
    }
    Ok(Flow::End)
}

/// RDTSC, RDTSCP and RDPID
///
/// SPEC: intel-sdm-vol2 :: RDTSC—Read Time-Stamp Counter -> with CR4.TSD only at CPL 0
pub(super) fn rdtsc(vm: &mut Vcpu, i: &Instruction) -> Outcome {
    if i.op == Op::Rdpid {
        let v = vm.cpu.msr.tsc_aux;
        vm.write_gpr(i.operands[0].reg, Width::B8, v);
        return Ok(Flow::Next);
    }
    if vm.cpu.cr4.contains(Cr4::TSD) && vm.cpu.cpl != 0 {
        return Err(Exception::GP0);
    }
    let now = vm.retired_now();
    let tsc = vm.bus_mut().tsc(now).wrapping_add(vm.cpu.msr.tsc_adjust);
    set_edx_eax(vm, tsc);
    if i.op == Op::Rdtscp {
        vm.cpu.gpr[gpr::RCX] = vm.cpu.msr.tsc_aux & 0xffff_ffff;
    }
    Ok(Flow::End)
}
