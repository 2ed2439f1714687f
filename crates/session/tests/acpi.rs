//! The devices of a PC in the DSDT.

use device_api::FirmwareTables;
use machine::Machine;
use session::RunArgs;

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn tables() -> FirmwareTables {
    pc_devices::link();
    let args = RunArgs { memory: 16 << 20, ..RunArgs::default() };
    Machine::new(args.silent_config().unwrap()).unwrap().firmware_tables()
}

/// Reads AML of the kind that devices write, as far as names and their values go.
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
        let first = self.byte();
        match first {
            op @ (0 | 1) => op.to_string(),
            0x0d => {
                let len = self.aml.iter().position(|&byte| byte == 0).unwrap();
                let text = String::from_utf8(self.take(len + 1)[..len].to_vec()).unwrap();
                format!("{text:?}")
            }
            b'A'..=b'Z' => {
                let rest = self.take(3);
                format!("{}{}", char::from(first), String::from_utf8_lossy(rest))
            }
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
                    if name == "_PRT" {
                        out.push(format!("{path}{name}"));
                        continue;
                    }
                    let value = if name == "_HID" && value.starts_with("0x") { eisa(&value) } else { value };
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
                0x5b => match self.byte() {
                    0x82 => {
                        let mut device = self.package();
                        let name = device.name();
                        device.objects(&format!("{path}{name}."), out);
                    }
                    0x80 => {
                        let (name, space) = (self.name(), self.byte());
                        let (start, len) = (self.value(), self.value());
                        out.push(format!("{path}{name} in space {space} from {start} of {len}"));
                    }
                    0x81 => {
                        let mut field = self.package();
                        let (region, _access) = (field.name(), field.byte());
                        while !field.aml.is_empty() {
                            let (name, bits) = (field.name(), field.byte());
                            out.push(format!("{path}{name} of {region}, {bits} bits"));
                        }
                    }
                    op => panic!("an extended object begins with {op:#x}"),
                },
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
            0x89 => {
                let choices: Vec<_> = (0..data[1]).map(|n| number(data, 2 + 4 * usize::from(n), 4)).collect();
                format!("shared irq {choices:?}")
            }
            0x8a => format!("window {} {:x}-{:x}", data[0], number(data, 11, 8), number(data, 19, 8)),
            0x88 => format!("window {} {:x}-{:x}", data[0], word(5), word(7)),
            _ => panic!("resource {tag:#x}"),
        });
        bytes = &bytes[header + len..];
    }
}

#[test]
fn the_dsdt_names_every_device() {
    let tables = tables();
    let mut found = Vec::new();
    Reader { aml: &tables.root }.objects("", &mut found);
    Reader { aml: &tables.bus }.objects("PCI0.", &mut found);
    // Windows: 2 is bus numbers, 1 ports, 0 memory.
    let found = found.join("\n") + "\n";
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden_dsdt.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(golden, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(golden).unwrap(), "BLESS=1 writes it anew");
}

/// The entries of the routing table: address, pin, link, index.
fn routing(bus: &[u8]) -> Vec<String> {
    let at = bus.windows(5).position(|name| name == b"\x08_PRT").unwrap();
    let table = Reader { aml: &bus[at + 5..] }.value();
    table.trim_matches(['[', ']']).split("] [").map(str::to_owned).collect()
}

#[test]
fn pci_pins_rotate_over_four_links() {
    let entries = routing(&tables().bus);
    assert_eq!(entries.len(), 32 * 4);
    // The first pin of slot 1 is that of power management, whose interrupt is wired.
    let expected = ["0x1ffff 0 LNKS 0", "0x1ffff 1 LNKB 0", "0x1ffff 0x2 LNKC 0", "0x1ffff 0x3 LNKD 0"];
    assert_eq!(entries[4..8], expected);
    assert_eq!((&*entries[8], &*entries[127]), ("0x2ffff 0 LNKB 0", "0x1fffff 0x3 LNKB 0"));
}

#[test]
fn a_machine_without_acpi_has_neither_tables_nor_power_management() {
    pc_devices::link();
    let args = RunArgs { memory: 16 << 20, no_acpi: true, no_hpet: true, ..RunArgs::default() };
    let machine = Machine::new(args.silent_config().unwrap()).unwrap();
    let tables = machine.firmware_tables();
    assert!(self::tables().has_acpi() && !tables.has_acpi());
    assert!(!self::tables().tables.is_empty() && tables.tables.is_empty(), "that of the HPET");
    assert_eq!(machine::acpi::write_tables(machine.memory(), &tables), None);
    // The floating pointer of the MP tables is there all the same.
    let mut area = vec![0; 0x2_0000];
    machine.memory().read(x86_types::GuestPhysAddr(0xe_0000), &mut area);
    let signature = |text: &[u8]| area.chunks(16).any(|chunk| chunk.starts_with(text));
    assert!(signature(b"_MP_") && !signature(b"RSD PTR "));
}
