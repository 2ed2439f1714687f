//! The base trait and the optional capabilities.

use crate::{
    BlockBackend, BlockInfo, CoprocessorError, Ctx, DmaController, DmaPeripheral, FirmwareConfig,
    FirmwareTables, HostEvent, IrqInputs, LegacyController, LocalController, PciFunction, Screen, Snapshot,
    VmTime,
};
use guest_memory::GuestMemory;
use x86_types::GuestPhysAddr;

/// A device. Capabilities it lacks stay `None`.
pub trait Device: Snapshot {
    /// Returns the `id` of its declaration.
    fn id(&self) -> &'static str;

    /// Adds the device's entries to firmware's tables.
    fn firmware_tables(&self, _tables: &mut FirmwareTables) {}

    /// Back to the state after power-on or RESET#.
    fn reset(&mut self, ctx: &mut Ctx<'_>);

    /// Restores mappings in guest memory that follow from the state. By default there are none; the bus maps those of
    /// [`PciFunction::windows`].
    fn map_restored(&mut self, _memory: &GuestMemory) {}

    /// Takes a host input event. The default ignores it.
    fn host_event(&mut self, _ctx: &mut Ctx<'_>, _event: HostEvent) {}

    /// Returns what the monitor's `info TOPIC` shows of the device, as lines: `pic`, `lapic`. Looking changes no state.
    fn info(&self, _topic: &str) -> Option<String> {
        None
    }

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
    /// Has deadlines.
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
    /// Makes requests of the host that complete later.
    fn host_io(&mut self) -> Option<&mut dyn HostIo> {
        None
    }
    /// Has drives with exchangeable media.
    fn drives(&mut self) -> Option<&mut dyn Drives> {
        None
    }
    /// Shows a picture.
    fn screen(&mut self) -> Option<&mut dyn Screen> {
        None
    }
    /// Is the 8237A pair.
    fn dma_controller(&mut self) -> Option<&mut dyn DmaController> {
        None
    }
    /// Moves bytes by a DMA channel.
    fn dma_peripheral(&mut self) -> Option<&mut dyn DmaPeripheral> {
        None
    }
    /// Hands firmware its configuration.
    fn firmware_config(&mut self) -> Option<&mut dyn FirmwareConfig> {
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
    /// Reads a data port repeatedly, `size` bytes into each element of `data`, as REP INS does. Returns how many elements were
    /// read, at least one: the last is that by which anything outside of the device changed. `None`, the default, from ports
    /// that are read one by one.
    fn port_read_block(
        &mut self,
        _ctx: &mut Ctx<'_>,
        _port: u16,
        _size: u8,
        _data: &mut [u8],
    ) -> Option<usize> {
        None
    }
    /// Writes the elements of `data`, `size` bytes each, to a data port, as REP OUTS does; otherwise as
    /// [`Pio::port_read_block`].
    fn port_write_block(&mut self, _ctx: &mut Ctx<'_>, _port: u16, _size: u8, _data: &[u8]) -> Option<usize> {
        None
    }
}

/// Memory-mapped registers. `address` is absolute; `size` is 1, 2, 4 or 8 bytes.
pub trait Mmio {
    /// Load
    fn mmio_read(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64;
    /// Store
    fn mmio_write(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64);
    /// Returns the byte that a load would give, without what a load does beside: for a monitor that looks at memory behind
    /// registers, such as the VGA's. `None` from registers, which is the default.
    fn peek(&self, _memory: &GuestMemory, _address: GuestPhysAddr) -> Option<u8> {
        None
    }
}

/// Time-driven behaviour.
pub trait Timed {
    /// Returns the next moment at which [`Timed::advance`] must be called, if any.
    fn next_deadline(&self) -> Option<VmTime>;
    /// Called when a deadline has come (`ctx.now` may be later than it); also before accesses is not guaranteed.
    fn advance(&mut self, ctx: &mut Ctx<'_>);
}

/// Requests on their way at a back end, and what arrives there unasked.
pub trait HostIo {
    /// Returns whether a request is on its way. Where runs are repeatable the machine waits for it.
    fn is_waiting(&self) -> bool;
    /// Returns whether unsolicited input may arrive, such as a frame from a network. [`HostIo::poll`] is called for it
    /// between stretches of execution; the machine never waits for it.
    fn is_listening(&self) -> bool {
        false
    }
    /// Looks for what has completed or arrived.
    fn poll(&mut self, ctx: &mut Ctx<'_>);
}

/// A drive, as QMP's `query-block` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveInfo {
    /// Its name: the `id` of the drive, as `ide1-cd0`
    pub id: String,
    /// Media can be taken out
    pub removable: bool,
    /// The guest does not let the medium go
    pub locked: bool,
    /// The tray is open
    pub open: bool,
    /// The medium
    pub medium: Option<BlockInfo>,
}

/// A controller with drives.
pub trait Drives {
    /// Returns all drives.
    fn list(&self) -> Vec<DriveInfo>;
    /// Ejects the medium of a drive, or requests that the guest eject it if the guest has locked it.
    ///
    /// # Errors
    /// The drive does not exist, holds its medium fast, or the guest has locked it and `force` is not set.
    fn eject(&mut self, ctx: &mut Ctx<'_>, drive: &str, force: bool) -> Result<(), String>;
    /// Puts a medium into a drive in place of the one that is there.
    ///
    /// # Errors
    /// Those of [`Drives::eject`].
    fn insert(&mut self, ctx: &mut Ctx<'_>, drive: &str, medium: Box<dyn BlockBackend>)
    -> Result<(), String>;
}
