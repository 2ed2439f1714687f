//! Where commands come from: `-qmp`, `-monitor`, `-mon`, and sockets.

use super::{CharTarget, Keyed, MachineSpec};
use crate::RunArgs;
use anyhow::{Result, bail, ensure};
use std::fmt;
use std::path::PathBuf;

/// Where a socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system
    Unix(PathBuf),
    /// Host and port; an empty host is any of this machine's
    Tcp(String, u16),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(host, port) => write!(f, "tcp:{host}:{port}"),
        }
    }
}

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Where it is
    pub address: Address,
    /// Connections are waited for, rather than made
    pub server: bool,
    /// The machine starts with the first connection
    pub wait: bool,
    /// The other end is a telnet client
    pub telnet: bool,
}

impl Socket {
    /// Returns the socket of `unix:PATH,server=on,wait=off` and its kind; `None` where the text is none of these.
    ///
    /// # Errors
    /// It is, but not quite.
    pub(super) fn parse(option: &'static str, text: &str) -> Result<Option<Self>> {
        let Some((kind, rest)) = text.split_once(':') else { return Ok(None) };
        if !matches!(kind, "unix" | "tcp" | "telnet") {
            return Ok(None);
        }
        let mut options = Keyed::parse(option, rest, "address")?;
        let place = options.take("address").unwrap_or_default();
        let address = match kind {
            "unix" => {
                ensure!(
                    !place.is_empty(),
                    "{option} {text} needs a path: {option} unix:PATH,server=on,wait=off"
                );
                Address::Unix(place.into())
            }
            _ => {
                let Some((host, port)) = place.rsplit_once(':') else {
                    bail!(
                        "{option} {text} needs host and port: {option} {kind}:127.0.0.1:4444,server=on,wait=off"
                    )
                };
                tcp(option, host, port)?
            }
        };
        let socket = Self::of_options(&mut options, address, kind == "telnet")?;
        options.end()?;
        Ok(Some(socket))
    }

    /// Returns the socket of `-chardev socket,path=PATH,server=on` or `...,host=HOST,port=PORT,...`.
    pub(super) fn of_chardev(options: &mut Keyed) -> Result<Self> {
        let option = "-chardev";
        let (path, host, port) = (options.take("path"), options.take("host"), options.take("port"));
        let address = match (path, port) {
            (Some(path), None) if host.is_none() => Address::Unix(path.into()),
            (None, Some(port)) => tcp(option, host.as_deref().unwrap_or_default(), &port)?,
            _ => bail!("-chardev socket needs path=PATH, or host=HOST,port=PORT"),
        };
        let telnet = options.switch("telnet", false)?;
        Self::of_options(options, address, telnet)
    }

    fn of_options(options: &mut Keyed, address: Address, telnet: bool) -> Result<Self> {
        let server = options.switch("server", false)?;
        // Both are QEMU's, and older than wait=off.
        let nowait = options.switch("nowait", false)?;
        let wait = options.switch("wait", server && !nowait)?;
        options.accept("ipv4", &["on", "off"])?;
        options.accept("ipv6", &["on", "off"])?;
        options.ignore(&["nodelay", "to", "reconnect"]);
        Ok(Self { address, server, wait: wait && server, telnet })
    }
}

fn tcp(option: &str, host: &str, port: &str) -> Result<Address> {
    let Ok(port) = port.parse() else { bail!("{option}: {port} is no port; give 1 to 65535") };
    // An address of IPv6 is in brackets.
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Ok(Address::Tcp(host.to_owned(), port))
}

/// The protocol of a monitor's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonitorMode {
    /// QMP
    Control {
        /// Answers are spread over lines
        pretty: bool,
    },
    /// The human monitor
    Readline,
}

/// A place where commands come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitorSpec {
    /// The protocol
    pub mode: MonitorMode,
    /// Where
    pub target: CharTarget,
    /// The terminal is also a serial port's: Ctrl-A C switches between the two
    pub shared: bool,
}

