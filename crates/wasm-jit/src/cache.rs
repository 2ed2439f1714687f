//! What was made of which code: units of code by place and mode, the modules they are in, and what is given up when
//! there is too much of it.
//!
//! A unit is one function: a region's. Units come in modules, several at a time, and a module's memory is had back when
//! the last of its units is gone. Use is not counted; instead, every so often the table by which compiled code finds
//! its way is wiped, and what is looked up anew since then is in use.

mod slots;

use crate::layout::{ENTRIES_LEN, EntryPoint, OTHER_ENTRY, entry_index, entry_key};
use rustc_hash::FxHashMap;
use x86_exec::vcpu::compiled::CodeMode;
use x86_types::RamAddr;

pub use slots::SlotTable;
pub(crate) use slots::Slots;

/// State of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Selected; queued for the next module
    Waiting,
    /// Its module is being compiled
    Building,
    /// It can be called
    Ready,
}

/// One function.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// Address of its first instruction in memory
    pub(crate) at: RamAddr,
    /// Compiled address of its first instruction
    pub(crate) place: u64,
    pub(crate) mode: u32,
    /// It is valid in the other floating-point modes, too
    any_float: bool,
    pub(crate) stage: Stage,
    /// Place in the table of functions, once it is building
    pub(crate) slot: u32,
    /// First slot of its module, once it is building
    pub(crate) module: u32,
    /// Pages in which bytes are watched for it
    pub(crate) pages: Vec<RamAddr>,
    /// Numbers of its helper calls
    pub(crate) helpers: Vec<u32>,
    /// Number of instructions
    instructions: u32,
    /// When it was last looked up
    seen: u32,
}

impl Unit {
    /// Where it is found.
    fn key(&self) -> (u64, u32) {
        (self.place, if self.any_float { self.mode | CodeMode::FLOAT } else { self.mode })
    }

    /// The modes that it may have been entered under.
    fn modes(&self) -> impl Iterator<Item = u32> {
        let (own, any) = (self.mode, self.any_float);
        CodeMode::floats(own).into_iter().filter(move |&mode| any || mode == own)
    }
}

/// A module that the host compiles or has compiled.
#[derive(Clone, Debug)]
struct Made {
    count: u32,
    bytes: u64,
    units: Vec<u32>,
    live: u32,
    ready: bool,
}

/// The cache: all units and modules.
pub(crate) struct Cache {
    entries: Box<[EntryPoint]>,
    units: FxHashMap<u32, Unit>,
    places: FxHashMap<(u64, u32), u32>,
    modules: FxHashMap<u32, Made>,
    /// First slots of modules in the order in which they were made
    order: Vec<u32>,
    next_unit: u32,
    slots: SlotTable,
    bytes: u64,
    epoch: u32,
}

impl Cache {
    pub(crate) fn new(slots: SlotTable) -> Self {
        Self {
            entries: vec![EntryPoint { key: 0, slot: 0 }; ENTRIES_LEN].into_boxed_slice(),
            units: FxHashMap::default(),
            places: FxHashMap::default(),
            modules: FxHashMap::default(),
            order: Vec::new(),
            next_unit: 1,
            slots,
            bytes: 0,
            epoch: 0,
        }
    }

    /// Returns the host address of the table of entries.
    pub(crate) fn entries(&self) -> u64 {
        self.entries.as_ptr() as usize as u64
    }

    /// Bytes of the modules that are kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Modules that are kept.
    pub(crate) fn modules(&self) -> usize {
        self.modules.len()
    }

    /// Units that are kept.
    pub(crate) fn units(&self) -> usize {
        self.units.len()
    }

    fn number(&self, place: u64, mode: u32) -> Option<u32> {
        let unit = |mode| self.places.get(&(place, mode)).copied();
        unit(mode).or_else(|| unit(mode | CodeMode::FLOAT))
    }

    /// Returns how many instructions the unit that begins at a place stands for, if there is one in this mode.
    pub(crate) fn instructions(&self, place: u64, mode: u32) -> Option<u32> {
        let number = self.number(place, mode)?;
        self.units.get(&number).map(|unit| unit.instructions)
    }

