//! Firmware, the graphics adapter with its own, and what is booted from.

use super::{ImageSource, ImageSpec, MachineSpec, MediaKind};
use crate::RunArgs;
use anyhow::{Result, bail, ensure};
use device_api::DeviceSpec;
use std::collections::BTreeMap;

/// SeaBIOS, as its package names the 256 KiB build.
const SEABIOS: &str = "bios-256k.bin";
/// The video BIOS of QEMU's standard VGA.
const VGABIOS: &str = "vgabios-stdvga.bin";
/// What firmware boots from where nothing is said.
const USUAL_ORDER: &str = "cad";

/// What firmware boots from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// Letters: a floppy, c disk, d CD, n network
    pub order: String,
    /// The same for the time until the first reset
    pub once: String,
    /// Firmware shows a menu
    pub menu: bool,
}

/// `-boot dc`, or `-boot order=dc,menu=on`.
pub(crate) fn parse_boot(text: &str) -> Result<Boot, String> {
    let mut boot = Boot::default();
    for (n, part) in text.split(',').enumerate() {
        match part.split_once('=') {
            None if n == 0 => boot.order = part.to_owned(),
            Some(("order", order)) => boot.order = order.to_owned(),
            Some(("once", order)) => boot.once = order.to_owned(),
            Some(("menu", "on")) => boot.menu = true,
            Some(
                ("menu", "off") | ("strict", "on" | "off") | ("splash" | "splash-time" | "reboot-timeout", _),
            ) => {}
            _ => return Err(format!("{part} is no part of -boot; there are order=, once= and menu=on")),
        }
    }
    let mut letters = boot.order.chars().chain(boot.once.chars());
    match letters.find(|letter| !"acdn".contains(*letter)) {
        Some(letter) => {
            Err(format!("{letter} is no boot device; there are a (floppy), c (disk), d (CD), n (network)"))
        }
        None => Ok(boot),
    }
}

impl MachineSpec {
    /// Returns whether firmware starts the machine.
    pub fn has_firmware(&self) -> bool {
        self.images.iter().any(|image| image.id == "bios")
            || self.blocks.iter().any(|block| block.kind == MediaKind::Flash)
    }

    /// `-bios`, `-vga`, and firmware for machines that boot from drives. `devices` are those of `-device`.
    ///
    /// # Errors
    /// Drives that cannot be.
    pub(super) fn add_firmware(&mut self, args: &RunArgs, devices: &mut [DeviceSpec]) -> Result<()> {
        let needs_firmware = args.shows_screen() || !args.option_rom.is_empty();
        let flash = self.blocks.iter().any(|block| block.kind == MediaKind::Flash);
        let source = match &args.bios {
            Some(path) => Some(ImageSource::Path(path.clone())),
            None if flash || args.guest.is_some() => None,
            None if args.kernel.is_some() => needs_firmware.then_some(ImageSource::Firmware(SEABIOS)),
            None => args.boots_drives().then_some(ImageSource::Firmware(SEABIOS)),
        };
        if let Some(source) = source {
            self.images.push(ImageSpec { id: "bios".to_owned(), source });
            self.devices.push(DeviceSpec::new("system-rom").with("image", "bios"));
            if args.kernel.is_some() {
                self.devices.push(DeviceSpec::new("kernel-boot"));
            }
        }
        // As with QEMU, an adapter of -device is there instead of the usual one.
        let has_adapter = devices.iter().any(|device| device.model == "VGA");
        let by_default = if self.has_firmware() && !args.nodefaults && !has_adapter { "std" } else { "none" };
        let vga = args.vga.as_deref().unwrap_or(by_default);
        if vga == "std" {
            ensure!(!has_adapter, "-vga std and -device VGA are two adapters; leave one out");
            self.devices.push(DeviceSpec::new("VGA").with("romfile", VGABIOS));
            if let Some(device) = self.devices.last_mut() {
                add_rom(&mut self.images, device);
            }
        }
        for device in devices.iter_mut() {
            add_rom(&mut self.images, device);
        }
        if self.has_firmware() && !args.nodefaults {
            self.add_empty_drives(devices)?;
        }
        self.add_boot_order(args.boot.as_ref());
        Ok(())
    }

    /// Has CMOS memory say what firmware boots from.
    fn add_boot_order(&mut self, boot: Option<&Boot>) {
        let given = |order: fn(&Boot) -> &String| boot.map(order).filter(|order| !order.is_empty());
        let (order, once) = (given(|boot| &boot.order), given(|boot| &boot.once));
        let usual = order.map_or(USUAL_ORDER, String::as_str);
        let clock = DeviceSpec::new("rtc-mc146818");
        match once {
            Some(once) => self.devices.push(clock.with("boot", once).with("boot-later", usual)),
            None if order.is_some() || self.has_firmware() => self.devices.push(clock.with("boot", usual)),
            None => {}
        }
    }

    /// Returns what firmware boots from first, in the order of `bootindex=`: names as Open Firmware forms them.
    ///
    /// # Errors
    /// A `bootindex` that is given twice.
    pub(super) fn note_boot_order(&mut self) -> Result<()> {
        let mut order: BTreeMap<u32, String> = BTreeMap::new();
        let roms = self.firmware_files.iter().filter_map(|file| {
            let name = format!("/rom@{}", file.name);
            Some((file.boot_index?, name))
        });
        let roms: Vec<_> = roms.collect();
        for (index, name) in roms.into_iter().chain(self.devices.iter().filter_map(boot_name)) {
            if let Some(other) = order.insert(index, name.clone()) {
                bail!("{other} and {name} both have bootindex={index}; give one of them another");
            }
        }
        self.boot_order = order.into_values().collect();
        Ok(())
    }
}

