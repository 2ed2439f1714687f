//! Saving and restoring the whole machine. The saved state is exactly what a guest can observe, so equal hashes mean
//! equal states.

use crate::Machine;
use crate::bus::BusEnv;
use crate::random::{Random, Seed};
use crate::time::{Clock, Pace};
use crate::vm::{State, TURN};
use ::snapshot::{Bytes, Codec, Decompressor, Description, Reader, SnapshotError, Writer, codec_struct};
use device_api::Snapshot;
use guest_memory::GuestMemory;
use thiserror::Error;
use x86_exec::Vcpu;
use x86_exec::vcpu::SavedVcpu;
use x86_state::cpuid::CpuModel;
use x86_types::{PAGE_SIZE, RamAddr};

const MACHINE: (&str, u16) = ("machine", 1);
const COUNTERS: (&str, u16) = ("counters", 2);
const CLOCK: (&str, u16) = ("clock", 1);
const WIRES: (&str, u16) = ("wires", 1);
const RANDOM: (&str, u16) = ("random", 1);
const MEMORY: (&str, u16) = ("memory", 1);

const PAGE: usize = PAGE_SIZE as usize;

/// Why a state was not restored.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RestoreError {
    /// The state was refused; the machine is as it was
    #[error(transparent)]
    Refused(#[from] SnapshotError),
    /// The memory turned out to be damaged while it was read
    #[error("{0}; half of it is restored, so this machine cannot continue: restart it")]
    Lost(SnapshotError),
}

/// What the machine counts itself.
struct Counters {
    resets: u64,
    /// The processor whose turn it is, and the instructions left of the turn
    turn: u32,
    turn_left: u64,
    has_firmware: bool,
}
codec_struct!(Counters { resets, turn, turn_left, has_firmware });

/// The time source, as far as it is state.
struct SavedClock {
    /// Nanoseconds: skipped so far under the instruction clock, else since power-on
    ns: u64,
}
codec_struct!(SavedClock { ns });

impl Clock {
    fn kind(&self) -> &'static str {
        match self {
            Clock::Instructions { .. } => "icount",
            Clock::Host { .. } => "real",
        }
    }

    fn saved(&self) -> SavedClock {
        match self {
            Clock::Instructions { skipped } => SavedClock { ns: *skipped },
            // The rest is about the host's clock.
            Clock::Host { host: _, start: _, now, pace: _, fence: _, paused: _ } => SavedClock { ns: *now },
        }
    }

    /// Restores a saved time.
    fn restore(&mut self, SavedClock { ns }: SavedClock) {
        match self {
            Clock::Instructions { skipped } => *skipped = ns,
            Clock::Host { host, start, now, pace, fence: _, paused: _ } => {
                *start = host.now_ns().wrapping_sub(ns);
                *now = ns;
                *pace = Pace::default();
            }
        }
    }
}

/// Returns a model by name, and by what it has: the name alone could mean something else in another version.
fn describe(model: CpuModel) -> String {
    let named = CpuModel::names().find(|name| CpuModel::from_name(name) == Some(model));
    let (name, features, bits) = (named.unwrap_or("custom"), model.features.bits(), model.physical_bits);
    format!("{name} (features {features:#x}, {bits} address bits)")
}

/// Addresses of all pages of guest memory, in order: RAM, firmware and memory of devices.
fn pages(memory: &GuestMemory) -> impl Iterator<Item = RamAddr> {
    let pages = |(start, len): (RamAddr, u64)| (start.0..start.0 + len).step_by(PAGE).map(RamAddr);
    memory.blocks().into_iter().flat_map(pages)
}

/// Tag and version of a processor's section.
fn processor(index: usize) -> (String, u16) {
    (format!("cpu.{index}"), Vcpu::SAVED_VERSION)
}

/// What is decoded and checked before anything changes.
struct Checked {
    counters: Counters,
    clock: SavedClock,
    wires: BusEnv,
    random: Random,
    vcpus: Vec<SavedVcpu>,
}

/// What a saved machine was made of, as far as a command line chooses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedMachine {
    /// Bytes of RAM
    pub ram_bytes: u64,
    /// Processor model; `None` for one without a name here
    pub model: Option<CpuModel>,
    /// Processors
    pub processors: u32,
    /// Whether time is made of instructions
    pub icount: bool,
    /// Kinds of devices, each once
    pub devices: Vec<String>,
}

