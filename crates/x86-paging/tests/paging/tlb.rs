//! The TLB.

use crate::tables::*;
use x86_paging::AccessKind::{Execute, Read, Write};
use x86_paging::{BANKS, MmuIndex, PagePerms, PageSize, TLB_ENTRIES, Tlb, TlbEntry, TlbFill, TlbMemory};
use x86_types::{GuestPhysAddr, LinearAddr, RamAddr};

const RWX: PagePerms = PagePerms { read: true, write: true, exec: true };
const ADDEND: u64 = 0x7f00_0000_0000;
const LIN: LinearAddr = LinearAddr(0xffff_8880_0012_3000);
const PHYS: GuestPhysAddr = GuestPhysAddr(0x45_6000);
/// Other than the physical address: firmware that is mapped there.
const RAM: RamAddr = RamAddr(0x1_0000_6000);
const WATCHED: TlbMemory = TlbMemory { watched: true, ..TlbMemory::ram(ADDEND, RAM) };
const K: MmuIndex = MmuIndex::Kernel;

fn fill(lin: LinearAddr) -> TlbFill {
    TlbFill {
        lin,
        phys: PHYS,
        page_size: PageSize::Size4K,
        global: false,
        pcid: 0,
        perms: RWX,
        memory: Some(TlbMemory::ram(ADDEND, RAM)),
    }
}

/// Which of read, write and fetch hit fast.
fn fast(tlb: &Tlb, index: MmuIndex, lin: LinearAddr) -> [bool; 3] {
    [
        tlb.lookup_read(index, lin, 1).is_some(),
        tlb.lookup_write(index, lin, 1).is_some(),
        tlb.lookup_exec(index, lin, 1).is_some(),
    ]
}

/// Which of read, write and fetch hit slowly.
fn slow(tlb: &Tlb, index: MmuIndex, lin: LinearAddr) -> [bool; 3] {
    KINDS.map(|kind| tlb.lookup_slow(index, lin, kind).is_some())
}

const ALL: [bool; 3] = [true; 3];
const NONE: [bool; 3] = [false; 3];

#[test]
fn an_empty_tlb_misses_everywhere() {
    let tlb = Tlb::new();
    for index in MmuIndex::ALL {
        for lin in [0, 0xfff, !0, !0xfff, LIN.0] {
            assert_eq!(fast(&tlb, index, LinearAddr(lin)), NONE);
            assert_eq!(slow(&tlb, index, LinearAddr(lin)), NONE);
        }
    }
}

#[test]
fn a_page_hits_in_its_bank_alone() {
    for index in MmuIndex::ALL {
        let mut tlb = Tlb::new();
        tlb.insert(index, &fill(LIN.wrapping_add(0x123)));
        for other in MmuIndex::ALL {
            let expected = if other == index { ALL } else { NONE };
            assert_eq!(fast(&tlb, other, LIN.wrapping_add(0x555)), expected);
            assert_eq!(slow(&tlb, other, LIN.wrapping_add(0x555)), expected);
        }
        assert_eq!(tlb.lookup_read(index, LIN, 8), Some(ADDEND));
        assert_eq!(tlb.lookup_write(index, LIN, 8), Some(ADDEND));
        let byte = LIN.wrapping_add(0xabc);
        let phys = PHYS.wrapping_add(0xabc);
        assert_eq!(tlb.lookup_exec(index, byte, 1), Some((ADDEND, RAM.wrapping_add(0xabc))));
        assert_eq!(tlb.lookup_slow(index, byte, Read), Some(phys));
        assert_eq!(fast(&tlb, index, LIN.wrapping_add(4096)), NONE);
        assert_eq!(fast(&tlb, index, LIN.wrapping_add(4096 * TLB_ENTRIES as u64)), NONE, "same slot");
    }
}

#[test]
fn accesses_that_cross_a_page_miss_even_with_both_pages_present() {
    // The last pair wraps around the end of the address space, the one before it a bank.
    for page in [LIN.0, 0x3ff000, !0xfff] {
        let mut tlb = Tlb::new();
        tlb.insert(K, &fill(LinearAddr(page)));
        tlb.insert(K, &fill(LinearAddr(page.wrapping_add(4096))));
        for size in [1, 2, 4, 8, 16, 32, 4096] {
            for offset in [0, 1, 4096 - size, 4095, (4097 - size) % 4096] {
                let lin = LinearAddr(page | offset);
                let hit = offset + size <= 4096;
                let found = [
                    tlb.lookup_read(K, lin, size).is_some(),
                    tlb.lookup_write(K, lin, size).is_some(),
                    tlb.lookup_exec(K, lin, size).is_some(),
                ];
                assert_eq!(found, [hit; 3], "{lin:?} {size}");
            }
        }
    }
}

