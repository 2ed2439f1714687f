//! The board: devices, time, and what waits for the run loop.

use crate::bus::{BoardConfig, BusCall, BusEnv, BusError, DeviceSet};
use crate::random::Random;
use crate::time::Clock;
use device_api::{DmaMemory, FirmwareConfig, FirmwareTables, HostEvent, MachineEvent, MsrAccess, VmTime};
use guest_memory::GuestMemory;
use std::rc::Rc;
use x86_exec::{Pending, VcpuBus};
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
    /// The deadline of the current stretch of the run loop; an earlier one ends it
    known_deadline: Option<VmTime>,
    /// When the run loop has to return to the host
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
        devices.reset(&mut BusCall { env: &mut env, dma: &mut dma, now: VmTime::ZERO });
        let board = Self { devices, env, dma, clock, random, known_deadline: None, alarm: None };
        board.update_a20();
        Ok(board)
    }

    pub(crate) fn device_models(&self) -> Vec<&'static str> {
        self.devices.models()
    }

    /// Returns the saved state. The rest is empty between instructions, or queried again.
    pub(crate) fn state(&mut self) -> (&mut DeviceSet, &mut BusEnv, &mut Clock, &mut Random) {
        let Self { devices, env, clock, random, dma: _, known_deadline: _, alarm: _ } = self;
        (devices, env, clock, random)
    }

    pub(crate) fn now(&self, retired: u64) -> VmTime {
        self.clock.now(retired)
    }

    /// Returns the time of an access: devices are read as they are, not as they were when the run loop last looked.
    fn time(&mut self, retired: u64) -> VmTime {
        self.clock.set_deadline(self.devices.next_deadline());
        self.clock.update(retired);
        self.clock.now(retired)
    }

    pub(crate) fn host_event(&mut self, retired: u64, event: HostEvent) {
        self.call_devices(retired, |devices, call| devices.host_event(call, event));
    }

    /// Calls devices for the host, between instructions.
    pub(crate) fn call_devices<R>(
        &mut self,
        retired: u64,
        body: impl FnOnce(&mut DeviceSet, &mut BusCall<'_>) -> R,
    ) -> R {
        let (devices, mut call) = self.call(self.clock.now(retired));
        let result = body(devices, &mut call);
        self.update_a20();
        result
    }

    /// Returns the devices, and what a call of them takes.
    fn call(&mut self, now: VmTime) -> (&mut DeviceSet, BusCall<'_>) {
        (&mut self.devices, BusCall { env: &mut self.env, dma: &mut self.dma, now })
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
        let (devices, mut call) = self.call(self.clock.now(retired));
        devices.poll_host(&mut call);
        devices.waits_for_host()
    }

    /// Returns whether runs repeat exactly: then the machine waits for the host.
    pub(crate) fn is_repeatable(&self) -> bool {
        matches!(self.clock, Clock::Instructions { .. })
    }

    /// Returns the entries of the devices in firmware's tables.
    pub(crate) fn firmware_tables(&self) -> FirmwareTables {
        self.devices.firmware_tables()
    }

    /// Returns the device by which firmware gets its configuration.
    pub(crate) fn firmware_config(&mut self) -> Option<&mut dyn FirmwareConfig> {
        self.devices.firmware_config()
    }

    /// Does what firmware does for the interrupt mode before it starts an operating system.
    pub(crate) fn virtual_wire(&mut self, retired: u64) {
        let (devices, mut call) = self.call(self.clock.now(retired));
        devices.virtual_wire(&mut call);
    }

    /// Has memory follow the gate of address line 20.
    pub(crate) fn update_a20(&self) {
        self.dma.memory.set_a20(self.env.lines.a20());
    }

    /// Calls the devices with expired deadlines.
    pub(crate) fn advance(&mut self, retired: u64) {
        let now = self.time(retired);
        let (devices, mut call) = self.call(now);
        devices.advance(&mut call);
    }

    /// Instructions until the next deadline, at least 1 where one is due.
    pub(crate) fn instructions_to_deadline(&mut self, retired: u64) -> Option<u64> {
        self.known_deadline = self.next_deadline();
        self.clock.instructions_until(retired, self.known_deadline?)
    }

    /// Skips or sleeps to the next deadline. Returns how long a host that cannot sleep should wait; `None` if there is
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
        let (devices, mut call) = self.call(self.clock.now(retired));
        devices.reset(&mut call);
        self.update_a20();
    }

    /// Returns the board as one processor sees it. `others` is what all others retired.
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
    /// Returns the devices, and what an access at this moment takes.
    fn call(&mut self, retired: u64) -> (&mut DeviceSet, BusCall<'_>) {
        let now = self.board.time(retired + self.others);
        self.board.call(now)
    }

    fn msr(&mut self, retired: u64, msr: u32, write: Option<u64>) -> MsrAccess {
        let (devices, mut call) = self.call(retired);
        devices.msr(&mut call, msr, write)
    }
}

impl VcpuBus for ProcessorBus<'_> {
    fn port_read(&mut self, retired: u64, port: u16, size: u8) -> u32 {
        let (devices, mut call) = self.call(retired);
        devices.port_read(&mut call, port, size)
    }

    fn port_write(&mut self, retired: u64, port: u16, size: u8, value: u32) {
        let (devices, mut call) = self.call(retired);
        devices.port_write(&mut call, port, size, value);
        self.board.update_a20();
    }

    fn port_read_block(&mut self, retired: u64, port: u16, size: u8, data: &mut [u8]) -> usize {
        let (devices, mut call) = self.call(retired);
        devices.port_read_block(&mut call, port, size, data)
    }

    fn port_write_block(&mut self, retired: u64, port: u16, size: u8, data: &[u8]) -> usize {
        let (devices, mut call) = self.call(retired);
        let done = devices.port_write_block(&mut call, port, size, data);
        self.board.update_a20();
        done
    }

    fn mmio_read(&mut self, retired: u64, address: GuestPhysAddr, size: u8) -> u64 {
        let (devices, mut call) = self.call(retired);
        devices.mmio_read(&mut call, address, size)
    }

    fn mmio_write(&mut self, retired: u64, address: GuestPhysAddr, size: u8, value: u64) {
        let (devices, mut call) = self.call(retired);
        devices.mmio_write(&mut call, address, size, value);
    }

    fn read_msr(&mut self, retired: u64, msr: u32) -> MsrAccess {
        self.msr(retired, msr, None)
    }

    fn write_msr(&mut self, retired: u64, msr: u32, value: u64) -> MsrAccess {
        self.msr(retired, msr, Some(value))
    }

    fn tsc(&mut self, retired: u64) -> u64 {
        // 1 GHz: a tick is a nanosecond.
        self.board.time(retired + self.others).0
    }

    fn cr8(&mut self) -> u8 {
        self.board.devices.cr8(self.index)
    }

    fn set_cr8(&mut self, retired: u64, value: u8) {
        let (devices, mut call) = self.call(retired);
        devices.set_cr8(&mut call, value);
    }

    fn pending(&mut self) -> Pending {
        self.board.devices.pending(self.index)
    }

    fn acknowledge(&mut self, retired: u64) -> Option<u8> {
        let (devices, mut call) = self.call(retired);
        devices.acknowledge(&mut call)
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
        let (devices, mut call) = self.call(retired);
        devices.set_ferr(&mut call, asserted);
    }

    fn ignne(&mut self) -> bool {
        self.index != 0 || self.board.devices.ignne()
    }
}
