//! What is translated when, and where it is found.

use crate::host::CodeHost;
use crate::layout::{ENTRIES_LEN, EntryPoint, entry_index, entry_key};
use crate::module::{Placed, module};
use crate::region::{CodeSource, Region, form};
use std::collections::HashMap;
use x86_decode::Instruction;
use x86_exec::Vcpu;
use x86_exec::vcpu::compiled::{COMPILED_BASE, CodeMode, CompiledCode};
use x86_types::{GuestPhysAddr, PAGE_SIZE};

/// What can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Runs of a block by the interpreter before it is translated
    pub hot: u32,
    /// Runs of a block by the interpreter that make it worth being part of a region
    pub warm: u32,
    /// Functions kept at most
    pub max_units: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { hot: 256, warm: 16, max_units: 20_000 }
    }
}

/// A function that was made.
struct Unit {
    slot: u32,
    place: u64,
    mode: u32,
}

/// Counts for `--stats`.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    regions: u64,
    instructions: u64,
    bytes: u64,
    modules: u64,
    invalidated: u64,
    refused: u64,
    flushed: u64,
}

/// Translates hot code and keeps it.
pub struct Translator {
    host: Box<dyn CodeHost>,
    settings: Settings,
    entries: Box<[EntryPoint]>,
    units: HashMap<u32, Unit>,
    /// Unit by place and mode
    places: HashMap<(u64, u32), u32>,
    next_unit: u32,
    free_slots: Vec<u32>,
    next_slot: u32,
    counts: Counts,
}

/// Code as the processor sees it.
struct View<'a> {
    vcpu: &'a Vcpu,
    rip: u64,
    offset: u64,
    warm: u32,
}

impl CodeSource for View<'_> {
    fn instruction(&self, distance: i64) -> Option<Instruction> {
        self.vcpu.instruction_at(self.rip.wrapping_add(distance as u64))
    }
    fn is_warm(&self, distance: i64) -> bool {
        let place = self.vcpu.code_place(self.rip.wrapping_add(distance as u64));
        place.is_some_and(|(at, _)| self.vcpu.runs_at(at) >= self.warm)
    }
    fn page_offset(&self) -> u64 {
        self.offset
    }
}

impl Translator {
    /// With nothing translated. `vcpu` is told where entries are found.
    pub fn new(host: Box<dyn CodeHost>, settings: Settings, vcpu: &mut Vcpu) -> Self {
        let first_slot = host.first_slot();
        let entries = vec![EntryPoint { key: 0, slot: 0 }; ENTRIES_LEN].into_boxed_slice();
        vcpu.share(entries.as_ptr() as usize as u64);
        Self {
            host,
            settings,
            entries,
            units: HashMap::new(),
            places: HashMap::new(),
            next_unit: 1,
            free_slots: Vec::new(),
            next_slot: first_slot,
            counts: Counts::default(),
        }
    }

    /// Forms the region at RIP.
    pub fn form(&self, vcpu: &Vcpu) -> Option<(Region, CodeMode)> {
        let mode = vcpu.code_mode()?;
        let (at, _) = vcpu.code_place(vcpu.cpu.rip)?;
        let view = View { vcpu, rip: vcpu.cpu.rip, offset: at.page_offset(), warm: self.settings.warm };
        Some((form(&view, mode)?, mode))
    }

