//! A bus with a device that writes memory, and interrupts that a test raises.

use guest_ram::GuestRam;
use std::any::Any;
use std::rc::Rc;
use x86_exec::{Bus, BusMsr, NoBus};
use x86_types::GuestPhysAddr;

/// OUT of a doubleword to this port has the device write it.
pub const DMA_PORT: u16 = 0x80;

pub struct TestBus {
    rest: NoBus,
    ram: Rc<GuestRam>,
    /// Where the device writes
    pub dma_to: u64,
    /// What it wrote, until the processor is told
    pub written: Vec<(GuestPhysAddr, u64)>,
    /// The interrupt that waits
    pub vector: Option<u8>,
}

impl TestBus {
    pub fn new(ram: Rc<GuestRam>) -> TestBus {
        TestBus { rest: NoBus, ram, dma_to: 0, written: Vec::new(), vector: None }
    }
}

impl Bus for TestBus {
    fn port_read(&mut self, retired: u64, port: u16, size: u8) -> u32 {
        self.rest.port_read(retired, port, size)
    }
    fn port_write(&mut self, _: u64, port: u16, size: u8, value: u32) {
        if port == DMA_PORT && size == 4 {
            self.ram.write(GuestPhysAddr(self.dma_to), &value.to_le_bytes());
            self.written.push((GuestPhysAddr(self.dma_to), 4));
        }
    }
    fn mmio_read(&mut self, retired: u64, address: GuestPhysAddr, size: u8) -> u64 {
        self.rest.mmio_read(retired, address, size)
    }
    fn mmio_write(&mut self, _: u64, _: GuestPhysAddr, _: u8, _: u64) {}
    fn read_msr(&mut self, retired: u64, msr: u32) -> BusMsr {
        self.rest.read_msr(retired, msr)
    }
    fn write_msr(&mut self, retired: u64, msr: u32, value: u64) -> BusMsr {
        self.rest.write_msr(retired, msr, value)
    }
    fn tsc(&mut self, retired: u64) -> u64 {
        self.rest.tsc(retired)
    }
    fn cr8(&mut self) -> u8 {
        0
    }
    fn set_cr8(&mut self, _: u64, _: u8) {}
    fn interrupt_pending(&mut self) -> bool {
        self.vector.is_some()
    }
    fn acknowledge(&mut self, _: u64) -> Option<u8> {
        self.vector.take()
    }
    fn take_nmi(&mut self) -> bool {
        false
    }
    fn wants_exit(&mut self) -> bool {
        !self.written.is_empty()
    }
    fn apic(&mut self) -> (u32, bool) {
        self.rest.apic()
    }
    fn random(&mut self, retired: u64) -> u64 {
        self.rest.random(retired)
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