#[test]
fn rights_choose_the_tags() {
    for n in 0..8 {
        let perms = PagePerms { read: n & 1 != 0, write: n & 2 != 0, exec: n & 4 != 0 };
        let expected = [perms.read, perms.write, perms.exec];
        let mut tlb = Tlb::new();
        tlb.insert(K, &TlbFill { perms, ..fill(LIN) });
        assert_eq!(fast(&tlb, K, LIN), expected);
        assert_eq!(slow(&tlb, K, LIN), expected);
        // MMIO never hits fast.
        tlb.insert(K, &TlbFill { perms, memory: None, ..fill(LIN) });
        assert_eq!(fast(&tlb, K, LIN), NONE);
        assert_eq!(slow(&tlb, K, LIN), expected);
    }
}

#[test]
fn a_translation_that_is_not_dirty_takes_no_writes() {
    let mut m = Mapping::new(Kind::Level4, PageSize::Size2M);
    let mut tlb = Tlb::new();
    for (kind, expected) in [(Read, [true, false, true]), (Write, ALL), (Execute, ALL)] {
        let found = m.access(user(kind)).unwrap();
        let memory = Some(TlbMemory::ram(ADDEND, RAM));
        tlb.insert(MmuIndex::User, &TlbFill { memory, ..TlbFill::new(m.lin, &found, 0) });
        assert_eq!(fast(&tlb, MmuIndex::User, m.lin), expected);
        assert_eq!(slow(&tlb, MmuIndex::User, m.lin), expected);
        assert_eq!(tlb.lookup_slow(MmuIndex::User, m.lin, kind), Some(GuestPhysAddr(m.phys)));
    }
}

#[test]
fn flushes_drop_what_they_name() {
    let page = |n: u64| LIN.wrapping_add(n << 12);
    let full = || {
        let mut tlb = Tlb::new();
        for index in MmuIndex::ALL {
            tlb.insert(index, &fill(page(0)));
            tlb.insert(index, &TlbFill { pcid: 5, ..fill(page(1)) });
            tlb.insert(index, &TlbFill { global: true, ..fill(page(2)) });
            tlb.insert(index, &TlbFill { global: true, pcid: 5, memory: None, ..fill(page(3)) });
        }
        assert_eq!(tlb.filled(), 4 * BANKS);
        tlb
    };
    type Flush = fn(&mut Tlb);
    let cases: [(&str, Flush, [bool; 4]); 6] = [
        ("all", Tlb::flush_all, [false; 4]),
        ("non-global", Tlb::flush_non_global, [false, false, true, true]),
        ("PCID 5", |tlb| tlb.flush_pcid(5), [true, false, true, true]),
        ("page 0", |tlb| tlb.flush_page(LIN.wrapping_add(0xfff)), [false, true, true, true]),
        ("page 3, global", |tlb| tlb.flush_page(LIN.wrapping_add(0x3000)), [true, true, true, false]),
        ("a page that is not there", |tlb| tlb.flush_page(LinearAddr(LIN.0 ^ 1 << 40)), [true; 4]),
    ];
    for (name, flush, left) in cases {
        let mut tlb = full();
        flush(&mut tlb);
        for index in MmuIndex::ALL {
            for (n, left) in (0..).zip(left) {
                assert_eq!(slow(&tlb, index, page(n)), [left; 3], "{name}: {index:?} {n}");
                assert_eq!(fast(&tlb, index, page(n)), [left && n != 3; 3], "{name}: {index:?} {n}");
            }
        }
        assert_eq!(tlb.filled(), BANKS * left.into_iter().filter(|&left| left).count(), "{name}");
        // Emptied slots take new pages.
        tlb.insert(K, &fill(page(0)));
        assert_eq!(fast(&tlb, K, page(0)), ALL);
    }
}

