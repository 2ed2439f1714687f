//! A bus with a device that writes memory, and interrupts that a test raises.

use guest_memory::GuestMemory;
use std::rc::Rc;
use x86_exec::{Pending, VcpuBus};
use x86_types::GuestPhysAddr;

/// OUT of a doubleword to this port has the device write it.
pub const DMA_PORT: u16 = 0x80;

/// OUT of a doubleword to this port calls [`TestBus::remap`].
pub const REMAP_PORT: u16 = 0x84;

/// Changes what lies where, by what was written.
pub type Remap = Box<dyn FnMut(&GuestMemory, u32)>;

pub struct TestBus {
    ram: Rc<GuestMemory>,
    /// Where the device writes
    pub dma_to: u64,
    /// What it wrote, until the processor is told
    pub written: Vec<(GuestPhysAddr, u64)>,
    /// What a write to [`REMAP_PORT`] does
    pub remap: Option<Remap>,
    /// The interrupt that waits
    pub vector: Option<u8>,
    /// What answers where no memory does
    pub device: Device,
}

/// An access: instructions retired before it, address or port, size, and what was written.
pub type Access = (u64, u64, u8, Option<u64>);

/// A device whose every access has an effect: it gives other numbers each time, and notes what it was asked.
#[derive(Default)]
pub struct Device {
    pub accesses: Vec<Access>,
    /// Accesses from one interrupt to the next, and its vector
    pub interrupts: Option<(usize, u8)>,
    /// Accesses from one exit to the next
    pub exits: Option<usize>,
    wants_exit: bool,
}

impl Device {
    fn access(&mut self, access: Access, vector: &mut Option<u8>) -> u64 {
        self.accesses.push(access);
        let count = self.accesses.len();
        if let Some((period, number)) = self.interrupts
            && count.is_multiple_of(period)
        {
            *vector = Some(number);
        }
        self.wants_exit |= self.exits.is_some_and(|period| count.is_multiple_of(period));
        (count as u64 + access.1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// Whether an exit was wanted since the last call.
    pub fn take_exit(&mut self) -> bool {
        std::mem::take(&mut self.wants_exit)
    }
}

impl TestBus {
    pub fn new(ram: Rc<GuestMemory>) -> TestBus {
        TestBus { ram, dma_to: 0, written: Vec::new(), remap: None, vector: None, device: Device::default() }
    }
}

impl VcpuBus for TestBus {
    fn port_read(&mut self, retired: u64, port: u16, size: u8) -> u32 {
        self.device.access((retired, port.into(), size, None), &mut self.vector) as u32
    }
    fn mmio_read(&mut self, retired: u64, at: GuestPhysAddr, size: u8) -> u64 {
        self.device.access((retired, at.0, size, None), &mut self.vector)
    }
    fn mmio_write(&mut self, retired: u64, at: GuestPhysAddr, size: u8, value: u64) {
        self.device.access((retired, at.0, size, Some(value)), &mut self.vector);
    }
    fn port_write(&mut self, retired: u64, port: u16, size: u8, value: u32) {
        self.device.access((retired, port.into(), size, Some(value.into())), &mut self.vector);
        if port == DMA_PORT && size == 4 {
            self.ram.write(GuestPhysAddr(self.dma_to), &value.to_le_bytes());
            self.written.push((GuestPhysAddr(self.dma_to), 4));
        }
        if port == REMAP_PORT
            && let Some(remap) = &mut self.remap
        {
            remap(&self.ram, value);
        }
    }
    fn pending(&mut self) -> Pending {
        Pending { interrupt: self.vector.is_some(), ..Pending::default() }
    }
    fn acknowledge(&mut self, _: u64) -> Option<u8> {
        self.vector.take()
    }
    fn wants_exit(&mut self) -> bool {
        !self.written.is_empty() || self.device.wants_exit
    }
}
