//! The local APIC: registers, acceptance and priorities.

use super::spec::{ApicBase, DEFAULT_BASE, Esr, Icr, LVT_IGNORED, LVT_WRITABLE, Lvt, Svr, VERSION, lvt, reg};
use super::timer::{Timer, TimerMode};
use super::vectors::Vectors;
use crate::codec::codec_struct;
use device_api::{Delivery, VmTime};

/// The whole state of one local APIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lapic {
    /// Initial APIC id; the registers show it read-only
    pub(super) id: u32,
    /// IA32_APIC_BASE
    pub(super) base: u64,
    pub(super) tpr: u8,
    /// xAPIC logical destination and its format; x2APIC derives its own
    pub(super) ldr: u32,
    pub(super) dfr: u32,
    pub(super) svr: u32,
    pub(super) isr: Vectors,
    pub(super) tmr: Vectors,
    pub(super) irr: Vectors,
    /// ESR as reads show it, and errors logged since it was last written
    pub(super) esr: u32,
    pub(super) errors: u32,
    pub(super) icr_low: u32,
    pub(super) icr_high: u32,
    pub(super) lvt: [u32; lvt::COUNT],
    pub(super) timer: Timer,
    pub(super) nmi: bool,
    pub(super) init: bool,
    pub(super) startup: Option<u8>,
    /// Ended level-triggered vectors that the I/O APICs have not heard of
    pub(super) broadcasts: Vectors,
}

codec_struct!(Lapic {
    id,
    base,
    tpr,
    ldr,
    dfr,
    svr,
    isr,
    tmr,
    irr,
    esr,
    errors,
    icr_low,
    icr_high,
    lvt,
    timer,
    nmi,
    init,
    startup,
    broadcasts,
});

/// The vectors that hardware may use.
///
/// SPEC: intel-sdm-vol3 :: 12.5.2 Valid Interrupt Vectors -> 0 to 15 are illegal
pub(super) const fn legal(vector: u8) -> bool {
    vector >= 16
}

impl Lapic {
    /// The state after power-up. Processor 0 is the bootstrap processor.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.4.7.1 Local APIC State After Power-Up or Reset -> all 0 but DFR (ones), SVR (FFH), LVT (masked)
    pub(super) fn new(id: u32) -> Self {
        let bsp = if id == 0 { ApicBase::BSP.bits() } else { 0 };
        Self {
            id,
            base: DEFAULT_BASE | ApicBase::EN.bits() | bsp,
            tpr: 0,
            ldr: 0,
            dfr: u32::MAX,
            svr: 0xff,
            isr: Vectors::default(),
            tmr: Vectors::default(),
            irr: Vectors::default(),
            esr: 0,
            errors: 0,
            icr_low: 0,
            icr_high: 0,
            lvt: [Lvt::MASKED.bits(); lvt::COUNT],
            timer: Timer::default(),
            nmi: false,
            init: false,
            startup: None,
            broadcasts: Vectors::default(),
        }
    }

    /// Registers as after reset; id, mode and what the processor has yet to fetch stay.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.4.7.3 Local APIC State After an INIT Reset ("Wait-for-SIPI" State) -> as power-up, but for the id
    pub(super) fn reset_registers(&mut self) {
        let Self { id, base, nmi, init, startup, .. } = *self;
        *self = Self { base, nmi, init, startup, ..Self::new(id) };
    }

    pub(super) fn has_base(&self, flag: ApicBase) -> bool {
        ApicBase::from_bits_retain(self.base).contains(flag)
    }

    /// Globally enabled in xAPIC mode: the page answers.
    pub(super) fn xapic(&self) -> bool {
        self.has_base(ApicBase::EN) && !self.has_base(ApicBase::EXTD)
    }

    pub(super) fn x2apic(&self) -> bool {
        self.has_base(ApicBase::EN | ApicBase::EXTD)
    }

    pub(super) fn software_enabled(&self) -> bool {
        Svr::from_bits_retain(self.svr).contains(Svr::ENABLE)
    }

    pub(super) fn entry(&self, index: usize) -> Lvt {
        Lvt::from_bits_retain(self.lvt.get(index).copied().unwrap_or(Lvt::MASKED.bits()))
    }

