//! Accesses, interrupt lines and deadlines.

use super::set::{DeviceSet, NOBODY};
use device_api::{
    Ctx, Device, DmaMemory, InterruptMessage, IrqLines, LocalController, MachineEvents, MsrAccess, VmTime,
};
use x86_types::GuestPhysAddr;

/// What devices may change while they are called.
#[derive(Default)]
pub struct BusEnv {
    /// Interrupt lines
    pub irq: IrqLines,
    /// Interrupt messages on their way
    pub messages: Vec<InterruptMessage>,
    /// What devices want of the machine
    pub events: MachineEvents,
}

/// Rounds of settling at most: devices that answer each other for ever are cut off.
const MAX_ROUNDS: usize = 64;

fn ones(size: u8) -> u64 {
    u64::MAX >> (64 - 8 * u32::from(size.clamp(1, 8)))
}

/// A call to one device with what is around it.
struct Call<'a> {
    env: &'a mut BusEnv,
    dma: &'a mut dyn DmaMemory,
    now: VmTime,
}

impl Call<'_> {
    fn ctx(&mut self) -> Ctx<'_> {
        Ctx {
            now: self.now,
            irq: &mut self.env.irq,
            messages: &mut self.env.messages,
            events: &mut self.env.events,
            dma: self.dma,
        }
    }
}

impl DeviceSet {
    fn local(&mut self) -> Option<&mut dyn LocalController> {
        self.devices.get_mut(self.local?)?.local_controller()
    }

    fn port_owner(&mut self, port: u16) -> Option<&mut Box<dyn Device>> {
        let owner = self.ports[usize::from(port)];
        if owner == NOBODY { None } else { self.devices.get_mut(usize::from(owner)) }
    }

    /// IN, to the owner of its first port whole. Ports nobody answers read as ones.
    pub fn port_read(
        &mut self,
        env: &mut BusEnv,
        dma: &mut dyn DmaMemory,
        now: VmTime,
        port: u16,
        size: u8,
    ) -> u32 {
        let mut call = Call { env, dma, now };
        let value = match self.port_owner(port).and_then(|device| device.pio()) {
            Some(device) => device.port_read(&mut call.ctx(), port, size),
            None => u32::MAX,
        };
        self.settle(env, dma, now);
        value & ones(size) as u32
    }

    /// OUT, likewise. Ports nobody answers swallow it.
    pub fn port_write(
        &mut self,
        env: &mut BusEnv,
        dma: &mut dyn DmaMemory,
        now: VmTime,
        (port, size, value): (u16, u8, u32),
    ) {
        let mut call = Call { env, dma, now };
        if let Some(device) = self.port_owner(port).and_then(|device| device.pio()) {
            device.port_write(&mut call.ctx(), port, size, value & ones(size) as u32);
        }
        self.settle(env, dma, now);
    }

    fn mmio_owner(&mut self, address: GuestPhysAddr) -> Option<&mut Box<dyn Device>> {
        // The local APIC's page can be moved: it answers where it says, and nowhere else.
        let local = self.local;
        let base = self.local().filter(|apic| apic.enabled()).map(|apic| apic.base());
        if base.is_some_and(|base| address.0 & !0xfff == base & !0xfff) {
            return self.devices.get_mut(local?);
        }
        let at = self.mmio.partition_point(|(range, _)| range.start <= address);
        let (range, owner) = self.mmio.get(at.checked_sub(1)?)?;
        let owner = usize::from(*owner);
        if address.0 - range.start.0 >= range.len || Some(owner) == local {
            return None;
        }
        self.devices.get_mut(owner)
    }

    /// A load outside RAM. Addresses nobody answers read as ones.
    pub fn mmio_read(
        &mut self,
        env: &mut BusEnv,
        dma: &mut dyn DmaMemory,
        now: VmTime,
        (address, size): (GuestPhysAddr, u8),
    ) -> u64 {
        let mut call = Call { env, dma, now };
        let value = match self.mmio_owner(address).and_then(|device| device.mmio()) {
            Some(device) => device.mmio_read(&mut call.ctx(), address, size),
            None => u64::MAX,
        };
        self.settle(env, dma, now);
        value & ones(size)
    }

    /// A store outside RAM. Addresses nobody answers swallow it.
    pub fn mmio_write(
        &mut self,
        env: &mut BusEnv,
        dma: &mut dyn DmaMemory,
        now: VmTime,
        (address, size, value): (GuestPhysAddr, u8, u64),
    ) {
        let mut call = Call { env, dma, now };
        if let Some(device) = self.mmio_owner(address).and_then(|device| device.mmio()) {
            device.mmio_write(&mut call.ctx(), address, size, value & ones(size));
        }
        self.settle(env, dma, now);
    }

