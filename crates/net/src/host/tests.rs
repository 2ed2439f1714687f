use super::*;
use crate::Forward;
use crate::reply::{self, Addresses};
use crate::user::station;
use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr, UdpPacket, UdpRepr};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const CARD: EthernetAddress = EthernetAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// The guest's card at the network's cable.
struct Card {
    net: HostNet,
    now: VmTime,
}

struct Frame(Vec<u8>);
struct Sender<'a>(&'a mut Card);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.net.send(self.0.now, &frame);
        result
    }
}

impl Device for Card {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Sender<'a>;
    fn receive(&mut self, _: Instant) -> Option<(Frame, Sender<'_>)> {
        let mut frame = Vec::new();
        self.net.receive(self.now, &mut frame).then_some(())?;
        Some((Frame(frame), Sender(self)))
    }
    fn transmit(&mut self, _: Instant) -> Option<Sender<'_>> {
        Some(Sender(self))
    }
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// A guest with an IP stack.
struct Guest {
    card: Card,
    interface: Interface,
    sockets: SocketSet<'static>,
    woken: Receiver<()>,
}

impl Guest {
    fn new(forwards: Vec<Forward>) -> Self {
        let (wake, woken) = channel();
        let wake = std::sync::Mutex::new(wake);
        let wake = move || _ = wake.lock().unwrap().send(());
        let config = Config { forwards, ..Config::default() };
        let net = HostNet::new(config, None, Arc::new(wake)).unwrap();
        let mut card = Card { net, now: VmTime::ZERO };
        let settings = iface::Config::new(HardwareAddress::Ethernet(CARD));
        let mut interface = Interface::new(settings, &mut card, Instant::ZERO);
        interface.update_ip_addrs(|list| list.push(IpCidr::new(GUEST.into(), 24)).unwrap());
        interface.routes_mut().add_default_ipv4_route(HOST).unwrap();
        Self { card, interface, sockets: SocketSet::new(Vec::new()), woken }
    }

    fn socket(&mut self) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; 16 << 10]);
        self.sockets.add(Socket::new(buffer(), buffer()))
    }

    fn connect(&mut self, to: (Ipv4Addr, u16)) -> SocketHandle {
        let handle = self.socket();
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        socket.connect(self.interface.context(), to, 50_000).unwrap();
        handle
    }

    /// Runs until something is as it should be; every millisecond of the guest's takes one of the host's at most.
    fn until<T>(&mut self, handle: SocketHandle, mut done: impl FnMut(&mut Socket<'_>) -> Option<T>) -> T {
        for _ in 0..20_000 {
            let at = Instant::from_micros((self.card.now.0 / 1000) as i64);
            self.interface.poll(at, &mut self.card, &mut self.sockets);
            if let Some(result) = done(self.sockets.get_mut(handle)) {
                return result;
            }
            let _ = self.woken.recv_timeout(Duration::from_millis(1));
            self.card.now = self.card.now + 1_000_000;
        }
        panic!("it never happened");
    }
}

#[test]
fn connections_reach_the_host_by_the_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // More than fits into all buffers on the way, and back again.
    const SENT: usize = 400_000;
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
        bytes.len()
    });
    let mut guest = Guest::new(Vec::new());
    let handle = guest.connect((HOST, port));
    let data: Vec<u8> = (0..SENT).map(|n| ((n * 7) >> 3) as u8).collect();
    let mut sent = 0;
    guest.until(handle, |socket| {
        if socket.can_send() {
            sent += socket.send_slice(&data[sent..]).unwrap();
        }
        (sent == SENT).then(|| socket.close())
    });
    let mut back = Vec::new();
    guest.until(handle, |socket| {
        while socket.can_recv() {
            socket.recv(|bytes| (bytes.len(), back.extend_from_slice(bytes))).unwrap();
        }
        (!socket.may_recv()).then_some(())
    });
    assert!(back == data, "{} bytes came back", back.len());
    assert_eq!(echo.join().unwrap(), SENT);
}

#[test]
fn what_the_host_refuses_the_guest_finds_refused() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut guest = Guest::new(Vec::new());
    let handle = guest.connect((HOST, free));
    guest.until(handle, |socket| (socket.state() == State::Closed).then_some(()));
}

#[test]
fn ports_of_the_host_lead_to_the_guest() {
    let listen = "127.0.0.1:0".parse().unwrap();
    let mut guest = Guest::new(vec![Forward { listen, guest: "0.0.0.0:22".parse().unwrap() }]);
    let port = guest.card.net.tcp.listening();
    let handle = guest.socket();
    guest.sockets.get_mut::<Socket<'_>>(handle).listen(22).unwrap();
    // The network takes the card's address from its packets.
    guest.connect((HOST, 1));
    let client = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut greeting = [0; 5];
        stream.read_exact(&mut greeting).unwrap();
        greeting
    });
    guest.until(handle, |socket| socket.can_send().then(|| socket.send_slice(b"hello").unwrap()));
    guest.until(handle, |socket| (!socket.may_recv()).then_some(()));
    assert_eq!(&client.join().unwrap(), b"hello");
}

#[test]
fn datagrams_reach_the_host_and_come_back() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let echo = std::thread::spawn(move || {
        let mut bytes = [0; 100];
        let (len, from) = server.recv_from(&mut bytes).unwrap();
        server.send_to(&bytes[..len], from).unwrap();
    });
    let mut guest = Guest::new(Vec::new());
    let to_host = Addresses { source_mac: CARD, target_mac: station(HOST), source: GUEST, target: HOST };
    let ports = UdpRepr { src_port: 4000, dst_port: port };
    guest.card.net.send(VmTime::ZERO, &reply::udp(to_host, ports, b"a question"));
    let mut frame = Vec::new();
    while !guest.card.net.receive(VmTime::ZERO, &mut frame) {
        guest.woken.recv_timeout(Duration::from_secs(20)).expect("an answer");
    }
    echo.join().unwrap();
    let ethernet = EthernetFrame::new_checked(&frame[..]).unwrap();
    let packet = Ipv4Packet::new_checked(ethernet.payload()).unwrap();
    let datagram = UdpPacket::new_checked(packet.payload()).unwrap();
    assert_eq!((ethernet.dst_addr(), packet.src_addr(), packet.dst_addr()), (CARD, HOST, GUEST));
    assert_eq!((datagram.src_port(), datagram.dst_port()), (port, 4000));
    assert_eq!(datagram.payload(), b"a question");
}

#[test]
fn addresses_lead_where_the_guest_means() {
    let elsewhere = Ipv4Addr::new(192, 0, 2, 1);
    let routes = Routes { host: HOST, dns: (Ipv4Addr::new(10, 0, 2, 3), Some(elsewhere)) };
    assert_eq!(routes.of(HOST), Some(Ipv4Addr::LOCALHOST));
    assert_eq!(routes.of(Ipv4Addr::new(10, 0, 2, 3)), Some(elsewhere));
    assert_eq!(routes.of(Ipv4Addr::new(8, 8, 8, 8)), Some(Ipv4Addr::new(8, 8, 8, 8)));
    for nowhere in [Ipv4Addr::BROADCAST, Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(224, 0, 0, 1)] {
        assert_eq!(routes.of(nowhere), None);
    }
}
