//! Control and debug registers, XCR0, and TLB invalidation.

use crate::concrete_operand::ConcreteResult;
use crate::{Flow, Vcpu};
use x86_decode::{Instruction, Operand, OperandKind};
use x86_state::cpuid::Features;
use x86_state::{Cr0, Cr4, Dr6, Dr7, Efer, RFlags, SegAttr, Xcr0, gpr};
use x86_types::{Exception, LinearAddr, Seg, Width};

/// MOV to and from CR0, CR2, CR3, CR4 and CR8.
pub(super) fn mov_cr(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let w = if vm.cpu.code_size == x86_types::CodeSize::Bits64 { Width::B8 } else { Width::B4 };
    let (cr, r) = (i.operands[0], i.operands[1]);
    if cr.kind == OperandKind::Cr {
        let v = vm.read_operand(i, 1, w)?;
        match cr.reg {
            0 => write_cr0(vm, v)?,
            2 => vm.cpu.cr2 = v,
            3 => mov_to_cr3(vm, v)?,
            4 => write_cr4(vm, v)?,
            _ => {
                if v > 15 {
                    return Err(Exception::GP0);
                }
                let now = vm.retired();
                vm.bus_mut().set_cr8(now, v as u8);
                vm.bus_touched();
            }
        }
    } else {
        let v = match r.reg {
            0 => vm.cpu.cr0.bits(),
            2 => vm.cpu.cr2,
            3 => vm.cpu.cr3,
            4 => vm.cpu.cr4.bits(),
            _ => u64::from(vm.bus_mut().cr8()),
        };
        vm.write_operand(i, 0, w, v)?;
    }
    Ok(Flow::End)
}

/// Writes CR0: reserved bits, impossible combinations, and entering or leaving long mode.
///
/// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> PG needs PE, NW needs CD, the upper half must be 0; ET is always 1
/// SPEC: intel-sdm-vol3 :: 11.8.5 Initializing IA-32e Mode -> setting PG with EFER.LME needs CR4.PAE, CS.L = 0 and no 16-bit TSS in TR, and sets EFER.LMA; clearing PG needs CS.L = 0 and clears LMA
pub(super) fn write_cr0(vm: &mut Vcpu, v: u64) -> Result<(), Exception> {
    if v >> 32 != 0 {
        return Err(Exception::GP0);
    }
    let (old, new) = (vm.cpu.cr0, Cr0::from_bits_truncate(v) | Cr0::ET);
    let bad =
        new.contains(Cr0::PG) && !new.contains(Cr0::PE) || new.contains(Cr0::NW) && !new.contains(Cr0::CD);
    if bad {
        return Err(Exception::GP0);
    }
    let long_code = vm.cpu.segment(Seg::Cs).attr.contains(SegAttr::L);
    let mut efer = vm.cpu.efer;
    if new.contains(Cr0::PG) && !old.contains(Cr0::PG) {
        if efer.contains(Efer::LME) {
            // Types 1 and 3, and 9 and 11 for 32 bits
            let short_task = vm.cpu.tr.attr.kind() & 8 == 0;
            if !vm.cpu.cr4.contains(Cr4::PAE) || long_code || short_task {
                return Err(Exception::GP0);
            }
            efer |= Efer::LMA;
        } else if vm.cpu.cr4.contains(Cr4::PAE) {
            let (cr3, bits) = (vm.cpu.cr3, vm.cpu.model.physical_bits);
            vm.cpu.pdpte = x86_paging::load_pdptes(vm, cr3, bits).map_err(|_| Exception::GP0)?;
        }
    }
    if !new.contains(Cr0::PG) && old.contains(Cr0::PG) {
        let in_64_bit = efer.contains(Efer::LMA) && long_code;
        if in_64_bit || vm.cpu.cr4.contains(Cr4::PCIDE) {
            return Err(Exception::GP0);
        }
        efer &= !Efer::LMA;
    }
    vm.cpu.cr0 = new;
    vm.cpu.efer = efer;
    if (old ^ new).intersects(Cr0::PG | Cr0::PE | Cr0::WP) {
        vm.tlb_mut().flush_all();
    }
    vm.controls_changed();
    Ok(())
}

/// SPEC: intel-sdm-vol3 :: 5.10.4.1 Operations that Invalidate TLBs and Paging-Structure Caches -> MOV to CR3 drops the PCID's non-global entries, unless CR4.PCIDE = 1 and bit 63 of the source is set
fn mov_to_cr3(vm: &mut Vcpu, v: u64) -> Result<(), Exception> {
    let pcide = vm.cpu.cr4.contains(Cr4::PCIDE);
    let value = if pcide { v & !(1 << 63) } else { v };
    let beyond = if vm.cpu.efer.contains(Efer::LMA) { value >> vm.cpu.model.physical_bits } else { 0 };
    if beyond != 0 {
        return Err(Exception::GP0);
    }
    vm.write_cr3(value, pcide && v >> 63 != 0)
}

