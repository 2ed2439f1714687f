//! FADD, FSUB, FMUL, FDIV and their forms.

use super::stack::Stack;
use crate::{Flow, Vcpu};
use x86_decode::{Instruction, Op, OperandKind};
use x86_float::{Env, F80, Operand};
use x86_types::{Exception, Width};

/// Destination first.
type Binary = fn(&mut Env, F80, Operand) -> F80;

/// What an instruction computes, whether it pops, whether its memory operand is an integer.
fn operation(op: Op) -> Option<(Binary, bool, bool)> {
    let (function, pop, integer): (Binary, _, _) = match op {
        Op::Fadd => (F80::add, false, false),
        Op::Faddp => (F80::add, true, false),
        Op::Fiadd => (F80::add, false, true),
        Op::Fmul => (F80::mul, false, false),
        Op::Fmulp => (F80::mul, true, false),
        Op::Fimul => (F80::mul, false, true),
        Op::Fsub => (F80::sub, false, false),
        Op::Fsubp => (F80::sub, true, false),
        Op::Fisub => (F80::sub, false, true),
        Op::Fsubr => (F80::sub_reversed, false, false),
        Op::Fsubrp => (F80::sub_reversed, true, false),
        Op::Fisubr => (F80::sub_reversed, false, true),
        Op::Fdiv => (F80::div, false, false),
        Op::Fdivp => (F80::div, true, false),
        Op::Fidiv => (F80::div, false, true),
        Op::Fdivr => (F80::div_reversed, false, false),
        Op::Fdivrp => (F80::div_reversed, true, false),
        Op::Fidivr => (F80::div_reversed, false, true),
        _ => return None,
    };
    Some((function, pop, integer))
}

pub(super) fn is_one(op: Op) -> bool {
    operation(op).is_some()
}

/// The memory operand in single or double precision, or an integer.
pub(super) fn memory_operand(vm: &mut Vcpu, i: &Instruction, integer: bool) -> Result<Operand, Exception> {
    let w = i.operands[0].width().unwrap_or(Width::B4);
    let bits = vm.load_operand(i, 0, w)?;
    Ok(match w {
        _ if integer => Operand::from_integer(w.sext(bits) as i64),
        Width::B8 => Operand::from_double(bits),
        _ => Operand::from_single(bits as u32),
    })
}

pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> Result<Option<Flow>, Exception> {
    let Some((function, pop, integer)) = operation(i.op) else { return Ok(None) };
    if i.operands[0].kind == OperandKind::Mem {
        let source = memory_operand(vm, i, integer)?;
        let mut stack = Stack::new(&mut vm.cpu.x87);
        let fault = stack.is_empty(0);
        binary(&mut stack, 0, source, fault, function);
        return Ok(Some(Flow::Next));
    }
    let (to, from) = (i.operands[0].reg, i.operands[1].reg);
    let mut stack = Stack::new(&mut vm.cpu.x87);
    let fault = stack.is_empty(to) || stack.is_empty(from);
    let source = Operand::from(stack.get(from));
    if binary(&mut stack, to, source, fault, function) && pop {
        stack.pop();
    }
    Ok(Some(Flow::Next))
}

/// Computes into ST(to); whether the instruction goes on to pop.
fn binary(stack: &mut Stack<'_>, to: u8, source: Operand, fault: bool, function: Binary) -> bool {
    if fault {
        let masked = stack.fault(false);
        if masked {
            stack.set(to, F80::INDEFINITE);
        }
        return masked;
    }
    let mut env = stack.env();
    let result = function(&mut env, stack.get(to), source);
    let done = stack.settle(&env);
    if done {
        stack.set(to, result);
    }
    done
}
