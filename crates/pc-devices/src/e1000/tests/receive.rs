use super::*;
use crate::e1000::spec::{Cause, RxErrors, RxStatus};

/// Length, checksum, status, errors and tag of a receive descriptor.
fn descriptor(board: &Board, n: u64) -> (u16, u16, RxStatus, RxErrors, u16) {
    let bytes = board.bytes(RX_RING + 16 * n + 8, 8);
    let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    (word(0), word(2), RxStatus::from_bits_retain(bytes[4]), RxErrors::from_bits_retain(bytes[5]), word(6))
}

#[test]
fn a_frame_goes_into_the_next_buffer() {
    let mut board = Board::started();
    board.write(offset::IMS, Cause::RXT0.bits());
    let sent = frame(MAC, 100);
    board.comes(&sent);
    assert!(board.interrupt());
    let (len, _, status, errors, _) = descriptor(&board, 0);
    assert_eq!((len, errors), (100, RxErrors::empty()));
    assert_eq!(status, RxStatus::DD | RxStatus::EOP | RxStatus::IXSM);
    assert_eq!(board.bytes(RX_BUFFERS, 100), sent);
    assert_eq!(board.read(RDH), 1);
    // Short frames are padded, and the frame check sequence is stored unless RCTL.SECRC is set.
    board.write(offset::RCTL, (Rctl::EN | Rctl::BAM).bits());
    board.comes(&frame([0xff; 6], 20));
    assert_eq!(descriptor(&board, 1).0, 64);
    let stored = board.bytes(RX_BUFFERS + 2048, 64);
    assert_eq!(stored[60..], crc32fast::hash(&stored[..60]).to_le_bytes());
    // Statistics: good packets, then octets with check sequences, low half first.
    assert_eq!((board.read(0x4074), board.read(0x4074)), (2, 0));
    assert_eq!((board.read(0x4088), board.read(0x408c), board.read(0x4088)), (104 + 64, 0, 0));
    assert_eq!((board.read(0x405c), board.read(0x4060)), (1, 1), "one of 64 bytes, one of up to 127");
}

#[test]
fn filters_choose_by_the_destination() {
    let other = [2, 0, 0, 0, 0, 9];
    let group = [1, 0, 0x5e, 0, 0, 0x16];
    // Bits 47:36 of the address are the index: 160h.
    let listed = |board: &mut Board| board.write(offset::MTA + 4 * (0x160 >> 5), 1);
    type Setup = fn(&mut Board);
    let table: [([u8; 6], Rctl, Option<Setup>, bool); 9] = [
        (MAC, Rctl::empty(), None, true),
        (other, Rctl::empty(), None, false),
        (other, Rctl::UPE, None, true),
        (other, Rctl::MPE, None, false),
        ([0xff; 6], Rctl::empty(), None, false),
        ([0xff; 6], Rctl::BAM, None, true),
        (group, Rctl::empty(), None, false),
        (group, Rctl::MPE, None, true),
        (group, Rctl::empty(), Some(|board| board.write(offset::MTA + 4 * (0x160 >> 5), 1)), true),
    ];
    for (to, rctl, setup, accepted) in table {
        let mut board = Board::started();
        board.write(offset::RCTL, (Rctl::EN | Rctl::SECRC | rctl).bits());
        if let Some(setup) = setup {
            setup(&mut board);
        }
        board.comes(&frame(to, 60));
        assert_eq!(board.read(RDH), u32::from(accepted), "{to:x?} {rctl:?}");
        assert_eq!(board.cable.waiting(), 0, "what is not accepted is lost");
        let inexact = descriptor(&board, 0).2.contains(RxStatus::PIF);
        assert_eq!(inexact, setup.is_some());
    }
    let mut board = Board::started();
    listed(&mut board);
    board.write(offset::RA + 8, u32::from_le_bytes([2, 0, 0, 0]));
    board.write(offset::RA + 12, u32::from_le_bytes([0, 9, 0, 0]));
    board.comes(&frame(other, 60));
    assert_eq!(board.read(RDH), 0, "an entry that is not valid");
    board.write(offset::RA + 12, u32::from_le_bytes([0, 9, 0, 0x80]));
    board.comes(&frame(other, 60));
    assert_eq!(board.read(RDH), 1);
}

