use super::backends::Chaos;
use super::inventory::Sets;
use super::*;
use device_api::{Presence, declarations};

#[test]
fn every_device_is_in_a_machine() {
    pc_devices::link();
    let sets = Sets::find().expect("devices fit into machines");
    let machines = sets.machines(&Chaos::default()).expect("machines");
    let there: Vec<_> = machines.iter().flat_map(Machine::device_models).collect();
    let asked: Vec<_> = sets.models().into_iter().flatten().collect();
    for decl in declarations() {
        let list = if matches!(decl.presence, Presence::AttachedTo(_)) { &asked } else { &there };
        assert!(list.contains(&decl.id), "{}", decl.id);
    }
}

#[test]
fn rounds_repeat() {
    pc_devices::link();
    let sets = Sets::find().expect("devices fit into machines");
    let run = || {
        let chaos = Chaos::default();
        let mut machines = sets.machines(&chaos).expect("machines");
        let mut frame = Frame::default();
        for seed in 1..6 {
            round(seed, &mut machines[0], &chaos, &mut frame);
        }
        machines[0].state_hash()
    };
    assert_eq!(run(), run());
}
