//! From an instruction to its form and operation: the one list of vector instructions.

use super::{VecOp, forms, mmx, moves, wide};
use crate::Domain;
use crate::select::Handler;
use x86_decode::{InsnFlags, Instruction, Op, OperandKind};
use x86_types::Width;

/// A handler: a form made for one operation, and for one encoding where the form has both.
macro_rules! form {
    ($module:ident :: $form:ident $(::<$vex:ident>)? ($($arg:expr),*)) => {{
        let f: Handler<D> = |d: &mut D, i: &Instruction| $module::$form$(::<D, $vex>)?(d, i, $($arg),*);
        f
    }};
}

/// The operation's name where it is not the instruction's.
macro_rules! name {
    ($op:ident) => {
        VecOp::$op
    };
    ($op:ident $other:ident) => {
        VecOp::$other
    };
}

/// `form { Instruction Instruction(Operation) }`: a list of instructions that share a form.
macro_rules! rows {
    ($op:expr; $($module:ident :: $form:ident { $($insn:ident $(($other:ident))?)* })*) => {
        match $op {
            $($(Op::$insn => Some(form!($module::$form(name!($insn $($other)?)))),)*)*
            _ => None,
        }
    };
    (VEX $op:expr; $($module:ident :: $form:ident { $($insn:ident $(($other:ident))?)* })*) => {
        match $op {
            $($(Op::$insn => Some(form!($module::$form::<VEX>(name!($insn $($other)?)))),)*)*
            _ => None,
        }
    };
}

/// Instructions on MMX registers
fn mmx_operation<D: Domain>(i: &Instruction) -> Option<Handler<D>> {
    if i.operands[1].kind == OperandKind::Imm {
        return rows! { i.op;
            mmx::shift_imm {
                Psllw(PsllwImm) Pslld(PslldImm) Psllq(PsllqImm) Psrlw(PsrlwImm) Psrld(PsrldImm) Psrlq(PsrlqImm)
                Psraw(PsrawImm) Psrad(PsradImm)
            }
        };
    }
    rows! { i.op;
        mmx::lanes {
            Paddb Paddw Paddd Paddq Paddsb Paddsw Paddusb Paddusw Psubb Psubw Psubd Psubq Psubsb Psubsw Psubusb
            Psubusw Pmullw Pmulhw Pmulhuw Pmulhrsw Pmuludq Pmaddwd Pmaddubsw Psadbw Pavgb Pavgw Pminub Pminsw Pmaxub
            Pmaxsw Pcmpeqb Pcmpeqw Pcmpeqd Pcmpgtb Pcmpgtw Pcmpgtd Pand(And) Pandn(Andn) Por(Or) Pxor(Xor) Psllw
            Pslld Psllq Psrlw Psrld Psrlq Psraw Psrad Psignb Psignw Psignd Pabsb Pabsw Pabsd Punpcklbw Punpcklwd
            Punpckldq Pshufw(Pshuflw)
        }
        mmx::parts { Packsswb Packuswb Packssdw Phaddw Phaddd Phaddsw Phsubw Phsubd Phsubsw }
        mmx::unpack_high { Punpckhbw(Punpcklbw) Punpckhwd(Punpcklwd) Punpckhdq(Punpckldq) }
        mmx::shuffle_bytes { Pshufb }
        mmx::align { Palignr(Psrldq) }
        mmx::mask { Pmovmskb }
        mmx::convert_to_xmm { Cvtpi2ps Cvtpi2pd(Cvtdq2pd) }
        mmx::convert_from_xmm {
            Cvtps2pi(Cvtps2dq) Cvttps2pi(Cvttps2dq) Cvtpd2pi(Cvtpd2dq) Cvttpd2pi(Cvttpd2dq)
        }
    }
}

/// Shifts by an immediate
fn shift_imm<D: Domain, const VEX: bool>(op: Op) -> Option<Handler<D>> {
    rows! { VEX op;
        forms::shift_imm {
            Psllw(PsllwImm) Pslld(PslldImm) Psllq(PsllqImm) Psrlw(PsrlwImm) Psrld(PsrldImm) Psrlq(PsrlqImm)
            Psraw(PsrawImm) Psrad(PsradImm) Pslldq Psrldq
        }
    }
}

