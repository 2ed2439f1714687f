//! Loads, stores, constants, exchanges.

use super::stack::Stack;
use super::status;
use crate::{Format, MemRef, Raised, Vcpu, X87};
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
pub(super) fn load<D: X87>(
    d: &mut D,
    i: &Instruction,
    m: Option<&MemRef<D::V>>,
    op: Op,
) -> Result<(), D::Fault> {
    let Some(m) = m else { return Ok(()) };
    match i.operands[0].width() {
        Some(w) => {
            let bits = d.load(m, w)?;
            let format = if op == Op::Fild { Format::Integer } else { Format::Float };
            push_loaded(d, |d| d.f80_load(bits, w, format));
        }
        None => {
            let value = d.load80(m, i.addrsize)?;
            push(d, value);
        }
    }
    Ok(())
}

/// FST and FSTP to memory, FIST, FISTP and FISTTP.
#[inline(always)]
pub(super) fn store<D: X87>(
    d: &mut D,
    i: &Instruction,
    m: Option<&MemRef<D::V>>,
    op: Op,
) -> Result<(), D::Fault> {
    let Some(m) = m else { return Ok(()) };
    let format = match op {
        Op::Fst | Op::Fstp => Format::Float,
        Op::Fisttp => Format::Truncated,
        _ => Format::Integer,
    };
    let pop = !matches!(op, Op::Fst | Op::Fist);
    match i.operands[0].width() {
        Some(w) => {
            let indefinite = match (format, w) {
                (Format::Float, Width::B8) => 0xfff8_0000_0000_0000,
                (Format::Float, _) => 0xffc0_0000,
                _ => 1 << (w.bits() - 1),
            };
            store_with(
                d,
                pop,
                |d, x| d.f80_store(x, w, format),
                |d| d.imm(indefinite),
                |d, bits| d.store(m, w, bits),
            )
        }
        None => store_with(
            d,
            pop,
            |d, x| {
                d.clear_c1();
                Some(x)
            },
            |d| d.f80(F80::INDEFINITE),
            |d, x| d.store80(m, i.addrsize, x),
        ),
    }
}

/// FLD, FSTP and FXCH of registers, FLD1 and FLDZ.
#[inline(always)]
pub(super) fn registers<D: X87>(
    d: &mut D,
    i: &Instruction,
    _: Option<&MemRef<D::V>>,
    op: Op,
) -> Result<(), D::Fault> {
    match op {
        Op::Fstp if !d.st_in_use(0) && d.is_quiet_pop(i) => {
            d.st_pop();
            d.clear_c1();
        }
        Op::Fst | Op::Fstp => {
            if store_register(d, i.operands[0].reg) && op == Op::Fstp {
                d.st_pop();
            }
        }
        Op::Fld => {
            let from = i.operands[0].reg;
            if d.st_in_use(from) {
                let value = d.st(from);
                push(d, value);
            } else if d.st_fault(false) {
                let indefinite = d.f80(F80::INDEFINITE);
                d.st_push(indefinite);
            }
        }
        Op::Fxch => exchange(d, i.operands[1].reg),
        _ => {
            let value = d.f80(if op == Op::Fld1 { F80::ONE } else { F80::ZERO });
            push(d, value);
        }
    }
    Ok(())
}

/// Pushes a value, unless the stack is full.
#[inline(always)]
fn push<D: X87>(d: &mut D, value: D::F) {
    if d.st_full() {
        push_full(d);
        return;
    }
    d.clear_c1();
    d.st_push(value);
}

/// Pushes the result of `value`, unless the stack is full or an unmasked exception suppresses it.
#[inline(always)]
fn push_loaded<D: X87>(d: &mut D, value: impl FnOnce(&mut D) -> Option<D::F>) {
    if d.st_full() {
        push_full(d);
        return;
    }
    if let Some(value) = value(d) {
        d.st_push(value);
    }
}

#[cold]
#[inline(never)]
fn push_full<D: X87>(d: &mut D) {
    if d.st_fault(true) {
        let indefinite = d.f80(F80::INDEFINITE);
        d.st_push(indefinite);
    }
}

