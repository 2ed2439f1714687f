//! System instructions, and rare ones: they read modes, tables, privilege, ports or time.

mod control;
mod decimal;
mod far;
mod flags;
mod frame;
mod io;
mod misc;
mod msrs;
mod syscall;
mod tables;

use crate::concrete_operand::ConcreteResult;
use crate::{Flow, Vcpu};
use x86_decode::{InsnFlags, Instruction, Op};
use x86_state::{Cr4, Efer};
use x86_types::{CodeSize, Exception};

/// Checks the privilege level of a privileged instruction.
///
/// SPEC: intel-sdm-vol3 :: 6.9 Privileged Instructions -> at CPL 1 to 3 they raise #GP(0)
#[inline(always)]
pub(crate) fn check_privilege(vm: &Vcpu, i: &Instruction) -> Result<(), Exception> {
    if i.flags.contains(InsnFlags::PRIVILEGED) && vm.cpu.cpl != 0 {
        return Err(if is_undefined(vm, i) { Exception::InvalidOpcode } else { Exception::GP0 });
    }
    Ok(())
}

/// Executes a system instruction. Returns `None` if the instruction is not one.
#[inline(always)]
pub(crate) fn exec(vm: &mut Vcpu, i: &Instruction) -> Option<ConcreteResult> {
    Some(match i.op {
        Op::MovCr => control::mov_cr(vm, i),
        Op::MovDr => control::mov_dr(vm, i),
        Op::Lmsw => control::lmsw(vm, i),
        Op::Smsw => control::smsw(vm, i),
        Op::Clts => control::clts(vm),
        Op::Xgetbv => control::xgetbv(vm),
        Op::Xsetbv => control::xsetbv(vm),
        Op::Invlpg => control::invlpg(vm, i),
        Op::Invpcid => control::invpcid(vm, i),
        Op::Lgdt | Op::Lidt => tables::load_table(vm, i),
        Op::Sgdt | Op::Sidt => tables::store_table(vm, i),
        Op::Lldt | Op::Ltr => tables::load_system_segment(vm, i),
        Op::Sldt | Op::Str => tables::store_system_segment(vm, i),
        Op::Lar | Op::Lsl | Op::Verr | Op::Verw => tables::query(vm, i),
        Op::Arpl => tables::arpl(vm, i),
        Op::JmpFar | Op::CallFar => far::transfer(vm, i),
        Op::RetFar => far::ret(vm, i),
        Op::Iret => far::iret(vm, i),
        Op::Int | Op::Int3 | Op::Into | Op::Int1 => far::interrupt(vm, i),
        Op::Syscall => syscall::syscall(vm),
        Op::Sysret => syscall::sysret(vm, i),
        Op::Sysenter => syscall::sysenter(vm),
        Op::Sysexit => syscall::sysexit(vm, i),
        Op::Swapgs => syscall::swapgs(vm),
        Op::Rdfsbase | Op::Rdgsbase | Op::Wrfsbase | Op::Wrgsbase => syscall::segment_base(vm, i),
        Op::Rdmsr => msrs::rdmsr(vm),
        Op::Wrmsr => msrs::wrmsr(vm),
        Op::Rdpmc => msrs::rdpmc(),
        Op::Rdtsc | Op::Rdtscp | Op::Rdpid => msrs::rdtsc(vm, i),
        Op::Cli | Op::Sti | Op::Cld | Op::Std | Op::Stac | Op::Clac => flags::flag_bit(vm, i),
        Op::Pushf => flags::pushf(vm, i),
        Op::Popf => flags::popf(vm, i),
        Op::In | Op::Out => io::in_out(vm, i),
        Op::Ins | Op::Outs => io::string(vm, i),
        Op::Daa | Op::Das | Op::Aaa | Op::Aas | Op::Aam | Op::Aad => decimal::exec(vm, i),
        Op::Pusha | Op::Popa | Op::Enter | Op::Bound => frame::exec(vm, i),
        Op::Cmpxchg8b | Op::Cmpxchg16b => misc::compare_exchange(vm, i),
        Op::Cpuid => misc::cpuid(vm),
        Op::Rdrand | Op::Rdseed => misc::random(vm, i),
        Op::Hlt => misc::hlt(vm),
        Op::Pause | Op::Wbinvd | Op::Invd => Ok(Flow::End),
        Op::Clflush | Op::Clflushopt | Op::Clwb => misc::touch(vm, i),
        Op::Monitor | Op::Mwait => misc::monitor(vm, i),
        Op::Crc32 => misc::crc32(vm, i),
        Op::Pdep | Op::Pext => misc::scatter_bits(vm, i),
        _ => return None,
    })
}

/// Returns whether a privileged instruction is #UD at CPL 1 to 3: the checks that come before that of the privilege level.
///
/// SPEC: intel-sdm-vol3 :: 7.9 Prioritization of Concurrent Events -> faults of decoding come before those of executing
/// SPEC: intel-sdm-vol2 :: MONITOR—Set Up Monitor Address -> above CPL 0 it is #UD; MWAIT likewise
fn is_undefined(vm: &Vcpu, i: &Instruction) -> bool {
    match i.op {
        Op::Lldt | Op::Ltr => vm.cpu.mode().is_real_like(),
        Op::Sysret => vm.cpu.code_size != CodeSize::Bits64 || !vm.cpu.efer.contains(Efer::SCE),
        Op::Xsetbv => !vm.cpu.cr4.contains(Cr4::OSXSAVE),
        Op::MovDr => vm.cpu.cr4.contains(Cr4::DE) && i.operands.iter().any(control::is_alias),
        Op::Monitor | Op::Mwait => true,
        _ => false,
    }
}
