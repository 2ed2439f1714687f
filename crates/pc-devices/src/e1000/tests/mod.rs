//! A card in a slot, with memory and a cable.

mod interrupts;
mod receive;
mod registers;
mod transmit;

use super::spec::{Ctrl, Rctl, TxCommand, offset};
use super::{E1000, parse_mac};
use crate::bench::Bench;
use device_api::{Device, IrqLine, Mmio, NetBackend, PIRQA, PciFunction, Snapshot, Timed, VmTime};
use std::sync::{Arc, Mutex};
use x86_types::GuestPhysAddr;

const BASE: u64 = 0xfeb0_0000;
const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
/// Where the rings and the buffers are.
const RX_RING: u64 = 0x1000;
const TX_RING: u64 = 0x2000;
const RX_BUFFERS: u64 = 0x1_0000;
const TX_BUFFER: u64 = 0x8_0000;
/// Heads of the rings.
const RDH: u32 = offset::RDBAL + 0x10;
const TDH: u32 = offset::TDBAL + 0x10;
/// Descriptors of each ring.
const RING: u32 = 16;

/// A cable with both ends in the test's hand.
#[derive(Clone, Debug, Default)]
struct Cable(Arc<Mutex<Ends>>);

#[derive(Debug, Default)]
struct Ends {
    sent: Vec<Vec<u8>>,
    coming: Vec<Vec<u8>>,
    unplugged: bool,
}

impl Cable {
    fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.0.lock().unwrap().sent)
    }
    fn comes(&self, frame: &[u8]) {
        self.0.lock().unwrap().coming.push(frame.to_vec());
    }
    fn waiting(&self) -> usize {
        self.0.lock().unwrap().coming.len()
    }
    fn unplug(&self, unplugged: bool) {
        self.0.lock().unwrap().unplugged = unplugged;
    }
}

impl NetBackend for Cable {
    fn send(&mut self, _: VmTime, frame: &[u8]) {
        self.0.lock().unwrap().sent.push(frame.to_vec());
    }
    fn receive(&mut self, _: VmTime, frame: &mut Vec<u8>) -> bool {
        let mut ends = self.0.lock().unwrap();
        if ends.coming.is_empty() {
            return false;
        }
        *frame = ends.coming.remove(0);
        true
    }
    fn is_up(&self) -> bool {
        !self.0.lock().unwrap().unplugged
    }
}

struct Board {
    card: E1000,
    bench: Bench,
    cable: Cable,
}

impl Board {
    /// Returns a card with mapped registers and bus mastering enabled.
    fn new() -> Self {
        let cable = Cable::default();
        let mut board =
            Self { card: E1000::new(MAC, Some(Box::new(cable.clone()))), bench: Bench::new(), cable };
        board.configure(0x10, BASE as u32);
        board.configure(0x14, 0xc001);
        board.configure(0x04, 7);
        board
    }

    /// The same with both rings set up, and everything accepted that is for the card or for everyone.
    fn started() -> Self {
        let mut board = Self::new();
        for (base, ring) in [(offset::RDBAL, RX_RING), (offset::TDBAL, TX_RING)] {
            board.write(base, ring as u32);
            board.write(base + 8, RING * 16);
        }
        for n in 0..u64::from(RING) {
            board.bench.memory.write(GuestPhysAddr(RX_RING + 16 * n), &(RX_BUFFERS + 2048 * n).to_le_bytes());
        }
        board.write(offset::RDT, RING - 1);
        board.write(offset::RCTL, (Rctl::EN | Rctl::BAM | Rctl::SECRC).bits());
        board.write(offset::TCTL, 2);
        board
    }

    fn configure(&mut self, at: u8, value: u32) {
        self.card.config_write(&mut self.bench.ctx(), at, 4, value);
    }
    fn read(&mut self, at: u32) -> u32 {
        self.card.mmio_read(&mut self.bench.ctx(), GuestPhysAddr(BASE + u64::from(at)), 4) as u32
    }
    fn write(&mut self, at: u32, value: u32) {
        self.card.mmio_write(&mut self.bench.ctx(), GuestPhysAddr(BASE + u64::from(at)), 4, value.into());
    }
    fn poll(&mut self) {
        device_api::HostIo::poll(&mut self.card, &mut self.bench.ctx());
    }

