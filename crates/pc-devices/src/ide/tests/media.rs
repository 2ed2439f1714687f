//! Media that answer later, fail, or are changed.

use super::*;
use device_api::{BlockError, BlockOp};

const LBA: u8 = 0xe0;

fn with_deferred(decl: &'static DeviceDecl, bus: &'static str) -> (Rig, DeferredHandle) {
    let (medium, host) = deferred(1 << 20);
    (Rig::new(vec![(decl, Some(medium), bus, "0")]), host)
}

fn only(host: &DeferredHandle) -> (u64, BlockOp) {
    let mut requests = host.take_requests();
    assert_eq!(requests.len(), 1);
    let request = requests.remove(0);
    (request.id, request.op)
}

#[test]
fn a_drive_is_busy_until_the_medium_answers() {
    let (mut rig, host) = with_deferred(&DISK_DECL, "ide.0");
    rig.command(PRIMARY, 0x20, [0, 2, 5, 0, 0, LBA]);
    assert_eq!((rig.byte(PRIMARY + 7), rig.irq(14)), (0xd0, false));
    assert!(rig.device.host_io().unwrap().is_waiting());
    rig.poll();
    let (id, op) = only(&host);
    assert_eq!(op, BlockOp::Read { offset: 5 * 512, len: 512 });
    host.complete(id, Ok(vec![0x77; 512]));
    rig.poll();
    assert!(!rig.device.host_io().unwrap().is_waiting());
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58));
    assert_eq!(rig.data(PRIMARY, 512), [0x77; 512]);
    assert_eq!(rig.acknowledge(PRIMARY), (false, 0xd0), "the next block");
}

#[test]
fn a_reset_drops_an_answer_that_comes_too_late() {
    let (mut rig, host) = with_deferred(&DISK_DECL, "ide.0");
    rig.command(PRIMARY, 0x20, [0, 1, 5, 0, 0, LBA]);
    let (id, _) = only(&host);
    rig.out(PRIMARY + 0x206, 4);
    rig.out(PRIMARY + 0x206, 0);
    rig.command(PRIMARY, 0x20, [0, 1, 6, 0, 0, LBA]);
    let (next, op) = only(&host);
    assert_eq!(op, BlockOp::Read { offset: 6 * 512, len: 512 });
    host.complete(id, Ok(vec![5; 512]));
    rig.poll();
    assert_eq!(rig.byte(PRIMARY + 7), 0xd0);
    host.complete(next, Ok(vec![6; 512]));
    rig.poll();
    assert_eq!(rig.data(PRIMARY, 512), [6; 512]);
}

#[test]
fn errors_of_the_medium_are_the_drive_s() {
    let fail = || Err(BlockError::Io("gone".to_owned()));
    let (mut rig, host) = with_deferred(&DISK_DECL, "ide.0");
    for (code, error, status) in [(0x20, 0x40, 0x41), (0x30, 4, 0x61), (0xe7, 4, 0x61), (0xc8, 0x40, 0x41)] {
        rig.command(PRIMARY, code, [0, 1, 5, 0, 0, LBA]);
        if code == 0x30 {
            rig.fill(PRIMARY, &[1; 512]);
        }
        let (id, _) = only(&host);
        host.complete(id, fail());
        rig.poll();
        assert_eq!((rig.byte(PRIMARY + 1), rig.byte(PRIMARY + 3)), (error, 5), "{code:#x}");
        assert_eq!(rig.acknowledge(PRIMARY), (true, status), "{code:#x}");
    }
    let (mut rig, host) = with_deferred(&CD_DECL, "ide.1");
    rig.command(SECONDARY, 0xa0, [0, 0, 0, 0, 8, 0xa0]);
    rig.fill(SECONDARY, &[0x28, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0]);
    let (id, op) = only(&host);
    assert_eq!(op, BlockOp::Read { offset: 2048, len: 2048 });
    host.complete(id, fail());
    rig.poll();
    assert_eq!((rig.byte(SECONDARY + 1), rig.acknowledge(SECONDARY)), (0x30, (true, 0x51)));
    assert_eq!(rig.packet(&[3, 0, 0, 0, 18], 0xfffe).0[12], 0x11);
}

