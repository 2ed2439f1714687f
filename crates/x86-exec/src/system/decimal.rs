//! Decimal arithmetic: DAA, DAS, AAA, AAS, AAM, AAD.

use crate::concrete_operand::ConcreteResult;
use crate::{FlagDef, FlagsRegister, Flow, GeneralRegisters, Vcpu};
use x86_decode::{Instruction, Op};
use x86_types::{Exception, Width};

/// SPEC: intel-sdm-vol2 :: DAA—Decimal Adjust AL After Addition -> 6 and 60H are added by AF, CF and the digits; OF is undefined
/// SPEC: intel-sdm-vol2 :: AAM—ASCII Adjust AX After Multiply -> a base of 0 is #DE
pub(super) fn exec(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let al = vm.read_gpr(0, Width::B1);
    let ah = vm.read_gpr(16, Width::B1);
    let (cf, af) = (vm.cpu.arith.cf(), vm.cpu.arith.af());
    let low_digit = al & 15 > 9 || af;
    let (al, ah, cf, af) = match i.op {
        Op::Daa | Op::Das => {
            let down = i.op == Op::Das;
            let step = |v: u64, by: u64| if down { v.wrapping_sub(by) } else { v.wrapping_add(by) };
            let high_digit = al > 0x99 || cf;
            let mut v = al;
            let mut carry = high_digit;
            if low_digit {
                v = step(v, 6);
                carry |= down && al < 6;
            }
            if high_digit {
                v = step(v, 0x60);
            }
            (v & 0xff, ah, carry, low_digit)
        }
        Op::Aaa | Op::Aas => {
            let mut ax = ah << 8 | al;
            if low_digit {
                ax = if i.op == Op::Aaa { ax.wrapping_add(0x106) } else { ax.wrapping_sub(0x106) };
            }
            (ax & 15, ax >> 8 & 0xff, low_digit, low_digit)
        }
        Op::Aam => {
            let base = i.imm & 0xff;
            if base == 0 {
                return Err(Exception::DivideError);
            }
            (al % base, al / base, false, false)
        }
        _ => (al.wrapping_add(ah.wrapping_mul(i.imm & 0xff)) & 0xff, 0, false, false),
    };
    vm.write_gpr(0, Width::B1, al);
    vm.write_gpr(16, Width::B1, ah);
    vm.set_flags(FlagDef::Explicit { w: Width::B1, result: al, cf: u64::from(cf), of: 0, af: u64::from(af) });
    Ok(Flow::Next)
}
