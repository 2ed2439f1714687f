use super::*;
use crate::e1000::checksum::{check_ipv4, sum};
use crate::e1000::spec::{Cause, Tctl};

/// An IPv4 frame with this behind its header.
fn ip_frame(to: [u8; 6], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend([2, 0, 0, 0, 0, 1, 0x08, 0x00]);
    frame.extend([0x45, 0, 0, 0, 0x10, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2]);
    frame.extend(payload);
    let len = (frame.len() - 14) as u16;
    frame[16..18].copy_from_slice(&len.to_be_bytes());
    frame
}

/// What the checksum of TCP or UDP begins with: the pseudo-header, with a length.
fn pseudo(frame: &[u8], len: usize) -> u16 {
    let mut bytes = frame[26..34].to_vec();
    bytes.extend([0, frame[23]]);
    bytes.extend((len as u16).to_be_bytes());
    sum(&bytes)
}

fn udp_without_checksums(to: [u8; 6], data: &[u8]) -> Vec<u8> {
    let mut payload = vec![0x03, 0xe8, 0, 53];
    payload.extend((8 + data.len() as u16).to_be_bytes());
    payload.extend([0, 0]);
    payload.extend(data);
    ip_frame(to, 17, &payload)
}

/// A UDP datagram with right checksums, as software makes them.
pub(super) fn udp_frame(to: [u8; 6], data: &[u8]) -> Vec<u8> {
    let mut frame = udp_without_checksums(to, data);
    let header = !sum(&frame[14..34]);
    frame[24..26].copy_from_slice(&header.to_be_bytes());
    let partial = pseudo(&frame, frame.len() - 34);
    frame[40..42].copy_from_slice(&partial.to_be_bytes());
    let checksum = !sum(&frame[34..]);
    frame[40..42].copy_from_slice(&checksum.to_be_bytes());
    frame
}

/// A context: starts and offsets as of IPv4 without options, `offset` that of the checksum in the segment.
fn context(command: u8, offset: u8, header_len: u8, mss: u16) -> [u8; 16] {
    let mut bytes =
        [14, 24, 33, 0, 34, offset.wrapping_add(34), 0, 0, 0, 0, 0, command | 0x20, 0, header_len, 0, 0];
    bytes[14..].copy_from_slice(&mss.to_le_bytes());
    bytes
}

fn data(buffer: u64, len: usize, command: TxCommand, options: u8) -> [u8; 16] {
    let mut bytes = legacy(buffer, len, command | TxCommand::DEXT);
    bytes[10] = 1 << 4 | (len >> 16) as u8;
    bytes[13] = options;
    bytes
}

#[test]
fn a_frame_is_sent_and_its_descriptor_written_back() {
    let mut board = Board::started();
    board.write(offset::IMS, Cause::TXDW.bits());
    let sent = frame([0xff; 6], 40);
    board.send(&sent, TxCommand::RS);
    assert_eq!(board.cable.sent(), std::slice::from_ref(&sent));
    assert_eq!(board.bytes(TX_RING + 12, 1), [1]);
    assert_eq!((board.read(TDH), board.read(offset::TDT)), (1, 1));
    assert!(board.interrupt());
    assert_eq!(board.read(offset::ICR), (Cause::TXDW | Cause::TXQE).bits());
    // In two parts, with padding, without a report.
    board.write(offset::TCTL, (Tctl::EN | Tctl::PSP).bits());
    board.transmit(&[legacy(TX_BUFFER, 20, TxCommand::empty()), legacy(TX_BUFFER + 20, 20, TxCommand::EOP)]);
    let mut padded = sent;
    padded.resize(60, 0);
    assert_eq!(board.cable.sent(), [padded]);
    assert_eq!(board.bytes(TX_RING + 16 + 12, 1), [0]);
    assert_eq!((board.read(0x40d4), board.read(0x40f4)), (2, 2), "packets and broadcasts");
    // Disabled, the ring waits.
    board.write(offset::TCTL, 0);
    board.send(&frame([0xff; 6], 40), TxCommand::RS);
    assert_eq!((board.read(TDH), board.cable.sent().len()), (3, 0));
    board.write(offset::TCTL, 2);
    assert_eq!((board.read(TDH), board.cable.sent().len()), (4, 1));
}

