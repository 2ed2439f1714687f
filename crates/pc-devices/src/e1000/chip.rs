//! The card's registers and its interrupts. The rings are in `transmit.rs` and `receive.rs`.

use super::delay::Delay;
use super::eeprom::Eeprom;
use super::phy::{self, Phy};
use super::receive::Receiver;
use super::ring::Ring;
use super::spec::{self, Cause, Ctrl, CtrlExt, PLAIN, Rctl, Tctl, eerd, mdic, offset};
use super::statistics::{COUNT, Statistics};
use super::transmit::Transmitter;
use crate::codec::codec_struct;
use device_api::VmTime;

/// Nanoseconds of a unit of ITR.
const THROTTLE_NS: u64 = 256;

/// The whole card but PCI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    ctrl: u32,
    ctrl_ext: u32,
    eerd: u32,
    mdic: u32,
    pub(super) vet: u32,
    icr: u32,
    ims: u32,
    itr: u32,
    rctl: u32,
    tctl: u32,
    pub(super) rxcsum: u32,
    pub(super) rsrpd: u32,
    plain: [u32; PLAIN.len()],
    pub(super) receive: Ring,
    pub(super) transmit: Ring,
    receive_delay: Delay,
    transmit_delay: Delay,
    /// RAL and RAH, by turns
    pub(super) addresses: [u32; 32],
    pub(super) multicast: [u32; 128],
    pub(super) vlans: [u32; 128],
    pub(super) statistics: Statistics,
    eeprom: Eeprom,
    phy: Phy,
    pub(super) transmitter: Transmitter,
    pub(super) receiver: Receiver,
    /// The link state last reported in STATUS
    link: bool,
    /// INTA# is asserted
    interrupt: bool,
    /// It is not asserted again before
    throttled_until: VmTime,
    /// When the transmitter resumes
    pub(super) resumes_at: Option<VmTime>,
}
codec_struct!(Chip {
    ctrl,
    ctrl_ext,
    eerd,
    mdic,
    vet,
    icr,
    ims,
    itr,
    rctl,
    tctl,
    rxcsum,
    rsrpd,
    plain,
    receive,
    transmit,
    receive_delay,
    transmit_delay,
    addresses,
    multicast,
    vlans,
    statistics,
    eeprom,
    phy,
    transmitter,
    receiver,
    link,
    interrupt,
    throttled_until,
    resumes_at,
});

impl Chip {
    /// Returns a card after power-on.
    pub(super) fn new(mac: [u8; 6], cable: bool) -> Self {
        let mut chip = Self {
            ctrl: 0,
            ctrl_ext: 0,
            eerd: 0,
            mdic: 0,
            vet: 0,
            icr: 0,
            ims: 0,
            itr: 0,
            rctl: 0,
            tctl: 0,
            rxcsum: 0,
            rsrpd: 0,
            plain: PLAIN.map(|(_, value)| value),
            receive: Ring::default(),
            transmit: Ring::default(),
            receive_delay: Delay::default(),
            transmit_delay: Delay::default(),
            addresses: [0; 32],
            multicast: [0; 128],
            vlans: [0; 128],
            statistics: Statistics::default(),
            eeprom: Eeprom::new(mac),
            phy: Phy::new(cable),
            transmitter: Transmitter::default(),
            receiver: Receiver::default(),
            link: cable,
            interrupt: false,
            throttled_until: VmTime::ZERO,
            resumes_at: None,
        };
        chip.reset_mac();
        chip
    }

    /// RST# of the bus: everything but the EEPROM's content and the cable.
    pub(super) fn reset(&mut self, cable: bool) {
        self.phy = Phy::new(cable);
        self.eeprom.reset();
        self.reset_mac();
    }

