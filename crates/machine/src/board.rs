//! What the processor sees of the machine: ports, MMIO, interrupts and time.

use crate::bus::{BusEnv, BusError, DeviceSet};
use crate::random::Random;
use crate::time::Clock;
use device_api::{BuildConfig, DmaMemory, HostEvent, MachineEvent, MsrAccess, Snapshot, VmTime};
use guest_ram::GuestRam;
use std::any::Any;
use std::rc::Rc;
use x86_exec::{Bus, BusMsr};
use x86_types::GuestPhysAddr;

/// Guest memory for bus masters. What they write is noted, so that decoded code there can be dropped.
struct Dma {
    ram: Rc<GuestRam>,
    written: Vec<(GuestPhysAddr, u64)>,
}

impl DmaMemory for Dma {
    fn read(&mut self, address: GuestPhysAddr, bytes: &mut [u8]) {
        self.ram.read(address, bytes);
    }
    fn write(&mut self, address: GuestPhysAddr, bytes: &[u8]) {
        self.ram.write(address, bytes);
        self.written.push((address, bytes.len() as u64));
    }
}

/// Devices, time, and what waits for the run loop.
pub(crate) struct Board {
    devices: DeviceSet,
    env: BusEnv,
    dma: Dma,
    clock: Clock,
    random: Random,
    /// The deadline that the run loop was told; an earlier one makes it look again
    told: Option<VmTime>,
}

impl Board {
    pub(crate) fn new(
        config: &mut BuildConfig<'_>,
        clock: Clock,
        random: Random,
        ram: Rc<GuestRam>,
    ) -> Result<Self, BusError> {
        let mut devices = DeviceSet::build(config)?;
        let mut env = BusEnv::default();
        let mut dma = Dma { ram, written: Vec::new() };
        devices.reset(&mut env, &mut dma, VmTime::ZERO);
        devices.virtual_wire(&mut env, &mut dma, VmTime::ZERO);
        Ok(Self { devices, env, dma, clock, random, told: None })
    }

    pub(crate) fn device_ids(&self) -> Vec<&'static str> {
        self.devices.ids()
    }

    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        self.devices.save(out);
        self.random.save(out);
    }

    pub(crate) fn now(&self, retired: u64) -> VmTime {
        self.clock.now(retired)
    }

    /// The time of an access: devices are read as they are, not as they were when the run loop last looked.
    fn time(&mut self, retired: u64) -> VmTime {
        self.clock.update(retired);
        self.clock.now(retired)
    }

    pub(crate) fn host_event(&mut self, retired: u64, event: HostEvent) {
        let now = self.clock.now(retired);
        self.devices.host_event(&mut self.env, &mut self.dma, now, event);
    }

    /// Whether address line 20 reaches memory.
    pub(crate) fn a20(&self) -> bool {
        self.env.lines.a20()
    }

    /// Calls the devices whose time has come.
    pub(crate) fn advance(&mut self, retired: u64) {
        let now = self.time(retired);
        self.devices.advance(&mut self.env, &mut self.dma, now);
    }

    /// Instructions until the next deadline, at least 1 where one is due.
    pub(crate) fn instructions_to_deadline(&mut self, retired: u64) -> Option<u64> {
        self.told = self.devices.next_deadline();
        self.clock.instructions_until(retired, self.told?)
    }

    /// Skips or sleeps to the next deadline, or says how long a host that cannot sleep should wait; `None` when there is
    /// no deadline.
    pub(crate) fn idle_to_deadline(&mut self, retired: u64) -> Option<Option<u64>> {
        let deadline = self.devices.next_deadline()?;
        Some(self.clock.idle(retired, deadline))
    }

    pub(crate) fn has_events(&self) -> bool {
        !self.env.events.is_empty()
    }

    pub(crate) fn take_events(&mut self) -> Vec<MachineEvent> {
        std::mem::take(&mut self.env.events)
    }

    /// What bus masters wrote since the last call.
    pub(crate) fn take_dma_writes(&mut self) -> Vec<(GuestPhysAddr, u64)> {
        std::mem::take(&mut self.dma.written)
    }

    pub(crate) fn reset(&mut self, retired: u64) {
        let now = self.clock.now(retired);
        self.devices.reset(&mut self.env, &mut self.dma, now);
        // Guests are loaded without firmware: they find the interrupt mode it would have left.
        self.devices.virtual_wire(&mut self.env, &mut self.dma, now);
    }

    fn msr(&mut self, retired: u64, msr: u32, write: Option<u64>) -> BusMsr {
        let now = self.time(retired);
        match self.devices.msr(&mut self.env, &mut self.dma, now, (msr, write)) {
            MsrAccess::Handled(value) => BusMsr::Value(value),
            MsrAccess::NotHandled | MsrAccess::GeneralProtection => BusMsr::GeneralProtection,
        }
    }
}

impl Bus for Board {
    fn port_read(&mut self, retired: u64, port: u16, size: u8) -> u32 {
        let now = self.time(retired);
        self.devices.port_read(&mut self.env, &mut self.dma, now, port, size)
    }

    fn port_write(&mut self, retired: u64, port: u16, size: u8, value: u32) {
        let now = self.time(retired);
        self.devices.port_write(&mut self.env, &mut self.dma, now, (port, size, value));
    }

    fn mmio_read(&mut self, retired: u64, address: GuestPhysAddr, size: u8) -> u64 {
        let now = self.time(retired);
        self.devices.mmio_read(&mut self.env, &mut self.dma, now, (address, size))
    }

    fn mmio_write(&mut self, retired: u64, address: GuestPhysAddr, size: u8, value: u64) {
        let now = self.time(retired);
        self.devices.mmio_write(&mut self.env, &mut self.dma, now, (address, size, value));
    }

    fn read_msr(&mut self, retired: u64, msr: u32) -> BusMsr {
        self.msr(retired, msr, None)
    }

    fn write_msr(&mut self, retired: u64, msr: u32, value: u64) -> BusMsr {
        self.msr(retired, msr, Some(value))
    }

    fn tsc(&mut self, retired: u64) -> u64 {
        // 1 GHz: a tick is a nanosecond.
        self.time(retired).0
    }

    fn cr8(&mut self) -> u8 {
        self.devices.cr8()
    }

    fn set_cr8(&mut self, retired: u64, value: u8) {
        let now = self.time(retired);
        self.devices.set_cr8(&mut self.env, &mut self.dma, now, value);
    }

    fn interrupt_pending(&mut self) -> bool {
        self.devices.interrupt_pending()
    }

    fn acknowledge(&mut self, retired: u64) -> Option<u8> {
        let now = self.time(retired);
        self.devices.acknowledge(&mut self.env, &mut self.dma, now)
    }

    fn take_nmi(&mut self) -> bool {
        self.devices.take_nmi()
    }

    fn wants_exit(&mut self) -> bool {
        let earlier = match (self.devices.next_deadline(), self.told) {
            (Some(next), Some(told)) => next < told,
            (Some(_), None) => true,
            (None, _) => false,
        };
        earlier || !self.env.events.is_empty() || !self.dma.written.is_empty()
    }

    fn apic(&mut self) -> (u32, bool) {
        self.devices.apic()
    }

    fn random(&mut self, _: u64) -> u64 {
        self.random.next()
    }

    fn set_ferr(&mut self, retired: u64, asserted: bool) {
        let now = self.time(retired);
        self.devices.set_ferr(&mut self.env, &mut self.dma, now, asserted);
    }

    fn ignne(&mut self) -> bool {
        self.devices.ignne()
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