/// Stores a value computed from ST(0); for an empty register, if the fault is masked, `indefinite`. If the store
/// faults, the state is as before.
#[inline(always)]
fn store_with<D: X87, T>(
    d: &mut D,
    pop: bool,
    convert: impl FnOnce(&mut D, D::F) -> Option<T>,
    indefinite: impl FnOnce(&mut D) -> T,
    store: impl FnOnce(&mut D, T) -> Result<(), D::Fault>,
) -> Result<(), D::Fault> {
    let before = d.x87_before_store();
    let value = if d.st_in_use(0) {
        let x = d.st(0);
        convert(d, x)
    } else {
        d.st_fault(false).then(|| indefinite(d))
    };
    let Some(value) = value else { return Ok(()) };
    if pop {
        d.st_pop();
    }
    let stored = store(d, value);
    if stored.is_err() {
        d.restore_x87(before);
    }
    stored
}

/// FST to a register. Returns whether it was written.
#[inline(always)]
fn store_register<D: X87>(d: &mut D, to: u8) -> bool {
    if d.st_in_use(0) {
        let value = d.st(0);
        d.clear_c1();
        d.set_st(to, value);
        return true;
    }
    let masked = d.st_fault(false);
    if masked {
        let indefinite = d.f80(F80::INDEFINITE);
        d.set_st(to, indefinite);
    }
    masked
}

/// SPEC: intel-sdm-vol2 :: FXCH—Exchange Register Contents -> an empty register is a stack fault; masked, it counts as the indefinite
#[inline(always)]
fn exchange<D: X87>(d: &mut D, with: u8) {
    if !d.st_in_use(0) || !d.st_in_use(with) {
        exchange_empty(d, with);
        return;
    }
    d.clear_c1();
    let (a, b) = (d.st(0), d.st(with));
    d.replace_st(0, b);
    d.replace_st(with, a);
}

#[cold]
#[inline(never)]
fn exchange_empty<D: X87>(d: &mut D, with: u8) {
    if !d.st_fault(false) {
        return;
    }
    let mut value = |i| if d.st_in_use(i) { d.st(i) } else { d.f80(F80::INDEFINITE) };
    let (a, b) = (value(0), value(with));
    d.set_st(0, b);
    d.set_st(with, a);
}

/// The other instructions of this module.
pub(super) fn rare(vm: &mut Vcpu, i: &Instruction, m: Option<&MemRef<u64>>, op: Op) -> Result<(), Raised> {
    match (op, m) {
        (Op::Fbld, Some(m)) => {
            let (low, high) = vm.load80_ref(m, i.addrsize)?;
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&low.to_le_bytes());
            bytes[8..].copy_from_slice(&high.to_le_bytes());
            push_rare(vm, &|_| F80::from_bcd(bytes));
        }
        (Op::Fbstp, Some(m)) => store_bcd(vm, i, m)?,
        _ => register(vm, i, op),
    }
    Ok(())
}

/// Pushes the result of a function of the control word.
#[inline(never)]
fn push_rare(vm: &mut Vcpu, value: &dyn Fn(&Env) -> F80) {
    let env = Stack::new(&mut vm.cpu.x87).env();
    push(vm, value(&env).into());
}

fn store_bcd(vm: &mut Vcpu, i: &Instruction, m: &MemRef<u64>) -> Result<(), Raised> {
    const INDEFINITE: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff];
    store_with(
        vm,
        true,
        |vm, x| {
            let mut stack = Stack::new(&mut vm.cpu.x87);
            let mut env = stack.env();
            let bytes = x.parts().0.to_bcd(&mut env);
            stack.commit_store_exceptions(&env).then_some(bytes)
        },
        |_| INDEFINITE,
        |vm, [a, b, c, d, e, f, g, h, low, high]| {
            let significand = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            vm.store80_ref(m, i.addrsize, significand, u16::from_le_bytes([low, high]))
        },
    )
}

/// Instructions on registers alone.
fn register(vm: &mut Vcpu, i: &Instruction, op: Op) {
    let reg = i.operands[0].reg;
    let mut stack = Stack::new(&mut vm.cpu.x87);
    match op {
        Op::Ffree => stack.free(reg),
        Op::Ffreep => {
            stack.free(reg);
            stack.pop();
        }
        Op::Fincstp | Op::Fdecstp => {
            stack.rotate(if op == Op::Fincstp { 1 } else { 7 });
            stack.set_conditions(status::C1, 0);
        }
        Op::Fldpi => push_rare(vm, &F80::pi),
        Op::Fldl2t => push_rare(vm, &F80::log2_10),
        Op::Fldl2e => push_rare(vm, &F80::log2_e),
        Op::Fldlg2 => push_rare(vm, &F80::log10_2),
        Op::Fldln2 => push_rare(vm, &F80::ln_2),
        // FNOP
        _ => {}
    }
}
