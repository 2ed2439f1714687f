//! RDMSR, WRMSR, and the time-stamp counter.

use super::control::{edx_eax, set_edx_eax};
use crate::concrete_operand::ConcreteResult;
use crate::{Flow, GeneralRegisters, Vcpu};
use msr::{MsrAccess, number::IA32_TSC_DEADLINE};
use x86_decode::{Instruction, Op};
use x86_state::{Cr4, gpr};
use x86_types::{Exception, Width};

/// RDMSR
///
/// SPEC: intel-sdm-vol2 :: RDMSR—Read From Model Specific Register -> a register that does not exist is #GP(0)
pub(super) fn rdmsr(vm: &mut Vcpu) -> ConcreteResult {
    let number = vm.cpu.gpr[gpr::RCX] as u32;
    let now = vm.retired();
    let tsc = vm.bus_mut().tsc(now);
    let value = match msr::read(&vm.cpu, number, tsc) {
        MsrAccess::NotHandled => vm.bus_mut().read_msr(now, number).value().map(|value| match number {
            IA32_TSC_DEADLINE => guest_deadline(value, vm.cpu.msr.tsc_adjust),
            _ => value,
        }),
        held => held.value(),
    };
    tracing::trace!(target: "msr", msr = number, name = msr::name(number), ?value, "rdmsr");
    set_edx_eax(vm, value.ok_or(Exception::GP0)?);
    Ok(Flow::End)
}

/// WRMSR
pub(super) fn wrmsr(vm: &mut Vcpu) -> ConcreteResult {
    let (number, value) = (vm.cpu.gpr[gpr::RCX] as u32, edx_eax(vm));
    let now = vm.retired();
    let tsc = vm.bus_mut().tsc(now);
    tracing::trace!(target: "msr", msr = number, name = msr::name(number), value, "wrmsr");
    let adjust = vm.cpu.msr.tsc_adjust;
    match msr::write(&mut vm.cpu, number, value, tsc) {
        (MsrAccess::Handled(_), effects) => {
            if effects.tsc {
                move_deadline(vm, now, adjust);
            }
            if effects.efer {
                vm.tlb_mut().flush_all();
                vm.controls_changed();
            } else {
                vm.mode_switched();
            }
        }
        (MsrAccess::GeneralProtection, _) => return Err(Exception::GP0),
        (MsrAccess::NotHandled, _) => {
            let value =
                if number == IA32_TSC_DEADLINE { raw_deadline(value, vm.cpu.msr.tsc_adjust) } else { value };
            vm.bus_mut().write_msr(now, number, value).value().ok_or(Exception::GP0)?;
            vm.bus_touched();
        }
    }
    Ok(Flow::End)
}

/// Returns a deadline as the timer compares it, with the counter before IA32_TSC_ADJUST; 0 stays "disarmed", and what
/// has passed before that counter began is due at once.
///
/// SPEC: intel-sdm-vol3 :: 12.5.4.1 TSC-Deadline Mode -> the timer fires when the logical processor's time-stamp counter reaches the value
fn raw_deadline(guest: u64, adjust: u64) -> u64 {
    if guest == 0 {
        return 0;
    }
    let raw = i128::from(guest) - i128::from(adjust as i64);
    u64::try_from(raw.max(1)).unwrap_or(u64::MAX)
}

/// Returns the same deadline as the guest wrote it.
fn guest_deadline(raw: u64, adjust: u64) -> u64 {
    if raw == 0 { 0 } else { raw.wrapping_add(adjust) }
}

/// The counter jumped: an armed deadline is that much nearer or farther.
#[cold]
fn move_deadline(vm: &mut Vcpu, now: u64, before: u64) {
    if let MsrAccess::Handled(raw) = vm.bus_mut().read_msr(now, IA32_TSC_DEADLINE)
        && raw != 0
    {
        let raw = raw_deadline(guest_deadline(raw, before), vm.cpu.msr.tsc_adjust);
        // What could be read can be written.
        let _ = vm.bus_mut().write_msr(now, IA32_TSC_DEADLINE, raw);
        vm.bus_touched();
    }
}

/// RDPMC: CPUID enumerates no performance-monitoring counter, so ECX always names one that does not exist.
///
/// SPEC: intel-sdm-vol2 :: RDPMC—Read Performance-Monitoring Counters -> #GP(0) for an invalid counter, and above CPL 0 with CR4.PCE clear
pub(super) fn rdpmc() -> ConcreteResult {
    Err(Exception::GP0)
}

/// RDTSC, RDTSCP and RDPID
///
/// SPEC: intel-sdm-vol2 :: RDTSC—Read Time-Stamp Counter -> with CR4.TSD only at CPL 0
pub(super) fn rdtsc(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    if i.op == Op::Rdpid {
        let v = vm.cpu.msr.tsc_aux;
        vm.write_gpr(i.operands[0].reg, Width::B8, v);
        return Ok(Flow::Next);
    }
    if vm.cpu.cr4.contains(Cr4::TSD) && vm.cpu.cpl != 0 {
        return Err(Exception::GP0);
    }
    let now = vm.retired();
    let tsc = vm.bus_mut().tsc(now).wrapping_add(vm.cpu.msr.tsc_adjust);
    set_edx_eax(vm, tsc);
    if i.op == Op::Rdtscp {
        vm.cpu.gpr[gpr::RCX] = vm.cpu.msr.tsc_aux & 0xffff_ffff;
    }
    Ok(Flow::End)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_told_without_the_adjustment() {
        // Guest's deadline, IA32_TSC_ADJUST, raw deadline
        let table = [
            (0, 5, 0),
            (1000, 0, 1000),
            (1000, 400, 600),
            (1000, 1000, 1),
            (1000, 5000, 1),
            (1000, -400_i64 as u64, 1400),
            (u64::MAX, -1_i64 as u64, u64::MAX),
        ];
        for (guest, adjust, raw) in table {
            assert_eq!(raw_deadline(guest, adjust), raw, "{guest} {adjust:#x}");
        }
        assert_eq!(guest_deadline(600, 400), 1000);
        assert_eq!(guest_deadline(1400, -400_i64 as u64), 1000);
        assert_eq!(guest_deadline(0, 400), 0);
    }
}