/// Instructions on vector registers, by their operation with a legacy encoding
fn operation<D: Domain, const VEX: bool>(i: &Instruction, op: Op) -> Option<Handler<D>> {
    if i.operands[1 + usize::from(VEX)].kind == OperandKind::Imm
        && let Some(shift) = shift_imm::<D, VEX>(op)
    {
        return Some(shift);
    }
    rows! { VEX op;
        forms::binary {
            Paddb Paddw Paddd Paddq Paddsb Paddsw Paddusb Paddusw Psubb Psubw Psubd Psubq Psubsb Psubsw Psubusb
            Psubusw Pmullw Pmulld Pmulhw Pmulhuw Pmulhrsw Pmuludq Pmuldq Pmaddwd Pmaddubsw Psadbw Mpsadbw Pavgb Pavgw
            Pminub Pminuw Pminud Pminsb Pminsw Pminsd Pmaxub Pmaxuw Pmaxud Pmaxsb Pmaxsw Pmaxsd Pcmpeqb Pcmpeqw
            Pcmpeqd Pcmpeqq Pcmpgtb Pcmpgtw Pcmpgtd Pcmpgtq Psignb Psignw Psignd Pabsb Pabsw Pabsd Phaddw Phaddd
            Phaddsw Phsubw Phsubd Phsubsw Phminposuw Psllw Pslld Psllq Psrlw Psrld Psrlq Psraw Psrad Palignr Packsswb
            Packuswb Packssdw Packusdw Punpcklbw Punpcklwd Punpckldq Punpcklqdq Punpckhbw Punpckhwd Punpckhdq
            Punpckhqdq Pshufb Pshufd Pshuflw Pshufhw Pblendw Pmovsxbw Pmovsxbd Pmovsxbq Pmovsxwd Pmovsxwq Pmovsxdq
            Pmovzxbw Pmovzxbd Pmovzxbq Pmovzxwd Pmovzxwq Pmovzxdq
            Pand(And) Pandn(Andn) Por(Or) Pxor(Xor) Andps(And) Andnps(Andn) Orps(Or) Xorps(Xor) Andpd(And)
            Andnpd(Andn) Orpd(Or) Xorpd(Xor)
            Unpcklps(Punpckldq) Unpckhps(Punpckhdq) Unpcklpd(Punpcklqdq) Unpckhpd(Punpckhqdq) Shufps Shufpd Blendps
            Blendpd Movsldup Movshdup Movddup
            Addps Addpd Addss Addsd Subps Subpd Subss Subsd Mulps Mulpd Mulss Mulsd Divps Divpd Divss Divsd Minps
            Minpd Minss Minsd Maxps Maxpd Maxss Maxsd Sqrtps Sqrtpd Sqrtss Sqrtsd Rcpps Rcpss Rsqrtps Rsqrtss Roundps
            Roundpd Roundss Roundsd Haddps Haddpd Hsubps Hsubpd Addsubps Addsubpd Dpps Dppd
            Cvtdq2ps Cvtps2dq Cvttps2dq Cvtdq2pd Cvtpd2dq Cvttpd2dq Cvtps2pd Cvtpd2ps Cvtss2sd Cvtsd2ss
            Aesenc Aesenclast Aesdec Aesdeclast Aesimc Aeskeygenassist Pclmulqdq Sha1nexte Sha1msg1 Sha1msg2
            Sha1rnds4 Sha256msg1 Sha256msg2 Gf2p8mulb Gf2p8affineqb Gf2p8affineinvqb
        }
        forms::insert_single { Insertps }
        forms::compare { Cmpps Cmppd Cmpss Cmpsd }
        forms::flags { Comiss Comisd Ucomiss Ucomisd Ptest }
        forms::mask_bytes { Pmovmskb }
        forms::mask_singles { Movmskps }
        forms::mask_doubles { Movmskpd }
        forms::blend { Pblendvb(Pcmpgtb) Blendvps(Pcmpgtd) Blendvpd(Pcmpgtq) }
    }
}

/// Conversions between a general register and the lowest lane
fn integer_conversion<D: Domain, const VEX: bool>(i: &Instruction, op: Op) -> Option<Handler<D>> {
    let from_wide = i.operands[forms::last::<VEX>(i)].width() == Some(Width::B8);
    let to_wide = i.operands[0].kind == OperandKind::Gpr64;
    macro_rules! sized {
        ($form:ident, $wide:expr, $narrow_op:ident, $wide_op:ident) => {
            if $wide {
                form!(forms::$form::<VEX>(VecOp::$wide_op, Width::B8))
            } else {
                form!(forms::$form::<VEX>(VecOp::$narrow_op, Width::B4))
            }
        };
    }
    Some(match op {
        Op::Cvtsi2ss => sized!(from_gpr, from_wide, Cvtsi2ss32, Cvtsi2ss64),
        Op::Cvtsi2sd => sized!(from_gpr, from_wide, Cvtsi2sd32, Cvtsi2sd64),
        Op::Cvtss2si => sized!(to_gpr, to_wide, Cvtss2si32, Cvtss2si64),
        Op::Cvtsd2si => sized!(to_gpr, to_wide, Cvtsd2si32, Cvtsd2si64),
        Op::Cvttss2si => sized!(to_gpr, to_wide, Cvttss2si32, Cvttss2si64),
        Op::Cvttsd2si => sized!(to_gpr, to_wide, Cvttsd2si32, Cvttsd2si64),
        _ => return None,
    })
}

