//! Networks and cards: `-nic`, `-netdev`, `-net`, and recorders by `-object filter-dump`.

use super::{Keyed, MachineSpec};
use crate::RunArgs;
use anyhow::{Context, Result, bail, ensure};
use device_api::{Backends, DeviceSpec};
use net::{Config, Forward, UserNet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

/// The model of network cards that there is.
const CARD: &str = "e1000";
/// Other names of it.
const CARD_NAMES: [&str; 3] = [CARD, "e1000-82540em", "82540em"];
/// QEMU's first address of a card; the next cards count its last byte up.
const FIRST_MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
/// Default number of bytes of a frame that are recorded.
const MOST: u32 = 65_536;

/// Where the frames of a network are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpSpec {
    /// The file, in the format of libpcap
    pub file: PathBuf,
    /// Bytes that are kept of each frame
    pub most: u32,
}

/// A network that the host opens: a user-mode one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetSpec {
    /// Its name
    pub id: String,
    /// Its addresses
    pub config: Config,
    /// Its recorder
    pub dump: Option<DumpSpec>,
}

/// The property that may be given again.
const FORWARD: &str = "hostfwd";

/// Parses a forwarding, `tcp:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT`.
fn parse_forward(option: &str, text: &str) -> Result<Forward> {
    let bad = || format!("{option}: hostfwd={text} is no forwarding; write tcp::2222-:22");
    let (protocol, ends) = text.split_once(':').with_context(bad)?;
    let protocol = if protocol.is_empty() { "tcp" } else { protocol };
    ensure!(
        protocol == "tcp",
        "{option}: hostfwd={text}: connections of tcp are forwarded, and nothing else"
    );
    let end = |text: &str| -> Option<SocketAddrV4> {
        let (address, port) = text.split_once(':')?;
        let address = if address.is_empty() { Ipv4Addr::UNSPECIFIED } else { address.parse().ok()? };
        Some(SocketAddrV4::new(address, port.parse().ok().filter(|&port| port != 0)?))
    };
    let (listen, guest) = ends.split_once('-').with_context(bad)?;
    Ok(Forward { listen: end(listen).with_context(bad)?, guest: end(guest).with_context(bad)? })
}

/// Takes the properties of a user-mode network.
fn user(option: &str, options: &mut Keyed) -> Result<Config> {
    for name in ["guestfwd", "tftp", "smb", "smbserver", "dnssearch"] {
        ensure!(options.take(name).is_none(), "{option}: {name} is not there yet; leave it out");
    }
    options.accept("ipv4", &["on"])?;
    options.accept("ipv6", &["off"])?;
    let mut config = match options.take("net") {
        Some(text) => Config::parse_network(&text).with_context(|| format!("{option} net={text}"))?,
        None => Config::default(),
    };
    let places =
        [("host", &mut config.host), ("dns", &mut config.dns), ("dhcpstart", &mut config.dhcp_start)];
    for (name, place) in places {
        if let Some(text) = options.take(name) {
            *place = text.parse::<Ipv4Addr>().ok().with_context(|| {
                format!("{option}: {name}={text} is no IPv4 address; write one as 10.0.2.2")
            })?;
        }
    }
    config.restrict = options.switch("restrict", false)?;
    config.hostname = options.take("hostname");
    config.domain = options.take("domainname");
    config.bootfile = options.take("bootfile");
    config.server_name = options.take("tftp-server-name");
    while let Some(text) = options.take(FORWARD) {
        config.forwards.push(parse_forward(option, &text)?);
    }
    config.check().with_context(|| option.to_owned())?;
    Ok(config)
}

/// Refuses models of cards other than the one that there is.
fn check_model(option: &str, model: Option<&str>) -> Result<()> {
    let model = model.unwrap_or(CARD);
    ensure!(CARD_NAMES.contains(&model), "{option}: model={model} is not there; there is {CARD}");
    Ok(())
}

impl MachineSpec {
    /// `-netdev`, `-nic` and `-net`, then recorders.
    pub(super) fn add_networks(&mut self, args: &RunArgs) -> Result<()> {
        for text in &args.netdev {
            let mut options = Keyed::parse_lists("-netdev", text, "type", &[FORWARD])?;
            let kind = options.take("type").unwrap_or_default();
            ensure!(kind == "user", "-netdev {kind} is not there; there is user");
            let Some(id) = options.take("id") else {
                bail!("-netdev {text} needs an id: -netdev user,id=NAME")
            };
            let config = user("-netdev user", &mut options)?;
            options.end()?;
            self.add_network(id, config)?;
        }
        for text in &args.nic {
            self.add_nic(text)?;
        }
        self.add_legacy_net(args)?;
        for text in &args.object {
            self.add_dump(text)?;
        }
        Ok(())
    }

    fn add_network(&mut self, id: String, config: Config) -> Result<()> {
        let taken = self.nets.iter().any(|other| other.id == id);
        ensure!(!taken, "two networks have the id {id}");
        self.nets.push(NetSpec { id, config, dump: None });
        Ok(())
    }

