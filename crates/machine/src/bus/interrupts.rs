//! Interrupt routing: lines to controllers, messages to local APICs, vectors to the processor.

use super::env::BusCall;
use super::set::{DeviceSet, UNASSIGNED};
use device_api::{Delivery, InterruptMessage, LegacyController, LocalController, MachineEvent, MsrAccess};

use x86_exec::Pending;
use x86_types::GuestPhysAddr;

/// Rounds of delivery at most: devices that answer each other for ever are cut off.
const MAX_ROUNDS: usize = 64;

/// Offsets of local APIC registers in its page.
///
/// SPEC: intel-sdm-vol3 :: 12.4.1 The Local APIC Block Diagram -> Table 12-1, the register address map
const SPURIOUS_VECTOR: u64 = 0xf0;
const LVT_LINT0: u64 = 0x350;
const LVT_LINT1: u64 = 0x360;

impl DeviceSet {
    /// Index of a processor's local APIC, where there is one.
    fn local_index(&self, processor: usize) -> usize {
        self.locals.get(processor).copied().unwrap_or(usize::from(UNASSIGNED))
    }

    /// Returns the local APIC of a processor.
    pub(super) fn local(&mut self, processor: usize) -> Option<&mut dyn LocalController> {
        self.devices.get_mut(*self.locals.get(processor)?)?.local_controller()
    }

    fn legacy(&mut self) -> Option<&mut dyn LegacyController> {
        self.devices.get_mut(self.legacy?)?.legacy_controller()
    }

    /// Does for the first processor's local APIC what firmware does before it starts an operating system: INTR of the 8259A
    /// pair and NMI reach the processor through it. After a reset alone they do not.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.4.7.2 Local APIC State After It Has Been Software Disabled -> LVT entries stay masked until the spurious-interrupt vector register enables the APIC
    /// SPEC: intel-sdm-vol3 :: 12.5.1 Local Vector Table -> LINT0 as ExtINT, LINT1 as NMI
    pub fn virtual_wire(&mut self, call: &mut BusCall<'_>) {
        let Some(base) = self.local(0).filter(|apic| apic.enabled()).map(|apic| apic.base()) else { return };
        call.env.processor = 0;
        for (register, value) in [(SPURIOUS_VECTOR, 0x1ff), (LVT_LINT0, 0x700), (LVT_LINT1, 0x400)] {
            let address = GuestPhysAddr(base & !0xfff | register);
            self.mmio_write(call, address, 4, value);
        }
    }

    /// Delivers interrupt lines, messages and EOI broadcasts, and moves what DMA channels request, until nothing changes.
    pub fn deliver_irqs(&mut self, call: &mut BusCall<'_>) {
        for _ in 0..MAX_ROUNDS {
            let quiet = !self.forward_lines(call) & !self.forward_messages(call);
            if quiet & !self.forward_eois(call) & !self.move_dma(call) {
                self.update_deadlines(call.env);
                return;
            }
        }
        tracing::warn!("devices raise interrupts at one another without end");
        self.update_deadlines(call.env);
    }

    /// Changes of lines go to every controller that listens. Gives whether there were any.
    fn forward_lines(&mut self, call: &mut BusCall<'_>) -> bool {
        if !call.env.lines.has_changes() {
            return false;
        }
        for (line, high) in call.env.lines.take_changes() {
            for &listener in &self.listeners {
                if let Some(inputs) = self.devices[listener].irq_inputs() {
                    inputs.irq_changed(&mut call.ctx(listener), line, high);
                }
            }
        }
        true
    }

    /// Delivers messages to all local APICs, which compare the destination. Returns whether there were any.
    fn forward_messages(&mut self, call: &mut BusCall<'_>) -> bool {
        if call.env.messages.is_empty() {
            return false;
        }
        for message in std::mem::take(&mut call.env.messages) {
            self.deliver(call, &message);
        }
        true
    }

    /// SPEC: intel-sdm-vol3 :: 12.6.1 Interrupt Command Register (ICR) -> INIT resets the processor; a start-up message means something only to one that waits for it
    /// SPEC: intel-sdm-vol3 :: 12.6.2.4 Lowest Priority Delivery Mode -> exactly one of those addressed gets it; here the first that accepts
    fn deliver(&mut self, call: &mut BusCall<'_>, message: &InterruptMessage) {
        let mut accepted = false;
        for (n, &local) in self.locals.iter().enumerate() {
            let Some(apic) = self.devices[local].local_controller() else { continue };
            accepted |= apic.message(&mut call.ctx(local), message);
            // The first processor starts in firmware, which its machine loads, and never waits for a start-up message.
            if n == 0 {
                let _ = apic.take_startup();
                if apic.take_init() {
                    call.env.events.push(MachineEvent::Init);
                }
            }
            if accepted && message.delivery == Delivery::LowestPriority {
                return;
            }
        }
        if !accepted {
            tracing::debug!(?message, "interrupt message without a destination");
        }
    }

