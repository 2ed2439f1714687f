//! Descriptor-table registers, and instructions that query descriptors.

use super::control::{check_umip, is_v86};
use crate::concrete_operand::ConcreteResult;
use crate::{FlagDef, FlagsRegister, Flow, GeneralRegisters, Vcpu};
use x86_decode::{Instruction, Op};
use x86_exceptions::segments;
use x86_state::{Cr0, Selector};
use x86_types::{CodeSize, Exception, LinearAddr, Width};

/// LGDT and LIDT
///
/// SPEC: intel-sdm-vol2 :: LGDT/LIDT—Load Global/Interrupt Descriptor Table Register -> 16-bit limit, then a base of 24 bits (16-bit operands), 32 bits, or 64 bits in 64-bit mode
pub(super) fn load_table(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let limit = vm.load_operand(i, 0, Width::B2)? as u16;
    let long = vm.cpu.code_size == CodeSize::Bits64;
    let base = vm.load_operand(i, 2, if long { Width::B8 } else { Width::B4 })?;
    let base = if !long && i.opsize == Width::B2 { base & 0xff_ffff } else { base };
    if long && !LinearAddr(base).is_canonical(vm.cpu.supported_linear_bits()) {
        return Err(Exception::GP0);
    }
    let table = if i.op == Op::Lgdt { &mut vm.cpu.gdtr } else { &mut vm.cpu.idtr };
    table.limit = limit;
    table.base = base;
    Ok(Flow::End)
}

/// SGDT and SIDT
pub(super) fn store_table(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    check_umip(vm)?;
    let table = if i.op == Op::Sgdt { vm.cpu.gdtr } else { vm.cpu.idtr };
    let w = if vm.cpu.code_size == CodeSize::Bits64 { Width::B8 } else { Width::B4 };
    // Nothing is stored where part of it faults.
    let mut base = crate::operand::mem(vm, i);
    base.offset = i.addrsize.trunc(base.offset.wrapping_add(2));
    vm.check_write_ref(&base, w)?;
    vm.store_operand(i, 0, Width::B2, u64::from(table.limit))?;
    vm.store_ref(&base, w, w.trunc(table.base))?;
    Ok(Flow::Next)
}

/// LLDT and LTR
pub(super) fn load_system_segment(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    require_protected(vm)?;
    let selector = Selector(vm.read_operand(i, 0, Width::B2)? as u16);
    if i.op == Op::Lldt {
        segments::lldt(vm, selector)?
    } else {
        segments::ltr(vm, selector)?
    };
    Ok(Flow::End)
}

/// SLDT and STR: memory takes 16 bits, a register the operand size.
pub(super) fn store_system_segment(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    require_protected(vm)?;
    check_umip(vm)?;
    let segment = if i.op == Op::Sldt { vm.cpu.ldtr } else { vm.cpu.tr };
    let w = if i.operands[0].is_mem() { Width::B2 } else { i.opsize };
    vm.write_operand(i, 0, w, u64::from(segment.selector.0))?;
    Ok(Flow::Next)
}

fn require_protected(vm: &Vcpu) -> Result<(), Exception> {
    if !vm.cpu.cr0.contains(Cr0::PE) || is_v86(vm) { Err(Exception::InvalidOpcode) } else { Ok(()) }
}

fn set_zf(vm: &mut Vcpu, zf: bool) {
    let image = vm.cpu.arith.pack() & !0x40 | u64::from(zf) << 6;
    vm.set_flags(FlagDef::Image(image));
}

/// LAR, LSL, VERR, VERW
pub(super) fn query(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    require_protected(vm)?;
    let source = usize::from(matches!(i.op, Op::Lar | Op::Lsl));
    let selector = Selector(vm.read_operand(i, source, Width::B2)? as u16);
    let found = match i.op {
        Op::Verr => segments::verr(vm, selector)?,
        Op::Verw => segments::verw(vm, selector)?,
        _ => {
            let value =
                if i.op == Op::Lar { segments::lar(vm, selector)? } else { segments::lsl(vm, selector)? };
            if let Some(v) = value {
                vm.write_gpr(i.operands[0].reg, i.opsize, u64::from(v));
            }
            value.is_some()
        }
    };
    set_zf(vm, found);
    Ok(Flow::Next)
}

/// ARPL
pub(super) fn arpl(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    require_protected(vm)?;
    let dest = vm.read_operand(i, 0, Width::B2)?;
    let rpl = vm.read_gpr(i.operands[1].reg, Width::B2) & 3;
    let raise = dest & 3 < rpl;
    if raise {
        vm.write_operand(i, 0, Width::B2, dest & !3 | rpl)?;
    }
    set_zf(vm, raise);
    Ok(Flow::Next)
}
