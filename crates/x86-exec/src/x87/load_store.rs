//! Loads, stores, constants, exchanges.

use super::stack::Stack;
use super::status;
use crate::{MemRef, Raised, Vcpu};
use x86_decode::{Instruction, Op};
use x86_float::{Env, F80};
use x86_types::Width;

pub(super) fn is_one(op: Op) -> bool {
    use Op::{
        Fbld, Fbstp, Fdecstp, Ffree, Ffreep, Fild, Fincstp, Fist, Fistp, Fisttp, Fld, Fnop, Fst, Fstp, Fxch,
    };
    use Op::{Fld1, Fldl2e, Fldl2t, Fldlg2, Fldln2, Fldpi, Fldz};
    matches!(op, Fld | Fild | Fbld | Fst | Fstp | Fist | Fistp | Fisttp | Fbstp | Fxch | Ffree | Ffreep)
        || matches!(op, Fincstp | Fdecstp | Fnop | Fld1 | Fldz | Fldpi | Fldl2t | Fldl2e | Fldlg2 | Fldln2)
}

pub(super) fn is_store(op: Op) -> bool {
    matches!(op, Op::Fst | Op::Fstp | Op::Fist | Op::Fistp | Op::Fisttp)
}

/// FLD of memory and FILD. The double-extended form of FLD moves bits and raises nothing.
#[inline(always)]
pub(super) fn load(vm: &mut Vcpu, i: &Instruction, m: Option<&MemRef<u64>>, op: Op) -> Result<(), Raised> {
    let Some(m) = m else { return Ok(()) };
    let mut env = Stack::new(&mut vm.cpu.x87).env();
    let value = match i.operands[0].width() {
        Some(w) if op == Op::Fild => F80::from_integer(w.sext(vm.load_ref(m, w)?) as i64),
        Some(Width::B8) => F80::from_double(&mut env, vm.load_ref(m, Width::B8)?),
        Some(_) => F80::from_single(&mut env, vm.load_ref(m, Width::B4)? as u32),
        None => {
            let (significand, sign_exponent) = vm.load80_ref(m, i.addrsize)?;
            F80::new(significand, sign_exponent)
        }
    };
    push(&mut Stack::new(&mut vm.cpu.x87), |raised| {
        *raised = env;
        value
    });
    Ok(())
}

/// FST and FSTP to memory, FIST and its kin.
#[inline(always)]
pub(super) fn store(vm: &mut Vcpu, i: &Instruction, m: Option<&MemRef<u64>>, op: Op) -> Result<(), Raised> {
    let Some(m) = m else { return Ok(()) };
    let (integer, truncate) = (!matches!(op, Op::Fst | Op::Fstp), op == Op::Fisttp);
    let pop = !matches!(op, Op::Fst | Op::Fist);
    let width = i.operands[0].width();
    let low = |bits: u64| F80::new(bits, 0);
    let indefinite = match width {
        Some(w) if integer => low(1 << (w.bits() - 1)),
        Some(Width::B8) => low(0xfff8_0000_0000_0000),
        Some(_) => low(0xffc0_0000),
        None => F80::INDEFINITE,
    };
    store_with(
        vm,
        pop,
        |stack| {
            outgoing(stack, indefinite, |x, env| match width {
                Some(w) if integer => low(x.to_integer(env, w.bits(), truncate) as u64),
                Some(Width::B8) => low(x.to_double(env)),
                Some(_) => low(x.to_single(env).into()),
                None => x,
            })
        },
        |vm, x| match width {
            Some(w) => vm.store_ref(m, w, x.significand),
            None => vm.store80_ref(m, i.addrsize, x.significand, x.sign_exponent),
        },
    )
}

/// FLD, FSTP and FXCH of registers, FLD1 and FLDZ.
#[inline(always)]
pub(super) fn registers(
    vm: &mut Vcpu,
    i: &Instruction,
    _: Option<&MemRef<u64>>,
    op: Op,
) -> Result<(), Raised> {
    let quiet = op == Op::Fstp && is_quiet_pop(vm, i);
    let stack = &mut Stack::new(&mut vm.cpu.x87);
    match op {
        Op::Fstp if quiet => {
            stack.pop();
            stack.set_conditions(status::C1, 0);
        }
        Op::Fstp => {
            if store_register(stack, i.operands[0].reg) {
                stack.pop();
            }
        }
        Op::Fld if stack.is_empty(i.operands[0].reg) => {
            if stack.fault(false) {
                stack.push(F80::INDEFINITE);
            }
        }
        Op::Fld => {
            let value = stack.get(i.operands[0].reg);
            push(stack, |_| value);
        }
        Op::Fxch => exchange(stack, i.operands[1].reg),
        _ => push(stack, |_| if op == Op::Fld1 { F80::ONE } else { F80::ZERO }),
    }
    Ok(())
}

