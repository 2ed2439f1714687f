//! What a device may reach while it is called.

use crate::{InputEvent, InterruptMessage, Pins, VmTime};
use guest_memory::{DeviceId, GuestMemory};
use x86_types::GuestPhysAddr;

/// A request of a device to the machine as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineEvent {
    /// Reset everything (port CF9h, the FADT's reset register)
    Reset,
    /// Reset the processor alone, INIT# (8042, port 92h, an INIT message)
    Init,
    /// Power off (ACPI S5)
    PowerOff,
    /// Load the kernel that was given: firmware boots from it
    BootKernel {
        /// Entries of firmware's memory map, which its option ROM left in memory
        map_entries: u16,
    },
    /// Leave with this exit status (isa-debug-exit)
    DebugExit(u32),
}

/// Something that comes from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostEvent {
    /// The power button is pressed
    PowerButton,
    /// Keyboard or mouse
    Input(InputEvent),
    /// Character devices may have something to receive
    CharInput,
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

/// The context of a call to a device: the time, the wires, and requests to the machine.
pub struct Ctx<'a> {
    /// Now
    pub now: VmTime,
    /// Wires to drive
    pub lines: Pins<'a>,
    /// Message-signalled interrupts to send (I/O APIC, MSI), delivered when the call returns
    pub messages: &'a mut Vec<InterruptMessage>,
    /// Events for the machine
    pub events: &'a mut MachineEvents,
    /// Guest memory: what devices map into it, and what lies in it
    pub memory: &'a GuestMemory,
    /// The device's own number, by which its registers are mapped
    pub device: DeviceId,
    /// Guest memory as bus masters reach it: code that processors keep of what they write is dropped
    pub dma: &'a mut dyn DmaMemory,
}
