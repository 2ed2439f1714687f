//! TCP connections: smoltcp is the other end that the guest sees, a socket of the host's what is behind it.

use super::Watch;
use crate::Config;
use crate::reply;
use crate::user::station;
use device_api::VmTime;
use mio::Interest;
use mio::net::{TcpListener, TcpStream};
use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    EthernetAddress, HardwareAddress, IpCidr, IpListenEndpoint, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket,
    TcpRepr,
};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4};

/// Connections at most; further ones are refused.
const CONNECTIONS: usize = 256;
/// Size of a connection's buffer in each direction.
const BUFFER: usize = 64 << 10;
/// Bytes of the largest packet.
const MTU: usize = 1500;
/// Packets that wait for the guest at most.
const PACKETS: usize = 64;
/// The least time between two looks that follow from time alone.
const TICK_NS: u64 = 1_000_000;
/// How long a guest may leave what it was sent unacknowledged.
const TIMEOUT: Duration = Duration::from_secs(120);
/// First and last port of connections that come from the host.
const PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_535;

/// The cable between smoltcp and the guest: IPv4 packets.
#[derive(Default)]
struct Cable {
    to_gateway: VecDeque<Vec<u8>>,
    to_guest: VecDeque<Vec<u8>>,
}

struct Incoming(Vec<u8>);
struct Outgoing<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Cable {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let packet = self.to_gateway.pop_front()?;
        Some((Incoming(packet), Outgoing(&mut self.to_guest)))
    }
    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_>> {
        (self.to_guest.len() < PACKETS).then_some(Outgoing(&mut self.to_guest))
    }
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

/// A connection that the host has yet to make. The guest's request is kept and taken up when the host has succeeded, so
/// that the guest sees a refusal as one.
struct Pending {
    stream: TcpStream,
    packet: Vec<u8>,
}

/// A connection.
struct Flow {
    handle: SocketHandle,
    stream: TcpStream,
    /// The host's end sends no more
    host_ended: bool,
    /// The guest has closed its direction, and the host's socket was shut down for writing
    guest_ended: bool,
}

/// All connections.
pub(super) struct Tcp {
    interface: Interface,
    sockets: SocketSet<'static>,
    cable: Cable,
    pending: Vec<Pending>,
    flows: Vec<Flow>,
    listeners: Vec<(TcpListener, SocketAddrV4)>,
    refusals: VecDeque<Vec<u8>>,
    host: Ipv4Addr,
    port: u16,
}

fn instant(now: VmTime) -> Instant {
    Instant::from_micros(i64::try_from(now.0 / 1000).unwrap_or(i64::MAX))
}

/// Returns the request to connect that a packet is, with its ports.
fn request<'a>(packet: &'a [u8], ip: &Ipv4Repr) -> Option<TcpRepr<'a>> {
    let packet = Ipv4Packet::new_checked(packet).ok()?;
    let segment = TcpPacket::new_checked(packet.payload()).ok()?;
    let (from, to) = (ip.src_addr.into(), ip.dst_addr.into());
    TcpRepr::parse(&segment, &from, &to, &ChecksumCapabilities::default()).ok()
}

fn socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = Socket::new(buffer(), buffer());
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket.set_timeout(Some(TIMEOUT));
    socket
}