fn insert(rig: &mut Rig, drive: &str, bytes: usize) -> Result<(), String> {
    let medium = memory(vec![0xcd; bytes], true);
    rig.device.drives().unwrap().insert(&mut rig.bench.ctx(), drive, medium)
}

fn eject(rig: &mut Rig, drive: &str, force: bool) -> Result<(), String> {
    rig.device.drives().unwrap().eject(&mut rig.bench.ctx(), drive, force)
}

const EVENTS: &[u8] = &[0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8];

#[test]
fn a_changed_medium_is_seen_as_none_and_as_new() {
    let mut rig = Rig::with_cd(300);
    insert(&mut rig, "ide1-cd0", 10 * 2048).unwrap();
    assert_eq!(rig.packet(EVENTS, 0xfffe).0[4..6], [2, 2]);
    assert_eq!(rig.packet(EVENTS, 0xfffe).0[4..6], [0, 2], "reported once");
    assert_eq!(rig.failing(&[0x00]), (0x20, 2, 0x3a));
    assert_eq!(rig.failing(&[0x00]), (0x68, 6, 0x28));
    assert_eq!(rig.packet(&[0x25], 0xfffe).0[3], 9);
    eject(&mut rig, "ide1-cd0", false).unwrap();
    assert_eq!(rig.failing(&[0x00]), (0x20, 2, 0x3a));
    assert_eq!(rig.packet(EVENTS, 0xfffe).0[5], 1, "open, and empty");
    let list = rig.device.drives().unwrap().list();
    assert!(list[0].open && list[0].removable && list[0].medium.is_none());
}

#[test]
fn a_locked_medium_stays_and_the_guest_is_asked() {
    let mut rig = Rig::with_cd(300);
    rig.packet(&[0x1e, 0, 0, 0, 1], 0xfffe);
    assert!(insert(&mut rig, "ide1-cd0", 2048).unwrap_err().contains("locked by the guest"));
    assert!(eject(&mut rig, "ide1-cd0", false).unwrap_err().contains("locked by the guest"));
    assert_eq!(rig.packet(EVENTS, 0xfffe).0[4..6], [1, 2]);
    assert!(rig.device.drives().unwrap().list()[0].medium.is_some());
    eject(&mut rig, "ide1-cd0", true).unwrap();
    insert(&mut rig, "ide1-cd0", 2048).unwrap();
}

#[test]
fn drives_that_cannot_change_media_say_so() {
    let mut rig = Rig::with_disk(10);
    assert_eq!(eject(&mut rig, "x", true), Err("there is no drive x; there are ide0-hd0".to_owned()));
    assert!(eject(&mut rig, "ide0-hd0", true).unwrap_err().contains("is a hard disk"));
}

#[test]
fn a_medium_that_is_taken_out_ends_its_request() {
    let (mut rig, host) = with_deferred(&CD_DECL, "ide.1");
    rig.command(SECONDARY, 0xa0, [0, 0, 0, 0, 8, 0xa0]);
    rig.fill(SECONDARY, &[0x28, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0]);
    eject(&mut rig, "ide1-cd0", true).unwrap();
    assert_eq!(rig.acknowledge(SECONDARY), (true, 0x51));
    host.complete(only(&host).0, Ok(vec![0; 2048]));
    rig.poll();
    assert_eq!(rig.failing(&[0x00]), (0x20, 2, 0x3a));
}

#[test]
fn an_empty_drive_says_so_and_knows_its_capabilities() {
    let mut rig = Rig::new(vec![(&CD_DECL, None, "ide.1", "0")]);
    for packet in [&[0x00][..], &[0x25], &[0x43, 0, 0, 0, 0, 0, 0, 0, 12], &[0x51, 0, 0, 0, 0, 0, 0, 0, 255]]
    {
        assert_eq!(rig.failing(packet), (0x20, 2, 0x3a), "{packet:x?}");
    }
    assert_eq!(rig.packet(EVENTS, 0xfffe).0[4..6], [0, 0]);
    assert_eq!(rig.packet(&[0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255], 0xfffe).0.len(), 30);
}
