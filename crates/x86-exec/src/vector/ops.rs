//! The lane-wise operations and what each is: one row an operation.

use super::lanes::{build, horizontal, map, with_low, zip};
use super::{convert, crypto, float, integer, shuffle};
use x86_float::Env;
use x86_float::sse;

macro_rules! operations {
    (
        integer($a:ident, $b:ident, $imm:ident) { $($int:ident => $int_meaning:expr;)* }
        float($e:ident) { $($fp:ident => $fp_meaning:expr;)* }
    ) => {
        /// A lane-wise operation on 128-bit operands `a` (the destination before) and `b` (the source), with an
        /// immediate byte where the instruction has one. Operations on one operand take `b`; those on the lowest lane
        /// take the other lanes of the result from `a`. Names are the instructions'; `...Imm` shifts by the immediate,
        /// and a number at the end is the size of the integer that is converted, in bits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        #[allow(missing_docs, reason = "the names are those of the instructions, as the type's documentation says")]
        pub enum VecOp { $($int,)* $($fp,)* }

        impl VecOp {
            /// All operations, in the order of their numbers
            pub const ALL: &'static [VecOp] = &[$(VecOp::$int,)* $(VecOp::$fp,)*];

            /// Whether it reads MXCSR and may raise #XM
            #[inline]
            pub const fn is_float(self) -> bool {
                self as u16 >= [$(VecOp::$int),*].len() as u16
            }
        }

        /// The result of an operation that needs no environment; `None` for the others
        pub(super) fn pure(op: VecOp, $a: u128, $b: u128, $imm: u8) -> Option<u128> {
            Some(match op {
                $(VecOp::$int => $int_meaning,)*
                _ => return None,
            })
        }

        /// The result of an operation in a floating-point environment
        pub(super) fn in_env(op: VecOp, $e: &mut Env, $a: u128, $b: u128, $imm: u8) -> u128 {
            match op {
                $(VecOp::$fp => $fp_meaning,)*
                _ => $a,
            }
        }
    };
}