    /// Whether there is a unit for the code at a place in a mode that can be called.
    pub(crate) fn is_ready(&self, place: u64, mode: u32) -> bool {
        let unit = self.number(place, mode).and_then(|number| self.units.get(&number));
        unit.is_some_and(|unit| unit.stage == Stage::Ready)
    }

    /// The unit for the code at a place in a mode, which is used.
    pub(crate) fn find(&mut self, place: u64, mode: u32) -> Option<(u32, Stage, u32)> {
        let number = self.number(place, mode)?;
        let epoch = self.epoch;
        let unit = self.units.get_mut(&number)?;
        unit.seen = epoch;
        Some((number, unit.stage, unit.slot))
    }

    /// Inserts a callable unit into the table of entries.
    pub(crate) fn enter_point(&mut self, place: u64, mode: u32, slot: u32) {
        let key = entry_key(place, mode);
        let first = entry_index(key);
        let both = [first, first ^ OTHER_ENTRY];
        // One that is free or has it already; else the first one's code moves to its own second place.
        let holds = |key: u64| both.into_iter().find(|&at| self.entries[at].key == key);
        let at = holds(key).or_else(|| holds(0)).unwrap_or_else(|| {
            self.entries[both[1]] = self.entries[both[0]];
            first
        });
        self.entries[at] = EntryPoint { key, slot: slot.into() };
    }

    /// A new unit, which waits; its first instruction lies there in memory, and has this compiled address. Gives its number.
    pub(crate) fn add(
        &mut self,
        (at, place): (RamAddr, u64),
        mode: u32,
        any_float: bool,
        pages: Vec<RamAddr>,
        helpers: Vec<u32>,
        instructions: u32,
    ) -> u32 {
        let number = self.next_unit;
        self.next_unit = self.next_unit.wrapping_add(1).max(1);
        let unit = Unit {
            at,
            place,
            mode,
            any_float,
            stage: Stage::Waiting,
            slot: 0,
            module: 0,
            pages,
            helpers,
            instructions,
            seen: self.epoch,
        };
        self.places.insert(unit.key(), number);
        self.units.insert(number, unit);
        number
    }

    /// All units.
    pub(crate) fn all_units(&self) -> Vec<u32> {
        self.units.keys().copied().collect()
    }

    /// Numbers of the instructions that the processor executes for a unit.
    pub(crate) fn helpers(&self, number: u32) -> &[u32] {
        self.units.get(&number).map_or(&[], |unit| &unit.helpers)
    }

    /// Returns whether a unit is in the cache.
    pub(crate) fn is_live(&self, number: u32) -> bool {
        self.units.contains_key(&number)
    }

    /// A range of free slots.
    pub(crate) fn take_slots(&mut self, count: u32) -> u32 {
        self.slots.take(count)
    }

    /// Slots that turned out not to be needed.
    pub(crate) fn give_back(&mut self, slots: Slots) {
        self.slots.give_back(slots);
    }

    /// Units became a module whose functions have the slots from `first` on.
    pub(crate) fn built(&mut self, first: u32, units: Vec<u32>, bytes: u64) {
        for (n, number) in units.iter().enumerate() {
            if let Some(unit) = self.units.get_mut(number) {
                (unit.stage, unit.slot, unit.module) = (Stage::Building, first + n as u32, first);
            }
        }
        let count = units.len() as u32;
        self.bytes += bytes;
        self.modules.insert(first, Made { count, bytes, units, live: count, ready: false });
        self.order.push(first);
    }

    /// A module can be called, or not: then its units are forgotten. Gives slots to retire.
    pub(crate) fn commit_module(&mut self, first: u32, good: bool) -> (Vec<(u32, Unit)>, Option<Slots>) {
        let Some(made) = self.modules.get_mut(&first) else { return (Vec::new(), None) };
        made.ready = true;
        let (live, units) = (made.live, made.units.clone());
        if live == 0 {
            return (Vec::new(), self.free_module(first));
        }
        let (mut gone, mut slots) = (Vec::new(), None);
        for number in units {
            if !good {
                let (unit, freed) = self.remove(number);
                gone.extend(unit.map(|unit| (number, unit)));
                slots = slots.or(freed);
                continue;
            }
            if let Some(unit) = self.units.get_mut(&number) {
                unit.stage = Stage::Ready;
                let (place, mode, slot) = (unit.place, unit.mode, unit.slot);
                self.enter_point(place, mode, slot);
            }
        }
        (gone, slots)
    }