    /// Hands on interrupt lines and messages until nothing moves any more.
    pub fn settle(&mut self, env: &mut BusEnv, dma: &mut dyn DmaMemory, now: VmTime) {
        for _ in 0..MAX_ROUNDS {
            let mut quiet = true;
            if env.irq.has_changes() {
                quiet = false;
                for (line, high) in env.irq.take_changes() {
                    for n in 0..self.listeners.len() {
                        let mut call = Call { env, dma, now };
                        if let Some(inputs) = self.devices[self.listeners[n]].irq_inputs() {
                            inputs.irq_changed(&mut call.ctx(), line, high);
                        }
                    }
                }
            }
            if !env.messages.is_empty() {
                quiet = false;
                for message in std::mem::take(&mut env.messages) {
                    let mut call = Call { env, dma, now };
                    if let Some(apic) = self.local() {
                        apic.message(&mut call.ctx(), &message);
                    }
                }
            }
            while let Some(vector) = self.local().and_then(|apic| apic.take_eoi_broadcast()) {
                quiet = false;
                for n in 0..self.listeners.len() {
                    let mut call = Call { env, dma, now };
                    if let Some(inputs) = self.devices[self.listeners[n]].irq_inputs() {
                        inputs.end_of_interrupt(&mut call.ctx(), vector);
                    }
                }
            }
            if quiet {
                return;
            }
        }
        tracing::warn!("interrupts did not come to rest");
    }

    /// The earliest moment at which some device wants to be called.
    pub fn next_deadline(&mut self) -> Option<VmTime> {
        let devices = &mut self.devices;
        self.timed.iter().filter_map(|&n| devices[n].timed().and_then(|timed| timed.next_deadline())).min()
    }

    /// Calls the devices whose time has come.
    pub fn advance(&mut self, env: &mut BusEnv, dma: &mut dyn DmaMemory, now: VmTime) {
        for n in 0..self.timed.len() {
            let mut call = Call { env, dma, now };
            if let Some(timed) = self.devices[self.timed[n]].timed()
                && timed.next_deadline().is_some_and(|deadline| deadline <= now)
            {
                timed.advance(&mut call.ctx());
            }
        }
        self.settle(env, dma, now);
    }

    fn legacy_reaches_processor(&mut self) -> bool {
        let accepts = self.local().is_none_or(|apic| apic.accepts_legacy());
        let legacy = self.legacy;
        accepts
            && legacy
                .and_then(|n| self.devices[n].legacy_controller())
                .is_some_and(|controller| controller.intr())
    }

    /// Whether a maskable interrupt waits.
    pub fn interrupt_pending(&mut self) -> bool {
        self.local().is_some_and(|apic| apic.pending().is_some()) || self.legacy_reaches_processor()
    }

    /// The processor takes an interrupt: the local APIC's first, then that of the 8259A pair.
    pub fn acknowledge(&mut self, env: &mut BusEnv, dma: &mut dyn DmaMemory, now: VmTime) -> Option<u8> {
        let mut call = Call { env, dma, now };
        let vector = self
            .local()
            .filter(|apic| apic.pending().is_some())
            .and_then(|apic| apic.acknowledge(&mut call.ctx()));
        let vector = match vector {
            Some(vector) => Some(vector),
            None if self.legacy_reaches_processor() => {
                let legacy = self.legacy;
                legacy
                    .and_then(|n| self.devices[n].legacy_controller())
                    .map(|controller| controller.acknowledge())
            }
            None => None,
        };
        self.settle(env, dma, now);
        vector
    }

    /// Takes a waiting NMI.
    pub fn take_nmi(&mut self) -> bool {
        self.local().is_some_and(|apic| apic.take_nmi())
    }

    /// CR8
    pub fn cr8(&mut self) -> u8 {
        self.local().map_or(0, |apic| apic.cr8())
    }

    /// Writes CR8.
    pub fn set_cr8(&mut self, env: &mut BusEnv, dma: &mut dyn DmaMemory, now: VmTime, value: u8) {
        let mut call = Call { env, dma, now };
        if let Some(apic) = self.local() {
            apic.set_cr8(&mut call.ctx(), value);
        }
        self.settle(env, dma, now);
    }

    /// RDMSR (`write` is `None`) or WRMSR of a register that the local APIC holds.
    pub fn msr(
        &mut self,
        env: &mut BusEnv,
        dma: &mut dyn DmaMemory,
        now: VmTime,
        (msr, write): (u32, Option<u64>),
    ) -> MsrAccess {
        let mut call = Call { env, dma, now };
        let answer = match (self.local(), write) {
            (Some(apic), Some(value)) => apic.write_msr(&mut call.ctx(), msr, value),
            (Some(apic), None) => apic.read_msr(&mut call.ctx(), msr),
            (None, _) => MsrAccess::NotHandled,
        };
        self.settle(env, dma, now);
        answer
    }

    /// APIC id and whether the local APIC is enabled.
    pub fn apic(&mut self) -> (u32, bool) {
        self.local().map_or((0, false), |apic| (apic.apic_id(), apic.enabled()))
    }

    /// RESET# to every device.
    pub fn reset(&mut self, env: &mut BusEnv, dma: &mut dyn DmaMemory, now: VmTime) {
        for device in &mut self.devices {
            let mut call = Call { env, dma, now };
            device.reset(&mut call.ctx());
        }
        self.settle(env, dma, now);
        env.events.clear();
    }
}
