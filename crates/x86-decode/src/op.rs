//! The operations. Each group names the feature its operations need, and the feature their other form needs: the
//! form with MMX registers for legacy encodings, the 256-bit form (VEX.L = 1) for VEX encodings.
#![allow(missing_docs, reason = "the names are the manual's own")]

use crate::Feature;

/// `name` in lower case; `N` is its length.
const fn lower<const N: usize>(name: &str) -> [u8; N] {
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        out[i] = name.as_bytes()[i].to_ascii_lowercase();
        i += 1;
    }
    out
}

macro_rules! ops {
    ($($feature:ident, $other:ident { $($op:ident)* })*) => {
        /// An operation: one variant per mnemonic of the manual, except that a condition code is in `Instruction::cc`,
        /// and that operand kinds and sizes distinguish the forms of one operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum Op { $($($op,)*)* }

        impl Op {
            /// How many operations there are.
            pub const COUNT: usize = Self::ALL.len();
            /// Every operation, in the order of their numbers.
            pub const ALL: &'static [Op] = &[$($(Op::$op,)*)*];
        }

        static NAMES: [&str; Op::COUNT] = [$($({
            const LOWER: [u8; stringify!($op).len()] = lower(stringify!($op));
            const NAME: &str = match core::str::from_utf8(&LOWER) {
                Ok(name) => name,
                Err(_) => "",
            };
            NAME
        },)*)*];

        static FEATURES: [(Feature, Feature); Op::COUNT] =
            [$($({ let _ = Op::$op; (Feature::$feature, Feature::$other) },)*)*];
    };
}