/// Moves on MMX registers
fn mmx_move<D: Domain>(i: &Instruction) -> Option<Handler<D>> {
    let from_mmx = i.operands[1].kind == OperandKind::Mmx;
    Some(match i.op {
        Op::Movd if from_mmx => form!(mmx::store(Width::B4)),
        Op::Movd => form!(mmx::load(Width::B4)),
        Op::Movq if from_mmx => form!(mmx::store(Width::B8)),
        Op::Movq => form!(mmx::load(Width::B8)),
        Op::Movntq => form!(mmx::store(Width::B8)),
        Op::Movq2dq => form!(mmx::to_xmm()),
        Op::Movdq2q => form!(mmx::from_xmm()),
        Op::Pinsrw => form!(mmx::insert_word()),
        Op::Pextrw => form!(mmx::extract_word()),
        _ => return None,
    })
}

/// Moves of a whole register
fn whole_move<D: Domain, const VEX: bool>(i: &Instruction, op: Op) -> Option<Handler<D>> {
    let to_memory = i.operands[0].is_mem();
    Some(match op {
        Op::Movaps | Op::Movapd | Op::Movdqa if to_memory => form!(moves::store::<VEX>(true)),
        Op::Movntps | Op::Movntpd | Op::Movntdq => form!(moves::store::<VEX>(true)),
        Op::Movaps | Op::Movapd | Op::Movdqa | Op::Movntdqa => form!(moves::load::<VEX>(true)),
        Op::Movups | Op::Movupd | Op::Movdqu if to_memory => form!(moves::store::<VEX>(false)),
        Op::Movups | Op::Movupd | Op::Movdqu | Op::Lddqu => form!(moves::load::<VEX>(false)),
        _ => return None,
    })
}

/// Moves of a lane
fn lane_move<D: Domain, const VEX: bool>(i: &Instruction, op: Op) -> Option<Handler<D>> {
    let (to_memory, from_memory) = (i.operands[0].is_mem(), i.operands[1].is_mem());
    let to_register = i.operands[0].kind == OperandKind::Xmm;
    let between = to_register && i.operands[1].kind == OperandKind::Xmm;
    Some(match op {
        Op::Movss if to_memory => form!(moves::store_lane::<VEX>(Width::B4, 0)),
        Op::Movsd if to_memory => form!(moves::store_lane::<VEX>(Width::B8, 0)),
        Op::Movss | Op::Movsd if from_memory => form!(moves::load::<VEX>(false)),
        Op::Movss => form!(moves::merge::<VEX>(Width::B4)),
        Op::Movsd => form!(moves::merge::<VEX>(Width::B8)),
        Op::Movlps | Op::Movlpd if to_memory => form!(moves::store_lane::<VEX>(Width::B8, 0)),
        Op::Movhps | Op::Movhpd if to_memory => form!(moves::store_lane::<VEX>(Width::B8, 1)),
        Op::Movlps | Op::Movlpd => form!(moves::load_half::<VEX>(0)),
        Op::Movhps | Op::Movhpd => form!(moves::load_half::<VEX>(1)),
        Op::Movhlps => form!(moves::move_lane::<VEX>(Width::B8, 0, 1)),
        Op::Movlhps => form!(moves::move_lane::<VEX>(Width::B8, 1, 0)),
        Op::Movd if to_register => form!(moves::from_gpr::<VEX>(Width::B4)),
        Op::Movd => form!(moves::extract::<VEX>(Width::B4, 0)),
        Op::Movq if between => form!(moves::low_quadword::<VEX>()),
        Op::Movq if to_register => form!(moves::from_gpr::<VEX>(Width::B8)),
        Op::Movq => form!(moves::extract::<VEX>(Width::B8, 0)),
        Op::Pinsrb => |d, i| moves::insert::<D, VEX>(d, i, Width::B1, i.imm as u8 & 15),
        Op::Pinsrw => |d, i| moves::insert::<D, VEX>(d, i, Width::B2, i.imm as u8 & 7),
        Op::Pinsrd => |d, i| moves::insert::<D, VEX>(d, i, Width::B4, i.imm as u8 & 3),
        Op::Pinsrq => |d, i| moves::insert::<D, VEX>(d, i, Width::B8, i.imm as u8 & 1),
        Op::Pextrb => |d, i| moves::extract::<D, VEX>(d, i, Width::B1, i.imm as u8 & 15),
        Op::Pextrw => |d, i| moves::extract::<D, VEX>(d, i, Width::B2, i.imm as u8 & 7),
        Op::Pextrd | Op::Extractps => |d, i| moves::extract::<D, VEX>(d, i, Width::B4, i.imm as u8 & 3),
        Op::Pextrq => |d, i| moves::extract::<D, VEX>(d, i, Width::B8, i.imm as u8 & 1),
        Op::Movnti if i.operands[1].kind == OperandKind::Gpr64 => form!(moves::store_integer(Width::B8)),
        Op::Movnti => form!(moves::store_integer(Width::B4)),
        _ => return None,
    })
}

