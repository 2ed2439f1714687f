use crate::reply::{self, Addresses};
use crate::user::station;
use crate::{Config, Dump, UserNet};
use device_api::{NetBackend, VmTime};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::*;
use std::net::Ipv4Addr;

const CARD: EthernetAddress = EthernetAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Sends a frame and returns what comes back.
fn exchange(net: &mut dyn NetBackend, frame: &[u8]) -> Option<Vec<u8>> {
    net.send(VmTime::ZERO, frame);
    let mut answer = Vec::new();
    net.receive(VmTime::ZERO, &mut answer).then_some(answer)
}

fn to(target: Ipv4Addr) -> Addresses {
    Addresses { source_mac: CARD, target_mac: station(HOST), source: GUEST, target }
}

/// Takes an IPv4 frame apart: headers and what is behind them, with right checksums.
fn ipv4(frame: &[u8]) -> (EthernetRepr, Ipv4Repr, Vec<u8>) {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    let packet = Ipv4Packet::new_checked(frame.payload()).unwrap();
    let ip = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()).unwrap();
    (EthernetRepr::parse(&frame).unwrap(), ip, packet.payload().to_vec())
}

/// Returns a client's DHCP message, as a frame.
fn dhcp(kind: DhcpMessageType, card: EthernetAddress, wish: Option<Ipv4Addr>) -> Vec<u8> {
    let none = Ipv4Addr::UNSPECIFIED;
    let message = DhcpRepr {
        message_type: kind,
        transaction_id: 0x1234_5678,
        secs: 0,
        client_hardware_address: card,
        client_ip: none,
        your_ip: none,
        server_ip: none,
        router: None,
        subnet_mask: None,
        relay_agent_ip: none,
        broadcast: false,
        requested_ip: wish,
        client_identifier: Some(card),
        server_identifier: None,
        parameter_request_list: Some(&[1, 3, 6]),
        dns_servers: None,
        max_size: Some(1500),
        lease_duration: None,
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut DhcpPacket::new_unchecked(&mut bytes[..])).unwrap();
    let everyone = Addresses {
        source_mac: card,
        target_mac: EthernetAddress::BROADCAST,
        source: none,
        target: Ipv4Addr::BROADCAST,
    };
    reply::udp(everyone, UdpRepr { src_port: DHCP_CLIENT_PORT, dst_port: DHCP_SERVER_PORT }, &bytes)
}

/// Kind, address, and the whole message of the server's answer.
fn offered(net: &mut UserNet, frame: &[u8]) -> Option<(DhcpMessageType, Ipv4Addr, Vec<u8>)> {
    let answer = exchange(net, frame)?;
    let (_, ip, payload) = ipv4(&answer);
    let datagram = UdpPacket::new_checked(&payload[..]).unwrap();
    assert!(datagram.verify_checksum(&ip.src_addr.into(), &ip.dst_addr.into()));
    let message = datagram.payload().to_vec();
    let packet = DhcpPacket::new_checked(&message[..]).unwrap();
    let parsed = DhcpRepr::parse(&packet).unwrap();
    assert_eq!((ip.src_addr, parsed.transaction_id), (HOST, 0x1234_5678));
    let found = (parsed.message_type, parsed.your_ip);
    Some((found.0, found.1, message))
}

#[test]
fn the_gateway_and_the_name_server_answer_arp_and_nobody_else_does() {
    let mut net = UserNet::new(Config::default());
    for (wanted, answers) in
        [(HOST, true), (Ipv4Addr::new(10, 0, 2, 3), true), (GUEST, false), (ELSEWHERE, false)]
    {
        let request = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: CARD,
            source_protocol_addr: GUEST,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: wanted,
        };
        let answer = exchange(&mut net, &reply::arp(CARD, EthernetAddress::BROADCAST, request));
        assert_eq!(answer.is_some(), answers, "{wanted}");
        let Some(answer) = answer else { continue };
        let packet = ArpPacket::new_checked(&answer[14..]).unwrap();
        let ArpRepr::EthernetIpv4 { operation, source_hardware_addr, source_protocol_addr, .. } =
            ArpRepr::parse(&packet).unwrap()
        else {
            panic!("an answer");
        };
        assert_eq!(operation, ArpOperation::Reply);
        assert_eq!((source_hardware_addr, source_protocol_addr), (station(wanted), wanted));
        assert_eq!(answer[..6], CARD.0);
    }
}