#[test]
fn without_the_right_to_be_master_nothing_moves() {
    let mut board = Board::started();
    board.configure(0x04, 3);
    board.send(&frame([0xff; 6], 60), TxCommand::RS);
    board.comes(&frame(MAC, 60));
    assert_eq!((board.read(TDH), board.read(RDH)), (0, 0));
    board.configure(0x04, 7);
    assert_eq!((board.read(TDH), board.read(RDH)), (1, 1));
}

#[test]
fn legacy_descriptors_insert_a_checksum() {
    let mut board = Board::started();
    let whole = udp_frame([0xff; 6], b"some data");
    let mut sent = whole.clone();
    let partial = pseudo(&sent, sent.len() - 34);
    sent[40..42].copy_from_slice(&partial.to_be_bytes());
    board.bench.memory.write(GuestPhysAddr(TX_BUFFER), &sent);
    let mut descriptor = legacy(TX_BUFFER, sent.len(), TxCommand::EOP | TxCommand::IC_TSE);
    (descriptor[10], descriptor[13]) = (40, 34);
    board.transmit(&[descriptor]);
    assert_eq!(board.cable.sent(), std::slice::from_ref(&whole));
    // Places that are not in the frame are ignored.
    (descriptor[10], descriptor[13]) = (250, 251);
    board.transmit(&[descriptor]);
    assert_eq!(board.cable.sent(), [sent]);
}

#[test]
fn contexts_insert_both_checksums() {
    let mut board = Board::started();
    let whole = udp_frame([0xff; 6], b"some other data");
    let mut sent = udp_without_checksums([0xff; 6], b"some other data");
    let partial = pseudo(&sent, sent.len() - 34);
    sent[40..42].copy_from_slice(&partial.to_be_bytes());
    board.bench.memory.write(GuestPhysAddr(TX_BUFFER), &sent);
    board.transmit(&[context(2, 6, 0, 0), data(TX_BUFFER, sent.len(), TxCommand::EOP, 3)]);
    assert_eq!(board.cable.sent(), [whole]);
}

#[test]
fn a_large_packet_is_cut_into_segments() {
    let mut board = Board::started();
    const HEADER: usize = 54;
    let mut tcp = vec![0x03, 0xe8, 0, 80, 0, 0, 0xff, 0xfe, 0, 0, 0, 9, 0x50, 0x19, 0x10, 0, 0, 0, 0, 0];
    let payload: Vec<u8> = (0..2500u32).map(|n| (n * 7) as u8).collect();
    tcp.extend(&payload);
    let mut sent = ip_frame([0xff; 6], 6, &tcp);
    sent[16..18].fill(0);
    // Software leaves the length out of the sum.
    let partial = pseudo(&sent, 0);
    sent[50..52].copy_from_slice(&partial.to_be_bytes());
    board.bench.memory.write(GuestPhysAddr(TX_BUFFER), &sent);
    let tse = TxCommand::IC_TSE;
    board.transmit(&[
        context(7, 16, HEADER as u8, 1000),
        data(TX_BUFFER, HEADER, tse, 3),
        data(TX_BUFFER + HEADER as u64, 1200, tse, 0),
        data(TX_BUFFER + HEADER as u64 + 1200, 1300, tse | TxCommand::EOP | TxCommand::RS, 0),
    ]);
    let segments = board.cable.sent();
    let sizes: Vec<_> = segments.iter().map(|segment| segment.len() - HEADER).collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    let mut joined: Vec<u8> = Vec::new();
    for (n, segment) in segments.iter().enumerate() {
        let verdict = check_ipv4(&segment[14..]);
        assert_eq!((verdict.ip, verdict.transport), (Some(true), Some(true)), "{n}");
        assert_eq!(u16::from_be_bytes([segment[16], segment[17]]) as usize, segment.len() - 14);
        assert_eq!(segment[18..20], (0x1000 + n as u16).to_be_bytes());
        assert_eq!(segment[38..42], (0xfffe_u32 + 1000 * n as u32).to_be_bytes());
        assert_eq!(segment[47], if n == 2 { 0x19 } else { 0x10 }, "FIN and PSH are the last one's");
        joined.extend(&segment[HEADER..]);
    }
    assert_eq!(joined, payload);
    assert_eq!(board.read(0x40f8), 1);
}

