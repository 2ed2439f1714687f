//! What lies where in the guest-physical address space: regions over one another.

use crate::view::View;
use thiserror::Error;
use x86_types::{GuestPhysAddr, RamAddr};

/// A device, by its number on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u8);

/// What answers one kind of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Bytes of the host, from this one on
    Ram(RamAddr),
    /// Registers of a device
    Mmio(DeviceId),
    /// Nothing: reads give ones, writes are dropped
    Unassigned,
    /// The mapping of the next lower priority, for a bridge that shadows only reads or only writes. Only mappings have
    /// this value, never the result of a lookup
    Beneath,
}

impl Backing {
    /// The same, so many bytes further on.
    pub(crate) fn offset(self, bytes: u64) -> Self {
        match self {
            Backing::Ram(at) => Backing::Ram(at.wrapping_add(bytes)),
            other => other,
        }
    }

    /// What answers, where `beneath` is what did before.
    fn over(self, beneath: Self) -> Self {
        if self == Backing::Beneath { beneath } else { self }
    }

    /// Returns the host bytes that answer, if such do.
    #[inline]
    pub fn ram(self) -> Option<RamAddr> {
        if let Backing::Ram(at) = self { Some(at) } else { None }
    }
}

/// What answers reads, writes and instruction fetches at a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Data reads
    pub read: Backing,
    /// Writes
    pub write: Backing,
    /// Instruction fetches
    pub execute: Backing,
}

impl Region {
    /// Nothing answers.
    pub const UNASSIGNED: Self = Self::same(Backing::Unassigned);

    /// One answer to every kind of access.
    pub const fn same(backing: Backing) -> Self {
        Self { read: backing, write: backing, execute: backing }
    }

    /// RAM from `at` on.
    pub const fn ram(at: RamAddr) -> Self {
        Self::same(Backing::Ram(at))
    }

    /// ROM from `at` on: writes are dropped.
    pub const fn rom(at: RamAddr) -> Self {
        Self { write: Backing::Unassigned, ..Self::ram(at) }
    }

    /// Registers of a device.
    pub const fn mmio(device: DeviceId) -> Self {
        Self::same(Backing::Mmio(device))
    }

    pub(crate) fn offset(self, bytes: u64) -> Self {
        let Self { read, write, execute } = self;
        Self { read: read.offset(bytes), write: write.offset(bytes), execute: execute.offset(bytes) }
    }

    /// Returns whether nothing of what is beneath is seen.
    pub(crate) fn is_opaque(self) -> bool {
        let Self { read, write, execute } = self;
        ![read, write, execute].contains(&Backing::Beneath)
    }

    pub(crate) fn over(self, beneath: Self) -> Self {
        let Self { read, write, execute } = self;
        Self {
            read: read.over(beneath.read),
            write: write.over(beneath.write),
            execute: execute.over(beneath.execute),
        }
    }
}

/// Which of overlapping mappings is seen: the higher. Of equal ones the later, where both may be there at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// What is there from the start and does not move: RAM and fixed registers. Two of them may not overlap
    Fixed,
    /// What a bridge puts in place of RAM: shadowed firmware, the window of the display
    Overlay,
    /// What the guest moves where it likes: base address registers
    Movable,
    /// The local APIC's page, which the processor itself answers
    Processor,
}

/// A mapping, for as long as the map exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MapId(u32);

/// Why a mapping was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MapError {
    /// Two fixed mappings overlap
    #[error("{first} and {second} both claim memory at {from}")]
    Overlap {
        /// Which one was there
        first: &'static str,
        /// Which one came
        second: &'static str,
        /// First address in common
        from: GuestPhysAddr,
    },
    /// A mapping reaches beyond the last address
    #[error("{owner} claims memory from {start}, which ends beyond the last address")]
    End {
        /// Of what
        owner: &'static str,
        /// Its first address
        start: GuestPhysAddr,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) owner: &'static str,
    pub(crate) priority: Priority,
    pub(crate) start: u64,
    /// Last address, inclusive; below `start` where it is mapped nowhere
    pub(crate) last: u64,
    pub(crate) region: Region,
}

