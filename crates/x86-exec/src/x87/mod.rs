//! x87 and MMX-state instructions, and the areas that save both and the vector registers.

mod area;
mod arith;
mod compare;
mod control;
mod function;
mod fxsave;
mod load_store;
mod math;
pub(crate) mod stack;
mod xsave;

#[cfg(test)]
mod tests;

use crate::concrete_operand::ConcreteResult;
use crate::{Flow, Handler, MemRef, Raised, Step, Vcpu, Vectors, X87 as Unit};
use area::Area;
pub(crate) use compare::compared;
pub(crate) use control::load_control_word;
pub(crate) use function::stored;
pub use function::{F80Function, F80Op};
use stack::Stack;
use x86_decode::{InsnFlags, Instruction, Op};
use x86_state::{Cpu, Cr0, X87};
use x86_types::{CodeSize, Exception, GuestPhysAddr, LinearAddr, Seg, Width};

/// Bits of the status word.
///
/// SPEC: intel-sdm-vol1 :: 8.1.3 x87 FPU Status Register -> exception flags 5:0, SF 6, ES 7, C0 to C2 10:8, TOP 13:11, C3 14, B 15
pub(crate) mod status {
    /// IE, DE, ZE, OE, UE and PE.
    pub(crate) const EXCEPTIONS: u16 = 0x3f;
    /// Invalid operation.
    pub(crate) const IE: u16 = 1;
    /// Stack fault.
    pub(crate) const SF: u16 = 1 << 6;
    /// Error summary: an unmasked exception is pending.
    pub(crate) const ES: u16 = 1 << 7;
    /// Condition code 0.
    pub(crate) const C0: u16 = 1 << 8;
    /// Condition code 1.
    pub(crate) const C1: u16 = 1 << 9;
    /// Condition code 2.
    pub(crate) const C2: u16 = 1 << 10;
    /// Number of the register at the top of the stack.
    pub(crate) const TOP: u16 = 7 << 11;
    /// Condition code 3.
    pub(crate) const C3: u16 = 1 << 14;
    /// Busy: a copy of ES.
    pub(crate) const B: u16 = 1 << 15;
}

/// Executes EMMS, an instruction that saves or restores x87, SSE and AVX state, or an x87 instruction that is not numeric.
pub(crate) fn exec(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    match i.op {
        Op::Fxsave | Op::Fxrstor => {
            available(&vm.cpu)?;
            if i.op == Op::Fxsave {
                fxsave::save(vm, i)
            } else {
                may_clear_exceptions(vm, |vm| fxsave::restore(vm, i))
            }
        }
        Op::Xsave | Op::Xsaveopt | Op::Xsavec | Op::Xrstor => {
            may_clear_exceptions(vm, |vm| xsave::exec(vm, i))
        }
        Op::Ldmxcsr | Op::Vldmxcsr | Op::Stmxcsr | Op::Vstmxcsr => mxcsr(vm, i),
        op if control::is_one(op) => control(vm, i, op),
        // An undefined opcode is #UD, independently of CR0.
        _ => Err(Exception::InvalidOpcode),
    }
}

/// Control instructions.
#[inline(always)]
fn control(vm: &mut Vcpu, i: &Instruction, op: Op) -> ConcreteResult {
    available(&vm.cpu)?;
    may_clear_exceptions(vm, |vm| {
        if let Some(outcome) = control::without_wait(vm, i, op) {
            return outcome;
        }
        no_pending_exception(vm)?;
        control::with_wait(vm, i, op).unwrap_or(Err(Exception::InvalidOpcode))
    })
}

/// Runs an instruction that may load or clear the status word: FERR# goes inactive with the last unmasked exception.
///
/// SPEC: intel-sdm-vol1 :: D.2.1.2 Recommended External Hardware to Support the MS-DOS* Compatibility Sub-mode -> clearing the exception de-asserts FERR#
#[inline(always)]
fn may_clear_exceptions(vm: &mut Vcpu, exec: impl FnOnce(&mut Vcpu) -> ConcreteResult) -> ConcreteResult {
    let waited = vm.cpu.x87.status & status::ES != 0;
    let outcome = exec(vm);
    if waited && vm.cpu.x87.status & status::ES == 0 {
        vm.drive_ferr(false);
    }
    outcome
}

