//! Where compiled code goes on by a linear address alone: behind returns and indirect jumps, to code that it found there
//! before. A hit takes the place of a look into the TLB and of one into the table of entries.

use super::super::Vcpu;
use super::COMPILED_BASE;
use x86_paging::MmuIndex;

/// Entries, a power of two.
pub const JUMP_CACHE_LEN: usize = 1 << 14;

/// One of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct JumpEntry {
    /// Linear address with `Shared::jump_key`; 0 for none
    pub key: u64,
    /// Place in the table of functions
    pub slot: u64,
}

/// Addresses are folded once so far down, so that pages do not lie on one another.
pub const JUMP_HASH_SHIFT: u32 = 12;

/// Which entry an address has.
const fn jump_index(linear: u64) -> usize {
    (linear ^ linear >> JUMP_HASH_SHIFT) as usize & (JUMP_CACHE_LEN - 1)
}

/// KeySpace entries they are: code of a mode, of an address space where the code is the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeySpace {
    mode: u32,
    pcid: Option<u16>,
}

/// What entries are good for: the TLB's age, and [`Vcpu::compiled_changed`]'s count.
type Age = (u64, u32);

pub(in super::super) struct JumpCache {
    table: Box<[JumpEntry]>,
    /// KeySpace entries are good, since when, and the generation that is in their keys
    generations: Vec<(KeySpace, Age, u64)>,
    /// The last generation given
    last: u64,
    /// Bits of the addresses that keys are made of
    bits: u32,
    /// Times that generations began anew
    clears: u64,
    /// Age of the TLB as kernels see it, for which kernels run code that their address spaces do not share
    local: Option<u64>,
}

/// Slots that are looked for one by one.
const MAX_SCANNED: usize = 64;

/// Those that are remembered. Others have to begin anew.
const MAX_GENERATIONS: usize = 64;

impl Default for JumpCache {
    fn default() -> JumpCache {
        let table = vec![JumpEntry::default(); JUMP_CACHE_LEN].into_boxed_slice();
        JumpCache { table, generations: Vec::new(), last: 0, bits: 0, clears: 0, local: None }
    }
}

impl JumpCache {
    /// Compiled address of the table.
    pub(super) fn address(&self) -> u64 {
        (self.table.as_ptr() as usize as u64).wrapping_sub(COMPILED_BASE)
    }

    /// What makes a key of an address of so many bits, for as long as nothing grows older. Others are given later, so that
    /// entries need not be wiped but when there are no more.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.3.7.1 Canonical Addressing -> the bits above those of an address repeat the highest of these: a generation below the highest bit takes nothing away, and tells an address that does not repeat it, too
    fn key(&mut self, space: KeySpace, age: Age, bits: u32) -> u64 {
        if bits != self.bits {
            self.bits = bits;
            self.clear();
        }
        let known = self.generations.iter().find(|&&(known, since, _)| (known, since) == (space, age));
        let generation = known.map(|&(.., generation)| generation);
        generation.unwrap_or_else(|| self.generation(space, age)) << bits
    }

    /// Wipes all: generations begin with the first.
    pub(super) fn clear(&mut self) {
        self.table.fill(JumpEntry::default());
        self.generations.clear();
        self.last = 0;
        self.clears += 1;
    }

    fn generation(&mut self, space: KeySpace, age: Age) -> u64 {
        let most = (1_u64 << (u64::BITS - 1 - self.bits.clamp(1, 57))) - 1;
        if self.last >= most {
            self.clear();
        }
        self.last += 1;
        self.generations.retain(|&(known, ..)| known != space);
        if self.generations.len() >= MAX_GENERATIONS {
            self.generations.clear();
        }
        self.generations.push((space, age, self.last));
        self.last
    }

    fn insert(&mut self, linear: u64, key: u64, slot: u64) {
        self.table[jump_index(linear)] = JumpEntry { key: linear ^ key, slot };
    }

    fn invalidate(&mut self, slots: &[u32]) {
        // To look for so many takes longer than to find the others again.
        if slots.len() > MAX_SCANNED {
            return self.table.fill(JumpEntry::default());
        }
        for jump in &mut self.table {
            if jump.key != 0 && slots.iter().any(|&slot| jump.slot == slot.into()) {
                *jump = JumpEntry::default();
            }
        }
    }
}

impl Vcpu {
    /// Tells compiled code by which keys it finds where to go on, after translations, compiled code or the mode
    /// changed.
    #[inline]
    pub(in super::super) fn select_jump_key(&mut self) {
        let now = (self.mem.tlb.flushes(), self.code.epoch, self.code.shared.code_key);
        // Kernels change banks all the time.
        let known = &mut self.code.jump_keys[self.mem.mmu as usize];
        if now == known.0 {
            self.code.shared.jump_key = known.1;
        } else {
            let pcid = (!self.shares_jump_entries()).then(|| self.mem.paging.pcid());
            let age = pcid.map_or_else(|| self.mem.tlb.age_of_kernel(), |pcid| self.mem.tlb.age_of(pcid));
            let space = KeySpace { mode: self.code.shared.code_key, pcid };
            // Code of 32 bits has shorter addresses, which are told apart all the same.
            let clears = self.code.jumps.clears;
            let key = self.code.jumps.key(space, (age, self.code.epoch), self.cpu.linear_bits());
            if clears != self.code.jumps.clears {
                self.code.jump_keys = Default::default();
            }
            self.code.shared.jump_key = key;
            self.code.jump_keys[self.mem.mmu as usize] = (now, key);
        }
    }

