//! Whole machines that are saved and restored.

use machine::{Machine, MachineConfig, RestoreError};
use proptest::prelude::*;
use session::{Guest, MachineSpec, Outcome, RunArgs, drive, restore_state, save_state};
use snapshot::{Reader, SnapshotError, Writer};
use std::sync::LazyLock;
use x86_state::cpuid::CpuModel;

fn config() -> MachineConfig {
    pc_devices::link();
    let args = RunArgs { memory: 16 << 20, ..RunArgs::default() };
    MachineConfig { processors: 2, seed: [7; 32], ..args.silent_config().unwrap() }
}

fn build(config: MachineConfig) -> Machine {
    pc_devices::link();
    Machine::new(config).unwrap()
}

fn demo() -> Guest {
    Guest::new(&RunArgs::default(), &MachineSpec::default(), None, None)
}

/// Runs the machine until so many instructions have retired.
fn run(machine: &mut Machine, guest: &Guest, to: u64) {
    while machine.retired() < to {
        match drive(&RunArgs::default(), guest, machine, to).unwrap() {
            Outcome::More => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The demo guest after so many instructions.
fn after(instructions: u64) -> (Machine, Guest) {
    let (mut machine, guest) = (build(config()), demo());
    guest.load(&mut machine).unwrap();
    run(&mut machine, &guest, instructions);
    (machine, guest)
}

/// Where the demo guest does something else each time: paging, exceptions, timers, interrupts
const CUTS: [u64; 5] = [1, 20_000, 61_803, 150_000, 299_999];
const END: u64 = 300_000;

#[test]
fn a_run_in_two_halves_ends_in_the_state_of_a_whole_one() {
    let (mut whole, _) = after(END);
    let end = whole.state_hash();
    for cut in CUTS {
        let (mut first, guest) = after(cut);
        let file = save_state(&mut first, &guest);
        let at_cut = first.state_hash();
        drop(first);
        let (mut second, mut loaded) = (build(config()), demo());
        restore_state(&mut second, &mut loaded, &file).unwrap();
        assert_eq!(second.state_hash(), at_cut, "restored at {cut}");
        run(&mut second, &loaded, END);
        assert_eq!(second.state_hash(), end, "cut at {cut}");
    }
}

#[test]
fn a_machine_goes_back_to_what_it_was() {
    let (mut machine, mut guest) = after(1000);
    let (file, then) = (save_state(&mut machine, &guest), machine.state_hash());
    run(&mut machine, &guest, 200_000);
    assert_ne!(machine.state_hash(), then);
    restore_state(&mut machine, &mut guest, &file).unwrap();
    assert_eq!(machine.state_hash(), then);
    assert_eq!(machine.retired(), 1000);
    assert!(save_state(&mut machine, &guest) == file, "the same bytes");
}

#[test]
fn the_guest_comes_along_for_resets() {
    let args = RunArgs { guest: Some("memory".into()), ..RunArgs::default() };
    let (mut machine, guest) = (build(config()), Guest::new(&args, &MachineSpec::default(), None, None));
    guest.load(&mut machine).unwrap();
    let fresh = {
        machine.reset();
        guest.load(&mut machine).unwrap();
        machine.state_hash()
    };
    let file = save_state(&mut machine, &guest);
    let (mut second, mut loaded) = (build(config()), demo());
    loaded.load(&mut second).unwrap();
    restore_state(&mut second, &mut loaded, &file).unwrap();
    assert_eq!(second.state_hash(), fresh);
    second.reset();
    loaded.load(&mut second).unwrap();
    machine.reset();
    guest.load(&mut machine).unwrap();
    assert_eq!(second.state_hash(), machine.state_hash());
}

#[test]
fn a_state_of_another_machine_is_refused_and_changes_nothing() {
    let (mut machine, guest) = after(5000);
    let file = save_state(&mut machine, &guest);
    let table = [
        (
            MachineConfig { ram_bytes: 8 << 20, ..config() },
            "its memory is 16384 KiB, this one's 8192 KiB; give the options that it was saved with",
        ),
        (MachineConfig { model: CpuModel::X86_64_V1, ..config() }, "its processor model is x86-64-v2"),
        (MachineConfig { processors: 1, ..config() }, "its number of processors is 2, this one's 1"),
        (MachineConfig { devices: vec![], ..config() }, "it has device isa-serial, which this one has not"),
    ];
    for (config, text) in table {
        let (mut other, mut own) = (build(config), demo());
        own.load(&mut other).unwrap();
        let before = other.state_hash();
        let error = restore_state(&mut other, &mut own, &file).unwrap_err();
        let line = error.to_string();
        assert!(line.contains(text) && !line.contains('\n'), "{line:?} instead of {text:?}");
        assert!(matches!(error, RestoreError::Refused(SnapshotError::OtherMachine(_))));
        assert_eq!(other.state_hash(), before);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_is_zero_is_neither_saved_nor_touched() {
    let held = || -> u64 {
        let text = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let large = || MachineConfig { ram_bytes: 3200 << 20, ..config() };
    let (mut machine, mut guest) = (build(large()), demo());
    guest.load(&mut machine).unwrap();
    machine.memory().write_u64(x86_types::GuestPhysAddr(0x1_0000_0008), 42);
    let file = save_state(&mut machine, &guest);
    assert!(file.len() < 1 << 20, "{} bytes", file.len());
    let mut second = build(large());
    let before = held();
    restore_state(&mut second, &mut guest, &file).unwrap();
    assert_eq!(second.memory().read_u64(x86_types::GuestPhysAddr(0x1_0000_0008)), 42);
    let grown = held().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more are held");
}

static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (mut machine, guest) = after(100_000);
    save_state(&mut machine, &guest)
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// The checksum is right, so that only the decoder of each section can reject it. Nothing panics, and the machine
    /// continues in any case.
    #[test]
    fn forged_states_are_refused_or_run(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let good = Reader::new(&FILE).unwrap();
        let which = which.index(good.sections().len());
        let mut writer = Writer::file();
        for (n, section) in good.sections().iter().enumerate() {
            let mut content = section.content.to_vec();
            if n == which && !content.is_empty() {
                for (at, byte) in &changes {
                    let at = at.index(content.len());
                    content[at] ^= byte;
                }
                if cuts {
                    content.truncate(cut.index(content.len()));
                }
            }
            writer.section(section.tag, section.version, &content);
        }
        let file = writer.finish();
        let (mut machine, mut guest) = (build(config()), demo());
        guest.load(&mut machine).unwrap();
        let before = machine.state_hash();
        match restore_state(&mut machine, &mut guest, &file) {
            Err(error) => {
                prop_assert!(!error.to_string().contains('\n'));
                if matches!(error, RestoreError::Refused(_)) {
                    prop_assert_eq!(machine.state_hash(), before);
                }
            }
            Ok(()) => {
                let to = machine.retired().saturating_add(2000);
                let _ = machine.run(to);
            }
        }
    }
}