#[test]
fn vlan_tags_are_inserted() {
    let mut board = Board::started();
    let sent = frame([0xff; 6], 60);
    board.bench.memory.write(GuestPhysAddr(TX_BUFFER), &sent);
    let mut descriptor = legacy(TX_BUFFER, 60, TxCommand::EOP | TxCommand::VLE);
    descriptor[14..].copy_from_slice(&[0x25, 0x20]);
    board.transmit(&[descriptor]);
    assert_eq!(board.cable.sent(), std::slice::from_ref(&sent), "not enabled");
    board.write(offset::CTRL, Ctrl::VME.bits());
    board.transmit(&[descriptor]);
    let mut tagged = sent.clone();
    tagged.splice(12..12, [0x81, 0x00, 0x20, 0x25]);
    assert_eq!(board.cable.sent(), [tagged]);
    board.send(&sent, TxCommand::empty());
    assert_eq!(board.cable.sent(), [sent], "and the next has none");
}

#[test]
fn a_large_ring_is_served_by_and_by() {
    let mut board = Board::started();
    // The longest possible ring, over all of memory, with equal descriptors.
    let descriptor = legacy(0x100, 0xffff, TxCommand::EOP);
    let all: Vec<u8> = descriptor.repeat(0x1_0000 / 16);
    for n in 0..16 {
        board.bench.memory.write(GuestPhysAddr(n << 16), &all);
    }
    board.write(offset::TDBAL, 0);
    board.write(offset::TDBAL + 8, 0x000f_ff80);
    board.write(offset::TDT, 0x4000);
    let first = board.read(TDH);
    assert!(first < 64, "{first} descriptors at once");
    board.pass(10_000_000);
    let later = board.read(TDH);
    assert!(later > first && later < 0x4000, "{later}");
    assert!(board.cable.sent().iter().all(|frame| frame.len() == 16288));
    // Contexts with invalid offsets, and headers longer than their packets.
    board.card.reset(&mut board.bench.ctx());
    let mut board = Board::started();
    board.transmit(&[
        context(7, 255, 255, 1),
        data(TX_BUFFER, 10, TxCommand::IC_TSE | TxCommand::EOP, 3),
        context(4, 0, 0, 0),
        data(TX_BUFFER, 0xf_ffff, TxCommand::IC_TSE | TxCommand::EOP, 3),
    ]);
    board.pass(10_000_000);
    assert_eq!(board.read(TDH), 4);
}

#[test]
fn in_loopback_frames_come_back() {
    let mut board = Board::started();
    board.write(offset::RCTL, (Rctl::EN | Rctl::SECRC | Rctl::LOOPBACK).bits());
    let sent = frame(MAC, 80);
    board.send(&sent, TxCommand::RS);
    assert!(board.cable.sent().is_empty());
    assert_eq!((board.read(RDH), board.bytes(RX_BUFFERS, 80)), (1, sent));
    board.comes(&frame(MAC, 60));
    assert_eq!(board.read(RDH), 1, "the cable is cut off");
}

#[test]
fn without_a_link_frames_are_lost() {
    let mut board = Board::started();
    board.cable.unplug(true);
    board.poll();
    board.send(&frame([0xff; 6], 60), TxCommand::RS);
    assert_eq!((board.cable.sent().len(), board.bytes(TX_RING + 12, 1)), (0, vec![1]));
}
