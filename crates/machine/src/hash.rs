//! A hash of everything a guest could tell apart: registers, RAM, devices.

use crate::Machine;
use guest_memory::{GuestMemory, HIGH_RAM_START};
use x86_types::{GuestPhysAddr, PAGE_SIZE};

/// FNV-1a over 64-bit words: simple, and the same on every host.
struct Hash(u64);

impl Hash {
    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }
}

/// Pages of zeros, touched or not, count alike.
fn ram(hash: &mut Hash, ram: &GuestMemory) {
    let layout = ram.layout();
    let mut page = [0; PAGE_SIZE as usize];
    for (start, len) in [(0, layout.low), (HIGH_RAM_START, layout.high)] {
        for at in (start..start + len).step_by(PAGE_SIZE as usize) {
            ram.read(GuestPhysAddr(at), &mut page);
            if page.iter().any(|&byte| byte != 0) {
                hash.word(at);
                hash.bytes(&page);
            }
        }
    }
}

impl Machine {
    /// The hash of registers, RAM and devices. Equal after equal runs under an instruction clock.
    pub fn state_hash(&mut self) -> u64 {
        let mut hash = Hash(0xcbf2_9ce4_8422_2325);
        let cpu = &self.vcpu().cpu;
        for word in cpu.gpr {
            hash.word(word);
        }
        hash.word(cpu.rip);
        hash.word(cpu.rflags().bits());
        for segment in cpu.seg.iter().chain([&cpu.ldtr, &cpu.tr]) {
            hash.word(segment.base);
            let attr = u64::from(segment.attr.bits());
            hash.word(u64::from(segment.limit) | u64::from(segment.selector.0) << 32 | attr << 48);
        }
        for table in [cpu.gdtr, cpu.idtr] {
            hash.word(table.base);
            hash.word(u64::from(table.limit));
        }
        let control = [cpu.cr0.bits(), cpu.cr2, cpu.cr3, cpu.cr4.bits(), cpu.efer.bits(), cpu.xcr0.bits()];
        for word in control.into_iter().chain(cpu.dr) {
            hash.word(word);
        }
        for register in cpu.vector {
            hash.bytes(&register.lo.to_le_bytes());
            hash.bytes(&register.hi.to_le_bytes());
        }
        for register in cpu.x87.r {
            hash.word(register.significand);
            hash.word(u64::from(register.sign_exponent));
        }
        let x87 = &cpu.x87;
        hash.word(u64::from(x87.control) | u64::from(x87.status) << 16 | u64::from(x87.tags) << 32);
        hash.word(u64::from(cpu.mxcsr.bits()) | u64::from(cpu.cpl) << 32);
        let mut devices = Vec::new();
        self.save_devices(&mut devices);
        hash.bytes(&devices);
        ram(&mut hash, self.memory());
        hash.0
    }
}
