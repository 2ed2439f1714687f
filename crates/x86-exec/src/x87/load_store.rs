//! Loads, stores, constants, exchanges.

use super::stack::Stack;
use super::{Area, status};
use crate::{Flow, Vcpu};
use x86_decode::{Instruction, Op, OperandKind};
use x86_float::{Env, F80};
use x86_types::{Exception, Width};

pub(super) fn is_one(op: Op) -> bool {
    use Op::{
        Fbld, Fbstp, Fdecstp, Ffree, Ffreep, Fild, Fincstp, Fist, Fistp, Fisttp, Fld, Fnop, Fst, Fstp, Fxch,
    };
    use Op::{Fld1, Fldl2e, Fldl2t, Fldlg2, Fldln2, Fldpi, Fldz};
    matches!(op, Fld | Fild | Fbld | Fst | Fstp | Fist | Fistp | Fisttp | Fbstp | Fxch | Ffree | Ffreep)
        || matches!(op, Fincstp | Fdecstp | Fnop | Fld1 | Fldz | Fldpi | Fldl2t | Fldl2e | Fldlg2 | Fldln2)
}

pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> Result<Option<Flow>, Exception> {
    let memory = i.operands[0].kind == OperandKind::Mem;
    match i.op {
        Op::Fld if memory => load(vm, i)?,
        Op::Fild => {
            let w = i.operands[0].width().unwrap_or(Width::B8);
            let value = F80::from_integer(w.sext(vm.load_operand(i, 0, w)?) as i64);
            push(&mut Stack::new(&mut vm.cpu.x87), |_| value);
        }
        Op::Fbld => {
            let (low, high) = (vm.load_operand(i, 0, Width::B8)?, vm.load_operand(i, 8, Width::B2)?);
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&low.to_le_bytes());
            bytes[8..].copy_from_slice(&(high as u16).to_le_bytes());
            push(&mut Stack::new(&mut vm.cpu.x87), |_| F80::from_bcd(bytes));
        }
        Op::Fst | Op::Fstp if memory => store_float(vm, i)?,
        Op::Fist | Op::Fistp | Op::Fisttp => store_integer(vm, i)?,
        Op::Fbstp => store_bcd(vm, i)?,
        Op::Fstp if is_quiet_pop(vm, i) => {
            let mut stack = Stack::new(&mut vm.cpu.x87);
            stack.pop();
            stack.set_conditions(status::C1, 0);
        }
        _ => return Ok(register(&mut Stack::new(&mut vm.cpu.x87), i)),
    }
    Ok(Some(Flow::Next))
}

/// Whether this is D9 D8+i, an FSTP that the manuals no longer list, with ST(0) empty: processors pop without a stack
/// fault and leave ST(i) alone.
fn is_quiet_pop(vm: &mut Vcpu, i: &Instruction) -> bool {
    i.operands[0].kind == OperandKind::St
        && Stack::new(&mut vm.cpu.x87).is_empty(0)
        && super::opcode(vm, i) & 0x7f8 == 0x1d8
}

/// Pushes what `value` makes, unless the stack is full or an unmasked exception forbids.
fn push(stack: &mut Stack<'_>, value: impl FnOnce(&mut Env) -> F80) {
    if stack.is_full() {
        if stack.fault(true) {
            stack.push(F80::INDEFINITE);
        }
        return;
    }
    let mut env = stack.env();
    let value = value(&mut env);
    if stack.settle(&env) {
        stack.push(value);
    }
}

/// FLD of memory. The double-extended form moves bits and raises nothing.
fn load(vm: &mut Vcpu, i: &Instruction) -> Result<(), Exception> {
    let Some(w) = i.operands[0].width() else {
        let significand = vm.load_operand(i, 0, Width::B8)?;
        let value = F80::new(significand, vm.load_operand(i, 8, Width::B2)? as u16);
        push(&mut Stack::new(&mut vm.cpu.x87), |_| value);
        return Ok(());
    };
    let bits = vm.load_operand(i, 0, w)?;
    push(&mut Stack::new(&mut vm.cpu.x87), |env| match w {
        Width::B8 => F80::from_double(env, bits),
        _ => F80::from_single(env, bits as u32),
    });
    Ok(())
}

/// A value for memory, and whether it is to be stored: computes from ST(0), or takes `indefinite` for an empty register.
fn outgoing<T>(stack: &mut Stack<'_>, indefinite: T, convert: impl FnOnce(F80, &mut Env) -> T) -> Option<T> {
    if stack.is_empty(0) {
        return stack.fault(false).then_some(indefinite);
    }
    let mut env = stack.env();
    let value = convert(stack.get(0), &mut env);
    stack.settle_store(&env).then_some(value)
}

