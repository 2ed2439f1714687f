//! Where compiled code goes on by a linear address alone: behind returns and indirect jumps, to code that it found there
//! before. A hit takes the place of a look into the TLB and of one into the table of entries.

use super::super::Vcpu;
use super::COMPILED_BASE;
use x86_paging::MmuIndex;

/// Entries, a power of two.
pub const JUMPS_LEN: usize = 1 << 14;

/// One of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Jump {
    /// Linear address with `Shared::jump_key`; 0 for none
    pub key: u64,
    /// Place in the table of functions
    pub slot: u64,
}

/// Addresses are folded once so far down, so that pages do not lie on one another.
pub const JUMP_FOLD: u32 = 12;

/// Which entry an address has.
const fn jump_index(linear: u64) -> usize {
    (linear ^ linear >> JUMP_FOLD) as usize & (JUMPS_LEN - 1)
}

/// Whose entries they are: code of a mode, of an address space where the code is the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Whose {
    mode: u32,
    pcid: Option<u16>,
}

/// What entries are good for: the TLB's age, and [`Vcpu::compiled_changed`]'s count.
type Age = (u64, u32);

pub(in super::super) struct Jumps {
    table: Box<[Jump]>,
    /// Whose entries are good, since when, and the stamp that is in their keys
    stamps: Vec<(Whose, Age, u64)>,
    /// The last stamp given
    last: u64,
    /// Bits of the addresses that keys are made of
    bits: u32,
    /// Times that stamps began anew
    rounds: u64,
    /// Age of the TLB as kernels see it, for which kernels run code that their address spaces do not share
    local: Option<u64>,
}

/// Slots that are looked for one by one.
const MAX_FORGOTTEN: usize = 64;

/// Those that are remembered. Others have to begin anew.
const MAX_STAMPS: usize = 64;

impl Default for Jumps {
    fn default() -> Jumps {
        let table = vec![Jump::default(); JUMPS_LEN].into_boxed_slice();
        Jumps { table, stamps: Vec::new(), last: 0, bits: 0, rounds: 0, local: None }
    }
}

impl Jumps {
    /// Compiled address of the table.
    pub(super) fn address(&self) -> u64 {
        (self.table.as_ptr() as usize as u64).wrapping_sub(COMPILED_BASE)
    }

    /// What makes a key of an address of so many bits, for as long as nothing grows older. Others are given later, so that
    /// entries need not be wiped but when there are no more.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.3.7.1 Canonical Addressing -> the bits above those of an address repeat the highest of these: a stamp below the highest bit takes nothing away, and tells an address that does not repeat it, too
    fn key(&mut self, whose: Whose, age: Age, bits: u32) -> u64 {
        if bits != self.bits {
            self.bits = bits;
            self.begin_anew();
        }
        let known = self.stamps.iter().find(|&&(known, since, _)| (known, since) == (whose, age));
        let stamp = known.map(|&(.., stamp)| stamp);
        stamp.unwrap_or_else(|| self.stamp(whose, age)) << bits
    }

    /// Wipes all: stamps begin with the first.
    pub(super) fn begin_anew(&mut self) {
        self.table.fill(Jump::default());
        self.stamps.clear();
        self.last = 0;
        self.rounds += 1;
    }

    fn stamp(&mut self, whose: Whose, age: Age) -> u64 {
        let most = (1_u64 << (u64::BITS - 1 - self.bits.clamp(1, 57))) - 1;
        if self.last >= most {
            self.begin_anew();
        }
        self.last += 1;
        self.stamps.retain(|&(known, ..)| known != whose);
        if self.stamps.len() >= MAX_STAMPS {
            self.stamps.clear();
        }
        self.stamps.push((whose, age, self.last));
        self.last
    }

    fn keep(&mut self, linear: u64, key: u64, slot: u64) {
        self.table[jump_index(linear)] = Jump { key: linear ^ key, slot };
    }

    fn forget(&mut self, slots: &[u32]) {
        // To look for so many takes longer than to find the others again.
        if slots.len() > MAX_FORGOTTEN {
            return self.table.fill(Jump::default());
        }
        for jump in &mut self.table {
            if jump.key != 0 && slots.iter().any(|&slot| jump.slot == slot.into()) {
                *jump = Jump::default();
            }
        }
    }
}

impl Vcpu {
    /// Tells compiled code by which keys it finds where to go on, after translations, compiled code or the mode
    /// changed.
    #[inline]
    pub(in super::super) fn choose_jumps(&mut self) {
        let now = (self.mem.tlb.flushes(), self.code.epoch, self.code.shared.code_key);
        // Kernels change banks all the time.
        let known = &mut self.code.jumps_for[self.mem.mmu as usize];
        if now == known.0 {
            self.code.shared.jump_key = known.1;
        } else {
            let pcid = (!self.shares_jumps()).then(|| self.mem.paging.pcid());
            let age = pcid.map_or_else(|| self.mem.tlb.age_of_kernel(), |pcid| self.mem.tlb.age_of(pcid));
            let whose = Whose { mode: self.code.shared.code_key, pcid };
            // Code of 32 bits has shorter addresses, which are told apart all the same.
            let rounds = self.code.jumps.rounds;
            let key = self.code.jumps.key(whose, (age, self.code.epoch), self.cpu.linear_bits());
            if rounds != self.code.jumps.rounds {
                self.code.jumps_for = Default::default();
            }
            self.code.shared.jump_key = key;
            self.code.jumps_for[self.mem.mmu as usize] = (now, key);
        }
    }