    fn add_card(&mut self, netdev: Option<&str>, mac: Option<String>) {
        let mut device = DeviceSpec::new(CARD);
        if let Some(netdev) = netdev {
            device = device.with("netdev", netdev);
        }
        if let Some(mac) = mac {
            device = device.with("mac", mac);
        }
        self.devices.push(device);
    }

    /// `-nic user,model=e1000,mac=...`: a card and its network.
    fn add_nic(&mut self, text: &str) -> Result<()> {
        let mut options = Keyed::parse_lists("-nic", text, "type", &[FORWARD])?;
        let kind = options.take("type").unwrap_or_default();
        if kind == "none" {
            return options.end();
        }
        ensure!(kind == "user", "-nic {kind} is not there; there are user and none");
        check_model("-nic", options.take("model").as_deref())?;
        let mac = options.take("mac");
        let number = self.nets.len();
        let id = options.take("id").unwrap_or_else(|| format!("nic{number}"));
        let config = user("-nic user", &mut options)?;
        options.end()?;
        self.add_network(id.clone(), config)?;
        self.add_card(Some(&id), mac);
        Ok(())
    }

    /// `-net nic` and `-net user`, which belong together, each given once at most.
    fn add_legacy_net(&mut self, args: &RunArgs) -> Result<()> {
        let (mut card, mut network) = (None, None);
        for text in &args.net {
            let mut options = Keyed::parse_lists("-net", text, "type", &[FORWARD])?;
            let kind = options.take("type").unwrap_or_default();
            let twice = match kind.as_str() {
                "none" => false,
                "nic" => {
                    check_model("-net nic", options.take("model").as_deref())?;
                    let netdev = options.take("netdev");
                    options.ignore(&["vlan", "name"]);
                    card.replace((netdev, options.take("macaddr"))).is_some()
                }
                "user" => {
                    options.ignore(&["vlan", "name"]);
                    let id = options.take("id").unwrap_or_else(|| "user".to_owned());
                    network.replace((id, user("-net user", &mut options)?)).is_some()
                }
                _ => bail!("-net {kind} is not there; there are nic, user and none"),
            };
            ensure!(!twice, "-net {kind} is given twice; give the second card by -nic user");
            options.end()?;
        }
        let mut joined = None;
        if let Some((id, config)) = network {
            self.add_network(id.clone(), config)?;
            joined = Some(id);
        }
        if let Some((netdev, mac)) = card {
            self.add_card(netdev.or(joined).as_deref(), mac);
        }
        Ok(())
    }

    /// `-object filter-dump,id=ID,netdev=ID,file=FILE`
    fn add_dump(&mut self, text: &str) -> Result<()> {
        let mut options = Keyed::parse("-object", text, "qom-type")?;
        let kind = options.take("qom-type").unwrap_or_default();
        ensure!(kind == "filter-dump", "-object {kind} is not there; there is filter-dump");
        options.ignore(&["id"]);
        options.accept("queue", &["all"])?;
        options.accept("status", &["on"])?;
        let (Some(netdev), Some(file)) = (options.take("netdev"), options.take("file")) else {
            bail!(
                "-object {text} needs a network and a file: -object filter-dump,id=NAME,netdev=ID,file=FILE"
            )
        };
        let most = match options.take("maxlen") {
            None => MOST,
            Some(text) => match text.parse() {
                Ok(most) if most > 0 => most,
                _ => bail!("-object filter-dump: maxlen={text} is no number of bytes"),
            },
        };
        options.end()?;
        let names = self.nets.iter().map(|net| net.id.as_str()).collect::<Vec<_>>().join(", ");
        let Some(net) = self.nets.iter_mut().find(|net| net.id == netdev) else {
            let there =
                if names.is_empty() { "there is none".to_owned() } else { format!("there are {names}") };
            bail!("-object filter-dump: no network is called {netdev}; {there}")
        };
        ensure!(net.dump.is_none(), "two recorders are given for the network {netdev}; leave one out");
        net.dump = Some(DumpSpec { file: file.into(), most });
        Ok(())
    }

    /// Gives cards without an address one of their own, as QEMU counts them.
    pub(super) fn number_cards(&mut self) -> Result<()> {
        let cards = self.devices.iter_mut().filter(|device| device.model == CARD);
        for (n, card) in cards.enumerate() {
            let given = |name: &str| card.properties.iter().any(|(other, _)| other == name);
            if n == 0 || given("mac") {
                continue;
            }
            let mut mac = FIRST_MAC;
            let Some(last) = u8::try_from(n).ok().and_then(|n| mac[5].checked_add(n)) else {
                bail!("{n} cards have no address of their own; give some by mac=")
            };
            mac[5] = last;
            let text = mac.map(|byte| format!("{byte:02x}")).join(":");
            card.properties.push(("mac".to_owned(), text));
        }
        Ok(())
    }

