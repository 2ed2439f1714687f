//! The board: devices, time, and what waits for the run loop.

use crate::bus::{BoardConfig, BusEnv, BusError, DeviceSet};
use crate::random::Random;
use crate::time::Clock;
use device_api::{DmaMemory, FirmwareConfig, FirmwareTables, HostEvent, MachineEvent, MsrAccess, VmTime};
use guest_memory::GuestMemory;
use std::rc::Rc;
use x86_exec::{BusMsr, Pending, VcpuBus};
use x86_types::GuestPhysAddr;

/// Guest memory for bus masters. What they write is noted, so that decoded code there can be dropped.
struct Dma {
    memory: Rc<GuestMemory>,
    written: Vec<(GuestPhysAddr, u64)>,
}

impl DmaMemory for Dma {
    fn read(&mut self, address: GuestPhysAddr, bytes: &mut [u8]) {
        self.memory.read(address, bytes);
    }
    fn write(&mut self, address: GuestPhysAddr, bytes: &[u8]) {
        self.memory.write(address, bytes);
        self.written.push((address, bytes.len() as u64));
    }
}

/// Everything but processors and memory.
pub(crate) struct Board {
    devices: DeviceSet,
    env: BusEnv,
    dma: Dma,
    clock: Clock,
    random: Random,
    /// The deadline that the run loop knows; an earlier one makes it look again
    known_deadline: Option<VmTime>,
    /// When the host wants the run loop back
    alarm: Option<VmTime>,
}

impl Board {
    pub(crate) fn new(
        config: &mut BoardConfig<'_>,
        clock: Clock,
        random: Random,
        memory: Rc<GuestMemory>,
    ) -> Result<Self, BusError> {
        let mut env = BusEnv::new(&memory);
        let mut devices = DeviceSet::build(config, &memory, &mut env)?;
        let mut dma = Dma { memory, written: Vec::new() };
        devices.reset(&mut env, &mut dma, VmTime::ZERO);
        let board = Self { devices, env, dma, clock, random, known_deadline: None, alarm: None };
        board.update_a20();
        Ok(board)
    }

    pub(crate) fn device_models(&self) -> Vec<&'static str> {
        self.devices.models()
    }

    /// What is saved. The rest is empty between instructions, or asked for anew.
    pub(crate) fn state(&mut self) -> (&mut DeviceSet, &mut BusEnv, &mut Clock, &mut Random) {
        let Self { devices, env, clock, random, dma: _, known_deadline: _, alarm: _ } = self;
        (devices, env, clock, random)
    }

    pub(crate) fn now(&self, retired: u64) -> VmTime {
        self.clock.now(retired)
    }

    /// The time of an access: devices are read as they are, not as they were when the run loop last looked.
    fn time(&mut self, retired: u64) -> VmTime {
        self.clock.set_deadline(self.devices.next_deadline());
        self.clock.update(retired);
        self.clock.now(retired)
    }

    pub(crate) fn host_event(&mut self, retired: u64, event: HostEvent) {
        self.call_devices(retired, |devices, env, dma, now| devices.host_event(env, dma, now, event));
    }

    /// Calls devices for the host, between instructions.
    pub(crate) fn call_devices<R>(
        &mut self,
        retired: u64,
        call: impl FnOnce(&mut DeviceSet, &mut BusEnv, &mut dyn DmaMemory, VmTime) -> R,
    ) -> R {
        let now = self.clock.now(retired);
        let result = call(&mut self.devices, &mut self.env, &mut self.dma, now);
        self.update_a20();
        result
    }

    /// Has the run loop come back at a moment.
    pub(crate) fn set_alarm(&mut self, at: Option<VmTime>) {
        self.alarm = at;
    }

    /// Returns whether that moment has come, once.
    pub(crate) fn take_alarm(&mut self, retired: u64) -> bool {
        let now = self.clock.now(retired);
        self.alarm.take_if(|at| *at <= now).is_some()
    }

    fn next_deadline(&self) -> Option<VmTime> {
        self.devices.next_deadline().into_iter().chain(self.alarm).min()
    }

    /// Has devices take what has completed or arrived at the host. Returns whether a request is still on its way there.
    pub(crate) fn poll_host(&mut self, retired: u64) -> bool {
        if !self.devices.polls_host() {
            return false;
        }
        let now = self.clock.now(retired);
        self.devices.poll_host(&mut self.env, &mut self.dma, now);
        self.devices.waits_for_host()
    }

    /// Whether runs repeat exactly: then the machine waits for the host.
    pub(crate) fn is_repeatable(&self) -> bool {
        matches!(self.clock, Clock::Instructions { .. })
    }

    /// What the devices say of themselves to firmware's tables.
    pub(crate) fn firmware_tables(&self) -> FirmwareTables {
        self.devices.firmware_tables()
    }

    /// The device by which firmware gets its configuration.
    pub(crate) fn firmware_config(&mut self) -> Option<&mut dyn FirmwareConfig> {
        self.devices.firmware_config()
    }

    /// Does what firmware does for the interrupt mode before it starts an operating system.
    pub(crate) fn virtual_wire(&mut self, retired: u64) {
        let now = self.clock.now(retired);
        self.devices.virtual_wire(&mut self.env, &mut self.dma, now);
    }

    /// Has memory follow the gate of address line 20.
    pub(crate) fn update_a20(&self) {
        self.dma.memory.set_a20(self.env.lines.a20());
    }

    /// Calls the devices whose time has come.
    pub(crate) fn advance(&mut self, retired: u64) {
        let now = self.time(retired);
        self.devices.advance(&mut self.env, &mut self.dma, now);
    }

    /// Instructions until the next deadline, at least 1 where one is due.
    pub(crate) fn instructions_to_deadline(&mut self, retired: u64) -> Option<u64> {
        self.known_deadline = self.next_deadline();
        self.clock.instructions_until(retired, self.known_deadline?)
    }

    /// Skips or sleeps to the next deadline, or says how long a host that cannot sleep should wait; `None` when there is
    /// no deadline.
    pub(crate) fn idle_to_deadline(&mut self, retired: u64) -> Option<Option<u64>> {
        let deadline = self.next_deadline()?;
        self.clock.set_deadline(Some(deadline));
        Some(self.clock.idle(retired, deadline))
    }

    pub(crate) fn has_events(&self) -> bool {
        !self.env.events.is_empty()
    }

    /// Returns what waits for a processor.
    pub(crate) fn pending(&mut self, processor: usize) -> Pending {
        self.devices.pending(processor)
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
        self.update_a20();
    }

    /// The board as one processor sees it. `others` is what all others retired.
    pub(crate) fn for_processor(&mut self, index: usize, others: u64) -> ProcessorBus<'_> {
        self.env.processor = index;
        ProcessorBus { board: self, index, others }
    }
}

