//! What `--stats` prints of a machine of several processors.

use machine::{Machine, MachineConfig};
use session::{RunArgs, report};
use std::time::Duration;

#[test]
fn counts_are_sums_over_all_processors() {
    pc_devices::link();
    let args = RunArgs { memory: 1 << 20, ..RunArgs::default() };
    let config = MachineConfig { processors: 3, ..args.silent_config().unwrap() };
    let mut machine = Machine::new(config).unwrap();
    for (vcpu, n) in machine.vcpus_mut().iter_mut().zip([1, 20, 300]) {
        vcpu.statistics.walks = n;
        vcpu.statistics.exceptions[14] = 2 * n;
        vcpu.statistics.exits[3] = 3 * n;
        vcpu.statistics.entries = n;
    }
    let text = report::statistics(&mut machine, Duration::from_secs(1));
    for line in ["by processor  0, 0, 0", "page walks    321", "exceptions    #14 642", "entered 321 times"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.contains("963 attention") && !text.contains("regions"), "{text}");
}
