//! RFLAGS: CLI, STI, CLD, STD, CLAC, STAC, PUSHF, POPF.

use super::control::is_v86;
use crate::concrete_operand::ConcreteResult;
use crate::{Flow, Vcpu};
use x86_decode::{Instruction, Op};
use x86_state::{RFlags, Shadow};
use x86_types::{Exception, Width};

/// SPEC: intel-sdm-vol2 :: STAC—Set AC Flag in EFLAGS Register -> #UD above CPL 0 and without the feature; CR4.SMAP does not matter. CLAC likewise
/// SPEC: intel-sdm-vol2 :: STI—Set Interrupt Flag -> needs CPL <= IOPL (or IOPL 3 in virtual-8086 mode); interrupts stay inhibited for one instruction if IF was clear
pub(super) fn flag_bit(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    match i.op {
        Op::Cld => vm.cpu.system_flags.remove(RFlags::DF),
        Op::Std => vm.cpu.system_flags.insert(RFlags::DF),
        Op::Stac | Op::Clac => {
            if vm.cpu.cpl != 0 {
                return Err(Exception::InvalidOpcode);
            }
            vm.cpu.system_flags.set(RFlags::AC, i.op == Op::Stac);
            vm.privilege_changed();
            return Ok(Flow::End);
        }
        _ => {
            let allowed = vm.cpu.cpl <= vm.cpu.system_flags.iopl();
            if !allowed {
                return Err(Exception::GP0);
            }
            if i.op == Op::Sti && !vm.cpu.system_flags.contains(RFlags::IF) {
                vm.cpu.shadow = Shadow::Sti;
            }
            vm.cpu.system_flags.set(RFlags::IF, i.op == Op::Sti);
            vm.flags_changed();
            return Ok(Flow::End);
        }
    }
    Ok(Flow::Next)
}

/// PUSHF, PUSHFD, PUSHFQ
///
/// SPEC: intel-sdm-vol2 :: PUSHF/PUSHFD/PUSHFQ—Push EFLAGS Register Onto the Stack -> VM and RF are pushed as 0; in virtual-8086 mode IOPL below 3 is #GP(0)
pub(super) fn pushf(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    if is_v86(vm) && vm.cpu.system_flags.iopl() < 3 {
        return Err(Exception::GP0);
    }
    let image = vm.cpu.rflags().difference(RFlags::VM | RFlags::RF).bits();
    vm.push(i.opsize, i.opsize.trunc(image))?;
    Ok(Flow::Next)
}

/// POPF, POPFD, POPFQ
///
/// SPEC: intel-sdm-vol2 :: POPF/POPFD/POPFQ—Pop Stack Into EFLAGS Register -> IOPL changes only at CPL 0, IF only with CPL <= IOPL, VM, VIF and VIP never; RF is cleared
pub(super) fn popf(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let old = vm.cpu.rflags();
    if is_v86(vm) && old.iopl() < 3 {
        return Err(Exception::GP0);
    }
    let (v, sp) = vm.peek(i.opsize)?;
    crate::int::stack::set_sp(vm, sp);
    let mut mask = RFlags::STATUS | RFlags::TF | RFlags::DF | RFlags::NT;
    if i.opsize != Width::B2 {
        mask |= RFlags::AC | RFlags::ID;
    }
    if vm.cpu.cpl == 0 {
        mask |= RFlags::IOPL;
    }
    if vm.cpu.cpl <= old.iopl() {
        mask |= RFlags::IF;
    }
    let new = (old & !mask) | (RFlags::from_bits_retain(v) & mask);
    vm.cpu.set_rflags(new.difference(RFlags::RF));
    vm.privilege_changed();
    vm.segments_changed();
    vm.flags_changed();
    Ok(Flow::End)
}