    /// Returns whether INTR of the 8259A pair reaches the processor.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.4.3 Enabling or Disabling the Local APIC -> when globally disabled, LINT0 is INTR itself
    /// SPEC: intel-sdm-vol3 :: 12.5.1 Local Vector Table -> LINT0 unmasked with delivery mode ExtINT acts like INTR
    pub(super) fn accepts_legacy(&self) -> bool {
        let lint0 = self.entry(lvt::LINT0);
        !self.has_base(ApicBase::EN)
            || (!lint0.contains(Lvt::MASKED)
                && (lint0 & Lvt::DELIVERY).bits() == (Delivery::ExtInt as u32) << 8)
    }

    /// SPEC: intel-sdm-vol3 :: 12.8.3.1 Task and Processor Priorities -> the higher class of TPR and ISRV; TPR's sub-class if TPR wins
    pub(super) fn ppr(&self) -> u8 {
        let in_service = self.isr.highest().unwrap_or(0);
        if self.tpr >> 4 >= in_service >> 4 { self.tpr } else { in_service & 0xf0 }
    }

    /// SPEC: intel-sdm-vol3 :: 12.8.3.1 Task and Processor Priorities -> only a class above PPR's is delivered
    #[inline]
    pub(super) fn pending(&self) -> Option<u8> {
        self.irr.highest().filter(|vector| vector >> 4 > self.ppr() >> 4)
    }

    /// Returns the vector to deliver, moved from IRR to ISR. Selection and acknowledgement are one step here, so that
    /// the race that gives the spurious vector on hardware does not exist.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.8.4 Interrupt Acceptance for Fixed Interrupts -> IRR to ISR when the processor takes it
    pub(super) fn acknowledge(&mut self) -> Option<u8> {
        let vector = self.pending()?;
        self.irr.set(vector, false);
        self.isr.set(vector, true);
        Some(vector)
    }

    /// SPEC: intel-sdm-vol3 :: 12.8.4 Interrupt Acceptance for Fixed Interrupts -> sets IRR; TMR says level or edge
    pub(super) fn accept(&mut self, vector: u8, level: bool) {
        if !legal(vector) {
            return self.error(Esr::RECEIVE_ILLEGAL_VECTOR);
        }
        self.irr.set(vector, true);
        self.tmr.set(vector, level);
    }

    /// SPEC: intel-sdm-vol3 :: 12.8.5 Signaling Interrupt Servicing Completion -> clears the highest ISR bit, broadcasts if TMR says level
    pub(super) fn end_of_interrupt(&mut self) {
        let Some(vector) = self.isr.highest() else { return };
        self.isr.set(vector, false);
        if self.tmr.contains(vector) && !Svr::from_bits_retain(self.svr).contains(Svr::SUPPRESS_EOI_BROADCAST)
        {
            self.broadcasts.set(vector, true);
        }
    }

    /// Logs an error; the first one since ESR was last written also raises the error interrupt.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.5.3 Error Handling -> logged until ESR is written, which also re-arms the interrupt
    pub(super) fn error(&mut self, error: Esr) {
        let armed = self.errors == 0;
        self.errors |= error.bits();
        let entry = self.entry(lvt::ERROR);
        if armed && !entry.contains(Lvt::MASKED) {
            let vector = entry.bits() as u8;
            // An illegal vector here is one more logged error, not another interrupt.
            if legal(vector) {
                self.accept(vector, false);
            } else {
                self.errors |= Esr::RECEIVE_ILLEGAL_VECTOR.bits();
            }
        }
    }

    pub(super) fn timer_mode(&self) -> TimerMode {
        TimerMode::from_bits(self.entry(lvt::TIMER).bits() >> 17)
    }

    /// Returns the first moment at which the timer interrupts. A masked timer runs on without a wake-up.
    pub(super) fn next_deadline(&self) -> Option<VmTime> {
        if self.entry(lvt::TIMER).contains(Lvt::MASKED) {
            return None;
        }
        self.timer.next(self.timer_mode())
    }

    /// Catches up with the time.
    pub(super) fn catch_up(&mut self, now: VmTime) {
        let entry = self.entry(lvt::TIMER);
        if self.timer.expire(now, self.timer_mode()) && !entry.contains(Lvt::MASKED) {
            self.accept(entry.bits() as u8, false);
        }
    }