    /// Whether all address spaces share the jumps of the present mode: those of kernels that run nothing but global pages.
    fn shares_jumps(&self) -> bool {
        self.mem.mmu != MmuIndex::User && self.code.jumps.local != Some(self.mem.tlb.age_of_kernel())
    }

    /// What was in these slots is not to be found by jumps any more. What else is compiled keeps its jumps: code is made and
    /// dropped thousands of times while a large program runs.
    pub fn forget_jumps(&mut self, slots: &[u32]) {
        if !slots.is_empty() {
            self.code.jumps.forget(slots);
        }
    }

    /// Compiled code found what is in `slot` where it goes on, at RIP. It is to find it at once the next time.
    pub fn compiled_jump(&mut self, slot: u64) {
        let linear = self.linear_rip();
        let is_shared = self.mem.tlb.is_of_kernel(self.mem.mmu, linear);
        self.mem.tlb.note(self.mem.mmu, linear);
        if self.shares_jumps() && !is_shared {
            self.code.jumps.local = Some(self.mem.tlb.age_of_kernel());
            self.code.jumps_for = Default::default();
            self.choose_jumps();
        }
        self.code.jumps.keep(linear.0, self.code.shared.jump_key, slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: Whose = Whose { mode: 5, pcid: None };
    const USER: Whose = Whose { mode: 7, pcid: Some(1) };

    #[test]
    fn keys_are_those_of_whose_they_are_and_of_their_age() {
        let mut jumps = Jumps::default();
        let first = jumps.key(KERNEL, (1, 1), 48);
        let other = Whose { pcid: Some(2), ..USER };
        let mut seen = vec![first];
        for (whose, age) in [(USER, (1, 1)), (other, (1, 1)), (USER, (2, 1)), (USER, (2, 2))] {
            let key = jumps.key(whose, age, 48);
            assert!(key & ((1 << 48) - 1) == 0 && !seen.contains(&key), "{key:x}");
            assert_eq!(jumps.key(whose, age, 48), key);
            seen.push(key);
        }
        assert_eq!(jumps.key(KERNEL, (1, 1), 48), first);
        assert_eq!(jumps.key(other, (1, 1), 48), seen[2]);
        // What was once good is not good again.
        assert!(!seen.contains(&jumps.key(USER, (1, 1), 48)));
    }

    #[test]
    fn jumps_to_code_that_was_dropped_are_forgotten_and_no_others() {
        let mut jumps = Jumps::default();
        let key = jumps.key(KERNEL, (1, 1), 48);
        (1..9).for_each(|n| jumps.keep(0x1230 + n, key, n));
        jumps.forget(&[3, 8, 99]);
        let mut left: Vec<u64> = jumps.table.iter().map(|jump| jump.slot).filter(|&slot| slot != 0).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 2, 4, 5, 6, 7]);
        assert!(jumps.table.iter().all(|jump| (jump.key == 0) == (jump.slot == 0)));
    }

    #[test]
    fn nothing_is_left_when_stamps_begin_again() {
        for bits in [48, 57] {
            let mut jumps = Jumps::default();
            let first = jumps.key(KERNEL, (0, 1), bits);
            jumps.keep(0x1234, first, 9);
            let at = jumps.table.iter().position(|&jump| jump != Jump::default()).unwrap();
            for age in 2..1 << (64 - bits) {
                let key = jumps.key(KERNEL, (0, age), bits);
                assert!(key != 0 && key >> 63 == 0, "an empty entry or a false address would be met");
                assert!(key != first || jumps.table[at] == Jump::default());
            }
            assert_eq!(jumps.table[at], Jump::default());
        }
    }

    #[test]
    fn keys_kept_for_a_bank_go_when_stamps_begin_again() {
        let mut vcpu = crate::vcpu::tests::processor();
        vcpu.code.shared.code_key = 1;
        vcpu.choose_jumps();
        let kernel = vcpu.code.shared.jump_key;
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::User, 3);
        vcpu.choose_jumps();
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::Kernel, 1);
        vcpu.choose_jumps();
        assert_eq!(vcpu.code.shared.jump_key, kernel);
        // The next stamp is one too many: it is the first again.
        vcpu.code.jumps.last = u64::MAX;
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::User, 5);
        vcpu.choose_jumps();
        let first = vcpu.code.shared.jump_key;
        (vcpu.mem.mmu, vcpu.code.shared.code_key) = (MmuIndex::Kernel, 1);
        vcpu.choose_jumps();
        assert_ne!(vcpu.code.shared.jump_key, first);
    }

    #[test]
    fn keys_of_longer_addresses_are_not_taken_for_others() {
        let mut jumps = Jumps::default();
        let long = jumps.key(KERNEL, (1, 1), 57);
        jumps.keep(0x1234, long, 9);
        jumps.key(KERNEL, (1, 1), 48);
        assert!(jumps.table.iter().all(|&jump| jump == Jump::default()));
    }

    #[test]
    fn address_spaces_without_end_are_not_remembered() {
        let mut jumps = Jumps::default();
        for pcid in 0..4 * MAX_STAMPS as u16 {
            jumps.key(Whose { mode: 7, pcid: Some(pcid) }, (1, 1), 48);
            assert!(jumps.stamps.len() <= MAX_STAMPS);
        }
    }
}
