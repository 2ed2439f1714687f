//! XSAVE, XSAVEOPT, XSAVEC and XRSTOR.

use super::{Area, fxsave, set_mxcsr};
use crate::concrete_operand::ConcreteResult;
use crate::{Flow, Vcpu};
use x86_decode::{Instruction, Op};
use x86_state::cpuid::Features;
use x86_state::{Cr0, Cr4, Mxcsr, X87, Xcr0, gpr};
use x86_types::{Exception, Width};

/// Offset of XSTATE_BV
const XSTATE_BV: u64 = 512;
/// Offset of XCOMP_BV
const XCOMP_BV: u64 = XSTATE_BV + 8;
/// Bytes of the header
const HEADER_SIZE: u64 = 64;
/// Bit of XCOMP_BV: the area has the compacted format
const COMPACTED: u64 = 1 << 63;
/// Offset of the high halves of YMM0 to YMM15, in both formats, since nothing comes before them
const AVX: u64 = XSTATE_BV + HEADER_SIZE;
/// Bytes up to the end of the AVX component
const SIZE: u64 = AVX + 256;

/// SPEC: intel-sdm-vol1 :: 13.7 Operation of XSAVE -> requested features are EDX:EAX and XCR0; #UD without CR4.OSXSAVE, #NM with CR0.TS, #GP(0) off 64-byte alignment
pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    if !vm.cpu.cr4.contains(Cr4::OSXSAVE) {
        return Err(Exception::InvalidOpcode);
    }
    if vm.cpu.cr0.contains(Cr0::TS) {
        return Err(Exception::DeviceNotAvailable);
    }
    Area::check_alignment(vm, i, 64)?;
    let asked = vm.cpu.gpr[gpr::RAX] & 0xffff_ffff | vm.cpu.gpr[gpr::RDX] << 32;
    let features = Xcr0::from_bits_truncate(asked) & vm.cpu.xcr0;
    if i.op == Op::Xrstor { restore(vm, i, features) } else { save(vm, i, features) }
}

/// SPEC: intel-sdm-vol1 :: 13.7 Operation of XSAVE -> all requested components are written; XSTATE_BV keeps the bits of the others
/// SPEC: intel-sdm-vol1 :: 13.9 Operation of XSAVEOPT -> components in their initial configuration are not written; MXCSR is, with SSE or AVX. The modified optimization is not made
/// SPEC: intel-sdm-vol1 :: 13.10 Operation of XSAVEC -> likewise; XSTATE_BV and XCOMP_BV are written whole; MXCSR belongs to SSE, which is in use where it is not 1F80H
fn save(vm: &mut Vcpu, i: &Instruction, features: Xcr0) -> ConcreteResult {
    let (x87, mxcsr, vectors) = (vm.cpu.x87, vm.cpu.mxcsr, vm.cpu.vector);
    let compacted = i.op == Op::Xsavec;
    let mut used = vm.cpu.xinuse() & features;
    if compacted && features.contains(Xcr0::SSE) && mxcsr != Mxcsr::RESET {
        used |= Xcr0::SSE;
    }
    let written = if i.op == Op::Xsave { features } else { used };
    let with_mxcsr = if compacted { written & Xcr0::SSE } else { features & (Xcr0::SSE | Xcr0::AVX) };
    let count = fxsave::vector_count(vm);
    let size = if features.contains(Xcr0::AVX) { SIZE } else { AVX };
    let mut area = Area::to_write(vm, i, size)?;
    if written.contains(Xcr0::X87) {
        fxsave::save_x87(&mut area, &x87)?;
    }
    if !with_mxcsr.is_empty() {
        fxsave::save_mxcsr(&mut area, mxcsr)?;
    }
    for (n, vector) in vectors.iter().enumerate().take(count) {
        if written.contains(Xcr0::SSE) {
            area.store128(fxsave::xmm_offset(n), vector.lo)?;
        }
        if written.contains(Xcr0::AVX) {
            area.store128(AVX + 16 * n as u64, vector.hi)?;
        }
    }
    if compacted {
        area.store(XSTATE_BV, Width::B8, used.bits())?;
        area.store(XCOMP_BV, Width::B8, features.bits() | COMPACTED)?;
    } else {
        let old = area.load(XSTATE_BV, Width::B8)?;
        area.store(XSTATE_BV, Width::B8, old & !features.bits() | used.bits())?;
    }
    Ok(Flow::Next)
}

/// The header of an area
struct Header {
    present: Xcr0,
    compacted: bool,
}

/// SPEC: intel-sdm-vol1 :: 13.8 Operation of XRSTOR -> #GP(0) for XSTATE_BV outside XCR0, reserved bytes 23:8, and in the compacted format for XCOMP_BV outside XCR0, XSTATE_BV outside XCOMP_BV and bytes 63:16
fn header(area: &mut Area<'_>) -> Result<Header, Exception> {
    let enabled = area.vm.cpu.xcr0.bits();
    let (state, components) = (area.load(XSTATE_BV, Width::B8)?, area.load(XCOMP_BV, Width::B8)?);
    let compacted = components & COMPACTED != 0;
    let (bad, reserved) = if compacted {
        let components = components & !COMPACTED;
        let known = area.vm.cpu.model.features.contains(Features::XSAVEC);
        (!known || components & !enabled != 0 || state & !components != 0, HEADER_SIZE)
    } else {
        (components != 0 || state & !enabled != 0, 24)
    };
    let mut rest = 0;
    for offset in (16..reserved).step_by(8) {
        rest |= area.load(XSTATE_BV + offset, Width::B8)?;
    }
    if bad || rest != 0 {
        return Err(Exception::GP0);
    }
    Ok(Header { present: Xcr0::from_bits_truncate(state), compacted })
}

/// SPEC: intel-sdm-vol1 :: 13.8 Operation of XRSTOR -> absent components are initialised; the standard format's MXCSR is loaded with SSE or AVX, present or not, the compacted one's belongs to SSE; its reserved bits are #GP(0)
fn restore(vm: &mut Vcpu, i: &Instruction, features: Xcr0) -> ConcreteResult {
    let count = fxsave::vector_count(vm);
    let (mut x87, mut mxcsr, mut vectors) = (vm.cpu.x87, vm.cpu.mxcsr, vm.cpu.vector);
    let mut area = Area::to_read(vm, i, XSTATE_BV + HEADER_SIZE);
    let Header { present, compacted } = header(&mut area)?;
    if features.contains(Xcr0::X87) {
        x87 = if present.contains(Xcr0::X87) { fxsave::load_x87(&mut area)? } else { X87::INIT };
    }
    let with_mxcsr = if compacted { Xcr0::SSE } else { Xcr0::SSE | Xcr0::AVX };
    if features.intersects(with_mxcsr) {
        let here = !compacted || present.contains(Xcr0::SSE);
        mxcsr = if here {
            Mxcsr::from_bits_retain(area.load(fxsave::MXCSR, Width::B4)? as u32)
        } else {
            Mxcsr::RESET
        };
    }
    for (n, vector) in vectors.iter_mut().enumerate().take(count) {
        if features.contains(Xcr0::SSE) {
            let here = present.contains(Xcr0::SSE);
            vector.lo = if here { area.load128(fxsave::xmm_offset(n))? } else { 0 };
        }
        if features.contains(Xcr0::AVX) {
            let here = present.contains(Xcr0::AVX);
            vector.hi = if here { area.load128(AVX + 16 * n as u64)? } else { 0 };
        }
    }
    set_mxcsr(vm, mxcsr.bits())?;
    vm.cpu.x87 = x87;
    vm.cpu.vector = vectors;
    Ok(Flow::Next)
}
