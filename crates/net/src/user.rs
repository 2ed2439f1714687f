//! User-mode networking: the gateway of a network that has one guest.

use crate::Config;
use crate::dhcp::Leases;
use crate::reply::{self, Addresses};
use device_api::{NetBackend, VmTime};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4DstUnreachable,
    Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Packet, Ipv4Repr, TcpPacket, TcpRepr, UdpPacket, UdpRepr,
};
use snapshot::Codec;
use std::collections::VecDeque;
use std::net::Ipv4Addr;

/// Frames that wait for the guest at most; what comes then is lost, as on any network.
const MOST: usize = 256;
/// Bytes of the largest frame that is answered.
const LARGEST: usize = 1514;
/// Bytes of a packet that an ICMP error quotes behind the header.
const QUOTED: usize = 8;

/// A network of the guest's own, as QEMU's `-netdev user`.
#[derive(Debug)]
pub struct UserNet {
    config: Config,
    leases: Leases,
    queue: VecDeque<Vec<u8>>,
}

/// Returns the address of a station of the network that is not the guest, as QEMU makes it: 52:55 and the IP address.
pub(crate) fn station(address: Ipv4Addr) -> EthernetAddress {
    let [a, b, c, d] = address.octets();
    EthernetAddress([0x52, 0x55, a, b, c, d])
}

/// A packet of the guest's, with where it came from.
#[derive(Clone, Copy)]
struct Received<'a> {
    source: EthernetAddress,
    ip: Ipv4Repr,
    payload: &'a [u8],
}

impl Received<'_> {
    /// Addresses of an answer by the station that it was for.
    fn answer(&self) -> Addresses {
        self.answer_from(self.ip.dst_addr)
    }

    fn answer_from(&self, station: Ipv4Addr) -> Addresses {
        Addresses {
            source_mac: crate::user::station(station),
            target_mac: self.source,
            source: station,
            target: self.ip.src_addr,
        }
    }
}

impl UserNet {
    /// Returns a network.
    pub fn new(config: Config) -> Self {
        Self { config, leases: Leases::default(), queue: VecDeque::new() }
    }

    fn push(&mut self, frame: Option<Vec<u8>>) {
        if self.queue.len() < MOST {
            self.queue.extend(frame);
        }
    }

    /// Returns whether an address is the gateway's or the name server's.
    fn is_own(&self, address: Ipv4Addr) -> bool {
        address == self.config.host || address == self.config.dns
    }

