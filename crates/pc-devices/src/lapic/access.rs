//! How software reaches the registers: the xAPIC page, the x2APIC MSRs, IA32_APIC_BASE and IA32_TSC_DEADLINE.

use super::chip::Lapic;
use super::ipi::Ipi;
use super::spec::{ApicBase, Esr, Icr, Svr, msr, reg};
use device_api::{MsrAccess, VmTime};

const GP: MsrAccess = MsrAccess::GeneralProtection;

impl Lapic {
    /// Loads from the page. Only aligned doublewords are architectural; other sizes get the same doubleword's bytes, and 0
    /// from the 12 bytes behind it.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.4.1 The Local APIC Block Diagram -> registers are 16 bytes apart and accessed by 32-bit loads and stores
    pub(super) fn page_read(&mut self, now: VmTime, offset: u16, size: u8) -> u64 {
        let ones = u64::MAX.checked_shr(64 - 8 * u32::from(size.clamp(1, 8))).unwrap_or(u64::MAX);
        if !self.xapic() {
            return ones;
        }
        self.catch_up(now);
        let register = offset & 0xff0;
        let value = match register {
            // SPEC: intel-sdm-vol3 :: 12.8.3.1 Task and Processor Priorities -> arbitration priority and remote read belong to processors before the Pentium 4: 0
            reg::APR | reg::RRD | reg::EOI => 0,
            reg::DFR => self.dfr,
            reg::ICR_HIGH => self.icr_high,
            _ => self.read(now, register).unwrap_or_else(|| {
                self.error(Esr::ILLEGAL_REGISTER);
                0
            }),
        };
        u64::from(value).checked_shr(8 * u32::from(offset & 0xf)).unwrap_or(0) & ones
    }

    /// Stores to the page; anything but an aligned doubleword is ignored.
    pub(super) fn page_write(&mut self, now: VmTime, offset: u16, size: u8, value: u64) -> Option<Ipi> {
        if !self.xapic() || size != 4 || offset & 0xf != 0 {
            return None;
        }
        self.catch_up(now);
        let value = value as u32;
        match offset {
            reg::LDR => self.ldr = value & 0xff00_0000,
            // SPEC: intel-sdm-vol3 :: 12.6.2.2 Logical Destination Mode -> DFR bits 27:0 are ones
            reg::DFR => self.dfr = value | 0x0fff_ffff,
            reg::ICR_HIGH => self.icr_high = value & 0xff00_0000,
            reg::ICR_LOW => {
                self.icr_low = value & Self::ICR_WRITABLE;
                return self.send();
            }
            reg::APR | reg::RRD => {}
            _ if offset != reg::EOI && self.read(now, offset).is_none() => self.error(Esr::ILLEGAL_REGISTER),
            _ => self.write(now, offset, value),
        }
        None
    }

    /// RDMSR.
    pub(super) fn read_msr(&mut self, now: VmTime, number: u32) -> MsrAccess {
        self.catch_up(now);
        let value = match number {
            msr::APIC_BASE => Some(self.base),
            msr::TSC_DEADLINE => Some(self.deadline()),
            msr::X2APIC_FIRST..=msr::X2APIC_LAST => self.read_x2apic(now, number),
            _ => return MsrAccess::NotHandled,
        };
        value.map_or(GP, MsrAccess::Handled)
    }

    /// SPEC: intel-sdm-vol3 :: 12.12.2 x2APIC Register Availability -> outside x2APIC mode #GP; EOI and SELF IPI cannot be read
    fn read_x2apic(&self, now: VmTime, number: u32) -> Option<u64> {
        match register(number) {
            _ if !self.x2apic() => None,
            reg::ICR_LOW => Some(u64::from(self.icr_high) << 32 | u64::from(self.icr_low)),
            register => self.read(now, register).map(u64::from),
        }
    }

    /// WRMSR; `Handled` gives the value back.
    pub(super) fn write_msr(&mut self, now: VmTime, number: u32, value: u64) -> (MsrAccess, Option<Ipi>) {
        self.catch_up(now);
        let done = match number {
            msr::APIC_BASE => self.write_base(value).map(|()| None),
            msr::TSC_DEADLINE => {
                self.set_deadline(now, value);
                Some(None)
            }
            msr::X2APIC_FIRST..=msr::X2APIC_LAST => self.write_x2apic(now, number, value),
            _ => return (MsrAccess::NotHandled, None),
        };
        match done {
            Some(ipi) => (MsrAccess::Handled(value), ipi),
            None => (GP, None),
        }
    }

    /// `None` for #GP.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.12.1.3 Reserved Bit Checking -> reserved bits, and EOI or ESR other than 0, are #GP
    fn write_x2apic(&mut self, now: VmTime, number: u32, value: u64) -> Option<Option<Ipi>> {
        let register = register(number);
        if !self.x2apic() {
            return None;
        }
        if register == reg::ICR_LOW {
            let low = value as u32;
            if low & !Icr::all().bits() != 0 {
                return None;
            }
            self.icr_low = low & Self::ICR_WRITABLE;
            self.icr_high = (value >> 32) as u32;
            return Some(self.send());
        }
        let low = u32::try_from(value).ok()?;
        let valid = match register {
            reg::TPR | reg::SELF_IPI => low <= 0xff,
            reg::EOI | reg::ESR => low == 0,
            reg::SVR => low & !Svr::all().bits() == 0,
            reg::LVT_TIMER..=reg::LVT_ERROR => Self::lvt_write_is_valid(register, low),
            reg::INITIAL_COUNT => true,
            reg::DIVIDE => low & !0xb == 0,
            _ => false,
        };
        match register {
            _ if !valid => return None,
            reg::SELF_IPI => self.self_ipi(low as u8),
            _ => self.write(now, register, low),
        }
        Some(None)
    }

    /// `None` for #GP.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.12.5 x2APIC State Transitions -> into x2APIC only from xAPIC, out of it only to disabled; EXTD without EN is #GP
    fn write_base(&mut self, value: u64) -> Option<()> {
        let new = ApicBase::from_bits(value)?;
        let mode = |base: ApicBase| (base.contains(ApicBase::EN), base.contains(ApicBase::EXTD));
        let old = ApicBase::from_bits_retain(self.base);
        match (mode(old), mode(new)) {
            (_, (false, true)) | ((true, true), (true, false)) | ((false, _), (true, true)) => return None,
            // SPEC: intel-sdm-vol3 :: 12.4.3 Enabling or Disabling the Local APIC -> disabled, it may return to its state after reset
            ((true, _), (false, _)) => self.reset_registers(),
            // SPEC: intel-sdm-vol3 :: 12.12.5.1 x2APIC States -> the destination half of ICR is not preserved
            ((true, false), (true, true)) => self.icr_high = 0,
            _ => {}
        }
        self.base = new.bits();
        Some(())
    }
}

/// SPEC: intel-sdm-vol3 :: 12.12.1.2 x2APIC Register Address Space -> MSR 800H + n is the register at n * 16
fn register(number: u32) -> u16 {
    (number.wrapping_sub(msr::X2APIC_FIRST) << 4) as u16
}
