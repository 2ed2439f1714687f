//! Drives by their registers, as a BIOS and Linux drive them.

mod cd;
mod disk;
mod master;
mod media;
mod state;

use super::attach::{CD_DECL, CONTROLLER, DISK_DECL};
use crate::bench::Bench;
use block::{Deferred, DeferredHandle, Memory};
use device_api::{BlockBackend, BlockInfo, Device, DeviceDecl, IrqLine, declarations};

const PRIMARY: u16 = 0x1f0;
const SECONDARY: u16 = 0x170;
/// Where the tests put the bus master registers.
const MASTER: u16 = 0xc000;

/// A controller with drives.
struct Rig {
    bench: Bench,
    device: Box<dyn Device>,
}

fn controller() -> &'static DeviceDecl {
    crate::link();
    declarations().into_iter().find(|decl| decl.id == CONTROLLER).unwrap()
}

/// A disk of so many sectors, each filled with the low byte of its number.
fn disk_bytes(sectors: usize) -> Vec<u8> {
    (0..sectors * 512).map(|n| (n / 512) as u8).collect()
}

fn memory(bytes: Vec<u8>, read_only: bool) -> Box<dyn BlockBackend> {
    Box::new(Memory::new(bytes, read_only))
}

/// A medium with requests that the test completes.
fn deferred(bytes: u64) -> (Box<dyn BlockBackend>, DeferredHandle) {
    let (medium, handle) = Deferred::new(BlockInfo { bytes, read_only: false });
    (Box::new(medium), handle)
}