    /// Whether all address spaces share the jumps of the present mode: those of kernels that run nothing but global pages.
    fn shares_jump_entries(&self) -> bool {
        self.mem.mmu != MmuIndex::User && self.code.jumps.local != Some(self.mem.tlb.age_of_kernel())
    }

    /// What was in these slots is not to be found by jumps any more. What else is compiled keeps its jumps: code is made and
    /// dropped thousands of times while a large program runs.
    pub fn invalidate_jumps(&mut self, slots: &[u32]) {
        if !slots.is_empty() {
            self.code.jumps.invalidate(slots);
        }
    }

    /// Compiled code found what is in `slot` where it goes on, at RIP. It is to find it at once the next time.
    pub fn compiled_jump_found(&mut self, slot: u64) {
        let linear = self.linear_rip();
        let is_shared = self.mem.tlb.is_of_kernel(self.mem.mmu, linear);
        self.mem.tlb.note(self.mem.mmu, linear);
        if self.shares_jump_entries() && !is_shared {
            self.code.jumps.local = Some(self.mem.tlb.age_of_kernel());
            self.code.jump_keys = Default::default();
            self.select_jump_key();
        }
        self.code.jumps.insert(linear.0, self.code.shared.jump_key, slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: KeySpace = KeySpace { mode: 5, pcid: None };
    const USER: KeySpace = KeySpace { mode: 7, pcid: Some(1) };

    #[test]
    fn keys_are_those_of_whose_they_are_and_of_their_age() {
        let mut jumps = JumpCache::default();
        let first = jumps.key(KERNEL, (1, 1), 48);
        let other = KeySpace { pcid: Some(2), ..USER };
        let mut seen = vec![first];
        for (space, age) in [(USER, (1, 1)), (other, (1, 1)), (USER, (2, 1)), (USER, (2, 2))] {
            let key = jumps.key(space, age, 48);
            assert!(key & ((1 << 48) - 1) == 0 && !seen.contains(&key), "{key:x}");
            assert_eq!(jumps.key(space, age, 48), key);
            seen.push(key);
        }
        assert_eq!(jumps.key(KERNEL, (1, 1), 48), first);
        assert_eq!(jumps.key(other, (1, 1), 48), seen[2]);
        // What was once good is not good again.
        assert!(!seen.contains(&jumps.key(USER, (1, 1), 48)));
    }

    #[test]
    fn jumps_to_code_that_was_dropped_are_forgotten_and_no_others() {
        let mut jumps = JumpCache::default();
        let key = jumps.key(KERNEL, (1, 1), 48);
        (1..9).for_each(|n| jumps.insert(0x1230 + n, key, n));
        jumps.invalidate(&[3, 8, 99]);
        let mut left: Vec<u64> = jumps.table.iter().map(|jump| jump.slot).filter(|&slot| slot != 0).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 2, 4, 5, 6, 7]);
        assert!(jumps.table.iter().all(|jump| (jump.key == 0) == (jump.slot == 0)));
    }

    #[test]
    fn nothing_is_left_when_stamps_begin_again() {
        for bits in [48, 57] {
            let mut jumps = JumpCache::default();
            let first = jumps.key(KERNEL, (0, 1), bits);
            jumps.insert(0x1234, first, 9);
            let at = jumps.table.iter().position(|&jump| jump != JumpEntry::default()).unwrap();
            for age in 2..1 << (64 - bits) {
                let key = jumps.key(KERNEL, (0, age), bits);
                assert!(key != 0 && key >> 63 == 0, "an empty entry or a false address would be met");
                assert!(key != first || jumps.table[at] == JumpEntry::default());
            }
            assert_eq!(jumps.table[at], JumpEntry::default());
        }
    }

    #[test]
    fn keys_kept_for_a_bank_go_when_stamps_begin_again() {
        let mut vcpu = crate::vcpu::tests::processor();
        vcpu.code.shared.code_key = 1;
        vcpu.select_jump_key();
        let kernel = vcpu.code.shared.jump_key;
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::User, 3);
        vcpu.select_jump_key();
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::Kernel, 1);
        vcpu.select_jump_key();
        assert_eq!(vcpu.code.shared.jump_key, kernel);
        // The next generation is one too many: it is the first again.
        vcpu.code.jumps.last = u64::MAX;
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::User, 5);
        vcpu.select_jump_key();
        let first = vcpu.code.shared.jump_key;
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::Kernel, 1);
        vcpu.select_jump_key();
        assert_ne!(vcpu.code.shared.jump_key, first);
    }

    #[test]
    fn keys_of_longer_addresses_are_not_taken_for_others() {
        let mut jumps = JumpCache::default();
        let long = jumps.key(KERNEL, (1, 1), 57);
        jumps.insert(0x1234, long, 9);
        jumps.key(KERNEL, (1, 1), 48);
        assert!(jumps.table.iter().all(|&jump| jump == JumpEntry::default()));
    }

    #[test]
    fn address_spaces_without_end_are_not_remembered() {
        let mut jumps = JumpCache::default();
        for pcid in 0..4 * MAX_GENERATIONS as u16 {
            jumps.key(KeySpace { mode: 7, pcid: Some(pcid) }, (1, 1), 48);
            assert!(jumps.generations.len() <= MAX_GENERATIONS);
        }
    }
}
