//! The adapter on a bus of its own, driven as a guest does.

use device_api::bench::Bench;
use device_api::{Device, Frame, TextScreen};
use guest_memory::{Backing, Priority};
use x86_types::GuestPhysAddr;

/// Where the frame buffer is: the address that SeaBIOS gives it on a `pc` machine.
pub(crate) const FRAME_BUFFER: u64 = 0xfd00_0000;

pub(crate) struct Card {
    pub(crate) bench: Bench,
    pub(crate) vga: Box<dyn Device>,
    /// What was done so far, for a player on another machine: 1, port (2 bytes), size, value (4); 2, address (4), bytes
    /// (4), these
    pub(crate) log: Vec<u8>,
}

impl Card {
    pub(crate) fn new() -> Self {
        pc_devices::link();
        let mut bench = Bench::with_ram(1 << 20).unwrap();
        let decl = device_api::declarations().into_iter().find(|decl| decl.id == "VGA").unwrap();
        let mut vga = bench.build(decl, &[], &[]).unwrap();
        vga.reset(&mut bench.ctx());
        let region = vga.pci().unwrap().backing(0).unwrap();
        let range = (GuestPhysAddr(FRAME_BUFFER), 16 << 20);
        bench.memory.map("frame buffer", Priority::Movable, range, region).unwrap();
        Self { bench, vga, log: Vec::new() }
    }

    fn write_port(&mut self, port: u16, size: u8, value: u32) {
        self.log.push(1);
        self.log.extend(port.to_le_bytes());
        self.log.push(size);
        self.log.extend(value.to_le_bytes());
        self.vga.pio().unwrap().port_write(&mut self.bench.ctx(), port, size, value);
    }

    /// OUT of a byte.
    pub(crate) fn out(&mut self, port: u16, value: u8) {
        self.write_port(port, 1, value.into());
    }

    /// IN of a byte.
    pub(crate) fn input(&mut self, port: u16) -> u8 {
        self.log.extend([3, port as u8, (port >> 8) as u8]);
        self.vga.pio().unwrap().port_read(&mut self.bench.ctx(), port, 1) as u8
    }

    /// OUT of index and data.
    pub(crate) fn set(&mut self, port: u16, index: u8, value: u8) {
        self.write_port(port, 2, u32::from(value) << 8 | u32::from(index));
    }

    /// A register of the attribute controller; the screen goes on.
    pub(crate) fn attribute(&mut self, index: u8, value: u8) {
        self.input(0x3da);
        self.out(0x3c0, index);
        self.out(0x3c0, value);
        self.out(0x3c0, 0x20);
    }

    /// A register of the Bochs display interface.
    pub(crate) fn dispi(&mut self, index: u16, value: u16) {
        self.write_port(0x1ce, 2, index.into());
        self.write_port(0x1cf, 2, value.into());
    }

    pub(crate) fn color(&mut self, number: u8, rgb: [u8; 3]) {
        self.out(0x3c8, number);
        rgb.into_iter().for_each(|component| self.out(0x3c9, component));
    }

    /// Stores bytes one by one.
    pub(crate) fn poke(&mut self, address: u64, bytes: &[u8]) {
        self.log.push(2);
        self.log.extend((address as u32).to_le_bytes());
        self.log.extend((bytes.len() as u32).to_le_bytes());
        self.log.extend(bytes);
        for (at, byte) in (address..).zip(bytes) {
            self.store(at, *byte);
        }
    }

    fn store(&mut self, address: u64, byte: u8) {
        let at = GuestPhysAddr(address);
        match self.bench.memory.region(at).0.write {
            Backing::Mmio(_) => {
                self.vga.mmio().unwrap().mmio_write(&mut self.bench.ctx(), at, 1, byte.into());
            }
            _ => self.bench.memory.write(at, &[byte]),
        }
    }

    /// Loads a byte, which fills the latch.
    pub(crate) fn peek(&mut self, address: u64) -> u8 {
        self.log.push(4);
        self.log.extend((address as u32).to_le_bytes());
        let at = GuestPhysAddr(address);
        match self.bench.memory.region(at).0.read {
            Backing::Mmio(_) => self.vga.mmio().unwrap().mmio_read(&mut self.bench.ctx(), at, 1) as u8,
            _ => self.bench.memory.read_array::<1>(at)[0],
        }
    }

    pub(crate) fn render(&mut self, frame: &mut Frame) {
        self.vga.screen().unwrap().render(&self.bench.memory, self.bench.now, frame);
    }

    /// Draws from nothing.
    pub(crate) fn picture(&mut self) -> Frame {
        let mut frame = Frame::default();
        self.render(&mut frame);
        frame
    }

    pub(crate) fn text(&mut self) -> Option<TextScreen> {
        self.vga.screen().unwrap().text(&self.bench.memory)
    }

    pub(crate) fn size(&mut self) -> Option<(u32, u32)> {
        self.vga.screen().unwrap().size(&self.bench.memory)
    }

    pub(crate) fn wait(&mut self, milliseconds: u64) {
        self.bench.now = self.bench.now + milliseconds * 1_000_000;
    }
}
