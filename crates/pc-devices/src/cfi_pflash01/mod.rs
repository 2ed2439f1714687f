//! Flash memory with the Intel command set, right below 4 GiB or below other flash: firmware, and its variables.

mod chip;
mod spec;
#[cfg(test)]
mod tests;

use crate::codec::Codec;
use crate::media_errors::Reported;
use crate::system_rom::map_low;
use chip::{Chip, Effect, Mode};
use device_api::{
    BlockBackend, BlockOp, BuildConfig, Ctx, Device, DeviceDecl, DeviceError, DeviceId, HostIo, Mmio,
    Presence, Property, PropertyKind, RequestId, Role, Snapshot, Stage, capabilities, declare_device,
};
use guest_memory::{Backing, GuestMemory, MapId, Priority, Region};
use spec::{ERASED, SECTOR};
use std::collections::BTreeSet;
use x86_types::{GuestPhysAddr, RamAddr};

const ID: &str = "cfi.pflash01";

const FOUR_GIB: u64 = 1 << 32;
/// All flash together: what is below belongs to interrupt controllers and PCI functions.
const LARGEST: u64 = 8 << 20;

/// The flash. Its content is in guest memory; the medium follows.
pub struct Flash {
    id: String,
    chip: Chip,
    drive: Box<dyn BlockBackend>,
    reported: Reported,
    read_only: bool,
    start: u64,
    len: u32,
    content: RamAddr,
    map: MapId,
    /// Whether reads are mapped to the content
    reads_array: bool,
    /// Sectors that the medium has not
    dirty: BTreeSet<u32>,
    /// Requests on their way, and the number of the next
    requests: u32,
    next: u64,
}

/// Returns where firmware that is mapped below 4 GiB begins; 4 GiB where there is none.
fn firmware_start(memory: &GuestMemory) -> u64 {
    let mut start = FOUR_GIB;
    for (at, len, region) in memory.regions().into_iter().rev() {
        let (at, end) = (at.0, at.0.saturating_add(len));
        if end == start && region.execute != Backing::Unassigned {
            start = at;
        }
    }
    start
}

/// Reads in the array go to the content, those of a command's answer and all writes to the device.
fn region(device: DeviceId, content: RamAddr, reads_array: bool) -> Region {
    let registers = Region::mmio(device);
    let content = Region::ram(content);
    let read = if reads_array { content.read } else { registers.read };
    Region { read, execute: content.execute, ..registers }
}

