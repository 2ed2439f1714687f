//! The DHCP server.

use crate::reply::{self, Addresses};
use crate::{Config, user};
use smoltcp::wire::{
    DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr, EthernetAddress,
    UdpRepr,
};
use snapshot::codec_struct;
use std::net::Ipv4Addr;

/// Seconds of a lease: a day, as with QEMU.
const LEASE: u32 = 86_400;
/// Bytes of the smallest message that old clients take.
const SMALLEST: usize = 300;
/// Where the name of the boot file is in a message, and how many bytes it has.
const BOOT_FILE: usize = 108;
const BOOT_FILE_LEN: usize = 128;

/// Numbers of options that smoltcp has no fields for.
mod option {
    pub(super) const DNS: u8 = 6;
    pub(super) const HOST_NAME: u8 = 12;
    pub(super) const DOMAIN: u8 = 15;
    pub(super) const SERVER_NAME: u8 = 66;
    pub(super) const BOOT_FILE: u8 = 67;
}

/// Which card has which address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leases {
    /// Address of the card, address on the network
    given: Vec<([u8; 6], u32)>,
}
codec_struct!(Leases { given });

impl Leases {
    fn of(&self, card: EthernetAddress) -> Option<Ipv4Addr> {
        let found = self.given.iter().find(|(other, _)| *other == card.0)?;
        Some(Ipv4Addr::from_bits(found.1))
    }

    fn is_free(&self, address: Ipv4Addr) -> bool {
        self.given.iter().all(|(_, other)| *other != address.to_bits())
    }

    /// Returns the address that a card is offered: the one it has, the one it wishes for, or the next; `None` where all are
    /// given away.
    fn offer(&self, config: &Config, card: EthernetAddress, wish: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        let range = config.dhcp_start.to_bits()..=config.last_lease().to_bits();
        let wish = wish.filter(|wish| range.contains(&wish.to_bits()) && self.is_free(*wish));
        let mut free = range.map(Ipv4Addr::from_bits).filter(|address| self.is_free(*address));
        self.of(card).or(wish).or_else(|| free.next())
    }

    fn give(&mut self, card: EthernetAddress, address: Ipv4Addr) {
        self.given.retain(|(other, _)| *other != card.0);
        self.given.push((card.0, address.to_bits()));
    }

    /// Returns the frame that answers a client's message, if it is one.
    pub(crate) fn answer(
        &mut self,
        config: &Config,
        source: EthernetAddress,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let packet = DhcpPacket::new_checked(message).ok()?;
        let request = DhcpRepr::parse(&packet).ok()?;
        let card = request.client_hardware_address;
        let for_other = request.server_identifier.is_some_and(|server| server != config.host);
        let current = Some(request.client_ip).filter(|address| !address.is_unspecified());
        let (kind, address) = match request.message_type {
            _ if for_other => return None,
            DhcpMessageType::Discover => {
                (DhcpMessageType::Offer, self.offer(config, card, request.requested_ip)?)
            }
            DhcpMessageType::Request => {
                let wanted = request.requested_ip.or(current)?;
                match self.offer(config, card, Some(wanted)) {
                    Some(address) if address == wanted => {
                        self.give(card, address);
                        (DhcpMessageType::Ack, address)
                    }
                    _ => (DhcpMessageType::Nak, Ipv4Addr::UNSPECIFIED),
                }
            }
            DhcpMessageType::Inform => (DhcpMessageType::Ack, Ipv4Addr::UNSPECIFIED),
            DhcpMessageType::Release => {
                self.given.retain(|(other, _)| *other != card.0);
                return None;
            }
            _ => return None,
        };
        let message = message_of(config, &request, kind, address)?;
        // A client that has its address can be reached there; any other takes broadcasts.
        let target = match current.filter(|_| kind != DhcpMessageType::Nak) {
            Some(address) => (source, address),
            None => (EthernetAddress::BROADCAST, Ipv4Addr::BROADCAST),
        };
        let addresses = Addresses {
            source_mac: user::station(config.host),
            target_mac: target.0,
            source: config.host,
            target: target.1,
        };
        let ports = UdpRepr { src_port: DHCP_SERVER_PORT, dst_port: DHCP_CLIENT_PORT };
        Some(reply::udp(addresses, ports, &message))
    }
}

/// Returns the server's message of a kind; `None` where its options do not fit.
fn message_of(
    config: &Config,
    request: &DhcpRepr<'_>,
    kind: DhcpMessageType,
    address: Ipv4Addr,
) -> Option<Vec<u8>> {
    let refuses = kind == DhcpMessageType::Nak;
    let dns = config.dns.octets();
    let mut options = Vec::new();
    if !refuses {
        options.push(DhcpOption { kind: option::DNS, data: &dns });
        let texts = [
            (option::HOST_NAME, &config.hostname),
            (option::DOMAIN, &config.domain),
            (option::SERVER_NAME, &config.server_name),
            (option::BOOT_FILE, &config.bootfile),
        ];
        let given = texts.into_iter().filter_map(|(kind, text)| Some((kind, text.as_ref()?)));
        options.extend(given.map(|(kind, text)| DhcpOption { kind, data: text.as_bytes() }));
    }
    let leases = !refuses && request.message_type != DhcpMessageType::Inform;
    let message = DhcpRepr {
        message_type: kind,
        transaction_id: request.transaction_id,
        secs: 0,
        client_hardware_address: request.client_hardware_address,
        client_ip: request.client_ip,
        your_ip: address,
        server_ip: if refuses { Ipv4Addr::UNSPECIFIED } else { config.host },
        router: Some(config.host).filter(|_| !refuses && !config.restrict),
        subnet_mask: Some(config.mask()).filter(|_| !refuses),
        relay_agent_ip: Ipv4Addr::UNSPECIFIED,
        broadcast: request.broadcast,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(config.host),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: leases.then_some(LEASE),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &options,
    };
    let mut bytes = vec![0; message.buffer_len().max(SMALLEST)];
    message.emit(&mut DhcpPacket::new_unchecked(&mut bytes[..])).ok()?;
    if let Some(file) = config.bootfile.as_ref().filter(|_| !refuses) {
        let field = bytes.get_mut(BOOT_FILE..BOOT_FILE + BOOT_FILE_LEN)?;
        let len = file.len().min(BOOT_FILE_LEN - 1);
        field[..len].copy_from_slice(&file.as_bytes()[..len]);
    }
    Some(bytes)
}
