//! Instructions whose meaning is concrete: they look at modes, tables, privilege, ports or time, or are rare.
//!
//! An engine that compiles calls these one by one; nothing here is written twice.

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

use crate::{Flow, Vcpu};
use x86_decode::{Feature, InsnFlags, Instruction, Op};
use x86_state::cpuid::Features;
use x86_state::{Cr4, Efer};
use x86_types::{CodeSize, Exception};

/// What a concrete instruction comes to.
pub(crate) type Outcome = Result<Flow, Exception>;

/// Executes a concrete instruction.
///
/// SPEC: intel-sdm-vol3 :: 6.9 Privileged Instructions -> at CPL 1 to 3 they raise #GP(0)
pub(crate) fn exec(vm: &mut Vcpu, i: &Instruction) -> Outcome {
    if i.flags.contains(InsnFlags::PRIVILEGED) && vm.cpu.cpl != 0 {
        return Err(if is_undefined(vm, i) { Exception::InvalidOpcode } else { Exception::GP0 });
    }
    match i.op {
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
        _ => crate::vector::exec(vm, i).unwrap_or_else(|| crate::x87::exec(vm, i)),
    }
}

/// Returns whether a privileged instruction is #UD at CPL 1 to 3, where it is not the mode or a control register alone that
/// decides: this is asked before the privilege level.
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

/// Whether the processor model has the instruction.
pub(crate) fn has_feature(vm: &Vcpu, i: &Instruction) -> bool {
    let needed = match i.feature() {
        Feature::Fpu => Features::FPU,
        Feature::Tsc => Features::TSC,
        Feature::Msr => Features::MSR,
        Feature::Cx8 => Features::CX8,
        Feature::Sep => Features::SEP,
        Feature::Cmov => Features::CMOV,
        Feature::Clfsh => Features::CLFSH,
        Feature::Mmx => Features::MMX,
        Feature::Fxsr => Features::FXSR,
        Feature::Sse => Features::SSE,
        Feature::Sse2 => Features::SSE2,
        Feature::Sse3 => Features::SSE3,
        Feature::Monitor => Features::MONITOR,
        Feature::Ssse3 => Features::SSSE3,
        Feature::Sse41 => Features::SSE4_1,
        Feature::Sse42 => Features::SSE4_2,
        Feature::Popcnt => Features::POPCNT,
        Feature::Cx16 => Features::CX16,
        Feature::Movbe => Features::MOVBE,
        Feature::Aes => Features::AES,
        Feature::Pclmulqdq => Features::PCLMULQDQ,
        Feature::Xsave => Features::XSAVE,
        Feature::Xsaveopt => Features::XSAVEOPT,
        Feature::Xsavec => Features::XSAVEC,
        Feature::Avx => Features::AVX,
        Feature::F16c => Features::F16C,
        Feature::Fma => Features::FMA,
        Feature::Rdrand => Features::RDRAND,
        Feature::Rdseed => Features::RDSEED,
        Feature::Fsgsbase => Features::FSGSBASE,
        Feature::Bmi1 => Features::BMI1,
        Feature::Bmi2 => Features::BMI2,
        Feature::Avx2 => Features::AVX2,
        Feature::Smap => Features::SMAP,
        Feature::Invpcid => Features::INVPCID,
        Feature::Adx => Features::ADX,
        Feature::Sha => Features::SHA,
        Feature::Gfni => Features::GFNI,
        Feature::Vaes => Features::VAES,
        Feature::Vpclmulqdq => Features::VPCLMULQDQ,
        Feature::AesAvx => Features::AES.union(Features::AVX),
        Feature::PclmulqdqAvx => Features::PCLMULQDQ.union(Features::AVX),
        Feature::GfniAvx => Features::GFNI.union(Features::AVX),
        Feature::Lzcnt => Features::LZCNT,
        Feature::Prefetchw => Features::PREFETCHW,
        Feature::Syscall => Features::SYSCALL,
        Feature::Rdtscp => Features::RDTSCP,
        Feature::Lm => Features::LM,
        Feature::Lahf => Features::LAHF,
        Feature::Rdpid => Features::RDPID,
        Feature::Clflushopt => Features::CLFLUSHOPT,
        Feature::Clwb => Features::CLWB,
        _ => Features::empty(),
    };
    vm.cpu.model.features.contains(needed)
}

impl Vcpu {
    /// Reads integer operand `n`.
    pub(crate) fn read_operand(
        &mut self,
        i: &Instruction,
        n: usize,
        w: x86_types::Width,
    ) -> Result<u64, Exception> {
        crate::operand::read(self, i, n, w).map_err(Exception::from)
    }

    /// Writes integer operand `n`.
    pub(crate) fn write_operand(
        &mut self,
        i: &Instruction,
        n: usize,
        w: x86_types::Width,
        v: u64,
    ) -> Result<(), Exception> {
        crate::operand::write(self, i, n, w, v).map_err(Exception::from)
    }

    /// Loads at `offset` bytes behind the memory operand's address.
    pub(crate) fn load_operand(
        &mut self,
        i: &Instruction,
        offset: u64,
        w: x86_types::Width,
    ) -> Result<u64, Exception> {
        let mut m = crate::operand::mem(self, i);
        m.offset = i.addrsize.trunc(m.offset.wrapping_add(offset));
        self.load_ref(&m, w).map_err(Exception::from)
    }

    /// Stores at `offset` bytes behind the memory operand's address.
    pub(crate) fn store_operand(
        &mut self,
        i: &Instruction,
        offset: u64,
        w: x86_types::Width,
        v: u64,
    ) -> Result<(), Exception> {
        let mut m = crate::operand::mem(self, i);
        m.offset = i.addrsize.trunc(m.offset.wrapping_add(offset));
        self.store_ref(&m, w, v).map_err(Exception::from)
    }

    /// Pushes a value.
    pub(crate) fn push(&mut self, w: x86_types::Width, v: u64) -> Result<(), Exception> {
        crate::int::stack::push_value(self, w, v).map_err(Exception::from)
    }

    /// The value POP would read, and the stack pointer after it.
    pub(crate) fn peek(&mut self, w: x86_types::Width) -> Result<(u64, u64), Exception> {
        crate::int::stack::peek_value(self, w).map_err(Exception::from)
    }
}
