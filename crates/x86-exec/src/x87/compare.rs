//! FCOM and its forms, FCOMI, FTST, FXAM, FCMOVcc.

use super::arith::memory_operand;
use super::stack::Stack;
use super::status;
use crate::{Domain, Flow, Vcpu};
use x86_decode::{Instruction, Op, OperandKind};
use x86_float::sse::Relation;
use x86_float::{Class, F80, Operand};
use x86_types::Exception;

/// Whether QNaNs are invalid, and how many registers are popped.
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

pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> Result<Option<Flow>, Exception> {
    match i.op {
        Op::Fxam => examine(&mut Stack::new(&mut vm.cpu.x87)),
        Op::Fcmovb
        | Op::Fcmove
        | Op::Fcmovbe
        | Op::Fcmovu
        | Op::Fcmovnb
        | Op::Fcmovne
        | Op::Fcmovnbe
        | Op::Fcmovnu => conditional_move(vm, i),
        _ => {
            let Some((signaling, pops)) = comparison(i.op) else { return Ok(None) };
            compare(vm, i, signaling, pops)?;
        }
    }
    Ok(Some(Flow::Next))
}

fn compare(vm: &mut Vcpu, i: &Instruction, signaling: bool, pops: u8) -> Result<(), Exception> {
    let source = match (i.operands[0].kind, i.op) {
        (OperandKind::Mem, op) => Ok(memory_operand(vm, i, matches!(op, Op::Ficom | Op::Ficomp))?),
        (_, Op::Ftst) => Ok(Operand::from(F80::ZERO)),
        (OperandKind::St, _) => Err(i.operands[1].reg),
        _ => Err(1),
    };
    let mut stack = Stack::new(&mut vm.cpu.x87);
    let fault = stack.is_empty(0) || source.is_err_and(|from| stack.is_empty(from));
    let relation = if fault {
        stack.fault(false).then_some(Relation::Unordered)
    } else {
        let source = source.unwrap_or_else(|from| stack.get(from).into());
        let mut env = stack.env();
        let relation = F80::compare(&mut env, stack.get(0), source, signaling);
        stack.settle(&env).then_some(relation)
    };
    // An unmasked exception leaves the condition codes and the stack alone.
    let Some(relation) = relation else { return Ok(()) };
    let to_eflags = matches!(i.op, Op::Fcomi | Op::Fcomip | Op::Fucomi | Op::Fucomip);
    if !to_eflags {
        stack.set_conditions(status::C3 | status::C2 | status::C0, conditions(relation));
    }
    for _ in 0..pops {
        stack.pop();
    }
    if to_eflags {
        // SPEC: intel-sdm-vol2 :: FCOMI/FCOMIP/FUCOMI/FUCOMIP—Compare Floating-Point Values and Set EFLAGS -> ZF, PF and CF by the relation; OF, SF and AF cleared
        vm.set_flags(crate::FlagDef::Image(relation.eflags().into()));
    }
    Ok(())
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
        if stack.fault(false) {
            stack.set(0, F80::INDEFINITE);
        }
        return;
    }
    stack.set_conditions(status::C1, 0);
    if moved {
        let value = stack.get(from);
        stack.set(0, value);
    }
}
