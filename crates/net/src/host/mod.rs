//! A user-mode network that reaches the host and what the host reaches: each connection and each datagram of the guest is
//! one of this process's, as with QEMU.
//!
//! `tcp.rs` ends the guest's TCP connections, `udp.rs` passes datagrams on. Sockets never block: a thread waits for them
//! with mio, and wakes the run loop.

mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use crate::{Config, UserNet};
use device_api::{NetBackend, VmTime};
use mio::event::Source;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv4Repr};
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tcp::Tcp;
use udp::Udp;

/// The token of the waker that ends the thread.
const END: Token = Token(0);
/// Events that the thread takes at once.
const EVENTS: usize = 64;

/// Waits for sockets.
struct Watch {
    registry: Registry,
    next: usize,
    ready: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    fn new(wake: Arc<dyn Fn() + Send + Sync>) -> io::Result<Self> {
        let mut poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Arc::new(Waker::new(poll.registry(), END)?);
        let (ready, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (seen, over) = (Arc::clone(&ready), Arc::clone(&ended));
        let watch = move || {
            let mut events = Events::with_capacity(EVENTS);
            while !over.load(Ordering::Acquire) {
                match poll.poll(&mut events, None) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => return,
                }
                seen.store(true, Ordering::Release);
                wake();
            }
        };
        let thread = std::thread::Builder::new().name("network".to_owned()).spawn(watch)?;
        Ok(Self { registry, next: 1, ready, ended, waker, thread: Some(thread) })
    }

    /// Registers a socket for readiness events, with a new token.
    fn register(&mut self, source: &mut impl Source, interest: Interest) -> io::Result<()> {
        self.next += 1;
        self.registry.register(source, Token(self.next), interest)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if self.waker.wake().is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// Where the guest's addresses lead on the host.
#[derive(Clone, Copy, Debug)]
struct Routes {
    host: Ipv4Addr,
    dns: (Ipv4Addr, Option<Ipv4Addr>),
}

impl Routes {
    /// The gateway is the host itself. `None` where an address leads nowhere.
    fn of(&self, address: Ipv4Addr) -> Option<Ipv4Addr> {
        match address {
            _ if address == self.host => Some(Ipv4Addr::LOCALHOST),
            _ if address == self.dns.0 => self.dns.1,
            _ if address.is_multicast() || address.is_broadcast() || address.is_unspecified() => None,
            _ => Some(address),
        }
    }
}

/// A user-mode network that reaches those of the host.
pub struct HostNet {
    user: UserNet,
    config: Config,
    routes: Routes,
    /// The MAC address of the guest, from its last packet
    guest: EthernetAddress,
    tcp: Tcp,
    udp: Udp,
    watch: Watch,
    deadline: Option<VmTime>,
    /// Something was sent since connections were last looked after
    stirred: bool,
}

impl fmt::Debug for HostNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostNet").field("user", &self.user).finish_non_exhaustive()
    }
}

impl HostNet {
    /// Returns a network that forwards DNS queries of the guest to `dns`. `wake` is called from another thread when the
    /// host has data.
    ///
    /// # Errors
    /// The host gives no socket, or a port that is to be forwarded is taken.
    pub fn new(config: Config, dns: Option<Ipv4Addr>, wake: Arc<dyn Fn() + Send + Sync>) -> io::Result<Self> {
        let mut watch = Watch::new(wake)?;
        let routes = Routes { host: config.host, dns: (config.dns, dns) };
        let tcp = Tcp::new(&config, &mut watch)?;
        Ok(Self {
            user: UserNet::new(config.clone()),
            config,
            routes,
            guest: EthernetAddress::BROADCAST,
            tcp,
            udp: Udp::default(),
            watch,
            deadline: None,
            stirred: true,
        })
    }

    /// Takes a packet that leaves the network; `None` where it does not.
    fn passes_on(&mut self, now: VmTime, frame: &[u8]) -> Option<()> {
        let frame = EthernetFrame::new_checked(frame).ok()?;
        if frame.ethertype() != EthernetProtocol::Ipv4 || frame.dst_addr().is_multicast() {
            return None;
        }
        let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
        if packet.more_frags() || packet.frag_offset() != 0 {
            return None;
        }
        let ip = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()).ok()?;
        if !self.config.contains(ip.src_addr) {
            return None;
        }
        // Other stations of the network do not exist.
        let own = ip.dst_addr == self.config.host || ip.dst_addr == self.config.dns;
        if self.config.contains(ip.dst_addr) && !own {
            return None;
        }
        // Of what a restricted guest sends only answers to forwarded connections pass.
        let target = if self.config.restrict { None } else { self.routes.of(ip.dst_addr) };
        let taken = match ip.next_header {
            IpProtocol::Tcp => self.tcp.packet(now, frame.payload(), &ip, target, &mut self.watch),
            IpProtocol::Udp => self.udp.packet(now, packet.payload(), &ip, target, &mut self.watch),
            _ => None,
        };
        if taken.is_some() {
            self.stirred = true;
        }
        taken
    }

    /// Processes all connections after a possible change.
    fn serve(&mut self, now: VmTime) {
        let ready = self.watch.ready.swap(false, Ordering::AcqRel);
        let due = self.deadline.is_some_and(|at| at <= now);
        if !ready && !due && !std::mem::take(&mut self.stirred) {
            return;
        }
        self.udp.serve(now);
        self.deadline = self.tcp.serve(now, &mut self.watch);
    }
}

impl NetBackend for HostNet {
    fn send(&mut self, now: VmTime, frame: &[u8]) {
        if let Some(source) =
            frame.get(6..12).map(EthernetAddress::from_bytes).filter(EthernetAddress::is_unicast)
        {
            self.guest = source;
        }
        if self.passes_on(now, frame).is_none() {
            self.user.send(now, frame);
        }
    }

    fn receive(&mut self, now: VmTime, frame: &mut Vec<u8>) -> bool {
        if self.user.receive(now, frame) {
            return true;
        }
        self.serve(now);
        let guest = self.guest;
        let next = self.tcp.next_frame(guest).or_else(|| self.udp.next_frame(guest));
        // What was taken may have made room for more.
        self.stirred |= next.is_some();
        next.map(|next| *frame = next).is_some()
    }

    fn next_deadline(&self) -> Option<VmTime> {
        self.deadline
    }

    /// Connections are not saved: after a restore the guest finds them reset.
    fn save(&self, out: &mut Vec<u8>) {
        self.user.save(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        self.user.load(bytes)
    }
}
