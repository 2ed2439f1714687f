//! What CPUID answers, and which instruction-set extensions exist.
#![allow(missing_docs, reason = "the names are those of the CPUID flags")]

mod bits;
mod leaves;
mod models;
#[cfg(test)]
mod tests;

pub use bits::{CpuidBit, FEATURE_BITS, Register};
pub use leaves::CpuidState;
pub use models::feature;

use bitflags::bitflags;

bitflags! {
    /// Instruction-set extensions and processor features that a model has.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        /// IBRS and IBPB
        const IBRS = 1 << 57;
        /// IA32_SPEC_CTRL.BHI_DIS_S
        const BHI_CTRL = 1 << 58;
        const MONITOR = 1 << 59;
        /// XSAVEC, and XRSTOR of the compacted format
        const XSAVEC = 1 << 60;
        /// XGETBV with ECX = 1
        const XGETBV1 = 1 << 61;
        /// IA32_TSC_ADJUST
        const TSC_ADJUST = 1 << 62;
    }
}

/// Names of a model, and the number of CPUID leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Identity {
    /// CPUID.1:EAX: family, model, stepping
    pub signature: u32,
    /// The last basic leaf
    pub last_basic: u32,
    /// The last extended leaf; 0 where there are none
    pub last_extended: u32,
    /// Flags of CPUID.1:EDX that are no [`Features`]: DE, PSE, PAE, MCE, APIC, MTRR, PGE, MCA, PAT, PSE-36
    pub base: u32,
    /// The brand string, filled up with zeros
    pub brand: [u8; 48],
}

impl Identity {
    /// Family 6, a model without errata that operating systems work around.
    pub const V64: Identity = Identity {
        signature: 0x0006_06a1,
        last_basic: 0x16,
        last_extended: 0x8000_0008,
        base: 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 16 | 1 << 17,
        brand: *b"v64 x86-64 processor\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    };
}

/// A named processor model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct CpuModel {
    /// What it has
    pub features: Features,
    /// Physical address bits, at most 52
    pub physical_bits: u8,
    /// Its names
    pub identity: Identity,
}

impl CpuModel {
    /// The first x86-64 baseline: SSE2, and the system features of a current processor. No XSAVE, hence FXSAVE.
    pub const X86_64_V1: CpuModel =
        CpuModel { features: BASELINE, physical_bits: 40, identity: Identity::V64 };
    /// Baseline v2: SSE4.2, POPCNT and CMPXCHG16B as well.
    pub const X86_64_V2: CpuModel = CpuModel { features: BASELINE.union(V2), ..Self::X86_64_V1 };
    /// Baseline v3: AVX2, FMA and what goes with them as well. EVEX is #UD in every model.
    pub const X86_64_V3: CpuModel = CpuModel { features: BASELINE.union(V2).union(V3), ..Self::X86_64_V1 };
    /// Everything that is complete.
    pub const MAX: CpuModel = CpuModel { features: Features::all().difference(NO_MODELS), ..Self::X86_64_V1 };

    /// The baselines that [`CpuModel::from_name`] accepts, in ascending order; QEMU's models are accepted as well.
    pub const NAMES: [&'static str; 4] = ["x86-64-v1", "x86-64-v2", "x86-64-v3", "max"];

    /// Returns the model of that name.
    pub fn from_name(name: &str) -> Option<CpuModel> {
        match name {
            "x86-64-v1" => Some(Self::X86_64_V1),
            "x86-64-v2" => Some(Self::X86_64_V2),
            "x86-64-v3" => Some(Self::X86_64_V3),
            "max" => Some(Self::MAX),
            _ => models::find(name),
        }
    }

    /// Returns the names that [`CpuModel::from_name`] accepts: the baselines, and QEMU's models, oldest first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().chain(models::names())
    }

    /// Returns the model with a feature, and with the leaf that shows it, or without the feature and those that build on it,
    /// as QEMU does.
    pub fn with(mut self, feature: Features, has: bool) -> CpuModel {
        self.features.set(feature, has);
        for place in FEATURE_BITS.iter().filter(|place| has && place.feature == feature) {
            let last = match place.leaf {
                0x8000_0000.. => &mut self.identity.last_extended,
                _ => &mut self.identity.last_basic,
            };
            *last = place.leaf.max(*last);
        }
        for (base, dependent) in DEPENDENT {
            if !has && !self.features.contains(base) {
                self.features -= dependent;
            }
        }
        self
    }

    /// CPUID.1:EAX: family, model and stepping.
    pub const fn signature(self) -> u32 {
        self.identity.signature
    }
}

/// Features, and those that build on them; those that others build on come first.
///
/// SPEC: intel-sdm-vol1 :: 14.3 Detection of AVX Instructions -> AVX needs XSAVE; F16C, FMA, AVX2 and the 256-bit forms of AES and PCLMULQDQ need AVX
const DEPENDENT: [(Features, Features); 2] = [
    (
        Features::XSAVE,
        Features::AVX.union(Features::XSAVEOPT).union(Features::XSAVEC).union(Features::XGETBV1),
    ),
    (
        Features::AVX,
        Features::AVX2
            .union(Features::FMA)
            .union(Features::F16C)
            .union(Features::VAES)
            .union(Features::VPCLMULQDQ),
    ),
];

/// Features that no model has. MWAIT waits for nothing, so that an operating system that idled by it would keep the host
/// busy.
const NO_MODELS: Features = Features::MONITOR;

/// What every model has.
const BASELINE: Features = Features::FPU
    .union(Features::TSC)
    .union(Features::MSR)
    .union(Features::CX8)
    .union(Features::SEP)
    .union(Features::CMOV)
    .union(Features::CLFSH)
    .union(Features::MMX)
    .union(Features::FXSR)
    .union(Features::SSE)
    .union(Features::SSE2)
    .union(Features::SYSCALL)
    .union(Features::NX)
    .union(Features::LM)
    .union(Features::RDTSCP)
    .union(Features::PAGE1GB)
    .union(Features::FSGSBASE)
    .union(Features::SMEP)
    .union(Features::SMAP)
    .union(Features::UMIP)
    .union(Features::PCID)
    .union(Features::INVPCID)
    .union(Features::TSC_DEADLINE)
    .union(Features::TSC_ADJUST)
    .union(Features::ERMS)
    .union(Features::LAHF)
    .union(Features::PREFETCHW)
    .union(Features::ARCH_CAPABILITIES)
    .union(Features::IBRS)
    .union(Features::BHI_CTRL);

/// What v2 adds.
const V2: Features = Features::SSE3
    .union(Features::SSSE3)
    .union(Features::SSE4_1)
    .union(Features::SSE4_2)
    .union(Features::POPCNT)
    .union(Features::CX16);

/// What v3 adds, and XSAVEOPT, which every processor of that baseline has.
const V3: Features = Features::XSAVE
    .union(Features::XSAVEOPT)
    .union(Features::AVX)
    .union(Features::AVX2)
    .union(Features::FMA)
    .union(Features::F16C)
    .union(Features::BMI1)
    .union(Features::BMI2)
    .union(Features::LZCNT)
    .union(Features::MOVBE);
