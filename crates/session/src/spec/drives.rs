//! Disks, CDs, floppies and flash: `-drive` and its short forms.

use super::{Keyed, MachineSpec};
use crate::RunArgs;
use anyhow::{Result, bail, ensure};
use device_api::DeviceSpec;
use pc_devices::fdc::DriveType;
use std::path::{Path, PathBuf};

/// What a medium is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A hard disk
    Disk,
    /// A CD or DVD
    Cd,
    /// A floppy
    Floppy,
    /// Flash memory with firmware
    Flash,
}

/// A medium that the host opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSpec {
    /// Its name
    pub id: String,
    /// The image
    pub file: PathBuf,
    /// What it is for
    pub kind: MediaKind,
    /// `raw`, `qcow2`, ...; probed by default
    pub format: Option<String>,
    /// The guest may not write
    pub read_only: bool,
    /// What the guest writes is kept in memory and lost at the end
    pub snapshot: bool,
}

impl MachineSpec {
    /// `-hda` to `-hdd`, `-cdrom`, `-fda`, `-fdb` and `-drive`, in places as QEMU gives them.
    pub(super) fn add_drives(&mut self, args: &RunArgs) -> Result<()> {
        let first = if args.hda.is_some() { &args.hda } else { &args.image };
        let disks = [first, &args.hdb, &args.hdc, &args.hdd];
        for (index, file) in disks.into_iter().enumerate() {
            if let Some(file) = file {
                self.add_ide(args, index, MediaKind::Disk, file)?;
            }
        }
        if let Some(file) = &args.cdrom {
            ensure!(args.hdc.is_none(), "-cdrom and -hdc are the same place; give the disk as -hdb or -hdd");
            self.add_ide(args, 2, MediaKind::Cd, file)?;
        }
        for (index, file) in [&args.fda, &args.fdb].into_iter().enumerate() {
            if let Some(file) = file {
                self.add_floppy(args, index, Some(file))?;
            }
        }
        for file in &args.pflash {
            self.add_drive(
                args,
                &format!("if=pflash,format=raw,file={}", file.display().to_string().replace(',', ",,")),
            )?;
        }
        for text in &args.drive {
            self.add_drive(args, text)?;
        }
        Ok(())
    }

    fn add_ide(&mut self, args: &RunArgs, index: usize, kind: MediaKind, file: &Path) -> Result<()> {
        let id = ide_name(index, kind);
        let block = BlockSpec {
            id: id.clone(),
            file: file.to_owned(),
            kind,
            format: None,
            read_only: kind == MediaKind::Cd,
            snapshot: args.snapshot,
        };
        self.add_ide_device(index, kind, Some(block))
    }

    fn add_ide_device(&mut self, index: usize, kind: MediaKind, block: Option<BlockSpec>) -> Result<()> {
        let (bus, unit) = (format!("ide.{}", index / 2), index % 2);
        let place = |device: &DeviceSpec| {
            let has =
                |name: &str, value: &str| device.properties.iter().any(|(n, v)| n == name && v == value);
            has("bus", &bus) && has("unit", &unit.to_string())
        };
        if let Some(other) = self.devices.iter().find(|device| place(device)) {
            let other = other.id.as_deref().unwrap_or(&other.model);
            bail!(
                "two drives are to be at place {index} of the IDE controller; {other} is there, give another index"
            );
        }
        let model = if kind == MediaKind::Cd { "ide-cd" } else { "ide-hd" };
        let name = ide_name(index, kind);
        let mut device = DeviceSpec::new(model).named(&name).with("bus", &bus).with("unit", unit);
        if let Some(block) = block {
            device = device.with("drive", &block.id);
            self.blocks.push(block);
        }
        self.devices.push(device);
        Ok(())
    }

    fn add_floppy(&mut self, args: &RunArgs, index: usize, file: Option<&Path>) -> Result<()> {
        let id = format!("floppy{index}");
        let block = file.map(|file| BlockSpec {
            id: id.clone(),
            file: file.to_owned(),
            kind: MediaKind::Floppy,
            format: None,
            read_only: false,
            snapshot: args.snapshot,
        });
        self.add_floppy_device(index, block)
    }

    fn add_floppy_device(&mut self, index: usize, block: Option<BlockSpec>) -> Result<()> {
        let name = format!("floppy{index}");
        ensure!(index < 2, "there are two floppy drives, 0 and 1");
        let taken = self.devices.iter().any(|device| device.id.as_deref() == Some(&name));
        ensure!(!taken, "two images are given for floppy drive {index}; leave one out");
        let mut device = DeviceSpec::new("floppy").named(&name).with("unit", index);
        if let Some(block) = block {
            device = device.with("drive", &block.id);
            self.blocks.push(block);
        }
        self.devices.push(device);
        Ok(())
    }

