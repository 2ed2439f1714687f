//! SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS, and the segment bases.

use crate::concrete_operand::ConcreteResult;
use crate::{Flow, GeneralRegisters, Vcpu};
use x86_decode::{Instruction, Op};
use x86_state::{Cr0, Cr4, Efer, RFlags, SegAttr, Segment, Selector, gpr};
use x86_types::{CodeSize, Exception, LinearAddr, Seg, Width};

const FLAT_CODE64: SegAttr = SegAttr::from_bits_retain(0xa09b);
const FLAT_CODE32: SegAttr = SegAttr::from_bits_retain(0xc09b);
const FLAT_DATA: SegAttr = SegAttr::from_bits_retain(0xc093);

fn set_flat(vm: &mut Vcpu, seg: Seg, selector: u16, attr: SegAttr, dpl: u8) {
    let attr = SegAttr::from_bits_retain(attr.bits() | u16::from(dpl) << 5);
    vm.cpu.seg[seg as usize] = Segment { base: 0, limit: u32::MAX, selector: Selector(selector), attr };
}

/// SYSCALL, in 64-bit mode only as on Intel processors.
///
/// SPEC: intel-sdm-vol2 :: SYSCALL—Fast System Call -> RCX and R11 take RIP and RFLAGS, CS is STAR[47:32] with RPL 0, SS is STAR[47:32] + 8, RFLAGS is masked by FMASK, RF cleared
pub(super) fn syscall(vm: &mut Vcpu) -> ConcreteResult {
    if vm.cpu.code_size != CodeSize::Bits64 || !vm.cpu.efer.contains(Efer::SCE) {
        return Err(Exception::InvalidOpcode);
    }
    let selector = (vm.cpu.msr.star >> 32) as u16;
    let flags = vm.cpu.rflags();
    vm.cpu.gpr[gpr::RCX] = vm.cpu.rip;
    vm.cpu.gpr[gpr::R11] = flags.difference(RFlags::RF).bits();
    vm.cpu.rip = vm.cpu.msr.lstar;
    set_flat(vm, Seg::Cs, selector & !3, FLAT_CODE64, 0);
    set_flat(vm, Seg::Ss, selector.wrapping_add(8), FLAT_DATA, 0);
    vm.cpu.cpl = 0;
    let mask = RFlags::from_bits_retain(vm.cpu.msr.sfmask) | RFlags::RF;
    vm.cpu.set_rflags(flags.difference(mask));
    // TF counts as it is after SYSCALL and SYSRET: with TF in FMASK the kernel's entry is not stepped, and the trap comes
    // behind SYSRET, as if SYSCALL had just ended.
    vm.step_by_new_flags();
    vm.mode_switched();
    Ok(Flow::End)
}

/// SYSRET
///
/// SPEC: intel-sdm-vol2 :: SYSRET—Return From Fast System Call -> CPL 0 in 64-bit mode only; a non-canonical RCX is #GP(0) before anything changes; selectors are STAR[63:48] + 16 or + 0, and + 8
pub(super) fn sysret(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    if vm.cpu.code_size != CodeSize::Bits64 || !vm.cpu.efer.contains(Efer::SCE) {
        return Err(Exception::InvalidOpcode);
    }
    let long = i.opsize == Width::B8;
    let rcx = vm.cpu.gpr[gpr::RCX];
    if vm.cpu.cpl != 0 || long && !LinearAddr(rcx).is_canonical(vm.cpu.linear_bits()) {
        return Err(Exception::GP0);
    }
    let base = (vm.cpu.msr.star >> 48) as u16;
    vm.cpu.rip = if long { rcx } else { rcx & 0xffff_ffff };
    let flags = vm.cpu.gpr[gpr::R11] & 0x3c7fd7 | RFlags::FIXED.bits();
    vm.cpu.set_rflags(RFlags::from_bits_retain(flags));
    let (selector, attr) = if long { (base.wrapping_add(16), FLAT_CODE64) } else { (base, FLAT_CODE32) };
    set_flat(vm, Seg::Cs, selector | 3, attr, 3);
    set_flat(vm, Seg::Ss, base.wrapping_add(8) | 3, FLAT_DATA, 3);
    vm.cpu.cpl = 3;
    vm.step_by_new_flags();
    vm.mode_switched();
    Ok(Flow::End)
}

