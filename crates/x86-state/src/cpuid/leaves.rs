//! What each leaf answers.

use super::{CpuModel, FEATURE_BITS, Features};
use crate::{LIMIT_CPUID_MAXVAL, XD_BIT_DISABLE};

/// What CPUID reports of the processor's state rather than of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CpuidState {
    /// Local APIC ID; 32 bits where x2APIC has them
    pub apic_id: u32,
    /// CR4.OSXSAVE
    pub cr4_osxsave: bool,
    /// XCR0
    pub xcr0: u64,
    /// IA32_APIC_BASE enables the local APIC
    pub apic_enabled: bool,
    /// IA32_MISC_ENABLE
    pub misc_enable: u64,
}

/// Frequency of the time-stamp counter, the crystal and the local APIC timer, in Hz.
const CRYSTAL_HZ: u32 = 1_000_000_000;
const VENDOR: &[u8; 12] = b"GenuineIntel";
const APIC_1_EDX: u32 = 1 << 9;
const NX_8000_0001_EDX: u32 = 1 << 20;
const OSXSAVE_1_ECX: u32 = 1 << 27;

const fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl CpuModel {
    /// EAX, EBX, ECX and EDX for EAX = `leaf` and ECX = `subleaf` on entry.
    ///
    /// SPEC: intel-sdm-vol2 :: CPUID—CPU Identification -> a leaf above the highest basic or extended one answers as the highest basic leaf does
    pub fn cpuid(&self, leaf: u32, subleaf: u32, state: &CpuidState) -> [u32; 4] {
        let (basic, extended) = (self.identity.last_basic, self.identity.last_extended);
        let known = leaf <= basic || (0x8000_0000..=extended).contains(&leaf);
        let leaf = if known { leaf } else { basic };
        let mut answer = match leaf {
            0x8000_0000.. => self.extended(leaf),
            _ => self.basic(leaf, subleaf, state),
        };
        for flag in FEATURE_BITS {
            // Leaves 1 and 80000001H ignore ECX.
            let here = flag.leaf == leaf && (flag.subleaf == subleaf || matches!(leaf, 1 | 0x8000_0001));
            if here && self.features.contains(flag.feature) {
                answer[flag.register as usize] |= 1 << flag.bit;
            }
        }
        // SDM volume 4, 2.1 Architectural MSRs: IA32_MISC_ENABLE can take the NX flag away, and limit what leaf 0 reports
        match leaf {
            0 if state.misc_enable & LIMIT_CPUID_MAXVAL != 0 => answer[0] = 2,
            0x8000_0001 if state.misc_enable & XD_BIT_DISABLE != 0 => answer[3] &= !NX_8000_0001_EDX,
            _ => {}
        }
        answer
    }

    fn basic(&self, leaf: u32, subleaf: u32, state: &CpuidState) -> [u32; 4] {
        match leaf {
            0 => [self.identity.last_basic, word(VENDOR, 0), word(VENDOR, 8), word(VENDOR, 4)],
            1 => {
                // CLFLUSH line of 8 quadwords, one logical processor a package, initial APIC ID
                let ebx = 8 << 8 | 1 << 16 | state.apic_id << 24;
                let ecx = if state.cr4_osxsave { OSXSAVE_1_ECX } else { 0 };
                let hidden = if state.apic_enabled { 0 } else { APIC_1_EDX };
                let edx = self.identity.base & !hidden;
                [self.signature(), ebx, ecx, edx]
            }
            // Descriptor FFH: see leaf 4.
            2 => [0xff01, 0, 0, 0],
            4 => cache(subleaf),
            // ARAT: the local APIC timer never stops.
            6 => [1 << 2, 0, 0, 0],
            // EAX is the last subleaf.
            7 if subleaf == 0 => [if self.features.contains(Features::BHI_CTRL) { 2 } else { 0 }, 0, 0, 0],
            0xb => topology(subleaf, state.apic_id),
            0xd => self.xsave(subleaf, state.xcr0),
            // SPEC: intel-sdm-vol2 :: CPUID—CPU Identification -> leaf 15H: TSC frequency is crystal (ECX) times EBX/EAX
            0x15 => [1, 1, CRYSTAL_HZ, 0],
            // Base, maximum and bus frequency in MHz
            0x16 => [CRYSTAL_HZ / 1_000_000, CRYSTAL_HZ / 1_000_000, 100, 0],
            _ => [0; 4],
        }
    }

    fn extended(&self, leaf: u32) -> [u32; 4] {
        match leaf {
            0x8000_0000 => [self.identity.last_extended, 0, 0, 0],
            0x8000_0002..=0x8000_0004 => {
                let at = (leaf - 0x8000_0002) as usize * 16;
                let brand = &self.identity.brand;
                [word(brand, at), word(brand, at + 4), word(brand, at + 8), word(brand, at + 12)]
            }
            // L2: 1024 KiB, 16 ways (code 8), lines of 64 bytes
            0x8000_0006 => [0, 0, 1024 << 16 | 8 << 12 | 64, 0],
            // SPEC: intel-sdm-vol3 :: 19.17.1 Invariant TSC -> CPUID.80000007H:EDX[8]: the TSC runs at one rate in every state
            0x8000_0007 => [0, 0, 0, 1 << 8],
            0x8000_0008 => {
                let linear = if self.features.contains(Features::LA57) { 57 } else { 48 };
                [linear << 8 | u32::from(self.physical_bits), 0, 0, 0]
            }
            _ => [0; 4],
        }
    }

    /// SPEC: intel-sdm-vol1 :: 13.2 Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported Features -> leaf 0DH: components, area sizes (subleaf 1: the compacted one), and offset and size of the AVX component
    fn xsave(&self, subleaf: u32, xcr0: u64) -> [u32; 4] {
        const LEGACY_AND_HEADER: u32 = 576;
        const AVX_BYTES: u32 = 256;
        if !self.features.contains(Features::XSAVE) {
            return [0; 4];
        }
        let avx = self.features.contains(Features::AVX);
        let size = |has_avx: bool| LEGACY_AND_HEADER + if has_avx { AVX_BYTES } else { 0 };
        match subleaf {
            0 => [if avx { 7 } else { 3 }, size(avx && xcr0 & 4 != 0), size(avx), 0],
            // With XSAVEC: the size of the compacted area of what XCR0 enables
            1 if self.features.contains(Features::XSAVEC) => [0, size(avx && xcr0 & 4 != 0), 0, 0],
            2 if avx => [AVX_BYTES, LEGACY_AND_HEADER, 0, 0],
            _ => [0; 4],
        }
    }
}

/// SPEC: intel-sdm-vol2 :: CPUID—CPU Identification -> leaf 4: type, level, line, ways and sets, each less one where the manual says so; type 0 ends the list
const fn cache(subleaf: u32) -> [u32; 4] {
    const SELF_INITIALIZING: u32 = 1 << 8;
    let (kind, level, ways, sets) = match subleaf {
        0 => (1, 1, 8, 64),
        1 => (2, 1, 8, 64),
        2 => (3, 2, 16, 1024),
        3 => (3, 3, 16, 8192),
        _ => return [0; 4],
    };
    [kind | level << 5 | SELF_INITIALIZING, 63 | (ways - 1) << 22, sets - 1, 0]
}

/// SPEC: intel-sdm-vol3 :: 10.9.1 Hierarchical Mapping of Shared Resources -> leaf 0BH: one thread a core, one core a package, so that no APIC ID bits are shifted out
const fn topology(subleaf: u32, apic_id: u32) -> [u32; 4] {
    match subleaf {
        0 => [0, 1, 1 << 8, apic_id],
        1 => [0, 1, 2 << 8 | 1, apic_id],
        _ => [0, 0, subleaf & 0xff, apic_id],
    }
}
