//! The base trait and the optional capabilities.

use crate::{
    CoprocessorError, Ctx, HostEvent, IrqInputs, LegacyController, LocalController, Snapshot, VmTime,
};
use x86_types::GuestPhysAddr;

/// A device. Capabilities it lacks stay `None`.
pub trait Device: Snapshot {
    /// The `id` of its declaration.
    fn id(&self) -> &'static str;

    /// Back to the state after power-on or RESET#.
    fn reset(&mut self, ctx: &mut Ctx<'_>);

    /// A person did something; most devices take no notice.
    fn host_event(&mut self, _ctx: &mut Ctx<'_>, _event: HostEvent) {}

    /// Answers I/O ports.
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        None
    }
    /// Answers memory-mapped registers.
    fn mmio(&mut self) -> Option<&mut dyn Mmio> {
        None
    }
    /// Is a PCI function.
    fn pci(&mut self) -> Option<&mut dyn PciFunction> {
        None
    }
    /// Wants to be called at certain times.
    fn timed(&mut self) -> Option<&mut dyn Timed> {
        None
    }
    /// Listens to interrupt lines (8259A pair, I/O APIC).
    fn irq_inputs(&mut self) -> Option<&mut dyn IrqInputs> {
        None
    }
    /// Gives vectors on INTA cycles (8259A pair).
    fn legacy_controller(&mut self) -> Option<&mut dyn LegacyController> {
        None
    }
    /// Is the local APIC of a processor.
    fn local_controller(&mut self) -> Option<&mut dyn LocalController> {
        None
    }
    /// Listens to FERR# and drives IGNNE#.
    fn coprocessor_error(&mut self) -> Option<&mut dyn CoprocessorError> {
        None
    }
}

/// Port input and output. `size` is 1, 2 or 4 bytes; values are in the low bytes. A device that decodes only bytes
/// answers each byte lane itself or returns ones.
pub trait Pio {
    /// IN
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32;
    /// OUT
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32);
}

/// Memory-mapped registers. `address` is absolute; `size` is 1, 2, 4 or 8 bytes.
pub trait Mmio {
    /// Load
    fn mmio_read(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64;
    /// Store
    fn mmio_write(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64);
}

/// Configuration space of one PCI function on bus 0.
pub trait PciFunction {
    /// Device (0 to 31) and function (0 to 7) number.
    fn slot(&self) -> (u8, u8);
    /// Reads the aligned dword at `offset` (0 to 252).
    fn config_read(&mut self, offset: u8) -> u32;
    /// Writes the bytes of the aligned dword at `offset` that `mask` selects.
    fn config_write(&mut self, ctx: &mut Ctx<'_>, offset: u8, value: u32, mask: u32);
}

/// Time-driven behaviour.
pub trait Timed {
    /// The next moment at which [`Timed::advance`] must be called, if any.
    fn next_deadline(&self) -> Option<VmTime>;
    /// Called when a deadline has come (`ctx.now` may be later than it); also before accesses is not guaranteed.
    fn advance(&mut self, ctx: &mut Ctx<'_>);
}
