//! Which operation with a legacy encoding a VEX-encoded one extends.

use crate::Op;

macro_rules! pairs {
    ($($legacy:ident($vex:ident))*) => {
        impl Op {
            /// Returns the operation with a legacy SSE encoding that does the same to each 128 bits; `None` for what VEX
            /// alone has, and for operations that are not VEX-encoded.
            pub const fn legacy(self) -> Option<Op> {
                match self {
                    $(Op::$vex => Some(Op::$legacy),)*
                    _ => None,
                }
            }
        }
    };
}

pairs! {
    Movups(Vmovups) Movupd(Vmovupd) Movss(Vmovss) Movsd(Vmovsd) Movlps(Vmovlps) Movlpd(Vmovlpd)
    Movhlps(Vmovhlps) Movddup(Vmovddup) Movsldup(Vmovsldup) Movshdup(Vmovshdup) Unpcklps(Vunpcklps)
    Unpcklpd(Vunpcklpd) Unpckhps(Vunpckhps) Unpckhpd(Vunpckhpd) Movhps(Vmovhps) Movhpd(Vmovhpd)
    Movlhps(Vmovlhps) Movaps(Vmovaps) Movapd(Vmovapd) Cvtsi2ss(Vcvtsi2ss) Cvtsi2sd(Vcvtsi2sd)
    Movntps(Vmovntps) Movntpd(Vmovntpd) Cvttss2si(Vcvttss2si) Cvttsd2si(Vcvttsd2si) Cvtss2si(Vcvtss2si)
    Cvtsd2si(Vcvtsd2si) Ucomiss(Vucomiss) Ucomisd(Vucomisd) Comiss(Vcomiss) Comisd(Vcomisd)
    Movmskps(Vmovmskps) Movmskpd(Vmovmskpd) Sqrtps(Vsqrtps) Sqrtpd(Vsqrtpd) Sqrtss(Vsqrtss) Sqrtsd(Vsqrtsd)
    Rsqrtps(Vrsqrtps) Rsqrtss(Vrsqrtss) Rcpps(Vrcpps) Rcpss(Vrcpss) Andps(Vandps) Andpd(Vandpd)
    Andnps(Vandnps) Andnpd(Vandnpd) Orps(Vorps) Orpd(Vorpd) Xorps(Vxorps) Xorpd(Vxorpd) Addps(Vaddps)
    Addpd(Vaddpd) Addss(Vaddss) Addsd(Vaddsd) Mulps(Vmulps) Mulpd(Vmulpd) Mulss(Vmulss) Mulsd(Vmulsd)
    Cvtps2pd(Vcvtps2pd) Cvtpd2ps(Vcvtpd2ps) Cvtss2sd(Vcvtss2sd) Cvtsd2ss(Vcvtsd2ss) Cvtdq2ps(Vcvtdq2ps)
    Cvtps2dq(Vcvtps2dq) Cvttps2dq(Vcvttps2dq) Subps(Vsubps) Subpd(Vsubpd) Subss(Vsubss) Subsd(Vsubsd)
    Minps(Vminps) Minpd(Vminpd) Minss(Vminss) Minsd(Vminsd) Divps(Vdivps) Divpd(Vdivpd) Divss(Vdivss)
    Divsd(Vdivsd) Maxps(Vmaxps) Maxpd(Vmaxpd) Maxss(Vmaxss) Maxsd(Vmaxsd) Movd(Vmovd) Movq(Vmovq)
    Movdqa(Vmovdqa) Movdqu(Vmovdqu) Haddps(Vhaddps) Haddpd(Vhaddpd) Hsubps(Vhsubps) Hsubpd(Vhsubpd)
    Ldmxcsr(Vldmxcsr) Stmxcsr(Vstmxcsr) Cmpps(Vcmpps) Cmppd(Vcmppd) Cmpss(Vcmpss) Cmpsd(Vcmpsd)
    Pinsrw(Vpinsrw) Pextrw(Vpextrw) Shufps(Vshufps) Shufpd(Vshufpd) Addsubps(Vaddsubps) Addsubpd(Vaddsubpd)
    Cvtdq2pd(Vcvtdq2pd) Cvtpd2dq(Vcvtpd2dq) Cvttpd2dq(Vcvttpd2dq) Movntdq(Vmovntdq) Lddqu(Vlddqu)
    Maskmovdqu(Vmaskmovdqu) Ptest(Vptest) Phminposuw(Vphminposuw) Roundps(Vroundps) Roundpd(Vroundpd)
    Roundss(Vroundss) Roundsd(Vroundsd) Blendps(Vblendps) Blendpd(Vblendpd) Pextrb(Vpextrb) Pextrd(Vpextrd)
    Pextrq(Vpextrq) Extractps(Vextractps) Pinsrb(Vpinsrb) Insertps(Vinsertps) Pinsrd(Vpinsrd)
    Pinsrq(Vpinsrq) Dpps(Vdpps) Dppd(Vdppd) Blendvps(Vblendvps) Blendvpd(Vblendvpd) Pcmpestrm(Vpcmpestrm)
    Pcmpestri(Vpcmpestri) Pcmpistrm(Vpcmpistrm) Pcmpistri(Vpcmpistri) Punpcklbw(Vpunpcklbw)
    Punpcklwd(Vpunpcklwd) Punpckldq(Vpunpckldq) Packsswb(Vpacksswb) Pcmpgtb(Vpcmpgtb) Pcmpgtw(Vpcmpgtw)
    Pcmpgtd(Vpcmpgtd) Packuswb(Vpackuswb) Punpckhbw(Vpunpckhbw) Punpckhwd(Vpunpckhwd) Punpckhdq(Vpunpckhdq)
    Packssdw(Vpackssdw) Punpcklqdq(Vpunpcklqdq) Punpckhqdq(Vpunpckhqdq) Pshufd(Vpshufd) Pshufhw(Vpshufhw)
    Pshuflw(Vpshuflw) Psrlw(Vpsrlw) Psraw(Vpsraw) Psllw(Vpsllw) Psrld(Vpsrld) Psrad(Vpsrad) Pslld(Vpslld)
    Psrlq(Vpsrlq) Psllq(Vpsllq) Psrldq(Vpsrldq) Pslldq(Vpslldq) Pcmpeqb(Vpcmpeqb) Pcmpeqw(Vpcmpeqw)
    Pcmpeqd(Vpcmpeqd) Paddq(Vpaddq) Pmullw(Vpmullw) Pmovmskb(Vpmovmskb) Psubusb(Vpsubusb) Psubusw(Vpsubusw)
    Pminub(Vpminub) Pand(Vpand) Paddusb(Vpaddusb) Paddusw(Vpaddusw) Pmaxub(Vpmaxub) Pandn(Vpandn)
    Pavgb(Vpavgb) Pavgw(Vpavgw) Pmulhuw(Vpmulhuw) Pmulhw(Vpmulhw) Psubsb(Vpsubsb) Psubsw(Vpsubsw)
    Pminsw(Vpminsw) Por(Vpor) Paddsb(Vpaddsb) Paddsw(Vpaddsw) Pmaxsw(Vpmaxsw) Pxor(Vpxor) Pmuludq(Vpmuludq)
    Pmaddwd(Vpmaddwd) Psadbw(Vpsadbw) Psubb(Vpsubb) Psubw(Vpsubw) Psubd(Vpsubd) Psubq(Vpsubq) Paddb(Vpaddb)
    Paddw(Vpaddw) Paddd(Vpaddd) Pshufb(Vpshufb) Phaddw(Vphaddw) Phaddd(Vphaddd) Phaddsw(Vphaddsw)
    Pmaddubsw(Vpmaddubsw) Phsubw(Vphsubw) Phsubd(Vphsubd) Phsubsw(Vphsubsw) Psignb(Vpsignb) Psignw(Vpsignw)
    Psignd(Vpsignd) Pmulhrsw(Vpmulhrsw) Pabsb(Vpabsb) Pabsw(Vpabsw) Pabsd(Vpabsd) Pmovsxbw(Vpmovsxbw)
    Pmovsxbd(Vpmovsxbd) Pmovsxbq(Vpmovsxbq) Pmovsxwd(Vpmovsxwd) Pmovsxwq(Vpmovsxwq) Pmovsxdq(Vpmovsxdq)
    Pmuldq(Vpmuldq) Pcmpeqq(Vpcmpeqq) Movntdqa(Vmovntdqa) Packusdw(Vpackusdw) Pmovzxbw(Vpmovzxbw)
    Pmovzxbd(Vpmovzxbd) Pmovzxbq(Vpmovzxbq) Pmovzxwd(Vpmovzxwd) Pmovzxwq(Vpmovzxwq) Pmovzxdq(Vpmovzxdq)
    Pcmpgtq(Vpcmpgtq) Pminsb(Vpminsb) Pminsd(Vpminsd) Pminuw(Vpminuw) Pminud(Vpminud) Pmaxsb(Vpmaxsb)
    Pmaxsd(Vpmaxsd) Pmaxuw(Vpmaxuw) Pmaxud(Vpmaxud) Pmulld(Vpmulld) Pblendw(Vpblendw) Palignr(Vpalignr)
    Mpsadbw(Vmpsadbw) Pblendvb(Vpblendvb) Aesenc(Vaesenc) Aesenclast(Vaesenclast) Aesdec(Vaesdec)
    Aesdeclast(Vaesdeclast) Aesimc(Vaesimc) Aeskeygenassist(Vaeskeygenassist) Pclmulqdq(Vpclmulqdq)
    Gf2p8mulb(Vgf2p8mulb) Gf2p8affineqb(Vgf2p8affineqb) Gf2p8affineinvqb(Vgf2p8affineinvqb)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manual's names pair the legacy and VEX operations.
    #[test]
    fn pairs_are_those_of_the_names() {
        for &op in Op::ALL {
            let name = op.mnemonic().strip_prefix('v');
            let same = Op::ALL.iter().copied().find(|other| Some(other.mnemonic()) == name);
            assert_eq!(op.legacy(), same, "{op:?}");
        }
    }
}
