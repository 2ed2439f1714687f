//! The local APIC.

mod access;
mod chip;
mod info;
mod ipi;
pub mod spec;
#[cfg(test)]
mod tests;
mod timer;
mod vectors;

use crate::codec::snapshot_of;
use chip::Lapic;
use device_api::{
    Ctx, Device, DeviceDecl, FirmwareTables, InterruptMessage, LocalController, Mmio, MmioRange, MsrAccess,
    Presence, Stage, Timed, VmTime, capabilities, declare_device,
};
use ipi::Ipi;
use spec::ApicBase;
use x86_types::GuestPhysAddr;

const ID: &str = "lapic";

/// The local APIC of one processor.
#[derive(Debug)]
pub struct LocalApic {
    state: Lapic,
    processors: u32,
}

impl LocalApic {
    fn new(id: u32, processors: u32) -> Self {
        Self { state: Lapic::new(id), processors }
    }

    /// Puts an IPI on the bus, which hands it to every APIC (this one too) when the call returns.
    fn post(&self, ctx: &mut Ctx<'_>, ipi: Option<Ipi>) {
        match ipi {
            None => {}
            Some(Ipi::Addressed(message)) => ctx.messages.push(message),
            Some(Ipi::Others(message)) => {
                let others = (0..self.processors).filter(|id| *id != self.state.id);
                let to = |destination| InterruptMessage { destination, logical: false, ..message };
                ctx.messages.extend(others.map(to));
            }
        }
    }
}

snapshot_of!(LocalApic, state);

impl Device for LocalApic {
    capabilities!(mmio, timed, local_controller);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        tables.processors.push(self.state.id as u8);
    }
    fn info(&self, topic: &str) -> Option<String> {
        let id: u32 = topic.strip_prefix("lapic ")?.parse().ok()?;
        (id == self.state.id).then(|| self.state.info())
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        self.state = Lapic::new(self.state.id);
    }
}

impl Mmio for LocalApic {
    fn mmio_read(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64 {
        self.state.page_read(ctx.now, address.page_offset() as u16, size)
    }
    fn mmio_write(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64) {
        let ipi = self.state.page_write(ctx.now, address.page_offset() as u16, size, value);
        self.post(ctx, ipi);
    }
}

impl Timed for LocalApic {
    fn next_deadline(&self) -> Option<VmTime> {
        self.state.next_deadline()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.state.catch_up(ctx.now);
    }
}

impl LocalController for LocalApic {
    fn pending(&self) -> Option<u8> {
        self.state.pending()
    }
    fn acknowledge(&mut self, _ctx: &mut Ctx<'_>) -> Option<u8> {
        self.state.acknowledge()
    }
    fn accepts_legacy(&self) -> bool {
        self.state.accepts_legacy()
    }
    fn message(&mut self, ctx: &mut Ctx<'_>, message: &InterruptMessage) -> bool {
        self.state.catch_up(ctx.now);
        self.state.message(message)
    }
    fn nmi_pending(&self) -> bool {
        self.state.nmi
    }
    fn take_nmi(&mut self) -> bool {
        std::mem::take(&mut self.state.nmi)
    }
    fn take_eoi_broadcast(&mut self) -> Option<u8> {
        let vector = self.state.broadcasts.highest()?;
        self.state.broadcasts.set(vector, false);
        Some(vector)
    }
    /// SPEC: intel-sdm-vol3 :: 12.8.6 Task Priority in IA-32e Mode -> CR8 is TPR bits 7:4; writing it clears bits 3:0
    fn cr8(&self) -> u8 {
        self.state.tpr >> 4
    }
    fn set_cr8(&mut self, _ctx: &mut Ctx<'_>, value: u8) {
        self.state.tpr = value << 4;
    }
    fn read_msr(&mut self, ctx: &mut Ctx<'_>, msr: u32) -> MsrAccess {
        self.state.read_msr(ctx.now, msr)
    }
    fn write_msr(&mut self, ctx: &mut Ctx<'_>, msr: u32, value: u64) -> MsrAccess {
        let (access, ipi) = self.state.write_msr(ctx.now, msr, value);
        self.post(ctx, ipi);
        access
    }
    fn start_pending(&self) -> bool {
        self.state.init || self.state.startup.is_some()
    }
    fn take_startup(&mut self) -> Option<u8> {
        self.state.startup.take()
    }
    fn take_init(&mut self) -> bool {
        std::mem::take(&mut self.state.init)
    }
    fn apic_id(&self) -> u32 {
        self.state.id
    }
    fn enabled(&self) -> bool {
        self.state.has_base(ApicBase::EN)
    }
    fn base(&self) -> u64 {
        (ApicBase::from_bits_retain(self.state.base) & ApicBase::ADDRESS).bits()
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Local APIC with timer, xAPIC and x2APIC modes",
    stage: Stage::Interrupts,
    ports: &[],
    mmio: &[MmioRange { start: GuestPhysAddr(spec::DEFAULT_BASE), len: 0x1000 }],
    presence: Presence::PerProcessor,
    build: |config| Ok(Box::new(LocalApic::new(config.processor, config.processors))),
    ..DeviceDecl::DEFAULT
});
