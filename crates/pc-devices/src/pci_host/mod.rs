//! The host bridge, function 00.0.

mod aml;
mod spec;
#[cfg(test)]
mod tests;

use device_api::pci::{ConfigSpace, Identity};
use device_api::{
    Ctx, Device, DeviceDecl, FirmwareTables, PciAddress, PciFunction, Snapshot, Stage, declare_device,
};

const ID: &str = "i440FX";

/// The bridge.
#[derive(Debug)]
pub struct HostBridge {
    config: ConfigSpace,
}

impl HostBridge {
    /// SPEC: intel-82441fx :: PAM—Programmable Attribute Map Registers -> 59h to 5Fh keep their values; 72h (SMRAM) too, without effect
    fn new() -> Self {
        let mut config = ConfigSpace::new(Identity {
            vendor: spec::VENDOR,
            device: spec::DEVICE,
            revision: spec::REVISION,
            class: 0x06_00_00,
            subsystem: (0x1af4, 0x1100),
            multifunction: false,
        });
        config.allow(spec::PAM0, &[0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33]);
        config.allow(spec::SMRAM, &[0x7f]);
        Self { config: config.built() }
    }
}

impl Snapshot for HostBridge {
    fn save(&self, out: &mut Vec<u8>) {
        let Self { config } = self;
        config.save(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        self.config.load(bytes)
    }
}

impl Device for HostBridge {
    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        aml::write(tables);
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        self.config.reset();
    }
    fn pci(&mut self) -> Option<&mut dyn PciFunction> {
        Some(self)
    }
}

impl PciFunction for HostBridge {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }
    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "82441FX host bridge",
    stage: Stage::Chipset,
    pci: Some(PciAddress { slot: 0, function: 0 }),
    build: |_| Ok(Box::new(HostBridge::new())),
    ..DeviceDecl::DEFAULT
});