/// Has the host read the ROM of a card: the file of `romfile=`, or the usual one of an adapter. An empty name is none.
fn add_rom(images: &mut Vec<ImageSpec>, device: &mut DeviceSpec) {
    let place = device.properties.iter().position(|(name, _)| name == "romfile");
    let file = match place.map(|place| device.properties.remove(place).1) {
        None if device.model == "VGA" => VGABIOS.to_owned(),
        None => return,
        Some(file) if file.is_empty() => return,
        Some(file) => file,
    };
    let id = match images.len() {
        _ if file == VGABIOS && images.iter().all(|image| image.id != "vgabios") => "vgabios".to_owned(),
        number => format!("romfile{number}"),
    };
    let source =
        if file == VGABIOS { ImageSource::Firmware(VGABIOS) } else { ImageSource::Path(file.into()) };
    images.push(ImageSpec { id: id.clone(), source });
    device.properties.push(("romfile".to_owned(), id));
}

/// Returns the `bootindex` of a drive, and its name for firmware.
fn boot_name(device: &DeviceSpec) -> Option<(u32, String)> {
    let property = |name: &str| {
        let found = device.properties.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    };
    // What is no number is refused with the device's other properties.
    let index = property("bootindex")?.parse().ok()?;
    let unit = property("unit").unwrap_or("0");
    let name = match device.model.as_str() {
        "ide-hd" | "ide-cd" => {
            let bus = property("bus").unwrap_or("ide.0").trim_start_matches("ide.");
            format!("/pci@i0cf8/ide@1,1/drive@{bus}/disk@{unit}")
        }
        "floppy" => format!("/pci@i0cf8/isa@1/fdc@03f0/floppy@{unit}"),
        _ => return None,
    };
    Some((index, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::tests::args;

    fn spec(line: &str) -> Result<MachineSpec, String> {
        MachineSpec::new(&args(line)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_order_may_be_another_one_until_the_first_reset() {
        let clock = |line: &str| {
            let devices = spec(line).unwrap().devices.into_iter();
            devices.filter(|device| device.model == "rtc-mc146818").collect::<Vec<_>>()
        };
        let plain = || DeviceSpec::new("rtc-mc146818");
        assert_eq!(clock("--hda x"), [plain().with("boot", "cad")]);
        assert_eq!(clock("--hda x --boot menu=on,order=d"), [plain().with("boot", "d")]);
        assert_eq!(clock("--hda x --boot once=d"), [plain().with("boot", "d").with("boot-later", "cad")]);
        let line = "--hda x --boot order=c,once=d";
        assert_eq!(clock(line), [plain().with("boot", "d").with("boot-later", "c")]);
    }

    #[test]
    fn firmware_boots_from_drives_in_the_order_of_bootindex() {
        let line = "--drive if=none,id=a,file=a --drive if=none,id=b,file=b \
            --device ide-hd,drive=a,bootindex=2 --device ide-cd,drive=b,bus=ide.1,bootindex=1 --device floppy,bootindex=7 \
            --option-rom r,bootindex=3";
        let disk = |bus, unit| format!("/pci@i0cf8/ide@1,1/drive@{bus}/disk@{unit}");
        let floppy = "/pci@i0cf8/isa@1/fdc@03f0/floppy@0".to_owned();
        let rom = "/rom@genroms/r".to_owned();
        assert_eq!(spec(line).unwrap().boot_order, [disk(1, 0), disk(0, 0), rom, floppy]);
        let twice = spec("--device ide-cd,bootindex=1 --device ide-cd,bootindex=1").unwrap_err();
        assert!(twice.contains("both have bootindex=1"), "{twice}");
    }

    #[test]
    fn an_adapter_of_device_takes_the_place_of_the_usual_one() {
        let adapters = |line: &str| {
            let spec = spec(line).unwrap();
            let devices = spec.devices.into_iter().filter(|device| device.model == "VGA");
            (devices.collect::<Vec<_>>(), spec.images)
        };
        let bios = ImageSpec { id: "bios".to_owned(), source: ImageSource::Firmware(SEABIOS) };
        let image = |id: &str, source| ImageSpec { id: id.to_owned(), source };
        let rom = || image("vgabios", ImageSource::Firmware(VGABIOS));
        let vga = || DeviceSpec::new("VGA");
        for line in ["--hda x", "--device VGA", "--vga none --device VGA"] {
            let expected = (vec![vga().with("romfile", "vgabios")], vec![bios.clone(), rom()]);
            assert_eq!(adapters(line), expected, "{line}");
        }
        let own = image("romfile1", ImageSource::Path("r".into()));
        let expected = (vec![vga().with("romfile", "romfile1")], vec![bios.clone(), own]);
        assert_eq!(adapters("--device VGA,romfile=r"), expected);
        assert_eq!(adapters("--device VGA,romfile="), (vec![vga()], vec![bios]));
        let two = spec("--vga std --device VGA").unwrap_err();
        assert_eq!(two, "-vga std and -device VGA are two adapters; leave one out");
    }

    #[test]
    fn boot_orders_are_letters() {
        let boot = |order: &str, menu| Ok(Boot { order: order.to_owned(), menu, once: String::new() });
        assert_eq!(parse_boot("d"), boot("d", false));
        assert_eq!(parse_boot("order=cad,menu=on"), boot("cad", true));
        assert_eq!(parse_boot("menu=on,strict=off"), boot("", true));
        let once = Boot { order: "c".into(), once: "d".into(), menu: false };
        assert_eq!(parse_boot("order=c,once=d"), Ok(once));
        assert!(parse_boot("once=x").is_err());
        assert!(parse_boot("x").is_err() && parse_boot("c,d").is_err());
    }
}