    /// SPEC: intel-sdm-vol3 :: 12.8.5 Signaling Interrupt Servicing Completion -> the end of a level-triggered interrupt is broadcast to the I/O APICs
    fn forward_eois(&mut self, call: &mut BusCall<'_>) -> bool {
        let mut any = false;
        for &local in &self.locals {
            // A local APIC has 256 vectors to end.
            for _ in 0..256 {
                let apic = self.devices[local].local_controller();
                let Some(vector) = apic.and_then(|apic| apic.take_eoi_broadcast()) else { break };
                any = true;
                for &listener in &self.listeners {
                    if let Some(inputs) = self.devices[listener].irq_inputs() {
                        inputs.end_of_interrupt(&mut call.ctx(listener), vector);
                    }
                }
            }
        }
        any
    }

    /// SPEC: intel-sdm-vol3 :: 12.5.1 Local Vector Table -> INTR of the 8259A pair arrives through LINT0 as ExtINT, or directly while the APIC is off; INTR itself is wired to the first processor alone
    fn legacy_reaches(&mut self, processor: usize) -> bool {
        let accepts =
            |apic: &mut dyn LocalController| apic.accepts_legacy() && (processor == 0 || apic.enabled());
        self.local(processor).map_or(processor == 0, accepts)
            && self.legacy().is_some_and(|controller| controller.intr())
    }

    /// Returns what waits for a processor.
    pub fn pending(&mut self, processor: usize) -> Pending {
        let mut pending = Pending::default();
        if let Some(apic) = self.local(processor) {
            let interrupt = apic.pending().is_some();
            pending = Pending { interrupt, nmi: apic.nmi_pending(), start: apic.start_pending() };
        }
        pending.interrupt = pending.interrupt || self.legacy_reaches(processor);
        pending
    }

    /// The processor takes an interrupt: the local APIC's first, then that of the 8259A pair.
    pub fn acknowledge(&mut self, call: &mut BusCall<'_>) -> Option<u8> {
        let processor = call.env.processor;
        let index = self.local_index(processor);
        let vector = self
            .local(processor)
            .filter(|apic| apic.pending().is_some())
            .and_then(|apic| apic.acknowledge(&mut call.ctx(index)));
        let vector = match vector {
            None if self.legacy_reaches(processor) => {
                self.legacy().map(|controller| controller.acknowledge())
            }
            vector => vector,
        };
        self.deliver_irqs(call);
        vector
    }

    /// Takes a waiting NMI.
    pub fn take_nmi(&mut self, processor: usize) -> bool {
        self.local(processor).is_some_and(|apic| apic.take_nmi())
    }

    /// Takes a waiting INIT.
    pub fn take_init(&mut self, processor: usize) -> bool {
        self.local(processor).is_some_and(|apic| apic.take_init())
    }

    /// Takes the vector of a waiting start-up message.
    pub fn take_startup(&mut self, processor: usize) -> Option<u8> {
        self.local(processor)?.take_startup()
    }

    /// The processor drives FERR#.
    pub fn set_ferr(&mut self, call: &mut BusCall<'_>, asserted: bool) {
        let Some(index) = self.coprocessor_error else { return };
        if let Some(logic) = self.devices[index].coprocessor_error() {
            logic.set_ferr(&mut call.ctx(index), asserted);
        }
        self.deliver_irqs(call);
    }

    /// Returns whether IGNNE# is asserted, as it is where no device drives it.
    pub fn ignne(&mut self) -> bool {
        let logic = self.coprocessor_error.and_then(|index| self.devices[index].coprocessor_error());
        logic.is_none_or(|logic| logic.ignne())
    }

    /// CR8
    pub fn cr8(&mut self, processor: usize) -> u8 {
        self.local(processor).map_or(0, |apic| apic.cr8())
    }

    /// Writes CR8.
    pub fn set_cr8(&mut self, call: &mut BusCall<'_>, value: u8) {
        let processor = call.env.processor;
        let index = self.local_index(processor);
        if let Some(apic) = self.local(processor) {
            apic.set_cr8(&mut call.ctx(index), value);
        }
        self.deliver_irqs(call);
    }

    /// RDMSR (`write` is `None`) or WRMSR of a register that the local APIC holds.
    pub fn msr(&mut self, call: &mut BusCall<'_>, msr: u32, write: Option<u64>) -> MsrAccess {
        let processor = call.env.processor;
        let mut ctx = call.ctx(self.local_index(processor));
        let answer = match (self.local(processor), write) {
            (Some(apic), Some(value)) => apic.write_msr(&mut ctx, msr, value),
            (Some(apic), None) => apic.read_msr(&mut ctx, msr),
            (None, _) => MsrAccess::NotHandled,
        };
        if write.is_some() {
            self.follow_apic(processor);
        }
        self.deliver_irqs(call);
        answer
    }

    /// APIC id and whether the local APIC is enabled.
    pub fn apic(&mut self, processor: usize) -> (u32, bool) {
        self.local(processor).map_or((0, false), |apic| (apic.apic_id(), apic.enabled()))
    }
}
