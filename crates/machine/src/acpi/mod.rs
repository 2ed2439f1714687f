//! ACPI tables, built by the crate `acpi_tables` and written where operating systems look for them.
//!
//! The tables describe the PC as it is wired: ports and addresses here are those the chips answer at.

mod dsdt;
mod fixed;

use acpi_tables::{Aml, facs::FACS, rsdp::Rsdp, sdt::Sdt};
use guest_memory::GuestMemory;
use x86_types::GuestPhysAddr;

/// The area firmware has for its tables.
///
/// SPEC: acpi-6.5 :: 5.2.5.1 Finding the RSDP on IA-PC Systems -> on a 16-byte boundary between E0000H and FFFFFH
const AREA: u64 = 0xe_0000;
const OEM: [u8; 6] = *b"V64   ";
const OEM_TABLE: [u8; 8] = *b"V64PC   ";

fn table(signature: [u8; 4], revision: u8, len: u32) -> Sdt {
    Sdt::new(signature, len, revision, OEM, OEM_TABLE, 1)
}

/// Puts tables one behind the other.
struct Area<'a> {
    ram: &'a GuestMemory,
    next: u64,
}

impl Area<'_> {
    /// Writes a table at the next multiple of `align`. Gives its address.
    fn put(&mut self, bytes: &[u8], align: u64) -> u64 {
        let at = self.next.next_multiple_of(align);
        self.ram.write(GuestPhysAddr(at), bytes);
        self.next = at + bytes.len() as u64;
        at
    }
}

fn bytes_of(table: &dyn Aml) -> Vec<u8> {
    let mut bytes = Vec::new();
    table.to_aml_bytes(&mut bytes);
    bytes
}

/// Writes all tables for a machine of `processors`. Gives the address of the RSDP.
///
/// SPEC: acpi-6.5 :: 5.2.8 Extended System Description Table (XSDT) -> 64-bit pointers to FADT, MADT and HPET; FACS and DSDT hang on the FADT
pub fn write_tables(ram: &GuestMemory, processors: u32) -> GuestPhysAddr {
    // The RSDP comes first but names what follows: 64 bytes are kept for it.
    let mut area = Area { ram, next: AREA + 64 };
    let facs = area.put(&bytes_of(&FACS::new()), 64);
    let dsdt = area.put(dsdt::dsdt().as_slice(), 16);
    let tables = [fixed::fadt(facs, dsdt), fixed::madt(processors), fixed::hpet()];
    let mut xsdt = table(*b"XSDT", 1, 36);
    for sdt in tables {
        xsdt.append(area.put(sdt.as_slice(), 16));
    }
    let xsdt = area.put(xsdt.as_slice(), 16);
    ram.write(GuestPhysAddr(AREA), &bytes_of(&Rsdp::new(OEM, xsdt)));
    GuestPhysAddr(AREA)
}

#[cfg(test)]
mod tests;
