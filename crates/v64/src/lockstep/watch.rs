//! A translator that is looked over the shoulder: where compiled code ran, and which region it was.

use crate::jit::{describe, disassembly};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_jit::Translator;
use x86_exec::Vcpu;
use x86_exec::vcpu::compiled::{CompiledCode, TranslationCounts};

/// One stay in compiled code. Counts are instructions since power-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) start: u64,
    pub(super) rip: u64,
    pub(super) end: u64,
    pub(super) end_rip: u64,
}

/// What is looked for, and what was seen.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Stays are noted that begin at this count or later
    pub(super) from: Option<u64>,
    pub(super) stays: Vec<Stay>,
    /// The region that contains code at this RIP is described
    pub(super) wanted: Option<u64>,
    /// The region last made of it
    pub(super) region: Option<String>,
}

/// Shared by the running machine and its observers.
pub(super) type SharedNotes = Rc<RefCell<Notes>>;

pub(super) struct Watched {
    pub(super) translator: Translator,
    pub(super) notes: SharedNotes,
}

impl Watched {
    /// Describes the region that is about to be compiled, if it is the one to report.
    fn look(&mut self, vcpu: &Vcpu) -> Option<()> {
        let wanted = self.notes.borrow().wanted?;
        let (region, _) = self.translator.select_region(vcpu)?;
        let rip = vcpu.cpu.rip;
        let distance = wanted.wrapping_sub(rip) as i64;
        if region.ranges().any(|(start, end)| (start..end).contains(&distance)) {
            let text = format!("{}{}", disassembly(&region, vcpu, rip), describe(&region, vcpu, rip));
            self.notes.borrow_mut().region = Some(text);
        }
        Some(())
    }
}

impl CompiledCode for Watched {
    fn hot_threshold(&self) -> u32 {
        self.translator.hot_threshold()
    }

    fn find(&mut self, vcpu: &mut Vcpu) -> Option<u32> {
        self.translator.find(vcpu)
    }

    fn hot(&mut self, vcpu: &mut Vcpu) -> Option<u32> {
        self.look(vcpu);
        self.translator.hot(vcpu)
    }

    fn collect(&mut self, vcpu: &mut Vcpu) {
        self.translator.collect(vcpu);
    }

    fn run(&mut self, vcpu: &mut Vcpu, slot: u32, budget: u64) -> u64 {
        let (start, rip) = (vcpu.retired(), vcpu.cpu.rip);
        let left = self.translator.run(vcpu, slot, budget);
        let mut notes = self.notes.borrow_mut();
        if notes.from.is_some_and(|from| start >= from) {
            let end = start + budget.saturating_sub(left);
            notes.stays.push(Stay { start, rip, end, end_rip: vcpu.cpu.rip });
        }
        left
    }

    fn invalidate(&mut self, vcpu: &mut Vcpu, units: &[u32]) {
        self.translator.invalidate(vcpu, units);
    }

    fn statistics(&self) -> TranslationCounts {
        self.translator.statistics()
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
