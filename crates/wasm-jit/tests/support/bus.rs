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
}

impl TestBus {
    pub fn new(ram: Rc<GuestMemory>) -> TestBus {
        TestBus { ram, dma_to: 0, written: Vec::new(), remap: None, vector: None }
    }
}

impl VcpuBus for TestBus {
    fn port_write(&mut self, _: u64, port: u16, size: u8, value: u32) {
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
        !self.written.is_empty()
    }
}
