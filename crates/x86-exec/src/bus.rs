//! The bus of a processor: ports, memory-mapped I/O, MSRs of the local APIC, time and interrupts.

use x86_types::{GuestPhysAddr, MsrAccess};

/// Events that are pending for a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// A maskable interrupt
    pub interrupt: bool,
    /// An NMI
    pub nmi: bool,
    /// INIT or a start-up message
    pub start: bool,
}

impl Pending {
    /// Returns whether any event is pending.
    pub const fn any(self) -> bool {
        self.interrupt || self.nmi || self.start
    }
}

/// The bus of one processor. `retired` is the number of instructions that this processor retired before the one that
/// accesses the bus: with an instruction clock it is the time.
///
/// The default methods behave as an empty bus: unassigned ports and memory read as ones, no interrupt is ever pending,
/// and the time-stamp counter counts instructions.
pub trait VcpuBus {
    /// IN
    fn port_read(&mut self, _retired: u64, _port: u16, _size: u8) -> u32 {
        u32::MAX
    }
    /// OUT
    fn port_write(&mut self, _retired: u64, _port: u16, _size: u8, _value: u32) {}
    /// Reads the same port repeatedly, as REP INS does, `size` bytes into each element of `data`. Returns how many
    /// elements were read, at least one. It stops after a read that may have made an event pending, requested an exit
    /// or changed the memory map. The default reads one element
    fn port_read_block(&mut self, retired: u64, port: u16, size: u8, data: &mut [u8]) -> usize {
        let value = self.port_read(retired, port, size).to_le_bytes();
        data.iter_mut().zip(value).take(size.into()).for_each(|(to, byte)| *to = byte);
        1
    }
    /// Writes the elements of `data`, `size` bytes each, to the same port, as REP OUTS does. Returns how many were written;
    /// otherwise as [`VcpuBus::port_read_block`]
    fn port_write_block(&mut self, retired: u64, port: u16, size: u8, data: &[u8]) -> usize {
        let mut value = [0; 4];
        value.iter_mut().zip(data).take(size.into()).for_each(|(to, &byte)| *to = byte);
        self.port_write(retired, port, size, u32::from_le_bytes(value));
        1
    }
    /// A load from an address without RAM or ROM
    fn mmio_read(&mut self, _retired: u64, _address: GuestPhysAddr, _size: u8) -> u64 {
        u64::MAX
    }
    /// A store to an address without RAM
    fn mmio_write(&mut self, _retired: u64, _address: GuestPhysAddr, _size: u8, _value: u64) {}
    /// RDMSR of the local APIC's registers and others that are not part of the processor's state
    fn read_msr(&mut self, _retired: u64, _msr: u32) -> MsrAccess {
        MsrAccess::NotHandled
    }
    /// WRMSR of the same
    fn write_msr(&mut self, _retired: u64, _msr: u32, _value: u64) -> MsrAccess {
        MsrAccess::NotHandled
    }
    /// Returns the raw time-stamp counter, before IA32_TSC_ADJUST
    fn tsc(&mut self, retired: u64) -> u64 {
        retired
    }
    /// CR8
    fn cr8(&mut self) -> u8 {
        0
    }
    /// Writes CR8, 0 to 15
    fn set_cr8(&mut self, _retired: u64, _value: u8) {}
    /// Returns the pending events
    fn pending(&mut self) -> Pending {
        Pending::default()
    }
    /// Acknowledges the pending interrupt. Returns its vector; `None` if it was withdrawn
    fn acknowledge(&mut self, _retired: u64) -> Option<u8> {
        None
    }
    /// Takes a pending NMI. Returns whether there was one
    fn take_nmi(&mut self) -> bool {
        false
    }
    /// Takes a pending INIT. Returns whether there was one
    fn take_init(&mut self) -> bool {
        false
    }
    /// Takes a pending start-up message. Returns its vector
    fn take_startup(&mut self) -> Option<u8> {
        None
    }
    /// Returns whether the machine has requested that the run loop return
    fn wants_exit(&mut self) -> bool {
        false
    }
    /// APIC id, and whether the local APIC is enabled, for CPUID
    fn apic(&mut self) -> (u32, bool) {
        (0, true)
    }
    /// Returns the next 64 bits of the entropy source behind RDRAND and RDSEED; a hash of `retired` where there is none
    fn random(&mut self, retired: u64) -> u64 {
        retired.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
    }
    /// Drives FERR#: asserted while an unmasked x87 exception is pending with CR0.NE = 0
    fn set_ferr(&mut self, _retired: u64, _asserted: bool) {}
    /// Returns whether IGNNE# is asserted: with CR0.NE = 0 a pending x87 exception is then ignored. A bus without
    /// coprocessor error logic asserts it
    fn ignne(&mut self) -> bool {
        true
    }
}

/// A bus with nothing on it, for running code over RAM alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBus;

impl VcpuBus for NoBus {}
