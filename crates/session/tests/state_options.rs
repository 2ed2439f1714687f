//! Options of a machine that is built for a saved state.

use clap::{Args, FromArgMatches};
use machine::{Machine, MachineConfig};
use session::{ClockKind, Given, Guest, MachineSpec, RunArgs, save_state};
use snapshot::SnapshotError;
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
