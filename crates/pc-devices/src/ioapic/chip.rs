//! The I/O APIC's state machine: pins in, messages out.

use super::spec::{Entry, INPUTS, VERSION, index};
use crate::codec::codec_struct;
use device_api::{Delivery, InterruptMessage};

/// The registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IoApic {
    select: u8,
    id: u8,
    entries: [u64; INPUTS],
    /// Asserted inputs, a bit each. A line is handed in as asserted or not, its wire's polarity already taken off; the
    /// polarity bit of an entry is storage
    pins: u32,
}

codec_struct!(IoApic { select, id, entries, pins });

impl Default for IoApic {
    /// SPEC: intel-82093aa :: 3.2.4 I/O Redirection Table Registers -> after reset every entry is masked
    fn default() -> Self {
        Self { select: 0, id: 0, entries: [Entry::MASKED.bits(); INPUTS], pins: 0 }
    }
}

impl IoApic {
    /// Returns the registers as lines.
    pub(super) fn info(&self) -> String {
        let mut out = format!("ioapic0: ver=0x20 id={:#04x} sel={:#04x}\n", self.id, self.select);
        for (n, &bits) in self.entries.iter().enumerate() {
            let entry = Entry::from_bits_retain(bits);
            let when = |bit, yes, no| if entry.contains(bit) { yes } else { no };
            const DELIVERY: [&str; 8] =
                ["fixed ", "lowest", "SMI   ", "...   ", "NMI   ", "INIT  ", "...   ", "extINT"];
            out += &format!(
                "  pin {n:<2} {bits:#018x} dest={:x} vec={:<3} active-{} {} {} {} {}\n",
                bits >> 56,
                bits & 0xff,
                when(Entry::POLARITY, "lo", "hi"),
                when(Entry::LEVEL, "level", "edge "),
                when(Entry::MASKED, "masked", "      "),
                DELIVERY[(bits >> 8 & 7) as usize],
                when(Entry::LOGICAL, "logical", "physical"),
            );
        }
        let set = |is: &dyn Fn(usize) -> bool| {
            let pins: String = (0..INPUTS).filter(|&n| is(n)).map(|n| format!(" {n}")).collect();
            if pins.is_empty() { " (none)".to_owned() } else { pins }
        };
        out += &format!("  IRR     {}\n", set(&|n| self.pins & 1 << n != 0));
        out += &format!("  Remote IRR{}\n", set(&|n| self.entry(n).contains(Entry::REMOTE_IRR)));
        out
    }

    pub(super) fn select(&self) -> u32 {
        u32::from(self.select)
    }

    pub(super) fn set_select(&mut self, value: u8) {
        self.select = value;
    }

    /// Reads the selected register.
    pub(super) fn read(&self) -> u32 {
        match self.select {
            // SPEC: intel-82093aa :: 3.2.3 IOAPICARB—IOAPIC Arbitration Register -> loaded with the id whenever that is written
            index::ID | index::ARBITRATION => u32::from(self.id) << 24,
            index::VERSION => VERSION,
            select => {
                self.half(select).map_or(0, |(input, shift)| (self.entry(input).bits() >> shift) as u32)
            }
        }
    }

    /// Writes the selected register.
    pub(super) fn write(&mut self, value: u32, out: &mut Vec<InterruptMessage>) {
        match self.select {
            index::ID => self.id = (value >> 24) as u8 & 0x0f,
            select => {
                let Some((input, shift)) = self.half(select) else { return };
                let writable = Entry::WRITABLE.bits() & (u64::from(u32::MAX) << shift);
                let mut entry = self.entry(input).bits();
                entry = entry & !writable | u64::from(value) << shift & writable;
                let mut entry = Entry::from_bits_retain(entry);
                // Remote IRR has no meaning for edges; software clears a stuck one by switching to edge and back.
                if !entry.contains(Entry::LEVEL) {
                    entry.remove(Entry::REMOTE_IRR);
                }
                self.set_entry(input, entry);
                self.service_level(input, out);
            }
        }
    }

