//! The tables of the MultiProcessor Specification, for systems without ACPI.

use device_api::FirmwareTables;
use guest_memory::GuestMemory;
use x86_types::GuestPhysAddr;

/// Address of every local APIC.
const LOCAL_APIC: u32 = 0xfee0_0000;
/// ISA bus, by its number in the table
const ISA: u8 = 1;

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte)).wrapping_neg()
}

/// Writes the floating pointer and behind it the configuration table.
///
/// SPEC: intel-mp-1.4 :: 4.1 MP Floating Pointer Structure -> _MP_, the table's address, length in paragraphs, revision 1.4
pub(super) fn write_tables(memory: &GuestMemory, parts: &FirmwareTables, at: GuestPhysAddr) {
    let table = configuration(parts);
    let mut pointer = [0_u8; 16];
    pointer[..4].copy_from_slice(b"_MP_");
    pointer[4..8].copy_from_slice(&(at.0 as u32 + 16).to_le_bytes());
    (pointer[8], pointer[9]) = (1, 4);
    pointer[10] = sum(&pointer);
    memory.write(at, &pointer);
    memory.write(GuestPhysAddr(at.0 + 16), &table);
}

/// SPEC: intel-mp-1.4 :: 4.2 MP Configuration Table Header -> PCMP, length, checksum, entry count, local APIC address
/// SPEC: intel-mp-1.4 :: 4.3 Base MP Configuration Table Entries -> processors, buses, I/O APICs, interrupts, local interrupts
fn configuration(parts: &FirmwareTables) -> Vec<u8> {
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for (n, &id) in parts.processors.iter().enumerate() {
        let flags = 1 | u8::from(n == 0) << 1;
        let mut entry = vec![0, id, 0x14, flags];
        entry.extend([0x600_u32, 0x201, 0, 0].map(u32::to_le_bytes).concat());
        entries.push(entry);
    }
    entries.push([&[1, 0][..], b"PCI   "].concat());
    entries.push([&[1, ISA][..], b"ISA   "].concat());
    for apic in &parts.io_apics {
        entries.push([&[2, apic.id, 0x11, 1][..], &apic.address.to_le_bytes()].concat());
    }
    if let Some(apic) = parts.io_apics.first() {
        let moved = |irq: u8| parts.overrides.iter().find(|entry| entry.irq == irq);
        let taken = |pin: u32| parts.overrides.iter().any(|entry| entry.interrupt == pin);
        for irq in 0..16_u8 {
            let (pin, flags) = match moved(irq) {
                Some(entry) => (entry.interrupt, entry.flags),
                None if taken(u32::from(irq)) => continue,
                None => (u32::from(irq), 0),
            };
            let [low, high] = flags.to_le_bytes();
            entries.push(vec![3, 0, low, high, ISA, irq, apic.id, pin as u8]);
        }
    }
    // INTR of the 8259A pair at LINT0 of the first processor, NMI at LINT1 of all.
    entries.push(vec![4, 3, 0, 0, ISA, 0, parts.processors.first().copied().unwrap_or(0), 0]);
    entries.push(vec![4, 1, 0, 0, ISA, 0, 0xff, 1]);
    let count = entries.len() as u16;
    let body = entries.concat();
    let mut table = Vec::new();
    table.extend(b"PCMP");
    table.extend((44 + body.len() as u16).to_le_bytes());
    table.extend([4, 0]);
    table.extend(b"V64     PC          ");
    table.extend([0; 6]);
    table.extend(count.to_le_bytes());
    table.extend(LOCAL_APIC.to_le_bytes());
    table.extend([0; 4]);
    table.extend(body);
    table[7] = sum(&table);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use device_api::{InterruptOverride, IoApicEntry};

    #[test]
    fn the_table_names_processors_and_the_timer_at_input_2() {
        let parts = FirmwareTables {
            processors: vec![0, 1],
            io_apics: vec![IoApicEntry { id: 0, address: 0xfec0_0000, first_interrupt: 0 }],
            overrides: vec![InterruptOverride { irq: 0, interrupt: 2, flags: 0 }],
            ..FirmwareTables::default()
        };
        let table = configuration(&parts);
        assert_eq!(table.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte)), 0);
        assert_eq!(usize::from(u16::from_le_bytes([table[4], table[5]])), table.len());
        let (mut at, mut kinds) = (44, [0; 5]);
        let mut interrupts = Vec::new();
        while at < table.len() {
            let kind = usize::from(table[at]);
            kinds[kind] += 1;
            if kind == 3 {
                interrupts.push((table[at + 5], table[at + 7]));
            }
            at += if kind == 0 { 20 } else { 8 };
        }
        assert_eq!(kinds, [2, 2, 1, 15, 2]);
        assert_eq!(usize::from(u16::from_le_bytes([table[34], table[35]])), 22);
        assert!(interrupts.contains(&(0, 2)) && !interrupts.iter().any(|&(irq, _)| irq == 2));
    }
}
