//! Processor models by QEMU's names, and changes to them: `-cpu Nehalem,-sse4.2`.

use super::{CpuModel, FEATURE_BITS, Features, Identity};

/// A model of QEMU's.
///
/// All of them report `GenuineIntel`: where AMD's processors differ, for example in SYSCALL, the instructions behave as
/// Intel's.
struct Named {
    name: &'static str,
    /// Family, model, stepping
    signature: (u32, u32, u32),
    /// Last basic and last extended leaf
    leaves: (u32, u32),
    /// Flags of CPUID.1:EDX that are no [`Features`]
    base: u32,
    features: Features,
    physical_bits: u8,
    brand: &'static str,
}

/// Flags of CPUID.1:EDX that are no [`Features`].
mod base {
    pub(super) const DE: u32 = 1 << 2;
    pub(super) const PSE: u32 = 1 << 3;
    pub(super) const PAE: u32 = 1 << 6;
    pub(super) const MCE: u32 = 1 << 7;
    pub(super) const APIC: u32 = 1 << 9;
    pub(super) const MTRR: u32 = 1 << 12;
    pub(super) const PGE: u32 = 1 << 13;
    pub(super) const MCA: u32 = 1 << 14;
    pub(super) const PAT: u32 = 1 << 16;
    pub(super) const PSE36: u32 = 1 << 17;

    pub(super) const P5: u32 = DE | PSE | MCE | APIC;
    pub(super) const P6: u32 = P5 | PAE | PGE | PAT;
    pub(super) const ALL: u32 = P6 | MTRR | MCA | PSE36;
}

macro_rules! features {
    ($($name:ident)*) => { Features::empty()$(.union(Features::$name))* };
}

const P5: Features = features!(FPU TSC MSR CX8 MMX);
const P6: Features = P5.union(features!(SEP CMOV FXSR));
const P3: Features = P6.union(features!(SSE));
const P4: Features = P3.union(features!(SSE2 CLFSH));
const LONG: Features = P4.union(features!(SSE3 CX16 LM SYSCALL NX LAHF));
const CORE2: Features = LONG.union(features!(SSSE3));
const PENRYN: Features = CORE2.union(features!(SSE4_1));
const NEHALEM: Features = PENRYN.union(features!(SSE4_2 POPCNT));
const WESTMERE: Features = NEHALEM.union(features!(AES PCLMULQDQ));
const SANDY_BRIDGE: Features = WESTMERE.union(features!(AVX XSAVE XSAVEOPT TSC_DEADLINE X2APIC RDTSCP));
const IVY_BRIDGE: Features = SANDY_BRIDGE.union(features!(F16C RDRAND FSGSBASE SMEP ERMS));
const HASWELL: Features = IVY_BRIDGE.union(features!(FMA MOVBE PCID BMI1 BMI2 AVX2 INVPCID LZCNT));
const BROADWELL: Features = HASWELL.union(features!(RDSEED ADX SMAP PREFETCHW));

const fn named(
    name: &'static str,
    signature: (u32, u32, u32),
    leaves: (u32, u32),
    (base, features, physical_bits): (u32, Features, u8),
    brand: &'static str,
) -> Named {
    Named { name, signature, leaves, base, features, physical_bits, brand }
}