#[test]
fn a_slot_forgets_its_former_page() {
    let other = LIN.wrapping_add(4096 * TLB_ENTRIES as u64);
    let mut tlb = Tlb::new();
    tlb.insert(K, &TlbFill { global: true, page_size: PageSize::Size2M, ..fill(LIN) });
    tlb.insert(K, &fill(other));
    assert_eq!((fast(&tlb, K, LIN), fast(&tlb, K, other)), (NONE, ALL));
    assert_eq!(tlb.filled(), 1);
    tlb.flush_page(LIN);
    assert_eq!(fast(&tlb, K, other), ALL);
    tlb.flush_non_global();
    assert_eq!(fast(&tlb, K, other), NONE);
}

#[test]
fn invlpg_drops_every_piece_of_a_large_page() {
    for size in [PageSize::Size2M, PageSize::Size4M, PageSize::Size1G] {
        let base = LinearAddr(0xffff_8880_4000_0000);
        let last = base.wrapping_add(size.bytes() - 4096);
        let (before, after) = (base.wrapping_add(4096u64.wrapping_neg()), base.wrapping_add(size.bytes()));
        let mut tlb = Tlb::new();
        for (lin, index, global) in [(base, K, false), (last, K, true), (last, MmuIndex::User, false)] {
            tlb.insert(index, &TlbFill { page_size: size, global, ..fill(lin) });
        }
        // Pieces of the neighbours, one of them as large.
        tlb.insert(MmuIndex::KernelAc, &TlbFill { page_size: size, ..fill(before) });
        tlb.insert(MmuIndex::KernelAc, &fill(after));
        tlb.flush_page(base.wrapping_add(size.bytes() / 2));
        assert_eq!(tlb.filled(), 2, "{size:?}");
        assert_eq!(fast(&tlb, MmuIndex::KernelAc, before), ALL);
        assert_eq!(fast(&tlb, MmuIndex::KernelAc, after), ALL);
    }
}

#[test]
fn code_pages_lose_and_regain_fast_writes() {
    let alias = LinearAddr(0x7000_1000);
    let elsewhere = LinearAddr(0x7000_2000);
    let mut tlb = Tlb::new();
    tlb.insert(K, &TlbFill { global: true, ..fill(LIN) });
    tlb.insert(MmuIndex::User, &fill(alias));
    let other = TlbMemory::ram(ADDEND, RAM.wrapping_add(4096));
    tlb.insert(MmuIndex::User, &TlbFill { memory: Some(other), ..fill(elsewhere) });
    tlb.revoke_write(RAM.wrapping_add(0x10));
    let code = [true, false, true];
    assert_eq!(fast(&tlb, K, LIN), code);
    assert_eq!(fast(&tlb, MmuIndex::User, alias), code);
    assert_eq!(fast(&tlb, MmuIndex::User, elsewhere), ALL);
    // A write still finds its page without a walk.
    assert_eq!(tlb.lookup_slow(K, LIN.wrapping_add(4), Write), Some(PHYS.wrapping_add(4)));
    tlb.restore_write(K, LIN.wrapping_add(4));
    assert_eq!((fast(&tlb, K, LIN), fast(&tlb, MmuIndex::User, alias)), (ALL, code));
    // And again, in entries that survive a flush.
    tlb.flush_non_global();
    tlb.revoke_write(RAM);
    assert_eq!(fast(&tlb, K, LIN), code);
}

#[test]
fn what_was_never_writable_is_not_restored() {
    let read_only = PagePerms { write: false, ..RWX };
    let mut tlb = Tlb::new();
    tlb.insert(K, &TlbFill { perms: read_only, ..fill(LIN) });
    tlb.restore_write(K, LIN);
    assert_eq!(fast(&tlb, K, LIN), [true, false, true]);
    tlb.insert(K, &TlbFill { memory: None, ..fill(LIN) });
    tlb.restore_write(K, LIN);
    assert_eq!(fast(&tlb, K, LIN), NONE);
    // ROM, and RAM whose fetches go elsewhere
    let rom = TlbMemory { writable: false, executable: false, ..TlbMemory::ram(ADDEND, RAM) };
    tlb.insert(K, &TlbFill { memory: Some(rom), ..fill(LIN) });
    tlb.restore_write(K, LIN);
    assert_eq!(fast(&tlb, K, LIN), [true, false, false]);
    assert_eq!(slow(&tlb, K, LIN), ALL);
    tlb.flush_all();
    tlb.restore_write(K, LIN);
    assert_eq!(fast(&tlb, K, LIN), NONE);
    // Filled while its page holds code.
    tlb.insert(K, &TlbFill { memory: Some(WATCHED), ..fill(LIN) });
    assert_eq!(fast(&tlb, K, LIN), [true, false, true]);
    assert_eq!(slow(&tlb, K, LIN), ALL);
}

