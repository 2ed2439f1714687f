//! What `info lapic` shows.

use super::chip::Lapic;
use super::spec::{Icr, Lvt, Svr, lvt};
use super::vectors::Vectors;
use std::fmt::Write;

const DELIVERY: [&str; 8] = ["Fixed", "LowPri", "SMI", "...", "NMI", "INIT", "...", "ExtINT"];
const SHORTHAND: [&str; 4] = ["no-shorthand", "self", "all-self", "all"];
/// QEMU's names of the entries of the local vector table, in its order.
const ENTRIES: [(&str, usize); lvt::COUNT] =
    [("LVT0", 3), ("LVT1", 4), ("LVTPC", 2), ("LVTERR", 5), ("LVTTHMR", 1), ("LVTT", lvt::TIMER)];

/// Returns the vectors of a set, those that are level-triggered marked; the highest one first.
fn list(mut set: Vectors, levels: &Vectors) -> String {
    let mut out = String::new();
    while let Some(vector) = set.highest() {
        set.set(vector, false);
        let level = if levels.contains(vector) { " (level)" } else { "" };
        // Writing to a string does not fail.
        let _ = write!(out, " {vector}{level}");
    }
    if out.is_empty() { " (none)".to_owned() } else { out }
}

impl Lapic {
    /// Returns the registers as lines.
    pub(super) fn info(&self) -> String {
        let mut out = format!("dumping local APIC state for CPU {}\n\n", self.id);
        for (name, index) in ENTRIES {
            let entry = self.entry(index);
            let when = |bit, yes, no| if entry.contains(bit) { yes } else { no };
            let mode = match (index, entry.bits() >> 17 & 3) {
                (lvt::TIMER, 1) => "periodic",
                (lvt::TIMER, 2) => "tsc-deadline",
                (lvt::TIMER, _) => "one-shot",
                _ => "",
            };
            let delivery = DELIVERY[(entry.bits() >> 8 & 7) as usize];
            let vector = (entry & Lvt::VECTOR).bits();
            let vector = if delivery == "NMI" { String::new() } else { format!(" (vec {vector})") };
            out += &format!(
                "{name}\t {:#010x} {} {:<5} {:<6} {:<7} {mode:<12} {delivery:<6}{vector}\n",
                entry.bits(),
                when(Lvt::POLARITY, "active-lo", "active-hi"),
                when(Lvt::LEVEL, "level", "edge"),
                when(Lvt::MASKED, "masked", ""),
                when(Lvt::STATUS, "pending", ""),
            );
        }
        let (divide, divisor, initial) = (self.timer.divide, self.timer.divisor(), self.timer.initial);
        out += &format!("Timer\t DCR={divide:#x} (divide by {divisor}) initial_count = {initial}\n");
        let svr = Svr::from_bits_retain(self.svr);
        out += &format!(
            "SPIV\t {:#010x} APIC {}, focus={}, spurious vec {}\n",
            self.svr,
            if svr.contains(Svr::ENABLE) { "enabled" } else { "disabled" },
            if svr.contains(Svr::FOCUS_DISABLE) { "on" } else { "off" },
            (svr & Svr::VECTOR).bits(),
        );
        let icr = Icr::from_bits_retain(self.icr_low);
        let when = |bit, yes, no| if icr.contains(bit) { yes } else { no };
        out += &format!(
            "ICR\t {:#010x} {} {} {} {}\n",
            self.icr_low,
            when(Icr::LOGICAL, "logical", "physical"),
            when(Icr::LEVEL, "level", "edge"),
            when(Icr::ASSERT, "assert", "de-assert"),
            SHORTHAND[(self.icr_low >> 18 & 3) as usize],
        );
        let (cpu, kind) =
            if self.x2apic() { (self.icr_high, "X2APIC ID") } else { (self.icr_high >> 24, "APIC ID") };
        out += &format!("ICR2\t {:#010x} cpu {cpu} ({kind})\n", self.icr_high);
        out += &format!("ESR\t {:#010x}\n", self.esr);
        out += &format!("ISR\t{}\nIRR\t{}\n\n", list(self.isr, &self.tmr), list(self.irr, &self.tmr));
        let (tpr, dfr, ldr, ppr) = (self.tpr, self.dfr >> 28, self.ldr >> 24, self.ppr());
        out += &format!("APR 0x00 TPR {tpr:#04x} DFR {dfr:#04x} LDR {ldr:#04x} PPR {ppr:#04x}\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_shown_as_qemu_shows_them() {
        let mut apic = Lapic::new(1);
        let after_reset = apic.info();
        for line in [
            "dumping local APIC state for CPU 1",
            "LVT0\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)",
            "LVTT\t 0x00010000 active-hi edge  masked         one-shot     Fixed  (vec 0)",
            "Timer\t DCR=0x0 (divide by 2) initial_count = 0",
            "SPIV\t 0x000000ff APIC disabled, focus=off, spurious vec 255",
            "ICR\t 0x00000000 physical edge de-assert no-shorthand",
            "ICR2\t 0x00000000 cpu 0 (APIC ID)",
            "ESR\t 0x00000000",
            "ISR\t (none)",
            "APR 0x00 TPR 0x00 DFR 0x0f LDR 0x00 PPR 0x00",
        ] {
            assert!(after_reset.lines().any(|other| other == line), "{line}: {after_reset}");
        }
        apic.lvt[4] = 0x400;
        apic.lvt[lvt::TIMER] = 0x400ec;
        apic.svr = 0x1ff;
        apic.irr.set(0x31, true);
        apic.irr.set(0xec, true);
        apic.tmr.set(0x31, true);
        let used = apic.info();
        for line in [
            "LVT1\t 0x00000400 active-hi edge                              NMI   ",
            "LVTT\t 0x000400ec active-hi edge                 tsc-deadline Fixed  (vec 236)",
            "SPIV\t 0x000001ff APIC enabled, focus=off, spurious vec 255",
            "IRR\t 236 49 (level)",
        ] {
            assert!(used.lines().any(|other| other == line), "{line}: {used}");
        }
    }
}
