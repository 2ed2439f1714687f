//! FCOM and its forms, FCOMI, FTST, FXAM, FCMOVcc.

use super::arith::memory_operand;
use super::stack::Stack;
use super::status;
use crate::{Domain, MemRef, Raised, Vcpu};
use x86_decode::{Instruction, Op, OperandKind};
use x86_float::sse::Relation;
use x86_float::{Class, F80, Operand};
use x86_state::X87;

/// Whether QNaNs are invalid, and how many registers are popped.
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

/// C3, C2 and C0 of a relation.
///
/// SPEC: intel-sdm-vol2 :: FCOM/FCOMP/FCOMPP—Compare Floating-Point Values -> unordered 111, greater 000, less 001, equal 100
fn conditions(relation: Relation) -> u16 {
    match relation {
        Relation::Unordered => status::C3 | status::C2 | status::C0,
        Relation::Greater => 0,
        Relation::Less => status::C0,
        Relation::Equal => status::C3,
    }
}

pub(super) fn is_one(op: Op) -> bool {
    use Op::{Fcmovb, Fcmovbe, Fcmove, Fcmovnb, Fcmovnbe, Fcmovne, Fcmovnu, Fcmovu};
    let moves = matches!(op, Fcmovb | Fcmove | Fcmovbe | Fcmovu | Fcmovnb | Fcmovne | Fcmovnbe | Fcmovnu);
    moves || op == Op::Fxam || comparison(op).is_some()
}

/// Those that set EFLAGS.
#[inline(always)]
pub(super) fn is_to_flags(op: Op) -> bool {
    matches!(op, Op::Fcomi | Op::Fcomip | Op::Fucomi | Op::Fucomip)
}

/// Executes one of them.
#[inline(always)]
pub(super) fn to_flags(
    vm: &mut Vcpu,
    i: &Instruction,
    m: Option<&MemRef<u64>>,
    op: Op,
) -> Result<(), Raised> {
    match comparison(op).filter(|_| is_to_flags(op)) {
        Some(what) => compare(vm, i, m, op, what),
        None => Ok(()),
    }
}

#[inline(always)]
pub(super) fn exec(vm: &mut Vcpu, i: &Instruction, m: Option<&MemRef<u64>>, op: Op) -> Result<(), Raised> {
    match comparison(op) {
        Some(what) => compare(vm, i, m, op, what)?,
        None if op == Op::Fxam => examine(&mut Stack::new(&mut vm.cpu.x87)),
        None => conditional_move(vm, i),
    }
    Ok(())
}

#[inline(always)]
fn compare(
    vm: &mut Vcpu,
    i: &Instruction,
    m: Option<&MemRef<u64>>,
    op: Op,
    (signaling, pops): (bool, u8),
) -> Result<(), Raised> {
    let from = match (op, i.operands[0].kind) {
        (Op::Ftst, _) => 0,
        _ if m.is_some() => 0,
        (_, OperandKind::St) => i.operands[1].reg,
        _ => 1,
    };
    let (value, denormal) = match m {
        Some(m) => memory_operand(vm, i, m, matches!(op, Op::Ficom | Op::Ficomp))?.parts(),
        None if op == Op::Ftst => (F80::ZERO, false),
        None => (Stack::new(&mut vm.cpu.x87).get(from), false),
    };
    // An unmasked exception leaves the condition codes and the stack alone.
    let Some(relation) = relation(&mut vm.cpu.x87, from, value, denormal, signaling) else { return Ok(()) };
    let mut stack = Stack::new(&mut vm.cpu.x87);
    let to_flags = is_to_flags(op);
    if !to_flags {
        stack.set_conditions(status::C3 | status::C2 | status::C0, conditions(relation));
    }
    for _ in 0..pops {
        stack.pop();
    }
    if to_flags {
        // SPEC: intel-sdm-vol2 :: FCOMI/FCOMIP/FUCOMI/FUCOMIP—Compare Floating-Point Values and Set EFLAGS -> ZF, PF and CF by the relation; OF, SF and AF cleared
        vm.set_flags(crate::FlagDef::Image(relation.eflags().into()));
    }
    Ok(())
}

/// How ST(0) compares with a value, that of ST(from) or another, which may have been `denormal` in memory. `None` where an
/// unmasked exception pends.
#[inline(never)]
fn relation(x87: &mut X87, from: u8, value: F80, denormal: bool, signaling: bool) -> Option<Relation> {
    let mut stack = Stack::new(x87);
    if stack.is_empty(0) || stack.is_empty(from) {
        return stack.fault(false).then_some(Relation::Unordered);
    }
    let mut env = stack.env();
    let relation = F80::compare(&mut env, stack.get(0), Operand::from_parts(value, denormal), signaling);
    stack.settle(&env).then_some(relation)
}

/// SPEC: intel-sdm-vol2 :: FXAM—Examine Floating-Point -> C1 is the sign, C3 C2 C0 the class; empty is 101
fn examine(stack: &mut Stack<'_>) {
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

/// SPEC: intel-sdm-vol2 :: FCMOVcc—Floating-Point Conditional Move -> B: CF, E: ZF, BE: CF or ZF, U: PF; an empty register is a stack fault whatever the condition
fn conditional_move(vm: &mut Vcpu, i: &Instruction) {
    let flags = vm.cpu.arith;
    let moved = match i.op {
        Op::Fcmovb => flags.cf(),
        Op::Fcmove => flags.zf(),
        Op::Fcmovbe => flags.cf() || flags.zf(),
        Op::Fcmovu => flags.pf(),
        Op::Fcmovnb => !flags.cf(),
        Op::Fcmovne => !flags.zf(),
        Op::Fcmovnbe => !flags.cf() && !flags.zf(),
        _ => !flags.pf(),
    };
    let from = i.operands[1].reg;
    let mut stack = Stack::new(&mut vm.cpu.x87);
    if stack.is_empty(0) || stack.is_empty(from) {
        stack.underflow(0);
        return;
    }
    stack.set_conditions(status::C1, 0);
    if moved {
        let value = stack.get(from);
        stack.set(0, value);
    }
}
