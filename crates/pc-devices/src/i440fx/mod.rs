//! The host bridge, function 00.0: which accesses to the first megabyte go to RAM and which to the bus behind it.

mod chip;
mod spec;
mod tables;
#[cfg(test)]
mod tests;

use crate::reset_vector;
use device_api::pci::{ConfigSpace, Identity, Window, offset};
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, FirmwareTables, PciAddress, PciFunction, Snapshot,
    Stage, capabilities, config_space, declare_device,
};
use guest_memory::{Backing, GuestMemory, MapError, Priority, RamLayout, Region};
use spec::{Attributes, Smram};
use x86_types::{GuestPhysAddr, RamAddr};

const ID: &str = "i440FX";

/// The first window of the bridge's own: RAM in place of what is on the bus.
const SEGMENT_WINDOW: u8 = 7;
/// The window of open system management RAM, behind those of the segments.
const SMRAM_WINDOW: u8 = SEGMENT_WINDOW + chip::SEGMENTS as u8;

/// The bridge.
#[derive(Debug)]
pub struct HostBridge {
    config: ConfigSpace,
    layout: RamLayout,
}

impl HostBridge {
    /// SPEC: intel-82441fx :: PCICMD—PCI Command Register -> bus master and memory accesses are always on, I/O never; PERRE and SERRE keep what is written
    /// SPEC: intel-82441fx :: PCISTS—PCI Status Register -> medium DEVSEL# timing, fast back-to-back
    fn new(layout: RamLayout) -> Self {
        let mut config = ConfigSpace::new(Identity {
            vendor: spec::VENDOR,
            device: spec::DEVICE,
            revision: spec::REVISION,
            class: 0x06_00_00,
            subsystem: (0x1af4, 0x1100),
            multifunction: false,
        });
        config.set_u16(offset::COMMAND, 0x0006);
        config.allow(offset::COMMAND, &[1 << 6, 1]);
        config.set_u16(offset::STATUS, 0x0280);
        // Timing of DRAM and of the buses: kept, and without effect.
        config.allow(0x50, &[0xff; 9]);
        config.allow(0x60, &[0xff; 9]);
        config.allow(0x70, &[0xff; 2]);
        config.allow(spec::PAM0, &[0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33]);
        config.allow(spec::SMRAM, &[0x78]);
        config.set_u8(spec::SMRAM, Smram::C_BASE_SEG.bits());
        Self { config: config.built(), layout }
    }

    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        Self::map_bus(config.memory).map_err(|error| config.error(error.to_string()))?;
        Ok(Box::new(Self::new(config.memory.layout())))
    }

    /// Takes RAM away where the bus lies over it. What is on the bus maps itself over this.
    fn map_bus(memory: &GuestMemory) -> Result<(), MapError> {
        for (start, len) in [spec::SMRAM_RANGE, spec::SHADOW_RANGE] {
            memory.map(ID, Priority::Overlay, (GuestPhysAddr(start), len), Region::UNASSIGNED)?;
        }
        Ok(())
    }

    fn pam(&self) -> [u8; spec::PAMS] {
        std::array::from_fn(|n| self.config.u8(spec::PAM0 + n as u8))
    }

    /// Returns whether the machine has RAM at these addresses.
    fn has_ram(&self, start: u64, len: u64) -> bool {
        start + len <= self.layout.low
    }
}

impl Snapshot for HostBridge {
    fn save(&self, out: &mut Vec<u8>) {
        // The layout is the machine's.
        let Self { config, layout: _ } = self;
        config.save(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        self.config.load(bytes)
    }
}

impl Device for HostBridge {
    capabilities!(pci);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        tables::add(self.layout, tables);
    }
    /// Without firmware the segments are RAM, as firmware leaves them.
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.config.reset();
        if !reset_vector::has_firmware(ctx.memory) {
            for register in spec::PAM0..spec::PAM0 + spec::PAMS as u8 {
                self.config.write(register, 1, 0x33);
            }
        }
    }
}

impl PciFunction for HostBridge {
    config_space!(config);

    fn config_write(&mut self, _ctx: &mut Ctx<'_>, at: u8, size: u8, value: u32) {
        let smram = self.config.u8(spec::SMRAM);
        self.config.write(at, size, value);
        let written = self.config.u8(spec::SMRAM);
        self.config.set_u8(spec::SMRAM, chip::smram_written(smram, written));
    }

    /// SPEC: intel-82441fx :: SMRAM—System Management RAM Control Register -> with G_SMRAME and D_OPEN the space is RAM for everyone
    fn windows(&self, out: &mut Vec<Window>) {
        let window = |bar, start, len| Window { bar, io: false, start, len };
        for (segment, bar) in chip::segments(self.pam()).into_iter().zip(SEGMENT_WINDOW..) {
            if !segment.attributes.is_empty() && self.has_ram(segment.start, segment.len) {
                out.push(window(bar, segment.start, segment.len));
            }
        }
        let open = Smram::from_bits_truncate(self.config.u8(spec::SMRAM));
        let (start, len) = spec::SMRAM_RANGE;
        if open.contains(Smram::D_OPEN | Smram::G_SMRAME) && self.has_ram(start, len) {
            out.push(window(SMRAM_WINDOW, start, len));
        }
    }

    fn backing(&self, bar: u8) -> Option<Region> {
        if bar == SMRAM_WINDOW {
            return Some(Region::ram(RamAddr(spec::SMRAM_RANGE.0)));
        }
        let segment = *chip::segments(self.pam()).get(usize::from(bar.checked_sub(SEGMENT_WINDOW)?))?;
        // Below the PCI hole RAM lies at its own addresses.
        let ram = |enable| match segment.attributes.contains(enable) {
            true => Backing::Ram(RamAddr(segment.start)),
            false => Backing::Beneath,
        };
        let read = ram(Attributes::READ_ENABLE);
        Some(Region { read, write: ram(Attributes::WRITE_ENABLE), execute: read })
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "82441FX host bridge",
    stage: Stage::Chipset,
    pci: Some(PciAddress { slot: 0, function: 0 }),
    build: HostBridge::build,
    ..DeviceDecl::DEFAULT
});
