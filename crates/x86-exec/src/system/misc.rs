//! CPUID, RDRAND and RDSEED, HLT, MONITOR, CMPXCHG8B and CMPXCHG16B, CRC32, PDEP and PEXT, cache-line flushes.

use crate::concrete_operand::ConcreteResult;
use crate::int::bmi;
use crate::{FlagDef, FlagsRegister, Flow, GeneralRegisters, Memory, Vcpu, Vectors};
use x86_decode::{Instruction, Op};
use x86_state::cpuid::CpuidState;
use x86_state::{Activity, Cr4, RFlags, gpr};
use x86_types::{Exception, Width};

/// CPUID
pub(super) fn cpuid(vm: &mut Vcpu) -> ConcreteResult {
    let (leaf, subleaf) = (vm.cpu.gpr[gpr::RAX] as u32, vm.cpu.gpr[gpr::RCX] as u32);
    let (apic_id, apic_enabled) = vm.bus_mut().apic();
    let cr4_osxsave = vm.cpu.cr4.contains(Cr4::OSXSAVE);
    let (xcr0, misc_enable) = (vm.cpu.xcr0.bits(), vm.cpu.msr.misc_enable);
    let state = CpuidState { apic_id, cr4_osxsave, xcr0, apic_enabled, misc_enable };
    let [a, b, c, d] = vm.cpu.model.cpuid(leaf, subleaf, &state);
    for (r, v) in [(gpr::RAX, a), (gpr::RBX, b), (gpr::RCX, c), (gpr::RDX, d)] {
        vm.cpu.gpr[r] = u64::from(v);
    }
    Ok(Flow::Next)
}

/// RDRAND and RDSEED. The bus always has a number, so CF is always 1.
///
/// SPEC: intel-sdm-vol2 :: RDRAND—Read Random Number -> a random number of the operand size; CF = 1 tells that it is valid, OF, SF, ZF, AF and PF are cleared
/// SPEC: intel-sdm-vol2 :: RDSEED—Read Random SEED -> likewise
pub(super) fn random(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let (now, w) = (vm.retired(), i.opsize);
    let number = vm.bus_mut().random(now);
    vm.write_gpr(i.operands[0].reg, w, w.trunc(number));
    vm.set_flags(FlagDef::Image(RFlags::CF.bits()));
    Ok(Flow::Next)
}

/// HLT
pub(super) fn hlt(vm: &mut Vcpu) -> ConcreteResult {
    vm.cpu.activity = Activity::Halted;
    vm.statistics.halts += 1;
    vm.poll_bus();
    Ok(Flow::End)
}

/// MONITOR and MWAIT: waiting never lasts, which the manual allows.
///
/// SPEC: intel-sdm-vol2 :: MWAIT—Monitor Wait -> implementation-dependent events may end the wait at once; here all do. Extensions in ECX that CPUID's leaf 5 does not enumerate are #GP(0)
pub(super) fn monitor(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    if vm.cpu.gpr[gpr::RCX] as u32 != 0 {
        return Err(Exception::GP0);
    }
    if i.op == Op::Monitor {
        let m = crate::MemRef { seg: i.seg, offset: i.addrsize.trunc(vm.cpu.gpr[gpr::RAX]) };
        vm.load_ref(&m, Width::B1)?;
    }
    Ok(Flow::End)
}

/// CLFLUSH, CLFLUSHOPT, CLWB: a load's checks, and no effect.
pub(super) fn touch(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    vm.load_operand(i, 0, Width::B1)?;
    Ok(Flow::Next)
}

/// CMPXCHG8B and CMPXCHG16B
///
/// SPEC: intel-sdm-vol2 :: CMPXCHG8B/CMPXCHG16B—Compare and Exchange Bytes -> the 16-byte form wants alignment, else #GP(0); memory is written in either case, ZF tells
pub(super) fn compare_exchange(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let w = if i.op == Op::Cmpxchg16b { Width::B8 } else { Width::B4 };
    let bytes = u64::from(w.bytes());
    let m = crate::operand::mem(vm, i);
    if w == Width::B8 && vm.linear_of(&m).0 & 15 != 0 {
        return Err(Exception::GP0);
    }
    // The operand is one quadword, for its alignment too.
    if w == Width::B4 {
        vm.check_write_ref(&m, Width::B8)?;
    }
    let mut high = m;
    high.offset = i.addrsize.trunc(m.offset.wrapping_add(bytes));
    let expected = [vm.read_gpr(0, w), vm.read_gpr(2, w)];
    let new = [vm.read_gpr(3, w), vm.read_gpr(1, w)];
    let exchanged = vm.atomic_compare_exchange_pair([&m, &high], w, expected, new);
    let (old, equal) = exchanged?;
    if equal == 0 {
        vm.write_gpr(0, w, old[0]);
        vm.write_gpr(2, w, old[1]);
    }
    let image = vm.cpu.arith.pack() & !0x40 | equal << 6;
    vm.set_flags(FlagDef::Image(image));
    Ok(Flow::Next)
}

/// CRC32: the Castagnoli polynomial, bit-reflected.
///
/// SPEC: intel-sdm-vol2 :: CRC32—Accumulate CRC32 Value -> polynomial 11EDC6F41H, the destination's upper half is cleared
pub(super) fn crc32(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let w = i.operands[1].width().unwrap_or(i.opsize);
    let v = vm.read_operand(i, 1, w)?;
    let mut crc = vm.read_gpr(i.operands[0].reg, Width::B4) as u32;
    for byte in &v.to_le_bytes()[..w.bytes() as usize] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    vm.write_gpr(i.operands[0].reg, Width::B8, u64::from(crc));
    Ok(Flow::Next)
}

/// PDEP and PEXT. No flag is touched.
pub(super) fn scatter_bits(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    vm.check_vex()?;
    let w = i.opsize;
    let mask = vm.read_operand(i, 2, w)?;
    let a = vm.read_gpr(i.operands[1].reg, w);
    let result = if i.op == Op::Pdep { bmi::deposit(a, mask) } else { bmi::extract(a, mask) };
    vm.write_gpr(i.operands[0].reg, w, result);
    Ok(Flow::Next)
}