/// SYSENTER
///
/// SPEC: intel-sdm-vol2 :: SYSENTER—Fast System Call -> #GP(0) in real mode or with a null SYSENTER_CS; flat segments, IF and VM cleared
pub(super) fn sysenter(vm: &mut Vcpu) -> ConcreteResult {
    let selector = vm.cpu.msr.sysenter_cs as u16;
    if !vm.cpu.cr0.contains(Cr0::PE) || selector & !3 == 0 {
        return Err(Exception::GP0);
    }
    let long = vm.cpu.efer.contains(Efer::LMA);
    let cut = |v: u64| if long { v } else { v & 0xffff_ffff };
    let (rip, rsp) = (cut(vm.cpu.msr.sysenter_eip), cut(vm.cpu.msr.sysenter_esp));
    vm.cpu.system_flags.remove(RFlags::VM | RFlags::IF | RFlags::RF);
    set_flat(vm, Seg::Cs, selector & !3, if long { FLAT_CODE64 } else { FLAT_CODE32 }, 0);
    set_flat(vm, Seg::Ss, (selector & !3).wrapping_add(8), FLAT_DATA, 0);
    vm.cpu.cpl = 0;
    vm.cpu.rip = rip;
    vm.cpu.gpr[gpr::RSP] = rsp;
    vm.mode_switched();
    Ok(Flow::End)
}

/// SYSEXIT
///
/// SPEC: intel-sdm-vol2 :: SYSEXIT—Fast Return from Fast System Call -> selectors SYSENTER_CS + 16 and + 24, or + 32 and + 40 for 64-bit code; RDX and RCX give RIP and RSP
pub(super) fn sysexit(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let base = vm.cpu.msr.sysenter_cs as u16 & !3;
    if !vm.cpu.cr0.contains(Cr0::PE) || base == 0 || vm.cpu.cpl != 0 {
        return Err(Exception::GP0);
    }
    let long = i.opsize == Width::B8;
    let (rip, rsp) = (vm.cpu.gpr[gpr::RDX], vm.cpu.gpr[gpr::RCX]);
    if long {
        let bits = vm.cpu.linear_bits();
        if !LinearAddr(rip).is_canonical(bits) || !LinearAddr(rsp).is_canonical(bits) {
            return Err(Exception::GP0);
        }
    }
    let (code, stack) = if long { (32, 40) } else { (16, 24) };
    set_flat(vm, Seg::Cs, base.wrapping_add(code) | 3, if long { FLAT_CODE64 } else { FLAT_CODE32 }, 3);
    set_flat(vm, Seg::Ss, base.wrapping_add(stack) | 3, FLAT_DATA, 3);
    vm.cpu.cpl = 3;
    vm.cpu.rip = if long { rip } else { rip & 0xffff_ffff };
    vm.cpu.gpr[gpr::RSP] = if long { rsp } else { rsp & 0xffff_ffff };
    vm.mode_switched();
    Ok(Flow::End)
}

/// SWAPGS
pub(super) fn swapgs(vm: &mut Vcpu) -> ConcreteResult {
    if vm.cpu.code_size != CodeSize::Bits64 {
        return Err(Exception::InvalidOpcode);
    }
    let gs = &mut vm.cpu.seg[Seg::Gs as usize];
    std::mem::swap(&mut gs.base, &mut vm.cpu.msr.kernel_gs_base);
    vm.segments_changed();
    Ok(Flow::End)
}

/// RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE
///
/// SPEC: intel-sdm-vol2 :: WRFSBASE/WRGSBASE—Write FS/GS Segment Base -> #UD outside 64-bit mode or without CR4.FSGSBASE, #GP(0) for a non-canonical base
pub(super) fn segment_base(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    if vm.cpu.code_size != CodeSize::Bits64 || !vm.cpu.cr4.contains(Cr4::FSGSBASE) {
        return Err(Exception::InvalidOpcode);
    }
    let seg = if matches!(i.op, Op::Rdfsbase | Op::Wrfsbase) { Seg::Fs } else { Seg::Gs };
    let r = i.operands[0].reg;
    if matches!(i.op, Op::Rdfsbase | Op::Rdgsbase) {
        let base = vm.cpu.segment(seg).base;
        vm.write_gpr(r, i.opsize, i.opsize.trunc(base));
        return Ok(Flow::Next);
    }
    let base = vm.read_gpr(r, i.opsize);
    if !LinearAddr(base).is_canonical(vm.cpu.supported_linear_bits()) {
        return Err(Exception::GP0);
    }
    vm.cpu.seg[seg as usize].base = base;
    vm.segments_changed();
    Ok(Flow::End)
}
