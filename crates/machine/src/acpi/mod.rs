//! ACPI tables, built from the declarations of the devices. Without firmware they are written to memory; firmware reads
//! them through fw_cfg.

mod blob;
mod fixed;
mod loader;
pub(crate) mod mp;

use acpi_tables::sdt::Sdt;
use acpi_tables::{Aml, facs::FACS};
use blob::Blob;
use device_api::FirmwareTables;
use guest_memory::GuestMemory;
pub(crate) use loader::LoaderFiles;
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

fn bytes_of(table: &dyn Aml) -> Vec<u8> {
    let mut bytes = Vec::new();
    table.to_aml_bytes(&mut bytes);
    bytes
}

/// Returns the DSDT: devices that cannot be found by asking, as each of them describes itself.
fn dsdt(parts: &FirmwareTables) -> Sdt {
    use acpi_tables::aml::{Device, Scope};
    let inner = Raw(parts.bus.clone());
    let bridge = Device::new("PCI0".into(), vec![&inner]);
    let mut aml = parts.root.clone();
    Scope::new("_SB_".into(), vec![&bridge]).to_aml_bytes(&mut aml);
    let mut dsdt = table(*b"DSDT", 2, 36);
    dsdt.append_slice(&aml);
    dsdt
}

/// Bytes that are AML already.
struct Raw(Vec<u8>);

impl Aml for Raw {
    fn to_aml_bytes(&self, sink: &mut dyn acpi_tables::AmlSink) {
        sink.vec(&self.0);
    }
}

/// All tables but the RSDP. Returns them with the offsets of RSDT and XSDT.
///
/// SPEC: acpi-6.5 :: 5.2.7 Root System Description Table (RSDT) -> 32-bit pointers, for systems of ACPI 1.0
/// SPEC: acpi-6.5 :: 5.2.8 Extended System Description Table (XSDT) -> 64-bit pointers to the same tables; FACS and DSDT hang on the FADT
fn tables(parts: &FirmwareTables) -> (Blob, u32, u32) {
    let mut blob = Blob::default();
    let facs = blob.put(&bytes_of(&FACS::new()), 64);
    let dsdt = blob.put(dsdt(parts).as_slice(), 16);
    let fadt = blob.put(fixed::fadt(&parts.fixed).as_slice(), 16);
    for (at, to, size) in [(36, facs, 4), (40, dsdt, 4), (140, dsdt, 8)] {
        blob.point(fadt + at, to, size);
    }
    blob.sum_table(fadt);
    let mut all = vec![fadt, blob.put(fixed::madt(parts).as_slice(), 16)];
    for table in &parts.tables {
        all.push(blob.put(table, 16));
    }
    let mut root = |signature: [u8; 4], size: u8| {
        let header = 36_u32;
        let len = header + all.len() as u32 * u32::from(size);
        let at = blob.put(table(signature, 1, len).as_slice(), 16);
        for (n, &to) in all.iter().enumerate() {
            blob.point(at + header + n as u32 * u32::from(size), to, size);
        }
        blob.sum_table(at);
        at
    };
    let (rsdt, xsdt) = (root(*b"RSDT", 4), root(*b"XSDT", 8));
    (blob, rsdt, xsdt)
}

/// Returns the RSDP with pointers of 0.
///
/// SPEC: acpi-6.5 :: 5.2.5.3 Root System Description Pointer (RSDP) Structure -> signature, OEM, revision 2, RSDT, length, XSDT
fn rsdp() -> Vec<u8> {
    let mut bytes = vec![0; 36];
    bytes[..8].copy_from_slice(b"RSD PTR ");
    bytes[9..15].copy_from_slice(&OEM);
    bytes[15] = 2;
    bytes[20] = 36;
    bytes
}

/// Where pointers of the RSDP are, with their sizes, and the ranges of its two checksums with their places.
const RSDP_RSDT: (u32, u8) = (16, 4);
const RSDP_XSDT: (u32, u8) = (24, 8);
const RSDP_SUMS: [(u32, u32); 2] = [(8, 20), (32, 36)];

/// Writes all tables where operating systems look for them. Returns the address of the RSDP; `None` where the machine has
/// no ACPI, and MP tables only.
pub fn write_tables(memory: &GuestMemory, parts: &FirmwareTables) -> Option<GuestPhysAddr> {
    if !parts.has_acpi() {
        mp::write_tables(memory, parts, GuestPhysAddr(AREA));
        return None;
    }
    let (mut blob, rsdt, xsdt) = tables(parts);
    // 64 bytes for the RSDP, which is looked for from here on.
    let base = AREA + 64;
    memory.write(GuestPhysAddr(base), blob.at(base));
    let mut rsdp = Blob::of(rsdp());
    for ((at, size), to) in [(RSDP_RSDT, rsdt), (RSDP_XSDT, xsdt)] {
        rsdp.set(at, base + u64::from(to), size);
    }
    for (at, len) in RSDP_SUMS {
        rsdp.sum(at, 0, len);
    }
    memory.write(GuestPhysAddr(AREA), rsdp.at(0));
    let end = base + blob.len();
    mp::write_tables(memory, parts, GuestPhysAddr(end.next_multiple_of(16)));
    Some(GuestPhysAddr(AREA))
}

#[cfg(test)]
mod tests;
