//! Datagrams: a socket of the host's for each port of the guest's and each station that it talks to.

use super::Watch;
use crate::reply::{self, Addresses};
use crate::user::station;
use device_api::VmTime;
use mio::Interest;
use mio::net::UdpSocket;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{EthernetAddress, Ipv4Repr, UdpPacket, UdpRepr};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Sockets at most; the one that was quiet longest makes room.
const SOCKETS: usize = 64;
/// Datagrams that wait for the guest at most; those that come then wait at the host.
const MOST: usize = 64;
/// How long a quiet socket is kept: a minute.
const QUIET_NS: u64 = 60_000_000_000;
/// Bytes of the largest datagram that fits into a frame of 1500 bytes.
const LARGEST: usize = 1472;

struct Flow {
    guest: SocketAddrV4,
    /// The address used by the guest
    remote: SocketAddrV4,
    socket: UdpSocket,
    used: VmTime,
}

/// All of them, and what came.
#[derive(Default)]
pub(super) struct Udp {
    flows: Vec<Flow>,
    queue: VecDeque<(SocketAddrV4, SocketAddrV4, Vec<u8>)>,
}

impl Udp {
    /// Passes a datagram on. What the host does not take is lost.
    pub(super) fn packet(
        &mut self,
        now: VmTime,
        payload: &[u8],
        ip: &Ipv4Repr,
        target: Option<Ipv4Addr>,
        watch: &mut Watch,
    ) -> Option<()> {
        let datagram = UdpPacket::new_checked(payload).ok()?;
        let (from, to) = (ip.src_addr.into(), ip.dst_addr.into());
        let ports = UdpRepr::parse(&datagram, &from, &to, &ChecksumCapabilities::default()).ok()?;
        let guest = SocketAddrV4::new(ip.src_addr, ports.src_port);
        let remote = SocketAddrV4::new(ip.dst_addr, ports.dst_port);
        if remote.port() == smoltcp::wire::DHCP_SERVER_PORT {
            return None;
        }
        let known = self.flows.iter().position(|flow| flow.guest == guest && flow.remote == remote);
        let at = match known {
            Some(at) => at,
            None => {
                let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
                let mut socket = UdpSocket::bind(any).ok()?;
                socket.connect(SocketAddr::from((target?, ports.dst_port))).ok()?;
                watch.register(&mut socket, Interest::READABLE).ok()?;
                if self.flows.len() >= SOCKETS {
                    let oldest = (0..self.flows.len()).min_by_key(|&n| self.flows[n].used)?;
                    self.flows.swap_remove(oldest);
                }
                self.flows.push(Flow { guest, remote, socket, used: now });
                self.flows.len() - 1
            }
        };
        let flow = self.flows.get_mut(at)?;
        flow.used = now;
        let _ = flow.socket.send(datagram.payload());
        Some(())
    }

    /// Takes what has come.
    pub(super) fn serve(&mut self, now: VmTime) {
        let mut buffer = [0; LARGEST + 1];
        for flow in &mut self.flows {
            while self.queue.len() < MOST {
                match flow.socket.recv(&mut buffer) {
                    Ok(len) if len <= LARGEST => {
                        flow.used = now;
                        self.queue.push_back((flow.remote, flow.guest, buffer[..len].to_vec()));
                    }
                    // Larger than the network's frames.
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
        self.flows.retain(|flow| now.since(flow.used) < QUIET_NS);
    }

    /// Returns the next frame for the guest's card.
    pub(super) fn next_frame(&mut self, card: EthernetAddress) -> Option<Vec<u8>> {
        let (remote, guest, payload) = self.queue.pop_front()?;
        let at = Addresses {
            source_mac: station(*remote.ip()),
            target_mac: card,
            source: *remote.ip(),
            target: *guest.ip(),
        };
        let ports = UdpRepr { src_port: remote.port(), dst_port: guest.port() };
        Some(reply::udp(at, ports, &payload))
    }
}
