//! Guest memory as a monitor reads it: nothing is marked as accessed, and no register of a device is read.

use guest_memory::GuestMemory;
use machine::Machine;
use std::io::{self, Read};
use x86_paging::{Access, AccessKind, PagingMode, PteMemory, translate};
use x86_state::Cpu;
use x86_types::{GuestPhysAddr, LinearAddr, PAGE_SIZE};

/// Guest-physical memory.
pub(super) trait Physical {
    /// Copies bytes.
    fn peek(&mut self, at: GuestPhysAddr, bytes: &mut [u8]);
}

impl Physical for Machine {
    fn peek(&mut self, at: GuestPhysAddr, bytes: &mut [u8]) {
        Machine::peek(self, at, bytes);
    }
}

/// Memory alone.
impl Physical for &GuestMemory {
    fn peek(&mut self, at: GuestPhysAddr, bytes: &mut [u8]) {
        self.read(at, bytes);
    }
}

/// Page tables that are only read: accessed flags are taken as set.
struct Tables<'a>(&'a mut dyn Physical);

impl Tables<'_> {
    fn array<const N: usize>(&mut self, at: GuestPhysAddr) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.peek(at, &mut bytes);
        bytes
    }
}

impl PteMemory for Tables<'_> {
    fn read_u32(&mut self, address: GuestPhysAddr) -> u32 {
        u32::from_le_bytes(self.array(address))
    }
    fn read_u64(&mut self, address: GuestPhysAddr) -> u64 {
        u64::from_le_bytes(self.array(address))
    }
    fn compare_exchange_u32(&mut self, _: GuestPhysAddr, _: u32, _: u32) -> bool {
        true
    }
    fn compare_exchange_u64(&mut self, _: GuestPhysAddr, _: u64, _: u64) -> bool {
        true
    }
}

/// Returns the physical address of a linear one, whatever privilege reading it takes; `None` where nothing is mapped.
fn physical(memory: &mut dyn Physical, cpu: &Cpu, linear: u64) -> Option<GuestPhysAddr> {
    let mode = PagingMode::of(cpu);
    let address = if cpu.mode().is_long() { linear } else { linear & 0xffff_ffff };
    if !mode.check_canonical(LinearAddr(address)) {
        return None;
    }
    // With SMAP a supervisor cannot read a user's pages.
    let mut try_as = |cpl| {
        let access = Access::explicit(AccessKind::Read, cpl);
        translate(&mut Tables(memory), &mode, LinearAddr(address), access).ok()
    };
    try_as(0).or_else(|| try_as(3)).map(|translation| translation.phys)
}

/// Memory by address.
pub(super) struct View<'a> {
    pub(super) memory: &'a mut dyn Physical,
    /// The processor that translates linear addresses; `None` for physical ones
    pub(super) cpu: Option<Box<Cpu>>,
}

impl View<'_> {
    /// Copies bytes. Returns whether all of them are mapped.
    pub(super) fn read(&mut self, at: u64, bytes: &mut [u8]) -> bool {
        let mut done = 0;
        while done < bytes.len() {
            let here = at.wrapping_add(done as u64);
            let len = usize::try_from(PAGE_SIZE - here % PAGE_SIZE).unwrap_or(1).min(bytes.len() - done);
            let physical = match &self.cpu {
                None => GuestPhysAddr(here),
                Some(cpu) => match physical(self.memory, cpu, here) {
                    Some(at) => at,
                    None => return false,
                },
            };
            self.memory.peek(physical, &mut bytes[done..done + len]);
            done += len;
        }
        true
    }
}

/// Reads memory as a file's content.
pub(super) struct Content<'a> {
    pub(super) view: View<'a>,
    pub(super) at: u64,
    pub(super) left: u64,
}

impl Read for Content<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        if !self.view.read(self.at, &mut bytes[..len]) {
            return Err(io::Error::other(format!("Invalid addr {:#018x} specified", self.at)));
        }
        self.at = self.at.wrapping_add(len as u64);
        self.left -= len as u64;
        Ok(len)
    }
}