    /// `-drive file=FILE,if=ide,index=N,media=disk,...`
    fn add_drive(&mut self, args: &RunArgs, text: &str) -> Result<()> {
        let mut options = Keyed::parse("-drive", text, "file")?;
        let file = options.take("file").filter(|file| !file.is_empty());
        let interface = options.take("if").unwrap_or_else(|| "ide".to_owned());
        let media = options.take("media");
        let kind = match (interface.as_str(), media.as_deref()) {
            ("ide" | "none" | "scsi" | "virtio", None | Some("disk")) => MediaKind::Disk,
            ("ide" | "none" | "scsi" | "virtio", Some("cdrom")) => MediaKind::Cd,
            ("floppy", None | Some("disk")) => MediaKind::Floppy,
            ("pflash", None | Some("disk")) => MediaKind::Flash,
            (_, Some(media)) if !matches!(media, "disk" | "cdrom") => {
                bail!("-drive: media={media} is not there; possible: disk, cdrom")
            }
            _ => bail!("-drive: if={interface} is not there; possible: ide, floppy, pflash, none"),
        };
        let number = |options: &mut Keyed, name: &str| match options.take(name) {
            None => Ok(None),
            Some(text) => match text.parse::<usize>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => bail!("-drive: {name}={text} is no number"),
            },
        };
        let (index, bus, unit) =
            (number(&mut options, "index")?, number(&mut options, "bus")?, number(&mut options, "unit")?);
        let index = match (index, bus, unit) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                bail!("-drive: index cannot be combined with bus and unit")
            }
            (None, None, None) => None,
            (None, bus, unit) => Some(bus.unwrap_or(0) * 2 + unit.unwrap_or(0)),
            (index, ..) => index,
        };
        let id = options.take("id");
        let format = options.take("format").filter(|format| format != "auto");
        let read_only =
            options.switch("readonly", kind == MediaKind::Cd)? | options.switch("read-only", false)?;
        let snapshot = options.switch("snapshot", args.snapshot)?;
        options.accept("werror", &["report", "enospc", "stop", "ignore"])?;
        options.accept("rerror", &["report", "stop", "ignore"])?;
        options.ignore(&[
            "cache",
            "aio",
            "discard",
            "detect-zeroes",
            "copy-on-read",
            "cache.direct",
            "cache.writeback",
        ]);
        options.end()?;
        let block = |id: String| {
            file.map(|file| BlockSpec { id, file: file.into(), kind, format, read_only, snapshot })
        };
        match (interface.as_str(), kind) {
            ("ide", _) => {
                let free = |&index: &usize| !self.has_ide(index);
                let first = if kind == MediaKind::Cd { 2 } else { 0 };
                let index = index.or_else(|| (first..4).chain(0..first).find(free));
                let Some(index) = index.filter(|&index| index < 4) else {
                    bail!("-drive {text}: the IDE controller has the four places 0 to 3")
                };
                let block = block(id.unwrap_or_else(|| ide_name(index, kind)));
                ensure!(block.is_some() || kind == MediaKind::Cd, "-drive {text} names no file");
                self.add_ide_device(index, kind, block)
            }
            (_, MediaKind::Floppy) => {
                let index = index.unwrap_or_else(|| usize::from(self.has_floppy(0)));
                let block = block(id.unwrap_or_else(|| format!("floppy{index}")));
                self.add_floppy_device(index, block)
            }
            (_, MediaKind::Flash) => {
                let taken = self.blocks.iter().filter(|block| block.kind == MediaKind::Flash).count();
                let index = index.unwrap_or(taken);
                ensure!(index < 2, "there are two flash memories, 0 and 1");
                let name = format!("pflash{index}");
                let Some(block) = block(id.unwrap_or_else(|| name.clone())) else {
                    bail!("-drive {text} names no file")
                };
                let device = DeviceSpec::new("cfi.pflash01").named(&name);
                self.devices.push(device.with("drive", &block.id));
                self.blocks.push(block);
                Ok(())
            }
            ("none", _) => {
                let Some(id) = id else { bail!("-drive {text} needs an id, by which -device names it") };
                let Some(block) = block(id) else { bail!("-drive {text} names no file") };
                self.blocks.push(block);
                Ok(())
            }
            _ => bail!("-drive: if={interface} is not there; possible: ide, floppy, pflash, none"),
        }
    }

    /// The drives that a PC with firmware has without media: a floppy drive and a CD drive. As with QEMU, drives of
    /// `-device` take their place.
    pub(super) fn add_empty_drives(&mut self, devices: &[DeviceSpec]) -> Result<()> {
        let has = |models: &[&str]| devices.iter().any(|device| models.contains(&device.model.as_str()));
        if !self.has_floppy(0) && !has(&["floppy"]) {
            self.add_floppy_device(0, None)?;
        }
        if !self.has_ide(2) && !has(&["ide-cd", "ide-hd"]) {
            self.add_ide_device(2, MediaKind::Cd, None)?;
        }
        Ok(())
    }

    /// Sets the formats of media that were opened without one to those that `probe` returns.
    pub fn set_probed_formats(&mut self, probe: impl Fn(&Path) -> Option<String>) {
        for block in self.blocks.iter_mut().filter(|block| block.format.is_none()) {
            block.format = probe(&block.file);
        }
    }

    /// Selects the kinds of the floppy drives by their media, and sets them in CMOS memory. A medium of another size,
    /// and an empty drive, count as 1.44 MB.
    pub fn fit_floppies(&mut self, bytes: impl Fn(&Path) -> Option<u64>) {
        let mut kinds = [None; 2];
        for device in self.devices.iter_mut().filter(|device| device.model == "floppy") {
            let property = |name: &str| {
                let found = device.properties.iter().find(|(other, _)| other == name);
                found.map(|(_, value)| value.as_str())
            };
            // The controller refuses units that are not there, or are given twice.
            let unit = match property("unit") {
                Some(unit) => unit.parse().ok(),
                None => kinds.iter().position(Option::is_none),
            };
            let Some(place) = unit.and_then(|unit: usize| kinds.get_mut(unit)) else { continue };
            let medium = property("drive");
            let block = self.blocks.iter().find(|block| medium == Some(block.id.as_str()));
            let bytes = block.and_then(|block| bytes(&block.file));
            let fits = match bytes.map(|bytes| bytes.div_ceil(1024)) {
                Some(160 | 180 | 320 | 360 | 1200) => DriveType::D120,
                Some(2880..) => DriveType::D288,
                _ => DriveType::D144,
            };
            let named = property("drive-type").and_then(DriveType::of);
            *place = Some(named.unwrap_or(fits).cmos());
            // What is no kind is refused with the device's other properties.
            if named.is_none() && matches!(property("drive-type"), None | Some("auto")) {
                device.properties.retain(|(name, _)| name != "drive-type");
                device.properties.push(("drive-type".to_owned(), fits.name().to_owned()));
            }
        }
        let kinds = kinds.map(Option::unwrap_or_default);
        if let Some(clock) = self.devices.iter_mut().find(|device| device.model == "rtc-mc146818") {
            for (name, kind) in ["floppy-a", "floppy-b"].into_iter().zip(kinds) {
                clock.properties.push((name.to_owned(), kind.to_string()));
            }
        }
    }

    /// Names drives of `-device` by their places, as their controllers do: those of IDE that name a whole place have it, the
    /// others get the first that is free.
    pub(super) fn name_drives(&mut self) {
        const PLACES: [(usize, usize); 4] = [(0, 0), (0, 1), (1, 0), (1, 1)];
        let mut taken: Vec<(usize, usize)> = Vec::new();
        for wants_whole in [true, false] {
            for device in &mut self.devices {
                let kind = match device.model.as_str() {
                    "ide-hd" => MediaKind::Disk,
                    "ide-cd" => MediaKind::Cd,
                    _ => continue,
                };
                let property = |name: &str| {
                    let found = device.properties.iter().find(|(other, _)| other == name);
                    found.and_then(|(_, value)| value.trim_start_matches("ide.").parse::<usize>().ok())
                };
                let (bus, unit) = (property("bus"), property("unit"));
                if (bus.is_some() && unit.is_some()) != wants_whole {
                    continue;
                }
                let fits = |&(b, u): &(usize, usize)| {
                    bus.is_none_or(|bus| bus == b) && unit.is_none_or(|unit| unit == u)
                };
                let place = PLACES.into_iter().filter(fits).find(|place| !taken.contains(place));
                // The controller refuses what has no place.
                let Some(place) = place else { continue };
                let has_index = device.properties.iter().any(|(name, _)| name == "bootindex");
                taken.push(place);
                // Its name for firmware has its place.
                if has_index {
                    device.properties.retain(|(name, _)| !matches!(name.as_str(), "bus" | "unit"));
                    let (bus, unit) = (format!("ide.{}", place.0), place.1.to_string());
                    device.properties.extend([("bus".to_owned(), bus), ("unit".to_owned(), unit)]);
                }
                if device.id.is_none() {
                    device.id = Some(ide_name(2 * place.0 + place.1, kind));
                }
            }
        }
    }

    fn has_ide(&self, index: usize) -> bool {
        let names = [ide_name(index, MediaKind::Disk), ide_name(index, MediaKind::Cd)];
        self.devices.iter().any(|device| device.id.as_ref().is_some_and(|id| names.contains(id)))
    }

    fn has_floppy(&self, index: usize) -> bool {
        let name = format!("floppy{index}");
        self.devices.iter().any(|device| device.id.as_deref() == Some(&name))
    }
}

/// QEMU's name of a drive, by its place.
fn ide_name(index: usize, kind: MediaKind) -> String {
    let what = if kind == MediaKind::Cd { "cd" } else { "hd" };
    format!("ide{}-{what}{}", index / 2, index % 2)
}
