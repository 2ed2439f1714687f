//! Frames of the gateway's.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, Icmpv4Packet,
    Icmpv4Repr, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket,
    UdpRepr,
};
use std::net::Ipv4Addr;

/// Where a packet comes from and goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) source_mac: EthernetAddress,
    pub(crate) target_mac: EthernetAddress,
    pub(crate) source: Ipv4Addr,
    pub(crate) target: Ipv4Addr,
}

/// Bytes of the header of an Ethernet frame.
const ETHERNET: usize = 14;
/// Bytes of the header of a UDP datagram.
const UDP: usize = 8;
/// Routers that a packet may pass.
const HOPS: u8 = 64;

/// Returns a frame with so many bytes behind its header, which `fill` fills.
fn ethernet(
    (source, target): (EthernetAddress, EthernetAddress),
    kind: EthernetProtocol,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let mut bytes = vec![0; ETHERNET + len];
    let header = EthernetRepr { src_addr: source, dst_addr: target, ethertype: kind };
    header.emit(&mut EthernetFrame::new_unchecked(&mut bytes[..]));
    fill(&mut bytes[ETHERNET..]);
    bytes
}

/// Returns the frame of an IPv4 packet.
#[cfg(all(feature = "host", not(target_family = "wasm")))]
pub(crate) fn packet(source: EthernetAddress, target: EthernetAddress, packet: &[u8]) -> Vec<u8> {
    ethernet((source, target), EthernetProtocol::Ipv4, packet.len(), |bytes| bytes.copy_from_slice(packet))
}

/// Returns the frame of an ARP packet.
pub(crate) fn arp(source: EthernetAddress, target: EthernetAddress, packet: ArpRepr) -> Vec<u8> {
    ethernet((source, target), EthernetProtocol::Arp, packet.buffer_len(), |bytes| {
        packet.emit(&mut ArpPacket::new_unchecked(bytes));
    })
}

fn ipv4(at: Addresses, protocol: IpProtocol, len: usize, fill: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let header = Ipv4Repr {
        src_addr: at.source,
        dst_addr: at.target,
        next_header: protocol,
        payload_len: len,
        hop_limit: HOPS,
    };
    let header_len = header.buffer_len();
    ethernet((at.source_mac, at.target_mac), EthernetProtocol::Ipv4, header_len + len, |bytes| {
        header.emit(&mut Ipv4Packet::new_unchecked(&mut *bytes), &ChecksumCapabilities::default());
        fill(&mut bytes[header_len..]);
    })
}

/// Returns the frame of an ICMP message.
pub(crate) fn icmp(at: Addresses, message: Icmpv4Repr<'_>) -> Vec<u8> {
    ipv4(at, IpProtocol::Icmp, message.buffer_len(), |bytes| {
        message.emit(&mut Icmpv4Packet::new_unchecked(bytes), &ChecksumCapabilities::default());
    })
}

/// Returns the frame of a UDP datagram.
pub(crate) fn udp(at: Addresses, ports: UdpRepr, payload: &[u8]) -> Vec<u8> {
    ipv4(at, IpProtocol::Udp, UDP + payload.len(), |bytes| {
        ports.emit(
            &mut UdpPacket::new_unchecked(bytes),
            &at.source.into(),
            &at.target.into(),
            payload.len(),
            |into| into.copy_from_slice(payload),
            &ChecksumCapabilities::default(),
        );
    })
}

/// Returns the frame of the reset that refuses a TCP segment; `None` where the segment is a reset itself.
pub(crate) fn refuse(at: Addresses, segment: &TcpRepr<'_>) -> Option<Vec<u8>> {
    if segment.control == TcpControl::Rst {
        return None;
    }
    let (seq_number, ack_number) = match segment.ack_number {
        Some(ack) => (ack, None),
        None => (TcpSeqNumber(0), Some(segment.seq_number + segment.segment_len())),
    };
    let reset = TcpRepr {
        src_port: segment.dst_port,
        dst_port: segment.src_port,
        control: TcpControl::Rst,
        seq_number,
        ack_number,
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    Some(ipv4(at, IpProtocol::Tcp, reset.buffer_len(), |bytes| {
        let (from, to) = (at.source.into(), at.target.into());
        reset.emit(&mut TcpPacket::new_unchecked(bytes), &from, &to, &ChecksumCapabilities::default());
    }))
}
