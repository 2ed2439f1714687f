//! Integer arithmetic of the processor.

use crate::vcpu::arith::divide;
use crate::vcpu::{Raised, Vcpu};
use crate::{Arithmetic, Bin, Cmp, Un};
use x86_types::{Exception, Width};

impl Arithmetic for Vcpu {
    #[inline(always)]
    fn imm(&mut self, value: u64) -> u64 {
        value
    }

    #[inline(always)]
    fn bin(&mut self, op: Bin, w: Width, a: u64, b: u64) -> u64 {
        let bits = w.bits();
        let n = b as u32 & 63;
        w.trunc(match op {
            Bin::Add => a.wrapping_add(b),
            Bin::Sub => a.wrapping_sub(b),
            Bin::And => a & b,
            Bin::Or => a | b,
            Bin::Xor => a ^ b,
            Bin::Mul => a.wrapping_mul(b),
            Bin::Shl => a << n,
            Bin::Shr => a >> n,
            Bin::Sar => ((w.sext(a) as i64) >> n) as u64,
            Bin::Rol => a << (n & (bits - 1)) | w.trunc(a) >> (bits.wrapping_sub(n) & (bits - 1)),
            Bin::Ror => w.trunc(a) >> (n & (bits - 1)) | a << (bits.wrapping_sub(n) & (bits - 1)),
        })
    }

    #[inline(always)]
    fn un(&mut self, op: Un, w: Width, a: u64) -> u64 {
        let bits = w.bits();
        match op {
            Un::Not => w.trunc(!a),
            Un::Neg => w.trunc(a.wrapping_neg()),
            Un::Ctz => u64::from(a.trailing_zeros().min(bits)),
            Un::Clz => u64::from(a.leading_zeros() - (64 - bits)),
            Un::Popcnt => u64::from(a.count_ones()),
            Un::Bswap => a.swap_bytes() >> (64 - bits),
        }
    }

    #[inline(always)]
    fn cmp(&mut self, op: Cmp, w: Width, a: u64, b: u64) -> u64 {
        let (sa, sb) = (w.sext(a) as i64, w.sext(b) as i64);
        u64::from(match op {
            Cmp::Eq => a == b,
            Cmp::Ne => a != b,
            Cmp::Ltu => a < b,
            Cmp::Leu => a <= b,
            Cmp::Lts => sa < sb,
            Cmp::Les => sa <= sb,
        })
    }

    #[inline(always)]
    fn select(&mut self, c: u64, yes: u64, no: u64) -> u64 {
        if c != 0 { yes } else { no }
    }

    #[inline(always)]
    fn sext(&mut self, from: Width, to: Width, a: u64) -> u64 {
        to.trunc(from.sext(a))
    }

    #[inline(always)]
    fn trunc(&mut self, to: Width, a: u64) -> u64 {
        to.trunc(a)
    }

    #[inline(always)]
    fn mul_wide(&mut self, signed: bool, w: Width, a: u64, b: u64) -> (u64, u64) {
        if w == Width::B8 {
            let product = if signed {
                (i128::from(a as i64) * i128::from(b as i64)) as u128
            } else {
                u128::from(a) * u128::from(b)
            };
            return (product as u64, (product >> 64) as u64);
        }
        let product = if signed { w.sext(a).wrapping_mul(w.sext(b)) } else { a.wrapping_mul(b) };
        (w.trunc(product), w.trunc(product >> w.bits()))
    }

    #[inline(always)]
    fn div_wide(
        &mut self,
        signed: bool,
        w: Width,
        hi: u64,
        lo: u64,
        divisor: u64,
    ) -> Result<(u64, u64), Raised> {
        divide(signed, w, hi, lo, divisor).ok_or_else(|| Raised::from(Exception::DivideError))
    }
}
