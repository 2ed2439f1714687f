//! Features by iced's names.

use iced_x86::Code;
use x86_decode::{Feature, Instruction};

/// What iced calls the steps before CPUID, and what it keeps apart from them.
const BASE: &[&str] = &[
    "INTEL8086",
    "INTEL8086_ONLY",
    "INTEL186",
    "INTEL286",
    "INTEL386",
    "INTEL486",
    "X64",
    "CPUID",
    "MULTIBYTENOP",
    "PAUSE",
    "WBNOINVD",
    // Hints without CET: processors without it execute them as NOP
    "CET_IBT",
    "CET_SS",
];

/// iced's names of a feature where they differ.
fn names(feature: Feature) -> &'static [&'static str] {
    use Feature as F;
    match feature {
        F::I8086 | F::I186 | F::I286 | F::I386 | F::I486 => BASE,
        F::Fpu => &["FPU", "INTEL8086", "FPU287", "FPU387", "FPU387SL_ONLY"],
        F::Cmov => &["FPU", "CMOV"],
        F::Sse3 => &["FPU", "SSE3"],
        F::Cx8 => &["CX8"],
        F::Cx16 => &["CMPXCHG16B"],
        F::Clfsh => &["CLFSH"],
        F::Tsc => &["TSC", "RDPMC"],
        F::Lm => &["X64"],
        F::Prefetchw => &["PREFETCHW", "PREFETCHWT1"],
        // PEXTRW to a register has an SSE4.1 encoding; PADDQ, PSUBQ and PMULUDQ on MMX registers came with SSE2.
        F::Sse2 => &["SSE2", "SSE4_1", "MMX"],
        F::Sse41 => &["SSE4_1"],
        F::Sse42 => &["SSE4_2"],
        F::AesAvx => &["AES", "AVX"],
        F::PclmulqdqAvx => &["PCLMULQDQ", "AVX"],
        F::GfniAvx => &["AVX", "GFNI"],
        _ => &[],
    }
}

/// Whether iced says the same about the feature.
pub(super) fn agrees(ours: &Instruction, code: Code) -> bool {
    let theirs: Vec<String> = code.cpuid_features().iter().map(|feature| format!("{feature:?}")).collect();
    let feature = ours.feature();
    let names = names(feature);
    if names.is_empty() {
        return theirs.len() == 1 && theirs[0].eq_ignore_ascii_case(&format!("{feature:?}"));
    }
    theirs.iter().all(|name| names.contains(&name.as_str()))
}