    /// CTRL.RST: all but PHY and PCI.
    fn reset_mac(&mut self) {
        let ctrl = Ctrl::FD | Ctrl::SLU | Ctrl::SPEED_1000 | Ctrl::SWDPIN0 | Ctrl::SWDPIN2;
        self.ctrl = ctrl.bits();
        (self.ctrl_ext, self.eerd, self.mdic, self.vet) = (0, 0, 0, spec::VLAN);
        (self.icr, self.ims, self.itr, self.rctl, self.tctl) = (0, 0, 0, 0, 0);
        (self.rxcsum, self.rsrpd) = (0, 0);
        self.plain = PLAIN.map(|(_, value)| value);
        (self.receive, self.transmit) = (Ring::default(), Ring::default());
        (self.receive_delay, self.transmit_delay) = (Delay::default(), Delay::default());
        (self.multicast, self.vlans) = ([0; 128], [0; 128]);
        self.statistics = Statistics::default();
        self.transmitter = Transmitter::default();
        self.receiver = Receiver::default();
        self.link = self.phy.link();
        (self.interrupt, self.throttled_until, self.resumes_at) = (false, VmTime::ZERO, None);
        self.load_address();
    }

    /// The first receive address comes from the EEPROM.
    fn load_address(&mut self) {
        let [a, b, c, d, e, f] = self.eeprom.mac();
        self.addresses = [0; 32];
        self.addresses[0] = u32::from_le_bytes([a, b, c, d]);
        self.addresses[1] = u32::from(u16::from_le_bytes([e, f])) | spec::RAH_AV;
    }

    /// Returns the card's address, from the EEPROM.
    pub(super) fn mac(&self) -> [u8; 6] {
        self.eeprom.mac()
    }
    pub(super) fn ctrl(&self) -> Ctrl {
        Ctrl::from_bits_retain(self.ctrl)
    }
    pub(super) fn rctl(&self) -> Rctl {
        Rctl::from_bits_retain(self.rctl)
    }
    pub(super) fn tctl(&self) -> Tctl {
        Tctl::from_bits_retain(self.tctl)
    }

    /// Returns whether the link is up.
    pub(super) fn link(&self) -> bool {
        self.phy.link()
    }

    /// Returns whether what is sent comes back rather than to leave by the cable.
    pub(super) fn loopback(&self) -> bool {
        self.rctl().contains(Rctl::LOOPBACK) || self.phy.loopback()
    }

    /// Reads a register.
    pub(super) fn read(&mut self, at: u32) -> u32 {
        let at = canonical(at);
        match at {
            offset::CTRL | offset::CTRL_DUP => self.ctrl,
            offset::STATUS => spec::STATUS | if self.link { spec::STATUS_LU } else { 0 },
            offset::EECD => self.eeprom.read(),
            offset::EERD => self.eerd,
            offset::CTRL_EXT => self.ctrl_ext,
            offset::MDIC => self.mdic,
            offset::VET => self.vet,
            offset::ICR => std::mem::take(&mut self.icr),
            // Documented as write-only; drivers rely on it reading as ICR without clearing it.
            offset::ICS => self.icr,
            offset::ITR => self.itr,
            offset::IMS => self.ims,
            offset::RCTL => self.rctl,
            offset::TCTL => self.tctl,
            offset::RDTR => self.receive_delay.restarted,
            offset::RADV => self.receive_delay.absolute,
            offset::TIDV => self.transmit_delay.restarted,
            offset::TADV => self.transmit_delay.absolute,
            offset::RDBAL..=offset::RDT => self.receive.read(at - offset::RDBAL),
            offset::TDBAL..=offset::TDT => self.transmit.read(at - offset::TDBAL),
            offset::RSRPD => self.rsrpd,
            offset::RXCSUM => self.rxcsum,
            _ => match array(at) {
                Some((Array::Statistics, n)) => self.statistics.read(n),
                Some((Array::Multicast, n)) => self.multicast[n],
                Some((Array::Addresses, n)) => self.addresses[n],
                Some((Array::Vlans, n)) => self.vlans[n],
                None => plain(at).map_or(0, |n| self.plain[n]),
            },
        }
    }

