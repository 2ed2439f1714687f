//! Saved states, and guests that do anything at all.

use super::*;
use proptest::prelude::*;

const LBA: u8 = 0xe0;

fn saved(rig: &Rig) -> Vec<u8> {
    let mut bytes = Vec::new();
    rig.device.save(&mut bytes);
    bytes
}

fn load(rig: &mut Rig, bytes: &[u8]) -> Option<()> {
    let mut rest = bytes;
    rig.device.load(&mut rest)?;
    assert!(rest.is_empty());
    Some(())
}

#[test]
fn a_transfer_goes_on_where_it_was_saved() {
    let mut rig = Rig::with_disk(100);
    rig.command(PRIMARY, 0x30, [0, 1, 20, 0, 0, LBA]);
    rig.fill(PRIMARY, &[0x5a; 512]);
    rig.command(PRIMARY, 0x20, [0, 2, 20, 0, 0, LBA]);
    rig.data(PRIMARY, 100);
    let bytes = saved(&rig);
    let mut other = Rig::with_disk(100);
    load(&mut other, &bytes).unwrap();
    assert_eq!(saved(&other), bytes);
    assert_eq!(other.data(PRIMARY, 412), [0x5a; 412]);
    assert_eq!(other.data(PRIMARY, 512), [21; 512]);
    for cut in 0..bytes.len() {
        assert_eq!(Rig::with_disk(100).device.load(&mut &bytes[..cut]), None, "cut at {cut}");
    }
}

#[test]
fn a_request_on_its_way_is_made_again() {
    let build = || {
        let (medium, host) = deferred(1 << 20);
        (Rig::new(vec![(&DISK_DECL, Some(medium), "ide.0", "0")]), host)
    };
    let (mut rig, _) = build();
    rig.command(PRIMARY, 0x30, [0, 1, 20, 0, 0, LBA]);
    rig.fill(PRIMARY, &[0x5a; 512]);
    let bytes = saved(&rig);
    let (mut other, host) = build();
    load(&mut other, &bytes).unwrap();
    assert!(other.device.host_io().unwrap().is_waiting());
    other.poll();
    let request = host.take_requests().remove(0);
    assert_eq!(request.op, device_api::BlockOp::Write { offset: 20 * 512, data: vec![0x5a; 512] });
    host.complete(request.id, Ok(vec![]));
    other.poll();
    assert_eq!(other.acknowledge(PRIMARY), (true, 0x50));
}

#[test]
fn states_of_other_media_are_refused_or_seen_as_a_change() {
    let bytes = saved(&Rig::with_disk(100));
    assert_eq!(load(&mut Rig::with_disk(101), &bytes), None);
    assert_eq!(load(&mut Rig::with_cd(100), &bytes), None);
    let bytes = saved(&Rig::with_cd(100));
    let mut other = Rig::with_cd(200);
    load(&mut other, &bytes).unwrap();
    assert_eq!(other.failing(&[0x00]), (0x20, 2, 0x3a));
    assert_eq!(other.failing(&[0x00]), (0x68, 6, 0x28));
    let empty = Rig::new(vec![(&CD_DECL, None, "ide.1", "0")]);
    load(&mut other, &saved(&empty)).unwrap();
    assert!(other.device.drives().unwrap().list()[0].medium.is_none());
}

#[test]
fn a_reset_is_as_power_on() {
    let mut rig = Rig::with_disk(100);
    rig.command(PRIMARY, 0xef, [3, 0x42, 0, 0, 0, LBA]);
    rig.command(PRIMARY, 0x20, [0, 2, 20, 0, 0, LBA]);
    rig.device.reset(&mut rig.bench.ctx());
    assert!(!rig.irq(14));
    assert_eq!(rig.registers(PRIMARY), [0, 1, 1, 0, 0, 0xa0, 0x50]);
    let config = rig.device.pci().unwrap().config();
    assert_eq!(config.read(0x20, 4), 1);
    assert_eq!(config.read(0x40, 4), 0x8000_8000, "as firmware leaves it, where there is none");
}

/// Accesses to ports of both channels, and to the bus master.
fn access() -> impl Strategy<Value = (u16, u8, u32, bool)> {
    let port = prop_oneof![
        6 => (0..8_u16).prop_map(|n| PRIMARY + n),
        6 => (0..8_u16).prop_map(|n| SECONDARY + n),
        1 => Just(0x3f6_u16),
        1 => Just(0x376_u16),
        2 => (0..16_u16).prop_map(|n| MASTER + n),
    ];
    let command = prop_oneof![
        any::<u32>(),
        prop_oneof![
            Just(0x20),
            Just(0x30),
            Just(0xc8),
            Just(0xca),
            Just(0xa0),
            Just(0xec),
            Just(0xc4),
            Just(0x25)
        ],
        0..16_u32,
    ];
    (port, prop_oneof![4 => Just(1_u8), 1 => Just(2), 1 => Just(4)], command, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_guest_breaks_a_drive_and_every_state_comes_back(list in proptest::collection::vec(access(), 1..400)) {
        let build = || Rig::new(vec![
            (&DISK_DECL, Some(memory(disk_bytes(300), false)), "ide.0", "0"),
            (&CD_DECL, Some(memory(vec![1; 50 * 2048], true)), "ide.1", "0"),
            (&DISK_DECL, Some(memory(disk_bytes(300), true)), "ide.1", "1"),
        ]);
        let mut rig = build();
        for (port, size, value, write) in list {
            if write {
                rig.out_sized(port, size, value);
            } else {
                rig.sized(port, size);
            }
        }
        let bytes = saved(&rig);
        let mut other = build();
        prop_assert_eq!(load(&mut other, &bytes), Some(()));
        prop_assert_eq!(saved(&other), bytes);
    }
}
