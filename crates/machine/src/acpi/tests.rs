//! The tables as an operating system reads them, found from the RSDP.

use super::*;
use device_api::{FixedHardware, InterruptOverride, IoApicEntry};

/// A table's bytes.
fn read(ram: &GuestMemory, at: u64, len: u64) -> Vec<u8> {
    let mut bytes = vec![0; len as usize];
    ram.read(GuestPhysAddr(at), &mut bytes);
    bytes
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Scans for the RSDP as firmware's callers do.
fn find_rsdp(ram: &GuestMemory) -> Option<u64> {
    (0xe_0000..0x10_0000).step_by(16).find(|&at| {
        let bytes = read(ram, at, 36);
        bytes.starts_with(b"RSD PTR ") && sum(&bytes[..20]) == 0 && sum(&bytes) == 0
    })
}

/// All tables with their addresses: those the XSDT names, then the DSDT and the FACS behind the FADT.
fn tables_of(ram: &GuestMemory) -> Vec<(u64, Vec<u8>)> {
    let rsdp = find_rsdp(ram).unwrap();
    let table = |at: u64| (at, read(ram, at, u64::from(ram.read_u32(GuestPhysAddr(at + 4)))));
    let (_, xsdt) = table(ram.read_u64(GuestPhysAddr(rsdp + 24)));
    assert_eq!((&xsdt[..4], sum(&xsdt)), (&b"XSDT"[..], 0));
    let mut all: Vec<_> = (36..xsdt.len()).step_by(8).map(|at| table(number(&xsdt, at, 8))).collect();
    let fadt = all[0].1.clone();
    all.extend([(140, 8), (36, 4)].map(|(at, size)| table(number(&fadt, at, size))));
    all
}

/// Fixed hardware of a PC.
const FIXED: FixedHardware = FixedHardware {
    sci_int: 9,
    smi_cmd: 0xb2,
    acpi_enable: 2,
    acpi_disable: 3,
    pm1a_evt_blk: 0x600,
    pm1a_cnt_blk: 0x604,
    pm_tmr_blk: 0x608,
    gpe0_blk: 0x620,
    gpe0_blk_len: 4,
    reset_reg: 0xcf9,
    reset_value: 6,
    century: 0x32,
    has_8042: true,
    has_vga: false,
};

fn parts(processors: u8) -> FirmwareTables {
    let mut other = table(*b"HPET", 1, 56);
    other.update_checksum();
    FirmwareTables {
        processors: (0..processors).collect(),
        io_apics: vec![IoApicEntry { id: 0, address: 0xfec0_0000, first_interrupt: 0 }],
        overrides: vec![
            InterruptOverride { irq: 0, interrupt: 2, flags: 0 },
            InterruptOverride { irq: 9, interrupt: 9, flags: 0x0d },
        ],
        fixed: FIXED,
        tables: vec![other.as_slice().to_vec()],
        ..FirmwareTables::default()
    }
}

#[test]
fn every_table_is_found_whole_and_apart_from_the_rsdp() {
    let ram = GuestMemory::new(4 << 20).unwrap();
    assert_eq!(write_tables(&ram, &parts(2)), find_rsdp(&ram).map(GuestPhysAddr));
    let all = tables_of(&ram);
    let names: Vec<&[u8]> = all.iter().map(|(_, table)| &table[..4]).collect();
    assert_eq!(names, [b"FACP", b"APIC", b"HPET", b"DSDT", b"FACS"]);
    for (at, table) in &all {
        let name = String::from_utf8_lossy(&table[..4]);
        // The FACS has no checksum; it lies on a 64-byte boundary.
        let whole = if name == "FACS" { at % 64 == 0 && table.len() == 64 } else { sum(table) == 0 };
        assert!(whole, "{name}");
        assert!(*at >= AREA + 36 && at + table.len() as u64 <= 0x10_0000, "{name} lies outside of the area");
    }
    let mut places: Vec<_> = all.iter().map(|(at, table)| (*at, at + table.len() as u64)).collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|pair| pair[0].1 <= pair[1].0), "tables overlap: {places:x?}");
}

