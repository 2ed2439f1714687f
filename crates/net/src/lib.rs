//! Networks on the host's side of a card.
//!
//! [`UserNet`] is user-mode networking as QEMU's `-netdev user`: a network of the guest's own, 10.0.2.0/24, with a gateway
//! that answers ARP, DHCP and ICMP echo. The formats of packets are smoltcp's. It opens no socket and reads no clock: every
//! answer follows from the guest's frames, so runs that repeat find the same network.
//!
//! [`HostNet`], natively, reaches the host's networks: connections and datagrams of the guest become the host's.
//!
//! [`Dump`] records what passes between a card and any network, as QEMU's `filter-dump`.
#![forbid(unsafe_code)]

mod config;
mod dhcp;
mod dump;
#[cfg(all(feature = "host", not(target_family = "wasm")))]
mod host;
mod reply;
#[cfg(test)]
mod tests;
mod user;

pub use config::{Config, ConfigError, Forward};
pub use dump::Dump;
#[cfg(all(feature = "host", not(target_family = "wasm")))]
pub use host::HostNet;
pub use user::UserNet;
