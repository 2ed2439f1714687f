//! Interrupt messages between APICs: sending, destinations, acceptance.

use super::chip::{Lapic, legal};
use super::spec::{ApicBase, Esr, Icr};
use device_api::{Delivery, InterruptMessage};

/// A message to send, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ipi {
    /// To whom its destination names, the sender included
    Addressed(InterruptMessage),
    /// To every other APIC, independently of the destination field
    Others(InterruptMessage),
}

/// SPEC: intel-sdm-vol3 :: 12.6.2.1 Physical Destination Mode -> FFH means all (FFFFFFFFH in x2APIC mode)
const BROADCAST_8: u32 = 0xff;
const BROADCAST_32: u32 = u32::MAX;

impl Lapic {
    /// Carries out a write of the interrupt command register (`icr_low` and `icr_high` hold it).
    ///
    /// SPEC: intel-sdm-vol3 :: 12.6.1 Interrupt Command Register (ICR) -> writing the low doubleword sends; Table 12-3 lists valid shorthands
    pub(super) fn send(&mut self) -> Option<Ipi> {
        let icr = Icr::from_bits_retain(self.icr_low);
        let delivery = delivery(self.icr_low >> 8 & 7)?;
        let vector = self.icr_low as u8;
        // The INIT level de-assert message means nothing to processors of today.
        if delivery == Delivery::Init && icr.contains(Icr::LEVEL) && !icr.contains(Icr::ASSERT) {
            return None;
        }
        let shorthand = self.icr_low >> 18 & 3;
        let to_self = matches!(shorthand, 1 | 2);
        if to_self && delivery != Delivery::Fixed {
            return None;
        }
        if matches!(delivery, Delivery::Fixed | Delivery::LowestPriority) && !legal(vector) {
            self.error(Esr::SEND_ILLEGAL_VECTOR);
            if to_self {
                self.error(Esr::RECEIVE_ILLEGAL_VECTOR);
            }
            return None;
        }
        let destination = if self.x2apic() { self.icr_high } else { self.icr_high >> 24 };
        let logical = icr.contains(Icr::LOGICAL);
        let message = InterruptMessage { destination, logical, delivery, vector, level: false };
        if to_self {
            self.receive_fixed(vector, false);
        }
        match shorthand {
            0 => Some(Ipi::Addressed(message)),
            1 => None,
            _ => Some(Ipi::Others(message)),
        }
    }

    /// SPEC: intel-sdm-vol3 :: 12.12.11 SELF IPI Register -> a fixed, edge-triggered interrupt to oneself
    pub(super) fn self_ipi(&mut self, vector: u8) {
        if !legal(vector) {
            self.error(Esr::SEND_ILLEGAL_VECTOR);
        }
        self.receive_fixed(vector, false);
    }

    /// A message arrives; whether it was for this APIC.
    pub(super) fn message(&mut self, message: &InterruptMessage) -> bool {
        if !self.has_base(ApicBase::EN) || !self.is_addressed(message.destination, message.logical) {
            return false;
        }
        match message.delivery {
            Delivery::Fixed | Delivery::LowestPriority => {
                return self.receive_fixed(message.vector, message.level);
            }
            Delivery::Nmi => self.nmi = true,
            Delivery::Init => {
                self.reset_registers();
                self.init = true;
                self.startup = None;
            }
            Delivery::StartUp => self.startup = Some(message.vector),
            // There is no SMM, and ExtINT reaches the processor by LINT0 alone.
            Delivery::Smi | Delivery::ExtInt => {}
        }
        true
    }

    /// SPEC: intel-sdm-vol3 :: 12.4.7.2 Local APIC State After It Has Been Software Disabled -> answers only INIT, NMI, SMI and SIPI
    fn receive_fixed(&mut self, vector: u8, level: bool) -> bool {
        let enabled = self.software_enabled();
        if enabled {
            self.accept(vector, level);
        }
        enabled
    }

    fn is_addressed(&self, destination: u32, logical: bool) -> bool {
        match (self.x2apic(), logical) {
            (true, _) if destination == BROADCAST_32 => true,
            (true, false) => destination == self.id,
            (true, true) => {
                let own = self.x2apic_logical_id();
                destination >> 16 == own >> 16 && destination & own & 0xffff != 0
            }
            (false, _) if matches!(destination, BROADCAST_8 | BROADCAST_32) => true,
            (false, false) => destination == self.id & 0xff,
            (false, true) => self.matches_logical(destination),
        }
    }

    /// SPEC: intel-sdm-vol3 :: 12.6.2.2 Logical Destination Mode -> DFR chooses flat (a bit each) or cluster (cluster and 4 bits)
    fn matches_logical(&self, destination: u32) -> bool {
        let own = self.ldr >> 24;
        match self.dfr >> 28 {
            0xf => own & destination != 0,
            0 => own >> 4 == destination >> 4 && own & destination & 0xf != 0,
            _ => false,
        }
    }

    /// SPEC: intel-sdm-vol3 :: 12.12.10.2 Deriving Logical x2APIC ID from the Local x2APIC ID -> id[19:4] << 16 | 1 << id[3:0]
    pub(super) fn x2apic_logical_id(&self) -> u32 {
        (self.id >> 4 & 0xffff) << 16 | 1 << (self.id & 0xf)
    }
}

/// Returns the delivery mode in ICR bits 10:8; `None` for the reserved encodings.
fn delivery(bits: u32) -> Option<Delivery> {
    Some(match bits {
        0 => Delivery::Fixed,
        1 => Delivery::LowestPriority,
        2 => Delivery::Smi,
        4 => Delivery::Nmi,
        5 => Delivery::Init,
        6 => Delivery::StartUp,
        _ => return None,
    })
}
