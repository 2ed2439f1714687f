//! The tables as an operating system reads them: found from the RSDP, and the DSDT's objects by name.

use super::*;

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
fn tables(ram: &GuestMemory) -> Vec<(u64, Vec<u8>)> {
    let rsdp = find_rsdp(ram).unwrap();
    let table = |at: u64| (at, read(ram, at, u64::from(ram.read_u32(GuestPhysAddr(at + 4)))));
    let (_, xsdt) = table(ram.read_u64(GuestPhysAddr(rsdp + 24)));
    assert_eq!((&xsdt[..4], sum(&xsdt)), (&b"XSDT"[..], 0));
    let mut all: Vec<_> = (36..xsdt.len()).step_by(8).map(|at| table(number(&xsdt, at, 8))).collect();
    let fadt = all[0].1.clone();
    all.extend([140, 132].map(|at| table(number(&fadt, at, 8))));
    all
}

#[test]
fn every_table_is_found_whole_and_apart_from_the_rsdp() {
    let ram = GuestMemory::new(4 << 20).unwrap();
    assert_eq!(write_tables(&ram, 2), GuestPhysAddr(find_rsdp(&ram).unwrap()));
    let all = tables(&ram);
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
    let fadt = fixed::fadt(0xe_0040, 0xe_0080);
    // Offset, bytes, value: by the table in acpi-6.5, 5.2.9
    let fields = [
        (4, 4, 276),
        (8, 1, 6),
        (36, 4, 0xe_0040),
        (40, 4, 0xe_0080),
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
        (132, 8, 0xe_0040),
        (140, 8, 0xe_0080),
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
        let madt = fixed::madt(processors);
        let bytes = madt.as_slice();
        assert_eq!((number(bytes, 36, 4), number(bytes, 40, 4)), (0xfee0_0000, 1));
        let mut expected: Vec<Vec<u8>> =
            (0..processors as u8).map(|id| vec![0, 8, id, id, 1, 0, 0, 0]).collect();
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
fn the_event_timer_is_where_it_answers() {
    let hpet = fixed::hpet();
    let words = [(36, 4), (40, 4), (44, 8), (52, 1)].map(|(at, size)| number(hpet.as_slice(), at, size));
    assert_eq!(words, [0x8086_a201, 0x0400_4000, 0xfed0_0000, 0]);
}

/// Reads AML of the kind that [`dsdt`] writes, as far as names and their values go.
struct Reader<'a> {
    aml: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.aml.split_at(len);
        self.aml = rest;
        taken
    }

    /// SPEC: acpi-6.5 :: 20.2.4 Package Length Encoding -> bits 7:6 count the bytes that follow; the length includes itself
    fn package(&mut self) -> Reader<'a> {
        let whole = self.aml.len();
        let lead = self.byte();
        let more = usize::from(lead >> 6);
        let low = usize::from(if more == 0 { lead & 0x3f } else { lead & 0xf });
        let len = low | (number(self.take(more), 0, more) as usize) << 4;
        Reader { aml: self.take(len - (whole - self.aml.len())) }
    }

    fn name(&mut self) -> String {
        String::from_utf8(self.take(4).to_vec()).unwrap()
    }

    /// A value as text.
    fn value(&mut self) -> String {
        match self.byte() {
            op @ (0 | 1) => op.to_string(),
            op @ (0x0a..=0x0c) => {
                let size = 1 << (op - 0x0a);
                format!("{:#x}", number(self.take(size), 0, size))
            }
            0x11 => {
                let mut buffer = self.package();
                buffer.value();
                resources(buffer.aml)
            }
            0x12 => {
                let mut package = self.package();
                let count = package.byte();
                let values: Vec<_> = (0..count).map(|_| package.value()).collect();
                format!("[{}]", values.join(" "))
            }
            op => panic!("a value begins with {op:#x}"),
        }
    }

    /// One line for each object.
    fn objects(&mut self, path: &str, out: &mut Vec<String>) {
        while !self.aml.is_empty() {
            match self.byte() {
                0x08 => {
                    let name = self.name();
                    let value = self.value();
                    let value = if name == "_HID" { eisa(&value) } else { value };
                    out.push(format!("{path}{name} = {value}"));
                }
                0x10 => {
                    let mut scope = self.package();
                    let name = scope.name();
                    scope.objects(&format!("{path}{name}."), out);
                }
                0x14 => {
                    let mut method = self.package();
                    out.push(format!("{path}{}() of {}", method.name(), method.byte() & 7));
                }
                0x5b => {
                    assert_eq!(self.byte(), 0x82, "a device");
                    let mut device = self.package();
                    let name = device.name();
                    device.objects(&format!("{path}{name}."), out);
                }
                op => panic!("an object begins with {op:#x}"),
            }
        }
    }
}

/// SPEC: acpi-6.5 :: 19.3.4 ASL Macros -> EISAID packs three letters of five bits and four digits, the first byte highest
fn eisa(value: &str) -> String {
    let id = u32::from_str_radix(value.trim_start_matches("0x"), 16).unwrap().swap_bytes();
    let letter = |shift: u32| char::from((id >> shift & 0x1f) as u8 + b'@');
    format!("{}{}{}{:04X}", letter(26), letter(21), letter(16), id & 0xffff)
}

