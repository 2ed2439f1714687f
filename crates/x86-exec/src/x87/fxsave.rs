//! FXSAVE and FXRSTOR, and the legacy region that XSAVE shares with them.

use super::{Area, set_mxcsr, summarize};
use crate::concrete_operand::ConcreteResult;
use crate::{Flow, Vcpu};
use x86_decode::{InsnFlags, Instruction};
use x86_state::{F80, Mxcsr, X87};
use x86_types::{CodeSize, Exception, Width};

/// Bytes of the area
const SIZE: u64 = 512;
/// Offset of MXCSR
pub(super) const MXCSR: u64 = 24;
/// Offset of ST(0)
const REGISTERS: u64 = 32;
/// Offset of XMM0
const XMM: u64 = 160;

/// Returns the number of vector registers that the mode can address.
pub(super) fn vector_count(vm: &Vcpu) -> usize {
    if vm.cpu.code_size == CodeSize::Bits64 { 16 } else { 8 }
}

/// FXSAVE
///
/// SPEC: intel-sdm-vol2 :: FXSAVE—Save x87 FPU, MMX Technology, and SSE State -> 512 bytes, 16-byte alignment, 64-bit pointers with REX.W
pub(super) fn save(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    Area::check_alignment(vm, i, 16)?;
    let (x87, mxcsr) = (vm.cpu.x87, vm.cpu.mxcsr);
    let count = vector_count(vm);
    let vectors = vm.cpu.vector;
    let mut area = Area::to_write(vm, i, SIZE)?;
    save_x87(&mut area, &x87)?;
    save_mxcsr(&mut area, mxcsr)?;
    for (n, vector) in (0..).zip(&vectors[..count]) {
        area.store128(XMM + 16 * n, vector.lo)?;
    }
    Ok(Flow::Next)
}

/// FXRSTOR
pub(super) fn restore(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    Area::check_alignment(vm, i, 16)?;
    let count = vector_count(vm);
    let mut vectors = vm.cpu.vector;
    let mut area = Area::to_read(vm, i, SIZE);
    let x87 = load_x87(&mut area)?;
    let mxcsr = area.load(MXCSR, Width::B4)?;
    for (n, vector) in (0..).zip(&mut vectors[..count]) {
        vector.lo = area.load128(XMM + 16 * n)?;
    }
    set_mxcsr(vm, mxcsr as u32)?;
    vm.cpu.x87 = x87;
    vm.cpu.vector = vectors;
    Ok(Flow::Next)
}

/// MXCSR and its mask.
pub(super) fn save_mxcsr(area: &mut Area<'_>, mxcsr: Mxcsr) -> Result<(), Exception> {
    area.store(MXCSR, Width::B4, mxcsr.bits().into())?;
    area.store(MXCSR + 4, Width::B4, Mxcsr::MASK.into())
}

/// Offset of a vector register's low half.
pub(super) fn xmm_offset(n: usize) -> u64 {
    XMM + 16 * n as u64
}

fn wide_pointers(area: &Area<'_>) -> bool {
    area.i.flags.contains(InsnFlags::W)
}

/// The x87 part of the legacy region.
///
/// SPEC: intel-sdm-vol1 :: 10.5.1 FXSAVE Area -> control, status, abridged tags, opcode, pointers; ST(0) to ST(7) every 16 bytes
pub(super) fn save_x87(area: &mut Area<'_>, x87: &X87) -> Result<(), Exception> {
    area.store(0, Width::B2, x87.control.into())?;
    area.store(2, Width::B2, x87.status.into())?;
    area.store(4, Width::B2, x87.tags.into())?;
    area.store(6, Width::B2, x87.opcode.into())?;
    if wide_pointers(area) {
        area.store(8, Width::B8, x87.fip)?;
        area.store(16, Width::B8, x87.fdp)?;
    } else {
        area.store(8, Width::B8, x87.fip & 0xffff_ffff | u64::from(x87.fcs) << 32)?;
        area.store(16, Width::B8, x87.fdp & 0xffff_ffff | u64::from(x87.fds) << 32)?;
    }
    for n in 0..8u8 {
        let x = x87.r[usize::from(x87.top().wrapping_add(n) & 7)];
        let at = REGISTERS + 16 * u64::from(n);
        area.store(at, Width::B8, x.significand)?;
        area.store(at + 8, Width::B8, x.sign_exponent.into())?;
    }
    Ok(())
}

pub(super) fn load_x87(area: &mut Area<'_>) -> Result<X87, Exception> {
    let mut x87 = X87 {
        control: area.load(0, Width::B2)? as u16 & 0x1f3f | 0x40,
        status: area.load(2, Width::B2)? as u16,
        tags: area.load(4, Width::B1)? as u8,
        opcode: area.load(6, Width::B2)? as u16 & 0x7ff,
        fip: area.load(8, Width::B8)?,
        fdp: area.load(16, Width::B8)?,
        ..X87::INIT
    };
    if !wide_pointers(area) {
        x87.fcs = (x87.fip >> 32) as u16;
        x87.fds = (x87.fdp >> 32) as u16;
        x87.fip &= 0xffff_ffff;
        x87.fdp &= 0xffff_ffff;
    }
    for n in 0..8u8 {
        let at = REGISTERS + 16 * u64::from(n);
        x87.r[usize::from(x87.top().wrapping_add(n) & 7)] = F80 {
            significand: area.load(at, Width::B8)?,
            sign_exponent: area.load(at + 8, Width::B2)? as u16,
            reserved: [0; 3],
        };
    }
    summarize(&mut x87);
    Ok(x87)
}