ops! {
    I8086, I8086 {
        Add Or Adc Sbb And Sub Xor Cmp Test Mov MovSeg Lea Push Pop Pushf Popf Xchg Inc Dec Neg Not Mul Imul Div
        Idiv Rol Ror Rcl Rcr Shl Shr Sar Jcc Jcxz Loop Loope Loopne Jmp Call Ret JmpFar CallFar RetFar Iret Int
        Int3 Into Lds Les Cbw Cwd Clc Stc Cmc Cld Std Cli Sti Hlt Nop Pause Xlat Daa Das Aaa Aas Aam Aad Salc
        Movs Cmps Stos Lods Scas In Out Sahf Lahf Endbr32 Endbr64 Rdsspd Rdsspq
    }
    I186, I186 { Pusha Popa Bound Enter Leave Ins Outs }
    I286, I286 { Lgdt Sgdt Lidt Sidt Lldt Sldt Ltr Str Lmsw Smsw Clts Lar Lsl Verr Verw Arpl Ud0 Ud1 Ud2 }
    I386, I386 {
        Movzx Movsx Shld Shrd Bt Bts Btr Btc Bsf Bsr Setcc Lfs Lgs Lss MovCr MovDr Int1
    }
    I486, I486 { Cmpxchg Xadd Bswap Invlpg Invd Wbinvd Cpuid }
    Tsc, Tsc { Rdtsc Rdpmc }
    Msr, Msr { Rdmsr Wrmsr }
    Cx8, Cx8 { Cmpxchg8b }
    Cx16, Cx16 { Cmpxchg16b }
    Sep, Sep { Sysenter Sysexit }
    Syscall, Syscall { Syscall Sysret }
    Lm, Lm { Movsxd Swapgs }
    Cmov, Cmov {
        Cmovcc Fcmovb Fcmove Fcmovbe Fcmovu Fcmovnb Fcmovne Fcmovnbe Fcmovnu Fcomi Fcomip Fucomi Fucomip
    }
    Popcnt, Popcnt { Popcnt }
    Lzcnt, Lzcnt { Lzcnt }
    Movbe, Movbe { Movbe }
    Rdtscp, Rdtscp { Rdtscp }
    Rdpid, Rdpid { Rdpid }
    Rdrand, Rdrand { Rdrand }
    Rdseed, Rdseed { Rdseed }
    Fsgsbase, Fsgsbase { Rdfsbase Rdgsbase Wrfsbase Wrgsbase }
    Invpcid, Invpcid { Invpcid }
    Smap, Smap { Stac Clac }
    Monitor, Monitor { Monitor Mwait }
    Clfsh, Clfsh { Clflush }
    Clflushopt, Clflushopt { Clflushopt }
    Clwb, Clwb { Clwb }
    Prefetchw, Prefetchw { Prefetchw }
    Fxsr, Fxsr { Fxsave Fxrstor }
    Xsave, Xsave { Xsave Xrstor Xgetbv Xsetbv }
    Xsaveopt, Xsaveopt { Xsaveopt }
    Xsavec, Xsavec { Xsavec }
    Adx, Adx { Adcx Adox }
    Bmi1, Bmi1 { Tzcnt Andn Bextr Blsr Blsmsk Blsi }
    Bmi2, Bmi2 { Bzhi Mulx Pdep Pext Rorx Sarx Shlx Shrx }

    Fpu, Fpu {
        Fwait Fadd Faddp Fiadd Fbld Fbstp Fchs Fabs Fnclex Fcom Fcomp Fcompp Fcos Fdecstp Fdiv Fdivp Fidiv Fdivr
        Fdivrp Fidivr Ffree Ffreep Ficom Ficomp Fild Fincstp Fninit Fist Fistp Fld Fld1 Fldl2t Fldl2e Fldpi Fldlg2
        Fldln2 Fldz Fldcw Fldenv Fmul Fmulp Fimul Fnop Fpatan Fprem Fprem1 Fptan Frndint Frstor Fnsave Fscale Fsin
        Fsincos Fsqrt Fst Fstp Fnstcw Fnstenv Fnstsw Fsub Fsubp Fisub Fsubr Fsubrp Fisubr Ftst Fucom Fucomp
        Fucompp Fxam Fxch Fxtract Fyl2x Fyl2xp1 F2xm1
    }

    Mmx, Mmx { Emms }
    Sse2, Mmx {
        Punpcklbw Punpcklwd Punpckldq Packsswb Pcmpgtb Pcmpgtw Pcmpgtd Packuswb Punpckhbw Punpckhwd Punpckhdq
        Packssdw Movd Movq Pcmpeqb Pcmpeqw Pcmpeqd Psrlw Psrld Psrlq Psraw Psrad Psllw Pslld Psllq Pmullw Psubusb
        Psubusw Pand Paddusb Paddusw Pandn Pmulhw Psubsb Psubsw Por Paddsb Paddsw Pxor Pmaddwd Psubb Psubw Psubd
        Paddb Paddw Paddd
    }
    Sse2, Sse {
        Pinsrw Pextrw Pmovmskb Pminub Pmaxub Pavgb Pavgw Pmulhuw Pminsw Pmaxsw Psadbw
    }
    Sse, Sse {
        Movups Movss Movlps Movhlps Unpcklps Unpckhps Movhps Movlhps Movaps Cvtpi2ps Cvtsi2ss Movntps Cvttps2pi
        Cvttss2si Cvtps2pi Cvtss2si Ucomiss Comiss Movmskps Sqrtps Sqrtss Rsqrtps Rsqrtss Rcpps Rcpss Andps Andnps
        Orps Xorps Addps Addss Mulps Mulss Subps Subss Minps Minss Divps Divss Maxps Maxss Cmpps Cmpss Shufps
        Ldmxcsr Stmxcsr Sfence Prefetchnta Prefetcht0 Prefetcht1 Prefetcht2 Pshufw Maskmovq Movntq
    }
    Sse2, Sse2 {
        Movupd Movsd Movlpd Movhpd Unpcklpd Unpckhpd Movapd Cvtpi2pd Cvtsi2sd Movntpd Cvttpd2pi Cvttsd2si Cvtpd2pi
        Cvtsd2si Ucomisd Comisd Movmskpd Sqrtpd Sqrtsd Andpd Andnpd Orpd Xorpd Addpd Addsd Mulpd Mulsd Subpd Subsd
        Minpd Minsd Divpd Divsd Maxpd Maxsd Cmppd Cmpsd Shufpd Cvtps2pd Cvtpd2ps Cvtss2sd Cvtsd2ss Cvtdq2ps
        Cvtps2dq Cvttps2dq Cvtdq2pd Cvtpd2dq Cvttpd2dq Movdqa Movdqu Movntdq Movnti Maskmovdqu Pshufd Pshufhw
        Pshuflw Pslldq Psrldq Punpcklqdq Punpckhqdq Movq2dq Movdq2q Lfence Mfence Paddq Psubq Pmuludq
    }
    Sse3, Sse3 {
        Addsubps Addsubpd Haddps Haddpd Hsubps Hsubpd Lddqu Movddup Movshdup Movsldup Fisttp
    }
    Ssse3, Ssse3 {
        Pshufb Phaddw Phaddd Phaddsw Pmaddubsw Phsubw Phsubd Phsubsw Psignb Psignw Psignd Pmulhrsw Pabsb Pabsw
        Pabsd Palignr
    }
    Sse41, Sse41 {
        Pblendvb Blendvps Blendvpd Ptest Pmovsxbw Pmovsxbd Pmovsxbq Pmovsxwd Pmovsxwq Pmovsxdq Pmuldq Pcmpeqq
        Movntdqa Packusdw Pmovzxbw Pmovzxbd Pmovzxbq Pmovzxwd Pmovzxwq Pmovzxdq Pminsb Pminsd Pminuw Pminud Pmaxsb
        Pmaxsd Pmaxuw Pmaxud Pmulld Phminposuw Roundps Roundpd Roundss Roundsd Blendps Blendpd Pblendw Pextrb
        Pextrd Pextrq Extractps Pinsrb Insertps Pinsrd Pinsrq Dpps Dppd Mpsadbw
    }
    Sse42, Sse42 { Pcmpgtq Pcmpestrm Pcmpestri Pcmpistrm Pcmpistri Crc32 }
    Aes, Aes { Aesimc Aesenc Aesenclast Aesdec Aesdeclast Aeskeygenassist }
    Pclmulqdq, Pclmulqdq { Pclmulqdq }
    Sha, Sha { Sha1nexte Sha1msg1 Sha1msg2 Sha256rnds2 Sha256msg1 Sha256msg2 Sha1rnds4 }
    Gfni, Gfni { Gf2p8mulb Gf2p8affineqb Gf2p8affineinvqb }

    Avx, Avx {
        Vmovups Vmovupd Vmovss Vmovsd Vmovlps Vmovlpd Vmovhlps Vmovddup Vmovsldup Vmovshdup Vunpcklps Vunpcklpd
        Vunpckhps Vunpckhpd Vmovhps Vmovhpd Vmovlhps Vmovaps Vmovapd Vcvtsi2ss Vcvtsi2sd Vmovntps Vmovntpd
        Vcvttss2si Vcvttsd2si Vcvtss2si Vcvtsd2si Vucomiss Vucomisd Vcomiss Vcomisd Vmovmskps Vmovmskpd Vsqrtps
        Vsqrtpd Vsqrtss Vsqrtsd Vrsqrtps Vrsqrtss Vrcpps Vrcpss Vandps Vandpd Vandnps Vandnpd Vorps Vorpd Vxorps
        Vxorpd Vaddps Vaddpd Vaddss Vaddsd Vmulps Vmulpd Vmulss Vmulsd Vcvtps2pd Vcvtpd2ps Vcvtss2sd Vcvtsd2ss
        Vcvtdq2ps Vcvtps2dq Vcvttps2dq Vsubps Vsubpd Vsubss Vsubsd Vminps Vminpd Vminss Vminsd Vdivps Vdivpd
        Vdivss Vdivsd Vmaxps Vmaxpd Vmaxss Vmaxsd Vmovd Vmovq Vmovdqa Vmovdqu Vzeroupper Vzeroall Vhaddps Vhaddpd
        Vhsubps Vhsubpd Vldmxcsr Vstmxcsr Vcmpps Vcmppd Vcmpss Vcmpsd Vpinsrw Vpextrw Vshufps Vshufpd Vaddsubps
        Vaddsubpd Vcvtdq2pd Vcvtpd2dq Vcvttpd2dq Vmovntdq Vlddqu Vmaskmovdqu Vpermilps Vpermilpd Vtestps Vtestpd
        Vptest Vbroadcastss Vbroadcastsd Vbroadcastf128 Vmaskmovps Vmaskmovpd Vphminposuw Vperm2f128 Vroundps
        Vroundpd Vroundss Vroundsd Vblendps Vblendpd Vpextrb Vpextrd Vpextrq Vextractps Vinsertf128 Vextractf128
        Vpinsrb Vinsertps Vpinsrd Vpinsrq Vdpps Vdppd Vblendvps Vblendvpd Vpcmpestrm Vpcmpestri Vpcmpistrm
        Vpcmpistri
    }
    Avx, Avx2 {
        Vpunpcklbw Vpunpcklwd Vpunpckldq Vpacksswb Vpcmpgtb Vpcmpgtw Vpcmpgtd Vpackuswb Vpunpckhbw Vpunpckhwd
        Vpunpckhdq Vpackssdw Vpunpcklqdq Vpunpckhqdq Vpshufd Vpshufhw Vpshuflw Vpsrlw Vpsraw Vpsllw Vpsrld Vpsrad
        Vpslld Vpsrlq Vpsllq Vpsrldq Vpslldq Vpcmpeqb Vpcmpeqw Vpcmpeqd Vpaddq Vpmullw Vpmovmskb Vpsubusb Vpsubusw
        Vpminub Vpand Vpaddusb Vpaddusw Vpmaxub Vpandn Vpavgb Vpavgw Vpmulhuw Vpmulhw Vpsubsb Vpsubsw Vpminsw Vpor
        Vpaddsb Vpaddsw Vpmaxsw Vpxor Vpmuludq Vpmaddwd Vpsadbw Vpsubb Vpsubw Vpsubd Vpsubq Vpaddb Vpaddw Vpaddd
        Vpshufb Vphaddw Vphaddd Vphaddsw Vpmaddubsw Vphsubw Vphsubd Vphsubsw Vpsignb Vpsignw Vpsignd Vpmulhrsw
        Vpabsb Vpabsw Vpabsd Vpmovsxbw Vpmovsxbd Vpmovsxbq Vpmovsxwd Vpmovsxwq Vpmovsxdq Vpmuldq Vpcmpeqq
        Vmovntdqa Vpackusdw Vpmovzxbw Vpmovzxbd Vpmovzxbq Vpmovzxwd Vpmovzxwq Vpmovzxdq Vpcmpgtq Vpminsb Vpminsd
        Vpminuw Vpminud Vpmaxsb Vpmaxsd Vpmaxuw Vpmaxud Vpmulld Vpblendw Vpalignr Vmpsadbw Vpblendvb
    }
    Avx2, Avx2 {
        Vpermps Vpermd Vpermq Vpermpd Vpblendd Vperm2i128 Vinserti128 Vextracti128 Vbroadcasti128 Vpbroadcastb
        Vpbroadcastw Vpbroadcastd Vpbroadcastq Vpsrlvd Vpsrlvq Vpsravd Vpsllvd Vpsllvq Vpmaskmovd Vpmaskmovq
        Vpgatherdd Vpgatherdq Vpgatherqd Vpgatherqq Vgatherdps Vgatherdpd Vgatherqps Vgatherqpd
    }
    F16c, F16c { Vcvtph2ps Vcvtps2ph }
    Fma, Fma {
        Vfmaddsub132ps Vfmaddsub132pd Vfmaddsub213ps Vfmaddsub213pd Vfmaddsub231ps Vfmaddsub231pd
        Vfmsubadd132ps Vfmsubadd132pd Vfmsubadd213ps Vfmsubadd213pd Vfmsubadd231ps Vfmsubadd231pd
        Vfmadd132ps Vfmadd132pd Vfmadd132ss Vfmadd132sd Vfmadd213ps Vfmadd213pd Vfmadd213ss Vfmadd213sd
        Vfmadd231ps Vfmadd231pd Vfmadd231ss Vfmadd231sd
        Vfmsub132ps Vfmsub132pd Vfmsub132ss Vfmsub132sd Vfmsub213ps Vfmsub213pd Vfmsub213ss Vfmsub213sd
        Vfmsub231ps Vfmsub231pd Vfmsub231ss Vfmsub231sd
        Vfnmadd132ps Vfnmadd132pd Vfnmadd132ss Vfnmadd132sd Vfnmadd213ps Vfnmadd213pd Vfnmadd213ss Vfnmadd213sd
        Vfnmadd231ps Vfnmadd231pd Vfnmadd231ss Vfnmadd231sd
        Vfnmsub132ps Vfnmsub132pd Vfnmsub132ss Vfnmsub132sd Vfnmsub213ps Vfnmsub213pd Vfnmsub213ss Vfnmsub213sd
        Vfnmsub231ps Vfnmsub231pd Vfnmsub231ss Vfnmsub231sd
    }
    AesAvx, Vaes { Vaesenc Vaesenclast Vaesdec Vaesdeclast }
    AesAvx, AesAvx { Vaesimc Vaeskeygenassist }
    PclmulqdqAvx, Vpclmulqdq { Vpclmulqdq }
    GfniAvx, GfniAvx { Vgf2p8mulb Vgf2p8affineqb Vgf2p8affineinvqb }
}

