//! What a processor reaches beyond RAM.

use std::any::Any;
use x86_types::GuestPhysAddr;

/// The answer of an MSR that the processor itself does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusMsr {
    /// Done; for reads the value
    Value(u64),
    /// #GP(0)
    GeneralProtection,
}

/// Ports, MMIO, time and interrupts. `retired` is the number of instructions retired before the accessing one: with an
/// instruction clock it is the time.
pub trait Bus: Any {
    /// IN
    fn port_read(&mut self, retired: u64, port: u16, size: u8) -> u32;
    /// OUT
    fn port_write(&mut self, retired: u64, port: u16, size: u8, value: u32);
    /// A load outside RAM
    fn mmio_read(&mut self, retired: u64, address: GuestPhysAddr, size: u8) -> u64;
    /// A store outside RAM
    fn mmio_write(&mut self, retired: u64, address: GuestPhysAddr, size: u8, value: u64);
    /// RDMSR of the local APIC's registers and others the processor does not hold
    fn read_msr(&mut self, retired: u64, msr: u32) -> BusMsr;
    /// WRMSR of the same
    fn write_msr(&mut self, retired: u64, msr: u32, value: u64) -> BusMsr;
    /// The raw time-stamp counter, before IA32_TSC_ADJUST
    fn tsc(&mut self, retired: u64) -> u64;
    /// CR8
    fn cr8(&mut self) -> u8;
    /// Writes CR8, 0 to 15
    fn set_cr8(&mut self, retired: u64, value: u8);
    /// Whether an interrupt or NMI waits
    fn interrupt_pending(&mut self) -> bool;
    /// Takes the vector of the interrupt that waits; `None` when it went away
    fn acknowledge(&mut self, retired: u64) -> Option<u8>;
    /// Takes a waiting NMI
    fn take_nmi(&mut self) -> bool;
    /// Whether the machine wants the run loop to return
    fn wants_exit(&mut self) -> bool;
    /// APIC id, and whether the local APIC is enabled, for CPUID
    fn apic(&mut self) -> (u32, bool);
    /// The next 64 bits of the entropy source behind RDRAND and RDSEED
    fn random(&mut self, retired: u64) -> u64;
    /// Drives FERR#: an unmasked x87 exception waits with CR0.NE = 0, or no more
    fn set_ferr(&mut self, _retired: u64, _asserted: bool) {}
    /// Whether IGNNE# is asserted: with CR0.NE = 0 an x87 exception that waits is then ignored. So it is on a bus without
    /// coprocessor error logic
    fn ignne(&mut self) -> bool {
        true
    }
    /// For the machine to get its own type back
    fn as_any_mut(&mut self) -> &mut dyn Any;
    /// For the machine to get its own type back
    fn as_any(&self) -> &dyn Any;
}

/// A bus with nothing on it: ports and memory outside RAM read as ones, no interrupt ever comes, the time-stamp counter
/// counts instructions, and random numbers are a hash of the same count. For running code over RAM alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBus;

impl Bus for NoBus {
    fn port_read(&mut self, _: u64, _: u16, _: u8) -> u32 {
        u32::MAX
    }
    fn port_write(&mut self, _: u64, _: u16, _: u8, _: u32) {}
    fn mmio_read(&mut self, _: u64, _: GuestPhysAddr, _: u8) -> u64 {
        u64::MAX
    }
    fn mmio_write(&mut self, _: u64, _: GuestPhysAddr, _: u8, _: u64) {}
    fn read_msr(&mut self, _: u64, _: u32) -> BusMsr {
        BusMsr::GeneralProtection
    }
    fn write_msr(&mut self, _: u64, _: u32, _: u64) -> BusMsr {
        BusMsr::GeneralProtection
    }
    fn tsc(&mut self, retired: u64) -> u64 {
        retired
    }
    fn cr8(&mut self) -> u8 {
        0
    }
    fn set_cr8(&mut self, _: u64, _: u8) {}
    fn interrupt_pending(&mut self) -> bool {
        false
    }
    fn acknowledge(&mut self, _: u64) -> Option<u8> {
        None
    }
    fn take_nmi(&mut self) -> bool {
        false
    }
    fn wants_exit(&mut self) -> bool {
        false
    }
    fn apic(&mut self) -> (u32, bool) {
        (0, true)
    }
    fn random(&mut self, retired: u64) -> u64 {
        retired.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
