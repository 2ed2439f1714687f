//! The one table of feature bits: what CPUID reports is what the decoder and the control registers accept.

use super::Features;
use Register::{Eax, Ebx, Ecx, Edx};

/// A register that CPUID returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Register {
    Eax = 0,
    Ebx = 1,
    Ecx = 2,
    Edx = 3,
}

/// The place of one feature flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuidBit {
    /// The feature
    pub feature: Features,
    /// EAX on entry
    pub leaf: u32,
    /// ECX on entry
    pub subleaf: u32,
    /// The register the flag is returned in
    pub register: Register,
    /// Its bit there, 0 to 31
    pub bit: u8,
}

const fn bit(feature: Features, leaf: u32, subleaf: u32, register: Register, bit: u8) -> CpuidBit {
    CpuidBit { feature, leaf, subleaf, register, bit }
}

/// Every feature flag and its bit.
///
/// SPEC: intel-sdm-vol2 :: CPUID—CPU Identification -> feature flags of leaves 1, 7, 0DH and 80000001H
pub const FEATURE_BITS: [CpuidBit; 63] = [
    bit(Features::SSE3, 0x1, 0, Ecx, 0),
    bit(Features::PCLMULQDQ, 0x1, 0, Ecx, 1),
    bit(Features::MONITOR, 0x1, 0, Ecx, 3),
    bit(Features::SSSE3, 0x1, 0, Ecx, 9),
    bit(Features::FMA, 0x1, 0, Ecx, 12),
    bit(Features::CX16, 0x1, 0, Ecx, 13),
    bit(Features::PCID, 0x1, 0, Ecx, 17),
    bit(Features::SSE4_1, 0x1, 0, Ecx, 19),
    bit(Features::SSE4_2, 0x1, 0, Ecx, 20),
    bit(Features::X2APIC, 0x1, 0, Ecx, 21),
    bit(Features::MOVBE, 0x1, 0, Ecx, 22),
    bit(Features::POPCNT, 0x1, 0, Ecx, 23),
    bit(Features::TSC_DEADLINE, 0x1, 0, Ecx, 24),
    bit(Features::AES, 0x1, 0, Ecx, 25),
    bit(Features::XSAVE, 0x1, 0, Ecx, 26),
    bit(Features::AVX, 0x1, 0, Ecx, 28),
    bit(Features::F16C, 0x1, 0, Ecx, 29),
    bit(Features::RDRAND, 0x1, 0, Ecx, 30),
    bit(Features::FPU, 0x1, 0, Edx, 0),
    bit(Features::TSC, 0x1, 0, Edx, 4),
    bit(Features::MSR, 0x1, 0, Edx, 5),
    bit(Features::CX8, 0x1, 0, Edx, 8),
    bit(Features::SEP, 0x1, 0, Edx, 11),
    bit(Features::CMOV, 0x1, 0, Edx, 15),
    bit(Features::CLFSH, 0x1, 0, Edx, 19),
    bit(Features::MMX, 0x1, 0, Edx, 23),
    bit(Features::FXSR, 0x1, 0, Edx, 24),
    bit(Features::SSE, 0x1, 0, Edx, 25),
    bit(Features::SSE2, 0x1, 0, Edx, 26),
    bit(Features::FSGSBASE, 0x7, 0, Ebx, 0),
    bit(Features::TSC_ADJUST, 0x7, 0, Ebx, 1),
    bit(Features::BMI1, 0x7, 0, Ebx, 3),
    bit(Features::AVX2, 0x7, 0, Ebx, 5),
    bit(Features::SMEP, 0x7, 0, Ebx, 7),
    bit(Features::BMI2, 0x7, 0, Ebx, 8),
    bit(Features::ERMS, 0x7, 0, Ebx, 9),
    bit(Features::INVPCID, 0x7, 0, Ebx, 10),
    bit(Features::RDSEED, 0x7, 0, Ebx, 18),
    bit(Features::ADX, 0x7, 0, Ebx, 19),
    bit(Features::SMAP, 0x7, 0, Ebx, 20),
    bit(Features::CLFLUSHOPT, 0x7, 0, Ebx, 23),
    bit(Features::CLWB, 0x7, 0, Ebx, 24),
    bit(Features::SHA, 0x7, 0, Ebx, 29),
    bit(Features::UMIP, 0x7, 0, Ecx, 2),
    bit(Features::GFNI, 0x7, 0, Ecx, 8),
    bit(Features::VAES, 0x7, 0, Ecx, 9),
    bit(Features::VPCLMULQDQ, 0x7, 0, Ecx, 10),
    bit(Features::LA57, 0x7, 0, Ecx, 16),
    bit(Features::RDPID, 0x7, 0, Ecx, 22),
    bit(Features::IBRS, 0x7, 0, Edx, 26),
    bit(Features::ARCH_CAPABILITIES, 0x7, 0, Edx, 29),
    bit(Features::BHI_CTRL, 0x7, 2, Edx, 4),
    bit(Features::XSAVEOPT, 0xd, 1, Eax, 0),
    bit(Features::XSAVEC, 0xd, 1, Eax, 1),
    bit(Features::XGETBV1, 0xd, 1, Eax, 2),
    bit(Features::LAHF, 0x8000_0001, 0, Ecx, 0),
    bit(Features::LZCNT, 0x8000_0001, 0, Ecx, 5),
    bit(Features::PREFETCHW, 0x8000_0001, 0, Ecx, 8),
    bit(Features::SYSCALL, 0x8000_0001, 0, Edx, 11),
    bit(Features::NX, 0x8000_0001, 0, Edx, 20),
    bit(Features::PAGE1GB, 0x8000_0001, 0, Edx, 26),
    bit(Features::RDTSCP, 0x8000_0001, 0, Edx, 27),
    bit(Features::LM, 0x8000_0001, 0, Edx, 29),
];
