//! Configuration of a user-mode network: QEMU's properties of `-netdev user`.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

/// A network and the addresses in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The network's address
    pub network: Ipv4Addr,
    /// Bits of it
    pub prefix: u8,
    /// The gateway, which is also the DHCP server
    pub host: Ipv4Addr,
    /// The name server that guests are given
    pub dns: Ipv4Addr,
    /// The first address that DHCP gives away
    pub dhcp_start: Ipv4Addr,
    /// The name that DHCP gives the guest
    pub hostname: Option<String>,
    /// The domain that DHCP gives the guest
    pub domain: Option<String>,
    /// Name of the boot file in DHCP replies
    pub bootfile: Option<String>,
    /// The name of the TFTP server that DHCP gives
    pub server_name: Option<String>,
    /// The guest is isolated: no gateway in DHCP replies, and no connections to the host
    pub restrict: bool,
    /// Ports of the host that lead to the guest
    pub forwards: Vec<Forward>,
}

/// A port of the host that leads to one of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where connections are accepted
    pub listen: SocketAddrV4,
    /// Where they go; the first lease where the address is unspecified
    pub guest: SocketAddrV4,
}

/// Why a network cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Default for Config {
    fn default() -> Self {
        Self::of(Ipv4Addr::new(10, 0, 2, 0), 24)
    }
}

/// Bytes of a text in DHCP's options at most.
const LONGEST: usize = 127;

impl Config {
    fn of(network: Ipv4Addr, prefix: u8) -> Self {
        let at = |n: u32| Ipv4Addr::from_bits(network.to_bits().wrapping_add(n));
        Self {
            network,
            prefix,
            host: at(2),
            dns: at(3),
            dhcp_start: at(15),
            hostname: None,
            domain: None,
            bootfile: None,
            server_name: None,
            restrict: false,
            forwards: Vec::new(),
        }
    }

    /// Parses a network and assigns QEMU's default addresses in it: `10.0.2.0/24`, `10.0.2.0/255.255.255.0`, or an
    /// address with the prefix length of its class.
    ///
    /// # Errors
    /// It is none, or has no room for the three addresses.
    pub fn parse_network(text: &str) -> Result<Self, ConfigError> {
        let bad = || ConfigError(format!("{text} is no network; write 10.0.2.0/24"));
        let (address, size) = match text.split_once('/') {
            Some((address, size)) => (address, Some(size)),
            None => (text, None),
        };
        let address: Ipv4Addr = address.parse().map_err(|_| bad())?;
        let prefix = match size {
            Some(size) if size.contains('.') => {
                let mask: Ipv4Addr = size.parse().map_err(|_| bad())?;
                let prefix = mask.to_bits().leading_ones();
                if prefix + mask.to_bits().trailing_zeros().min(32) != 32 {
                    return Err(bad());
                }
                prefix
            }
            Some(size) => size.parse().map_err(|_| bad())?,
            None => match address.octets()[0] {
                0..=127 => 8,
                128..=191 => 16,
                _ => 24,
            },
        };
        if !(4..=27).contains(&prefix) {
            return Err(ConfigError(format!("{text}: a network has 4 to 27 bits here; write 10.0.2.0/24")));
        }
        let mask = u32::MAX << (32 - prefix);
        Ok(Self::of(Ipv4Addr::from_bits(address.to_bits() & mask), prefix as u8))
    }

    /// Returns the mask of the network.
    pub fn mask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0))
    }

    /// Returns whether an address is in the network.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.network.to_bits()) & self.mask().to_bits() == 0
    }

    /// Returns the address of all stations of the network.
    pub fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() | !self.mask().to_bits())
    }

    /// Checks that the addresses lie in the network and differ, and that texts fit into DHCP's answers.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (name, address) in [("host", self.host), ("dns", self.dns), ("dhcpstart", self.dhcp_start)] {
            let usable = self.contains(address) && address != self.network && address != self.broadcast();
            if !usable {
                let network = format!("{}/{}", self.network, self.prefix);
                return Err(ConfigError(format!("{name}={address} is no address of a station in {network}")));
            }
        }
        if self.host == self.dns {
            return Err(ConfigError(format!("host and dns are both {}; choose another for one", self.host)));
        }
        let leases = self.dhcp_start..=self.last_lease();
        if leases.contains(&self.host) || leases.contains(&self.dns) {
            return Err(ConfigError(format!(
                "dhcpstart={}: sixteen addresses from there on are given away, and host or dns is among them",
                self.dhcp_start
            )));
        }
        let texts = [
            ("hostname", &self.hostname),
            ("domainname", &self.domain),
            ("bootfile", &self.bootfile),
            ("tftp-server-name", &self.server_name),
        ];
        for (name, text) in texts {
            if text.as_ref().is_some_and(|text| text.len() > LONGEST || text.is_empty()) {
                return Err(ConfigError(format!("{name} has 1 to {LONGEST} bytes")));
            }
        }
        Ok(())
    }

    /// Returns the last address that DHCP gives away: sixteen of them, as QEMU has.
    pub(crate) fn last_lease(&self) -> Ipv4Addr {
        let last = self.dhcp_start.to_bits().saturating_add(15);
        Ipv4Addr::from_bits(last.min(self.broadcast().to_bits().saturating_sub(1)))
    }
}
