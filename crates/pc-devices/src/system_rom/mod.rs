//! The ROM with the system's firmware: right below 4 GiB, and its end once more below 1 MiB.

#[cfg(test)]
mod tests;

use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, Property, PropertyKind, Role, Snapshot, Stage,
    declare_device,
};
use guest_memory::{GuestMemory, MapError, MemoryError, Priority, Region};
use x86_types::{GuestPhysAddr, RamAddr};

const ID: &str = "system-rom";

/// Sizes are multiples of this.
const UNIT: u64 = 64 << 10;
/// The largest image: beyond it lie the registers of the local APIC.
const LARGEST: u64 = 16 << 20;
/// As much of an image is seen below 1 MiB.
const LOW_LEN: u64 = 128 << 10;
const ONE_MIB: u64 = 1 << 20;
const FOUR_GIB: u64 = 1 << 32;

/// The ROM. Its bytes belong to guest memory, and nothing changes them.
#[derive(Debug)]
pub struct SystemRom;

/// Returns whether this can be the size of an image of firmware.
fn is_size(len: u64) -> bool {
    (UNIT..=LARGEST).contains(&len) && len.is_multiple_of(UNIT)
}

/// Shows the end of `len` bytes of ROM below 1 MiB, too, where real mode reaches it.
///
/// SPEC: intel-82371sb :: XBCS—X-Bus Chip Select Register -> the top of the ROM is decoded at F0000h and, enabled, at E0000h, too
pub(crate) fn map_low(
    owner: &'static str,
    memory: &GuestMemory,
    rom: RamAddr,
    len: u64,
) -> Result<(), MapError> {
    let low = len.min(LOW_LEN);
    let end = rom.wrapping_add(len - low);
    memory.map(owner, Priority::Overlay, (GuestPhysAddr(ONE_MIB - low), low), Region::rom(end))?;
    Ok(())
}

/// Puts `len` bytes of ROM where a processor starts.
///
/// SPEC: intel-sdm-vol3 :: 11.1.4 First Instruction Executed -> at FFFFFFF0H, 16 bytes below the end of the ROM
fn map(memory: &GuestMemory, rom: RamAddr, len: u64) -> Result<(), MapError> {
    memory.map(ID, Priority::Fixed, (GuestPhysAddr(FOUR_GIB - len), len), Region::rom(rom))?;
    map_low(ID, memory, rom, len)
}

impl SystemRom {
    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        let Some(image) = config.take_image("image")? else {
            return Err(config.error("it has no content; give image= with the name of one"));
        };
        let len = image.len() as u64;
        if !is_size(len) {
            return Err(config.error(format!(
                "the image has {len} bytes; firmware has 64 KiB to 16 MiB, in multiples of 64 KiB"
            )));
        }
        let rom =
            config.memory.allocate(len).map_err(|error: MemoryError| config.error(error.to_string()))?;
        config.memory.ram_write(rom, &image);
        map(config.memory, rom, len).map_err(|error| config.error(error.to_string()))?;
        Ok(Box::new(Self))
    }
}

/// Nothing: the bytes are in guest memory.
impl Snapshot for SystemRom {
    fn save(&self, _out: &mut Vec<u8>) {}
    fn load(&mut self, _bytes: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

impl Device for SystemRom {
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "ROM with the system's firmware",
    stage: Stage::Peripherals,
    presence: device_api::Presence::OnRequest,
    properties: &[Property {
        name: "image",
        kind: PropertyKind::Backend(Role::Image),
        default: None,
        summary: "its content",
    }],
    build: SystemRom::build,
    ..DeviceDecl::DEFAULT
});
