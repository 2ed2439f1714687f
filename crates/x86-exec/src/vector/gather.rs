//! Gathers: lanes loaded from addresses given by a vector of indices.

use super::forms::{is_wide, read_pair};
use super::lanes::lane;
use crate::concrete_operand::ConcreteResult;
use crate::{Flow, MemRef, Vcpu};
use x86_decode::{Instruction, NO_REG, Op};
use x86_types::{Exception, Width};

/// Widths of an index and of a lane; `None` for other instructions
fn widths(op: Op) -> Option<(Width, Width)> {
    Some(match op {
        Op::Vpgatherdd | Op::Vgatherdps => (Width::B4, Width::B4),
        Op::Vpgatherdq | Op::Vgatherdpd => (Width::B4, Width::B8),
        Op::Vpgatherqd | Op::Vgatherqps => (Width::B8, Width::B4),
        Op::Vpgatherqq | Op::Vgatherqpd => (Width::B8, Width::B8),
        _ => return None,
    })
}

/// Lane `n` of 256 bits
fn get(x: [u128; 2], w: Width, n: usize) -> u64 {
    if w == Width::B8 { lane(x[n >> 1 & 1], n & 1) } else { lane::<u32>(x[n >> 2 & 1], n & 3).into() }
}

/// Replaces lane `n` of 256 bits.
fn set(x: &mut [u128; 2], w: Width, n: usize, v: u64) {
    let at = n as u32 * w.bits();
    let half = &mut x[(at >> 7) as usize & 1];
    *half = *half & !(u128::from(w.mask()) << (at & 127)) | u128::from(v) << (at & 127);
}

/// Executes a gather; `None` for other instructions.
pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> Option<ConcreteResult> {
    let (index, w) = widths(i.op)?;
    Some(gather(vm, i, index, w))
}

/// Lanes are loaded in order, from the lowest. If one faults, those below it are in the destination, and their mask is
/// cleared.
///
/// SPEC: intel-sdm-vol2 :: VPGATHERDD/VPGATHERQD—Gather Packed Dword Values Using Signed Dword/Qword Indices -> the sign of a mask's lane chooses; the mask is cleared lane by lane; faults come in order from the lowest lane, with what is complete kept
fn gather(vm: &mut Vcpu, i: &Instruction, index: Width, w: Width) -> ConcreteResult {
    crate::Vectors::check_avx(vm)?;
    let wide = i.flags.contains(x86_decode::InsnFlags::VEX_L);
    let lanes = (if wide { 32 } else { 16 }) / index.bytes().max(w.bytes()) as usize;
    let (to, mask_register) = (i.operands[0], i.operands[2].reg);
    let indices = read_pair(vm, i.index & 15);
    let (mut x, given) = (read_pair(vm, to.reg), read_pair(vm, mask_register));
    // The mask's lanes become all ones or zeros; what lies above them becomes zero.
    let mut mask = [0; 2];
    for n in 0..lanes {
        let is_chosen = get(given, w, n) >> (w.bits() - 1) != 0;
        set(&mut mask, w, n, if is_chosen { w.mask() } else { 0 });
    }
    let base = if i.base == NO_REG { 0 } else { vm.cpu.gpr[usize::from(i.base & 15)] };
    let base = base.wrapping_add(i.disp as i64 as u64);
    let mut outcome = Ok(Flow::Next);
    for n in 0..lanes {
        if get(mask, w, n) == 0 {
            continue;
        }
        let offset = index.sext(get(indices, index, n)) << i.scale;
        let m = MemRef { seg: i.seg, offset: i.addrsize.trunc(base.wrapping_add(offset)) };
        match vm.load_ref(&m, w) {
            Ok(v) => set(&mut x, w, n, v),
            Err(fault) => {
                outcome = Err(Exception::from(fault));
                break;
            }
        }
        set(&mut mask, w, n, 0);
    }
    if outcome.is_ok() {
        // Lanes above the operation's are zero: 64 bits of a register where indices are wider than lanes.
        let bits = lanes as u32 * w.bits();
        if bits == 64 {
            x[0] &= u128::from(u64::MAX);
        }
        if !is_wide(to) {
            x[1] = 0;
        }
    }
    vm.cpu.vector[usize::from(to.reg & 15)] = x86_state::Vector256 { lo: x[0], hi: x[1] };
    vm.cpu.vector[usize::from(mask_register & 15)] = x86_state::Vector256 { lo: mask[0], hi: mask[1] };
    outcome
}
