//! The translator: decides which code is translated and when.
//!
//! A region is selected as soon as its entry is hot. It is queued until there are others to share a module with, or until it
//! has been interpreted often enough again to be compiled alone.

use crate::cache::{Cache, Slots, Stage, Unit};
use crate::host::{Clock, CodeHost, Installed};
use crate::module::module;
use crate::placement::{Fixed, Placed};
use crate::region::Region;
use crate::select::{CodeSource, select_region};
use rustc_hash::FxHashMap;
use x86_decode::Instruction;
use x86_exec::Vcpu;
use x86_exec::vcpu::compiled::{COMPILED_BASE, CodeMode, CompiledCode, ExitReason, TranslationCounts};
use x86_types::{PAGE_SIZE, RamAddr};

/// Settings of a translator.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Runs of a block by the interpreter before it is translated
    pub hot: u32,
    /// Runs of a block by the interpreter that make it worth being part of a region
    pub warm: u32,
    /// Instructions of a region at least that others go on to; of smaller ones they have copies
    pub shared: u32,
    /// Functions in a module at most
    pub batch: usize,
    /// Bytes of modules kept at most, about
    pub bytes: u64,
    /// Whether compiled code counts how often it goes on to other compiled code
    pub count: bool,
    /// Whether code is made for where the processor lies: good for engines that check addresses which are not constant
    pub fixed: bool,
}

impl Settings {
    /// Whatever runs for the second time is translated: for tests
    pub const AT_ONCE: Settings =
        Settings { hot: 1, warm: 1, shared: 24, batch: 1, bytes: 48 << 20, count: false, fixed: false };
}

impl Default for Settings {
    fn default() -> Self {
        Self { hot: 384, warm: 48, shared: 24, batch: 32, bytes: 48 << 20, count: false, fixed: false }
    }
}

/// Counts for `--stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Regions translated
    pub regions: u64,
    /// Instructions in them
    pub instructions: u64,
    /// Bytes of the modules that were emitted
    pub bytes: u64,
    /// Modules that were emitted
    pub modules: u64,
    /// Regions dropped because their bytes were written
    pub invalidated: u64,
    /// Regions dropped because the host refused their module
    pub refused: u64,
    /// Regions dropped because the cache was full
    pub evicted: u64,
    /// Modules in the cache
    pub kept_modules: u64,
    /// Bytes of these modules
    pub kept_bytes: u64,
    /// Regions in the cache, and those queued for the next module
    pub kept_regions: u64,
    /// Regions queued for the next module
    pub waiting: u64,
    /// Blocks of the queued regions
    pub covered: u64,
}

/// A region that waits.
struct Waiting {
    unit: u32,
    region: Region,
    pages: Vec<(i64, u64)>,
    /// Times that code of it was found hot again
    asked: usize,
}

/// Translates hot code and keeps it.
pub struct Translator {
    host: Box<dyn CodeHost>,
    settings: Settings,
    cache: Cache,
    waiting: Vec<Waiting>,
    /// Unit that covers a block and waits, by place and mode of the block
    covered: FxHashMap<(u64, u32), u32>,
    /// Bytes of modules at which the next look is taken at what is in use
    next_look: u64,
    counts: Counts,
    /// Where the processor and its TLB lay when code was made for them
    made_for: Option<(u64, u64)>,
    clock: Option<Clock>,
    /// Nanoseconds by the clock: forming and writing, and handing to the host
    translating: u64,
    installing: u64,
}

/// Code as the processor sees it.
struct View<'a> {
    vcpu: &'a Vcpu,
    rip: u64,
    offset: u64,
    warm: u32,
    shared: u32,
    cache: &'a Cache,
    mode: u32,
}

impl CodeSource for View<'_> {
    fn instruction(&self, distance: i64) -> Option<Instruction> {
        self.vcpu.instruction_at(self.rip.wrapping_add(distance as u64))
    }
    fn is_warm(&self, distance: i64) -> bool {
        let place = self.vcpu.code_location(self.rip.wrapping_add(distance as u64));
        // What is translated already is reached by a jump. If regions had copies of it, a large program's code would be
        // translated several times over.
        place.is_some_and(|(at, place)| {
            self.vcpu.runs_at(at) >= self.warm
                && self.cache.instructions(place, self.mode).is_none_or(|count| count < self.shared)
        })
    }
    fn targets(&self, distance: i64) -> Vec<i64> {
        let place = self.vcpu.code_location(self.rip.wrapping_add(distance as u64));
        let targets = place.map(|(at, _)| self.vcpu.targets_at(at)).unwrap_or_default();
        targets.into_iter().map(|to| distance.wrapping_add(to)).collect()
    }
    fn page_offset(&self) -> u64 {
        self.offset
    }
    fn rip(&self) -> u64 {
        self.rip
    }
}