    /// Forgets a unit. Gives it, and the slots of its module if it was the last of it.
    pub(crate) fn remove(&mut self, number: u32) -> (Option<Unit>, Option<Slots>) {
        let Some(unit) = self.units.remove(&number) else { return (None, None) };
        self.places.remove(&unit.key());
        for mode in unit.modes() {
            let key = entry_key(unit.place, mode);
            for at in [entry_index(key), entry_index(key) ^ OTHER_ENTRY] {
                if self.entries[at] == (EntryPoint { key, slot: unit.slot.into() }) {
                    self.entries[at] = EntryPoint { key: 0, slot: 0 };
                }
            }
        }
        if unit.stage == Stage::Waiting {
            return (Some(unit), None);
        }
        let empty = self.modules.get_mut(&unit.module).is_some_and(|made| {
            made.live -= 1;
            made.live == 0 && made.ready
        });
        let freed = if empty { self.free_module(unit.module) } else { None };
        (Some(unit), freed)
    }

    /// The units of a module that can be called.
    pub(crate) fn of_module(&self, first: u32) -> impl Iterator<Item = &Unit> {
        let numbers = self.modules.get(&first).into_iter().flat_map(|made| &made.units);
        numbers.filter_map(|number| self.units.get(number)).filter(|unit| unit.stage == Stage::Ready)
    }

    /// Whether a module is still being compiled though nothing of it is wanted.
    pub(crate) fn is_unwanted(&self, first: u32) -> bool {
        self.modules.get(&first).is_some_and(|made| made.live == 0 && !made.ready)
    }

    fn free_module(&mut self, first: u32) -> Option<Slots> {
        let made = self.modules.remove(&first)?;
        self.bytes -= made.bytes;
        self.order.retain(|&other| other != first);
        self.slots.give_back((first, made.count));
        Some((first, made.count))
    }