    /// Drives an input.
    ///
    /// SPEC: intel-82093aa :: 3.2.4 I/O Redirection Table Registers -> an edge at a masked input is ignored, a level acts once unmasked
    pub(super) fn set_pin(&mut self, input: usize, asserted: bool, out: &mut Vec<InterruptMessage>) {
        if input >= INPUTS {
            return;
        }
        let rising = asserted && self.pins & 1 << input == 0;
        self.pins = self.pins & !(1 << input) | u32::from(asserted) << input;
        if triggers_by_level(self.entry(input)) {
            self.service_level(input, out);
        } else if rising && !self.entry(input).contains(Entry::MASKED) {
            self.send(input, out);
        }
    }

    /// The end of a level-triggered interrupt. A line that is still asserted interrupts again.
    ///
    /// SPEC: intel-82093aa :: 3.2.4 I/O Redirection Table Registers -> EOI with a matching vector resets remote IRR
    pub(super) fn end_of_interrupt(&mut self, vector: u8, out: &mut Vec<InterruptMessage>) {
        for input in 0..INPUTS {
            let entry = self.entry(input);
            if entry.contains(Entry::REMOTE_IRR) && entry.bits() as u8 == vector {
                self.set_entry(input, entry.difference(Entry::REMOTE_IRR));
                self.service_level(input, out);
            }
        }
    }

    /// Sends a level-triggered interrupt that is due and not under way.
    fn service_level(&mut self, input: usize, out: &mut Vec<InterruptMessage>) {
        let entry = self.entry(input);
        let held = entry.intersects(Entry::MASKED | Entry::REMOTE_IRR) || self.pins & 1 << input == 0;
        if triggers_by_level(entry) && !held && self.send(input, out) {
            self.set_entry(input, entry | Entry::REMOTE_IRR);
        }
    }

    fn send(&self, input: usize, out: &mut Vec<InterruptMessage>) -> bool {
        let entry = self.entry(input);
        let Some(delivery) = delivery(entry) else { return false };
        out.push(InterruptMessage {
            destination: (entry.bits() >> 56) as u32,
            logical: entry.contains(Entry::LOGICAL),
            delivery,
            vector: entry.bits() as u8,
            level: triggers_by_level(entry),
        });
        true
    }

    /// Which entry's half an index selects: input and bit offset.
    fn half(&self, select: u8) -> Option<(usize, u32)> {
        let at = usize::from(select.checked_sub(index::REDIRECTION)?);
        (at / 2 < INPUTS).then_some((at / 2, at as u32 % 2 * 32))
    }

    fn entry(&self, input: usize) -> Entry {
        Entry::from_bits_retain(self.entries.get(input).copied().unwrap_or(Entry::MASKED.bits()))
    }

    fn set_entry(&mut self, input: usize, entry: Entry) {
        if let Some(slot) = self.entries.get_mut(input) {
            *slot = entry.bits();
        }
    }
}

/// SPEC: intel-82093aa :: 3.2.4 I/O Redirection Table Registers -> delivery mode bits 10:8; 011 and 110 are reserved
fn delivery(entry: Entry) -> Option<Delivery> {
    Some(match (entry.bits() >> 8) & 7 {
        0 => Delivery::Fixed,
        1 => Delivery::LowestPriority,
        2 => Delivery::Smi,
        4 => Delivery::Nmi,
        5 => Delivery::Init,
        7 => Delivery::ExtInt,
        _ => return None,
    })
}

/// SPEC: intel-82093aa :: 3.2.4 I/O Redirection Table Registers -> SMI, NMI, INIT and ExtINT are edge triggered whatever bit 15 says
fn triggers_by_level(entry: Entry) -> bool {
    entry.contains(Entry::LEVEL)
        && matches!(delivery(entry), Some(Delivery::Fixed | Delivery::LowestPriority))
}
