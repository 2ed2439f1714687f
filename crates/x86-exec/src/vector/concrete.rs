//! Vector instructions without a generic handler: string comparisons, masked stores, SHA-256 rounds, and permutations
//! by a vector of indices.

use super::lanes::lane;
use super::{VecOp, crypto, fma, forms, gather, masked, string};
use crate::concrete_operand::ConcreteResult;
use crate::{FlagDef, FlagsRegister, Flow, GeneralRegisters, MemRef, Mmx, Vcpu, Vectors};
use x86_decode::{InsnFlags, Instruction, Op, OperandKind};
use x86_types::{CodeSize, Exception, Width};

/// Executes one of them; returns `None` for other instructions.
pub(crate) fn exec(vm: &mut Vcpu, i: &Instruction) -> Option<ConcreteResult> {
    Some(match i.op {
        Op::Pcmpestri
        | Op::Pcmpestrm
        | Op::Pcmpistri
        | Op::Pcmpistrm
        | Op::Vpcmpestri
        | Op::Vpcmpestrm
        | Op::Vpcmpistri
        | Op::Vpcmpistrm => compare_strings(vm, i),
        Op::Sha256rnds2 => sha256_rounds(vm, i),
        Op::Maskmovdqu | Op::Maskmovq | Op::Vmaskmovdqu => masked_store(vm, i),
        Op::Vpermd | Op::Vpermps => permute_doublewords(vm, i),
        Op::Vcvtps2ph => to_half(vm, i),
        _ => return masked::exec(vm, i).or_else(|| gather::exec(vm, i)).or_else(|| fma::exec(vm, i)),
    })
}

fn available(vm: &mut Vcpu, i: &Instruction) -> Result<(), Exception> {
    let available = if i.flags.contains(InsnFlags::VEX) { vm.check_avx() } else { vm.check_sse() };
    available.map_err(Exception::from)
}

/// Operand `n`, a vector register or memory
fn source(vm: &mut Vcpu, i: &Instruction, n: usize, aligned: bool) -> Result<u128, Exception> {
    forms::source(vm, i, n, aligned).map_err(Exception::from)
}

/// SPEC: intel-sdm-vol2 :: PCMPESTRI—Packed Compare Explicit Length Strings, Return Index -> lengths in EAX and EDX, or RAX and RDX with REX.W; memory need not be aligned
fn compare_strings(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    available(vm, i)?;
    let (op, imm) = (i.op.legacy().unwrap_or(i.op), i.imm as u8);
    let b = source(vm, i, 1, false)?;
    let a = vm.cpu.vector[usize::from(i.operands[0].reg & 15)].lo;
    let (a_len, b_len) = if matches!(op, Op::Pcmpestri | Op::Pcmpestrm) {
        // Outside 64-bit mode VEX.W is ignored.
        let wide = i.flags.contains(InsnFlags::W) && vm.cpu.code_size == CodeSize::Bits64;
        let w = if wide { Width::B8 } else { Width::B4 };
        let length = |r: usize| string::explicit_length(w.sext(w.trunc(vm.cpu.gpr[r])) as i64, imm);
        (length(0), length(2))
    } else {
        (string::implicit_length(a, imm), string::implicit_length(b, imm))
    };
    let comparison = string::compare(a, a_len, b, b_len, imm);
    if matches!(op, Op::Pcmpestri | Op::Pcmpistri) {
        vm.write_gpr(1, Width::B4, comparison.index(imm).into());
    } else {
        vm.cpu.vector[0].lo = comparison.mask(imm);
        if i.flags.contains(InsnFlags::VEX) {
            vm.cpu.vector[0].hi = 0;
        }
    }
    vm.set_flags(FlagDef::Image(comparison.flags));
    Ok(Flow::Next)
}

fn sha256_rounds(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    available(vm, i)?;
    let b = source(vm, i, 1, true)?;
    let wk = vm.cpu.vector[0].lo as u64;
    let place = &mut vm.cpu.vector[usize::from(i.operands[0].reg & 15)].lo;
    *place = crypto::sha::sha256_rounds(*place, b, wk);
    Ok(Flow::Next)
}

/// MASKMOVDQU and MASKMOVQ: the bytes whose mask byte is negative, to DS:rDI. Nothing is stored when one of them faults.
///
/// SPEC: intel-sdm-vol2 :: MASKMOVDQU—Store Selected Bytes of Double Quadword -> the place is DS:(E)DI or RDI, DS may be overridden, unaligned; with a mask of 0 nothing is stored
fn masked_store(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let (data, mask, bytes) = if i.operands[0].kind == OperandKind::Mmx {
        vm.check_mmx()?;
        (vm.read_mmx(i.operands[0].reg).into(), vm.read_mmx(i.operands[1].reg).into(), 8)
    } else {
        available(vm, i)?;
        (vm.read_xmm(i.operands[0].reg), vm.read_xmm(i.operands[1].reg), 16)
    };
    let (data, mask): (u128, u128) = (data, mask);
    let base = vm.cpu.gpr[x86_state::gpr::RDI];
    let at = |n: u64| MemRef { seg: i.seg, offset: i.addrsize.trunc(base.wrapping_add(n)) };
    let chosen = |n: &u64| mask >> (8 * n + 7) & 1 != 0;
    for n in (0..bytes).filter(chosen) {
        vm.check_write_ref(&at(n), Width::B1)?;
    }
    for n in (0..bytes).filter(chosen) {
        let byte = (data >> (8 * n)) as u64 & 0xff;
        vm.store_ref(&at(n), Width::B1, byte)?;
    }
    if bytes == 8 {
        vm.enter_mmx();
    }
    Ok(Flow::Next)
}

/// VPERMD and VPERMPS: bits 2:0 of each lane of the first source choose a lane of the second
fn permute_doublewords(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    available(vm, i)?;
    let b = forms::pair(vm, i, 2, false)?;
    let control = forms::read_pair(vm, i.operands[1].reg);
    let x = control.map(|control| {
        super::lanes::map(control, |n: u32| lane::<u32>(b[n as usize >> 2 & 1], n as usize & 3))
    });
    forms::write_pair(vm, i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// VCVTPS2PH. Memory is checked first, so that a fault leaves MXCSR as it is.
fn to_half(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    available(vm, i)?;
    let (to, from, imm) = (i.operands[0], i.operands[1], i.imm as u8);
    let wide = forms::is_wide(from);
    let [low, high] = forms::read_pair(vm, from.reg);
    let m = to.is_mem().then(|| crate::operand::mem(vm, i));
    if let Some(m) = &m {
        vm.check_write_ref(m, Width::B8)?;
        if wide {
            vm.check_write_ref(&m.behind(8, i.addrsize), Width::B8)?;
        }
    }
    let x = if wide {
        let [low, high] = vm.vector_pair(VecOp::Cvtps2ph, [low; 2], [low, high], [imm; 2])?;
        low | high << 64
    } else {
        vm.vector(VecOp::Cvtps2ph, low, low, imm)?
    };
    match m {
        Some(m) if wide => vm.store128(&m, false, x)?,
        Some(m) => vm.store_ref(&m, Width::B8, x as u64)?,
        None => forms::write::<Vcpu, true>(vm, to.reg, x),
    }
    Ok(Flow::Next)
}