impl Translator {
    /// With nothing translated. `vcpu` is told where entries are found.
    pub fn new(host: Box<dyn CodeHost>, settings: Settings, vcpu: &mut Vcpu) -> Self {
        let cache = Cache::new(host.slots());
        vcpu.share(cache.entries());
        Self {
            host,
            settings,
            cache,
            waiting: Vec::new(),
            covered: FxHashMap::default(),
            next_look: settings.bytes / 2,
            counts: Counts::default(),
            made_for: None,
            clock: None,
            translating: 0,
            installing: 0,
        }
    }

    /// From now on what translating takes is measured by this clock.
    pub fn measure(&mut self, clock: Clock) {
        self.host.measure(Clock::clone(&clock));
        self.clock = Some(clock);
    }

    /// Nanoseconds now, where anyone wants to know.
    fn now(&self) -> u64 {
        self.clock.as_ref().map_or(0, |clock| clock())
    }

    /// Nanoseconds that were measured: what translating took here, and what compiling took the host.
    pub fn times(&self) -> (u64, u64) {
        (self.translating, self.host.compile_time().unwrap_or(self.installing))
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        Counts {
            kept_modules: self.cache.modules() as u64,
            kept_bytes: self.cache.bytes(),
            kept_regions: self.cache.units() as u64,
            waiting: self.waiting.len() as u64,
            covered: self.covered.len() as u64,
            ..self.counts
        }
    }

    /// Whether the code at a compiled address can be called in a mode. Asking is no use of it.
    pub fn is_kept(&self, place: u64, mode: CodeMode) -> bool {
        self.cache.is_ready(place, mode.key())
    }

    /// Forms the region at RIP.
    pub fn select_region(&self, vcpu: &Vcpu) -> Option<(Region, CodeMode)> {
        let mode = vcpu.code_mode()?;
        let (at, _) = vcpu.code_location(vcpu.cpu.rip)?;
        let view = View {
            vcpu,
            rip: vcpu.cpu.rip,
            offset: at.page_offset(),
            warm: self.settings.warm,
            shared: self.settings.shared,
            cache: &self.cache,
            mode: mode.key(),
        };
        Some((select_region(&view, mode)?, mode))
    }

    /// Forms the region at RIP and has it wait.
    fn translate(&mut self, vcpu: &mut Vcpu) -> Option<()> {
        let (region, mode) = self.select_region(vcpu)?;
        let (rip, mode) = (vcpu.cpu.rip, mode.key());
        let (at, place) = vcpu.code_location(rip)?;
        let pieces = pieces(&region, vcpu, rip)?;
        let mut pages: Vec<(i64, u64)> = Vec::new();
        let mut watched: Vec<RamAddr> = Vec::new();
        for piece in &pieces {
            if !pages.iter().any(|&(page, _)| page == piece.page) {
                pages.push((piece.page, piece.place & !(PAGE_SIZE - 1)));
            }
            if !watched.contains(&piece.at.page()) {
                watched.push(piece.at.page());
            }
        }
        let helpers = region.helper_calls().iter().map(|insns| vcpu.acquire_helper(insns)).collect();
        let any_float = !region.depends_on_float_mode();
        let unit = self.cache.add((at, place), mode, any_float, watched, helpers, region.instructions());
        for piece in &pieces {
            vcpu.watch_code(unit, piece.at, piece.len);
        }
        for (start, _) in region.ranges() {
            if let Some((_, block)) = vcpu.code_location(rip.wrapping_add(start as u64)) {
                self.covered.entry((block, mode)).or_insert(unit);
            }
        }
        self.waiting.push(Waiting { unit, region, pages, asked: 0 });
        Some(())
    }