    /// Writes a register. Rings are served behind it by the caller.
    pub(super) fn write(&mut self, now: VmTime, at: u32, value: u32) {
        let at = canonical(at);
        match at {
            offset::CTRL | offset::CTRL_DUP => self.write_ctrl(now, value),
            offset::EECD => self.eeprom.write(value),
            offset::EERD => self.write_eerd(value),
            offset::CTRL_EXT => {
                self.ctrl_ext = value & !CtrlExt::EE_RST.bits();
                if value & CtrlExt::EE_RST.bits() != 0 {
                    self.load_address();
                }
            }
            offset::MDIC => self.write_mdic(now, value),
            offset::VET => self.vet = value & 0xffff,
            // SPEC: intel-8254x :: 13.4.17 Interrupt Cause Read Register -> reads clear all bits, written ones clear theirs
            offset::ICR => self.icr &= !value,
            offset::ITR => self.itr = value & 0xffff,
            offset::ICS => self.cause(Cause::from_bits_truncate(value)),
            offset::IMS => self.ims |= value & Cause::ALL.bits(),
            offset::IMC => self.ims &= !value,
            offset::RCTL => self.rctl = value,
            offset::TCTL => self.tctl = value,
            offset::RDTR => {
                if self.receive_delay.write(value) {
                    self.cause(Cause::RXT0);
                }
            }
            offset::RADV => self.receive_delay.absolute = value & 0xffff,
            offset::TIDV => {
                if self.transmit_delay.write(value) {
                    self.cause(Cause::TXDW);
                }
            }
            offset::TADV => self.transmit_delay.absolute = value & 0xffff,
            offset::RDBAL..=offset::RDT => self.receive.write(at - offset::RDBAL, value),
            offset::TDBAL..=offset::TDT => self.transmit.write(at - offset::TDBAL, value),
            offset::RSRPD => self.rsrpd = value & 0xfff,
            offset::RXCSUM => self.rxcsum = value & 0x3ff,
            _ => match array(at) {
                Some((Array::Multicast, n)) => self.multicast[n] = value,
                Some((Array::Addresses, n)) if n & 1 != 0 => self.addresses[n] = value & spec::RAH_BITS,
                Some((Array::Addresses, n)) => self.addresses[n] = value,
                Some((Array::Vlans, n)) => self.vlans[n] = value,
                Some((Array::Statistics, _)) => {}
                None => {
                    if let Some(n) = plain(at) {
                        self.plain[n] = value;
                    }
                }
            },
        }
        self.follow_link();
    }

    fn write_ctrl(&mut self, now: VmTime, value: u32) {
        let ctrl = Ctrl::from_bits_retain(value);
        if ctrl.contains(Ctrl::PHY_RST) {
            self.phy.reset(now);
        }
        if ctrl.contains(Ctrl::RST) {
            self.reset_mac();
        }
        // What else was written to CTRL together with the reset counts, as with QEMU.
        self.ctrl = (ctrl - Ctrl::RST - Ctrl::PHY_RST).bits();
    }

    fn write_eerd(&mut self, value: u32) {
        self.eerd = value & 0xff00;
        if value & eerd::START != 0 {
            let word = self.eeprom.word(value as usize >> 8 & 0xff);
            self.eerd |= u32::from(word) << 16 | eerd::DONE;
        }
    }

    fn write_mdic(&mut self, now: VmTime, value: u32) {
        let (register, phy, operation) = (value >> 16 & 31, value >> 21 & 31, value >> 26 & 3);
        let done = value & !(mdic::READY | mdic::ERROR);
        self.mdic = mdic::READY
            | match operation {
                _ if phy != phy::ADDRESS => done | mdic::ERROR,
                mdic::READ => done & !0xffff | u32::from(self.phy.read(register)),
                mdic::WRITE => {
                    self.phy.write(now, register, value as u16);
                    done
                }
                _ => done | mdic::ERROR,
            };
        if value & mdic::INTERRUPT != 0 {
            self.cause(Cause::MDAC);
        }
    }

