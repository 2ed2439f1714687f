//! QEMU's firmware configuration device, through which firmware reads the machine's configuration.

mod chip;
mod items;
mod spec;
#[cfg(test)]
mod tests;

use crate::codec::snapshot_of;
use acpi_tables::Aml;
use acpi_tables::aml::{self, IO, Name, ResourceTemplate};
use chip::{Chip, Request, Transfer};
use device_api::{
    Ctx, Device, DeviceDecl, FirmwareConfig, FirmwareTables, Pio, PortRange, Stage, capabilities,
    declare_device,
};
use spec::{Control, REQUEST_BYTES};
use x86_types::GuestPhysAddr;

const ID: &str = "fw_cfg";

/// Zeros that are written at once.
static ZEROS: [u8; 0x1_0000] = [0; 0x1_0000];

/// The device on its ports.
#[derive(Debug, Default)]
pub struct FwCfg {
    chip: Chip,
}

snapshot_of!(FwCfg, chip);

impl FwCfg {
    /// Serves the DMA request at an address: the result takes the place of its control word.
    ///
    /// SPEC: qemu-fw-cfg :: Guest-side DMA Interface -> control, length and address, big-endian; error, read, skip, select and write bits
    fn request(&mut self, ctx: &mut Ctx<'_>, at: u64) {
        let last = at.checked_add(REQUEST_BYTES as u64 - 1);
        let is_ram = |at: u64| ctx.memory.contains(GuestPhysAddr(at), 1);
        if !is_ram(at) || !last.is_some_and(is_ram) {
            tracing::debug!(at, "a request to fw_cfg does not lie in RAM");
            return;
        }
        let mut bytes = [0; REQUEST_BYTES];
        ctx.dma.read(GuestPhysAddr(at), &mut bytes);
        let (transfer, succeeds) = self.chip.serve(Request::new(bytes));
        if let Some(Transfer { address, bytes, mut zeros }) = transfer {
            ctx.dma.write(GuestPhysAddr(address), bytes);
            let mut address = address.wrapping_add(bytes.len() as u64);
            while zeros > 0 {
                let len = zeros.min(ZEROS.len() as u32);
                ctx.dma.write(GuestPhysAddr(address), &ZEROS[..len as usize]);
                address = address.wrapping_add(u64::from(len));
                zeros -= len;
            }
        }
        let result = if succeeds { Control::empty() } else { Control::ERROR };
        ctx.dma.write(GuestPhysAddr(at), &result.bits().to_be_bytes());
    }
}

impl Device for FwCfg {
    capabilities!(pio, firmware_config);

    fn id(&self) -> &'static str {
        ID
    }
    /// The node that operating systems' drivers look for. It is not shown to the user.
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        let hid = Name::new("_HID".into(), &"QEMU0002");
        let status = Name::new("_STA".into(), &0x0b_u8);
        let ports = IO::new(spec::SELECTOR, spec::SELECTOR, 1, spec::PORTS as u8);
        let crs = Name::new("_CRS".into(), &ResourceTemplate::new(vec![&ports]));
        aml::Device::new("FWCF".into(), vec![&hid, &status, &crs]).to_aml_bytes(&mut tables.bus);
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        self.chip.reset();
    }
}

impl FirmwareConfig for FwCfg {
    fn set_item(&mut self, key: u16, bytes: Vec<u8>) {
        self.chip.items.set(key, bytes);
    }
    fn set_file(&mut self, name: &str, bytes: Vec<u8>) {
        self.chip.items.set_file(name, bytes);
    }
}

/// SPEC: qemu-fw-cfg :: Guest-side Hardware Interface -> the selector is a word, data are bytes; the address of a request is big-endian, and its lower half starts it
impl Pio for FwCfg {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        match (port, size) {
            (spec::SELECTOR | spec::DATA, 1) => u32::from(self.chip.read()),
            _ => crate::lanes::read(port, size, |port| {
                let at = port.checked_sub(spec::DMA_HIGH).map(usize::from);
                at.and_then(|at| spec::DMA_SIGNATURE.get(at)).copied().unwrap_or(0xff)
            }),
        }
    }

    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        match (port, size) {
            (spec::SELECTOR, 2) => self.chip.select(value as u16),
            (spec::DMA_HIGH, 4) => self.chip.set_dma_high(value.swap_bytes()),
            (spec::DMA_LOW, 4) => {
                let at = self.chip.dma_address(value.swap_bytes());
                self.request(ctx, at);
            }
            _ => {}
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Firmware configuration: items and files, by ports and by DMA",
    stage: Stage::Chipset,
    ports: &[PortRange { start: spec::SELECTOR, len: 2 }, PortRange { start: spec::DMA_HIGH, len: 8 }],
    build: |_| Ok(Box::new(FwCfg::default())),
    ..DeviceDecl::DEFAULT
});