#[test]
fn dhcp_gives_each_card_an_address_and_keeps_to_it() {
    let config =
        Config { hostname: Some("box".into()), bootfile: Some("pxelinux.0".into()), ..Config::default() };
    let mut net = UserNet::new(config);
    let (kind, address, message) = offered(&mut net, &dhcp(DhcpMessageType::Discover, CARD, None)).unwrap();
    assert_eq!((kind, address), (DhcpMessageType::Offer, GUEST));
    let packet = DhcpPacket::new_checked(&message[..]).unwrap();
    let options = DhcpRepr::parse(&packet).unwrap();
    assert_eq!((options.router, options.subnet_mask), (Some(HOST), Some(Ipv4Addr::new(255, 255, 255, 0))));
    assert_eq!(options.dns_servers.unwrap()[..], [Ipv4Addr::new(10, 0, 2, 3)]);
    assert_eq!((options.server_ip, options.lease_duration), (HOST, Some(86_400)));
    assert_eq!(packet.get_boot_file(), Ok("pxelinux.0"));
    assert!(packet.options().any(|option| option.kind == 12 && option.data == b"box"));
    let request = |card, wish| dhcp(DhcpMessageType::Request, card, Some(wish));
    let kind_of =
        |net: &mut UserNet, frame: &[u8]| offered(net, frame).map(|(kind, address, _)| (kind, address));
    assert_eq!(kind_of(&mut net, &request(CARD, GUEST)), Some((DhcpMessageType::Ack, GUEST)));
    let other = EthernetAddress([2, 0, 0, 0, 0, 1]);
    let refused = Some((DhcpMessageType::Nak, Ipv4Addr::UNSPECIFIED));
    assert_eq!(kind_of(&mut net, &request(other, GUEST)), refused, "it is the first card's");
    assert_eq!(kind_of(&mut net, &request(other, ELSEWHERE)), refused, "it is not of the network");
    let next = Ipv4Addr::new(10, 0, 2, 16);
    let discover = dhcp(DhcpMessageType::Discover, other, None);
    assert_eq!(kind_of(&mut net, &discover), Some((DhcpMessageType::Offer, next)));
    // The leases are state.
    let mut bytes = Vec::new();
    net.save(&mut bytes);
    let mut copy = UserNet::new(Config::default());
    assert_eq!(copy.load(&mut &bytes[..bytes.len() - 1]), None);
    copy.load(&mut &bytes[..]).unwrap();
    assert_eq!(kind_of(&mut copy, &request(other, GUEST)), refused);
}

#[test]
fn sixteen_addresses_are_given_away() {
    let mut net = UserNet::new(Config::default());
    for n in 0..20 {
        let card = EthernetAddress([2, 0, 0, 0, 0, n]);
        let offer = offered(&mut net, &dhcp(DhcpMessageType::Discover, card, None));
        assert_eq!(offer.is_some(), n < 16, "{n}");
        if let Some((_, address, _)) = offer {
            let granted = offered(&mut net, &dhcp(DhcpMessageType::Request, card, Some(address)));
            assert_eq!(granted.map(|(kind, ..)| kind), Some(DhcpMessageType::Ack));
        }
    }
}

#[test]
fn the_gateway_answers_echo_requests() {
    let mut net = UserNet::new(Config::default());
    let ping = Icmpv4Repr::EchoRequest { ident: 7, seq_no: 9, data: b"abc" };
    let answer = exchange(&mut net, &reply::icmp(to(HOST), ping)).unwrap();
    let (ethernet, ip, payload) = ipv4(&answer);
    assert_eq!((ethernet.dst_addr, ip.src_addr, ip.dst_addr), (CARD, HOST, GUEST));
    let packet = Icmpv4Packet::new_checked(&payload[..]).unwrap();
    let expected = Icmpv4Repr::EchoReply { ident: 7, seq_no: 9, data: b"abc" };
    assert_eq!(Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()), Ok(expected));
    assert_eq!(exchange(&mut net, &reply::icmp(to(ELSEWHERE), ping)), None);
}