impl core::fmt::Display for Op {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.mnemonic())
    }
}

/// The text names no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownOp;

impl core::fmt::Display for UnknownOp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no operation has this name; names are the manual's mnemonics in lower case")
    }
}

impl core::error::Error for UnknownOp {}

impl core::str::FromStr for Op {
    type Err = UnknownOp;

    /// Returns the first operation with this [mnemonic](Op::mnemonic), upper or lower case.
    fn from_str(text: &str) -> Result<Self, UnknownOp> {
        Self::ALL.iter().copied().find(|op| op.mnemonic().eq_ignore_ascii_case(text)).ok_or(UnknownOp)
    }
}

impl Op {
    /// Returns the manual's mnemonic in lower case. `jcc`, `setcc`, `cmovcc`, string operations and similar families
    /// are one name here; [`crate::Instruction::display`] writes them out.
    #[inline]
    pub fn mnemonic(self) -> &'static str {
        NAMES[self as usize]
    }

    /// Returns the feature that the operation needs; its 128-bit form where forms differ.
    #[inline]
    pub fn feature(self) -> Feature {
        FEATURES[self as usize].0
    }

    /// Returns the feature that the form with MMX registers, or with 256-bit registers, needs.
    #[inline]
    pub fn other_feature(self) -> Feature {
        FEATURES[self as usize].1
    }
}