    /// A frame comes by the cable.
    fn comes(&mut self, frame: &[u8]) {
        self.cable.comes(frame);
        self.poll();
    }

    /// Whether INTA# is asserted: in slot 0 it is PIRQD#.
    fn interrupt(&self) -> bool {
        (0..4).any(|n| self.bench.irq.level(IrqLine(PIRQA.0 + n)))
    }

    /// Lets time pass, with all that is due on the way.
    fn pass(&mut self, ns: u64) {
        let until = self.bench.now + ns;
        while let Some(at) = self.card.next_deadline().filter(|at| *at <= until) {
            assert!(at > self.bench.now);
            self.bench.now = at;
            self.card.advance(&mut self.bench.ctx());
        }
        self.bench.now = until;
    }

    fn bytes(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.bench.memory.read(GuestPhysAddr(at), &mut bytes);
        bytes
    }

    /// Puts descriptors at the tail of the transmit ring and moves it.
    fn transmit(&mut self, descriptors: &[[u8; 16]]) {
        let mut tail = self.read(offset::TDT);
        for descriptor in descriptors {
            self.bench.memory.write(GuestPhysAddr(TX_RING + u64::from(tail) * 16), descriptor);
            tail = (tail + 1) % RING;
        }
        self.write(offset::TDT, tail);
    }

    /// Puts a frame into memory and sends it by one legacy descriptor.
    fn send(&mut self, frame: &[u8], command: TxCommand) {
        self.bench.memory.write(GuestPhysAddr(TX_BUFFER), frame);
        self.transmit(&[legacy(TX_BUFFER, frame.len(), TxCommand::EOP | command)]);
    }
}

fn legacy(buffer: u64, len: usize, command: TxCommand) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&buffer.to_le_bytes());
    bytes[8..10].copy_from_slice(&(len as u16).to_le_bytes());
    bytes[11] = command.bits();
    bytes
}

/// A frame to a station, of a type that means nothing.
fn frame(to: [u8; 6], len: usize) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend([2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    frame.extend((14..len).map(|n| n as u8));
    frame
}

#[test]
fn addresses_are_read_as_people_write_them() {
    assert_eq!(parse_mac("52:54:00:12:34:56"), Some(MAC));
    assert_eq!(parse_mac("52-54-0-12-34-56"), Some(MAC));
    for text in [
        "",
        "52:54:00:12:34",
        "52:54:00:12:34:56:78",
        "53:54:00:12:34:56",
        "0:0:0:0:0:0",
        "52:54:00:12:34:+5",
    ] {
        assert_eq!(parse_mac(text), None, "{text}");
    }
}

#[test]
fn the_state_comes_back_from_its_bytes_in_the_middle_of_things() {
    let mut board = Board::started();
    board.send(&frame([0xff; 6], 100), TxCommand::RS);
    // Half a packet, and a frame that waits for descriptors.
    board.transmit(&[legacy(TX_BUFFER, 30, TxCommand::empty())]);
    board.write(offset::RDT, 0);
    board.write(offset::CTRL, Ctrl::SLU.bits());
    let mut bytes = Vec::new();
    board.card.save(&mut bytes);
    let mut copy = E1000::new([2, 0, 0, 0, 0, 7], Some(Box::new(Cable::default())));
    assert_eq!(copy.load(&mut &bytes[..bytes.len() - 1]), None);
    assert_ne!(copy.chip, board.card.chip);
    let mut rest = &bytes[..];
    assert_eq!(copy.load(&mut rest), Some(()));
    assert!(rest.is_empty());
    assert_eq!(copy.chip, board.card.chip);
    assert_eq!(copy.next_deadline(), board.card.next_deadline());
}

#[test]
fn a_reset_stops_everything_and_keeps_the_eeprom() {
    let mut board = Board::started();
    board.send(&frame([0xff; 6], 100), TxCommand::RS);
    board.write(offset::IMS, 0xffff);
    assert!(board.interrupt());
    board.card.reset(&mut board.bench.ctx());
    assert!(!board.interrupt());
    assert_eq!(board.card.chip, E1000::new(MAC, Some(Box::new(Cable::default()))).chip);
}