/// Returns the generic handler of an instruction. In the processor's domain, frequent instructions have separate
/// handlers, in which the operation is a constant.
pub(crate) fn handler<D: Unit>(insn: &Instruction) -> Option<Handler<D>> {
    /// A handler for each of the listed instructions, and one for all others, with a memory operand or without.
    macro_rules! each {
        ($memory:expr, $exec:path, $($op:ident)*) => {
            match insn.op {
                $(Op::$op if D::BY_SHAPE => |d, i| numeric(d, i, $memory, |d, i, m| $exec(d, i, m, Op::$op)),)*
                _ => |d, i| numeric(d, i, $memory, |d, i, m| $exec(d, i, m, i.op)),
            }
        };
    }
    macro_rules! arithmetic {
        ($($op:ident)*) => {
            match insn.op {
                $(Op::$op if D::BY_SHAPE => |d, i| arith::exec(d, i, false, Op::$op),)*
                _ => |d, i| arith::exec(d, i, false, i.op),
            }
        };
    }
    let memory = insn.operands[0].is_mem();
    Some(match insn.op {
        Op::Fwait => |d, _| d.x87_wait().map(|()| Flow::Next),
        Op::Fldcw => control::load_control,
        Op::Fnstcw | Op::Fnstsw => control::store_word,
        Op::Fld | Op::Fild if memory => each!(true, load_store::load,),
        op if memory && load_store::is_store(op) => each!(true, load_store::store,),
        Op::Fld | Op::Fst | Op::Fstp | Op::Fxch | Op::Fld1 | Op::Fldz => {
            each!(false, load_store::registers, Fld Fstp Fxch)
        }
        op if arith::is_one(op) && memory => |d, i| arith::exec(d, i, true, i.op),
        op if arith::is_one(op) => arithmetic!(Fadd Faddp Fmul Fmulp),
        op if compare::is_to_flags(op) => each!(false, compare::compare,),
        op if compare::is_comparison(op) => {
            |d, i| numeric(d, i, i.operands[0].is_mem(), |d, i, m| compare::compare(d, i, m, i.op))
        }
        op if compare::is_move(op) => |d, i| numeric(d, i, false, |d, i, _| compare::conditional_move(d, i)),
        Op::Fchs | Op::Fabs | Op::Fsqrt | Op::Frndint => each!(false, math::simple, Fchs Fabs Fsqrt),
        _ => return None,
    })
}

/// Returns the handler of a numeric instruction without a generic one.
pub(crate) fn concrete_handler(insn: &Instruction) -> Option<Handler<Vcpu>> {
    Some(match insn.op {
        op if load_store::is_one(op) => {
            |vm, i| numeric(vm, i, i.operands[0].is_mem(), |vm, i, m| load_store::rare(vm, i, m, i.op))
        }
        Op::Fxam => |vm, i| {
            numeric(vm, i, false, |vm, _, _| {
                compare::examine(&mut Stack::new(&mut vm.cpu.x87));
                Ok(())
            })
        },
        op if math::is_one(op) => |vm, i| numeric(vm, i, false, functions),
        _ => return None,
    })
}

/// Returns whether [`handler`] or [`concrete_handler`] has the instruction. Unless they fault, these change x87 state,
/// memory, general registers and status flags only.
pub(crate) fn is_plain(insn: &Instruction) -> bool {
    handler::<Vcpu>(insn).or_else(|| concrete_handler(insn)).is_some()
}

/// Executes an instruction that the last-instruction pointers record; `memory` is whether it has a memory operand.
#[inline(always)]
fn numeric<D: Unit>(
    d: &mut D,
    i: &Instruction,
    memory: bool,
    exec: impl FnOnce(&mut D, &Instruction, Option<&MemRef<D::V>>) -> Result<(), D::Fault>,
) -> Step<D> {
    let ready = d.x87_ready()?;
    let operand = if memory { Some(crate::operand::mem(d, i)) } else { None };
    exec(d, i, operand.as_ref())?;
    d.x87_executed(i, operand.as_ref(), ready);
    Ok(Flow::Next)
}

