//! Random tables: the crate's walk and the reference agree on outcome, rights and memory.

use crate::reference::{Found, reference};
use crate::tables::{KINDS, Kind, PagingMode, PagingRegisters};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use x86_paging::{Access, AccessKind, PteMemory, Translation, translate};
use x86_state::{Cr0, Cr4, Efer};
use x86_types::{GuestPhysAddr, LinearAddr};

/// Memory full of entries that depend on a seed and their address, and what has been written over them.
#[derive(Clone, Copy)]
struct Soup {
    seed: u64,
    wide: bool,
}

impl Soup {
    /// Mostly entries with which a walk goes on.
    fn entry(&self, address: u64) -> u64 {
        let mut state = self.seed ^ address.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = |below: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) % below
        };
        let mut entry = next(1 << 12) | u64::from(next(16) != 0);
        for (bit, set) in [(1, next(4) != 0), (2, next(4) != 0), (7, next(4) == 0)] {
            entry = entry & !(1 << bit) | u64::from(set) << bit;
        }
        entry |= (next(1 << 20) & [!0, !0x3ff, !0x3ffff][next(3) as usize]) << 12;
        if self.wide {
            entry |= next(16) << 32 | u64::from(next(10) == 0) << 63;
            entry |= if next(16) == 0 { 1 << (36 + next(27)) } else { 0 };
            entry |= if next(4) == 0 { next(1 << 11) << 52 } else { 0 };
            if next(8) != 0 {
                entry &= !(0x7ff << 52);
            }
        }
        entry
    }
}

struct Memory {
    soup: Soup,
    written: BTreeMap<u64, u32>,
}

impl PteMemory for Memory {
    fn read_u32(&mut self, address: GuestPhysAddr) -> u32 {
        *self.written.get(&address.0).unwrap_or(&(self.soup.entry(address.0) as u32))
    }
    fn read_u64(&mut self, address: GuestPhysAddr) -> u64 {
        assert_eq!(address.0 % 8, 0);
        let low = self.read_u32(address);
        self.soup.entry(address.0) & !0xffff_ffff | u64::from(low)
    }
    fn compare_exchange_u32(&mut self, address: GuestPhysAddr, expected: u32, new: u32) -> bool {
        let same = self.read_u32(address) == expected;
        if same {
            self.written.insert(address.0, new);
        }
        same
    }
    fn compare_exchange_u64(&mut self, address: GuestPhysAddr, expected: u64, new: u64) -> bool {
        // Flags are in the low half.
        let same = self.read_u64(address) == expected && expected >> 32 == new >> 32;
        same && self.compare_exchange_u32(address, expected as u32, new as u32)
    }
}

fn regs() -> impl Strategy<Value = PagingRegisters> {
    let kind = prop_oneof![Just(Kind::Bits32), Just(Kind::Pae), Just(Kind::Level4), Just(Kind::Level5)];
    let physical_bits = prop_oneof![Just(32u8), Just(36), Just(39), Just(40), Just(46), Just(52)];
    (kind, any::<u64>(), any::<[u64; 4]>(), physical_bits, any::<u32>()).prop_map(
        |(kind, cr3, pdpte, physical_bits, coins)| {
            let coin = |n: u32| coins >> n & 1 != 0;
            let mut regs =
                PagingRegisters { cr3, physical_bits, page1gb: coin(0), rflags_ac: coin(1), ..kind.regs() };
            regs.pdpte = pdpte.map(|entry| if coin(2) || coin(3) { entry | 1 } else { entry });
            regs.cr0.set(Cr0::WP, coin(4));
            for (n, flag) in [(5, Cr4::SMEP), (6, Cr4::SMAP), (7, Cr4::PGE), (8, Cr4::PCIDE)] {
                regs.cr4.set(flag, coin(n));
            }
            regs.cr4.set(Cr4::PSE, coin(9));
            regs.efer.set(Efer::NXE, coin(10) || coin(11));
            regs
        },
    )
}

fn access() -> impl Strategy<Value = Access> {
    (0..3usize, 0..3u8).prop_map(|(kind, class)| match class {
        0 => Access::explicit(KINDS[kind], 3),
        1 => Access::explicit(KINDS[kind], 0),
        _ => Access::implicit(KINDS[kind]),
    })
}

fn found(translation: &Translation, written: &BTreeMap<u64, u32>, soup: Soup) -> Found {
    Found {
        phys: translation.phys.0,
        bytes: translation.page_size.bytes(),
        global: translation.global,
        user: translation.user,
        dirty: translation.dirty,
        marks: written
            .iter()
            .map(|(&at, &value)| (at, u64::from(value) ^ soup.entry(at) & 0xffff_ffff))
            .collect(),
    }
}

#[test]
fn random_tables_agree_with_the_reference() {
    let config = Config { cases: 20_000, failure_persistence: None, ..Config::default() };
    let outcomes = RefCell::new(BTreeMap::<String, u32>::new());
    let strategy = (regs(), any::<u64>(), any::<u64>(), access());
    let result = TestRunner::new(config).run(&strategy, |(regs, seed, lin, access)| {
        let soup = Soup { seed, wide: regs.cr4.contains(Cr4::PAE) };
        let mut memory = Memory { soup, written: BTreeMap::new() };
        let read = |address| soup.entry(address);
        let found_by_crate = translate(&mut memory, &PagingMode::new(regs), LinearAddr(lin), access);
        let expected = reference(&regs, &read, lin, access).map(|mut expected| {
            // Only flags that were clear are written.
            for (&at, flags) in &mut expected.marks {
                *flags &= !soup.entry(at);
            }
            expected.marks.retain(|_, flags| *flags != 0);
            expected
        });
        let outcome = match &found_by_crate {
            Ok(translation) => format!("{:?}", translation.page_size),
            Err(fault) => format!("{:#x}", fault.code.bits()),
        };
        *outcomes.borrow_mut().entry(outcome).or_default() += 1;
        match found_by_crate {
            Ok(translation) => {
                prop_assert_eq!(Ok(found(&translation, &memory.written, soup)), expected);
                let allowed =
                    |kind: AccessKind| reference(&regs, &read, lin, Access { kind, ..access }).is_ok();
                prop_assert_eq!(translation.readable, allowed(AccessKind::Read));
                prop_assert_eq!(translation.writable, allowed(AccessKind::Write));
                prop_assert_eq!(translation.executable, allowed(AccessKind::Execute));
            }
            Err(fault) => {
                prop_assert_eq!(Err(fault.code.bits()), expected);
                prop_assert!(memory.written.is_empty());
            }
        }
        Ok(())
    });
    result.unwrap();
    // Twenty error codes and four sizes exist; a soup that leaves some out proves nothing about them.
    let outcomes = outcomes.into_inner();
    assert!(outcomes.len() >= 22 && outcomes.values().all(|&n| n >= 20), "{outcomes:?}");
}
