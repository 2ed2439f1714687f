//! Masked loads and stores.

use super::forms::{is_wide, read_pair, write, write_pair};
use super::lanes::lane;
use crate::concrete_operand::ConcreteResult;
use crate::{Flow, MemRef, Vcpu, Vectors, operand};
use x86_decode::{Instruction, Op};
use x86_types::{Exception, Width};

/// VMASKMOVPS, VMASKMOVPD, VPMASKMOVD and VPMASKMOVQ; `None` for other instructions
///
/// SPEC: intel-sdm-vol2 :: VMASKMOV—Conditional SIMD Packed Loads and Stores -> the sign of a mask's lane chooses; lanes that are not chosen are zero when loaded, are not stored and do not fault; no #AC
pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> Option<ConcreteResult> {
    let w = match i.op {
        Op::Vmaskmovps | Op::Vpmaskmovd => Width::B4,
        Op::Vmaskmovpd | Op::Vpmaskmovq => Width::B8,
        _ => return None,
    };
    Some(if i.operands[0].is_mem() { store(vm, i, w) } else { load(vm, i, w) })
}

/// Returns the memory operand of lane `n`
fn place(vm: &mut Vcpu, i: &Instruction, w: Width, n: usize) -> MemRef<u64> {
    let m = operand::mem(vm, i);
    MemRef { offset: i.addrsize.trunc(m.offset.wrapping_add(n as u64 * u64::from(w.bytes()))), ..m }
}

/// Lane `n` of 256 bits
fn lane_of(x: [u128; 2], w: Width, n: usize) -> u64 {
    if w == Width::B8 { lane(x[n >> 1], n & 1) } else { lane::<u32>(x[n >> 2 & 1], n & 3).into() }
}

/// Returns the lanes whose mask is negative
fn chosen(mask: [u128; 2], w: Width, wide: bool) -> impl Iterator<Item = usize> {
    let lanes = if wide { 32 } else { 16 } / w.bytes() as usize;
    (0..lanes).filter(move |&n| lane_of(mask, w, n) >> (w.bits() - 1) != 0)
}

fn load(vm: &mut Vcpu, i: &Instruction, w: Width) -> ConcreteResult {
    vm.check_avx()?;
    let wide = is_wide(i.operands[0]);
    let mask = read_pair(vm, i.operands[1].reg);
    let mut x = [0_u128; 2];
    for n in chosen(mask, w, wide) {
        let m = place(vm, i, w, n);
        let at = n as u32 * w.bits();
        x[(at >> 7) as usize & 1] |= u128::from(vm.load_unaligned(&m, w, i.addrsize)?) << (at & 127);
    }
    if wide {
        write_pair(vm, i.operands[0].reg, x);
    } else {
        write::<Vcpu, true>(vm, i.operands[0].reg, x[0]);
    }
    Ok(Flow::Next)
}

/// All lanes are checked before the first is stored.
fn store(vm: &mut Vcpu, i: &Instruction, w: Width) -> ConcreteResult {
    vm.check_avx()?;
    let from = i.operands[2];
    let (mask, x) = (read_pair(vm, i.operands[1].reg), read_pair(vm, from.reg));
    let wide = is_wide(from);
    for n in chosen(mask, w, wide) {
        let m = place(vm, i, w, n);
        vm.check_write_unaligned(&m, w, i.addrsize)?;
    }
    for n in chosen(mask, w, wide) {
        let m = place(vm, i, w, n);
        vm.store_unaligned(&m, w, i.addrsize, lane_of(x, w, n))?;
    }
    Ok(Flow::Next)
}

impl Vcpu {
    /// Returns whether accesses are split into bytes: with alignment checks a whole access could raise #AC, which the
    /// instruction does not
    fn by_bytes(&self) -> bool {
        self.alignment_checked()
    }

    fn load_unaligned(&mut self, m: &MemRef<u64>, w: Width, addrsize: Width) -> Result<u64, Exception> {
        if !self.by_bytes() {
            return self.load_ref(m, w).map_err(Exception::from);
        }
        (0..u64::from(w.bytes())).try_fold(0, |v, n| {
            Ok(v | self.load_ref(&m.behind(n, addrsize), Width::B1).map_err(Exception::from)? << (8 * n))
        })
    }

    fn check_write_unaligned(&mut self, m: &MemRef<u64>, w: Width, addrsize: Width) -> Result<(), Exception> {
        if !self.by_bytes() {
            return self.check_write_ref(m, w).map_err(Exception::from);
        }
        for n in [0, u64::from(w.bytes()) - 1] {
            self.check_write_ref(&m.behind(n, addrsize), Width::B1)?;
        }
        Ok(())
    }

    fn store_unaligned(
        &mut self,
        m: &MemRef<u64>,
        w: Width,
        addrsize: Width,
        v: u64,
    ) -> Result<(), Exception> {
        if !self.by_bytes() {
            return self.store_ref(m, w, v).map_err(Exception::from);
        }
        for n in 0..u64::from(w.bytes()) {
            self.store_ref(&m.behind(n, addrsize), Width::B1, v >> (8 * n) & 0xff)?;
        }
        Ok(())
    }
}
