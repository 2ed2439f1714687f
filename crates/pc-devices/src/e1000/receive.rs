//! The receiver: which frames are accepted, and how they get into memory.

use super::checksum;
use super::chip::Chip;
use super::spec::{self, Cause, Ctrl, Rctl, RxErrors, RxStatus, Rxcsum};
use super::statistics::counter;
use crate::codec::codec_struct;
use device_api::{DmaMemory, VmTime};
use x86_types::GuestPhysAddr;

/// Bytes of the largest frame, with its check sequence, where long ones are not enabled. With a VLAN tag.
const LARGEST: usize = 1522;
/// The same where they are.
const LARGEST_LONG: usize = 16384;
/// Bytes of the smallest frame without its check sequence: shorter ones are padded.
const SMALLEST: usize = 60;
/// Bytes of the frame check sequence.
const FCS: usize = 4;
/// Bytes of addresses and type.
const HEADER: usize = 14;
/// Type of IPv4.
const IPV4: [u8; 2] = [0x08, 0x00];

/// A frame that waits for descriptors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Receiver {
    waiting: Vec<u8>,
}
codec_struct!(Receiver { waiting });

/// How a frame passes the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    Exact,
    /// By the multicast table, which is indexed by 12 bits of the address
    Inexact,
}

impl Chip {
    /// Returns whether a frame would be taken now.
    pub(super) fn can_receive(&self) -> bool {
        let on = self.rctl().contains(Rctl::EN) && (self.link() || self.loopback());
        on && self.receiver.waiting.is_empty() && self.receive.owned() > 0
    }

    /// Bytes of each receive buffer.
    ///
    /// SPEC: intel-8254x :: 13.4.22 Receive Control Register -> BSIZE 17:16 and BSEX
    fn buffer_len(&self) -> usize {
        let rctl = self.rctl();
        let len = 2048 >> (rctl.bits() >> 16 & 3);
        if rctl.contains(Rctl::BSEX) && len < 2048 { len * 16 } else { len }
    }

    /// Returns how the destination address passes the filters.
    ///
    /// SPEC: intel-8254x :: 3.2.1 Packet Address Filtering -> sixteen exact addresses, 4096 bits of multicast addresses, promiscuous modes, VLANs
    fn accepts(&self, frame: &[u8]) -> Option<Match> {
        let destination = *frame.first_chunk::<6>()?;
        let rctl = self.rctl();
        if let Some(tag) = self.vlan_tag(frame).filter(|_| rctl.contains(Rctl::VFE)) {
            let id = u32::from(tag & 0xfff);
            if self.vlans[id as usize >> 5] >> (id & 31) & 1 == 0 {
                return None;
            }
        }
        let group = destination[0] & 1 != 0;
        let exact = self.addresses.as_chunks::<2>().0.iter().any(|[low, high]| {
            let (a, b) = (low.to_le_bytes(), high.to_le_bytes());
            high & spec::RAH_AV != 0 && destination == [a[0], a[1], a[2], a[3], b[0], b[1]]
        });
        let promiscuous = match group {
            true if destination == [0xff; 6] => rctl.contains(Rctl::BAM),
            true => rctl.contains(Rctl::MPE),
            false => rctl.contains(Rctl::UPE),
        };
        if exact || promiscuous {
            return Some(Match::Exact);
        }
        let shift = [4, 3, 2, 0][rctl.bits() as usize >> 12 & 3];
        let index = u32::from(u16::from_le_bytes([destination[4], destination[5]]) >> shift & 0xfff);
        let listed = self.multicast[index as usize >> 5] >> (index & 31) & 1 != 0;
        (group && listed).then_some(Match::Inexact)
    }

    fn vlan_tag(&self, frame: &[u8]) -> Option<u16> {
        let [kind0, kind1, tag0, tag1] = *frame.get(12..)?.first_chunk()?;
        let is_tag = u32::from(u16::from_be_bytes([kind0, kind1])) == self.vet;
        is_tag.then(|| u16::from_be_bytes([tag0, tag1]))
    }

