//! What CPUID answers, and which instruction-set extensions exist.
#![allow(missing_docs)] // bit and feature names are the manual's own

use bitflags::bitflags;

bitflags! {
    /// Instruction-set extensions and processor features that a model has.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[allow(missing_docs)]
    pub struct Features: u64 {
        const FPU = 1 << 0;
        const TSC = 1 << 1;
        const MSR = 1 << 2;
        const CX8 = 1 << 3;
        const SEP = 1 << 4;
        const CMOV = 1 << 5;
        const CLFSH = 1 << 6;
        const MMX = 1 << 7;
        const FXSR = 1 << 8;
        const SSE = 1 << 9;
        const SSE2 = 1 << 10;
        const SSE3 = 1 << 11;
        const SSSE3 = 1 << 12;
        const SSE4_1 = 1 << 13;
        const SSE4_2 = 1 << 14;
        const POPCNT = 1 << 15;
        const CX16 = 1 << 16;
        const MOVBE = 1 << 17;
        const AES = 1 << 18;
        const PCLMULQDQ = 1 << 19;
        const XSAVE = 1 << 20;
        const AVX = 1 << 21;
        const F16C = 1 << 22;
        const FMA = 1 << 23;
        const RDRAND = 1 << 24;
        const FSGSBASE = 1 << 25;
        const BMI1 = 1 << 26;
        const BMI2 = 1 << 27;
        const AVX2 = 1 << 28;
        const SMEP = 1 << 29;
        const SMAP = 1 << 30;
        const ADX = 1 << 31;
        const SHA = 1 << 32;
        const GFNI = 1 << 33;
        const VAES = 1 << 34;
        const VPCLMULQDQ = 1 << 35;
        const LZCNT = 1 << 36;
        const PREFETCHW = 1 << 37;
        const SYSCALL = 1 << 38;
        const NX = 1 << 39;
        const PAGE1GB = 1 << 40;
        const RDTSCP = 1 << 41;
        const LM = 1 << 42;
        const LAHF = 1 << 43;
        const PCID = 1 << 44;
        const INVPCID = 1 << 45;
        const X2APIC = 1 << 46;
        const TSC_DEADLINE = 1 << 47;
        const UMIP = 1 << 48;
        const LA57 = 1 << 49;
        const ERMS = 1 << 50;
        const RDSEED = 1 << 51;
        const XSAVEOPT = 1 << 52;
        const CLFLUSHOPT = 1 << 53;
        const CLWB = 1 << 54;
        const RDPID = 1 << 55;
        const ARCH_CAPABILITIES = 1 << 56;
    }
}

/// A named processor model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct CpuModel {
    /// What it has
    pub features: Features,
    /// Physical address bits, at most 52
    pub physical_bits: u8,
}

impl CpuModel {
    /// CPUID.1:EAX: family 6, a model without errata that operating systems work around.
    pub const fn signature(self) -> u32 {
        0x0006_06a1
    }
}
