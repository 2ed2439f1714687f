//! ADD, ADC, SUB, SBB, CMP, AND, OR, XOR, TEST, INC, DEC, NEG, NOT, XADD, CMPXCHG.

use crate::operand::{Form, mem, read, read_for_write, write_back};
use crate::{Bin, Cmp, Domain, Flag, FlagDef, Flow, Step, Un};
use x86_decode::Instruction;
use x86_types::Width;

/// The two-operand operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alu {
    /// ADD
    Add,
    /// ADC: also adds CF
    Adc,
    /// SUB
    Sub,
    /// SBB: also subtracts CF
    Sbb,
    /// CMP: SUB without a result
    Cmp,
    /// AND
    And,
    /// OR
    Or,
    /// XOR
    Xor,
    /// TEST: AND without a result
    Test,
}

impl Alu {
    /// Returns the operation that computes the result, apart from the carry.
    #[inline(always)]
    pub(crate) const fn operation(self) -> Bin {
        match self {
            Alu::Add | Alu::Adc => Bin::Add,
            Alu::Sub | Alu::Sbb | Alu::Cmp => Bin::Sub,
            Alu::And | Alu::Test => Bin::And,
            Alu::Or => Bin::Or,
            Alu::Xor => Bin::Xor,
        }
    }
}

/// Returns result and flags of an operation.
///
/// SPEC: intel-sdm-vol2 :: ADC—Add With Carry -> CF is added once more; flags follow from operands and result as for ADD
/// SPEC: intel-sdm-vol2 :: SBB—Integer Subtraction With Borrow -> CF is subtracted once more; flags as for SUB
/// SPEC: intel-sdm-vol2 :: AND—Logical AND -> OF and CF are cleared, AF (undefined) is cleared too, as processors do
#[inline(always)]
pub(crate) fn compute<D: Domain>(d: &mut D, op: Alu, w: Width, a: D::V, b: D::V) -> (D::V, FlagDef<D::V>) {
    let mut result = d.bin(op.operation(), w, a, b);
    if matches!(op, Alu::Adc | Alu::Sbb) {
        let carry = d.flag(Flag::Cf);
        result = d.bin(op.operation(), w, result, carry);
    }
    (result, flags_of(op, w, a, b, result))
}

/// Returns the flags of an operation with this result.
#[inline(always)]
pub(crate) fn flags_of<V>(op: Alu, w: Width, a: V, b: V, result: V) -> FlagDef<V> {
    match op {
        Alu::Add | Alu::Adc => FlagDef::Add { w, a, b, result },
        Alu::Sub | Alu::Sbb | Alu::Cmp => FlagDef::Sub { w, a, b, result },
        Alu::And | Alu::Test | Alu::Or | Alu::Xor => FlagDef::Logic { w, result },
    }
}

/// A two-operand operation. The result is written before the flags, so that a fault leaves both.
#[inline(always)]
pub(crate) fn alu<D: Domain>(d: &mut D, i: &Instruction, op: Alu, w: Width, form: Form) -> Step<D> {
    let writes = !matches!(op, Alu::Cmp | Alu::Test);
    let b_now = |d: &mut D| match form {
        Form::Rr | Form::Mr => d.read_gpr(i.operands[1].reg, w),
        _ => d.imm(w.trunc(i.imm)),
    };
    match form {
        Form::Rr | Form::Ri | Form::Rm => {
            let b = if form == Form::Rm {
                let m = mem(d, i);
                d.load(&m, w)?
            } else {
                b_now(d)
            };
            let a = d.read_gpr(i.operands[0].reg, w);
            let (result, flags) = compute(d, op, w, a, b);
            d.set_flags(flags);
            if writes {
                d.write_gpr(i.operands[0].reg, w, result);
            }
        }
        Form::Mr | Form::Mi => {
            let m = mem(d, i);
            let a = if writes { d.load_for_write(&m, w)? } else { d.load(&m, w)? };
            let b = b_now(d);
            let (result, flags) = compute(d, op, w, a, b);
            if writes {
                d.store(&m, w, result)?;
            }
            d.set_flags(flags);
        }
    }
    Ok(Flow::Next)
}