/// Returns the bits of CR4 that exist on a model.
fn known_cr4(features: Features) -> Cr4 {
    let mut known =
        Cr4::VME | Cr4::PVI | Cr4::TSD | Cr4::DE | Cr4::PSE | Cr4::PAE | Cr4::MCE | Cr4::PGE | Cr4::PCE;
    for (feature, bit) in [
        (Features::FXSR, Cr4::OSFXSR),
        (Features::SSE, Cr4::OSXMMEXCPT),
        (Features::UMIP, Cr4::UMIP),
        (Features::LA57, Cr4::LA57),
        (Features::FSGSBASE, Cr4::FSGSBASE),
        (Features::PCID, Cr4::PCIDE),
        (Features::XSAVE, Cr4::OSXSAVE),
        (Features::SMEP, Cr4::SMEP),
        (Features::SMAP, Cr4::SMAP),
    ] {
        if features.contains(feature) {
            known |= bit;
        }
    }
    known
}

/// Writes CR4.
///
/// SPEC: intel-sdm-vol2 :: MOV—Move to/from Control Registers -> reserved bits, PAE or LA57 cleared or changed in long mode, and PCIDE set outside long mode or with a PCID in CR3 are #GP(0)
fn write_cr4(vm: &mut Vcpu, v: u64) -> Result<(), Exception> {
    let (old, new) = (vm.cpu.cr4, Cr4::from_bits_retain(v));
    let lma = vm.cpu.efer.contains(Efer::LMA);
    let changed = old ^ new;
    let pcid_set = changed.contains(Cr4::PCIDE) && new.contains(Cr4::PCIDE);
    let bad = !known_cr4(vm.cpu.model.features).contains(new)
        || lma && (!new.contains(Cr4::PAE) || changed.contains(Cr4::LA57))
        || pcid_set && (!lma || vm.cpu.cr3 & 0xfff != 0);
    if bad {
        return Err(Exception::GP0);
    }
    let paging = Cr4::PSE | Cr4::PAE | Cr4::PGE | Cr4::SMEP | Cr4::SMAP | Cr4::PCIDE | Cr4::LA57;
    let legacy_pae = vm.cpu.cr0.contains(Cr0::PG) && new.contains(Cr4::PAE) && !lma;
    if legacy_pae && changed.intersects(Cr4::PAE | Cr4::PGE | Cr4::PSE | Cr4::SMEP) {
        let (cr3, bits) = (vm.cpu.cr3, vm.cpu.model.physical_bits);
        vm.cpu.pdpte = x86_paging::load_pdptes(vm, cr3, bits).map_err(|_| Exception::GP0)?;
    }
    vm.cpu.cr4 = new;
    if changed.intersects(paging) {
        vm.tlb_mut().flush_all();
    }
    vm.controls_changed();
    Ok(())
}

/// LMSW: the low four bits of CR0; PE can be set but not cleared.
pub(super) fn lmsw(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let v = vm.read_operand(i, 0, Width::B2)?;
    let keep = vm.cpu.cr0.bits() & (!0xe);
    write_cr0(vm, keep | v & 0xf)?;
    Ok(Flow::End)
}

/// SMSW
///
/// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> with CR4.UMIP set SMSW, SGDT, SIDT, SLDT and STR raise #GP(0) above CPL 0
pub(super) fn smsw(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    check_umip(vm)?;
    let w = if i.operands[0].is_mem() { Width::B2 } else { i.opsize };
    let v = vm.cpu.cr0.bits();
    vm.write_operand(i, 0, w, w.trunc(v))?;
    Ok(Flow::Next)
}

/// #GP(0) for an instruction that CR4.UMIP keeps from CPL 1 to 3.
pub(super) fn check_umip(vm: &Vcpu) -> Result<(), Exception> {
    if vm.cpu.cpl != 0 && vm.cpu.cr4.contains(Cr4::UMIP) { Err(Exception::GP0) } else { Ok(()) }
}

/// CLTS
pub(super) fn clts(vm: &mut Vcpu) -> ConcreteResult {
    vm.cpu.cr0.remove(Cr0::TS);
    vm.code_mode_changed();
    Ok(Flow::End)
}

/// XGETBV
pub(super) fn xgetbv(vm: &mut Vcpu) -> ConcreteResult {
    if !vm.cpu.cr4.contains(Cr4::OSXSAVE) {
        return Err(Exception::InvalidOpcode);
    }
    let value = match vm.cpu.gpr[gpr::RCX] as u32 {
        0 => vm.cpu.xcr0,
        1 if vm.cpu.model.features.contains(Features::XGETBV1) => vm.cpu.xcr0 & vm.cpu.xinuse(),
        _ => return Err(Exception::GP0),
    };
    set_edx_eax(vm, value.bits());
    Ok(Flow::Next)
}