impl MachineSpec {
    /// `-qmp`, `-qmp-pretty`, `-monitor`, `-mon`. If the terminal belongs to a serial port or the display, Ctrl-A C
    /// switches it to a monitor, unless `-monitor` is given.
    pub(super) fn add_monitors(&mut self, args: &RunArgs) -> Result<()> {
        for (option, texts, pretty) in [("-qmp", &args.qmp, false), ("-qmp-pretty", &args.qmp_pretty, true)] {
            for text in texts {
                self.add_monitor(option, text, MonitorMode::Control { pretty })?;
            }
        }
        for text in &args.monitor {
            self.add_monitor("-monitor", text, MonitorMode::Readline)?;
        }
        for text in &args.mon {
            self.add_mon(text)?;
        }
        let terminal = |target: &CharTarget| *target == CharTarget::Stdio;
        let is_guests = self.chars.iter().any(|char| terminal(&char.target));
        let is_monitors = self.monitors.iter().any(|monitor| terminal(&monitor.target));
        let (mode, target) = (MonitorMode::Readline, CharTarget::Stdio);
        let is_screens = args.is_in_terminal();
        if is_screens && is_monitors {
            bail!(
                "a monitor has the terminal, which -display terminal needs; leave it out, Ctrl-A C opens one"
            );
        }
        if (is_guests || is_screens) && !is_monitors && args.monitor.is_empty() {
            self.monitors.push(MonitorSpec { mode, target, shared: true });
        } else if args.nographic && !is_guests && !is_monitors && args.monitor.is_empty() {
            self.monitors.push(MonitorSpec { mode, target, shared: false });
        }
        Ok(())
    }

    fn add_monitor(&mut self, option: &'static str, text: &str, mode: MonitorMode) -> Result<()> {
        let target = match text {
            "none" | "null" => return Ok(()),
            "stdio" => CharTarget::Stdio,
            _ => match text.strip_prefix("chardev:") {
                Some(id) => self.take_chardev(option, id)?,
                None => match Socket::parse(option, text)? {
                    Some(socket) => CharTarget::Socket(socket),
                    None => bail!(
                        "{option} {text} is none of stdio, unix:PATH, tcp:HOST:PORT, chardev:ID, null and none"
                    ),
                },
            },
        };
        self.push_monitor(option, mode, target)
    }

    /// `-mon chardev=ID,mode=control,pretty=on`
    fn add_mon(&mut self, text: &str) -> Result<()> {
        let mut options = Keyed::parse("-mon", text, "chardev")?;
        let Some(id) = options.take("chardev") else { bail!("-mon {text} needs a chardev: -mon chardev=ID") };
        let pretty = options.switch("pretty", false)?;
        let mode = match options.take("mode").as_deref() {
            None | Some("readline") => MonitorMode::Readline,
            Some("control") => MonitorMode::Control { pretty },
            Some(mode) => bail!("-mon: mode={mode} is not there; possible: readline, control"),
        };
        options.end()?;
        let target = self.take_chardev("-mon", &id)?;
        self.push_monitor("-mon", mode, target)
    }

    fn push_monitor(&mut self, option: &str, mode: MonitorMode, target: CharTarget) -> Result<()> {
        if target == CharTarget::Stdio {
            let taken = self.monitors.iter().any(|monitor| monitor.target == target);
            ensure!(!taken, "two monitors cannot have the terminal; give one of them a socket");
            if let Some(other) = self.chars.iter().find(|char| char.target == target) {
                bail!(
                    "{} has the terminal already, where Ctrl-A C opens the monitor; give {option} a socket or nothing",
                    other.id
                );
            }
        }
        if target != CharTarget::Null {
            self.monitors.push(MonitorSpec { mode, target, shared: false });
        }
        Ok(())
    }

    /// Takes a character device for a monitor.
    fn take_chardev(&mut self, option: &str, id: &str) -> Result<CharTarget> {
        let Some(at) = self.chars.iter().position(|char| char.id == id) else {
            bail!("{option}: no -chardev has the id {id}")
        };
        let target = self.chars.remove(at).target;
        ensure!(
            !matches!(target, CharTarget::File(_)),
            "{option}: {id} is a file, from which no commands come; give a socket"
        );
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(text: &str) -> Socket {
        Socket::parse("-qmp", text).unwrap().unwrap()
    }

    #[test]
    fn sockets_are_qemus() {
        let unix = |server, wait| Socket { address: Address::Unix("/a".into()), server, wait, telnet: false };
        assert_eq!(socket("unix:/a,server=on,wait=off"), unix(true, false));
        assert_eq!(socket("unix:/a,server,nowait"), unix(true, false));
        assert_eq!(socket("unix:/a,server"), unix(true, true));
        assert_eq!(socket("unix:/a"), unix(false, false));
        assert_eq!(socket("tcp::4444,server=on,wait=off").address, Address::Tcp(String::new(), 4444));
        assert_eq!(socket("tcp:[::1]:4444").address, Address::Tcp("::1".into(), 4444));
        assert!(socket("telnet:localhost:23,server,nowait").telnet);
        for wrong in ["unix:", "tcp:4444", "tcp:host:x", "unix:/a,frob=on"] {
            assert!(Socket::parse("-qmp", wrong).is_err(), "{wrong}");
        }
        assert_eq!(Socket::parse("-qmp", "pty").unwrap(), None);
    }
}