    fn arp(&mut self, payload: &[u8]) -> Option<()> {
        let packet = ArpPacket::new_checked(payload).ok()?;
        let ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: asking,
            source_protocol_addr: asking_ip,
            target_protocol_addr: wanted,
            ..
        } = ArpRepr::parse(&packet).ok()?
        else {
            return None;
        };
        if operation != ArpOperation::Request || !self.is_own(wanted) {
            return None;
        }
        let answer = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr: station(wanted),
            source_protocol_addr: wanted,
            target_hardware_addr: asking,
            target_protocol_addr: asking_ip,
        };
        self.push(Some(reply::arp(station(wanted), asking, answer)));
        Some(())
    }

    fn ipv4(&mut self, source: EthernetAddress, payload: &[u8]) -> Option<()> {
        let packet = Ipv4Packet::new_checked(payload).ok()?;
        // A guest's packets are not larger than the network's; what is in pieces nevertheless is for no one here.
        if packet.more_frags() || packet.frag_offset() != 0 {
            return None;
        }
        let ip = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()).ok()?;
        let received = Received { source, ip, payload: packet.payload() };
        match ip.next_header {
            IpProtocol::Udp => self.udp(received, payload),
            IpProtocol::Icmp => self.icmp(received),
            IpProtocol::Tcp => self.tcp(received),
            _ => None,
        }
    }

    fn udp(&mut self, received: Received<'_>, packet: &[u8]) -> Option<()> {
        let Received { ip, payload, source } = received;
        let datagram = UdpPacket::new_checked(payload).ok()?;
        let (from, to) = (ip.src_addr.into(), ip.dst_addr.into());
        let ports = UdpRepr::parse(&datagram, &from, &to, &ChecksumCapabilities::default()).ok()?;
        let everyone = ip.dst_addr.is_broadcast() || ip.dst_addr == self.config.broadcast();
        if ports.dst_port == smoltcp::wire::DHCP_SERVER_PORT && (everyone || ip.dst_addr == self.config.host)
        {
            let frame = self.leases.answer(&self.config, source, datagram.payload());
            self.push(frame);
            return Some(());
        }
        if everyone || ip.dst_addr.is_multicast() {
            return None;
        }
        let own = self.is_own(ip.dst_addr);
        let (reason, addresses) = if own {
            (Icmpv4DstUnreachable::PortUnreachable, received.answer())
        } else {
            (Icmpv4DstUnreachable::NetUnreachable, received.answer_from(self.config.host))
        };
        let quoted = packet.get(usize::from(Ipv4Packet::new_unchecked(packet).header_len())..)?;
        let data = quoted.get(..QUOTED.min(quoted.len()))?;
        let error = Icmpv4Repr::DstUnreachable { reason, header: ip, data };
        self.push(Some(reply::icmp(addresses, error)));
        Some(())
    }

    fn icmp(&mut self, received: Received<'_>) -> Option<()> {
        let packet = Icmpv4Packet::new_checked(received.payload).ok()?;
        let request = Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()).ok()?;
        let Icmpv4Repr::EchoRequest { ident, seq_no, data } = request else { return None };
        if !self.is_own(received.ip.dst_addr) {
            return None;
        }
        let answer = Icmpv4Repr::EchoReply { ident, seq_no, data };
        self.push(Some(reply::icmp(received.answer(), answer)));
        Some(())
    }

    /// Nothing listens anywhere: connections are refused at once, so that programs in the guest need not wait.
    fn tcp(&mut self, received: Received<'_>) -> Option<()> {
        let Received { ip, payload, .. } = received;
        if ip.dst_addr.is_multicast() || ip.dst_addr.is_broadcast() {
            return None;
        }
        let segment = TcpPacket::new_checked(payload).ok()?;
        let (from, to) = (ip.src_addr.into(), ip.dst_addr.into());
        let parsed = TcpRepr::parse(&segment, &from, &to, &ChecksumCapabilities::default()).ok()?;
        let mut addresses = received.answer();
        if !self.is_own(ip.dst_addr) {
            addresses.source_mac = station(self.config.host);
        }
        self.push(reply::refuse(addresses, &parsed));
        Some(())
    }
}

impl NetBackend for UserNet {
    fn send(&mut self, _now: VmTime, frame: &[u8]) {
        if frame.len() > LARGEST {
            return;
        }
        let Ok(frame) = EthernetFrame::new_checked(frame) else { return };
        let (source, target) = (frame.src_addr(), frame.dst_addr());
        let own = [self.config.host, self.config.dns].map(station);
        if !source.is_unicast() || !target.is_multicast() && !own.contains(&target) {
            return;
        }
        let _ = match frame.ethertype() {
            EthernetProtocol::Arp => self.arp(frame.payload()),
            EthernetProtocol::Ipv4 => self.ipv4(source, frame.payload()),
            _ => None,
        };
    }

    fn receive(&mut self, _now: VmTime, frame: &mut Vec<u8>) -> bool {
        let Some(next) = self.queue.pop_front() else { return false };
        *frame = next;
        true
    }

    fn save(&self, out: &mut Vec<u8>) {
        let Self { config: _, leases, queue } = self;
        leases.put(out);
        queue.iter().cloned().collect::<Vec<_>>().put(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let leases = Leases::get(&mut rest)?;
        let queue: Vec<Vec<u8>> = Codec::get(&mut rest)?;
        (self.leases, self.queue) = (leases, queue.into());
        *bytes = rest;
        Some(())
    }
}