impl SavedMachine {
    /// Returns what `Machine::description` wrote.
    ///
    /// # Errors
    /// [`SnapshotError`] where the file is damaged or of another version.
    pub fn read(reader: &Reader<'_>) -> Result<Self, SnapshotError> {
        let saved: Description = reader.value(MACHINE.0, MACHINE.1)?;
        let number = |name, unit: &str| saved.value(name)?.strip_suffix(unit)?.parse::<u64>().ok();
        let read = || {
            Some(Self {
                ram_bytes: number("memory", " KiB")?.checked_mul(1024)?,
                model: CpuModel::from_name(saved.value("processor model")?.split(' ').next()?),
                processors: number("number of processors", "")?.try_into().ok()?,
                icount: saved.value("clock")? == Clock::instructions().kind(),
                devices: saved
                    .names()
                    .filter_map(|name| Some(name.strip_prefix("device ")?.to_owned()))
                    .collect(),
            })
        };
        read().ok_or_else(|| SnapshotError::Content { tag: MACHINE.0.to_owned() })
    }
}

impl Machine {
    /// What this machine is made of.
    fn description(&mut self) -> Description {
        let State { vcpus, board, memory, .. } = self.state();
        let mut description = Description::default();
        description.add("memory", format!("{} KiB", memory.layout().size() >> 10));
        for (n, (start, len)) in memory.blocks().into_iter().enumerate().skip(1) {
            description.add(format!("memory block {n}"), format!("{} KiB at {:#x}", len >> 10, start.0));
        }
        let model = vcpus.first().map(|vcpu| describe(vcpu.cpu.model));
        description.add("processor model", model.unwrap_or_default());
        description.add("number of processors", vcpus.len().to_string());
        description.add("clock", board.state().2.kind());
        let ids = board.device_models();
        for (n, id) in ids.iter().enumerate().filter(|(n, id)| !ids[..*n].contains(id)) {
            let count = ids[n..].iter().filter(|other| *other == id).count();
            description.add(format!("device {id}"), count.to_string());
        }
        description
    }

    /// Writes the state. Devices are first called for expired deadlines, as the run loop does when it resumes.
    pub fn save(&mut self, writer: &mut Writer) {
        let retired = self.retired();
        self.state().board.advance(retired);
        put(writer, MACHINE, &self.description());
        let State { vcpus, board, memory, turn, turn_left, resets, has_firmware } = self.state();
        let (resets, turn, turn_left, has_firmware) = (*resets, *turn as u32, *turn_left, *has_firmware);
        let counters = Counters { resets, turn, turn_left, has_firmware };
        put(writer, COUNTERS, &counters);
        let (devices, env, clock, random) = board.state();
        put(writer, CLOCK, &clock.saved());
        put_state(writer, WIRES, env);
        put_state(writer, RANDOM, random);
        devices.save(writer);
        for (index, vcpu) in vcpus.iter().enumerate() {
            let mut content = Bytes::new();
            vcpu.save(&mut content);
            let (tag, version) = processor(index);
            writer.section(&tag, version, &content);
        }
        writer.compressed(MEMORY.0, MEMORY.1, |section| {
            let mut page = [0; PAGE];
            for at in pages(memory) {
                memory.ram_read(at, &mut page);
                if !is_zero(&page) {
                    section.write(&at.0.to_le_bytes());
                    section.write(&page);
                }
            }
        });
    }

    /// Returns the hash of what [`Machine::save`] writes, before compression. Equal after equal runs under an
    /// instruction clock, on every host.
    pub fn state_hash(&mut self) -> u64 {
        let mut writer = Writer::hash_only();
        self.save(&mut writer);
        writer.hash()
    }

    /// Puts the machine into a saved state.
    ///
    /// # Errors
    /// [`RestoreError::Refused`] where the state is of another version or another machine, or damaged; nothing is changed
    /// then.
    pub fn restore(&mut self, reader: &Reader<'_>) -> Result<(), RestoreError> {
        let saved: Description = reader.value(MACHINE.0, MACHINE.1)?;
        saved.matches(&self.description()).map_err(SnapshotError::OtherMachine)?;
        let State { vcpus, board, memory, turn, turn_left, resets, has_firmware } = self.state();
        let Checked { counters, clock, wires, random, vcpus: saved } =
            check(reader, vcpus, board.state().1.quiet())?;
        let (devices, env, now, generator) = board.state();
        // Devices have checks of their own, which cannot be had without loading; they undo it where one fails.
        devices.load(reader)?;
        *env = wires;
        now.restore(clock);
        *generator = random;
        board.update_a20();
        *resets = counters.resets;
        *turn = counters.turn as usize;
        *turn_left = counters.turn_left;
        *has_firmware = counters.has_firmware;
        restore_memory(memory, reader).map_err(RestoreError::Lost)?;
        for (vcpu, saved) in vcpus.iter_mut().zip(saved) {
            vcpu.restore(saved);
        }
        Ok(())
    }
}

