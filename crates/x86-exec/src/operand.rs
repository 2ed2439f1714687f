//! Effective addresses and operands, the same for all instructions.

use crate::{Bin, Domain, MemRef};
use x86_decode::{InsnFlags, Instruction, NO_REG, Op, OperandKind};
use x86_types::Width;

/// Returns the effective address of the memory operand, cut to the address size.
///
/// SPEC: intel-sdm-vol1 :: 3.7.5 Specifying an Offset -> base + index * scale + displacement, modulo the address size; RIP-relative by the next instruction
#[inline(always)]
pub fn effective_address<D: Domain>(d: &mut D, i: &Instruction) -> D::V {
    let w = i.addrsize;
    if i.base == NO_REG && i.index == NO_REG {
        if i.flags.contains(InsnFlags::RIP_RELATIVE) {
            let rip = d.next_rip();
            let disp = d.imm(i.disp as i64 as u64);
            let sum = d.bin(Bin::Add, Width::B8, rip, disp);
            return d.trunc(w, sum);
        }
        // MOV with a memory offset keeps it in `imm`; with an immediate operand `imm` is that operand.
        let moffs = i.op == Op::Mov && i.operands[1].kind != OperandKind::Imm;
        let offset = if moffs { i.imm } else { 0 }.wrapping_add(i.disp as i64 as u64);
        return d.imm(w.trunc(offset));
    }
    let disp = i.disp as i64 as u64;
    let mut sum = if i.base == NO_REG { d.imm(disp) } else { d.read_gpr(i.base, Width::B8) };
    if i.index != NO_REG {
        let mut index = d.read_gpr(i.index, Width::B8);
        if i.scale != 0 {
            let scale = d.imm(u64::from(i.scale));
            index = d.bin(Bin::Shl, Width::B8, index, scale);
        }
        sum = d.bin(Bin::Add, Width::B8, sum, index);
    }
    if i.base != NO_REG && disp != 0 {
        let disp = d.imm(disp);
        sum = d.bin(Bin::Add, Width::B8, sum, disp);
    }
    d.trunc(w, sum)
}

/// Returns the memory operand.
#[inline(always)]
pub(crate) fn mem<D: Domain>(d: &mut D, i: &Instruction) -> MemRef<D::V> {
    MemRef { seg: i.seg, offset: effective_address(d, i) }
}

/// The shape of the operands, for handlers that are specialized by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// register, register
    Rr,
    /// register, immediate
    Ri,
    /// register, memory
    Rm,
    /// memory, register
    Mr,
    /// memory, immediate
    Mi,
}

impl Form {
    /// Returns the form of a two-operand instruction.
    pub(crate) fn of(i: &Instruction) -> Form {
        let imm = matches!(i.operands[1].kind, OperandKind::Imm | OperandKind::One);
        match (i.operands[0].is_mem(), i.operands[1].is_mem()) {
            (true, _) if imm => Form::Mi,
            (true, _) => Form::Mr,
            (false, true) => Form::Rm,
            (false, false) if imm => Form::Ri,
            (false, false) => Form::Rr,
        }
    }
}

/// Reads operand `n`, an integer register, memory or immediate, at width `w`.
#[inline(always)]
pub(crate) fn read<D: Domain>(d: &mut D, i: &Instruction, n: usize, w: Width) -> Result<D::V, D::Fault> {
    let operand = i.operands[n];
    match operand.kind {
        OperandKind::Mem => {
            let m = mem(d, i);
            d.load(&m, w)
        }
        OperandKind::Imm => Ok(d.imm(w.trunc(i.imm))),
        OperandKind::One => Ok(d.imm(1)),
        _ => Ok(d.read_gpr(operand.reg, w)),
    }
}

/// Writes operand `n`, an integer register or memory.
#[inline(always)]
pub(crate) fn write<D: Domain>(
    d: &mut D,
    i: &Instruction,
    n: usize,
    w: Width,
    v: D::V,
) -> Result<(), D::Fault> {
    let operand = i.operands[n];
    if operand.kind == OperandKind::Mem {
        let m = mem(d, i);
        d.store(&m, w, v)
    } else {
        d.write_gpr(operand.reg, w, v);
        Ok(())
    }
}

/// Where a read-modify-write instruction's first operand is.
#[derive(Clone, Copy)]
pub(crate) struct Place<V>(Option<MemRef<V>>);

/// Reads the first operand of a read-modify-write instruction; memory is checked for writing.
#[inline(always)]
#[allow(clippy::type_complexity)] // the associated types say more than an alias would
pub(crate) fn read_for_write<D: Domain>(
    d: &mut D,
    i: &Instruction,
    w: Width,
) -> Result<(Place<D::V>, D::V), D::Fault> {
    if i.operands[0].is_mem() {
        let m = mem(d, i);
        let v = d.load_for_write(&m, w)?;
        Ok((Place(Some(m)), v))
    } else {
        Ok((Place(None), d.read_gpr(i.operands[0].reg, w)))
    }
}

/// Writes back what [`read_for_write`] read.
#[inline(always)]
pub(crate) fn write_back<D: Domain>(
    d: &mut D,
    i: &Instruction,
    place: Place<D::V>,
    w: Width,
    v: D::V,
) -> Result<(), D::Fault> {
    match place.0 {
        Some(m) => d.store(&m, w, v),
        None => {
            d.write_gpr(i.operands[0].reg, w, v);
            Ok(())
        }
    }
}