    /// Puts networks among the back ends that end at their gateway and need nothing of the host.
    pub(super) fn open_networks(&self, backends: &mut Backends) {
        for net in &self.nets {
            backends.nets.insert(net.id.clone(), Box::new(UserNet::new(net.config.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::args;
    use super::*;

    fn spec(line: &str) -> Result<MachineSpec, String> {
        MachineSpec::new(&args(&format!("--serial none --guest demo {line}")))
            .map_err(|error| format!("{error:#}"))
    }

    /// Cards with their properties.
    fn cards(line: &str) -> Vec<String> {
        let spec = spec(line).unwrap();
        let cards = spec.devices.iter().filter(|device| device.model == CARD);
        cards
            .map(|card| {
                let list = card.properties.iter().map(|(name, value)| format!("{name}={value}"));
                list.collect::<Vec<_>>().join(",")
            })
            .collect()
    }

    #[test]
    fn cards_have_their_networks() {
        assert_eq!(cards(""), [""; 0], "none unless asked");
        assert_eq!(cards("--nic none --net none"), [""; 0]);
        assert_eq!(cards("--nic user"), ["netdev=nic0"]);
        assert_eq!(
            cards("--nic user,model=e1000,mac=2:0:0:0:0:1,id=n --nic user"),
            ["netdev=n,mac=2:0:0:0:0:1", "netdev=nic1,mac=52:54:00:12:34:57"]
        );
        assert_eq!(cards("--net nic,macaddr=2:0:0:0:0:1 --net user"), ["netdev=user,mac=2:0:0:0:0:1"]);
        assert_eq!(cards("--net nic"), [""]);
        assert_eq!(cards("--netdev user,id=n0 --device e1000,netdev=n0"), ["netdev=n0"]);
        let spec = spec("--nic user,net=192.168.9.0/24,dhcpstart=192.168.9.40,hostname=box").unwrap();
        let config = &spec.nets[0].config;
        assert_eq!(config.dhcp_start, Ipv4Addr::new(192, 168, 9, 40));
        assert_eq!((config.host, config.hostname.as_deref()), (Ipv4Addr::new(192, 168, 9, 2), Some("box")));
        assert_eq!(spec.null_chars().nets.len(), 1);
    }

    #[test]
    fn frames_are_recorded_where_that_is_asked_for() {
        let line = "--nic user,id=n --object filter-dump,id=f,netdev=n,file=x.pcap,maxlen=100";
        let dump = spec(line).unwrap().nets[0].dump.clone();
        assert_eq!(dump, Some(DumpSpec { file: "x.pcap".into(), most: 100 }));
    }

    #[test]
    fn errors_name_the_option_and_what_is_possible() {
        let cases = [
            ("--nic tap", "-nic tap is not there; there are user and none"),
            ("--nic user,model=rtl8139", "-nic: model=rtl8139 is not there; there is e1000"),
            ("--nic user,x=1", "-nic has no x; leave it out"),
            ("--netdev user", "-netdev user needs an id: -netdev user,id=NAME"),
            ("--netdev user,id=a --netdev user,id=a", "two networks have the id a"),
            ("--net tap", "-net tap is not there; there are nic, user and none"),
            ("--net nic --net nic", "-net nic is given twice; give the second card by -nic user"),
            ("--nic user,tftp=/x", "-nic user: tftp is not there yet; leave it out"),
            (
                "--nic user,hostfwd=tcp::22",
                "-nic user: hostfwd=tcp::22 is no forwarding; write tcp::2222-:22",
            ),
            ("--nic user,host=x", "-nic user: host=x is no IPv4 address; write one as 10.0.2.2"),
            ("--nic user,net=10.0.2", "-nic user net=10.0.2: 10.0.2 is no network; write 10.0.2.0/24"),
            ("--nic user,dns=1.2.3.4", "-nic user: dns=1.2.3.4 is no address of a station in 10.0.2.0/24"),
            ("--object rng-random,id=r", "-object rng-random is not there; there is filter-dump"),
            (
                "--object filter-dump,id=f,netdev=n,file=x",
                "-object filter-dump: no network is called n; there is none",
            ),
        ];
        for (line, error) in cases {
            assert_eq!(spec(line), Err(error.to_owned()));
        }
        let spec = spec("--nic user,hostfwd=tcp::2222-:22,hostfwd=tcp:127.0.0.1:80-10.0.2.16:8080").unwrap();
        let ends = |forward: &Forward| (forward.listen.to_string(), forward.guest.to_string());
        assert_eq!(
            spec.nets[0].config.forwards.iter().map(ends).collect::<Vec<_>>(),
            [
                ("0.0.0.0:2222".to_owned(), "0.0.0.0:22".to_owned()),
                ("127.0.0.1:80".to_owned(), "10.0.2.16:8080".to_owned())
            ]
        );
    }
}