impl Flash {
    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        let Some(mut drive) = config.take_block("drive")? else {
            return Err(config.error("it has no content; give drive= with the name of a medium"));
        };
        let info = drive.info();
        let end = firmware_start(config.memory);
        let room = end.saturating_sub(FOUR_GIB - LARGEST);
        if info.bytes == 0 || info.bytes % u64::from(SECTOR) != 0 || info.bytes > room {
            return Err(config.error(format!(
                "the medium has {} bytes; flash has a multiple of 4096, at most {room} where it is to be",
                info.bytes
            )));
        }
        let len = info.bytes as u32;
        let content = config.memory.allocate(info.bytes).map_err(|error| config.error(error.to_string()))?;
        drive.submit(RequestId(0), BlockOp::Read { offset: 0, len });
        match drive.poll() {
            Some((_, Ok(bytes))) => config.memory.ram_write(content, &bytes),
            Some((_, Err(error))) => return Err(config.error(format!("its content cannot be read: {error}"))),
            None => {
                return Err(
                    config.error("its content is not there at once; give a medium in memory or a local file")
                );
            }
        }
        let (start, memory) = (end - info.bytes, config.memory);
        let place = (GuestPhysAddr(start), info.bytes);
        let map = memory
            .map(ID, Priority::Fixed, place, region(config.device, content, true))
            .and_then(|map| {
                if end == FOUR_GIB {
                    map_low(ID, memory, content, info.bytes)?;
                }
                Ok(map)
            })
            .map_err(|error| config.error(error.to_string()))?;
        Ok(Box::new(Self {
            id: config.id.to_owned(),
            chip: Chip::default(),
            drive,
            reported: Reported::default(),
            read_only: info.read_only,
            start,
            len,
            content,
            map,
            reads_array: true,
            dirty: BTreeSet::new(),
            requests: 0,
            next: 1,
        }))
    }

    fn offset(&self, address: GuestPhysAddr) -> u32 {
        (address.0.wrapping_sub(self.start) % u64::from(self.len)) as u32
    }

    fn byte(&self, memory: &GuestMemory, offset: u32) -> u8 {
        match self.chip.mode() {
            Mode::Array => memory.ram_value(self.content.wrapping_add(offset.into()), 1) as u8,
            _ => self.chip.read(offset, self.len),
        }
    }

    fn apply(&mut self, memory: &GuestMemory, effect: Effect) {
        match effect {
            Effect::None => {}
            // SPEC: intel-28f640j3 :: Command Definitions -> programming clears bits; only erasing sets them
            Effect::Program(bytes) => {
                for (offset, value) in bytes.into_iter().filter(|&(offset, _)| offset < self.len) {
                    let at = self.content.wrapping_add(offset.into());
                    memory.set_ram_value(at, 1, memory.ram_value(at, 1) & u64::from(value));
                    self.dirty.insert(offset / SECTOR);
                }
            }
            Effect::Erase(offset) => {
                let sector = offset / SECTOR;
                let at = self.content.wrapping_add(u64::from(sector) * u64::from(SECTOR));
                memory.ram_fill(at, SECTOR.into(), ERASED);
                self.dirty.insert(sector);
            }
        }
    }

    /// Returns whether the map or the medium has to follow.
    fn lags(&self) -> bool {
        let array = self.chip.mode() == Mode::Array;
        array != self.reads_array || array && !self.dirty.is_empty()
    }

    /// Has the map follow the mode. The medium follows when an operation is over.
    fn follow(&mut self, ctx: &Ctx<'_>) {
        let array = self.chip.mode() == Mode::Array;
        if array != self.reads_array {
            let place = (GuestPhysAddr(self.start), u64::from(self.len));
            // The place is the one where it was mapped.
            let _ = ctx.memory.remap(self.map, place, region(ctx.device, self.content, array));
            self.reads_array = array;
        }
        if !array {
            return;
        }
        for sector in std::mem::take(&mut self.dirty) {
            let offset = u64::from(sector) * u64::from(SECTOR);
            let mut data = vec![0; SECTOR as usize];
            ctx.memory.ram_read(self.content.wrapping_add(offset), &mut data);
            self.drive.submit(RequestId(self.next), BlockOp::Write { offset, data });
            self.next += 1;
            self.requests += 1;
        }
        self.collect();
    }

    fn collect(&mut self) {
        while let Some((_, result)) = self.drive.poll() {
            self.requests = self.requests.saturating_sub(1);
            if let Err(error) = result {
                self.reported.report(&self.id, &error);
            }
        }
    }
}

impl Snapshot for Flash {
    fn save(&self, out: &mut Vec<u8>) {
        // Where it is follows from the machine, the map from the mode; the machine waits for requests before it saves.
        let Self { chip, drive, dirty, .. } = self;
        chip.put(out);
        dirty.iter().copied().collect::<Vec<u32>>().put(out);
        drive.save(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let (chip, dirty) = (Chip::get(&mut rest)?, Vec::<u32>::get(&mut rest)?);
        let exists = |&sector: &u32| sector < self.len / SECTOR;
        if !dirty.iter().all(exists) {
            return None;
        }
        self.drive.load(&mut rest)?;
        (self.chip, self.dirty) = (chip, dirty.into_iter().collect());
        *bytes = rest;
        Some(())
    }
}

impl Device for Flash {
    capabilities!(mmio, host_io);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.chip = Chip::default();
        self.follow(ctx);
    }
}

impl Mmio for Flash {
    fn mmio_read(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64 {
        let offset = self.offset(address);
        let byte = |n: u8| u64::from(self.byte(ctx.memory, offset.saturating_add(n.into())));
        (0..size.min(8)).fold(0, |value, n| value | byte(n) << (8 * n))
    }

    fn mmio_write(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64) {
        let offset = self.offset(address);
        let bytes = value.to_le_bytes();
        let effect = self.chip.write(offset, &bytes[..usize::from(size.min(8))], self.read_only);
        self.apply(ctx.memory, effect);
        self.follow(ctx);
    }
}

impl HostIo for Flash {
    /// Also after a saved state was loaded, until the map follows.
    fn is_waiting(&self) -> bool {
        self.requests > 0 || self.lags()
    }
    fn poll(&mut self, ctx: &mut Ctx<'_>) {
        self.follow(ctx);
        self.collect();
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Flash memory with firmware or its variables",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    properties: &[Property {
        name: "drive",
        kind: PropertyKind::Backend(Role::Block),
        default: None,
        summary: "the medium with its content; the first lies right below 4 GiB, the next below that",
    }],
    build: Flash::build,
    ..DeviceDecl::DEFAULT
});
