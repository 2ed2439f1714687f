//! Where two machines part, and what was compiled there.

use super::Pace;
use super::pair::{Pair, Recipe};
use super::watch::Stay;
use crate::output::say;
use anyhow::Result;
use machine::Machine;
use std::fmt::Write;
use x86_decode::decode;
use x86_types::{GuestPhysAddr, PAGE_SIZE};

/// Instructions shown at most.
const SHOWN: usize = 64;
/// Places in memory shown at most.
const PLACES: usize = 16;

/// Where compiled code went another way than the interpreter.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Instructions after which both were still the same
    from: u64,
    /// RIP then
    rip: u64,
    /// Instructions after which compiled code came back
    to: u64,
}

struct Search<'a> {
    recipe: &'a Recipe<'a>,
    pace: Pace,
}

impl Search<'_> {
    /// Returns both machines, run from power-on to `to` with the same stops as before.
    fn replay(&self, to: u64, prepare: impl FnOnce(&Pair)) -> Result<Pair> {
        let mut pair = Pair::new(self.recipe, None)?;
        prepare(&pair);
        let mut stop = self.pace.stride;
        while stop < to {
            pair.advance(self.recipe, stop)?;
            stop += self.pace.stride;
        }
        pair.advance(self.recipe, to)?;
        Ok(pair)
    }

    /// The smallest count at which the machines differ, if they do not after `equal` and do after `other` instructions.
    fn smallest(&self, (mut equal, mut other): (u64, u64), whole: bool) -> Result<u64> {
        while other - equal > 1 {
            say(&format!("v64: the engines differ between {equal} and {other} instructions, searching\n"));
            let middle = equal + (other - equal) / 2;
            let mut pair = self.replay(middle, |_| ())?;
            let differs = if whole { pair.differ() } else { pair.registers_differ() };
            if differs {
                other = middle;
            } else {
                equal = middle;
            }
        }
        Ok(other)
    }

    /// Stays in compiled code from `from` on, of a run to `to`; and RIP at its end.
    fn stays(&self, from: u64, to: u64) -> Result<(Vec<Stay>, u64)> {
        let pair = self.replay(to, |pair| pair.notes.borrow_mut().from = Some(from))?;
        let stays = std::mem::take(&mut pair.notes.borrow_mut().stays);
        Ok((stays, pair.compiled.machine.vcpu().cpu.rip))
    }

    /// A run to one instruction less still interprets what the whole run does in compiled code, since it has too little
    /// left to enter it. So the first stay that differs is the guilty one, and begins where the shorter one ended.
    fn place(&self, at: u64) -> Result<Place> {
        let from = (at - 1) / self.pace.stride * self.pace.stride;
        let (short, rip) = self.stays(from, at - 1)?;
        let (long, _) = self.stays(from, at)?;
        let n = long.iter().zip(&short).take_while(|(a, b)| a == b).count();
        Ok(match (long.get(n), short.get(n)) {
            (Some(a), Some(b)) if (a.start, a.rip) == (b.start, b.rip) => {
                Place { from: b.end, rip: b.end_rip, to: a.end }
            }
            (Some(a), _) => Place { from: a.start, rip: a.rip, to: a.end },
            (None, _) => Place { from: at - 1, rip, to: at },
        })
    }

    /// Returns the instructions that the interpreter executes from one count to another, a line each.
    fn executed(&self, place: Place) -> Result<String> {
        let mut out = String::new();
        let mut pair = self.replay(place.from, |_| ())?;
        for n in place.from..place.to {
            if n >= place.from + SHOWN as u64 {
                let _ = writeln!(out, "  ({} more)", place.to - n);
                break;
            }
            let machine = &mut pair.plain.machine;
            let line = instruction(machine);
            let _ = writeln!(out, "{:>14}  {line}", n + 1);
            pair.plain.advance(self.recipe, n + 1)?;
        }
        Ok(out)
    }
}

/// Returns the instruction at RIP.
fn instruction(machine: &mut Machine) -> String {
    let (rip, size) = (machine.vcpu().cpu.rip, machine.vcpu().cpu.code_size);
    let mut bytes = [0; 15];
    let Some(at) = machine.vcpu_mut().peek_code(rip) else {
        return format!("{rip:016x}  (not mapped)");
    };
    let here = (PAGE_SIZE - at.page_offset()).min(15) as usize;
    machine.memory().read(at, &mut bytes[..here]);
    if let Some(next) = machine.vcpu_mut().peek_code(rip.wrapping_add(here as u64)) {
        machine.memory().read(next, &mut bytes[here..]);
    }
    match decode(size, &bytes) {
        Ok(insn) => format!("{rip:016x}  {}", insn.display(rip)),
        Err(error) => format!("{rip:016x}  ({error:?})"),
    }
}

/// Places in RAM that differ, in pieces of eight bytes.
fn memory(plain: &Machine, compiled: &Machine) -> String {
    let mut out = String::new();
    let layout = plain.memory().layout();
    let (mut a, mut b) = ([0; PAGE_SIZE as usize], [0; PAGE_SIZE as usize]);
    let mut count = 0;
    for offset in (0..layout.low)
        .chain(guest_memory::HIGH_RAM_START..guest_memory::HIGH_RAM_START + layout.high)
        .step_by(PAGE_SIZE as usize)
    {
        let at = GuestPhysAddr(offset);
        plain.memory().read(at, &mut a);
        compiled.memory().read(at, &mut b);
        if a == b {
            continue;
        }
        for (n, (a, b)) in a.chunks(8).zip(b.chunks(8)).enumerate().filter(|(_, (a, b))| a != b) {
            count += 1;
            if count <= PLACES {
                let _ = writeln!(out, "* {:#014x}  {a:02x?}  {b:02x?}", offset + 8 * n as u64);
            }
        }
    }
    if count > PLACES {
        let _ = writeln!(out, "  ({} more)", count - PLACES);
    }
    out
}

/// Finds the first difference between two counts and returns a report. With `whole`, memory and devices are compared as
/// well.
pub(super) fn explain(recipe: &Recipe<'_>, pace: Pace, between: (u64, u64), whole: bool) -> Result<String> {
    let search = Search { recipe, pace };
    let at = search.smallest(between, whole)?;
    let place = search.place(at)?;
    let executed = search.executed(place)?;
    let pair = search.replay(at, |pair| pair.notes.borrow_mut().wanted = Some(place.rip))?;
    let (plain, compiled) = pair.registers();
    let names: Vec<&str> = plain.differing(&compiled).collect();
    let memory = memory(&pair.plain.machine, &pair.compiled.machine);
    let what = match (names.is_empty(), memory.is_empty()) {
        (false, _) => names.join(", "),
        (true, false) => "memory".into(),
        (true, true) => "devices".into(),
    };
    let mut out = format!("v64: the engines differ after {at} instructions: {what}\n");
    let Place { from, rip, to } = place;
    let _ = writeln!(out, "Up to {from} they agree; then compiled code ran from {rip:016x} up to {to}.");
    let _ = writeln!(out, "\nInstructions that the interpreter executed there:\n{executed}");
    let region = pair.notes.borrow().region.clone();
    match region {
        Some(text) => {
            let _ = writeln!(out, "The region that contains {rip:016x}:\n{text}");
        }
        None => {
            let _ = writeln!(out, "No region was compiled of {rip:016x}.\n");
        }
    }
    let _ = writeln!(out, "State after {at} instructions:\n{}", plain.beside(&compiled));
    if !memory.is_empty() {
        let _ = writeln!(out, "Memory, interpreted and compiled:\n{memory}");
    }
    Ok(out)
}