/// XSETBV
///
/// SPEC: intel-sdm-vol2 :: XSETBV—Set Extended Control Register -> only XCR0; x87 must stay set, AVX needs SSE, unknown bits are #GP(0)
pub(super) fn xsetbv(vm: &mut Vcpu) -> ConcreteResult {
    if !vm.cpu.cr4.contains(Cr4::OSXSAVE) {
        return Err(Exception::InvalidOpcode);
    }
    let v = edx_eax(vm);
    let mut known = Xcr0::X87 | Xcr0::SSE;
    if vm.cpu.model.features.contains(Features::AVX) {
        known |= Xcr0::AVX;
    }
    let new = Xcr0::from_bits_retain(v);
    let bad = vm.cpu.gpr[gpr::RCX] as u32 != 0
        || !known.contains(new)
        || !new.contains(Xcr0::X87)
        || new.contains(Xcr0::AVX) && !new.contains(Xcr0::SSE);
    if bad {
        return Err(Exception::GP0);
    }
    vm.cpu.xcr0 = new;
    vm.code_mode_changed();
    Ok(Flow::End)
}

/// Returns EDX:EAX.
pub(super) fn edx_eax(vm: &Vcpu) -> u64 {
    vm.cpu.gpr[gpr::RDX] << 32 | vm.cpu.gpr[gpr::RAX] & 0xffff_ffff
}

/// Writes EDX:EAX, clearing the upper halves.
pub(super) fn set_edx_eax(vm: &mut Vcpu, v: u64) {
    vm.cpu.gpr[gpr::RAX] = v & 0xffff_ffff;
    vm.cpu.gpr[gpr::RDX] = v >> 32;
}

/// Returns whether an operand is DR4 or DR5.
pub(super) fn is_alias(operand: &Operand) -> bool {
    operand.kind == OperandKind::Dr && matches!(operand.reg, 4 | 5)
}

/// MOV to and from debug registers.
///
/// SPEC: intel-sdm-vol3 :: 19.2.2 Debug Registers DR4 and DR5 -> aliases of DR6 and DR7, or #UD with CR4.DE
/// SPEC: intel-sdm-vol3 :: 19.2.4 Debug Control Register (DR7) -> with GD set any access is #DB with DR6.BD
pub(super) fn mov_dr(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let w = if vm.cpu.code_size == x86_types::CodeSize::Bits64 { Width::B8 } else { Width::B4 };
    let to = i.operands[0].kind == OperandKind::Dr;
    let number = if to { i.operands[0].reg } else { i.operands[1].reg };
    let number = match number {
        4 | 5 if vm.cpu.cr4.contains(Cr4::DE) => return Err(Exception::InvalidOpcode),
        4 | 5 => number + 2,
        0..=7 => number,
        _ => return Err(Exception::InvalidOpcode),
    };
    if vm.cpu.dr[7] & Dr7::GD.bits() != 0 {
        vm.cpu.dr[7] &= !Dr7::GD.bits();
        return Err(Exception::Debug { dr6: Dr6::BD.bits(), fault: true });
    }
    if to {
        let v = vm.read_operand(i, 1, w)?;
        let v = match number {
            6 | 7 if v >> 32 != 0 => return Err(Exception::GP0),
            6 => v & 0xe00f | Dr6::FIXED.bits(),
            7 => v & 0xffff_2fff | Dr7::FIXED.bits(),
            _ => v,
        };
        vm.cpu.dr[usize::from(number)] = v;
        vm.tlb_mut().flush_all();
        vm.flags_changed();
    } else {
        let v = vm.cpu.dr[usize::from(number)];
        vm.write_operand(i, 0, w, v)?;
    }
    Ok(Flow::End)
}

/// INVLPG
pub(super) fn invlpg(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let m = crate::operand::mem(vm, i);
    let linear = vm.linear_of(&m);
    vm.tlb_mut().flush_page(linear);
    Ok(Flow::End)
}

/// INVPCID
///
/// SPEC: intel-sdm-vol2 :: INVPCID—Invalidate Process-Context Identifier -> types 0 to 3; reserved descriptor bits, a non-canonical address or a PCID without CR4.PCIDE are #GP(0)
pub(super) fn invpcid(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let w = if vm.cpu.code_size == x86_types::CodeSize::Bits64 { Width::B8 } else { Width::B4 };
    let kind = vm.read_operand(i, 0, w)?;
    let low = vm.load_operand(i, 0, Width::B8)?;
    let address = LinearAddr(vm.load_operand(i, 8, Width::B8)?);
    let pcid_needed = kind < 2 && low & 0xfff != 0 && !vm.cpu.cr4.contains(Cr4::PCIDE);
    let bad_address = kind == 0 && !address.is_canonical(vm.cpu.supported_linear_bits());
    if kind > 3 || low >> 12 != 0 || pcid_needed || bad_address {
        return Err(Exception::GP0);
    }
    match kind {
        0 => vm.tlb_mut().flush_page(address),
        1 => vm.tlb_mut().flush_pcid(low as u16),
        2 => vm.tlb_mut().flush_all(),
        _ => vm.tlb_mut().flush_non_global(),
    }
    Ok(Flow::End)
}

/// Returns whether RFLAGS.VM is set.
pub(super) fn is_v86(vm: &Vcpu) -> bool {
    vm.cpu.cr0.contains(Cr0::PE) && vm.cpu.system_flags.contains(RFlags::VM)
}