impl Mapping {
    fn is_mapped(&self) -> bool {
        self.last >= self.start
    }
}

/// All mappings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    mappings: Vec<Mapping>,
}

impl Map {
    /// Adds a mapping.
    pub(crate) fn add(
        &mut self,
        owner: &'static str,
        priority: Priority,
        (start, len): (GuestPhysAddr, u64),
        region: Region,
    ) -> Result<MapId, MapError> {
        let new = mapping(owner, priority, (start, len), region)?;
        if priority == Priority::Fixed && new.is_mapped() {
            for old in self.mappings.iter().filter(|old| old.is_mapped()) {
                let from = old.start.max(new.start);
                if old.priority == Priority::Fixed && from <= old.last.min(new.last) {
                    let (first, second) = (old.owner, owner);
                    return Err(MapError::Overlap { first, second, from: GuestPhysAddr(from) });
                }
            }
        }
        self.mappings.push(new);
        Ok(MapId(self.mappings.len() as u32 - 1))
    }

    /// Moves a mapping, or changes what it maps. Returns whether that changed anything.
    pub(crate) fn set(
        &mut self,
        id: MapId,
        range: (GuestPhysAddr, u64),
        region: Region,
    ) -> Result<bool, MapError> {
        let Some(old) = self.mappings.get_mut(id.0 as usize) else { return Ok(false) };
        let new = mapping(old.owner, old.priority, range, region)?;
        let same = (old.start, old.last, old.region) == (new.start, new.last, new.region)
            || !old.is_mapped() && !new.is_mapped();
        *old = new;
        Ok(!same)
    }

    /// What is seen of them.
    pub(crate) fn flatten(&self) -> View {
        let mut seen: Vec<&Mapping> = self.mappings.iter().filter(|mapping| mapping.is_mapped()).collect();
        seen.sort_by_key(|mapping| mapping.priority);
        let mut view = View::unassigned();
        for mapping in seen {
            view.put(mapping.start, mapping.last, mapping.region);
        }
        view
    }
}

