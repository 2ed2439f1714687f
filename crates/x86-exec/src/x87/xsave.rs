//! XSAVE, XSAVEOPT and XRSTOR in the standard format.

use super::{Area, fxsave, set_mxcsr};
use crate::system::Outcome;
use crate::{Flow, Vcpu};
use x86_decode::{Instruction, Op};
use x86_state::{Cr0, Cr4, Mxcsr, X87, Xcr0, gpr};
use x86_types::{Exception, Width};

/// Offset of XSTATE_BV
const HEADER: u64 = 512;
/// Offset of the high halves of YMM0 to YMM15
const AVX: u64 = 576;
/// Bytes up to the end of the AVX component
const SIZE: u64 = AVX + 256;

/// SPEC: intel-sdm-vol1 :: 13.7 Operation of XSAVE -> requested features are EDX:EAX and XCR0; #UD without CR4.OSXSAVE, #NM with CR0.TS, #GP(0) off 64-byte alignment
pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> Outcome {
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

/// The components count as in use always, which the manual leaves to the processor.
fn save(vm: &mut Vcpu, i: &Instruction, features: Xcr0) -> Outcome {
    let (x87, mxcsr, vectors) = (vm.cpu.x87, vm.cpu.mxcsr, vm.cpu.vector);
    let count = fxsave::vector_count(vm);
    let size = if features.contains(Xcr0::AVX) { SIZE } else { AVX };
    let mut area = Area::to_write(vm, i, size)?;
    if features.contains(Xcr0::X87) {
        fxsave::save_x87(&mut area, &x87)?;
    }
    if features.intersects(Xcr0::SSE | Xcr0::AVX) {
        fxsave::save_mxcsr(&mut area, mxcsr)?;
    }
    for (n, vector) in vectors.iter().enumerate().take(count) {
        if features.contains(Xcr0::SSE) {
            area.store128(fxsave::xmm_offset(n), vector.lo)?;
        }
        if features.contains(Xcr0::AVX) {
            area.store128(AVX + 16 * n as u64, vector.hi)?;
        }
    }
    let old = area.load(HEADER, Width::B8)?;
    area.store(HEADER, Width::B8, old | features.bits())?;
    Ok(Flow::Next)
}

/// SPEC: intel-sdm-vol1 :: 13.8 Operation of XRSTOR -> XSTATE_BV outside XCR0, a non-zero XCOMP_BV or reserved bytes, and reserved MXCSR bits are #GP(0); absent components are initialised
fn restore(vm: &mut Vcpu, i: &Instruction, features: Xcr0) -> Outcome {
    let (enabled, count) = (vm.cpu.xcr0, fxsave::vector_count(vm));
    let (mut x87, mut mxcsr, mut vectors) = (vm.cpu.x87, vm.cpu.mxcsr, vm.cpu.vector);
    let mut area = Area::to_read(vm, i, HEADER + 64);
    let present = area.load(HEADER, Width::B8)?;
    let reserved = area.load(HEADER + 8, Width::B8)? | area.load(HEADER + 16, Width::B8)?;
    if present & !enabled.bits() != 0 || reserved != 0 {
        return Err(Exception::GP0);
    }
    let present = Xcr0::from_bits_truncate(present);
    if features.contains(Xcr0::X87) {
        x87 = if present.contains(Xcr0::X87) { fxsave::load_x87(&mut area)? } else { X87::INIT };
    }
    if features.intersects(Xcr0::SSE | Xcr0::AVX) {
        mxcsr = Mxcsr::from_bits_retain(area.load(fxsave::MXCSR, Width::B4)? as u32);
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