/// Stores what `make` gives; a fault of the store leaves all as it was. Of the state, `make` and a pop change no more than
/// the status and the tags.
fn store_with(
    vm: &mut Vcpu,
    i: &Instruction,
    size: u64,
    pop: bool,
    make: impl FnOnce(&mut Stack<'_>) -> Option<u128>,
) -> Result<(), Exception> {
    let before = (vm.cpu.x87.status, vm.cpu.x87.tags);
    let mut stack = Stack::new(&mut vm.cpu.x87);
    let Some(value) = make(&mut stack) else { return Ok(()) };
    if pop {
        stack.pop();
    }
    let stored = store_value(vm, i, size, value);
    if stored.is_err() {
        (vm.cpu.x87.status, vm.cpu.x87.tags) = before;
    }
    stored
}

fn store_value(vm: &mut Vcpu, i: &Instruction, size: u64, value: u128) -> Result<(), Exception> {
    match size {
        2 => vm.store_operand(i, 0, Width::B2, value as u64),
        4 => vm.store_operand(i, 0, Width::B4, value as u64),
        8 => vm.store_operand(i, 0, Width::B8, value as u64),
        _ => {
            let mut area = Area::to_write(vm, i, 10)?;
            area.store(0, Width::B8, value as u64)?;
            area.store(8, Width::B2, (value >> 64) as u64 & 0xffff)
        }
    }
}

fn store_float(vm: &mut Vcpu, i: &Instruction) -> Result<(), Exception> {
    let pop = i.op == Op::Fstp;
    let bits = |x: F80| u128::from(x.significand) | u128::from(x.sign_exponent) << 64;
    match i.operands[0].width() {
        Some(Width::B4) => {
            store_with(vm, i, 4, pop, |stack| outgoing(stack, 0xffc0_0000, |x, env| x.to_single(env).into()))
        }
        Some(_) => store_with(vm, i, 8, pop, |stack| {
            outgoing(stack, 0xfff8_0000_0000_0000, |x, env| x.to_double(env).into())
        }),
        None => store_with(vm, i, 10, pop, |stack| outgoing(stack, bits(F80::INDEFINITE), |x, _| bits(x))),
    }
}

fn store_integer(vm: &mut Vcpu, i: &Instruction) -> Result<(), Exception> {
    let w = i.operands[0].width().unwrap_or(Width::B8);
    let (pop, truncate) = (i.op != Op::Fist, i.op == Op::Fisttp);
    let indefinite = 1u128 << (w.bits() - 1);
    store_with(vm, i, u64::from(w.bytes()), pop, |stack| {
        outgoing(stack, indefinite, |x, env| {
            let value = x.to_integer(env, w.bits(), truncate);
            u128::from(w.trunc(value as u64))
        })
    })
}

fn store_bcd(vm: &mut Vcpu, i: &Instruction) -> Result<(), Exception> {
    const INDEFINITE: u128 = 0xffff_c000_0000_0000_0000;
    store_with(vm, i, 10, true, |stack| {
        outgoing(stack, INDEFINITE, |x, env| {
            x.to_bcd(env).iter().rev().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
        })
    })
}

/// Instructions on registers alone.
fn register(stack: &mut Stack<'_>, i: &Instruction) -> Option<Flow> {
    let reg = i.operands[0].reg;
    match i.op {
        Op::Fld if stack.is_empty(reg) => {
            if stack.fault(false) {
                stack.push(F80::INDEFINITE);
            }
        }
        Op::Fld => {
            let value = stack.get(reg);
            push(stack, |_| value);
        }
        Op::Fst | Op::Fstp => {
            if let Some(value) = outgoing(stack, F80::INDEFINITE, |x, _| x) {
                stack.set(reg, value);
                if i.op == Op::Fstp {
                    stack.pop();
                }
            }
        }
        Op::Fxch => exchange(stack, i.operands[1].reg),
        Op::Ffree => stack.free(reg),
        Op::Ffreep => {
            stack.free(reg);
            stack.pop();
        }
        Op::Fincstp | Op::Fdecstp => {
            stack.rotate(if i.op == Op::Fincstp { 1 } else { 7 });
            stack.set_conditions(status::C1, 0);
        }
        Op::Fnop => {}
        Op::Fld1 => push(stack, |_| F80::ONE),
        Op::Fldz => push(stack, |_| F80::ZERO),
        Op::Fldpi => push(stack, |env| F80::pi(env)),
        Op::Fldl2t => push(stack, |env| F80::log2_10(env)),
        Op::Fldl2e => push(stack, |env| F80::log2_e(env)),
        Op::Fldlg2 => push(stack, |env| F80::log10_2(env)),
        Op::Fldln2 => push(stack, |env| F80::ln_2(env)),
        _ => return None,
    }
    Some(Flow::Next)
}

/// SPEC: intel-sdm-vol2 :: FXCH—Exchange Register Contents -> an empty register is a stack fault; masked, it counts as the indefinite
fn exchange(stack: &mut Stack<'_>, with: u8) {
    if stack.is_empty(0) || stack.is_empty(with) {
        if !stack.fault(false) {
            return;
        }
        for i in [0, with] {
            if stack.is_empty(i) {
                stack.set(i, F80::INDEFINITE);
            }
        }
    } else {
        stack.set_conditions(status::C1, 0);
    }
    let (a, b) = (stack.get(0), stack.get(with));
    stack.set(0, b);
    stack.set(with, a);
}