#[test]
fn a_write_tag_first_given_by_restoring_is_revoked_like_any() {
    for global in [false, true] {
        let mut tlb = Tlb::new();
        tlb.insert(K, &TlbFill { global, memory: Some(WATCHED), ..fill(LIN) });
        tlb.restore_write(K, LIN);
        assert_eq!(fast(&tlb, K, LIN), ALL);
        tlb.revoke_write(RAM);
        assert_eq!(fast(&tlb, K, LIN), [true, false, true]);
    }
}

#[test]
fn entries_lie_where_compiled_code_expects_them() {
    assert_eq!(size_of::<TlbEntry>(), 32);
    assert_eq!(std::mem::offset_of!(TlbEntry, read), 0);
    assert_eq!(std::mem::offset_of!(TlbEntry, write), 8);
    assert_eq!(std::mem::offset_of!(TlbEntry, exec), 16);
    assert_eq!(std::mem::offset_of!(TlbEntry, addend), 24);
    let tlb = Tlb::new();
    for index in MmuIndex::ALL {
        let slot = LIN.page_number() as usize % TLB_ENTRIES;
        let expected = tlb.base_address() + index as usize * Tlb::BANK_BYTES + slot * 32;
        assert_eq!(std::ptr::from_ref(tlb.entry(index, LIN)).addr(), expected);
    }
}

/// What is recalled, by bank and PCID.
fn recalled(tlb: &Tlb, index: MmuIndex, lin: LinearAddr, pcid: u16) -> Option<u64> {
    tlb.recall(index, lin, Read, pcid).map(|fill| fill.phys.0)
}

#[test]
fn a_switch_keeps_what_is_known_of_other_address_spaces() {
    let mut tlb = Tlb::new();
    for pcid in [1, 2] {
        let fill = TlbFill { pcid, phys: PHYS.wrapping_add(u64::from(pcid) << 12), ..fill(LIN) };
        tlb.insert(K, &fill);
        tlb.remember(K, &fill);
        tlb.switch(pcid, true);
        assert_eq!(fast(&tlb, K, LIN), NONE);
    }
    let known = |pcid: u64| Some(PHYS.0 + (pcid << 12));
    for pcid in [1, 2] {
        assert_eq!(recalled(&tlb, K, LIN, pcid), known(pcid.into()));
    }
    for (index, pcid) in [(MmuIndex::User, 1), (K, 3)] {
        assert_eq!(recalled(&tlb, index, LIN, pcid), None);
    }
    tlb.switch(1, false);
    assert_eq!((recalled(&tlb, K, LIN, 1), recalled(&tlb, K, LIN, 2)), (None, known(2)));
    tlb.flush_non_global();
    assert_eq!(recalled(&tlb, K, LIN, 2), None);
}

#[test]
fn what_is_recalled_survives_no_flush_of_it() {
    let page = |n: u64| LIN.wrapping_add(n << 12);
    type Flush = fn(&mut Tlb);
    let cases: [(&str, Flush, [bool; 3]); 5] = [
        ("all", Tlb::flush_all, [false; 3]),
        ("non-global", Tlb::flush_non_global, [false, true, false]),
        ("PCID 0", |tlb| tlb.flush_pcid(0), [false, true, false]),
        ("a page", |tlb| tlb.flush_page(LIN.wrapping_add(0xfff)), [false, true, true]),
        ("part of a large page", |tlb| tlb.flush_page(LIN.wrapping_add(0x28_0000)), [true, true, false]),
    ];
    for (name, flush, left) in cases {
        let mut tlb = Tlb::new();
        tlb.remember(K, &fill(page(0)));
        tlb.remember(K, &TlbFill { global: true, pcid: 7, ..fill(page(1)) });
        let large = LIN.wrapping_add(0x20_0000);
        tlb.remember(
            K,
            &TlbFill { page_size: PageSize::Size2M, phys: GuestPhysAddr(0x60_0000), ..fill(large) },
        );
        flush(&mut tlb);
        let known = [
            recalled(&tlb, K, page(0), 0) == Some(PHYS.0),
            recalled(&tlb, K, page(1), 0).is_some(),
            recalled(&tlb, K, large.wrapping_add(0x5123), 0) == Some(0x72_8000),
        ];
        assert_eq!(known, left, "{name}");
    }
}