/// A drive for the rig: its model, its medium, its place.
type Part = (&'static DeviceDecl, Option<Box<dyn BlockBackend>>, &'static str, &'static str);

impl Rig {
    fn try_new(parts: Vec<Part>) -> Result<Self, String> {
        let mut bench = Bench::new();
        let mut lists: Vec<(&DeviceDecl, Vec<(&str, String)>)> = Vec::new();
        for (n, (decl, medium, bus, unit)) in parts.into_iter().enumerate() {
            let mut list = Vec::new();
            if let Some(medium) = medium {
                bench.backends.blocks.insert(format!("d{n}"), medium);
                list.push(("drive", format!("d{n}")));
            }
            for (name, value) in [("bus", bus), ("unit", unit)].into_iter().filter(|(_, v)| !v.is_empty()) {
                list.push((name, value.to_owned()));
            }
            lists.push((decl, list));
        }
        let borrowed: Vec<Vec<(&str, &str)>> = lists
            .iter()
            .map(|(_, list)| list.iter().map(|(name, v)| (*name, v.as_str())).collect())
            .collect();
        let attached: Vec<(&'static DeviceDecl, &[(&str, &str)])> =
            lists.iter().zip(&borrowed).map(|((decl, _), list)| (*decl, &list[..])).collect();
        let device = bench.build(controller(), &[], &attached).map_err(|error| error.to_string())?;
        let mut rig = Self { bench, device };
        rig.config(4, 4, 0x5);
        rig.config(0x20, 4, u32::from(MASTER) | 1);
        Ok(rig)
    }

    fn new(parts: Vec<Part>) -> Self {
        Self::try_new(parts).unwrap()
    }

    /// A disk on the primary channel.
    fn with_disk(sectors: usize) -> Self {
        Self::new(vec![(&DISK_DECL, Some(memory(disk_bytes(sectors), false)), "ide.0", "0")])
    }

    /// A CD of so many sectors on the secondary channel; each is filled with the low byte of its number.
    fn with_cd(sectors: usize) -> Self {
        let bytes = (0..sectors * 2048).map(|n| (n / 2048) as u8).collect();
        Self::new(vec![(&CD_DECL, Some(memory(bytes, true)), "ide.1", "0")])
    }

    fn config(&mut self, at: u8, size: u8, value: u32) {
        self.device.pci().unwrap().config_write(&mut self.bench.ctx(), at, size, value);
    }

    fn out(&mut self, port: u16, value: u32) {
        self.out_sized(port, 1, value);
    }

    fn out_sized(&mut self, port: u16, size: u8, value: u32) {
        self.device.pio().unwrap().port_write(&mut self.bench.ctx(), port, size, value);
    }

    fn byte(&mut self, port: u16) -> u8 {
        self.sized(port, 1) as u8
    }

    fn sized(&mut self, port: u16, size: u8) -> u32 {
        self.device.pio().unwrap().port_read(&mut self.bench.ctx(), port, size)
    }

    /// Reads the data register by words.
    fn data(&mut self, base: u16, bytes: usize) -> Vec<u8> {
        (0..bytes.div_ceil(2)).flat_map(|_| (self.sized(base, 2) as u16).to_le_bytes()).collect()
    }

    /// Writes the data register by words.
    fn fill(&mut self, base: u16, bytes: &[u8]) {
        for word in bytes.chunks(2) {
            self.out_sized(base, 2, u32::from(word[0]) | u32::from(word[1]) << 8);
        }
    }

    /// Writes the registers from the features to the device register, and the command.
    fn command(&mut self, base: u16, code: u8, registers: [u8; 6]) {
        // The device register first: it selects the drive for the others.
        for n in [5, 0, 1, 2, 3, 4] {
            self.out(base + 1 + n as u16, registers[n].into());
        }
        self.out(base + 7, code.into());
    }

    /// Error, count, LBA low, mid, high, device, and the alternate status.
    fn registers(&mut self, base: u16) -> [u8; 7] {
        let mut list: [u8; 7] = std::array::from_fn(|n| self.byte(base + 1 + n.min(5) as u16));
        list[6] = self.byte(base + 0x206);
        list
    }

    fn irq(&self, line: u8) -> bool {
        self.bench.irq.level(IrqLine(line))
    }

    /// Takes the interrupt: reads the status. Returns whether there was one, and the status.
    fn acknowledge(&mut self, base: u16) -> (bool, u8) {
        let line = if base == PRIMARY { 14 } else { 15 };
        let was = self.irq(line);
        let status = self.byte(base + 7);
        assert!(!self.irq(line), "reading the status takes the interrupt back");
        (was, status)
    }

    fn poll(&mut self) {
        self.device.host_io().unwrap().poll(&mut self.bench.ctx());
    }

    /// Sends a packet and reads all data that it answers with by PIO. Returns the data and the last registers.
    fn packet(&mut self, packet: &[u8], limit: u16) -> (Vec<u8>, [u8; 7]) {
        let base = SECONDARY;
        let [mid, high] = limit.to_le_bytes();
        self.command(base, 0xa0, [0, 0, 0, mid, high, 0xa0]);
        assert_eq!(self.registers(base)[6], 0x58, "wants the packet");
        let mut whole = [0; 12];
        whole[..packet.len()].copy_from_slice(packet);
        self.fill(base, &whole);
        let mut data = Vec::new();
        loop {
            let registers = self.registers(base);
            assert!(self.acknowledge(base).0, "an interrupt for each block and for the end");
            if registers[6] & 8 == 0 {
                return (data, registers);
            }
            assert_eq!(registers[1] & 3, 2, "to the host, no command");
            let len = usize::from(u16::from_le_bytes([registers[3], registers[4]]));
            assert!(len > 0 && len <= usize::from(limit));
            data.extend(&self.data(base, len)[..len]);
        }
    }

    /// Sends a packet that fails. Returns the error register, and sense key and code.
    fn failing(&mut self, packet: &[u8]) -> (u8, u8, u8) {
        let (data, registers) = self.packet(packet, 0xfffe);
        assert!(data.is_empty() && registers[6] & 1 != 0, "{packet:x?} succeeds");
        let (sense, _) = self.packet(&[3, 0, 0, 0, 18], 0xfffe);
        (registers[0], sense[2], sense[12])
    }
}