/// The board as one processor sees it.
pub(crate) struct ProcessorBus<'a> {
    board: &'a mut Board,
    index: usize,
    /// Instructions that all other processors retired: time is made of those of all
    others: u64,
}

impl ProcessorBus<'_> {
    fn time(&mut self, retired: u64) -> VmTime {
        self.board.time(retired + self.others)
    }

    fn msr(&mut self, retired: u64, msr: u32, write: Option<u64>) -> BusMsr {
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        match devices.msr(env, dma, now, (msr, write)) {
            MsrAccess::Handled(value) => BusMsr::Value(value),
            MsrAccess::NotHandled | MsrAccess::GeneralProtection => BusMsr::GeneralProtection,
        }
    }
}

impl VcpuBus for ProcessorBus<'_> {
    fn port_read(&mut self, retired: u64, port: u16, size: u8) -> u32 {
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        devices.port_read(env, dma, now, port, size)
    }

    fn port_write(&mut self, retired: u64, port: u16, size: u8, value: u32) {
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        devices.port_write(env, dma, now, (port, size, value));
        self.board.update_a20();
    }

    fn port_read_block(&mut self, retired: u64, port: u16, size: u8, data: &mut [u8]) -> usize {
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        devices.port_read_block(env, dma, now, (port, size, data))
    }

    fn port_write_block(&mut self, retired: u64, port: u16, size: u8, data: &[u8]) -> usize {
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        let done = devices.port_write_block(env, dma, now, (port, size, data));
        self.board.update_a20();
        done
    }

    fn mmio_read(&mut self, retired: u64, address: GuestPhysAddr, size: u8) -> u64 {
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        devices.mmio_read(env, dma, now, (address, size))
    }

    fn mmio_write(&mut self, retired: u64, address: GuestPhysAddr, size: u8, value: u64) {
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        devices.mmio_write(env, dma, now, (address, size, value));
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
        self.board.devices.cr8(self.index)
    }

    fn set_cr8(&mut self, retired: u64, value: u8) {
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        devices.set_cr8(env, dma, now, value);
    }

    fn pending(&mut self) -> Pending {
        self.board.devices.pending(self.index)
    }

    fn acknowledge(&mut self, retired: u64) -> Option<u8> {
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        devices.acknowledge(env, dma, now)
    }

    fn take_nmi(&mut self) -> bool {
        self.board.devices.take_nmi(self.index)
    }

    fn take_init(&mut self) -> bool {
        self.board.devices.take_init(self.index)
    }

    fn take_startup(&mut self) -> Option<u8> {
        self.board.devices.take_startup(self.index)
    }

    fn wants_exit(&mut self) -> bool {
        let earlier = match (self.board.devices.next_deadline(), self.board.known_deadline) {
            (Some(next), Some(known)) => next < known,
            (Some(_), None) => true,
            (None, _) => false,
        };
        // Time stands still until the device was called.
        let due = self.board.devices.next_deadline().is_some_and(|next| next <= self.board.clock.now(0));
        due && !self.board.is_repeatable()
            || earlier
            || self.board.has_events()
            || !self.board.dma.written.is_empty()
    }

    fn apic(&mut self) -> (u32, bool) {
        self.board.devices.apic(self.index)
    }

    fn random(&mut self, _: u64) -> u64 {
        self.board.random.next()
    }

    /// The pins of the bootstrap processor alone are wired.
    fn set_ferr(&mut self, retired: u64, asserted: bool) {
        if self.index != 0 {
            return;
        }
        let now = self.time(retired);
        let Board { devices, env, dma, .. } = &mut *self.board;
        devices.set_ferr(env, dma, now, asserted);
    }

    fn ignne(&mut self) -> bool {
        self.index != 0 || self.board.devices.ignne()
    }
}