    /// Returns a readable register common to both modes; `None` where there is none.
    pub(super) fn read(&self, now: VmTime, register: u16) -> Option<u32> {
        let word = (register >> 4 & 7) as u8;
        Some(match register {
            reg::ID if self.x2apic() => self.id,
            reg::ID => self.id << 24,
            reg::VERSION => VERSION,
            reg::TPR => u32::from(self.tpr),
            reg::PPR => u32::from(self.ppr()),
            reg::LDR if self.x2apic() => self.x2apic_logical_id(),
            reg::LDR => self.ldr,
            reg::SVR => self.svr,
            reg::ISR..reg::TMR => self.isr.word(word),
            reg::TMR..reg::IRR => self.tmr.word(word),
            reg::IRR..reg::ESR => self.irr.word(word),
            reg::ESR => self.esr,
            reg::ICR_LOW => self.icr_low,
            reg::LVT_TIMER..=reg::LVT_ERROR => self.entry(lvt_index(register)).bits(),
            reg::INITIAL_COUNT => self.timer.initial,
            reg::CURRENT_COUNT => self.timer.current(now),
            reg::DIVIDE => u32::from(self.timer.divide),
            _ => return None,
        })
    }

    /// Writes a register that both modes have, after the mode's own checks. The caller has caught up with the time.
    pub(super) fn write(&mut self, now: VmTime, register: u16, value: u32) {
        match register {
            reg::TPR => self.tpr = value as u8,
            reg::EOI => self.end_of_interrupt(),
            reg::SVR => self.write_svr(value),
            reg::ESR => self.esr = std::mem::take(&mut self.errors),
            reg::LVT_TIMER..=reg::LVT_ERROR => self.write_lvt(lvt_index(register), value),
            // SPEC: intel-sdm-vol3 :: 12.5.4.1 TSC-Deadline Mode -> writes to the initial count register are ignored
            reg::INITIAL_COUNT if self.timer_mode() != TimerMode::TscDeadline => self.timer.start(now, value),
            reg::DIVIDE => self.timer.set_divide(now, value),
            _ => {}
        }
    }

    /// SPEC: intel-sdm-vol3 :: 12.4.7.2 Local APIC State After It Has Been Software Disabled -> every LVT entry becomes masked
    fn write_svr(&mut self, value: u32) {
        self.svr = Svr::from_bits_truncate(value).bits();
        if !self.software_enabled() {
            for entry in &mut self.lvt {
                *entry |= Lvt::MASKED.bits();
            }
        }
    }

    fn write_lvt(&mut self, index: usize, value: u32) {
        let mode = self.timer_mode();
        let disabled = !self.software_enabled();
        if let (Some(entry), Some(writable)) = (self.lvt.get_mut(index), LVT_WRITABLE.get(index)) {
            *entry = value & writable.bits();
            // SPEC: intel-sdm-vol3 :: 12.4.7.2 Local APIC State After It Has Been Software Disabled -> mask bits cannot be cleared
            if disabled {
                *entry |= Lvt::MASKED.bits();
            }
        }
        // SPEC: intel-sdm-vol3 :: 12.5.4.1 TSC-Deadline Mode -> switching to or from it disarms the timer
        let deadline = TimerMode::TscDeadline;
        if (mode == deadline) != (self.timer_mode() == deadline) {
            self.timer.stop();
        }
    }

    /// SPEC: intel-sdm-vol3 :: 12.12.1.3 Reserved Bit Checking -> a reserved bit of an LVT entry set by WRMSR is #GP
    pub(super) fn lvt_write_is_valid(register: u16, value: u32) -> bool {
        LVT_WRITABLE
            .get(lvt_index(register))
            .is_some_and(|writable| value & !(*writable | LVT_IGNORED).bits() == 0)
    }

    /// IA32_TSC_DEADLINE. The TSC is VmTime itself: the processor, which keeps IA32_TSC_ADJUST, takes it off before.
    pub(super) fn deadline(&self) -> u64 {
        self.timer.deadline
    }

    /// SPEC: intel-sdm-vol3 :: 12.5.4.1 TSC-Deadline Mode -> arms; 0 disarms; in other modes writes are ignored, reads give 0
    pub(super) fn set_deadline(&mut self, now: VmTime, value: u64) {
        if self.timer_mode() == TimerMode::TscDeadline {
            self.timer.deadline = value;
            self.catch_up(now);
        }
    }

    /// The writable bits of ICR's low half; the delivery status is always idle.
    pub(super) const ICR_WRITABLE: u32 = Icr::all().bits() & !Icr::STATUS.bits();
}

fn lvt_index(register: u16) -> usize {
    usize::from(register.wrapping_sub(reg::LVT_TIMER) >> 4)
}
