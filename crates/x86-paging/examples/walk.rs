//! Walks page tables given in memory and prints each level: `cargo run -p x86-paging --example walk [ADDRESS]`.
//!
//! The tables are those of 4-level paging. They map 400000h by a page of 4 KiB, 40000000h by one of 1 GiB, and nothing else.

use std::error::Error;
use x86_paging::{Access, AccessKind, PagingMode, PagingRegisters, PteMemory, translate};
use x86_state::{Cr0, Cr4, Efer};
use x86_types::{GuestPhysAddr, LinearAddr};

const PML4: u64 = 0x1000;

/// Memory that prints what the walk reads and writes.
struct Printing {
    bytes: Vec<u8>,
}

impl Printing {
    fn put(&mut self, table: u64, index: u64, entry: u64) {
        self.compare_exchange_u64(GuestPhysAddr(table + 8 * index), 0, entry);
    }
}

impl PteMemory for Printing {
    fn read_u32(&mut self, address: GuestPhysAddr) -> u32 {
        let bytes = usize::try_from(address.0).ok().and_then(|at| self.bytes.get(at..)?.first_chunk());
        bytes.map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes))
    }

    fn read_u64(&mut self, address: GuestPhysAddr) -> u64 {
        let bytes = usize::try_from(address.0).ok().and_then(|at| self.bytes.get(at..)?.first_chunk());
        let entry = bytes.map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
        let level = match address.0 & !0xfff {
            PML4 => "PML4E",
            0x2000 => "PDPTE",
            0x3000 => "PDE",
            _ => "PTE",
        };
        println!("  {level:5} at {address}: {entry:#018x}");
        entry
    }

    fn compare_exchange_u32(&mut self, _: GuestPhysAddr, _: u32, _: u32) -> bool {
        unreachable!("entries of 4-level paging have 64 bits")
    }

    fn compare_exchange_u64(&mut self, address: GuestPhysAddr, expected: u64, new: u64) -> bool {
        let Some(bytes) = self.bytes.get_mut(address.0 as usize..).and_then(|bytes| bytes.first_chunk_mut())
        else {
            return false;
        };
        let same = u64::from_le_bytes(*bytes) == expected;
        if same {
            *bytes = new.to_le_bytes();
        }
        same
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut memory = Printing { bytes: vec![0; 0x10000] };
    // Present, writable, and for user-mode accesses
    let flags = 7;
    memory.put(PML4, 0, 0x2000 | flags);
    memory.put(0x2000, 0, 0x3000 | flags);
    memory.put(0x2000, 1, 0x8000_0000 | 1 << 7 | flags);
    memory.put(0x3000, 2, 0x4000 | flags);
    // Execute disable, read only
    memory.put(0x4000, 0, 0x7000 | 1 << 63 | 5);

    let mode = PagingMode::new(PagingRegisters {
        cr0: Cr0::PE | Cr0::PG | Cr0::WP,
        cr3: PML4,
        cr4: Cr4::PAE,
        efer: Efer::LME | Efer::LMA | Efer::NXE,
        ..PagingRegisters::default()
    });
    let given = std::env::args().nth(1);
    let addresses = match &given {
        Some(text) => vec![u64::from_str_radix(text.trim_start_matches("0x"), 16)?],
        None => vec![0x40_0123, 0x4012_3456, 0x80_0000],
    };
    for address in addresses {
        for kind in [AccessKind::Read, AccessKind::Write] {
            println!("{kind:?} of {address:#x} in user mode");
            match translate(&mut memory, &mode, LinearAddr(address), Access::explicit(kind, 3)) {
                Ok(found) => println!(
                    "  is at {} in a page of {} KiB; writable {}, executable {}",
                    found.phys,
                    found.page_size.bytes() >> 10,
                    found.writable,
                    found.executable
                ),
                Err(fault) => println!("  {fault}"),
            }
        }
    }
    Ok(())
}