/// SPEC: acpi-6.5 :: 6.4 Resource Data Types for ACPI -> small items hold their length in bits 2:0, large ones in the word that follows
fn resources(mut bytes: &[u8]) -> String {
    let mut out = Vec::new();
    loop {
        let tag = bytes[0];
        let (header, len) =
            if tag & 0x80 == 0 { (1, usize::from(tag & 7)) } else { (3, number(bytes, 1, 2) as usize) };
        let data = &bytes[header..header + len];
        let word = |at: usize| number(data, at, 2);
        out.push(match tag {
            0x22 => format!("irq {}", word(0).trailing_zeros()),
            0x2a => format!("dma {}", data[0].trailing_zeros()),
            0x47 => format!("io {:x}+{:x}", word(1), data[6]),
            0x79 => return out.join(", "),
            0x86 => format!("mem {:x}+{:x}", number(data, 1, 4), number(data, 5, 4)),
            0x87 => format!("window {} {:x}-{:x}", data[0], number(data, 7, 4), number(data, 11, 4)),
            0x88 => format!("window {} {:x}-{:x}", data[0], word(5), word(7)),
            _ => panic!("resource {tag:#x}"),
        });
        bytes = &bytes[header + len..];
    }
}

#[test]
fn the_dsdt_names_every_device() {
    let dsdt = dsdt::dsdt();
    let mut found = Vec::new();
    Reader { aml: &dsdt.as_slice()[36..] }.objects("", &mut found);
    // Windows: 2 is bus numbers, 1 ports, 0 memory.
    let expected = "\
_S5_ = [0x7 0x7 0 0]
PICM = 0
_PIC() of 1
_SB_.PCI0._HID = PNP0A03
_SB_.PCI0._UID = 0
_SB_.PCI0._CRS = window 2 0-ff, io cf8+8, window 1 0-cf7, window 1 d00-ffff, window 0 c0000000-febfffff
_SB_.PCI0._PRT() of 0
_SB_.PCI0.HPET._HID = PNP0103
_SB_.PCI0.HPET._CRS = mem fed00000+400
_SB_.PCI0.PIC_._HID = PNP0000
_SB_.PCI0.PIC_._CRS = io 20+2, io a0+2, io 4d0+2, irq 2
_SB_.PCI0.DMAC._HID = PNP0200
_SB_.PCI0.DMAC._CRS = io 0+10, io 81+f, io c0+20, dma 4
_SB_.PCI0.TIMR._HID = PNP0100
_SB_.PCI0.TIMR._CRS = io 40+4, irq 0
_SB_.PCI0.RTC_._HID = PNP0B00
_SB_.PCI0.RTC_._CRS = io 70+2, irq 8
_SB_.PCI0.SPKR._HID = PNP0800
_SB_.PCI0.SPKR._CRS = io 61+1
_SB_.PCI0.KBD_._HID = PNP0303
_SB_.PCI0.KBD_._CRS = io 60+1, io 64+1, irq 1
_SB_.PCI0.COM1._HID = PNP0501
_SB_.PCI0.COM1._UID = 1
_SB_.PCI0.COM1._CRS = io 3f8+8, irq 4
_SB_.PCI0.COM2._HID = PNP0501
_SB_.PCI0.COM2._UID = 0x2
_SB_.PCI0.COM2._CRS = io 2f8+8, irq 3
_SB_.PCI0.COM3._HID = PNP0501
_SB_.PCI0.COM3._UID = 0x3
_SB_.PCI0.COM3._CRS = io 3e8+8, irq 4
_SB_.PCI0.COM4._HID = PNP0501
_SB_.PCI0.COM4._UID = 0x4
_SB_.PCI0.COM4._CRS = io 2e8+8, irq 3
_SB_.PCI0.MBRD._HID = PNP0C02
_SB_.PCI0.MBRD._CRS = io 92+1, io b2+2, io 600+c, io 620+4";
    assert_eq!(found, expected.lines().collect::<Vec<_>>());
}

#[test]
fn pci_pins_rotate_over_four_interrupts() {
    let dsdt = dsdt::dsdt();
    let bytes = dsdt.as_slice();
    let at = bytes.windows(4).position(|name| name == b"_PRT").unwrap();
    // Name, flags, If; its package holds the name of the model, Return and the table.
    assert_eq!(bytes[at + 5], 0xa0);
    let mut branch = Reader { aml: &bytes[at + 6..] }.package();
    assert_eq!(branch.take(6), b"\\PICM\xa4");
    let table = branch.value();
    let entries: Vec<_> = table.trim_matches(['[', ']']).split("] [").collect();
    assert_eq!(entries.len(), 31 * 4);
    let expected = ["0x1ffff 0 0 0x11", "0x1ffff 1 0 0x12", "0x1ffff 0x2 0 0x13", "0x1ffff 0x3 0 0x10"];
    assert_eq!(entries[..4], expected);
    assert_eq!(entries[4], "0x2ffff 0 0 0x12");
    assert_eq!(entries[123], "0x1fffff 0x3 0 0x12");
    // Without the I/O APIC: Return of an empty package.
    let behind = bytes.windows(4).position(|code| code == [0xa4, 0x12, 2, 0]);
    assert!(behind.is_some_and(|behind| behind > at));
}