    /// Translates the code at RIP. Gives its slot.
    pub fn translate(&mut self, vcpu: &mut Vcpu) -> Option<u32> {
        let (region, mode) = self.form(vcpu)?;
        let rip = vcpu.cpu.rip;
        let (_, place) = vcpu.code_place(rip)?;
        let pieces = pieces(&region, vcpu, rip)?;
        if self.units.len() >= self.settings.max_units {
            self.flush();
            vcpu.compiled_dropped();
        }
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.next_slot += 1;
            self.next_slot - 1
        });
        let mut pages: Vec<(i64, u64)> = Vec::new();
        for piece in &pieces {
            if !pages.iter().any(|&(page, _)| page == piece.page) {
                pages.push((piece.page, piece.place & !(PAGE_SIZE - 1)));
            }
        }
        let steps = region.steps().iter().map(|insn| vcpu.step_number(insn)).collect();
        let bytes = module(&[Placed { region: &region, steps, pages }], slot);
        if let Err(error) = self.host.install(&bytes, slot, 1) {
            tracing::warn!(target: "jit", %error, "a region was not installed");
            self.counts.refused += 1;
            self.free_slots.push(slot);
            return None;
        }
        self.counts.regions += 1;
        self.counts.modules += 1;
        self.counts.instructions += u64::from(region.instructions());
        self.counts.bytes += bytes.len() as u64;
        let unit = self.next_unit;
        self.next_unit = self.next_unit.wrapping_add(1).max(1);
        for piece in &pieces {
            vcpu.watch_code(unit, piece.at, piece.len);
        }
        let mode = mode.key();
        self.units.insert(unit, Unit { slot, place, mode });
        self.places.insert((place, mode), unit);
        self.enter_point(place, mode, slot);
        Some(slot)
    }

    fn enter_point(&mut self, place: u64, mode: u32, slot: u32) {
        if let Some(entry) = self.entries.get_mut(entry_index(place)) {
            *entry = EntryPoint { key: entry_key(place, mode), slot: slot.into() };
        }
    }

    fn drop_unit(&mut self, number: u32) {
        let Some(unit) = self.units.remove(&number) else { return };
        self.places.remove(&(unit.place, unit.mode));
        if let Some(entry) = self.entries.get_mut(entry_index(unit.place))
            && entry.key == entry_key(unit.place, unit.mode)
        {
            *entry = EntryPoint { key: 0, slot: 0 };
        }
        self.host.retire(unit.slot);
        self.free_slots.push(unit.slot);
    }

    /// Drops everything.
    fn flush(&mut self) {
        let all: Vec<u32> = self.units.keys().copied().collect();
        all.into_iter().for_each(|unit| self.drop_unit(unit));
        self.counts.flushed += 1;
    }
}

/// Bytes of a region within one page.
struct Piece {
    /// Page, counted from the entry's
    page: i64,
    at: GuestPhysAddr,
    place: u64,
    len: u64,
}

/// The bytes that a region stands for, page by page; `None` where a page is not mapped any more.
fn pieces(region: &Region, vcpu: &Vcpu, rip: u64) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    for (start, end) in region.ranges() {
        let mut from = start;
        while from < end {
            let (at, place) = vcpu.code_place(rip.wrapping_add(from as u64))?;
            let len = (PAGE_SIZE - at.page_offset()).min((end - from) as u64);
            pieces.push(Piece { page: region.page(from), at, place, len });
            from += len as i64;
        }
    }
    Some(pieces)
}

impl CompiledCode for Translator {
    fn hot_after(&self) -> u32 {
        self.settings.hot
    }

    fn find(&mut self, vcpu: &mut Vcpu) -> Option<u32> {
        let mode = vcpu.code_mode()?.key();
        let (_, place) = vcpu.code_place(vcpu.cpu.rip)?;
        let slot = self.places.get(&(place, mode)).and_then(|unit| self.units.get(unit))?.slot;
        self.enter_point(place, mode, slot);
        Some(slot)
    }

    fn hot(&mut self, vcpu: &mut Vcpu) -> Option<u32> {
        self.find(vcpu).or_else(|| self.translate(vcpu))
    }

    fn run(&mut self, vcpu: &mut Vcpu, slot: u32, budget: u64) -> u64 {
        let address = (std::ptr::from_mut(vcpu) as usize as u64).wrapping_sub(COMPILED_BASE);
        self.host.enter(slot, address, budget)
    }

    fn invalidate(&mut self, units: &[u32]) {
        for &unit in units {
            self.counts.invalidated += u64::from(self.units.contains_key(&unit));
            self.drop_unit(unit);
        }
    }

    fn report(&self) -> Vec<(String, String)> {
        let c = &self.counts;
        vec![
            ("regions".into(), format!("{} of {} instructions", c.regions, c.instructions)),
            ("modules".into(), format!("{}, {} bytes", c.modules, c.bytes)),
            (
                "dropped".into(),
                format!("{} written, {} flushes, {} refused", c.invalidated, c.flushed, c.refused),
            ),
        ]
    }

    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }
}
