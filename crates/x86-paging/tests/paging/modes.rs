//! Modes, sizes and addresses.

use crate::tables::*;
use x86_paging::AccessKind::{Execute, Read, Write};
use x86_paging::{Access, MmuIndex, PageSize, PagingKind, PdpteError, load_pdptes, translate};
use x86_state::{Cr0, Cr4, Efer};
use x86_types::{Exception, GuestPhysAddr, LinearAddr, PageFaultCode};

#[test]
fn every_shape_translates() {
    for mut m in every_shape() {
        let found = m.access(user(Read)).unwrap();
        assert_eq!(found.phys, GuestPhysAddr(m.phys), "{:?} {:?}", m.kind, m.size);
        assert_eq!(found.page_size, m.size, "{:?}", m.kind);
        assert!(found.user && found.readable && found.writable && found.executable);
        assert!(!found.global && !found.dirty);
        // The last byte of the page, and the first of the next.
        let last = LinearAddr(m.lin.0 | (m.size.bytes() - 1));
        let mode = PagingMode::new(m.regs);
        let found = translate(&mut m.ram, &mode, last, user(Read)).unwrap();
        assert_eq!(found.phys.0, m.phys | (m.size.bytes() - 1));
        let code = translate(&mut m.ram, &mode, last.wrapping_add(1), user(Read)).unwrap_err().code;
        assert_eq!(code, PageFaultCode::U);
    }
}

#[test]
fn registers_choose_the_mode() {
    let (pg, pae, la57) = (Cr0::PG, Cr4::PAE, Cr4::LA57);
    for (cr0, cr4, efer, kind) in [
        (Cr0::empty(), pae, Efer::empty(), PagingKind::None),
        (pg, Cr4::empty(), Efer::NXE, PagingKind::Bits32 { pse: false }),
        (pg, Cr4::PSE, Efer::empty(), PagingKind::Bits32 { pse: true }),
        (pg, pae, Efer::LME, PagingKind::Pae),
        (pg, pae | la57, Efer::empty(), PagingKind::Pae),
        (pg, pae, Efer::LMA, PagingKind::Level4),
        (pg, pae | la57, Efer::LMA, PagingKind::Level5),
    ] {
        let regs = PagingRegisters { cr0, cr4, efer, ..Kind::Bits32.regs() };
        assert_eq!(PagingMode::new(regs).kind(), kind);
    }
}

#[test]
fn without_paging_addresses_are_physical() {
    let mode = PagingMode::new(PagingRegisters { cr0: Cr0::PE | Cr0::WP, ..Kind::Level4.regs() });
    let mut ram = Ram(Vec::new());
    for kind in KINDS {
        let found = translate(&mut ram, &mode, LinearAddr(0xfee0_0123), user(kind)).unwrap();
        assert_eq!(found.phys, GuestPhysAddr(0xfee0_0123));
        assert!(found.readable && found.writable && found.executable && found.dirty && !found.global);
    }
}

#[test]
fn not_present_at_any_level_is_reported_as_such() {
    for m in every_shape() {
        for step in 0..m.path.len() {
            let mut m = m.clone();
            // Everything else is set: reserved bits of an entry that is not present mean nothing.
            m.set_entry(step, !P);
            for (access, code) in [
                (user(Read), 4),
                (user(Write), 6),
                (user(Execute), if m.kind == Kind::Bits32 { 4 } else { 0x14 }),
                (kernel(Read), 0),
                (kernel(Write), 2),
                (kernel(Execute), if m.kind == Kind::Bits32 { 0 } else { 0x10 }),
                (Access::implicit(Read), 0),
            ] {
                let before = m.ram.clone();
                assert_eq!(m.code(access), Some(code), "{:?} {:?} {step} {access:?}", m.kind, m.size);
                assert_eq!(m.ram, before);
            }
        }
    }
}

#[test]
fn pdpte_registers_may_be_absent_and_memory_behind_them_is_not_read() {
    let mut m = Mapping::new(Kind::Pae, PageSize::Size4K);
    m.regs.pdpte[3] = !P;
    assert_eq!(m.code(user(Write)), Some(6));
    // RW, US and XD do not exist there.
    m.regs.pdpte[3] = 0x1000 | P;
    let found = m.access(user(Write)).unwrap();
    assert!(found.user && found.executable);
}

#[test]
fn pse_36_puts_high_address_bits_below_the_frame() {
    for (physical_bits, pde_bits, high) in [(36, 0x1e000, 0xf), (40, 0x1fe000, 0xff), (40, 0x2000, 1)] {
        let mut m = Mapping::new(Kind::Bits32, PageSize::Size4M);
        m.regs.physical_bits = physical_bits;
        m.change(0, pde_bits | 1 << 12, 0); // bit 12 is PAT
        assert_eq!(m.access(user(Read)).unwrap().phys.0, m.phys | high << 32);
    }
}

#[test]
fn without_pse_a_page_size_bit_is_ignored() {
    let mut m = Mapping::new(Kind::Bits32, PageSize::Size4K);
    m.change(0, PS, 0);
    m.regs.cr4 = Cr4::empty();
    assert_eq!(m.access(user(Read)).unwrap().page_size, PageSize::Size4K);
    m.regs.cr4 = Cr4::PSE;
    assert_eq!(m.access(user(Read)).unwrap().page_size, PageSize::Size4M);
}