    /// A frame arrives. It waits where there are descriptors, but too few.
    pub(super) fn arrive(&mut self, now: VmTime, memory: &mut dyn DmaMemory, frame: &[u8]) {
        if !self.can_receive() || self.accepts(frame).is_none() {
            return;
        }
        let most = if self.rctl().contains(Rctl::LPE) { LARGEST_LONG } else { LARGEST };
        if frame.len() + FCS > most {
            self.statistics.count(counter::ROC);
            return;
        }
        if self.needed(frame.len()) >= self.receive.count() as usize {
            // The ring could never hold it.
            self.statistics.count(counter::MPC);
            self.cause(Cause::RXO);
            return;
        }
        self.receiver.waiting = frame.to_vec();
        self.receiver.waiting.resize(frame.len().max(SMALLEST), 0);
        self.serve_receiver(now, memory);
    }

    fn needed(&self, len: usize) -> usize {
        (len.max(SMALLEST) + FCS).div_ceil(self.buffer_len())
    }

    /// Stores the frame that waits, once there are descriptors for all of it.
    pub(super) fn serve_receiver(&mut self, now: VmTime, memory: &mut dyn DmaMemory) {
        let len = self.receiver.waiting.len();
        let enough = self.receive.owned() as usize >= self.needed(len);
        if len == 0 || !enough || !self.rctl().contains(Rctl::EN) {
            return;
        }
        let mut frame = std::mem::take(&mut self.receiver.waiting);
        self.statistics.received(&frame);
        let mut status = RxStatus::DD;
        if self.accepts(&frame) == Some(Match::Inexact) {
            status |= RxStatus::PIF;
        }
        let mut special = 0;
        if let Some(tag) = self.vlan_tag(&frame).filter(|_| self.ctrl().contains(Ctrl::VME)) {
            frame.drain(12..16);
            status |= RxStatus::VP;
            special = tag;
        }
        let (checks, errors) = self.check(&frame);
        if !self.rctl().contains(Rctl::SECRC) {
            let fcs = crc32fast::hash(&frame);
            frame.extend(fcs.to_le_bytes());
        }
        let summed = frame.get((self.rxcsum & 0xff) as usize..).map_or(0, checksum::sum);
        let mut rest = &frame[..];
        let buffer_len = self.buffer_len();
        while !rest.is_empty() && self.receive.owned() > 0 {
            let at = GuestPhysAddr(self.receive.address());
            let mut descriptor = [0; 16];
            memory.read(at, &mut descriptor);
            let [a, b, c, d, e, f, g, h, ..] = descriptor;
            let buffer = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            let (now, behind) = rest.split_at(rest.len().min(buffer_len));
            let mut bits = status | checks;
            // A descriptor without a buffer is passed over.
            if buffer != 0 {
                memory.write(GuestPhysAddr(buffer), now);
                rest = behind;
                descriptor[8..10].copy_from_slice(&(now.len() as u16).to_le_bytes());
            }
            bits.set(RxStatus::EOP, rest.is_empty());
            descriptor[10..12].copy_from_slice(&summed.to_le_bytes());
            (descriptor[12], descriptor[13]) = (bits.bits(), errors.bits());
            descriptor[14..16].copy_from_slice(&special.to_le_bytes());
            memory.write(at, &descriptor);
            self.receive.advance();
        }
        self.received(now, frame.len());
        if self.receive.owned() <= self.receive.count() >> ((self.rctl().bits() >> 8 & 3) + 1) {
            self.cause(Cause::RXDMT0);
        }
    }

    /// Looks at the checksums of a frame as far as that is enabled.
    fn check(&self, frame: &[u8]) -> (RxStatus, RxErrors) {
        let enabled = Rxcsum::from_bits_retain(self.rxcsum);
        let is_ipv4 = frame.get(12..HEADER) == Some(&IPV4[..]);
        let (mut status, mut errors) = (RxStatus::empty(), RxErrors::empty());
        if !is_ipv4 || !enabled.intersects(Rxcsum::IPOFL | Rxcsum::TUOFL) {
            return (RxStatus::IXSM, errors);
        }
        let verdict = checksum::check_ipv4(&frame[HEADER..]);
        if let Some(right) = verdict.ip.filter(|_| enabled.contains(Rxcsum::IPOFL)) {
            status |= RxStatus::IPCS;
            errors.set(RxErrors::IPE, !right);
        }
        if let Some(right) = verdict.transport.filter(|_| enabled.contains(Rxcsum::TUOFL)) {
            status |= RxStatus::TCPCS;
            errors.set(RxErrors::TCPE, !right);
        }
        (status, errors)
    }
}
