//! FADD, FSUB, FMUL, FDIV and their forms.

use super::stack::Stack;
use crate::{MemRef, Raised, Step, Vcpu};
use x86_decode::{Instruction, Op};
use x86_float::{Env, F80, Operand};
use x86_types::{Exception, Width};

/// What an instruction computes of its destination and its source.
#[derive(Clone, Copy)]
enum Binary {
    /// Sum of both, either negated
    Sum(bool, bool),
    Product,
    /// Quotient, or the quotient of source and destination
    Quotient(bool),
}

const ADD: Binary = Binary::Sum(false, false);
const SUB: Binary = Binary::Sum(false, true);
const SUB_REVERSED: Binary = Binary::Sum(true, false);
const MUL: Binary = Binary::Product;
const DIV: Binary = Binary::Quotient(false);
const DIV_REVERSED: Binary = Binary::Quotient(true);

/// What an instruction computes, whether it pops, whether its memory operand is an integer.
#[inline(always)]
fn operation(op: Op) -> Option<(Binary, bool, bool)> {
    Some(match op {
        Op::Fadd => (ADD, false, false),
        Op::Faddp => (ADD, true, false),
        Op::Fiadd => (ADD, false, true),
        Op::Fmul => (MUL, false, false),
        Op::Fmulp => (MUL, true, false),
        Op::Fimul => (MUL, false, true),
        Op::Fsub => (SUB, false, false),
        Op::Fsubp => (SUB, true, false),
        Op::Fisub => (SUB, false, true),
        Op::Fsubr => (SUB_REVERSED, false, false),
        Op::Fsubrp => (SUB_REVERSED, true, false),
        Op::Fisubr => (SUB_REVERSED, false, true),
        Op::Fdiv => (DIV, false, false),
        Op::Fdivp => (DIV, true, false),
        Op::Fidiv => (DIV, false, true),
        Op::Fdivr => (DIV_REVERSED, false, false),
        Op::Fdivrp => (DIV_REVERSED, true, false),
        Op::Fidivr => (DIV_REVERSED, false, true),
        _ => return None,
    })
}

pub(super) fn is_one(op: Op) -> bool {
    operation(op).is_some()
}

/// The memory operand in single or double precision, or an integer.
#[inline(never)]
pub(super) fn memory_operand(
    vm: &mut Vcpu,
    i: &Instruction,
    m: &MemRef<u64>,
    integer: bool,
) -> Result<Operand, Raised> {
    let w = i.operands[0].width().unwrap_or(Width::B4);
    let bits = vm.load_ref(m, w)?;
    Ok(match w {
        _ if integer => Operand::from_integer(w.sext(bits) as i64),
        Width::B8 => Operand::from_double(bits),
        _ => Operand::from_single(bits as u32),
    })
}

/// Executes one of them, with a memory operand or without.
#[inline(always)]
pub(super) fn exec(vm: &mut Vcpu, i: &Instruction, memory: bool, op: Op) -> Step<Vcpu> {
    let Some((operation, pop, integer)) = operation(op) else {
        return Err(Raised::from(Exception::InvalidOpcode));
    };
    let form = Form { memory, integer, pop };
    match operation {
        Binary::Sum(negate_to, negate_from) => {
            binary(vm, i, form, move |env, a, b| F80::sum(env, a, b, negate_to, negate_from))
        }
        Binary::Product => binary(vm, i, form, F80::mul),
        Binary::Quotient(reversed) => {
            binary(vm, i, form, move |env, a, b| F80::quotient(env, a, b, reversed))
        }
    }
}

/// What operands an instruction has.
#[derive(Clone, Copy)]
struct Form {
    memory: bool,
    integer: bool,
    pop: bool,
}

/// All instructions with one function: handlers are short, and what they call is there once.
#[inline(never)]
fn binary(
    vm: &mut Vcpu,
    i: &Instruction,
    form: Form,
    function: impl Fn(&mut Env, F80, Operand) -> F80,
) -> Step<Vcpu> {
    super::numeric(vm, i, form.memory, |vm, i, m| {
        let (to, from) = if m.is_some() { (0, 0) } else { (i.operands[0].reg, i.operands[1].reg) };
        let (value, denormal) = match m {
            Some(m) => memory_operand(vm, i, m, form.integer)?.parts(),
            None => (Stack::new(&mut vm.cpu.x87).get(from), false),
        };
        let mut stack = Stack::new(&mut vm.cpu.x87);
        if stack.is_empty(to) || stack.is_empty(from) {
            if stack.underflow(to) && form.pop {
                stack.pop();
            }
            return Ok(());
        }
        let mut env = stack.env();
        let result = function(&mut env, stack.get(to), Operand::from_parts(value, denormal));
        if stack.settle(&env) {
            stack.replace(to, result);
            if form.pop {
                stack.pop();
            }
        }
        Ok(())
    })
}