    /// Makes a module of what waits.
    fn build(&mut self, vcpu: &mut Vcpu) {
        self.covered.clear();
        let waiting: Vec<Waiting> =
            self.waiting.drain(..).filter(|waiting| self.cache.is_live(waiting.unit)).collect();
        if waiting.is_empty() {
            return;
        }
        let began = self.now();
        let here = self.settings.fixed.then(|| where_is(vcpu));
        self.made_for = here;
        let entries = self.cache.entries().wrapping_sub(COMPILED_BASE);
        let jumps = vcpu.shared().jumps;
        let placed: Vec<Placed<'_>> = waiting
            .iter()
            .map(|w| Placed {
                fixed: here.map(|(vcpu, tlb)| Fixed {
                    vcpu,
                    bank: tlb + w.region.bank_offset(),
                    entries,
                    jumps,
                }),
                region: &w.region,
                helpers: self.cache.helpers(w.unit).to_vec(),
                pages: w.pages.clone(),
                count: self.settings.count,
            })
            .collect();
        let count = waiting.len() as u32;
        let first = self.cache.take_slots(count);
        let bytes = module(&placed, first, self.host.memory_size());
        let len = bytes.len() as u64;
        let written = self.now();
        let installed = self.host.install(bytes, first, count);
        self.translating += written.saturating_sub(began);
        self.installing += self.now().saturating_sub(written);
        let units = waiting.iter().map(|waiting| waiting.unit).collect();
        match installed {
            Ok(when) => {
                self.counts.modules += 1;
                self.counts.bytes += len;
                self.counts.regions += u64::from(count);
                let instructions = waiting.iter().map(|w| u64::from(w.region.instructions()));
                self.counts.instructions += instructions.sum::<u64>();
                self.cache.built(first, units, len);
                if when == Installed::Now {
                    self.commit_module(vcpu, first, true);
                }
            }
            Err(error) => {
                tracing::warn!(target: "jit", %error, "a module was not installed");
                self.counts.refused += u64::from(count);
                self.cache.give_back((first, count));
                self.drop_units(vcpu, &units);
            }
        }
        if self.cache.bytes() >= self.next_look {
            let victims = self.cache.victims(self.settings.bytes);
            self.counts.evicted += victims.len() as u64;
            self.drop_units(vcpu, &victims);
            vcpu.compiled_changed();
            let room = self.settings.bytes / 8;
            self.next_look = self.cache.bytes().max(self.settings.bytes / 2) + room;
        }
    }

    /// A module can be called now, or the host refused it after all.
    fn commit_module(&mut self, vcpu: &mut Vcpu, first: u32, good: bool) {
        let (gone, slots) = self.cache.commit_module(first, good);
        self.counts.refused += gone.len() as u64;
        gone.iter().for_each(|(number, unit)| forget(vcpu, *number, unit));
        self.retire(slots);
        self.cache.of_module(first).for_each(|unit| vcpu.compiled_at(unit.at, unit.mode));
    }

    fn drop_units(&mut self, vcpu: &mut Vcpu, units: &[u32]) {
        let mut called = Vec::new();
        for &number in units {
            let (unit, slots) = self.cache.remove(number);
            self.retire(slots);
            let Some(unit) = unit else { continue };
            if unit.stage == Stage::Ready {
                called.push(unit.slot);
                vcpu.compiled_at(unit.at, unit.mode);
            }
            forget(vcpu, number, &unit);
            // A host that has more to compile than it can would never come to it: it must not pile up there.
            if self.cache.is_unwanted(unit.module) && self.host.cancel(unit.module) {
                self.cache.commit_module(unit.module, false);
            }
        }
        vcpu.invalidate_jumps(&called);
    }

    fn retire(&mut self, slots: Option<Slots>) {
        if let Some((first, count)) = slots {
            self.host.retire(first, count);
        }
    }

    /// Whether there is code that was made for a processor elsewhere.
    fn has_moved(&self, vcpu: &mut Vcpu) -> bool {
        self.made_for.is_some_and(|made_for| made_for != where_is(vcpu))
    }

    /// Drops everything: the processor has moved away from where code was made for it.
    fn forget(&mut self, vcpu: &mut Vcpu) {
        let units = self.cache.all_units();
        self.drop_units(vcpu, &units);
        self.waiting.clear();
        self.covered.clear();
        self.made_for = None;
        vcpu.shared().leave = ExitReason::Miss as u64;
        vcpu.compiled_changed();
    }

    /// Code that waits was found hot again: has a module made if it has waited long enough.
    fn ask(&mut self, vcpu: &mut Vcpu, unit: u32) {
        let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.unit == unit) else { return };
        waiting.asked += 1;
        if waiting.asked >= waiting.region.blocks() {
            self.build(vcpu);
        }
    }
}

