//! Options of a machine that is built for a saved state.

use clap::{Args, FromArgMatches};
use machine::time::Clock;
use machine::{Machine, MachineConfig};
use session::{
    ClockKind, Given, Guest, ICOUNT_EPOCH, MachineSpec, RunArgs, restore_state, save_state, save_state_with,
};
use snapshot::{Reader, SnapshotError};
use x86_state::cpuid::CpuModel;

#[test]
fn options_that_are_not_given_are_those_of_the_saved_machine() {
    pc_devices::link();
    let args = RunArgs { memory: 16 << 20, ..RunArgs::default() };
    let config = MachineConfig { processors: 2, ..args.silent_config().unwrap() };
    let guest = Guest::new(&args, &MachineSpec::default(), None, None);
    let file = save_state(&mut Machine::new(config).unwrap(), &guest);
    let follow = |words: &[&str]| {
        let command = RunArgs::augment_args(clap::Command::new("run"));
        let matches = command.get_matches_from(std::iter::once(&"run").chain(words));
        let mut args = RunArgs::from_arg_matches(&matches).unwrap();
        args.given = Given::of(&matches);
        args.follow_state(&file).map(|()| (args.memory >> 20, args.smp.0, args.model(), args.clock))
    };
    assert_eq!(follow(&[]), Ok((16, 2, CpuModel::X86_64_V2, ClockKind::Icount)));
    let given = ["-m", "32M", "--smp", "1", "--cpu", "max", "--clock", "real"];
    assert_eq!(follow(&given), Ok((32, 1, CpuModel::from_name("max").unwrap(), ClockKind::Real)));
    assert_eq!(RunArgs::default().follow_state(b"no state"), Err(SnapshotError::NotASnapshot));
}

/// Returns a machine with firmware that does nothing, and its specification.
fn with_firmware(kernel: bool, state: Option<&[u8]>) -> (MachineSpec, Machine, Guest) {
    let path = kernel.then(|| "vmlinuz".into());
    let args = RunArgs { memory: 16 << 20, vga: Some("std".into()), kernel: path, ..RunArgs::default() };
    let mut spec = MachineSpec::new(&args).unwrap();
    if let Some(state) = state {
        spec.follow_state(state).unwrap();
    }
    let mut backends = spec.null_chars();
    backends.images.insert("bios".to_owned(), vec![0xf4; 1 << 16]);
    backends.images.insert("vgabios".to_owned(), vec![0; 512]);
    let time = (Clock::instructions(), ICOUNT_EPOCH);
    let config = args.machine_config(&spec, backends, time, args.fixed_seed());
    let guest = Guest::new(&args, &spec, kernel.then(|| vec![1; 512]), None);
    (spec, Machine::new(config).unwrap(), guest)
}

/// The kernel is in the state, and is not given once more.
#[test]
fn a_machine_whose_firmware_started_a_kernel_is_built_without_the_kernel() {
    pc_devices::link();
    let (_, mut machine, guest) = with_firmware(true, None);
    let file = save_state(&mut machine, &guest);
    let (spec, mut again, mut no_guest) = with_firmware(false, Some(&file));
    assert_eq!(spec.devices.iter().filter(|device| device.model == "kernel-boot").count(), 1);
    assert_eq!(restore_state(&mut again, &mut no_guest, &file), Ok(()));
    assert_eq!(again.state_hash(), machine.state_hash());
    // With the kernel nothing is missing, and a state without one adds nothing.
    let (mut spec, _, _) = with_firmware(true, None);
    let before = spec.devices.len();
    spec.follow_state(&file).unwrap();
    assert_eq!(spec.devices.len(), before);
    let (_, mut machine, guest) = with_firmware(false, None);
    let (mut spec, _, _) = with_firmware(false, None);
    let before = spec.devices.len();
    spec.follow_state(&save_state(&mut machine, &guest)).unwrap();
    assert_eq!(spec.devices.len(), before);
}

#[test]
fn a_note_is_in_the_file_and_machines_ignore_it() {
    pc_devices::link();
    let args = RunArgs { memory: 16 << 20, ..RunArgs::default() };
    let mut guest = Guest::new(&args, &MachineSpec::default(), None, None);
    let mut machine = Machine::new(args.silent_config().unwrap()).unwrap();
    let file = save_state_with(&mut machine, &guest, b"a note");
    let first = Reader::new(&file).unwrap().sections()[0];
    assert_eq!((first.tag, first.content), ("note", &b"a note"[..]));
    assert_eq!(restore_state(&mut machine, &mut guest, &file), Ok(()));
    assert_eq!(save_state_with(&mut machine, &guest, b""), save_state(&mut machine, &guest));
}