fn check(reader: &Reader<'_>, vcpus: &[Vcpu], wires: BusEnv) -> Result<Checked, SnapshotError> {
    let damaged = |tag: &str| SnapshotError::Content { tag: tag.to_owned() };
    let counters: Counters = reader.value(COUNTERS.0, COUNTERS.1)?;
    if counters.turn as usize >= vcpus.len() || counters.turn_left > TURN {
        return Err(damaged(COUNTERS.0));
    }
    let mut saved = Vec::new();
    for (index, vcpu) in vcpus.iter().enumerate() {
        let (tag, version) = processor(index);
        let content = reader.section(&tag, version)?;
        saved.push(vcpu.decode_saved(content).ok_or_else(|| damaged(&tag))?);
    }
    reader.section(MEMORY.0, MEMORY.1)?;
    Ok(Checked {
        counters,
        clock: reader.value(CLOCK.0, CLOCK.1)?,
        wires: get_state(reader, WIRES, wires)?,
        random: get_state(reader, RANDOM, Random::new(Seed::default()))?,
        vcpus: saved,
    })
}

/// Pages that were not saved become zero. Those that are zero already are not written to, so that memory that was never
/// used stays reserved and nothing more.
fn restore_memory(memory: &GuestMemory, reader: &Reader<'_>) -> Result<(), SnapshotError> {
    let mut section = reader.compressed(MEMORY.0, MEMORY.1)?;
    let mut saved = next_address(&mut section)?;
    let mut page = [0; PAGE];
    for at in pages(memory) {
        if saved == Some(at) {
            section.read(&mut page)?;
            memory.ram_write(at, &page);
            saved = next_address(&mut section)?;
        } else {
            memory.ram_read(at, &mut page);
            if !is_zero(&page) {
                memory.ram_fill(at, PAGE_SIZE, 0);
            }
        }
    }
    // A page that does not exist, or not in its place
    if saved.is_some() { Err(SnapshotError::Content { tag: MEMORY.0.to_owned() }) } else { Ok(()) }
}

/// Returns the address before a saved page; `None` behind the last one.
fn next_address(section: &mut Decompressor<'_>) -> Result<Option<RamAddr>, SnapshotError> {
    if section.is_empty() {
        return Ok(None);
    }
    let mut address = [0; 8];
    section.read(&mut address)?;
    Ok(Some(RamAddr(u64::from_le_bytes(address))))
}

fn put_state(writer: &mut Writer, (tag, version): (&str, u16), state: &impl Snapshot) {
    let mut content = Bytes::new();
    state.save(&mut content);
    writer.section(tag, version, &content);
}

fn get_state<S: Snapshot>(
    reader: &Reader<'_>,
    (tag, version): (&str, u16),
    mut state: S,
) -> Result<S, SnapshotError> {
    let mut content = reader.section(tag, version)?;
    let loaded = state.load(&mut content).filter(|()| content.is_empty());
    loaded.map(|()| state).ok_or_else(|| SnapshotError::Content { tag: tag.to_owned() })
}

fn put(writer: &mut Writer, (tag, version): (&str, u16), value: &impl Codec) {
    writer.section(tag, version, &::snapshot::to_bytes(value));
}

/// Returns whether a page holds nothing but zeros.
fn is_zero(page: &[u8; PAGE]) -> bool {
    let (words, _) = page.as_chunks::<16>();
    words.chunks(16).all(|words| words.iter().fold(0, |bits, word| bits | u128::from_ne_bytes(*word)) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HostClock;
    use device_api::VmTime;
    use std::cell::Cell;
    use std::rc::Rc;

    struct Hand(Rc<Cell<u64>>);

    impl HostClock for Hand {
        fn now_ns(&mut self) -> u64 {
            self.0.get()
        }
        fn sleep(&mut self, _: u64) -> bool {
            false
        }
    }

    #[test]
    fn time_goes_on_from_where_it_was_on_another_host() {
        let (here, there) = (Rc::new(Cell::new(5000)), Rc::new(Cell::new(100)));
        let mut clock = Clock::host(Box::new(Hand(Rc::clone(&here))));
        here.set(9000);
        clock.update(0);
        let saved = clock.saved();
        // The other host was started later than the machine was switched on.
        let mut clock = Clock::host(Box::new(Hand(Rc::clone(&there))));
        clock.restore(saved);
        assert_eq!(clock.now(7), VmTime(4000));
        there.set(150);
        clock.update(7);
        assert_eq!(clock.now(7), VmTime(4050));
        let mut clock = Clock::Instructions { skipped: 300 };
        let saved = clock.saved();
        clock = Clock::instructions();
        clock.restore(saved);
        assert_eq!(clock.now(2), VmTime(320));
    }

    #[test]
    fn a_page_is_zero_when_all_of_it_is() {
        let mut page = [0; PAGE];
        assert!(is_zero(&page));
        for at in [0, 15, 16, 255, 256, PAGE - 1] {
            page[at] = 0x80;
            assert!(!is_zero(&page), "{at}");
            page[at] = 0;
        }
    }
}