operations! {
    integer(a, b, imm) {
        And => a & b;
        Andn => !a & b;
        Or => a | b;
        Xor => a ^ b;
        Paddb => zip(a, b, u8::wrapping_add);
        Paddw => zip(a, b, u16::wrapping_add);
        Paddd => zip(a, b, u32::wrapping_add);
        Paddq => zip(a, b, u64::wrapping_add);
        Paddsb => zip(a, b, i8::saturating_add);
        Paddsw => zip(a, b, i16::saturating_add);
        Paddusb => zip(a, b, u8::saturating_add);
        Paddusw => zip(a, b, u16::saturating_add);
        Psubb => zip(a, b, u8::wrapping_sub);
        Psubw => zip(a, b, u16::wrapping_sub);
        Psubd => zip(a, b, u32::wrapping_sub);
        Psubq => zip(a, b, u64::wrapping_sub);
        Psubsb => zip(a, b, i8::saturating_sub);
        Psubsw => zip(a, b, i16::saturating_sub);
        Psubusb => zip(a, b, u8::saturating_sub);
        Psubusw => zip(a, b, u16::saturating_sub);
        Pmullw => zip(a, b, u16::wrapping_mul);
        Pmulld => zip(a, b, u32::wrapping_mul);
        Pmulhw => integer::high_product(a, b);
        Pmulhuw => integer::high_product_unsigned(a, b);
        Pmulhrsw => integer::rounded_product(a, b);
        Pmuludq => integer::wide_product_unsigned(a, b);
        Pmuldq => integer::wide_product(a, b);
        Pmaddwd => integer::multiply_add(a, b);
        Pmaddubsw => integer::multiply_add_bytes(a, b);
        Psadbw => integer::sum_of_differences(a, b);
        Mpsadbw => integer::multiple_sums(a, b, imm);
        Pavgb => integer::average_bytes(a, b);
        Pavgw => integer::average_words(a, b);
        Pminub => zip(a, b, u8::min);
        Pminuw => zip(a, b, u16::min);
        Pminud => zip(a, b, u32::min);
        Pminsb => zip(a, b, i8::min);
        Pminsw => zip(a, b, i16::min);
        Pminsd => zip(a, b, i32::min);
        Pmaxub => zip(a, b, u8::max);
        Pmaxuw => zip(a, b, u16::max);
        Pmaxud => zip(a, b, u32::max);
        Pmaxsb => zip(a, b, i8::max);
        Pmaxsw => zip(a, b, i16::max);
        Pmaxsd => zip(a, b, i32::max);
        Pcmpeqb => integer::compare(a, b, u8::eq);
        Pcmpeqw => integer::compare(a, b, u16::eq);
        Pcmpeqd => integer::compare(a, b, u32::eq);
        Pcmpeqq => integer::compare(a, b, u64::eq);
        Pcmpgtb => integer::compare(a, b, i8::gt);
        Pcmpgtw => integer::compare(a, b, i16::gt);
        Pcmpgtd => integer::compare(a, b, i32::gt);
        Pcmpgtq => integer::compare(a, b, i64::gt);
        Psignb => integer::sign_bytes(a, b);
        Psignw => integer::sign_words(a, b);
        Psignd => integer::sign_doublewords(a, b);
        Pabsb => map(b, i8::wrapping_abs);
        Pabsw => map(b, i16::wrapping_abs);
        Pabsd => map(b, i32::wrapping_abs);
        Phaddw => horizontal(a, b, i16::wrapping_add);
        Phaddd => horizontal(a, b, i32::wrapping_add);
        Phaddsw => horizontal(a, b, i16::saturating_add);
        Phsubw => horizontal(a, b, i16::wrapping_sub);
        Phsubd => horizontal(a, b, i32::wrapping_sub);
        Phsubsw => horizontal(a, b, i16::saturating_sub);
        Phminposuw => integer::least_word(b);
        Psllw => integer::shift_words(a, b as u64, u16::wrapping_shl);
        Pslld => integer::shift_doublewords(a, b as u64, u32::wrapping_shl);
        Psllq => integer::shift_quadwords(a, b as u64, u64::wrapping_shl);
        Psrlw => integer::shift_words(a, b as u64, u16::wrapping_shr);
        Psrld => integer::shift_doublewords(a, b as u64, u32::wrapping_shr);
        Psrlq => integer::shift_quadwords(a, b as u64, u64::wrapping_shr);
        Psraw => integer::arithmetic_shift_words(a, b as u64);
        Psrad => integer::arithmetic_shift_doublewords(a, b as u64);
        PsllwImm => integer::shift_words(a, imm.into(), u16::wrapping_shl);
        PslldImm => integer::shift_doublewords(a, imm.into(), u32::wrapping_shl);
        PsllqImm => integer::shift_quadwords(a, imm.into(), u64::wrapping_shl);
        PsrlwImm => integer::shift_words(a, imm.into(), u16::wrapping_shr);
        PsrldImm => integer::shift_doublewords(a, imm.into(), u32::wrapping_shr);
        PsrlqImm => integer::shift_quadwords(a, imm.into(), u64::wrapping_shr);
        PsrawImm => integer::arithmetic_shift_words(a, imm.into());
        PsradImm => integer::arithmetic_shift_doublewords(a, imm.into());
        Psllvd => integer::shift_each_doubleword(a, b, u32::checked_shl);
        Psllvq => integer::shift_each_quadword(a, b, u64::checked_shl);
        Psrlvd => integer::shift_each_doubleword(a, b, u32::checked_shr);
        Psrlvq => integer::shift_each_quadword(a, b, u64::checked_shr);
        Psravd => zip(a, b, |x: i32, count: i32| x >> (count as u32).min(31));
        Pslldq => shuffle::left(a, imm);
        Psrldq => shuffle::right(a, imm);
        Palignr => shuffle::align(a, b, imm);
        Packsswb => shuffle::pack_words(a, b, shuffle::signed_byte);
        Packuswb => shuffle::pack_words(a, b, shuffle::unsigned_byte);
        Packssdw => shuffle::pack_doublewords(a, b, shuffle::signed_word);
        Packusdw => shuffle::pack_doublewords(a, b, shuffle::unsigned_word);
        Punpcklbw => shuffle::unpack_low::<u8>(a, b);
        Punpcklwd => shuffle::unpack_low::<u16>(a, b);
        Punpckldq => shuffle::unpack_low::<u32>(a, b);
        Punpcklqdq => shuffle::unpack_low::<u64>(a, b);
        Punpckhbw => shuffle::unpack_high::<u8>(a, b);
        Punpckhwd => shuffle::unpack_high::<u16>(a, b);
        Punpckhdq => shuffle::unpack_high::<u32>(a, b);
        Punpckhqdq => shuffle::unpack_high::<u64>(a, b);
        Pshufb => shuffle::bytes(a, b);
        Pshufd => shuffle::doublewords(b, imm);
        Pshuflw => shuffle::low_words(b, imm);
        Pshufhw => shuffle::high_words(b, imm);
        Shufps => shuffle::singles(a, b, imm);
        Shufpd => shuffle::doubles(a, b, imm);
        Permilps => shuffle::permute_singles(a, b);
        Permilpd => shuffle::permute_doubles(a, b);
        Broadcastb => build(|_| b as u8);
        Broadcastw => build(|_| b as u16);
        Broadcastd => build(|_| b as u32);
        Broadcastq => build(|_| b as u64);
        Pblendw => shuffle::blend::<u16>(a, b, imm);
        Blendps => shuffle::blend::<u32>(a, b, imm);
        Blendpd => shuffle::blend::<u64>(a, b, imm);
        Insertps => shuffle::insert_single(a, b, imm);
        Movsldup => shuffle::doublewords(b, 0b10_10_00_00);
        Movshdup => shuffle::doublewords(b, 0b11_11_01_01);
        Movddup => shuffle::doublewords(b, 0b01_00_01_00);
        Pmovsxbw => shuffle::sxbw(b);
        Pmovsxbd => shuffle::sxbd(b);
        Pmovsxbq => shuffle::sxbq(b);
        Pmovsxwd => shuffle::sxwd(b);
        Pmovsxwq => shuffle::sxwq(b);
        Pmovsxdq => shuffle::sxdq(b);
        Pmovzxbw => shuffle::zxbw(b);
        Pmovzxbd => shuffle::zxbd(b);
        Pmovzxbq => shuffle::zxbq(b);
        Pmovzxwd => shuffle::zxwd(b);
        Pmovzxwq => shuffle::zxwq(b);
        Pmovzxdq => shuffle::zxdq(b);
        Pmovmskb => integer::signs(b, i8::is_negative);
        Movmskps => integer::signs(b, i32::is_negative);
        Movmskpd => integer::signs(b, i64::is_negative);
        Ptest => integer::test(a, b);
        Testps => integer::test_signs(a, b, 1 << 31 | 1 << 63 | 1 << 95 | 1 << 127);
        Testpd => integer::test_signs(a, b, 1 << 63 | 1 << 127);
        Rcpps => map(b, float::reciprocal);
        Rcpss => with_low(a, float::reciprocal(b as u32));
        Rsqrtps => map(b, float::reciprocal_root);
        Rsqrtss => with_low(a, float::reciprocal_root(b as u32));
        Aesenc => crypto::aes::encrypt(a, b, false);
        Aesenclast => crypto::aes::encrypt(a, b, true);
        Aesdec => crypto::aes::decrypt(a, b, false);
        Aesdeclast => crypto::aes::decrypt(a, b, true);
        Aesimc => crypto::aes::inverse_mix(b);
        Aeskeygenassist => crypto::aes::key_assist(b, imm);
        Pclmulqdq => crypto::carryless_product(a, b, imm);
        Sha1nexte => crypto::sha::sha1_next_e(a, b);
        Sha1msg1 => crypto::sha::sha1_message1(a, b);
        Sha1msg2 => crypto::sha::sha1_message2(a, b);
        Sha1rnds4 => crypto::sha::sha1_rounds(a, b, imm);
        Sha256msg1 => crypto::sha::sha256_message1(a, b);
        Sha256msg2 => crypto::sha::sha256_message2(a, b);
        Gf2p8mulb => zip(a, b, crypto::galois::product);
        Gf2p8affineqb => crypto::galois::affine(a, b, imm, false);
        Gf2p8affineinvqb => crypto::galois::affine(a, b, imm, true);
    }
    float(e) {
        Addps => float::packed::<u32>(e, a, b, sse::add);
        Addpd => float::packed::<u64>(e, a, b, sse::add);
        Addss => float::scalar::<u32>(e, a, b, sse::add);
        Addsd => float::scalar::<u64>(e, a, b, sse::add);
        Subps => float::packed::<u32>(e, a, b, sse::sub);
        Subpd => float::packed::<u64>(e, a, b, sse::sub);
        Subss => float::scalar::<u32>(e, a, b, sse::sub);
        Subsd => float::scalar::<u64>(e, a, b, sse::sub);
        Mulps => float::packed::<u32>(e, a, b, sse::mul);
        Mulpd => float::packed::<u64>(e, a, b, sse::mul);
        Mulss => float::scalar::<u32>(e, a, b, sse::mul);
        Mulsd => float::scalar::<u64>(e, a, b, sse::mul);
        Divps => float::packed::<u32>(e, a, b, sse::div);
        Divpd => float::packed::<u64>(e, a, b, sse::div);
        Divss => float::scalar::<u32>(e, a, b, sse::div);
        Divsd => float::scalar::<u64>(e, a, b, sse::div);
        Minps => float::packed::<u32>(e, a, b, sse::min);
        Minpd => float::packed::<u64>(e, a, b, sse::min);
        Minss => float::scalar::<u32>(e, a, b, sse::min);
        Minsd => float::scalar::<u64>(e, a, b, sse::min);
        Maxps => float::packed::<u32>(e, a, b, sse::max);
        Maxpd => float::packed::<u64>(e, a, b, sse::max);
        Maxss => float::scalar::<u32>(e, a, b, sse::max);
        Maxsd => float::scalar::<u64>(e, a, b, sse::max);
        Sqrtps => float::packed1::<u32>(e, b, sse::sqrt);
        Sqrtpd => float::packed1::<u64>(e, b, sse::sqrt);
        Sqrtss => float::scalar1::<u32>(e, a, b, sse::sqrt);
        Sqrtsd => float::scalar1::<u64>(e, a, b, sse::sqrt);
        Roundps => float::packed1::<u32>(e, b, |e, x| sse::round_to_integral(e, x, imm));
        Roundpd => float::packed1::<u64>(e, b, |e, x| sse::round_to_integral(e, x, imm));
        Roundss => float::scalar1::<u32>(e, a, b, |e, x| sse::round_to_integral(e, x, imm));
        Roundsd => float::scalar1::<u64>(e, a, b, |e, x| sse::round_to_integral(e, x, imm));
        Cmpps => float::compare::<u32>(e, a, b, imm);
        Cmppd => float::compare::<u64>(e, a, b, imm);
        Cmpss => float::compare_scalar::<u32>(e, a, b, imm);
        Cmpsd => float::compare_scalar::<u64>(e, a, b, imm);
        Comiss => float::order::<u32>(e, a, b, true);
        Comisd => float::order::<u64>(e, a, b, true);
        Ucomiss => float::order::<u32>(e, a, b, false);
        Ucomisd => float::order::<u64>(e, a, b, false);
        Haddps => float::neighbours::<u32>(e, a, b, sse::add);
        Haddpd => float::neighbours::<u64>(e, a, b, sse::add);
        Hsubps => float::neighbours::<u32>(e, a, b, sse::sub);
        Hsubpd => float::neighbours::<u64>(e, a, b, sse::sub);
        Addsubps => float::add_sub::<u32>(e, a, b);
        Addsubpd => float::add_sub::<u64>(e, a, b);
        Dpps => float::dot_product::<u32>(e, a, b, imm);
        Dppd => float::dot_product::<u64>(e, a, b, imm);
        Cvtdq2ps => convert::integers_to_singles(e, b);
        Cvtpi2ps => convert::two_integers_to_singles(e, a, b);
        Cvtps2dq => convert::singles_to_integers(e, b, false);
        Cvttps2dq => convert::singles_to_integers(e, b, true);
        Cvtdq2pd => convert::integers_to_doubles(e, b);
        Cvtpd2dq => convert::doubles_to_integers(e, b, false);
        Cvttpd2dq => convert::doubles_to_integers(e, b, true);
        Cvtps2pd => convert::singles_to_doubles(e, b);
        Cvtpd2ps => convert::doubles_to_singles(e, b);
        Cvtss2sd => convert::single_to_double(e, a, b);
        Cvtsd2ss => convert::double_to_single(e, a, b);
        Cvtph2ps => convert::halves_to_singles(e, b);
        Cvtps2ph => convert::singles_to_halves(e, b, imm);
        Cvtsi2ss32 => convert::from_i32::<u32>(e, a, b);
        Cvtsi2ss64 => convert::from_i64::<u32>(e, a, b);
        Cvtsi2sd32 => convert::from_i32::<u64>(e, a, b);
        Cvtsi2sd64 => convert::from_i64::<u64>(e, a, b);
        Cvtss2si32 => convert::to_i32::<u32>(e, b, false);
        Cvtss2si64 => convert::to_i64::<u32>(e, b, false);
        Cvtsd2si32 => convert::to_i32::<u64>(e, b, false);
        Cvtsd2si64 => convert::to_i64::<u64>(e, b, false);
        Cvttss2si32 => convert::to_i32::<u32>(e, b, true);
        Cvttss2si64 => convert::to_i64::<u32>(e, b, true);
        Cvttsd2si32 => convert::to_i32::<u64>(e, b, true);
        Cvttsd2si64 => convert::to_i64::<u64>(e, b, true);
    }
}
