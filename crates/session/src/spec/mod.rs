//! What a machine is made of: devices and the files and streams behind them, from the options.

mod audio;
mod blockdev;
mod boot;
mod drives;
mod firmware_files;
mod keyed;
mod monitors;
mod net;
#[cfg(test)]
pub(crate) mod tests;

use crate::RunArgs;
use anyhow::{Result, bail, ensure};
pub use audio::{AudioSpec, AudioTarget};
pub use boot::Boot;
pub(crate) use boot::parse_boot;
use device_api::{Backends, CharBackend, DeviceSpec, SoundBackend, SoundFrame, VmTime, Voice};
pub use drives::{BlockSpec, MediaKind};
pub use firmware_files::{FileContent, FirmwareFile};
use keyed::Keyed;
pub use monitors::{Address, MonitorMode, MonitorSpec, Socket};
pub use net::{DumpSpec, NetSpec};
use std::fmt;
use std::path::PathBuf;

/// Where a character device's bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CharTarget {
    /// The terminal, or what the page shows
    Stdio,
    /// A file, for what the guest sends
    File(PathBuf),
    /// A socket, for both directions
    Socket(Socket),
    /// Nowhere
    Null,
}

/// A character device that the host opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharSpec {
    /// Its name
    pub id: String,
    /// Where it goes
    pub target: CharTarget,
}

/// A null back end: output is discarded, and there is no input.
#[derive(Debug)]
pub struct NullChar;

impl CharBackend for NullChar {
    fn send(&mut self, _: u8) {}
    fn receive(&mut self) -> Option<u8> {
        None
    }
}

/// An audio device that is not heard.
#[derive(Debug)]
pub struct NullSound;

impl SoundBackend for NullSound {
    fn voice(&mut self) -> Box<dyn Voice> {
        Box::new(Self)
    }
}

impl Voice for NullSound {
    fn play(&mut self, _: VmTime, _: u32, _: &[SoundFrame]) {}
}

/// Where the content of a ROM comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A file
    Path(PathBuf),
    /// A file of the firmware that comes with the program, by its name; left out where it is not there
    Firmware(&'static str),
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Firmware(name) => f.write_str(name),
        }
    }
}

/// The content of a ROM, which the host reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSpec {
    /// Its name
    pub id: String,
    /// Where it comes from
    pub source: ImageSource,
}

impl ImageSpec {
    /// Returns whether it is the content of a file of fw_cfg, which [`Guest`](crate::Guest) takes, rather than a
    /// device's.
    pub fn is_firmware_file(&self) -> bool {
        self.id.starts_with(firmware_files::PREFIX)
    }
}

/// What a machine is made of, beside processors and memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineSpec {
    /// Devices beside those of every machine
    pub devices: Vec<DeviceSpec>,
    /// Character devices
    pub chars: Vec<CharSpec>,
    /// Media
    pub blocks: Vec<BlockSpec>,
    /// Contents of ROMs, and of files of fw_cfg
    pub images: Vec<ImageSpec>,
    /// Files of fw_cfg, beside the machine's own
    pub firmware_files: Vec<FirmwareFile>,
    /// Where firmware is looked for before the usual places
    pub data_dirs: Vec<PathBuf>,
    /// Where commands come from
    pub monitors: Vec<MonitorSpec>,
    /// Audio devices
    pub audios: Vec<AudioSpec>,
    /// Networks
    pub nets: Vec<NetSpec>,
    /// What firmware boots from before all else, in order
    pub boot_order: Vec<String>,
}

impl MachineSpec {
    /// Returns the specification of the options.
    ///
    /// # Errors
    /// One line that names the option and what is possible.
    pub fn new(args: &RunArgs) -> Result<Self> {
        if args.has_display() {
            let built_in =
                "-display shows a screen, which the built-in guests do not use; leave it or -guest out";
            ensure!(args.guest.is_none(), built_in);
            let both = "-nographic and -display terminal both want the terminal; leave one out";
            ensure!(!args.nographic || !args.is_in_terminal(), both);
        }
        ensure!(
            !args.full_screen || args.window().is_some(),
            "-full-screen is for a window; give -display window too, or leave it out"
        );
        let mut spec = Self::default();
        for text in &args.chardev {
            spec.add_chardev(text)?;
        }
        for text in &args.audiodev {
            spec.add_audiodev(text)?;
        }
        spec.add_speaker(args.machine.pcspk_audiodev.as_deref());
        spec.add_serial(args)?;
        let is_stdio = |char: &&CharSpec| char.target == CharTarget::Stdio;
        if let Some(char) = spec.chars.iter().find(is_stdio).filter(|_| args.is_in_terminal()) {
            let id = &char.id;
            bail!(
                "{id} has the terminal, which -display terminal needs; give {id} a file, a socket or nothing"
            );
        }
        spec.add_parallel(args)?;
        spec.add_monitors(args)?;
        let mut devices = args.device.iter().map(|text| parse_device(text)).collect::<Result<Vec<_>>>()?;
        spec.add_drives(args)?;
        spec.add_blockdevs(args, &devices)?;
        spec.add_firmware(args, &mut devices)?;
        spec.add_firmware_files(args)?;
        spec.data_dirs.clone_from(&args.data_dirs);
        spec.add_networks(args)?;
        if let Some(port) = args.debug_exit {
            let device = DeviceSpec::new("isa-debug-exit").with("iobase", port).with("iosize", 4);
            spec.devices.push(device);
        }
        spec.devices.extend(devices);
        spec.name_drives();
        spec.note_boot_order()?;
        let has_screen = spec.devices.iter().any(|device| device.model == "VGA");
        let no_screen = "-display shows a screen, and -vga none leaves it out; leave one of them out";
        ensure!(has_screen || !args.has_display(), no_screen);
        spec.number_cards()?;
        Ok(spec)
    }

