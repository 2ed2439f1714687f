//! What a processor reaches beyond memory.

use x86_types::{GuestPhysAddr, MsrAccess};

/// What waits for a processor.
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
    /// Returns whether anything waits.
    pub const fn any(self) -> bool {
        self.interrupt || self.nmi || self.start
    }
}

/// Ports, MMIO, time and interrupts, as one processor sees them. `retired` is the number of instructions that this
/// processor retired before the accessing one: with an instruction clock it is the time.
///
/// What a bus leaves out behaves as if nothing were there: ports and memory read as ones, no interrupt ever comes, the
/// time-stamp counter counts instructions.
pub trait VcpuBus {
    /// IN
    fn port_read(&mut self, _retired: u64, _port: u16, _size: u8) -> u32 {
        u32::MAX
    }
    /// OUT
    fn port_write(&mut self, _retired: u64, _port: u16, _size: u8, _value: u32) {}
    /// Reads the same port repeatedly, as REP INS does, `size` bytes into each element of `data`. Returns how many elements
    /// were read, at least one. It stops behind a read after which anything may wait for the processor: an event, an exit,
    /// another memory map. The default reads one element
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
    /// A load that no RAM or ROM answers
    fn mmio_read(&mut self, _retired: u64, _address: GuestPhysAddr, _size: u8) -> u64 {
        u64::MAX
    }
    /// A store that no RAM takes
    fn mmio_write(&mut self, _retired: u64, _address: GuestPhysAddr, _size: u8, _value: u64) {}
    /// RDMSR of the local APIC's registers and others the processor does not hold
    fn read_msr(&mut self, _retired: u64, _msr: u32) -> MsrAccess {
        MsrAccess::NotHandled
    }
    /// WRMSR of the same
    fn write_msr(&mut self, _retired: u64, _msr: u32, _value: u64) -> MsrAccess {
        MsrAccess::NotHandled
    }
    /// The raw time-stamp counter, before IA32_TSC_ADJUST
    fn tsc(&mut self, retired: u64) -> u64 {
        retired
    }
    /// CR8
    fn cr8(&mut self) -> u8 {
        0
    }
    /// Writes CR8, 0 to 15
    fn set_cr8(&mut self, _retired: u64, _value: u8) {}
    /// What waits
    fn pending(&mut self) -> Pending {
        Pending::default()
    }
    /// Takes the vector of the interrupt that waits; `None` when it went away
    fn acknowledge(&mut self, _retired: u64) -> Option<u8> {
        None
    }
    /// Takes a waiting NMI
    fn take_nmi(&mut self) -> bool {
        false
    }
    /// Takes a waiting INIT
    fn take_init(&mut self) -> bool {
        false
    }
    /// Takes the vector of a waiting start-up message
    fn take_startup(&mut self) -> Option<u8> {
        None
    }
    /// Whether the machine wants the run loop to return
    fn wants_exit(&mut self) -> bool {
        false
    }
    /// APIC id, and whether the local APIC is enabled, for CPUID
    fn apic(&mut self) -> (u32, bool) {
        (0, true)
    }
    /// The next 64 bits of the entropy source behind RDRAND and RDSEED; a hash of `retired` where there is none
    fn random(&mut self, retired: u64) -> u64 {
        retired.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
    }
    /// Drives FERR#: an unmasked x87 exception waits with CR0.NE = 0, or no more
    fn set_ferr(&mut self, _retired: u64, _asserted: bool) {}
    /// Whether IGNNE# is asserted: with CR0.NE = 0 an x87 exception that waits is then ignored. So it is on a bus without
    /// coprocessor error logic
    fn ignne(&mut self) -> bool {
        true
    }
}

/// A bus with nothing on it, for running code over RAM alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBus;

impl VcpuBus for NoBus {}
