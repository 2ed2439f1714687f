//! The guest's files, kept so that a reset can reload them.

use crate::spec::FileContent;
use crate::{MachineSpec, RunArgs};
use anyhow::Result;
use machine::boot::{self, BootError, BootImage, load};
use machine::{FirmwareSetup, Machine};
use pc_devices::kernel_boot::rom;
use std::collections::BTreeMap;
use x86_types::GuestPhysAddr;

/// A guest's files.
pub struct Guest {
    kernel: Vec<u8>,
    kernel_name: String,
    initrd: Option<Vec<u8>>,
    initrd_name: String,
    command_line: String,
    /// Firmware starts the machine; a kernel is for it to load
    firmware: bool,
    /// Firmware shows its menu
    menu: bool,
    /// The machine's UUID
    uuid: [u8; 16],
    /// Files of fw_cfg, beside the machine's own
    firmware_files: Vec<(String, Vec<u8>)>,
}
snapshot::codec_struct!(Guest {
    kernel,
    kernel_name,
    initrd,
    initrd_name,
    command_line,
    firmware,
    menu,
    uuid,
    firmware_files
});

impl Guest {
    /// A guest of these files; one of the project's own where `kernel` is absent.
    pub fn new(args: &RunArgs, spec: &MachineSpec, kernel: Option<Vec<u8>>, initrd: Option<Vec<u8>>) -> Self {
        let name = |path: &Option<std::path::PathBuf>, default: &str| {
            path.as_ref().map_or_else(|| default.to_owned(), |path| path.display().to_string())
        };
        let built_in = args.guest.as_deref().unwrap_or(demo_guest::NAMES[0]);
        let firmware = spec.has_firmware();
        let kernel = kernel.unwrap_or_else(|| match firmware {
            true => Vec::new(),
            false => demo_guest::by_name(built_in).unwrap_or(demo_guest::IMAGE).to_vec(),
        });
        Self {
            kernel,
            kernel_name: name(&args.kernel, built_in),
            initrd,
            initrd_name: name(&args.initrd, ""),
            command_line: args.append.clone(),
            firmware,
            menu: args.boot.as_ref().is_some_and(|boot| boot.menu),
            uuid: args.uuid.unwrap_or_default(),
            firmware_files: Vec::new(),
        }
    }

    /// Takes the files of fw_cfg that the options name. Those that the host read are taken out of `images`.
    pub fn take_firmware_files(&mut self, spec: &MachineSpec, images: &mut BTreeMap<String, Vec<u8>>) {
        let mut content = |content: &FileContent| match content {
            FileContent::Text(text) => text.clone().into_bytes(),
            FileContent::Image(id) => images.remove(id).unwrap_or_default(),
        };
        let files = spec.firmware_files.iter();
        self.firmware_files = files.map(|file| (file.name.clone(), content(&file.content))).collect();
        if !spec.boot_order.is_empty() {
            let kernel = (!self.kernel.is_empty()).then(|| rom::BOOT_ORDER.to_owned());
            let order: Vec<_> = kernel.into_iter().chain(spec.boot_order.iter().cloned()).collect();
            self.firmware_files.push(("bootorder".to_owned(), order.join("\n").into_bytes()));
        }
    }

    /// Makes a machine that was switched on or reset ready to start: hands firmware its configuration, or writes the guest
    /// and its tables into RAM and puts the processor at its entry.
    ///
    /// # Errors
    /// Where the image is none, or does not fit. The message begins with the file's name.
    pub fn load(&self, machine: &mut Machine) -> Result<()> {
        if self.firmware {
            machine.configure_firmware(&FirmwareSetup {
                kernel: (!self.kernel.is_empty()).then_some(&self.kernel),
                initrd: self.initrd.as_deref(),
                command_line: &self.command_line,
                menu: self.menu,
                uuid: self.uuid,
                files: &[(rom::FILE, rom::image()), ("bootorder", rom::BOOT_ORDER.into())],
            });
            machine.add_firmware_files(&self.firmware_files);
            return Ok(());
        }
        machine.add_firmware_files(&self.firmware_files);
        machine.start_without_firmware();
        let rsdp = machine::acpi::write_tables(machine.memory(), &machine.firmware_tables());
        // 0 is "not known" in the boot parameters.
        let image = self.image(rsdp.unwrap_or(GuestPhysAddr(0)));
        let state = load(machine.memory(), &image).map_err(|error| self.context(error))?;
        machine.invalidate_all_code();
        let vcpu = machine.vcpu_mut();
        state.apply(&mut vcpu.cpu);
        vcpu.state_changed();
        Ok(())
    }

    /// Loads the kernel when firmware boots from its option ROM.
    ///
    /// # Errors
    /// As [`Guest::load`].
    pub fn load_under_firmware(&self, machine: &mut Machine, map_entries: u16) -> Result<()> {
        let map = boot::read_map(machine.memory(), GuestPhysAddr(rom::MEMORY_MAP), map_entries);
        let entry = boot::load_under_firmware(machine.memory(), &self.image(GuestPhysAddr(0)), &map)
            .map_err(|error| self.context(error))?;
        machine.invalidate_all_code();
        let vcpu = machine.vcpu_mut();
        entry.apply(&mut vcpu.cpu);
        vcpu.state_changed();
        Ok(())
    }

    fn image(&self, rsdp: GuestPhysAddr) -> BootImage<'_> {
        BootImage {
            kernel: &self.kernel,
            kernel_name: &self.kernel_name,
            initrd: self.initrd.as_deref(),
            initrd_name: &self.initrd_name,
            command_line: &self.command_line,
            rsdp,
        }
    }

    fn context(&self, error: BootError) -> anyhow::Error {
        match error {
            BootError::CommandLineTooLong { .. } => anyhow::Error::new(error),
            BootError::InitrdDoesNotFit { .. } => anyhow::Error::new(error).context(self.initrd_name.clone()),
            _ => anyhow::Error::new(error).context(self.kernel_name.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::tests::args;

    fn files(line: &str, kernel: Option<Vec<u8>>) -> Vec<(String, String)> {
        let args = args(line);
        let spec = MachineSpec::new(&args).unwrap();
        let mut images: BTreeMap<_, _> =
            spec.images.iter().map(|image| (image.id.clone(), image.id.clone().into_bytes())).collect();
        let mut guest = Guest::new(&args, &spec, kernel, None);
        guest.take_firmware_files(&spec, &mut images);
        assert!(images.keys().all(|id| !id.starts_with("fw_cfg:")), "{images:?}");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        guest.firmware_files.into_iter().map(|(name, bytes)| (name, text(bytes))).collect()
    }

    #[test]
    fn firmware_boots_from_option_roms_in_their_order() {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let (a, b) = (file("genroms/a", "fw_cfg:genroms/a"), file("genroms/b", "fw_cfg:genroms/b"));
        assert_eq!(files("--option-rom a", None), std::slice::from_ref(&a));
        let order = file("bootorder", "/rom@genroms/b\n/rom@genroms/a");
        let line = "--option-rom a,bootindex=2 --option-rom b,bootindex=1";
        assert_eq!(files(line, None), [a.clone(), b, order]);
        let order = file("bootorder", &format!("{}\n/rom@genroms/a", rom::BOOT_ORDER));
        let line = "--kernel k --option-rom a,bootindex=1 --fw_cfg opt/t,string=x";
        assert_eq!(files(line, Some(vec![1])), [a, file("opt/t", "x"), order]);
    }
}
