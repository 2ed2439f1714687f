use super::*;
use std::{collections::HashSet, string::String, vec::Vec};

extern crate std;

const STATE: CpuidState =
    CpuidState { apic_id: 3, cr4_osxsave: false, xcr0: 7, apic_enabled: true, misc_enable: 0x1801 };

#[test]
fn every_feature_has_exactly_one_bit() {
    for feature in Features::all() {
        let places = FEATURE_BITS.iter().filter(|place| place.feature == feature).count();
        assert_eq!(places, 1, "{feature:?}");
    }
    let places: HashSet<_> = FEATURE_BITS.iter().map(|b| (b.leaf, b.subleaf, b.register, b.bit)).collect();
    assert_eq!(places.len(), FEATURE_BITS.len());
}

#[test]
fn a_feature_shows_at_its_bit_and_nowhere_else() {
    let leaves = [(1, 0), (7, 0), (7, 1), (7, 2), (0xd, 1), (0x8000_0001, 0)];
    for place in FEATURE_BITS {
        let with = CpuModel { features: place.feature | Features::XSAVE, ..CpuModel::MAX };
        let without = CpuModel { features: with.features - place.feature, ..CpuModel::MAX };
        for (leaf, subleaf) in leaves {
            let (a, b) = (with.cpuid(leaf, subleaf, &STATE), without.cpuid(leaf, subleaf, &STATE));
            let mut difference = [0; 4];
            if (leaf, subleaf) == (place.leaf, place.subleaf) {
                difference[place.register as usize] = 1 << place.bit;
            }
            // The last subleaf of leaf 7 is the last one with a flag.
            if place.feature == Features::BHI_CTRL && (leaf, subleaf) == (7, 0) {
                difference[0] = 2;
            }
            let got = [a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]];
            // With XSAVEC the area has a compacted size.
            if place.feature == Features::XSAVEC && (leaf, subleaf) == (0xd, 1) {
                difference[1] = 576;
            }
            // Without XSAVE the whole of leaf 0DH is empty, its flags included.
            if place.feature != Features::XSAVE || leaf != 0xd {
                assert_eq!(got, difference, "{:?} {leaf:#x}", place.feature);
            }
        }
    }
}

#[test]
fn names_and_models_belong_together() {
    let models = CpuModel::NAMES.map(|name| CpuModel::from_name(name).expect(name));
    assert_eq!(models, [CpuModel::X86_64_V1, CpuModel::X86_64_V2, CpuModel::X86_64_V3, CpuModel::MAX]);
    assert_eq!(CpuModel::from_name("x86-64-v9"), None);
    assert!(models[1].features.contains(models[0].features));
    assert!(models[2].features.contains(models[1].features | Features::AVX2 | Features::FMA));
    assert!(models[3].features.contains(models[2].features));
    assert!(!models[1].features.intersects(Features::XSAVE | Features::AVX | Features::MOVBE));
}

