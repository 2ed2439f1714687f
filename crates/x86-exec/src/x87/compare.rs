//! FCOM and its forms, FCOMI, FTST, FXAM, FCMOVcc.

use super::arith::memory_operand;
use super::stack::Stack;
use super::status;
use crate::{Bin, FlagDef, MemRef, X87};
use x86_decode::{Instruction, Op, OperandKind};
use x86_float::sse::Relation;
use x86_float::{Class, F80, Operand};
use x86_state::X87 as X87State;
use x86_types::{Cond, Width};

/// Returns whether QNaNs are invalid, and how many registers are popped.
#[inline(always)]
fn comparison(op: Op) -> Option<(bool, u8)> {
    Some(match op {
        Op::Fcom | Op::Ficom | Op::Ftst | Op::Fcomi => (true, 0),
        Op::Fcomp | Op::Ficomp | Op::Fcomip => (true, 1),
        Op::Fcompp => (true, 2),
        Op::Fucom | Op::Fucomi => (false, 0),
        Op::Fucomp | Op::Fucomip => (false, 1),
        Op::Fucompp => (false, 2),
        _ => return None,
    })
}

/// The condition of an FCMOVcc.
///
/// SPEC: intel-sdm-vol2 :: FCMOVcc—Floating-Point Conditional Move -> B: CF, E: ZF, BE: CF or ZF, U: PF; an empty register is a stack fault whatever the condition
fn condition(op: Op) -> Option<Cond> {
    Some(match op {
        Op::Fcmovb => Cond::B,
        Op::Fcmove => Cond::E,
        Op::Fcmovbe => Cond::Be,
        Op::Fcmovu => Cond::P,
        Op::Fcmovnb => Cond::Ae,
        Op::Fcmovne => Cond::Ne,
        Op::Fcmovnbe => Cond::A,
        Op::Fcmovnu => Cond::Np,
        _ => return None,
    })
}

pub(super) fn is_move(op: Op) -> bool {
    condition(op).is_some()
}

pub(super) fn is_comparison(op: Op) -> bool {
    comparison(op).is_some()
}

/// Returns whether the instruction sets EFLAGS.
#[inline(always)]
pub(super) fn is_to_flags(op: Op) -> bool {
    matches!(op, Op::Fcomi | Op::Fcomip | Op::Fucomi | Op::Fucomip)
}

/// Executes a comparison.
///
/// SPEC: intel-sdm-vol2 :: FCOM/FCOMP/FCOMPP—Compare Floating-Point Values -> C3, C2, C0: unordered 111, greater 000, less 001, equal 100
/// SPEC: intel-sdm-vol2 :: FCOMI/FCOMIP/FUCOMI/FUCOMIP—Compare Floating-Point Values and Set EFLAGS -> ZF, PF and CF by the relation; OF, SF and AF cleared
#[inline(always)]
pub(super) fn compare<D: X87>(
    d: &mut D,
    i: &Instruction,
    m: Option<&MemRef<D::V>>,
    op: Op,
) -> Result<(), D::Fault> {
    let Some((signaling, pops)) = comparison(op) else { return Ok(()) };
    let from = match (op, i.operands[0].kind) {
        (Op::Ftst, _) => 0,
        _ if m.is_some() => 0,
        (_, OperandKind::St) => i.operands[1].reg,
        _ => 1,
    };
    let b = match m {
        Some(m) => memory_operand(d, i, m, matches!(op, Op::Ficom | Op::Ficomp))?,
        None if op == Op::Ftst => d.f80(F80::ZERO),
        None => d.st(from),
    };
    let relation = if d.st_in_use(0) && d.st_in_use(from) {
        let a = d.st(0);
        d.f80_compare(a, b, signaling)
    } else {
        d.st_fault(false).then(|| d.imm(Relation::Unordered.eflags().into()))
    };
    // With an unmasked exception, condition codes and stack do not change.
    let Some(relation) = relation else { return Ok(()) };
    let to_flags = is_to_flags(op);
    if !to_flags {
        // C0, C2 and C3 are 8 bits above CF, PF and ZF.
        let up = d.imm(8);
        let conditions = d.bin(Bin::Shl, Width::B4, relation, up);
        d.set_conditions(conditions);
    }
    for _ in 0..pops {
        d.st_pop();
    }
    if to_flags {
        d.set_flags(FlagDef::Image(relation));
    }
    Ok(())
}

/// Returns the relation of two numbers, the second of which may have been `denormal` in memory: CF, PF and ZF. Returns
/// `None` if an unmasked exception is pending.
#[inline(never)]
pub(crate) fn compared(x87: &mut X87State, a: F80, b: F80, denormal: bool, signaling: bool) -> Option<u64> {
    let mut stack = Stack::new(x87);
    let mut env = stack.env();
    let relation = F80::compare(&mut env, a, Operand::from_parts(b, denormal), signaling);
    stack.commit_exceptions(&env).then(|| relation.eflags().into())
}

/// SPEC: intel-sdm-vol2 :: FXAM—Examine Floating-Point -> C1 is the sign, C3 C2 C0 the class; empty is 101
pub(super) fn examine(stack: &mut Stack<'_>) {
    use status::{C0, C1, C2, C3};
    let x = stack.get(0);
    let class = if stack.is_empty(0) {
        C3 | C0
    } else {
        match x.class() {
            Class::Unsupported => 0,
            Class::Nan => C0,
            Class::Normal => C2,
            Class::Infinity => C2 | C0,
            Class::Zero => C3,
            Class::Denormal => C3 | C2,
        }
    };
    stack.set_conditions(C3 | C2 | C1 | C0, class | if x.sign() { C1 } else { 0 });
}

/// FCMOVcc
pub(super) fn conditional_move<D: X87>(d: &mut D, i: &Instruction) -> Result<(), D::Fault> {
    let Some(condition) = condition(i.op) else { return Ok(()) };
    let from = i.operands[1].reg;
    if !d.st_in_use(0) || !d.st_in_use(from) {
        super::arith::underflow(d, 0);
        return Ok(());
    }
    let moved = d.cond(condition);
    d.clear_c1();
    let (a, b) = (d.st(0), d.st(from));
    let result = d.f80_select(moved, b, a);
    d.replace_st(0, result);
    Ok(())
}
