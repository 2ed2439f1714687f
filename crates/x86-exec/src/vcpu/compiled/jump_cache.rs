//! The indirect-branch target cache: returns and indirect jumps in compiled code look up the target's linear address here.
//! A hit replaces a TLB lookup and a lookup in the table of entries.

use super::super::Vcpu;
use super::COMPILED_BASE;
use x86_paging::MmuIndex;

/// Number of entries, a power of two.
pub const JUMP_CACHE_LEN: usize = 1 << 14;

/// An entry of the cache: a target and its function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct JumpEntry {
    /// Linear address with `Shared::jump_key`; 0 for none
    pub key: u64,
    /// Index into the table of functions
    pub slot: u64,
}

/// Shift of the hash: the page number is mixed into the index, so that equal offsets of different pages do not collide.
pub const JUMP_HASH_SHIFT: u32 = 12;

/// Returns the index of the entry for a linear address.
const fn jump_index(linear: u64) -> usize {
    (linear ^ linear >> JUMP_HASH_SHIFT) as usize & (JUMP_CACHE_LEN - 1)
}

/// What entries are valid for: a code mode, and for user code an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeySpace {
    mode: u32,
    pcid: Option<u16>,
}

/// When entries became valid: the TLB's generation and the count of [`Vcpu::compiled_changed`].
type Age = (u64, u32);

pub(in super::super) struct JumpCache {
    table: Box<[JumpEntry]>,
    /// Each key space with the age since which its entries are valid, and the generation in their keys
    generations: Vec<(KeySpace, Age, u64)>,
    /// The last generation assigned
    last: u64,
    /// Number of linear-address bits in a key
    bits: u32,
    /// Number of times the cache was cleared and generations restarted
    clears: u64,
    /// Generation of the TLB's global entries during which supervisor code ran from non-global pages
    local: Option<u64>,
}

/// Most slots that are invalidated one by one; for more, the whole cache is cleared.
const MAX_SCANNED: usize = 64;

/// Most key spaces with a generation. When there are more, all get new generations.
const MAX_GENERATIONS: usize = 64;

impl Default for JumpCache {
    fn default() -> JumpCache {
        let table = vec![JumpEntry::default(); JUMP_CACHE_LEN].into_boxed_slice();
        JumpCache { table, generations: Vec::new(), last: 0, bits: 0, clears: 0, local: None }
    }
}

impl JumpCache {
    /// Returns the compiled address of the table.
    pub(super) fn address(&self) -> u64 {
        (self.table.as_ptr() as usize as u64).wrapping_sub(COMPILED_BASE)
    }

    /// Returns the value that is XORed with an address of `bits` bits to form its key. It is stable while `age` is. A new age
    /// gets a new generation, which invalidates older entries; the cache is cleared only when generations run out.
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

    /// Clears the cache; generations restart from the first.
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
        // A search for this many slots takes longer than filling the cache again.
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
    /// Sets the jump key of compiled code after address translations, compiled code or the mode changed.
    #[inline]
    pub(in super::super) fn select_jump_key(&mut self) {
        let now = (self.mem.tlb.flushes(), self.code.epoch, self.code.shared.code_key);
        // Kernels switch between the TLB's banks often, so each bank keeps its last key.
        let known = &mut self.code.jump_keys[self.mem.mmu as usize];
        if now == known.0 {
            self.code.shared.jump_key = known.1;
        } else {
            let pcid = (!self.shares_jump_entries()).then(|| self.mem.paging.pcid());
            let age = pcid.map_or_else(|| self.mem.tlb.age_of_kernel(), |pcid| self.mem.tlb.age_of(pcid));
            let space = KeySpace { mode: self.code.shared.code_key, pcid };
            // 32-bit code has shorter addresses; its mode distinguishes them.
            let clears = self.code.jumps.clears;
            let key = self.code.jumps.key(space, (age, self.code.epoch), self.cpu.linear_bits());
            if clears != self.code.jumps.clears {
                self.code.jump_keys = Default::default();
            }
            self.code.shared.jump_key = key;
            self.code.jump_keys[self.mem.mmu as usize] = (now, key);
        }
    }

    /// Returns whether all address spaces share entries in the current mode: supervisor code that runs from global pages only.
    fn shares_jump_entries(&self) -> bool {
        self.mem.mmu != MmuIndex::User && self.code.jumps.local != Some(self.mem.tlb.age_of_kernel())
    }

    /// Invalidates the entries of these slots. Other entries stay valid, since a large program compiles and drops code
    /// thousands of times.
    pub fn invalidate_jumps(&mut self, slots: &[u32]) {
        if !slots.is_empty() {
            self.code.jumps.invalidate(slots);
        }
    }

    /// Inserts the function in `slot` as the target of a jump to RIP. Compiled code calls this after a slow lookup.
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
    fn keys_differ_by_key_space_and_age() {
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
        // An invalidated key does not become valid again.
        assert!(!seen.contains(&jumps.key(USER, (1, 1), 48)));
    }

    #[test]
    fn only_jumps_to_dropped_code_are_invalidated() {
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
    fn the_cache_is_clear_when_generations_restart() {
        for bits in [48, 57] {
            let mut jumps = JumpCache::default();
            let first = jumps.key(KERNEL, (0, 1), bits);
            jumps.insert(0x1234, first, 9);
            let at = jumps.table.iter().position(|&jump| jump != JumpEntry::default()).unwrap();
            for age in 2..1 << (64 - bits) {
                let key = jumps.key(KERNEL, (0, age), bits);
                assert!(key != 0 && key >> 63 == 0, "an empty entry or a non-canonical address would match");
                assert!(key != first || jumps.table[at] == JumpEntry::default());
            }
            assert_eq!(jumps.table[at], JumpEntry::default());
        }
    }

    #[test]
    fn keys_of_tlb_banks_are_reset_when_generations_restart() {
        let mut vcpu = crate::vcpu::tests::processor();
        vcpu.code.shared.code_key = 1;
        vcpu.select_jump_key();
        let kernel = vcpu.code.shared.jump_key;
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::User, 3);
        vcpu.select_jump_key();
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::Kernel, 1);
        vcpu.select_jump_key();
        assert_eq!(vcpu.code.shared.jump_key, kernel);
        // The next generation does not fit: it restarts from the first.
        vcpu.code.jumps.last = u64::MAX;
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::User, 5);
        vcpu.select_jump_key();
        let first = vcpu.code.shared.jump_key;
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::Kernel, 1);
        vcpu.select_jump_key();
        assert_ne!(vcpu.code.shared.jump_key, first);
    }

    #[test]
    fn keys_of_another_address_width_do_not_match() {
        let mut jumps = JumpCache::default();
        let long = jumps.key(KERNEL, (1, 1), 57);
        jumps.insert(0x1234, long, 9);
        jumps.key(KERNEL, (1, 1), 48);
        assert!(jumps.table.iter().all(|&jump| jump == JumpEntry::default()));
    }

    #[test]
    fn the_number_of_key_spaces_is_bounded() {
        let mut jumps = JumpCache::default();
        for pcid in 0..4 * MAX_GENERATIONS as u16 {
            jumps.key(KeySpace { mode: 7, pcid: Some(pcid) }, (1, 1), 48);
            assert!(jumps.generations.len() <= MAX_GENERATIONS);
        }
    }
}