#[test]
fn golden_leaves() {
    let (v1, v2, max) = (CpuModel::X86_64_V1, CpuModel::X86_64_V2, CpuModel::MAX);
    let sse = CpuModel { features: max.features - Features::AVX, ..max };
    for (model, leaf, subleaf, expected) in [
        (v1, 0, 0, [0x16, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
        (v1, 1, 0, [0x606a1, 0x0301_0800, 0x0102_0000, 0x078b_fbfd]),
        (v2, 1, 0, [0x606a1, 0x0301_0800, 0x019a_2201, 0x078b_fbfd]),
        // ECX on entry does not matter to leaf 1.
        (v2, 1, 9, [0x606a1, 0x0301_0800, 0x019a_2201, 0x078b_fbfd]),
        (v2, 2, 0, [0xff01, 0, 0, 0]),
        (v2, 3, 0, [0; 4]),
        (v2, 4, 0, [0x121, 0x01c0_003f, 63, 0]),
        (v2, 4, 3, [0x163, 0x03c0_003f, 8191, 0]),
        (v2, 4, 4, [0; 4]),
        (v2, 5, 0, [0; 4]),
        (v2, 6, 0, [4, 0, 0, 0]),
        (v2, 7, 0, [2, 0x0010_0683, 4, 0x2400_0000]),
        (v2, 7, 1, [0; 4]),
        (v2, 7, 2, [0, 0, 0, 0x10]),
        (v2, 0xb, 0, [0, 1, 0x100, 3]),
        (v2, 0xb, 1, [0, 1, 0x201, 3]),
        (v2, 0xb, 2, [0, 0, 2, 3]),
        (v2, 0xd, 0, [0; 4]),
        (sse, 0xd, 0, [3, 576, 576, 0]),
        (sse, 0xd, 1, [7, 576, 0, 0]),
        (sse, 0xd, 2, [0; 4]),
        (max, 0xd, 0, [7, 832, 832, 0]),
        (max, 0xd, 1, [7, 832, 0, 0]),
        (max, 0xd, 2, [256, 576, 0, 0]),
        (CpuModel::X86_64_V3, 0xd, 1, [1, 0, 0, 0]),
        (v2, 0x15, 0, [1, 1, 1_000_000_000, 0]),
        (v2, 0x16, 0, [1000, 1000, 100, 0]),
        // Out of range, and the range hypervisors use: as the highest basic leaf
        (v2, 0x17, 0, [1000, 1000, 100, 0]),
        (v2, 0x4000_0000, 0, [1000, 1000, 100, 0]),
        (v2, u32::MAX, 0, [1000, 1000, 100, 0]),
        (v2, 0x8000_0000, 0, [0x8000_0008, 0, 0, 0]),
        (v2, 0x8000_0001, 0, [0, 0, 0x101, 0x2c10_0800]),
        (v2, 0x8000_0005, 0, [0; 4]),
        (v2, 0x8000_0006, 0, [0, 0, 0x0400_8040, 0]),
        (v2, 0x8000_0007, 0, [0, 0, 0, 0x100]),
        (v2, 0x8000_0008, 0, [0x3028, 0, 0, 0]),
        (max, 0x8000_0008, 0, [0x3928, 0, 0, 0]),
    ] {
        let got = model.cpuid(leaf, subleaf, &STATE);
        assert_eq!(got, expected, "leaf {leaf:#x}.{subleaf}: {got:x?}");
    }
}

#[test]
fn the_brand_string_reads_as_text() {
    let bytes: Vec<u8> = (0x8000_0002..=0x8000_0004u32)
        .flat_map(|leaf| CpuModel::X86_64_V2.cpuid(leaf, 0, &STATE))
        .flat_map(u32::to_le_bytes)
        .take_while(|&byte| byte != 0)
        .collect();
    assert_eq!(String::from_utf8(bytes).as_deref(), Ok("v64 x86-64 processor"));
}

#[test]
fn state_shows_where_the_manual_says() {
    let model = CpuModel::MAX;
    let ask = |state: CpuidState, leaf| model.cpuid(leaf, 0, &state);
    assert_ne!(ask(STATE, 1)[3] & 1 << 9, 0);
    assert_eq!(ask(CpuidState { apic_enabled: false, ..STATE }, 1)[3] & 1 << 9, 0);
    assert_eq!(ask(STATE, 1)[2] & 1 << 27, 0);
    assert_ne!(ask(CpuidState { cr4_osxsave: true, ..STATE }, 1)[2] & 1 << 27, 0);
    assert_eq!(ask(CpuidState { xcr0: 3, ..STATE }, 0xd)[1..3], [576, 832]);
    let disabled = |bit| CpuidState { misc_enable: STATE.misc_enable | bit, ..STATE };
    assert_eq!(ask(STATE, 0x8000_0001)[3] ^ ask(disabled(crate::XD_BIT_DISABLE), 0x8000_0001)[3], 1 << 20);
    assert_eq!((ask(STATE, 0)[0], ask(disabled(crate::LIMIT_CPUID_MAXVAL), 0)[0]), (0x16, 2));
    // The hypervisor bit stays clear.
    assert_eq!(ask(STATE, 1)[2] >> 31, 0);
}

#[test]
fn models_of_qemu_say_what_they_have() {
    let model = |name| CpuModel::from_name(name).expect(name);
    let enabled = CpuidState { apic_id: 0, ..STATE };
    for (name, leaf, expected) in [
        ("486", 0, [1, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
        ("486", 1, [0x480, 0x0001_0800, 0, 0x9]),
        // A leaf that is beyond the last answers as the last one.
        ("486", 0x8000_0001, [0x480, 0x0001_0800, 0, 0x9]),
        ("pentium", 1, [0x543, 0x0001_0800, 0, 0x0080_03bd]),
        ("pentium3", 1, [0x683, 0x0001_0800, 0, 0x0383_fbfd]),
        ("qemu64", 1, [0x60fb1, 0x0001_0800, 0x2001, 0x078b_fbfd]),
        ("Nehalem", 1, [0x106a3, 0x0001_0800, 0x0098_2201, 0x078b_fbfd]),
    ] {
        assert_eq!(model(name).cpuid(leaf, 0, &enabled), expected, "{name} {leaf:#x}");
    }
    let brand = model("kvm64").cpuid(0x8000_0002, 0, &enabled);
    assert_eq!(brand.map(u32::to_le_bytes).concat(), b"Common KVM proce");
    for name in CpuModel::names() {
        assert!(CpuModel::MAX.features.contains(model(name).features), "{name}");
    }
    assert_eq!(CpuModel::from_name("EPYC"), None);
}

#[test]
fn features_come_and_go_by_name() {
    let nehalem = CpuModel::from_name("Nehalem").unwrap();
    for (name, expected) in [
        ("sse4.2", Some(Features::SSE4_2)),
        ("sse4_2", Some(Features::SSE4_2)),
        ("abm", Some(Features::LZCNT)),
        ("bmi1", Some(Features::BMI1)),
        ("monitor", None),
        ("svm", None),
    ] {
        assert_eq!(feature(name), expected, "{name}");
    }
    let without = nehalem.with(Features::SSE4_2, false);
    assert_eq!(without.features, nehalem.features - Features::SSE4_2);
    let without = CpuModel::MAX.with(Features::XSAVE, false);
    assert!(!without.features.intersects(Features::AVX | Features::AVX2 | Features::FMA | Features::XSAVEC));
    let with = CpuModel::from_name("pentium3").unwrap().with(Features::BMI2, true);
    assert_eq!(with.cpuid(0, 0, &STATE)[0], 7, "the leaf that shows it");
    assert_eq!(with.cpuid(7, 0, &STATE)[1], 1 << 8);
}