/// INC and DEC.
#[inline(always)]
pub(crate) fn inc_dec<D: Domain>(d: &mut D, i: &Instruction, inc: bool, w: Width) -> Step<D> {
    let (place, a) = read_for_write(d, i, w)?;
    let one = d.imm(1);
    let result = d.bin(if inc { Bin::Add } else { Bin::Sub }, w, a, one);
    write_back(d, i, place, w, result)?;
    d.set_flags(if inc { FlagDef::Inc { w, result } } else { FlagDef::Dec { w, result } });
    Ok(Flow::Next)
}

/// NEG
#[inline(always)]
pub(crate) fn neg<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let (place, b) = read_for_write(d, i, w)?;
    let a = d.imm(0);
    let result = d.un(Un::Neg, w, b);
    write_back(d, i, place, w, result)?;
    d.set_flags(FlagDef::Sub { w, a, b, result });
    Ok(Flow::Next)
}

/// NOT
#[inline(always)]
pub(crate) fn not<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let (place, a) = read_for_write(d, i, w)?;
    let result = d.un(Un::Not, w, a);
    write_back(d, i, place, w, result)?;
    Ok(Flow::Next)
}

/// XADD
///
/// SPEC: intel-sdm-vol2 :: XADD—Exchange and Add -> the source takes the old destination, then the destination the sum
#[inline(always)]
pub(crate) fn xadd<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let (place, a) = read_for_write(d, i, w)?;
    let b = d.read_gpr(i.operands[1].reg, w);
    let result = d.bin(Bin::Add, w, a, b);
    if i.operands[0].is_mem() {
        write_back(d, i, place, w, result)?;
        d.write_gpr(i.operands[1].reg, w, a);
    } else {
        d.write_gpr(i.operands[1].reg, w, a);
        d.write_gpr(i.operands[0].reg, w, result);
    }
    d.set_flags(FlagDef::Add { w, a, b, result });
    Ok(Flow::Next)
}

/// CMPXCHG
///
/// SPEC: intel-sdm-vol2 :: CMPXCHG—Compare and Exchange -> the destination is written in either case; the accumulator only when they differ
#[inline(always)]
pub(crate) fn cmpxchg<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let (place, dest) = read_for_write(d, i, w)?;
    let acc = d.read_gpr(0, w);
    let src = d.read_gpr(i.operands[1].reg, w);
    let equal = d.cmp(Cmp::Eq, w, acc, dest);
    let stored = d.select(equal, src, dest);
    write_back(d, i, place, w, stored)?;
    end_cmpxchg(d, w, acc, dest, equal);
    Ok(Flow::Next)
}

/// Sets accumulator and flags of CMPXCHG, after the destination was written.
#[inline(always)]
pub(crate) fn end_cmpxchg<D: Domain>(d: &mut D, w: Width, acc: D::V, dest: D::V, equal: D::V) {
    let result = d.bin(Bin::Sub, w, acc, dest);
    // The accumulator is read only now, since it may be the destination; if it is unchanged, EAX keeps its upper half.
    let whole = if w == Width::B4 { Width::B8 } else { w };
    let kept = d.read_gpr(0, whole);
    let acc_new = d.select(equal, kept, dest);
    d.write_gpr(0, whole, acc_new);
    d.set_flags(FlagDef::Sub { w, a: acc, b: dest, result });
}

/// ADCX and ADOX: add with one flag as the carry, no other flag touched.
///
/// SPEC: intel-sdm-vol2 :: ADCX—Unsigned Integer Addition of Two Operands With Carry Flag -> only CF is read and written; ADOX likewise OF
#[inline(always)]
pub(crate) fn add_one_flag<D: Domain>(d: &mut D, i: &Instruction, overflow: bool, w: Width) -> Step<D> {
    let b = read(d, i, 1, w)?;
    let a = d.read_gpr(i.operands[0].reg, w);
    let (cf, of) = (d.flag(Flag::Cf), d.flag(Flag::Of));
    let half = d.bin(Bin::Add, w, a, b);
    let carry_1 = d.cmp(Cmp::Ltu, w, half, a);
    let sum = d.bin(Bin::Add, w, half, if overflow { of } else { cf });
    let carry_2 = d.cmp(Cmp::Ltu, w, sum, half);
    let carry = d.bin(Bin::Or, Width::B4, carry_1, carry_2);
    d.write_gpr(i.operands[0].reg, w, sum);
    d.set_flags(if overflow {
        FlagDef::CarryOverflow { cf, of: carry }
    } else {
        FlagDef::CarryOverflow { cf: carry, of }
    });
    Ok(Flow::Next)
}