impl Tcp {
    pub(super) fn new(config: &Config, watch: &mut Watch) -> io::Result<Self> {
        let mut cable = Cable::default();
        let settings = iface::Config::new(HardwareAddress::Ip);
        let mut interface = Interface::new(settings, &mut cable, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            // There is room for the first.
            let _ = addresses.push(IpCidr::new(config.host.into(), config.prefix));
        });
        // Packets to any station are the gateway's own.
        interface.set_any_ip(true);
        let _ = interface.routes_mut().add_default_ipv4_route(config.host);
        let mut listeners = Vec::new();
        for forward in &config.forwards {
            let mut listener = TcpListener::bind(SocketAddr::V4(forward.listen))?;
            watch.register(&mut listener, Interest::READABLE)?;
            let ip = forward.guest.ip();
            let ip = if ip.is_unspecified() { config.dhcp_start } else { *ip };
            listeners.push((listener, SocketAddrV4::new(ip, forward.guest.port())));
        }
        Ok(Self {
            interface,
            sockets: SocketSet::new(Vec::new()),
            cable,
            pending: Vec::new(),
            flows: Vec::new(),
            listeners,
            refusals: VecDeque::new(),
            host: config.host,
            port: *PORTS.start(),
        })
    }

    /// Takes a packet of the guest's.
    pub(super) fn packet(
        &mut self,
        now: VmTime,
        packet: &[u8],
        ip: &Ipv4Repr,
        target: Option<Ipv4Addr>,
        watch: &mut Watch,
    ) -> Option<()> {
        let segment = request(packet, ip)?;
        let is_request = segment.control == TcpControl::Syn && segment.ack_number.is_none();
        if !is_request || self.is_known(ip, &segment) {
            self.cable.to_gateway.push_back(packet.to_vec());
            self.poll(now);
            return Some(());
        }
        if self.pending.len() + self.flows.len() >= CONNECTIONS {
            return None;
        }
        let repeated = |pending: &Pending| pending.packet.get(12..24) == packet.get(12..24);
        if self.pending.iter().any(repeated) {
            return Some(());
        }
        let mut stream = TcpStream::connect(SocketAddr::from((target?, segment.dst_port))).ok()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        watch.register(&mut stream, interest).ok()?;
        self.pending.push(Pending { stream, packet: packet.to_vec() });
        Some(())
    }

    /// Returns whether a connection with these ends exists.
    fn is_known(&self, ip: &Ipv4Repr, segment: &TcpRepr<'_>) -> bool {
        self.sockets.iter().any(|(_, socket)| {
            let smoltcp::socket::Socket::Tcp(socket) = socket;
            let local = socket.local_endpoint().map(|end| (end.addr, end.port));
            let remote = socket.remote_endpoint().map(|end| (end.addr, end.port));
            local == Some((ip.dst_addr.into(), segment.dst_port))
                && remote == Some((ip.src_addr.into(), segment.src_port))
        })
    }

    fn poll(&mut self, now: VmTime) {
        let _ = self.interface.poll(instant(now), &mut self.cable, &mut self.sockets);
    }

    /// Processes all connections. Returns when to do so again, if a timer requires it.
    pub(super) fn serve(&mut self, now: VmTime, watch: &mut Watch) -> Option<VmTime> {
        self.accept(watch);
        self.take_up(now);
        for at in (0..self.flows.len()).rev() {
            let flow = &mut self.flows[at];
            let socket = self.sockets.get_mut::<Socket<'_>>(flow.handle);
            pump(flow, socket);
            if socket.state() == State::Closed && socket.recv_queue() == 0 {
                let flow = self.flows.swap_remove(at);
                self.sockets.remove(flow.handle);
            }
        }
        self.poll(now);
        let next = self.interface.poll_at(instant(now), &self.sockets)?;
        let at = VmTime(u64::try_from(next.total_micros()).unwrap_or(0).saturating_mul(1000));
        Some(at.max(now + TICK_NS))
    }

    /// Takes connections that came from the host on to the guest.
    fn accept(&mut self, watch: &mut Watch) {
        for (listener, guest) in &self.listeners {
            while self.pending.len() + self.flows.len() < CONNECTIONS {
                let Ok((mut stream, _)) = listener.accept() else { break };
                let interest = Interest::READABLE | Interest::WRITABLE;
                if watch.register(&mut stream, interest).is_err() {
                    continue;
                }
                self.port = if self.port == *PORTS.end() { *PORTS.start() } else { self.port + 1 };
                let mut socket = socket();
                let remote = (*guest.ip(), guest.port());
                if socket.connect(self.interface.context(), remote, (self.host, self.port)).is_ok() {
                    let handle = self.sockets.add(socket);
                    self.flows.push(Flow { handle, stream, host_ended: false, guest_ended: false });
                }
            }
        }
    }

    /// Takes up requests of the guest's for which the host is connected now, and refuses those that failed.
    fn take_up(&mut self, now: VmTime) {
        for at in (0..self.pending.len()).rev() {
            let stream = &self.pending[at].stream;
            let failed = !matches!(stream.take_error(), Ok(None));
            let waits = stream.peer_addr().is_err();
            if waits && !failed {
                continue;
            }
            let Pending { stream, packet } = self.pending.swap_remove(at);
            let header = Ipv4Packet::new_unchecked(&packet[..]);
            let Ok(ip) = Ipv4Repr::parse(&header, &ChecksumCapabilities::default()) else { continue };
            let Some(segment) = request(&packet, &ip) else { continue };
            if failed {
                let addresses = reply::Addresses {
                    source_mac: station(self.host),
                    target_mac: EthernetAddress::BROADCAST,
                    source: ip.dst_addr,
                    target: ip.src_addr,
                };
                self.refusals.extend(reply::refuse(addresses, &segment));
                continue;
            }
            let mut socket = socket();
            let end = IpListenEndpoint { addr: Some(ip.dst_addr.into()), port: segment.dst_port };
            if socket.listen(end).is_ok() {
                let handle = self.sockets.add(socket);
                self.flows.push(Flow { handle, stream, host_ended: false, guest_ended: false });
                self.cable.to_gateway.push_back(packet);
                self.poll(now);
            }
        }
    }

    /// Returns the port of the first listener.
    #[cfg(test)]
    pub(super) fn listening(&self) -> u16 {
        self.listeners[0].0.local_addr().unwrap().port()
    }

    /// Returns the next frame for the guest's card.
    pub(super) fn next_frame(&mut self, card: EthernetAddress) -> Option<Vec<u8>> {
        if let Some(mut frame) = self.refusals.pop_front() {
            frame.get_mut(..6)?.copy_from_slice(card.as_bytes());
            return Some(frame);
        }
        let packet = self.cable.to_guest.pop_front()?;
        Some(reply::packet(station(self.host), card, &packet))
    }
}

