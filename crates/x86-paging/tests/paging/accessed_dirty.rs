//! Accessed and dirty flags.

use crate::tables::*;
use x86_paging::AccessKind::{Execute, Read, Write};
use x86_paging::translate;
use x86_types::{GuestPhysAddr, LinearAddr};

#[test]
fn accessed_at_every_level_dirty_on_the_leaf_of_a_write() {
    for fresh in every_shape() {
        for (kind, leaf_flags) in [(Read, A), (Execute, A), (Write, A | D)] {
            let mut m = fresh.clone();
            let found = m.access(user(kind)).unwrap();
            assert_eq!(found.dirty, kind == Write);
            for step in 0..m.path.len() {
                let flags = if step == m.leaf() { leaf_flags } else { A };
                assert_eq!(m.entry(step), fresh.entry(step) | flags, "{:?} {:?} {step}", m.kind, m.size);
            }
            // Nothing else changed: taking the flags off again gives the tables back.
            for step in 0..m.path.len() {
                m.change(step, 0, A | D);
            }
            assert_eq!(m.ram, fresh.ram);
        }
    }
}

#[test]
fn a_dirty_page_is_found_dirty_by_a_read() {
    for mut m in every_shape() {
        m.change(m.leaf(), D, 0);
        assert!(m.access(kernel(Read)).unwrap().dirty);
    }
}

#[test]
fn flags_that_are_set_are_not_written_again() {
    struct ReadOnly(Ram);
    impl x86_paging::PteMemory for ReadOnly {
        fn read_u32(&mut self, address: x86_types::GuestPhysAddr) -> u32 {
            self.0.read_u32(address)
        }
        fn read_u64(&mut self, address: x86_types::GuestPhysAddr) -> u64 {
            self.0.read_u64(address)
        }
        fn compare_exchange_u32(&mut self, address: x86_types::GuestPhysAddr, _: u32, new: u32) -> bool {
            panic!("{address:?} = {new:#x}");
        }
        fn compare_exchange_u64(&mut self, address: x86_types::GuestPhysAddr, _: u64, new: u64) -> bool {
            panic!("{address:?} = {new:#x}");
        }
    }
    for mut m in every_shape() {
        m.access(user(Write)).unwrap();
        let mode = PagingMode::new(m.regs);
        assert!(translate(&mut ReadOnly(m.ram), &mode, m.lin, user(Write)).is_ok());
    }
}

#[test]
fn refused_accesses_leave_the_tables_alone() {
    for mut m in every_shape() {
        m.change(m.leaf(), 0, RW);
        let before = m.ram.clone();
        assert_eq!(m.code(user(Write)), Some(7));
        assert_eq!(m.ram, before);
    }
}

#[test]
fn a_table_that_maps_itself_gets_both_flags() {
    // The PML4's last entry names the PML4: the highest linear page is the PML4 itself, by one entry used four times.
    let mut ram = Ram(vec![0; 0x2000]);
    ram.set_qword(0x1ff8, 0x1000 | P | RW | US);
    let mode = PagingMode::new(PagingRegisters { cr3: 0x1000, ..Kind::Level4.regs() });
    let found = translate(&mut ram, &mode, LinearAddr(0xffff_ffff_ffff_f008), kernel(Write)).unwrap();
    assert_eq!(found.phys.0, 0x1008);
    assert_eq!(ram.qword(0x1ff8), 0x1000 | P | RW | US | A | D);
}

/// Another processor changes an entry, once, just before its flags are set.
struct Raced<'a> {
    ram: &'a mut Ram,
    /// The entry's address, and what it becomes
    change: Option<(u64, u64)>,
    races: u32,
}

impl Raced<'_> {
    fn race(&mut self, address: GuestPhysAddr) {
        if let Some((at, entry)) = self.change.take_if(|&mut (at, _)| at == address.0) {
            self.races += 1;
            self.ram.set_qword(at, entry);
        }
    }
}

impl x86_paging::PteMemory for Raced<'_> {
    fn read_u32(&mut self, address: GuestPhysAddr) -> u32 {
        self.ram.read_u32(address)
    }
    fn read_u64(&mut self, address: GuestPhysAddr) -> u64 {
        self.ram.read_u64(address)
    }
    fn compare_exchange_u32(&mut self, address: GuestPhysAddr, expected: u32, new: u32) -> bool {
        self.race(address);
        self.ram.compare_exchange_u32(address, expected, new)
    }
    fn compare_exchange_u64(&mut self, address: GuestPhysAddr, expected: u64, new: u64) -> bool {
        self.race(address);
        self.ram.compare_exchange_u64(address, expected, new)
    }
}

/// SPEC: intel-sdm-vol3 :: 5.8 Accessed and Dirty Flags -> flags are set in the entry that was used: one that changed meanwhile is walked anew
#[test]
fn an_entry_that_changes_before_its_flags_are_set_is_walked_anew() {
    for fresh in every_shape() {
        let mode = PagingMode::new(fresh.regs);
        for step in 0..fresh.path.len() {
            let at = fresh.path[step].1;
            // It becomes read-only: the write faults, and neither flag is set.
            let mut m = fresh.clone();
            let entry = m.ram.qword(at) & !RW;
            let mut raced = Raced { ram: &mut m.ram, change: Some((at, entry)), races: 0 };
            assert!(translate(&mut raced, &mode, m.lin, user(Write)).is_err(), "{:?} {step}", m.kind);
            assert_eq!((raced.races, m.ram.qword(at)), (1, entry));
            // Another processor set the accessed flag: the walk goes through, and nothing of that is lost.
            let mut m = fresh.clone();
            let entry = m.ram.qword(at) | A;
            let mut raced = Raced { ram: &mut m.ram, change: Some((at, entry)), races: 0 };
            assert!(translate(&mut raced, &mode, m.lin, user(Write)).unwrap().dirty);
            assert_eq!(raced.races, 1);
            let flags = if step == m.leaf() { A | D } else { A };
            assert_eq!(m.entry(step), fresh.entry(step) | flags);
        }
    }
}
