//! What firmware is handed by fw_cfg.

use crate::acpi::LoaderFiles;
use crate::vm::Machine;
use guest_memory::RamLayout;

/// Keys of items.
///
/// SPEC: qemu-fw-cfg :: All Other Data Items -> the numbers; sizes as QEMU gives them
mod key {
    pub(super) const UUID: u16 = 0x02;
    pub(super) const RAM_SIZE: u16 = 0x03;
    pub(super) const NOGRAPHIC: u16 = 0x04;
    pub(super) const NB_CPUS: u16 = 0x05;
    pub(super) const KERNEL_SIZE: u16 = 0x08;
    pub(super) const INITRD_SIZE: u16 = 0x0b;
    pub(super) const NUMA: u16 = 0x0d;
    pub(super) const BOOT_MENU: u16 = 0x0e;
    pub(super) const MAX_CPUS: u16 = 0x0f;
    pub(super) const KERNEL_DATA: u16 = 0x11;
    pub(super) const INITRD_DATA: u16 = 0x12;
    pub(super) const CMDLINE_SIZE: u16 = 0x14;
    pub(super) const CMDLINE_DATA: u16 = 0x15;
    pub(super) const SETUP_SIZE: u16 = 0x17;
    pub(super) const SETUP_DATA: u16 = 0x18;
    pub(super) const IRQ0_OVERRIDE: u16 = 0x8002;
}

/// What firmware is to boot.
#[derive(Clone, Copy, Debug, Default)]
pub struct FirmwareSetup<'a> {
    /// A Linux kernel to start
    pub kernel: Option<&'a [u8]>,
    /// Its initrd
    pub initrd: Option<&'a [u8]>,
    /// Its command line
    pub command_line: &'a str,
    /// Firmware shows a menu of what to boot
    pub menu: bool,
    /// The machine's UUID, the first digits first; zeros where it has none
    pub uuid: [u8; 16],
    /// More files by name, for a kernel: the option ROM that boots it
    pub files: &'a [(&'a str, Vec<u8>)],
}

/// SPEC: qemu-fw-cfg :: All Other Data Items -> address, length, type; type 1 is RAM
fn e820(layout: RamLayout) -> Vec<u8> {
    let mut out = Vec::new();
    for (start, len) in [(0, layout.low), (1 << 32, layout.high)] {
        if len > 0 {
            out.extend([start, len].map(u64::to_le_bytes).concat());
            out.extend(1_u32.to_le_bytes());
        }
    }
    out
}

/// Splits a bzImage into its real-mode part and the rest.
///
/// SPEC: linux-boot-protocol :: The Real-Mode Kernel Header -> setup_sects at 1F1H, 0 means 4; one sector more is the boot sector
fn split_setup(kernel: &[u8]) -> (&[u8], &[u8]) {
    let sectors = match kernel.get(0x1f1) {
        Some(0) | None => 4,
        Some(&sectors) => usize::from(sectors),
    };
    kernel.split_at(((sectors + 1) * 512).min(kernel.len()))
}

impl Machine {
    /// Adds files to what firmware and guests find in fw_cfg, or replaces them.
    pub fn add_firmware_files(&mut self, files: &[(String, Vec<u8>)]) {
        let Some(config) = self.firmware_config() else { return };
        for (name, bytes) in files {
            config.set_file(name, bytes.clone());
        }
    }

    /// Passes the setup to the device that firmware reads it from, if there is one.
    pub fn configure_firmware(&mut self, setup: &FirmwareSetup<'_>) {
        let parts = self.firmware_tables();
        let (layout, processors) = (self.memory().layout(), self.vcpus().len() as u16);
        let Some(config) = self.firmware_config() else { return };
        config.set_item(key::UUID, setup.uuid.to_vec());
        config.set_item(key::RAM_SIZE, layout.size().to_le_bytes().to_vec());
        config.set_item(key::NOGRAPHIC, 0_u16.to_le_bytes().to_vec());
        config.set_item(key::NB_CPUS, processors.to_le_bytes().to_vec());
        config.set_item(key::MAX_CPUS, processors.to_le_bytes().to_vec());
        config.set_item(key::NUMA, vec![0; 8]);
        config.set_item(key::BOOT_MENU, u16::from(setup.menu).to_le_bytes().to_vec());
        config.set_item(key::IRQ0_OVERRIDE, 1_u32.to_le_bytes().to_vec());
        config.set_file("etc/e820", e820(layout));
        if parts.has_acpi() {
            for (name, bytes) in LoaderFiles::new(&parts).files {
                config.set_file(name, bytes);
            }
        }
        let Some(kernel) = setup.kernel else { return };
        for (name, bytes) in setup.files {
            config.set_file(name, bytes.clone());
        }
        let (real_mode, rest) = split_setup(kernel);
        let mut line = setup.command_line.as_bytes().to_vec();
        line.push(0);
        let initrd = setup.initrd.unwrap_or_default();
        for (size, data, bytes) in [
            (key::SETUP_SIZE, key::SETUP_DATA, real_mode),
            (key::KERNEL_SIZE, key::KERNEL_DATA, rest),
            (key::INITRD_SIZE, key::INITRD_DATA, initrd),
            (key::CMDLINE_SIZE, key::CMDLINE_DATA, &line),
        ] {
            config.set_item(size, (bytes.len() as u32).to_le_bytes().to_vec());
            config.set_item(data, bytes.to_vec());
        }
    }
}