#[test]
fn the_fadt_names_the_fixed_hardware() {
    let fadt = fixed::fadt(&FIXED);
    // Offset, bytes, value: by the table in acpi-6.5, 5.2.9
    let fields = [
        (4, 4, 276),
        (8, 1, 6),
        (46, 2, 9),
        (48, 4, 0xb2),
        (52, 2, 0x0302),
        (56, 4, 0x600),
        (60, 4, 0),
        (64, 4, 0x604),
        (76, 4, 0x608),
        (80, 4, 0x620),
        (88, 4, 0x0400_0204),
        (92, 2, 4),
        (108, 1, 0x32),
        (109, 2, 7),
        (112, 4, 0x465),
        // The generic addresses: space, bits, offset, access size; then the address
        (116, 4, 0x0100_0801),
        (120, 8, 0xcf9),
        (128, 1, 6),
        (148, 4, 0x0300_2001),
        (152, 8, 0x600),
        (172, 4, 0x0200_1001),
        (176, 8, 0x604),
        (208, 4, 0x0300_2001),
        (212, 8, 0x608),
        (220, 4, 0x0300_2001),
        (224, 8, 0x620),
    ];
    for (at, size, value) in fields {
        assert_eq!(number(fadt.as_slice(), at, size), value, "offset {at}");
    }
}

#[test]
fn the_madt_describes_the_wiring() {
    for processors in [1, 3] {
        let madt = fixed::madt(&parts(processors));
        let bytes = madt.as_slice();
        assert_eq!((number(bytes, 36, 4), number(bytes, 40, 4)), (0xfee0_0000, 1));
        let mut expected: Vec<Vec<u8>> = (0..processors).map(|id| vec![0, 8, id, id, 1, 0, 0, 0]).collect();
        expected.extend([
            vec![1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0],
            vec![2, 10, 0, 0, 2, 0, 0, 0, 0, 0],
            vec![2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0],
            vec![4, 6, 0xff, 0, 0, 1],
        ]);
        let (mut at, mut found) = (44, Vec::new());
        while at < bytes.len() {
            let next = at + usize::from(bytes[at + 1]);
            found.push(bytes[at..next].to_vec());
            at = next;
        }
        assert_eq!(found, expected);
    }
}

#[test]
fn firmware_places_the_same_tables() {
    let files = LoaderFiles::new(&parts(1)).files;
    let [(_, tables), (_, rsdp), (_, commands)] = &files;
    let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
    let (base, root) = (0x7fe_0000_u64, 0xf_5000_u64);
    let mut memory = [("etc/acpi/tables", base, tables.clone()), ("etc/acpi/rsdp", root, rsdp.clone())];
    for command in commands.chunks(128) {
        let find = |at: usize| {
            let wanted = name(&command[at..at + 56]);
            memory.iter().position(|(name, ..)| *name == wanted).unwrap()
        };
        match number(command, 0, 4) {
            1 => assert!(number(command, 60, 4) >= 16, "alignment"),
            2 => {
                let (file, to) = (find(4), memory[find(60)].1);
                let (at, size) = (number(command, 116, 4) as usize, number(command, 120, 1) as usize);
                let value = number(&memory[file].2, at, size) + to;
                memory[file].2[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
            }
            3 => {
                let file = find(4);
                let [at, start, len] = [60, 64, 68].map(|at| number(command, at, 4) as usize);
                memory[file].2[at] = 0;
                memory[file].2[at] = sum(&memory[file].2[start..start + len]).wrapping_neg();
            }
            other => panic!("command {other}"),
        }
    }
    let ram = GuestMemory::new(128 << 20).unwrap();
    for (_, at, bytes) in &memory {
        ram.write(GuestPhysAddr(*at), bytes);
    }
    let names: Vec<_> = tables_of(&ram).into_iter().map(|(_, table)| name(&table[..4])).collect();
    assert_eq!(names, ["FACP", "APIC", "HPET", "DSDT", "FACS"]);
}
