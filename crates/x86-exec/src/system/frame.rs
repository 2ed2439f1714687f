//! PUSHA, POPA, ENTER, BOUND.

use crate::concrete_operand::ConcreteResult;
use crate::{ExecutionMode, Flow, GeneralRegisters, MemRef, Vcpu};
use x86_decode::{Instruction, Op};
use x86_state::gpr;
use x86_types::{Exception, Seg, Width};

pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    match i.op {
        Op::Pusha => pusha(vm, i.opsize),
        Op::Popa => popa(vm, i.opsize),
        Op::Enter => enter(vm, i),
        _ => bound(vm, i),
    }
}

fn stack_store(vm: &mut Vcpu, sp: u64, w: Width, v: u64) -> Result<(), Exception> {
    vm.store_ref(&MemRef { seg: Seg::Ss, offset: sp }, w, v).map_err(Exception::from)
}

fn stack_load(vm: &mut Vcpu, sp: u64, w: Width) -> Result<u64, Exception> {
    vm.load_ref(&MemRef { seg: Seg::Ss, offset: sp }, w).map_err(Exception::from)
}

/// SPEC: intel-sdm-vol2 :: PUSHA/PUSHAD—Push All General-Purpose Registers -> AX to DI in encoding order, SP as it was before the first push
fn pusha(vm: &mut Vcpu, w: Width) -> ConcreteResult {
    let sw = vm.stack_width();
    let mut sp = vm.read_gpr(4, sw);
    for r in 0..8 {
        sp = sw.trunc(sp.wrapping_sub(u64::from(w.bytes())));
        let v = vm.read_gpr(r, w);
        stack_store(vm, sp, w, v)?;
    }
    vm.write_gpr(4, sw, sp);
    Ok(Flow::Next)
}

fn popa(vm: &mut Vcpu, w: Width) -> ConcreteResult {
    let sw = vm.stack_width();
    let mut sp = vm.read_gpr(4, sw);
    let mut values = [0; 8];
    for r in (0..8).rev() {
        values[r] = stack_load(vm, sp, w)?;
        sp = sw.trunc(sp.wrapping_add(u64::from(w.bytes())));
    }
    for (r, v) in values.into_iter().enumerate() {
        if r != gpr::RSP {
            vm.write_gpr(r as u8, w, v);
        }
    }
    vm.write_gpr(4, sw, sp);
    Ok(Flow::Next)
}

/// SPEC: intel-sdm-vol2 :: ENTER—Make Stack Frame for Procedure Parameters -> the level is taken modulo 32; outer frame pointers are copied by BP, EBP or RBP as the stack is wide; FrameTemp is SP, ESP or RSP by the operand size; the final stack must be writable
fn enter(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let (w, sw) = (i.opsize, vm.stack_width());
    let size = i.imm & 0xffff;
    let level = (i.imm >> 16) & 31;
    let bytes = u64::from(w.bytes());
    let mut sp = vm.read_gpr(4, sw);
    let mut frame = vm.read_gpr(5, sw);
    let old = vm.read_gpr(5, w);
    sp = sw.trunc(sp.wrapping_sub(bytes));
    stack_store(vm, sp, w, old)?;
    // FrameTemp has the operand size: on a 16-bit stack a 32-bit one keeps the upper half of ESP.
    let frame_temp = w.trunc(vm.cpu.gpr[gpr::RSP] & !sw.mask() | sp);
    for n in 1..=level {
        let v = if n == level {
            frame_temp
        } else {
            frame = sw.trunc(frame.wrapping_sub(bytes));
            stack_load(vm, frame, w)?
        };
        sp = sw.trunc(sp.wrapping_sub(bytes));
        stack_store(vm, sp, w, v)?;
    }
    sp = sw.trunc(sp.wrapping_sub(size));
    let m = MemRef { seg: Seg::Ss, offset: sp };
    vm.check_write_ref(&m, w)?;
    vm.write_gpr(5, w, frame_temp);
    vm.write_gpr(4, sw, sp);
    Ok(Flow::Next)
}

fn bound(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let w = i.opsize;
    let index = w.sext(vm.read_gpr(i.operands[0].reg, w)) as i64;
    let low = w.sext(vm.load_operand(i, 0, w)?) as i64;
    let high = w.sext(vm.load_operand(i, u64::from(w.bytes()), w)?) as i64;
    if index < low || index > high { Err(Exception::BoundRange) } else { Ok(Flow::Next) }
}