/// The others of this family.
pub(super) fn rare(vm: &mut Vcpu, i: &Instruction, m: Option<&MemRef<u64>>, op: Op) -> Result<(), Raised> {
    match (op, m) {
        (Op::Fbld, Some(m)) => {
            let (low, high) = vm.load80_ref(m, i.addrsize)?;
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&low.to_le_bytes());
            bytes[8..].copy_from_slice(&high.to_le_bytes());
            push_rare(&mut Stack::new(&mut vm.cpu.x87), &|_| F80::from_bcd(bytes));
        }
        (Op::Fbstp, Some(m)) => store_bcd(vm, i, m)?,
        _ => register(&mut Stack::new(&mut vm.cpu.x87), i, op),
    }
    Ok(())
}

/// Whether this is D9 D8+i, an FSTP that the manuals no longer list, with ST(0) empty: processors pop without a stack
/// fault and leave ST(i) alone.
#[inline(always)]
fn is_quiet_pop(vm: &mut Vcpu, i: &Instruction) -> bool {
    Stack::new(&mut vm.cpu.x87).is_empty(0) && super::opcode(vm, i) & 0x7f8 == 0x1d8
}

/// Pushes what `value` makes, unless the stack is full or an unmasked exception forbids.
#[inline(always)]
fn push(stack: &mut Stack<'_>, value: impl FnOnce(&mut Env) -> F80) {
    if stack.is_full() {
        push_full(stack);
        return;
    }
    let mut env = stack.env();
    let value = value(&mut env);
    if stack.settle(&env) {
        stack.push(value);
    }
}

#[cold]
#[inline(never)]
fn push_full(stack: &mut Stack<'_>) {
    if stack.fault(true) {
        stack.push(F80::INDEFINITE);
    }
}

/// The same, not in line.
#[inline(never)]
fn push_rare(stack: &mut Stack<'_>, value: &dyn Fn(&Env) -> F80) {
    push(stack, |env| value(env));
}

/// A value for memory, and whether it is to be stored: computes from ST(0), or takes `indefinite` for an empty register.
#[inline(always)]
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
#[inline(always)]
fn store_with<T>(
    vm: &mut Vcpu,
    pop: bool,
    make: impl FnOnce(&mut Stack<'_>) -> Option<T>,
    store: impl FnOnce(&mut Vcpu, T) -> Result<(), Raised>,
) -> Result<(), Raised> {
    let before = (vm.cpu.x87.status, vm.cpu.x87.tags);
    let mut stack = Stack::new(&mut vm.cpu.x87);
    let Some(value) = make(&mut stack) else { return Ok(()) };
    if pop {
        stack.pop();
    }
    let stored = store(vm, value);
    if stored.is_err() {
        (vm.cpu.x87.status, vm.cpu.x87.tags) = before;
    }
    stored
}

fn store_bcd(vm: &mut Vcpu, i: &Instruction, m: &MemRef<u64>) -> Result<(), Raised> {
    const INDEFINITE: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff];
    store_with(
        vm,
        true,
        |stack| outgoing(stack, INDEFINITE, |x, env| x.to_bcd(env)),
        |vm, [a, b, c, d, e, f, g, h, low, high]| {
            let significand = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            vm.store80_ref(m, i.addrsize, significand, u16::from_le_bytes([low, high]))
        },
    )
}

/// FST to a register; whether it was written.
#[inline(always)]
fn store_register(stack: &mut Stack<'_>, to: u8) -> bool {
    match outgoing(stack, F80::INDEFINITE, |x, _| x) {
        Some(value) => stack.set(to, value),
        None => return false,
    }
    true
}

/// Instructions on registers alone.
fn register(stack: &mut Stack<'_>, i: &Instruction, op: Op) {
    let reg = i.operands[0].reg;
    match op {
        Op::Fst => {
            store_register(stack, reg);
        }
        Op::Ffree => stack.free(reg),
        Op::Ffreep => {
            stack.free(reg);
            stack.pop();
        }
        Op::Fincstp | Op::Fdecstp => {
            stack.rotate(if op == Op::Fincstp { 1 } else { 7 });
            stack.set_conditions(status::C1, 0);
        }
        Op::Fldpi => push_rare(stack, &F80::pi),
        Op::Fldl2t => push_rare(stack, &F80::log2_10),
        Op::Fldl2e => push_rare(stack, &F80::log2_e),
        Op::Fldlg2 => push_rare(stack, &F80::log10_2),
        Op::Fldln2 => push_rare(stack, &F80::ln_2),
        // FNOP
        _ => {}
    }
}

/// SPEC: intel-sdm-vol2 :: FXCH—Exchange Register Contents -> an empty register is a stack fault; masked, it counts as the indefinite
#[inline(always)]
fn exchange(stack: &mut Stack<'_>, with: u8) {
    if stack.is_empty(0) || stack.is_empty(with) {
        exchange_empty(stack, with);
        return;
    }
    stack.set_conditions(status::C1, 0);
    let (a, b) = (stack.get(0), stack.get(with));
    stack.replace(0, b);
    stack.replace(with, a);
}

#[cold]
#[inline(never)]
fn exchange_empty(stack: &mut Stack<'_>, with: u8) {
    if !stack.fault(false) {
        return;
    }
    let value = |i| if stack.is_empty(i) { F80::INDEFINITE } else { stack.get(i) };
    let (a, b) = (value(0), value(with));
    stack.set(0, b);
    stack.set(with, a);
}
