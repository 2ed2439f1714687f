//! What a device may reach while it is called.

use crate::{InterruptMessage, IrqLines, VmTime};
use x86_types::GuestPhysAddr;

/// Something a device asks of the machine as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineEvent {
    /// Reset everything (port CF9h, 8042, FADT reset register)
    Reset,
    /// Power off (ACPI S5)
    PowerOff,
    /// Leave with this exit status (isa-debug-exit)
    DebugExit(u32),
    /// The A20 gate was switched
    A20(bool),
}

/// Collects [`MachineEvent`]s; the run loop looks at it after every access that left RAM.
pub type MachineEvents = Vec<MachineEvent>;

/// Guest memory as a bus master sees it. Reads outside RAM give ones, writes there are dropped.
pub trait DmaMemory {
    /// Copies out of guest memory.
    fn read(&mut self, address: GuestPhysAddr, bytes: &mut [u8]);
    /// Copies into guest memory; code translated from it is invalidated.
    fn write(&mut self, address: GuestPhysAddr, bytes: &[u8]);
}

/// The host's end of a serial line.
pub trait SerialPort: Send {
    /// Bytes that the guest sent.
    fn send(&mut self, byte: u8);
    /// The next byte for the guest, if there is one.
    fn receive(&mut self) -> Option<u8>;
}

/// Handed to every device call: the time, the interrupt lines, and what the device wants to happen.
pub struct Ctx<'a> {
    /// Now
    pub now: VmTime,
    /// Interrupt lines to raise and lower
    pub irq: &'a mut IrqLines,
    /// Message-signalled interrupts to send (I/O APIC, MSI), delivered when the call returns
    pub messages: &'a mut Vec<InterruptMessage>,
    /// Events for the machine
    pub events: &'a mut MachineEvents,
    /// Guest memory, for bus masters
    pub dma: &'a mut dyn DmaMemory,
}
