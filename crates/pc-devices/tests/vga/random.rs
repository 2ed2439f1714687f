//! Whatever a guest does, a picture of bounded size comes out.

use crate::card::{Card, FRAME_BUFFER};
use crate::modes::{CGA_4, MODE_X, TEXT_80, VGA_12, VGA_13};
use device_api::Frame;
use proptest::prelude::*;
use x86_types::GuestPhysAddr;

#[derive(Clone, Debug)]
enum Op {
    Mode(u8),
    Index(u16, u8, u8),
    Attribute(u8, u8),
    Dispi(u16, u16),
    Out(u16, u8, u32),
    Window { at: u32, size: u8, value: Option<u64> },
    FrameBuffer(u32, u8),
    Registers { at: u16, size: u8, value: Option<u64> },
    Wait(u64),
    Look(bool),
}

fn op() -> impl Strategy<Value = Op> {
    let size = prop_oneof![Just(1u8), Just(2), Just(4), Just(8)];
    let value = prop_oneof![any::<u16>(), Just(0), Just(u16::MAX), 0..4096u16, Just(0x41), Just(32)];
    prop_oneof![
        1 => (0..5u8).prop_map(Op::Mode),
        8 => (prop_oneof![Just(0x3c4u16), Just(0x3ce), Just(0x3d4)], 0..26u8, any::<u8>())
            .prop_map(|(port, index, value)| Op::Index(port, index, value)),
        3 => (0..32u8, any::<u8>()).prop_map(|(index, value)| Op::Attribute(index, value)),
        8 => (0..12u16, value).prop_map(|(index, value)| Op::Dispi(index, value)),
        2 => (0x3b0..0x3e0u16, 1..3u8, any::<u32>()).prop_map(|(port, size, value)| Op::Out(port, size, value)),
        8 => (0..0x2_0000u32, size.clone(), proptest::option::of(any::<u64>()))
            .prop_map(|(at, size, value)| Op::Window { at, size, value }),
        2 => (0..1u32 << 24, any::<u8>()).prop_map(|(at, value)| Op::FrameBuffer(at, value)),
        2 => (0..0x1000u16, size, proptest::option::of(any::<u64>()))
            .prop_map(|(at, size, value)| Op::Registers { at, size, value }),
        1 => (0..1_000_000u64).prop_map(Op::Wait),
        1 => any::<bool>().prop_map(Op::Look),
    ]
}

fn mmio(card: &mut Card, at: u64, size: u8, value: Option<u64>) {
    let device = card.vga.mmio().unwrap();
    match value {
        Some(value) => device.mmio_write(&mut card.bench.ctx(), GuestPhysAddr(at), size, value),
        None => _ = device.mmio_read(&mut card.bench.ctx(), GuestPhysAddr(at), size),
    }
}

fn apply(card: &mut Card, frame: &mut Frame, op: &Op) {
    match *op {
        Op::Mode(n) => card.set_mode(&[TEXT_80, VGA_12, VGA_13, MODE_X, CGA_4][usize::from(n)]),
        Op::Index(port, index, value) => card.set(port, index, value),
        Op::Attribute(index, value) => card.attribute(index, value),
        Op::Dispi(index, value) => card.dispi(index, value),
        Op::Out(port, size, value) => {
            card.vga.pio().unwrap().port_write(&mut card.bench.ctx(), port, size, value);
        }
        Op::Window { at, size, value } => mmio(card, 0xa_0000 + u64::from(at), size, value),
        Op::FrameBuffer(at, value) => card.poke(FRAME_BUFFER + u64::from(at), &[value]),
        Op::Registers { at, size, value } => mmio(card, 0xfebf_0000 + u64::from(at), size, value),
        Op::Wait(milliseconds) => card.wait(milliseconds),
        Op::Look(again) => look(card, frame, again),
    }
}

/// Draws what changed, or all of it beside.
fn look(card: &mut Card, frame: &mut Frame, again: bool) {
    card.render(frame);
    assert!(frame.width <= 2560 && frame.height <= 1600, "{}x{}", frame.width, frame.height);
    assert_eq!(frame.rgba.len() as u32, frame.width * frame.height * 4);
    for rect in &frame.damage {
        assert!(rect.x + rect.width <= frame.width && rect.y + rect.height <= frame.height);
    }
    if again && card.text().is_none() {
        let mut whole = Frame { width: frame.width, height: frame.height, ..Frame::default() };
        card.render(&mut whole);
        assert!(whole.rgba == frame.rgba, "what was not drawn again has changed too");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn random_registers_give_a_picture(ops in proptest::collection::vec(op(), 1..120)) {
        let (mut card, mut frame) = (Card::new(), Frame::default());
        card.vga.pci().unwrap().config_write(&mut card.bench.ctx(), 0x18, 4, 0xfebf_0000);
        for op in &ops {
            apply(&mut card, &mut frame, op);
        }
        look(&mut card, &mut frame, true);
    }

    #[test]
    fn damaged_states_give_a_picture(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        let mut card = Card::new();
        card.set_mode(&TEXT_80);
        card.dispi(1, 640);
        card.dispi(4, 1);
        let mut bytes = Vec::new();
        card.vga.save(&mut bytes);
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        let _ = card.vga.load(&mut &bytes[..]);
        let memory = std::rc::Rc::clone(&card.bench.memory);
        card.vga.map_restored(&memory);
        let mut frame = Frame::default();
        look(&mut card, &mut frame, true);
        mmio(&mut card, 0xa_1234, 8, Some(1));
        mmio(&mut card, 0xa_1234, 8, None);
    }
}
