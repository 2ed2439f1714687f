//! One iteration of each string instruction. Repetition is the engine's.

use super::alu::{Alu, compute};
use crate::Flow;
use crate::{Bin, Domain, MemRef, Step};
use x86_decode::{InsnFlags, Instruction, Op};
use x86_types::{Seg, Width};

const RSI: u8 = 6;
const RDI: u8 = 7;

/// The step of an index register: the operand size, negative with DF.
#[inline(always)]
fn step<D: Domain>(d: &mut D, i: &Instruction) -> D::V {
    let (forward, backward) =
        (d.imm(u64::from(i.opsize.bytes())), d.imm(u64::from(i.opsize.bytes()).wrapping_neg()));
    let df = d.direction();
    d.select(df, backward, forward)
}

#[inline(always)]
fn source<D: Domain>(d: &mut D, i: &Instruction) -> MemRef<D::V> {
    MemRef { seg: i.seg, offset: d.read_gpr(RSI, i.addrsize) }
}

#[inline(always)]
fn destination<D: Domain>(d: &mut D, i: &Instruction) -> MemRef<D::V> {
    MemRef { seg: Seg::Es, offset: d.read_gpr(RDI, i.addrsize) }
}

#[inline(always)]
fn advance<D: Domain>(d: &mut D, i: &Instruction, r: u8, by: D::V) {
    let old = d.read_gpr(r, i.addrsize);
    let new = d.bin(Bin::Add, i.addrsize, old, by);
    d.write_gpr(r, i.addrsize, new);
}

/// One iteration of MOVS, CMPS, STOS, LODS or SCAS.
///
/// SPEC: intel-sdm-vol1 :: 7.3.9 String Operations -> DS (or an override) with RSI, ES with RDI, both stepped by the operand size as DF tells
#[inline(always)]
pub(crate) fn iteration<D: Domain>(d: &mut D, i: &Instruction) -> Result<(), D::Fault> {
    let w: Width = i.opsize;
    let by = step(d, i);
    match i.op {
        Op::Movs => {
            let (from, to) = (source(d, i), destination(d, i));
            let v = d.load(&from, w)?;
            d.store(&to, w, v)?;
            advance(d, i, RSI, by);
            advance(d, i, RDI, by);
        }
        Op::Cmps => {
            let (from, to) = (source(d, i), destination(d, i));
            let a = d.load(&from, w)?;
            let b = d.load(&to, w)?;
            let (_, flags) = compute(d, Alu::Cmp, w, a, b);
            advance(d, i, RSI, by);
            advance(d, i, RDI, by);
            d.set_flags(flags);
        }
        Op::Stos => {
            let to = destination(d, i);
            let v = d.read_gpr(0, w);
            d.store(&to, w, v)?;
            advance(d, i, RDI, by);
        }
        Op::Lods => {
            let from = source(d, i);
            let v = d.load(&from, w)?;
            d.write_gpr(0, w, v);
            advance(d, i, RSI, by);
        }
        _ => {
            let to = destination(d, i);
            let b = d.load(&to, w)?;
            let a = d.read_gpr(0, w);
            let (_, flags) = compute(d, Alu::Cmp, w, a, b);
            advance(d, i, RDI, by);
            d.set_flags(flags);
        }
    }
    Ok(())
}

/// A string instruction, repeated or not.
#[inline(always)]
pub(crate) fn string<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    if i.flags.intersects(InsnFlags::REP | InsnFlags::REPNE) {
        return d.repeat(i, iteration::<D>);
    }
    iteration(d, i)?;
    Ok(Flow::Next)
}