/// Oldest first.
///
/// SPEC: intel-sdm-vol2 :: CPUID—CPU Identification -> leaf 1: family, model and stepping; leaves that a processor has
static MODELS: &[Named] = &[
    named("486", (4, 8, 0), (1, 0), (base::PSE, features!(FPU), 32), ""),
    named("pentium", (5, 4, 3), (1, 0), (base::P5, P5, 32), ""),
    named("pentium2", (6, 5, 2), (2, 0), (base::ALL, P6, 36), ""),
    named("pentium3", (6, 8, 3), (3, 0), (base::ALL, P3, 36), ""),
    named("qemu32", (6, 6, 3), (4, 0x8000_0004), (base::P6, P4.union(features!(SSE3)), 36), VIRTUAL),
    named("kvm32", (15, 6, 1), (5, 0x8000_0008), (base::ALL, P4.union(features!(SSE3)), 36), COMMON),
    named("coreduo", (6, 14, 8), (10, 0x8000_0008), (base::ALL, P4.union(features!(SSE3 NX)), 36), CORE_DUO),
    named(
        "n270",
        (6, 28, 2),
        (10, 0x8000_0008),
        (base::ALL, P4.union(features!(SSE3 SSSE3 MOVBE NX)), 36),
        "Intel(R) Atom(TM) CPU N270   @ 1.60GHz",
    ),
    named("qemu64", (15, 107, 1), (0xd, 0x8000_0008), (base::ALL, LONG, 40), VIRTUAL),
    named("kvm64", (15, 6, 1), (0xd, 0x8000_0008), (base::ALL, LONG, 40), COMMON),
    named("core2duo", (6, 15, 11), (10, 0x8000_0008), (base::ALL, CORE2, 40), CORE2_DUO),
    named(
        "Conroe",
        (6, 15, 3),
        (10, 0x8000_0008),
        (base::ALL, CORE2, 40),
        "Intel Celeron_4x0 (Conroe/Merom Class Core 2)",
    ),
    named(
        "Penryn",
        (6, 23, 3),
        (10, 0x8000_0008),
        (base::ALL, PENRYN, 40),
        "Intel Core 2 Duo P9xxx (Penryn Class Core 2)",
    ),
    named(
        "Nehalem",
        (6, 26, 3),
        (11, 0x8000_0008),
        (base::ALL, NEHALEM, 40),
        "Intel Core i7 9xx (Nehalem Class Core i7)",
    ),
    named(
        "Westmere",
        (6, 44, 1),
        (11, 0x8000_0008),
        (base::ALL, WESTMERE, 40),
        "Westmere E56xx/L56xx/X56xx (Nehalem-C)",
    ),
    named(
        "SandyBridge",
        (6, 42, 1),
        (0xd, 0x8000_0008),
        (base::ALL, SANDY_BRIDGE, 40),
        "Intel Xeon E312xx (Sandy Bridge)",
    ),
    named(
        "IvyBridge",
        (6, 58, 9),
        (0xd, 0x8000_0008),
        (base::ALL, IVY_BRIDGE, 40),
        "Intel Xeon E3-12xx v2 (Ivy Bridge)",
    ),
    named(
        "Haswell",
        (6, 60, 4),
        (0xd, 0x8000_0008),
        (base::ALL, HASWELL, 40),
        "Intel Core Processor (Haswell)",
    ),
    named(
        "Broadwell",
        (6, 61, 2),
        (0xd, 0x8000_0008),
        (base::ALL, BROADWELL, 40),
        "Intel Core Processor (Broadwell)",
    ),
];

const VIRTUAL: &str = "QEMU Virtual CPU version 2.5+";
const COMMON: &str = "Common KVM processor";
const CORE_DUO: &str = "Genuine Intel(R) CPU           T2600  @ 2.16GHz";
const CORE2_DUO: &str = "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz";

impl Named {
    fn model(&self) -> CpuModel {
        let mut brand = [0; 48];
        for (to, from) in brand.iter_mut().zip(self.brand.bytes()) {
            *to = from;
        }
        let identity = Identity {
            signature: signature(self.signature),
            last_basic: self.leaves.0,
            last_extended: self.leaves.1,
            base: self.base,
            brand,
        };
        CpuModel { features: self.features, physical_bits: self.physical_bits, identity }
    }

    /// Returns whether everything that it has is complete here.
    fn is_complete(&self) -> bool {
        CpuModel::MAX.features.contains(self.features)
    }
}

/// SPEC: intel-sdm-vol2 :: CPUID—CPU Identification -> the extended family counts from 15 on, the extended model is the upper half of the number
const fn signature((family, model, stepping): (u32, u32, u32)) -> u32 {
    let (low, high) = if family < 15 { (family, 0) } else { (15, family - 15) };
    high << 20 | (model >> 4) << 16 | low << 8 | (model & 0xf) << 4 | stepping
}

/// Returns QEMU's model of a name.
pub(super) fn find(name: &str) -> Option<CpuModel> {
    MODELS.iter().find(|model| model.name == name && model.is_complete()).map(Named::model)
}

/// Returns the names of QEMU's models that are complete here, oldest first.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().filter(|model| model.is_complete()).map(|model| model.name)
}

/// Returns the feature of a name as QEMU writes it: `sse4.2` or `sse4_2`, `avx2`. `None` too for those that are not complete.
pub fn feature(name: &str) -> Option<Features> {
    let same = |known: &str, name: &str| {
        known.len() == name.len()
            && known
                .bytes()
                .zip(name.bytes())
                .all(|(a, b)| a.eq_ignore_ascii_case(&b) || a == b'_' && matches!(b, b'.' | b'-'))
    };
    let known = match name {
        "clflush" => Features::CLFSH,
        "pni" => Features::SSE3,
        "abm" => Features::LZCNT,
        "3dnowprefetch" => Features::PREFETCHW,
        "pdpe1gb" => Features::PAGE1GB,
        "lahf_lm" | "lahf-lm" => Features::LAHF,
        "sha-ni" | "sha_ni" => Features::SHA,
        "spec-ctrl" => Features::IBRS,
        _ => Features::all().iter_names().find(|(known, _)| same(known, name))?.1,
    };
    // The table of bits is complete: what has no bit is no feature.
    let has_bit = FEATURE_BITS.iter().any(|bit| bit.feature == known);
    (has_bit && CpuModel::MAX.features.contains(known)).then_some(known)
}
