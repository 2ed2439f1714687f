//! FADD, FSUB, FMUL, FDIV and their forms.

use crate::{F80Op, Format, MemRef, Step, X87};
use x86_decode::{Instruction, Op};
use x86_float::F80;
use x86_types::{Exception, Width};

const ADD: F80Op = F80Op::Sum(false, false);
const SUB: F80Op = F80Op::Sum(false, true);
const SUB_REVERSED: F80Op = F80Op::Sum(true, false);
const MUL: F80Op = F80Op::Product;
const DIV: F80Op = F80Op::Quotient(false);
const DIV_REVERSED: F80Op = F80Op::Quotient(true);

/// Returns the operation of an instruction, whether it pops, and whether its memory operand is an integer.
#[inline(always)]
fn operation(op: Op) -> Option<(F80Op, bool, bool)> {
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
pub(super) fn memory_operand<D: X87>(
    d: &mut D,
    i: &Instruction,
    m: &MemRef<D::V>,
    integer: bool,
) -> Result<D::F, D::Fault> {
    let w = i.operands[0].width().unwrap_or(Width::B4);
    let bits = d.load(m, w)?;
    Ok(d.f80_operand(bits, w, if integer { Format::Integer } else { Format::Float }))
}

/// Executes one of them, with a memory operand or without.
#[inline(always)]
pub(super) fn exec<D: X87>(d: &mut D, i: &Instruction, memory: bool, op: Op) -> Step<D> {
    let Some((operation, pop, integer)) = operation(op) else {
        return Err(d.raise(Exception::InvalidOpcode));
    };
    let form = Form { memory, integer, pop };
    match operation {
        F80Op::Sum(negate_to, negate_from) => {
            binary(d, i, form, move |d, a, b| d.f80_compute(F80Op::Sum(negate_to, negate_from), a, b))
        }
        F80Op::Quotient(reversed) => {
            binary(d, i, form, move |d, a, b| d.f80_compute(F80Op::Quotient(reversed), a, b))
        }
        _ => binary(d, i, form, |d, a, b| d.f80_compute(F80Op::Product, a, b)),
    }
}

/// The operands of an instruction.
#[derive(Clone, Copy)]
struct Form {
    memory: bool,
    integer: bool,
    pop: bool,
}

/// All instructions in one function, so that handlers are short and the code that they share exists once.
#[inline(never)]
fn binary<D: X87>(
    d: &mut D,
    i: &Instruction,
    form: Form,
    function: impl Fn(&mut D, D::F, D::F) -> Option<D::F>,
) -> Step<D> {
    super::numeric(d, i, form.memory, |d, i, m| {
        let (to, from) = if m.is_some() { (0, 0) } else { (i.operands[0].reg, i.operands[1].reg) };
        let b = match m {
            Some(m) => memory_operand(d, i, m, form.integer)?,
            None => d.st(from),
        };
        if !d.st_in_use(to) || !d.st_in_use(from) {
            if underflow(d, to) && form.pop {
                d.st_pop();
            }
            return Ok(());
        }
        let a = d.st(to);
        if let Some(result) = function(d, a, b) {
            d.replace_st(to, result);
            if form.pop {
                d.st_pop();
            }
        }
        Ok(())
    })
}

/// Handles stack underflow of an instruction that computes into ST(to). Returns whether the indefinite was written.
#[cold]
#[inline(never)]
pub(super) fn underflow<D: X87>(d: &mut D, to: u8) -> bool {
    let masked = d.st_fault(false);
    if masked {
        let indefinite = d.f80(F80::INDEFINITE);
        d.set_st(to, indefinite);
    }
    masked
}
