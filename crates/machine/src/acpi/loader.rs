//! Tables for firmware that places them itself.

use super::{Blob, RSDP_RSDT, RSDP_SUMS, RSDP_XSDT, rsdp, tables};
use device_api::FirmwareTables;

const TABLES: &str = "etc/acpi/tables";
const RSDP: &str = "etc/acpi/rsdp";
/// Bytes of a command.
const COMMAND: usize = 128;
/// Bytes of a file's name in a command.
const NAME: usize = 56;

/// The three files of fw_cfg by which firmware gets ACPI tables.
///
/// SPEC: qemu-fw-cfg :: All Other Data Items -> commands of 128 bytes: 1 allocates a file, 2 adds its address to a pointer, 3 makes a checksum
pub(crate) struct LoaderFiles {
    /// Names and contents
    pub(crate) files: [(&'static str, Vec<u8>); 3],
}

struct Commands(Vec<u8>);

impl Commands {
    fn push(&mut self, command: u32, names: &[&str], rest: &[u8]) {
        let start = self.0.len();
        self.0.extend(command.to_le_bytes());
        for name in names {
            let mut field = [0; NAME];
            for (byte, new) in field.iter_mut().zip(name.bytes()) {
                *byte = new;
            }
            self.0.extend(field);
        }
        self.0.extend(rest);
        self.0.resize(start + COMMAND, 0);
    }

    /// Memory for a file: below 4 GiB (1), or in the segment F0000H (2), where the RSDP is looked for.
    fn allocate(&mut self, name: &str, align: u32, zone: u8) {
        self.push(1, &[name], &[&align.to_le_bytes()[..], &[zone]].concat());
    }

    fn point(&mut self, file: &str, to: &str, at: u32, size: u8) {
        self.push(2, &[file, to], &[&at.to_le_bytes()[..], &[size]].concat());
    }

    fn sum(&mut self, file: &str, at: u32, start: u32, len: u32) {
        self.push(3, &[file], &[at, start, len].map(u32::to_le_bytes).concat());
    }
}

impl LoaderFiles {
    /// Returns the files for the tables that devices declare.
    pub(crate) fn new(parts: &FirmwareTables) -> Self {
        let (blob, rsdt, xsdt) = tables(parts);
        let mut commands = Commands(Vec::new());
        commands.allocate(TABLES, 64, 1);
        commands.allocate(RSDP, 16, 2);
        for pointer in &blob.pointers {
            commands.point(TABLES, TABLES, pointer.at, pointer.size);
        }
        for sum in &blob.sums {
            commands.sum(TABLES, sum.at, sum.start, sum.len);
        }
        let mut root = Blob::of(rsdp());
        for ((at, size), to) in [(RSDP_RSDT, rsdt), (RSDP_XSDT, xsdt)] {
            root.set(at, u64::from(to), size);
            commands.point(RSDP, TABLES, at, size);
        }
        for (at, len) in RSDP_SUMS {
            commands.sum(RSDP, at, 0, len);
        }
        Self { files: [(TABLES, blob.bytes), (RSDP, root.bytes), ("etc/table-loader", commands.0)] }
    }
}