    /// Returns the character device that a host with a single line connects: the first that goes to the terminal, else the
    /// first that goes to a file.
    pub fn host_line(&self) -> Option<&CharSpec> {
        let find = |is: fn(&CharTarget) -> bool| self.chars.iter().find(|char| is(&char.target));
        find(|target| *target == CharTarget::Stdio)
            .or_else(|| find(|target| matches!(target, CharTarget::File(_))))
    }

    /// Returns networks, and the character devices that `open` returns; those without one get a null back end.
    pub fn chars(
        &self,
        mut open: impl FnMut(&CharSpec) -> Result<Option<Box<dyn CharBackend>>>,
    ) -> Result<Backends> {
        let mut backends = Backends::default();
        for spec in &self.chars {
            let opened = open(spec)?.unwrap_or_else(|| Box::new(NullChar));
            backends.chars.insert(spec.id.clone(), opened);
        }
        self.open_networks(&mut backends);
        Ok(backends)
    }

    /// Returns networks, null character devices and null audio devices.
    pub fn null_chars(&self) -> Backends {
        let mut backends = self.chars(|_| Ok(None)).unwrap_or_default();
        self.null_sounds(&mut backends);
        backends
    }

    /// Adds audio devices that are not heard.
    pub fn null_sounds(&self, backends: &mut Backends) {
        for audio in &self.audios {
            backends.sounds.insert(audio.id.clone(), Box::new(NullSound));
        }
    }

    /// `-chardev KIND,id=ID,...`
    fn add_chardev(&mut self, text: &str) -> Result<()> {
        let mut options = Keyed::parse("-chardev", text, "backend")?;
        let kind = options.take("backend").unwrap_or_default();
        let Some(id) = options.take("id") else {
            bail!("-chardev {text} needs an id: -chardev {kind},id=NAME")
        };
        let target = match kind.as_str() {
            "stdio" => {
                options.accept("signal", &["on", "off"])?;
                options.accept("mux", &["on", "off"])?;
                CharTarget::Stdio
            }
            "null" => CharTarget::Null,
            "file" => {
                options.accept("append", &["off"])?;
                let Some(path) = options.take("path") else {
                    bail!("-chardev {text} needs a path: -chardev file,id={id},path=FILE")
                };
                CharTarget::File(path.into())
            }
            "socket" => CharTarget::Socket(Socket::of_chardev(&mut options)?),
            _ => bail!("-chardev {kind} is not there; there are stdio, file, socket and null"),
        };
        options.end()?;
        self.add_char(id, target)
    }

    fn add_char(&mut self, id: String, target: CharTarget) -> Result<()> {
        let taken = self.chars.iter().any(|other| other.id == id);
        ensure!(!taken, "two character devices have the id {id}");
        let stdio = |spec: &&CharSpec| spec.target == CharTarget::Stdio;
        if target == CharTarget::Stdio
            && let Some(other) = self.chars.iter().find(stdio)
        {
            bail!("{} has the terminal already; give {id} a file or nothing", other.id);
        }
        self.chars.push(CharSpec { id, target });
        Ok(())
    }

    /// Where `-serial`, `-parallel` and their kind go: a character device's name, or `None` where there is no such port.
    fn char_of(&mut self, option: &'static str, id: String, text: &str) -> Result<Option<String>> {
        let target = match text {
            "none" => return Ok(None),
            "stdio" | "mon:stdio" => CharTarget::Stdio,
            "null" => CharTarget::Null,
            _ => match (text.strip_prefix("file:"), text.strip_prefix("chardev:")) {
                (Some(path), _) if !path.is_empty() => CharTarget::File(path.into()),
                (_, Some(name)) => return Ok(Some(name.to_owned())),
                _ => match Socket::parse(option, text)? {
                    Some(socket) => CharTarget::Socket(socket),
                    None => bail!(
                        "{option} {text} is none of stdio, file:PATH, unix:PATH, tcp:HOST:PORT, chardev:ID, null and none"
                    ),
                },
            },
        };
        self.add_char(id.clone(), target)?;
        Ok(Some(id))
    }

    /// `-serial`, from COM1 on.
    fn add_serial(&mut self, args: &RunArgs) -> Result<()> {
        let serial = args.serial();
        ensure!(serial.len() <= 4, "there are four serial ports at most; leave a -serial out");
        for (index, text) in serial.iter().enumerate() {
            let id = format!("serial{index}");
            if let Some(chardev) = self.char_of("-serial", id.clone(), text)? {
                let device = DeviceSpec::new("isa-serial").named(&id);
                self.devices.push(device.with("index", index).with("chardev", chardev));
            }
        }
        Ok(())
    }

    /// `-parallel` and `-debugcon`.
    fn add_parallel(&mut self, args: &RunArgs) -> Result<()> {
        for (n, text) in args.parallel.iter().enumerate() {
            if let Some(chardev) = self.char_of("-parallel", format!("parallel{n}"), text)? {
                self.devices.push(DeviceSpec::new("isa-parallel").with("chardev", chardev));
            }
        }
        if let Some(text) = &args.debugcon
            && let Some(chardev) = self.char_of("-debugcon", "debugcon".to_owned(), text)?
        {
            self.devices.push(DeviceSpec::new("isa-debugcon").with("chardev", chardev));
        }
        Ok(())
    }
}

/// `-device MODEL,id=ID,NAME=VALUE,...`
fn parse_device(text: &str) -> Result<DeviceSpec> {
    let mut options = Keyed::parse("-device", text, "driver")?;
    let Some(model) = options.take("driver") else { bail!("-device {text} names no device") };
    let id = options.take("id");
    Ok(DeviceSpec { model, id, properties: options.rest() })
}