/// Compiled addresses of the processor and its TLB.
fn where_is(vcpu: &mut Vcpu) -> (u64, u64) {
    let address = std::ptr::from_mut(vcpu) as usize as u64;
    (address.wrapping_sub(COMPILED_BASE), vcpu.shared().tlb)
}

/// What the processor keeps for a unit that is gone.
fn forget(vcpu: &mut Vcpu, number: u32, unit: &Unit) {
    unit.pages.iter().for_each(|&page| vcpu.unwatch_code(number, page));
    unit.helpers.iter().for_each(|&step| vcpu.release_helper(step));
}

/// Bytes of a region within one page.
struct Piece {
    /// Page, counted from the entry's
    page: i64,
    at: RamAddr,
    place: u64,
    len: u64,
}

/// The bytes that a region stands for, page by page; `None` where a page is not mapped any more.
fn pieces(region: &Region, vcpu: &Vcpu, rip: u64) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    for (start, end) in region.ranges() {
        let mut from = start;
        while from < end {
            let (at, place) = vcpu.code_location(rip.wrapping_add(from as u64))?;
            let len = (PAGE_SIZE - at.page_offset()).min((end - from) as u64);
            pieces.push(Piece { page: region.page(from), at, place, len });
            from += len as i64;
        }
    }
    Some(pieces)
}

impl CompiledCode for Translator {
    fn hot_threshold(&self) -> u32 {
        self.settings.hot
    }

    fn find(&mut self, vcpu: &mut Vcpu) -> Option<u32> {
        self.collect(vcpu);
        let mode = vcpu.code_mode()?.key();
        let (_, place) = vcpu.code_location(vcpu.cpu.rip)?;
        let (_, stage, slot) = self.cache.find(place, mode)?;
        if stage != Stage::Ready {
            return None;
        }
        self.cache.enter_point(place, mode, slot);
        Some(slot)
    }

    fn hot(&mut self, vcpu: &mut Vcpu) -> Option<u32> {
        if self.has_moved(vcpu) {
            self.forget(vcpu);
        }
        self.collect(vcpu);
        let mode = vcpu.code_mode()?.key();
        let (_, place) = vcpu.code_location(vcpu.cpu.rip)?;
        match self.cache.find(place, mode) {
            Some((unit, Stage::Waiting, _)) => self.ask(vcpu, unit),
            Some((_, Stage::Building, slot)) => self.host.hurry(slot),
            Some(_) => {}
            None => match self.covered.get(&(place, mode)) {
                Some(&unit) if self.cache.is_live(unit) => self.ask(vcpu, unit),
                _ => {
                    let began = self.now();
                    let formed = self.translate(vcpu);
                    self.translating += self.now().saturating_sub(began);
                    formed?;
                    if self.waiting.len() >= self.settings.batch {
                        self.build(vcpu);
                    }
                }
            },
        }
        self.find(vcpu)
    }

    fn collect(&mut self, vcpu: &mut Vcpu) {
        for (first, result) in self.host.finished() {
            if let Err(error) = &result {
                tracing::warn!(target: "jit", %error, "a module was not installed");
            }
            self.commit_module(vcpu, first, result.is_ok());
        }
    }

    fn run(&mut self, vcpu: &mut Vcpu, slot: u32, budget: u64) -> u64 {
        if self.has_moved(vcpu) {
            self.forget(vcpu);
            return budget;
        }
        let (vcpu, _) = where_is(vcpu);
        self.host.enter(slot, vcpu, budget)
    }

    fn invalidate(&mut self, vcpu: &mut Vcpu, units: &[u32]) {
        self.counts.invalidated += units.iter().filter(|&&unit| self.cache.is_live(unit)).count() as u64;
        self.drop_units(vcpu, units);
    }

    fn statistics(&self) -> TranslationCounts {
        let c = self.counts();
        let (translating_ns, compiling_ns) =
            if self.clock.is_some() { self.times() } else { Default::default() };
        TranslationCounts {
            regions: c.regions,
            instructions: c.instructions,
            modules: c.modules,
            bytes: c.bytes,
            kept_modules: c.kept_modules,
            kept_bytes: c.kept_bytes,
            written: c.invalidated,
            evicted: c.evicted,
            refused: c.refused,
            translating_ns,
            compiling_ns,
        }
    }

    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }
}