#[test]
fn what_does_not_allow_an_access_is_walked_again() {
    let mut tlb = Tlb::new();
    tlb.remember(K, &TlbFill { perms: PagePerms { write: false, ..RWX }, ..fill(LIN) });
    assert!(tlb.recall(K, LIN, Write, 0).is_none());
    assert_eq!(recalled(&tlb, K, LIN, 0), Some(PHYS.0));
    tlb.remember(K, &fill(LIN));
    assert!(tlb.recall(K, LIN, Write, 0).is_some());
}

#[test]
fn ages_change_with_what_they_are_of() {
    let mut tlb = Tlb::new();
    let (low, high, high_32) =
        (LinearAddr(0x40_0000), LinearAddr(0xffff_8000_0000_0000), LinearAddr(0xc000_0000));
    let mut ages = |what: &mut dyn FnMut(&mut Tlb)| {
        let of = |tlb: &Tlb| [tlb.age_of_kernel(), tlb.age_of(1), tlb.age_of(2)];
        let before = of(&tlb);
        what(&mut tlb);
        let after = of(&tlb);
        [0, 1, 2].map(|n| before[n] != after[n])
    };
    assert_eq!(ages(&mut |tlb| tlb.switch(1, true)), [false; 3]);
    assert_eq!(ages(&mut |tlb| tlb.switch(1, false)), [false, true, false]);
    assert_eq!(ages(&mut |tlb| tlb.flush_pcid(2)), [false, false, true]);
    assert_eq!(ages(&mut |tlb| tlb.flush_non_global()), [false, true, true]);
    assert_eq!(ages(&mut |tlb| tlb.flush_all()), [true; 3]);
    // Single pages matter where they were noted, until they went.
    for (lin, changes) in [(low, [false, true, true]), (high, [true; 3]), (high_32, [true; 3])] {
        assert_eq!(ages(&mut |tlb| tlb.flush_page(lin)), [false; 3], "{lin:x?}");
        assert_eq!(ages(&mut |tlb| tlb.note(K, lin)), [false; 3]);
        assert_eq!(ages(&mut |tlb| tlb.flush_page(LinearAddr(lin.0 ^ 1 << 40))), [false; 3], "another page");
        assert_eq!(ages(&mut |tlb| tlb.flush_page(lin)), changes, "{lin:x?}");
        assert_eq!(ages(&mut |tlb| tlb.flush_page(lin)), [false; 3], "{lin:x?}");
    }
}

#[test]
fn what_was_noted_of_a_large_page_goes_with_any_address_of_it() {
    for (page_size, far) in [(PageSize::Size2M, 0x1f_f000), (PageSize::Size1G, 0x3fff_f000)] {
        let lin = LinearAddr(0x8000_0000);
        let mut tlb = Tlb::new();
        tlb.insert(K, &TlbFill { page_size, ..fill(lin) });
        tlb.note(K, lin);
        let before = tlb.age_of(1);
        tlb.flush_page(lin.wrapping_add(far + 0x1000));
        assert_eq!((tlb.age_of(1), tlb.filled()), (before, 1), "{page_size:?}");
        tlb.flush_page(lin.wrapping_add(far));
        assert_ne!(tlb.age_of(1), before, "{page_size:?}");
        assert_eq!(tlb.filled(), 0);
    }
}

#[test]
fn pages_of_kernels_are_global_ones_in_the_upper_half() {
    let low = LinearAddr(0x40_0000);
    for lin in [LIN, low] {
        for global in [true, false] {
            let mut tlb = Tlb::new();
            assert!(!tlb.is_of_kernel(K, lin));
            tlb.insert(K, &TlbFill { global, ..fill(lin) });
            assert_eq!(tlb.is_of_kernel(K, lin), global && lin == LIN);
        }
    }
}