/// Checks that a numeric instruction may execute. Returns whether a pending exception is ignored.
#[inline(always)]
pub(crate) fn ready(vm: &mut Vcpu) -> Result<u16, Raised> {
    if let Err(exception) = available(&vm.cpu).and_then(|()| no_pending_exception(vm)) {
        return Err(Raised::from(exception));
    }
    Ok(vm.cpu.x87.status & status::ES)
}

/// Records a numeric instruction that was executed.
#[inline(always)]
pub(crate) fn executed(vm: &mut Vcpu, i: &Instruction, operand: Option<&MemRef<u64>>, pending: u16) {
    record_pointers(vm, i, operand);
    if vm.cpu.x87.status & status::ES != pending {
        vm.cpu.x87.opcode = opcode(vm, i);
    }
}

/// Numeric instructions of no other module.
fn functions(vm: &mut Vcpu, i: &Instruction, _: Option<&MemRef<u64>>) -> Result<(), Raised> {
    math::exec(&mut Stack::new(&mut vm.cpu.x87), i.op);
    Ok(())
}

/// SPEC: intel-sdm-vol1 :: 8.1.8 x87 FPU Instruction and Data (Operand) Pointers -> non-control instructions record their address and that of their memory operand
#[inline(always)]
fn record_pointers(vm: &mut Vcpu, i: &Instruction, operand: Option<&MemRef<u64>>) {
    vm.cpu.x87.fip = vm.cpu.rip.wrapping_sub(u64::from(i.len));
    vm.cpu.x87.fcs = vm.cpu.segment(Seg::Cs).selector.0;
    if let Some(m) = operand {
        vm.cpu.x87.fdp = m.offset;
        vm.cpu.x87.fds = vm.cpu.segment(m.seg).selector.0;
    }
    if vm.cpu.code_size != CodeSize::Bits64 && vm.cpu.mode().is_real_like() {
        make_pointers_linear(vm, operand);
    }
}

/// In real-address and virtual-8086 mode the pointers are linear addresses.
#[cold]
#[inline(never)]
fn make_pointers_linear(vm: &mut Vcpu, operand: Option<&MemRef<u64>>) {
    vm.cpu.x87.fip = vm.cpu.segment(Seg::Cs).base.wrapping_add(vm.cpu.x87.fip & 0xffff);
    if let Some(m) = operand {
        vm.cpu.x87.fdp = vm.linear_of(m).0;
    }
}

/// Returns the instruction's value for the opcode register, from its bytes; needed only after an unmasked exception.
///
/// SPEC: intel-sdm-vol1 :: 8.1.9.1 Fopcode Compatibility Sub-mode -> without it the opcode is recorded only when an unmasked exception occurs
#[cold]
#[inline(never)]
pub(crate) fn opcode(vm: &mut Vcpu, i: &Instruction) -> u16 {
    let base = if vm.cpu.code_size == CodeSize::Bits64 { 0 } else { vm.cpu.segment(Seg::Cs).base };
    let start = base.wrapping_add(vm.cpu.rip).wrapping_sub(u64::from(i.len));
    let mut escape = None;
    for n in 0..u64::from(i.len) {
        let byte = code_byte(vm, start.wrapping_add(n));
        match escape {
            None if byte & 0xf8 == 0xd8 => escape = Some(u16::from(byte & 7) << 8),
            None => {}
            Some(high) => return high | u16::from(byte),
        }
    }
    0
}

/// Returns one byte of code that has just been fetched.
fn code_byte(vm: &mut Vcpu, at: u64) -> u8 {
    let at = LinearAddr(if vm.cpu.code_size == CodeSize::Bits64 { at } else { at & 0xffff_ffff });
    let access = vm.explicit(x86_paging::AccessKind::Execute);
    let physical: Result<GuestPhysAddr, Exception> = vm.physical(at, access);
    let mut byte = [0];
    if let Ok(at) = physical
        && vm.memory().ram_to_execute(at, 1).is_some()
    {
        vm.read_code(at, &mut byte);
    }
    byte[0]
}

/// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> CR0.EM and CR0.TS make x87 instructions raise #NM
#[inline(always)]
pub(crate) fn available(cpu: &Cpu) -> Result<(), Exception> {
    if cpu.cr0.intersects(Cr0::EM | Cr0::TS) { Err(Exception::DeviceNotAvailable) } else { Ok(()) }
}

/// Checks that an MMX instruction may execute: #UD, #NM or #MF.
///
/// SPEC: intel-sdm-vol3 :: 14.1 Emulation of the MMX Instruction Set -> CR0.EM gives #UD; TS and pending x87 exceptions act as for x87 instructions
pub(crate) fn mmx_available(vm: &mut Vcpu) -> Result<(), Exception> {
    if vm.cpu.cr0.contains(Cr0::EM) {
        return Err(Exception::InvalidOpcode);
    }
    available(&vm.cpu)?;
    no_pending_exception(vm)
}

/// Applies the effect of every MMX instruction but EMMS to the x87 state.
///
/// SPEC: intel-sdm-vol1 :: 9.5.1 MMX Instructions and the x87 FPU Tag Word -> all tags become valid and TOP becomes 0
pub(crate) fn mmx_transition(x87: &mut X87) {
    x87.status &= !status::TOP;
    x87.tags = 0xff;
}

/// #MF where an unmasked exception is pending. With CR0.NE clear the run loop makes FERR# of it.
#[inline(always)]
fn no_pending_exception(vm: &mut Vcpu) -> Result<(), Exception> {
    if vm.cpu.x87.status & status::ES == 0 { Ok(()) } else { pending_exception(vm) }
}

/// SPEC: intel-sdm-vol1 :: 8.7 Handling x87 FPU Exceptions in Software -> native mode (CR0.NE) raises #MF before the next waiting instruction; in MS-DOS compatibility mode IGNNE# has the exception ignored
#[cold]
#[inline(never)]
fn pending_exception(vm: &mut Vcpu) -> Result<(), Exception> {
    let ignored = !vm.cpu.cr0.contains(Cr0::NE) && vm.bus_mut().ignne();
    if ignored { Ok(()) } else { Err(Exception::X87FloatingPoint) }
}

/// SPEC: intel-sdm-vol2 :: WAIT/FWAIT—Wait -> #NM where CR0.MP and CR0.TS are set; pending exceptions are raised
pub(crate) fn wait(vm: &mut Vcpu) -> Result<(), Exception> {
    if vm.cpu.cr0.contains(Cr0::MP | Cr0::TS) {
        return Err(Exception::DeviceNotAvailable);
    }
    no_pending_exception(vm)
}

/// LDMXCSR and STMXCSR
///
/// SPEC: intel-sdm-vol2 :: LDMXCSR—Load MXCSR Register -> reserved bits are #GP(0)
fn mxcsr(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    if i.flags.contains(InsnFlags::VEX) { vm.check_avx() } else { vm.check_sse() }?;
    if matches!(i.op, Op::Stmxcsr | Op::Vstmxcsr) {
        let value = vm.cpu.mxcsr.bits().into();
        vm.store_operand(i, 0, Width::B4, value)?;
    } else {
        let value = vm.load_operand(i, 0, Width::B4)? as u32;
        set_mxcsr(vm, value)?;
    }
    Ok(Flow::Next)
}

/// Sets MXCSR; #GP(0) for reserved bits.
fn set_mxcsr(vm: &mut Vcpu, value: u32) -> Result<(), Exception> {
    if value & !x86_state::Mxcsr::MASK != 0 {
        return Err(Exception::GP0);
    }
    vm.cpu.mxcsr = x86_state::Mxcsr::from_bits_retain(value);
    vm.code_mode_changed();
    Ok(())
}

/// Sets ES and B to whether an unmasked exception is flagged.
#[inline(always)]
fn summarize(x87: &mut X87) {
    let unmasked = x87.status & !x87.control & status::EXCEPTIONS != 0;
    x87.status &= !(status::ES | status::B);
    if unmasked {
        x87.status |= status::ES | status::B;
    }
}
