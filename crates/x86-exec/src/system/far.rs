//! Far transfers, software interrupts and IRET, by the crate `x86-exceptions`.

use crate::concrete_operand::ConcreteResult;
use crate::{Flow, Vcpu};
use x86_decode::{Instruction, Op, OperandKind};
use x86_exceptions::{Event, SoftwareKind, segments};
use x86_state::{Cr0, RFlags, Selector};
use x86_types::{CodeSize, Exception, Width, vector};

/// JMP and CALL far, by an immediate pointer or one in memory, where selectors name descriptors.
pub(super) fn transfer(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let w = i.opsize;
    let (selector, offset) = if i.operands[0].kind == OperandKind::FarPtr {
        ((i.imm >> 32) as u16, i.imm & 0xffff_ffff)
    } else {
        let offset = vm.load_operand(i, 0, w)?;
        (vm.load_operand(i, u64::from(w.bytes()), Width::B2)? as u16, offset)
    };
    if i.op == Op::JmpFar {
        segments::far_jump(vm, Selector(selector), offset, w)?;
    } else {
        segments::far_call(vm, Selector(selector), offset, w)?;
    }
    vm.mode_switched();
    Ok(Flow::End)
}

/// RET far, likewise
pub(super) fn ret(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let release = if i.operands[0].kind == OperandKind::Imm { i.imm as u16 } else { 0 };
    segments::far_ret(vm, i.opsize, release)?;
    vm.mode_switched();
    Ok(Flow::End)
}

/// IRET, IRETD, IRETQ
pub(super) fn iret(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    x86_exceptions::iret(vm, i.opsize)?;
    vm.mode_switched();
    Ok(Flow::End)
}

/// INT n, INT3, INTO, INT1: delivered here, since they are no faults.
pub(super) fn interrupt(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let (number, kind) = match i.op {
        Op::Int3 => (vector::BP, SoftwareKind::Int3),
        Op::Int1 => (vector::DB, SoftwareKind::Int1),
        Op::Into => {
            if vm.cpu.code_size == CodeSize::Bits64 {
                return Err(Exception::InvalidOpcode);
            }
            if !vm.cpu.arith.of() {
                return Ok(Flow::End);
            }
            (vector::OF, SoftwareKind::Into)
        }
        _ => (i.imm as u8, SoftwareKind::IntN),
    };
    let v86 = vm.cpu.cr0.contains(Cr0::PE) && vm.cpu.system_flags.contains(RFlags::VM);
    if v86 && kind == SoftwareKind::IntN && vm.cpu.system_flags.iopl() < 3 {
        return Err(Exception::GP0);
    }
    let instruction = vm.cpu.rip.wrapping_sub(u64::from(i.len));
    vm.deliver(Event::Software { vector: number, kind, instruction });
    Ok(Flow::End)
}