#[test]
fn large_frames_take_several_buffers() {
    let mut board = Board::started();
    // 256 bytes a buffer
    board.write(offset::RCTL, (Rctl::EN | Rctl::SECRC).bits() | 3 << 16);
    let sent = frame(MAC, 600);
    board.comes(&sent);
    let parts: Vec<_> = (0..4).map(|n| descriptor(&board, n)).map(|found| (found.0, found.2)).collect();
    let last = |status: RxStatus| status.contains(RxStatus::EOP);
    assert_eq!(parts.iter().map(|part| part.0).collect::<Vec<_>>(), [256, 256, 88, 0]);
    assert_eq!(parts.iter().map(|part| last(part.1)).collect::<Vec<_>>(), [false, false, true, false]);
    assert_eq!(board.bytes(RX_BUFFERS + 2 * 2048, 88), sent[512..]);
    // 1518 bytes are the most without long packets.
    board.comes(&frame(MAC, 1519));
    assert_eq!((board.read(RDH), board.read(0x40ac)), (3, 1));
    board.write(offset::RCTL, (Rctl::EN | Rctl::SECRC | Rctl::LPE).bits());
    board.comes(&frame(MAC, 1519));
    assert_eq!(board.read(RDH), 4);
}

#[test]
fn frames_wait_for_descriptors() {
    let mut board = Board::started();
    for _ in 0..20 {
        board.cable.comes(&frame(MAC, 60));
    }
    board.poll();
    assert_eq!((board.read(RDH), board.cable.waiting()), (15, 5));
    assert_ne!(board.read(offset::ICR) & Cause::RXDMT0.bits(), 0);
    board.write(offset::RDT, 1);
    assert_eq!((board.read(RDH), board.cable.waiting()), (1, 3));
    board.write(offset::RDT, 5);
    assert_eq!((board.read(RDH), board.cable.waiting()), (4, 0));
    // A ring that could never hold a frame loses it.
    board.write(offset::RDBAL + 8, 128);
    board.write(RDH, 0);
    board.write(offset::RDT, 7);
    board.write(offset::RCTL, (Rctl::EN | Rctl::LPE).bits() | 3 << 16);
    board.comes(&frame(MAC, 4000));
    assert_eq!(board.cable.waiting(), 0);
    assert_ne!(board.read(offset::ICR) & Cause::RXO.bits(), 0);
    // A tail behind the end owns nothing.
    board.write(offset::RDT, 0xffff);
    board.comes(&frame(MAC, 60));
    assert_eq!(board.cable.waiting(), 1);
}

#[test]
fn vlan_tags_are_filtered_and_taken_out() {
    let mut board = Board::started();
    let mut tagged = frame(MAC, 100);
    tagged.splice(12..12, [0x81, 0x00, 0x20, 0x25]);
    board.write(offset::RCTL, (Rctl::EN | Rctl::SECRC | Rctl::VFE).bits());
    board.write(offset::CTRL, Ctrl::VME.bits());
    board.comes(&tagged);
    assert_eq!(board.read(RDH), 0, "VLAN 25h is not listed");
    board.write(offset::VFTA + 4, 1 << 5);
    board.comes(&tagged);
    let (len, _, status, _, tag) = descriptor(&board, 0);
    assert_eq!((len, tag, status.contains(RxStatus::VP)), (100, 0x2025, true));
    assert_eq!(board.bytes(RX_BUFFERS, 100), frame(MAC, 100));
}

#[test]
fn checksums_are_checked_where_that_is_enabled() {
    let good = super::transmit::udp_frame(MAC, b"checked");
    let mut bad = good.clone();
    bad[45] ^= 1;
    let both = RxStatus::IPCS | RxStatus::TCPCS;
    for (enabled, frame, status, errors) in [
        (0, &good, RxStatus::IXSM, RxErrors::empty()),
        (0x300, &good, both, RxErrors::empty()),
        (0x300, &bad, both, RxErrors::TCPE),
        (0x100, &bad, RxStatus::IPCS, RxErrors::empty()),
    ] {
        let mut board = Board::started();
        // The packet's own checksum starts behind the IP header.
        board.write(offset::RXCSUM, enabled | 34);
        board.comes(frame);
        let (_, summed, found, found_errors, _) = descriptor(&board, 0);
        assert_eq!((found & (both | RxStatus::IXSM), found_errors), (status, errors));
        let mut padded = frame[34..].to_vec();
        padded.resize(26, 0);
        assert_eq!(summed, crate::e1000::checksum::sum(&padded));
    }
}