#[test]
fn what_leads_nowhere_is_refused_at_once() {
    let mut net = UserNet::new(Config::default());
    let ports = UdpRepr { src_port: 1000, dst_port: 53 };
    for (target, reason) in [
        (Ipv4Addr::new(10, 0, 2, 3), Icmpv4DstUnreachable::PortUnreachable),
        (ELSEWHERE, Icmpv4DstUnreachable::NetUnreachable),
    ] {
        let answer = exchange(&mut net, &reply::udp(to(target), ports, b"a question")).unwrap();
        let (_, _, payload) = ipv4(&answer);
        let packet = Icmpv4Packet::new_checked(&payload[..]).unwrap();
        assert!(packet.verify_checksum());
        assert_eq!((packet.msg_type(), packet.msg_code()), (Icmpv4Message::DstUnreachable, reason.into()));
        let quoted = packet.data();
        assert_eq!((&quoted[16..20], &quoted[20..24]), (&target.octets()[..], &[0x03, 0xe8, 0, 53][..]));
    }
    let syn = TcpRepr {
        src_port: 1000,
        dst_port: 80,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(5),
        ack_number: None,
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let mut bytes = vec![0; syn.buffer_len()];
    let caps = ChecksumCapabilities::default();
    syn.emit(&mut TcpPacket::new_unchecked(&mut bytes[..]), &GUEST.into(), &ELSEWHERE.into(), &caps);
    let mut frame = reply::udp(to(ELSEWHERE), ports, &bytes[8..]);
    frame[23] = 6;
    frame[34..].copy_from_slice(&bytes);
    Ipv4Packet::new_unchecked(&mut frame[14..]).fill_checksum();
    let answer = exchange(&mut net, &frame).unwrap();
    let (_, ip, payload) = ipv4(&answer);
    let packet = TcpPacket::new_checked(&payload[..]).unwrap();
    let reset = TcpRepr::parse(&packet, &ip.src_addr.into(), &ip.dst_addr.into(), &caps).unwrap();
    assert_eq!((ip.src_addr, reset.control, reset.src_port), (ELSEWHERE, TcpControl::Rst, 80));
    assert_eq!(reset.ack_number, Some(TcpSeqNumber(6)));
}

#[test]
fn damaged_and_foreign_frames_are_passed_over() {
    let mut net = UserNet::new(Config::default());
    let whole = dhcp(DhcpMessageType::Discover, CARD, None);
    for len in 0..whole.len() {
        assert_eq!(exchange(&mut net, &whole[..len]), None, "{len} bytes");
    }
    // Every byte is covered by a checksum or checked itself, up to what is behind the UDP header.
    let mut random = 1u32;
    for at in 0..whole.len() {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut frame = whole.clone();
        frame[at] ^= (random >> 24) as u8 | 1;
        let _ = exchange(&mut net, &frame);
    }
    let mut foreign = whole.clone();
    foreign[..6].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
    assert_eq!(exchange(&mut net, &foreign), None);
}

#[test]
fn networks_have_their_addresses_where_qemu_has_them() {
    let config = Config::parse_network("192.168.7.0/24").unwrap();
    assert_eq!(config.host, Ipv4Addr::new(192, 168, 7, 2));
    assert_eq!(config.dhcp_start, Ipv4Addr::new(192, 168, 7, 15));
    assert_eq!(Config::parse_network("192.168.7.9/255.255.255.0"), Ok(config.clone()));
    assert_eq!(config.check(), Ok(()));
    assert_eq!(Config::parse_network("10.0.2.0/24"), Ok(Config::default()));
    for text in ["10.0.2.0/30", "10.0.2", "10.0.2.0/255.0.255.0", "10.0.2.0/x"] {
        assert!(Config::parse_network(text).is_err(), "{text}");
    }
    let outside = Config { host: ELSEWHERE, ..Config::default() };
    let message = outside.check().unwrap_err().to_string();
    assert_eq!(message, "host=192.0.2.1 is no address of a station in 10.0.2.0/24");
    let taken = Config { dhcp_start: Ipv4Addr::new(10, 0, 2, 1), ..Config::default() };
    assert!(taken.check().is_err());
}

#[test]
fn frames_are_recorded_both_ways() {
    let mut file = Vec::new();
    let ping = Icmpv4Repr::EchoRequest { ident: 7, seq_no: 9, data: b"abc" };
    let frame = reply::icmp(to(HOST), ping);
    let mut net = Dump::new(Box::new(UserNet::new(Config::default())), Shared(&mut file), 20).unwrap();
    net.send(VmTime(3_000_005_000), &frame);
    assert!(net.receive(VmTime(4_000_000_000), &mut Vec::new()));
    drop(net);
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
    assert_eq!(file.len(), 24 + 2 * (16 + 20), "20 bytes of each frame");
    let words: Vec<u32> = file[24..40].as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
    assert_eq!(words, [3, 5, 20, frame.len() as u32]);
    assert_eq!(file[40..60], frame[..20]);
}

/// A writer into a borrowed buffer.
struct Shared<'a>(&'a mut Vec<u8>);

impl std::io::Write for Shared<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