    /// Units to give up so that about `most` bytes remain: first those not looked up since the last time, oldest modules
    /// first; then modules of which little is alive; then the oldest. Begins a new round of looking up.
    pub(crate) fn victims(&mut self, most: u64) -> Vec<u32> {
        let mut victims = Vec::new();
        let mut bytes = self.bytes;
        let mut kept: Vec<(u32, u32)> = Vec::new();
        for &first in &self.order {
            let Some(made) = self.modules.get(&first) else { continue };
            if bytes <= most {
                break;
            }
            let is_old = |n: &&u32| self.units.get(n).is_some_and(|unit| unit.seen != self.epoch);
            let old: Vec<u32> = made.units.iter().filter(is_old).copied().collect();
            let left = made.live - (old.len() as u32).min(made.live);
            if left == 0 {
                bytes -= made.bytes;
            } else {
                kept.push((first, left));
            }
            victims.extend(old);
        }
        kept.sort_by_key(|&(first, left)| {
            let count = self.modules.get(&first).map_or(1, |made| made.count);
            u64::from(left) * 4 / u64::from(count.max(1))
        });
        for (first, _) in kept {
            if bytes <= most {
                break;
            }
            if let Some(made) = self.modules.get(&first) {
                victims.extend(made.units.iter().filter(|n| self.units.contains_key(n)));
                bytes -= made.bytes;
            }
        }
        self.epoch = self.epoch.wrapping_add(1);
        self.entries.fill(EntryPoint { key: 0, slot: 0 });
        victims
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x86_exec::vcpu::compiled::FloatMode;

    fn entry(place: u64) -> (RamAddr, u64) {
        (RamAddr(place), place)
    }

    /// Modules of two units each, at places 16 apart; all can be called.
    fn filled(modules: u32) -> Cache {
        let mut cache = Cache::new(SlotTable::new(1));
        for n in 0..modules {
            let units: Vec<u32> = (0..2)
                .map(|k| {
                    cache.add(entry(u64::from(2 * n + k) * 16), 3, false, vec![RamAddr(0)], Vec::new(), 1)
                })
                .collect();
            let first = cache.take_slots(2);
            cache.built(first, units, 100);
            cache.commit_module(first, true);
        }
        cache
    }

    #[test]
    fn what_was_not_looked_up_goes_first() {
        let mut cache = filled(4);
        // A round begins; of the first and third module one unit each is in use.
        assert!(cache.victims(u64::MAX).is_empty());
        for place in [0, 4 * 16] {
            assert!(cache.find(place, 3).is_some());
        }
        let victims = cache.victims(300);
        for &number in &victims {
            cache.remove(number);
        }
        assert_eq!(cache.bytes(), 300);
        assert!(cache.find(0, 3).is_some() && cache.find(4 * 16, 3).is_some());
        assert!(cache.find(2 * 16, 3).is_none(), "the second module was the oldest without use");
    }

    #[test]
    fn code_without_floats_is_found_in_every_mode() {
        let mut cache = Cache::new(SlotTable::new(1));
        let (one, all) = (
            cache.add(entry(16), 3, false, Vec::new(), Vec::new(), 1),
            cache.add(entry(32), 3, true, Vec::new(), Vec::new(), 1),
        );
        let mut found = |place, mode| cache.find(place, mode).map(|(unit, ..)| unit);
        assert_eq!(found(16, 3), Some(one));
        for float in [FloatMode::Exact, FloatMode::Free] {
            let mode = 3 | (float as u32) << 8;
            assert_eq!(found(16, mode), None);
            assert_eq!(found(32, mode), Some(all));
        }
        cache.remove(all);
        assert_eq!(cache.find(32, 3), None);
    }

    #[test]
    fn code_is_found_at_once_in_all_modes_that_it_runs_in() {
        let mut cache = Cache::new(SlotTable::new(1));
        // As a kernel's functions: in two banks of the TLB, whatever MXCSR says.
        let codes: Vec<(u64, u32)> = (0..64_u64)
            .flat_map(|n| [0, 1].map(|bank| 1 | bank << 5).map(|own| (n * 16, own)))
            .flat_map(|(place, own)| CodeMode::floats(own).map(|mode| (place, mode)))
            .collect();
        for (n, &(place, mode)) in codes.iter().enumerate() {
            cache.enter_point(place, mode, n as u32 + 1);
        }
        let is_there = |&(n, &(place, mode)): &(usize, &(u64, u32))| {
            let (key, at) = (entry_key(place, mode), entry_index(entry_key(place, mode)));
            [at, at ^ OTHER_ENTRY]
                .iter()
                .any(|&at| cache.entries[at] == EntryPoint { key, slot: n as u64 + 1 })
        };
        let there = codes.iter().enumerate().filter(is_there).count();
        assert!(there > codes.len() * 98 / 100, "{there} of {}", codes.len());
    }

    #[test]
    fn dropped_code_is_found_in_no_mode() {
        let mut cache = Cache::new(SlotTable::new(1));
        let unit = cache.add(entry(16), 1, true, Vec::new(), Vec::new(), 1);
        let first = cache.take_slots(1);
        cache.built(first, vec![unit], 10);
        cache.commit_module(first, true);
        for mode in CodeMode::floats(1) {
            cache.enter_point(16, mode, first);
        }
        cache.remove(unit);
        assert!(cache.entries.iter().all(|entry| entry.key == 0));
    }

    #[test]
    fn slots_of_a_module_come_back_as_one() {
        let mut cache = filled(2);
        let (_, none) = cache.remove(1);
        let (_, slots) = cache.remove(2);
        assert_eq!((none, slots), (None, Some((1, 2))));
        assert_eq!(cache.take_slots(1), 1);
        assert_eq!(cache.take_slots(1), 2);
        assert_eq!(cache.take_slots(1), 5);
    }

    #[test]
    fn a_module_that_is_not_wanted_any_more_goes_when_it_comes() {
        let mut cache = Cache::new(SlotTable::new(1));
        let unit = cache.add(entry(16), 3, false, Vec::new(), Vec::new(), 1);
        let first = cache.take_slots(1);
        cache.built(first, vec![unit], 10);
        assert_eq!(cache.remove(unit).1, None, "the host still compiles it");
        assert_eq!(cache.commit_module(first, true).1, Some((1, 1)));
        assert_eq!((cache.bytes(), cache.modules()), (0, 0));
    }
}
