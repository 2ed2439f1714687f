//! Reserved bits, level by level.

use crate::tables::*;
use x86_paging::AccessKind::{Execute, Read, Write};
use x86_paging::PageSize;
use x86_state::Efer;

const fn bits(high: u32, low: u32) -> u64 {
    (u64::MAX >> (63 - high)) & (u64::MAX << low)
}

/// MAXPHYADDR 40 and NXE: the reserved bits of the entry at a level that maps a page or does not.
fn reserved(kind: Kind, level: u32, leaf: bool) -> u64 {
    match (kind, level, leaf) {
        (Kind::Bits32, 2, true) => 1 << 21,
        (Kind::Bits32, ..) => 0,
        (Kind::Pae, 2, true) => bits(62, 40) | bits(20, 13),
        (Kind::Pae, ..) => bits(62, 40),
        (_, 2, true) => bits(51, 40) | bits(20, 13),
        (_, 3, true) => bits(51, 40) | bits(29, 13),
        (_, 4 | 5, _) => bits(51, 40) | PS,
        _ => bits(51, 40),
    }
}

#[test]
fn each_reserved_bit_faults_and_no_other_bit_does() {
    for m in every_shape() {
        for step in 0..m.path.len() {
            let (level, leaf) = (m.path[step].0, step == m.leaf());
            let reserved = reserved(m.kind, level, leaf);
            // Bits that choose another table or another format are no business of this test.
            let frame = if leaf { 0 } else { bits(39, 12) };
            let format = if leaf || level > 3 { 0 } else { PS };
            for bit in 1..if m.kind == Kind::Bits32 { 32 } else { 64 } {
                let flag = 1u64 << bit;
                if flag & (frame | format) & !reserved != 0 {
                    continue;
                }
                let mut m = m.clone();
                m.change(step, flag, 0);
                let found = m.code(user(Read));
                let expected = (flag & reserved != 0).then_some(0xd);
                assert_eq!(found, expected, "{:?} {:?} level {level} bit {bit}", m.kind, m.size);
            }
        }
    }
}

#[test]
fn the_error_code_tells_access_and_reserved_bit() {
    for (access, code) in [
        (user(Read), 0xd),
        (user(Write), 0xf),
        (user(Execute), 0x1d),
        (kernel(Read), 9),
        (kernel(Write), 0xb),
        (kernel(Execute), 0x19),
    ] {
        let mut m = Mapping::new(Kind::Level4, PageSize::Size4K);
        // Reserved bits go before rights, and the topmost entry before those below.
        m.change(1, 1 << 51, RW | US);
        m.change(2, 0, P);
        let before = m.ram.clone();
        assert_eq!(m.code(access), Some(code), "{access:?}");
        assert_eq!(m.ram, before, "a fault sets no accessed flag");
    }
}

#[test]
fn xd_is_reserved_without_nxe() {
    for m in every_shape().filter(|m| m.kind != Kind::Bits32) {
        for step in 0..m.path.len() {
            let mut m = m.clone();
            m.change(step, XD, 0);
            assert_eq!(m.code(user(Read)), None);
            m.regs.efer -= Efer::NXE;
            assert_eq!(m.code(user(Read)), Some(0xd), "{:?} {step}", m.kind);
        }
    }
}

#[test]
fn physical_bits_move_the_border() {
    for (kind, top) in [(Kind::Pae, 62), (Kind::Level4, 51)] {
        for physical_bits in [36u8, 39, 46, 52] {
            for bit in 33..=top {
                let mut m = Mapping::new(kind, PageSize::Size4K);
                m.regs.physical_bits = physical_bits;
                m.change(m.leaf(), 1 << bit, 0);
                let expected = (bit >= u32::from(physical_bits)).then_some(0xd);
                assert_eq!(m.code(user(Read)), expected, "{kind:?} {physical_bits} {bit}");
                if expected.is_none() {
                    assert_eq!(m.access(user(Read)).unwrap().phys.0, m.phys | 1 << bit);
                }
            }
        }
    }
}

#[test]
fn four_mebibyte_pages_reserve_what_maxphyaddr_leaves() {
    for (physical_bits, lowest) in [(32, 13), (36, 17), (39, 20), (40, 21), (52, 21)] {
        for bit in 13..=21 {
            let mut m = Mapping::new(Kind::Bits32, PageSize::Size4M);
            m.regs.physical_bits = physical_bits;
            m.change(0, 1 << bit, 0);
            assert_eq!(m.code(kernel(Read)), (bit >= lowest).then_some(9), "{physical_bits} {bit}");
        }
    }
}

#[test]
fn a_one_gibibyte_page_needs_the_feature() {
    for kind in [Kind::Level4, Kind::Level5] {
        let mut m = Mapping::new(kind, PageSize::Size1G);
        assert_eq!(m.code(user(Read)), None);
        m.regs.page1gb = false;
        assert_eq!(m.code(user(Read)), Some(0xd));
    }
}