/// Returns whether it is a conversion between MMX and vector registers; its source may be memory
fn is_mmx_conversion(op: Op) -> bool {
    matches!(op, Op::Cvtpi2ps | Op::Cvtpi2pd)
}

/// The handler of an instruction on vector registers, by its operation with a legacy encoding.
fn on_registers<D: Domain, const VEX: bool>(i: &Instruction, op: Op) -> Option<Handler<D>> {
    operation::<D, VEX>(i, op)
        .or_else(|| whole_move::<D, VEX>(i, op))
        .or_else(|| lane_move::<D, VEX>(i, op))
        .or_else(|| integer_conversion::<D, VEX>(i, op))
}

/// Returns the handler of an instruction that exists with VEX only, or of which the 256-bit form is not the 128-bit one
/// on both halves
fn vex_operation<D: Domain>(i: &Instruction) -> Option<Handler<D>> {
    const VEX: bool = true;
    if i.flags.contains(InsnFlags::VEX_L) {
        let wide = rows! { i.op;
            wide::extend {
                Vpmovsxbw(Pmovsxbw) Vpmovsxwd(Pmovsxwd) Vpmovsxdq(Pmovsxdq) Vpmovzxbw(Pmovzxbw) Vpmovzxwd(Pmovzxwd)
                Vpmovzxdq(Pmovzxdq) Vcvtps2pd(Cvtps2pd) Vcvtdq2pd(Cvtdq2pd) Vcvtph2ps(Cvtph2ps)
            }
            wide::extend_quarter { Vpmovsxbd(Pmovsxbd) Vpmovsxwq(Pmovsxwq) Vpmovzxbd(Pmovzxbd) Vpmovzxwq(Pmovzxwq) }
            wide::extend_eighth { Vpmovsxbq(Pmovsxbq) Vpmovzxbq(Pmovzxbq) }
            wide::narrow { Vcvtpd2ps(Cvtpd2ps) Vcvtpd2dq(Cvtpd2dq) Vcvttpd2dq(Cvttpd2dq) }
        };
        if wide.is_some() {
            return wide;
        }
    }
    if matches!(i.op, Op::Vpermilps | Op::Vpermilpd) && i.operands[2].kind == OperandKind::Imm {
        return rows! { VEX i.op; forms::binary { Vpermilps(Pshufd) Vpermilpd(Shufpd) } };
    }
    let vex = rows! { VEX i.op;
        forms::binary {
            Vpermilps(Permilps) Vpermilpd(Permilpd) Vpsrlvd(Psrlvd) Vpsrlvq(Psrlvq) Vpsravd(Psravd) Vpsllvd(Psllvd)
            Vpsllvq(Psllvq) Vcvtph2ps(Cvtph2ps) Vpblendd(Blendps)
        }
        forms::flags { Vtestps(Testps) Vtestpd(Testpd) }
    };
    let only = rows! { i.op;
        wide::broadcast {
            Vbroadcastss(Broadcastd) Vbroadcastsd(Broadcastq) Vpbroadcastb(Broadcastb) Vpbroadcastw(Broadcastw)
            Vpbroadcastd(Broadcastd) Vpbroadcastq(Broadcastq)
        }
    };
    vex.or(only).or_else(|| {
        Some(match i.op {
            Op::Vbroadcastf128 | Op::Vbroadcasti128 => form!(wide::broadcast_half()),
            Op::Vinsertf128 | Op::Vinserti128 => form!(wide::insert_half()),
            Op::Vextractf128 | Op::Vextracti128 => form!(wide::extract_half()),
            Op::Vperm2f128 | Op::Vperm2i128 => form!(wide::permute_halves()),
            Op::Vpermq | Op::Vpermpd => form!(wide::permute_quadwords()),
            Op::Vzeroupper => form!(wide::zero_upper()),
            Op::Vzeroall => form!(wide::zero_all()),
            _ => return None,
        })
    })
}

/// The handler of a vector instruction.
pub(crate) fn handler<D: Domain>(i: &Instruction) -> Option<Handler<D>> {
    if i.flags.contains(InsnFlags::VEX) {
        return vex_operation(i).or_else(|| on_registers::<D, true>(i, i.op.legacy()?));
    }
    if i.operands.iter().any(|operand| operand.kind == OperandKind::Mmx) || is_mmx_conversion(i.op) {
        return mmx_operation(i).or_else(|| mmx_move(i));
    }
    if i.op == Op::Emms {
        return Some(form!(mmx::leave()));
    }
    on_registers::<D, false>(i, i.op)
}