fn mapping(
    owner: &'static str,
    priority: Priority,
    (start, len): (GuestPhysAddr, u64),
    region: Region,
) -> Result<Mapping, MapError> {
    let (start, last) = match len.checked_sub(1) {
        None => (1, 0),
        Some(more) => (start.0, start.0.checked_add(more).ok_or(MapError::End { owner, start })?),
    };
    Ok(Mapping { owner, priority, start, last, region })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;

    fn at(address: u64) -> GuestPhysAddr {
        GuestPhysAddr(address)
    }

    #[test]
    fn fixed_mappings_may_not_overlap_and_both_are_named() {
        let mut map = Map::default();
        let fixed = Priority::Fixed;
        map.add("ram", fixed, (at(0), 640 * KIB), Region::ram(RamAddr(0))).unwrap();
        let error = map.add("chip", fixed, (at(639 * KIB), 2 * KIB), Region::mmio(DeviceId(3))).unwrap_err();
        assert_eq!(error, MapError::Overlap { first: "ram", second: "chip", from: at(639 * KIB) });
        assert_eq!(error.to_string(), format!("ram and chip both claim memory at {}", at(639 * KIB)));
        assert!(map.add("chip", fixed, (at(640 * KIB), KIB), Region::mmio(DeviceId(3))).is_ok());
        let end = map.add("rom", fixed, (at(u64::MAX), 2), Region::UNASSIGNED).unwrap_err();
        assert_eq!(end, MapError::End { owner: "rom", start: at(u64::MAX) });
        assert!(map.add("rom", fixed, (at(u64::MAX), 1), Region::UNASSIGNED).is_ok(), "the last address");
    }

    #[test]
    fn the_higher_priority_is_seen_and_what_is_below_comes_back() {
        let mut map = Map::default();
        map.add("ram", Priority::Fixed, (at(0), 1024 * KIB), Region::ram(RamAddr(0))).unwrap();
        let rom = Region::rom(RamAddr(0x100_0000));
        let shadow = map.add("pam", Priority::Overlay, (at(896 * KIB), 64 * KIB), rom).unwrap();
        let bar = map.add("bar", Priority::Movable, (at(0), 0), Region::UNASSIGNED).unwrap();
        let read = |map: &Map, address: u64| map.flatten().find(at(address)).0.read;
        assert_eq!(read(&map, 896 * KIB + 5), Backing::Ram(RamAddr(0x100_0005)));
        assert_eq!(read(&map, 960 * KIB), Backing::Ram(RamAddr(960 * KIB)));
        assert!(map.set(bar, (at(900 * KIB), 4 * KIB), Region::mmio(DeviceId(9))).unwrap());
        assert_eq!(read(&map, 900 * KIB), Backing::Mmio(DeviceId(9)));
        assert_eq!(read(&map, 904 * KIB), Backing::Ram(RamAddr(0x100_0000 + 8 * KIB)));
        assert!(map.set(shadow, (at(0), 0), rom).unwrap());
        assert_eq!(read(&map, 904 * KIB), Backing::Ram(RamAddr(904 * KIB)));
        assert!(!map.set(shadow, (at(4), 0), rom).unwrap(), "nowhere before and after");
        assert!(map.set(bar, (at(0), 0), Region::UNASSIGNED).unwrap());
        assert_eq!(read(&map, 900 * KIB), Backing::Ram(RamAddr(900 * KIB)));
        assert_eq!(read(&map, 1024 * KIB), Backing::Unassigned);
    }

    #[test]
    fn reads_or_writes_alone_are_put_over_what_is_beneath() {
        let mut map = Map::default();
        let (ram, rom) = (Backing::Ram(RamAddr(0)), Backing::Ram(RamAddr(0x100_0000)));
        map.add("rom", Priority::Overlay, (at(32 * KIB), 32 * KIB), Region::rom(RamAddr(0x100_0000)))
            .unwrap();
        let write_only = Region { write: ram, ..Region::same(Backing::Beneath) };
        let shadow = map.add("pam", Priority::Movable, (at(0), 64 * KIB), write_only).unwrap();
        let found = |map: &Map, address: u64| map.flatten().find(at(address)).0;
        let nowhere = Backing::Unassigned;
        assert_eq!(found(&map, 0), Region { write: ram, ..Region::UNASSIGNED });
        let write = Backing::Ram(RamAddr(32 * KIB));
        assert_eq!(found(&map, 32 * KIB), Region { read: rom, write, execute: rom });
        assert_eq!(found(&map, 64 * KIB), Region::UNASSIGNED);
        // The read-only copy: writes pass to the bus.
        let read_only = Region { write: Backing::Beneath, ..Region::ram(RamAddr(0)) };
        map.set(shadow, (at(32 * KIB), 16 * KIB), read_only).unwrap();
        assert_eq!(found(&map, 32 * KIB), Region { read: ram, write: nowhere, execute: ram });
        let behind = Backing::Ram(RamAddr(0x100_0000 + 16 * KIB));
        assert_eq!(found(&map, 48 * KIB), Region { read: behind, write: nowhere, execute: behind });
        // What is beneath moves: what is seen through follows.
        let bar = map.add("bar", Priority::Overlay, (at(32 * KIB), KIB), Region::mmio(DeviceId(4))).unwrap();
        assert_eq!(found(&map, 32 * KIB).write, Backing::Mmio(DeviceId(4)));
        map.set(bar, (at(0), 0), Region::UNASSIGNED).unwrap();
        assert_eq!(found(&map, 32 * KIB).write, nowhere);
    }
}
