//! Firmware, the graphics adapter with its own, and what is booted from.

use super::{ImageSource, ImageSpec, MachineSpec, MediaKind};
use crate::RunArgs;
use anyhow::Result;
use device_api::DeviceSpec;

/// SeaBIOS, as its package names the 256 KiB build.
const SEABIOS: &str = "bios-256k.bin";
/// The video BIOS of QEMU's standard VGA.
const VGABIOS: &str = "vgabios-stdvga.bin";

/// What firmware boots from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// Letters: a floppy, c disk, d CD, n network
    pub order: String,
    /// Firmware shows a menu
    pub menu: bool,
}

/// `-boot dc`, or `-boot order=dc,menu=on`.
pub(crate) fn parse_boot(text: &str) -> Result<Boot, String> {
    let mut boot = Boot::default();
    for (n, part) in text.split(',').enumerate() {
        match part.split_once('=') {
            None if n == 0 => boot.order = part.to_owned(),
            Some(("order" | "once", order)) => boot.order = order.to_owned(),
            Some(("menu", "on")) => boot.menu = true,
            Some(
                ("menu", "off") | ("strict", "on" | "off") | ("splash" | "splash-time" | "reboot-timeout", _),
            ) => {}
            _ => return Err(format!("{part} is no part of -boot; there are order=, once= and menu=on")),
        }
    }
    match boot.order.chars().find(|letter| !"acdn".contains(*letter)) {
        Some(letter) => {
            Err(format!("{letter} is no boot device; there are a (floppy), c (disk), d (CD), n (network)"))
        }
        None => Ok(boot),
    }
}

impl MachineSpec {
    /// Whether firmware starts the machine.
    pub fn has_firmware(&self) -> bool {
        self.images.iter().any(|image| image.id == "bios")
            || self.blocks.iter().any(|block| block.kind == MediaKind::Flash)
    }

    /// `-bios`, `-vga`, and firmware for machines that boot from drives. `devices` are those of `-device`.
    ///
    /// # Errors
    /// Drives that cannot be.
    pub(super) fn add_firmware(&mut self, args: &RunArgs, devices: &[DeviceSpec]) -> Result<()> {
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
        let by_default = if self.has_firmware() && !args.nodefaults { "std" } else { "none" };
        let vga = args.vga.as_deref().unwrap_or(by_default);
        if vga == "std" {
            let source = ImageSource::Firmware(VGABIOS);
            self.images.push(ImageSpec { id: "vgabios".to_owned(), source });
            self.devices.push(DeviceSpec::new("VGA").with("romfile", "vgabios"));
        }
        if self.has_firmware() && !args.nodefaults {
            self.add_empty_drives(devices)?;
        }
        let order = args.boot.as_ref().map(|boot| boot.order.as_str()).filter(|order| !order.is_empty());
        if let Some(order) = order.or(self.has_firmware().then_some("cad")) {
            self.devices.push(DeviceSpec::new("rtc-mc146818").with("boot", order));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_orders_are_letters() {
        let boot = |order: &str, menu| Ok(Boot { order: order.to_owned(), menu });
        assert_eq!(parse_boot("d"), boot("d", false));
        assert_eq!(parse_boot("order=cad,menu=on"), boot("cad", true));
        assert_eq!(parse_boot("menu=on,strict=off"), boot("", true));
        assert!(parse_boot("x").is_err() && parse_boot("c,d").is_err());
    }
}