/// Moves bytes between a connection's two ends, and passes the end of stream on.
fn pump(flow: &mut Flow, socket: &mut Socket<'_>) {
    while socket.can_recv() {
        let mut result = Ok(0);
        let written = socket.recv(|bytes| moved(&mut result, flow.stream.write(bytes)));
        if !continues(socket, result, written.is_ok()) {
            break;
        }
    }
    let connected = !matches!(socket.state(), State::Listen | State::SynReceived | State::SynSent);
    if connected && !flow.guest_ended && !socket.may_recv() {
        flow.guest_ended = true;
        let _ = flow.stream.shutdown(Shutdown::Write);
    }
    while socket.can_send() && !flow.host_ended {
        let mut result = Ok(0);
        let read = socket.send(|into| moved(&mut result, flow.stream.read(into)));
        flow.host_ended = read.is_ok() && matches!(result, Ok(0));
        if !continues(socket, result, read.is_ok()) {
            break;
        }
    }
    if flow.host_ended && socket.may_send() {
        socket.close();
    }
}

/// Stores the result of the host's socket. Returns the bytes moved, as the guest's socket takes them.
fn moved(result: &mut io::Result<usize>, of_host: io::Result<usize>) -> (usize, ()) {
    let len = *of_host.as_ref().unwrap_or(&0);
    *result = of_host;
    (len, ())
}

/// Returns whether more bytes may be moved. An error of the host's socket, unless it only has to wait, resets the guest's.
fn continues(socket: &mut Socket<'_>, result: io::Result<usize>, is_open: bool) -> bool {
    match result {
        Ok(len) => is_open && len > 0,
        Err(error) => {
            if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) {
                socket.abort();
            }
            false
        }
    }
}