#[test]
fn pat_of_a_large_page_is_no_address_bit() {
    for (kind, size) in SHAPES {
        let mut m = Mapping::new(kind, size);
        let pat = if size == PageSize::Size4K { PS } else { 1 << 12 };
        m.change(m.leaf(), pat | 1 << 3 | 1 << 4, 0);
        assert_eq!(m.access(user(Read)).unwrap().phys.0, m.phys);
    }
}

#[test]
fn a_fifth_level_takes_bits_56_to_48() {
    let mut m = Mapping::new(Kind::Level5, PageSize::Size4K);
    assert!(m.access(user(Read)).is_ok());
    m.lin.0 ^= 1 << 48;
    assert_eq!(m.code(user(Read)), Some(4));
    assert_eq!(m.path[0], (5, 0x1000 + 8 * 0xff));
}

#[test]
fn only_four_and_five_level_paging_know_canonical_addresses() {
    let low48 = LinearAddr(0x0000_8000_0000_0000);
    let low57 = LinearAddr(0x0100_0000_0000_0000);
    for (kind, at48, at57) in [
        (Kind::Bits32, true, true),
        (Kind::Pae, true, true),
        (Kind::Level4, false, false),
        (Kind::Level5, true, false),
    ] {
        let mode = PagingMode::new(kind.regs());
        assert_eq!((mode.check_canonical(low48), mode.check_canonical(low57)), (at48, at57), "{kind:?}");
    }
}

#[test]
fn tables_outside_ram_read_as_ones() {
    for (kind, code) in [(Kind::Pae, 0xd), (Kind::Level4, 0xd), (Kind::Level5, 0xd)] {
        let mut m = Mapping::new(kind, PageSize::Size4K);
        m.regs.cr3 = 0x100_0000;
        m.regs.pdpte[3] = 0x100_0000 | P;
        assert_eq!(m.code(user(Read)), Some(code));
    }
}

#[test]
fn global_needs_cr4_pge() {
    for mut m in every_shape() {
        m.change(m.leaf(), G, 0);
        assert!(!m.access(user(Read)).unwrap().global);
        m.regs.cr4 |= Cr4::PGE;
        assert!(m.access(user(Read)).unwrap().global);
        m.change(m.leaf(), 0, G);
        if m.leaf() > 0 {
            m.change(0, G, 0);
        }
        assert!(!m.access(user(Read)).unwrap().global, "G means nothing in an entry that names a table");
    }
}

#[test]
fn pcid_is_what_cr3_says_when_enabled() {
    let mut regs = PagingRegisters { cr3: 0x5123, ..Kind::Level4.regs() };
    assert_eq!(PagingMode::new(regs).pcid(), 0);
    regs.cr4 |= Cr4::PCIDE;
    assert_eq!(PagingMode::new(regs).pcid(), 0x123);
}

#[test]
fn pcid_bits_are_no_part_of_the_table_address() {
    for (kind, size) in SHAPES {
        let mut m = Mapping::new(kind, size);
        if kind != Kind::Pae {
            m.regs.cr3 |= 0xfff;
        }
        assert!(m.access(user(Read)).is_ok());
    }
}

#[test]
fn banks_follow_privilege_and_ac() {
    let implicit = Access::implicit(Read);
    for (smap, ac, access, index) in [
        (false, false, kernel(Read), MmuIndex::Kernel),
        (false, true, kernel(Read), MmuIndex::Kernel),
        (true, false, kernel(Read), MmuIndex::Kernel),
        (true, true, kernel(Read), MmuIndex::KernelAc),
        (true, true, implicit, MmuIndex::Kernel),
        (true, true, user(Read), MmuIndex::User),
        (false, false, user(Read), MmuIndex::User),
    ] {
        let mut regs = Kind::Level4.regs();
        regs.cr4.set(Cr4::SMAP, smap);
        regs.rflags_ac = ac;
        assert_eq!(PagingMode::new(regs).mmu_index(access), index, "{smap} {ac} {access:?}");
    }
}

#[test]
fn pdptes_load_all_or_nothing() {
    let mut ram = Ram(vec![0; 0x2000]);
    let table = 0x1fe0;
    let values = [0x1001, !P, 0xff_ffff_f001 | 1 << 9, 0x3019];
    for (i, value) in values.into_iter().enumerate() {
        ram.set_qword(table + 8 * i as u64, value);
    }
    // CR3[4:0] are no address bits.
    assert_eq!(load_pdptes(&mut ram, table | 0x1f, 40), Ok(values));
    for bit in 1..64u32 {
        let value = P | 1 << bit;
        ram.set_qword(table + 16, value);
        let bad = matches!(bit, 1 | 2 | 5..=8 | 40..);
        let error = PdpteError { index: 2, value };
        assert_eq!(load_pdptes(&mut ram, table, 40).err(), bad.then_some(error), "{bit}");
        assert_eq!(load_pdptes(&mut ram, table, 52).is_err(), matches!(bit, 1 | 2 | 5..=8 | 52..), "{bit}");
    }
}

#[test]
fn a_fault_becomes_the_exception_with_its_address() {
    let mut m = Mapping::new(Kind::Level4, PageSize::Size4K);
    m.change(3, 0, P);
    let fault = m.access(user(Write)).unwrap_err();
    let code = PageFaultCode::W | PageFaultCode::U;
    assert_eq!(Exception::from(fault), Exception::PageFault { address: m.lin, code });
}