    /// Sets causes of interrupts.
    pub(super) fn cause(&mut self, causes: Cause) {
        self.icr |= causes.bits();
    }

    /// A frame was stored.
    pub(super) fn received(&mut self, now: VmTime, len: usize) {
        if self.rsrpd != 0 && len <= self.rsrpd as usize {
            self.cause(Cause::SRPD);
        }
        if self.receive_delay.event(now) {
            self.cause(Cause::RXT0);
        }
    }

    /// Handles the write-back of a descriptor; its interrupt may be delayed.
    pub(super) fn written_back(&mut self, now: VmTime, delayed: bool) {
        if !delayed || self.transmit_delay.event(now) {
            self.cause(Cause::TXDW);
        }
    }

    /// The cable is plugged in or pulled out.
    pub(super) fn set_cable(&mut self, now: VmTime, plugged: bool) {
        self.phy.set_cable(now, plugged);
        self.follow_link();
    }

    /// STATUS follows the PHY.
    fn follow_link(&mut self) {
        if self.link != self.phy.link() {
            self.link = !self.link;
            self.cause(Cause::LSC);
        }
    }

    /// Returns whether INTA# is asserted, which follows from causes, mask and throttling.
    ///
    /// SPEC: intel-8254x :: 13.4.18 Interrupt Throttling Register -> the least time between two interrupts, in units of 256 ns; 0 is none
    pub(super) fn update_interrupt(&mut self, now: VmTime) -> bool {
        let wanted = self.icr & self.ims != 0;
        if !wanted {
            self.interrupt = false;
        } else if !self.interrupt && now >= self.throttled_until {
            self.interrupt = true;
            self.throttled_until = now + u64::from(self.itr) * THROTTLE_NS;
        }
        self.interrupt
    }

    /// Returns when [`Chip::advance`] is to be called.
    pub(super) fn deadline(&self) -> Option<VmTime> {
        let waits = self.icr & self.ims != 0 && !self.interrupt;
        let throttle = waits.then_some(self.throttled_until);
        let delays = [self.receive_delay.deadline(), self.transmit_delay.deadline()];
        [self.phy.deadline(), throttle, self.resumes_at].into_iter().chain(delays).flatten().min()
    }

    /// Lets timers run out. The caller serves the rings and the interrupt behind it.
    pub(super) fn advance(&mut self, now: VmTime) {
        self.phy.advance(now);
        self.follow_link();
        if self.receive_delay.expire(now) {
            self.cause(Cause::RXT0);
        }
        if self.transmit_delay.expire(now) {
            self.cause(Cause::TXDW);
        }
    }
}

/// A table of registers.
enum Array {
    Statistics,
    Multicast,
    Addresses,
    Vlans,
}

/// Returns the table that an offset is in, and the place there.
fn array(at: u32) -> Option<(Array, usize)> {
    let place = |start: u32, count: u32| {
        let n = at.checked_sub(start)? / 4;
        (n < count).then_some(n as usize)
    };
    None.or_else(|| Some((Array::Statistics, place(offset::STATISTICS, COUNT as u32)?)))
        .or_else(|| Some((Array::Multicast, place(offset::MTA, 128)?)))
        .or_else(|| Some((Array::Addresses, place(offset::RA, 32)?)))
        .or_else(|| Some((Array::Vlans, place(offset::VFTA, 128)?)))
}

fn plain(at: u32) -> Option<usize> {
    PLAIN.iter().position(|&(offset, _)| offset == at)
}

/// Returns the offset of a register, also where the 82542 had it.
fn canonical(at: u32) -> u32 {
    let at = at & !3;
    let alias = spec::ALIASES.iter().find(|&&(first, last, _)| (first..=last).contains(&at));
    alias.map_or(at, |&(first, _, to)| to + (at - first))
}
