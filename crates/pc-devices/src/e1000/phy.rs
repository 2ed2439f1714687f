//! The internal PHY, of the family 88E1000.

use crate::codec::codec_struct;
use device_api::VmTime;

/// The address of the PHY on its bus.
pub(super) const ADDRESS: u32 = 1;

/// How long auto-negotiation takes, as with QEMU.
const NEGOTIATION_NS: u64 = 500_000_000;

/// Registers by number: 0 to 15 are those of every PHY of Ethernet, the others those of the family.
mod register {
    pub(super) const CONTROL: usize = 0;
    pub(super) const STATUS: usize = 1;
    pub(super) const ID1: usize = 2;
    pub(super) const ID2: usize = 3;
    pub(super) const ADVERTISEMENT: usize = 4;
    pub(super) const PARTNER: usize = 5;
    pub(super) const NEXT_PAGE: usize = 7;
    pub(super) const GIGABIT_CONTROL: usize = 9;
    pub(super) const GIGABIT_STATUS: usize = 10;
    pub(super) const EXTENDED_STATUS: usize = 15;
    pub(super) const SPECIFIC_CONTROL: usize = 16;
    pub(super) const SPECIFIC_STATUS: usize = 17;
    pub(super) const EXTENDED_CONTROL: usize = 20;
}

const RESET: u16 = 1 << 15;
const LOOPBACK: u16 = 1 << 14;
const NEGOTIATE: u16 = 1 << 12;
const POWER_DOWN: u16 = 1 << 11;
const RESTART: u16 = 1 << 9;
/// Control bits that keep their value.
const CONTROL_BITS: u16 = 0x7d40;
const LINK: u16 = 1 << 2;
const NEGOTIATED: u16 = 1 << 5;
/// The partner has acknowledged.
const ACKNOWLEDGE: u16 = 1 << 14;
/// Link, and speed and duplex resolved, in the specific status.
const RESOLVED: u16 = 3 << 10;

/// Registers that software may write.
const WRITABLE: [usize; 7] = [
    register::ADVERTISEMENT,
    register::NEXT_PAGE,
    register::GIGABIT_CONTROL,
    register::SPECIFIC_CONTROL,
    register::EXTENDED_CONTROL,
    18,
    29,
];

/// Registers, the cable, and when auto-negotiation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phy {
    registers: [u16; 32],
    cable: bool,
    negotiated: bool,
    negotiated_at: Option<VmTime>,
}
codec_struct!(Phy { registers, cable, negotiated, negotiated_at });

impl Phy {
    /// Returns a PHY after power-on. With a cable its link is up, as QEMU's is.
    pub(super) fn new(cable: bool) -> Self {
        let mut phy = Self { registers: [0; 32], cable, negotiated: false, negotiated_at: None };
        phy.default_registers();
        phy
    }

    fn default_registers(&mut self) {
        use register::*;
        self.registers = [0; 32];
        let values = [
            (CONTROL, 0x1140),
            (STATUS, 0x7949),
            (ID1, 0x0141),
            (ID2, 0x0c20),
            (ADVERTISEMENT, 0x0de1),
            (PARTNER, 0x01e0),
            (NEXT_PAGE, 0x2001),
            (GIGABIT_CONTROL, 0x0e00),
            (GIGABIT_STATUS, 0x3c00),
            (EXTENDED_STATUS, 0x3000),
            (SPECIFIC_CONTROL, 0x0360),
            (SPECIFIC_STATUS, 0xa000),
            (EXTENDED_CONTROL, 0x0d60),
        ];
        for (at, value) in values {
            self.registers[at] = value;
        }
    }

    /// Returns whether the link is up.
    pub(super) fn link(&self) -> bool {
        self.cable && self.negotiated_at.is_none() && self.registers[register::CONTROL] & POWER_DOWN == 0
    }

    /// Returns whether what is sent comes back.
    pub(super) fn loopback(&self) -> bool {
        self.registers[register::CONTROL] & LOOPBACK != 0
    }

    /// Returns a register.
    pub(super) fn read(&self, at: u32) -> u16 {
        let at = at as usize & 31;
        let value = self.registers[at];
        match at {
            register::STATUS => {
                let link = if self.link() { LINK } else { 0 };
                value | link | if self.negotiated { NEGOTIATED } else { 0 }
            }
            register::PARTNER if self.negotiated => value | ACKNOWLEDGE,
            register::SPECIFIC_STATUS if self.link() => value | RESOLVED,
            _ => value,
        }
    }

    /// Writes a register.
    pub(super) fn write(&mut self, now: VmTime, at: u32, value: u16) {
        let at = at as usize & 31;
        if at == register::CONTROL {
            if value & RESET != 0 {
                let cable = self.cable;
                self.default_registers();
                self.cable = cable;
            }
            self.registers[register::CONTROL] = value & CONTROL_BITS;
            if value & NEGOTIATE != 0 && value & (RESTART | RESET) != 0 {
                self.negotiate(now);
            } else if value & NEGOTIATE == 0 {
                self.negotiated_at = None;
            }
        } else if WRITABLE.contains(&at) {
            self.registers[at] = value;
        }
    }

    fn negotiate(&mut self, now: VmTime) {
        self.negotiated = false;
        self.negotiated_at = self.cable.then(|| now + NEGOTIATION_NS);
    }

    /// The reset pin.
    pub(super) fn reset(&mut self, now: VmTime) {
        self.default_registers();
        self.negotiate(now);
    }

    /// The cable is plugged in or pulled out.
    pub(super) fn set_cable(&mut self, now: VmTime, plugged: bool) {
        if self.cable != plugged {
            self.cable = plugged;
            self.negotiate(now);
        }
    }

    /// When auto-negotiation ends.
    pub(super) fn deadline(&self) -> Option<VmTime> {
        self.negotiated_at
    }

    /// Completes auto-negotiation after its time.
    pub(super) fn advance(&mut self, now: VmTime) {
        if self.negotiated_at.take_if(|at| *at <= now).is_some() {
            self.negotiated = true;
        }
    }
}
