//! Commands in any order, cut anywhere, on media that answer when they like.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Command(Vec<u8>),
    Port(u16, u8),
    Read(u16),
    DmaIn(usize),
    DmaOut(usize),
    Hold(bool),
    Poll,
    Wait,
    Eject,
    Insert(usize),
    Move,
}

fn op() -> impl Strategy<Value = Op> {
    let code = prop_oneof![
        proptest::sample::select(vec![
            0x46, 0xc6, 0x45, 0xc5, 0x42, 0x4c, 0x6c, 0x4d, 0x51, 0x59, 0x5d, 0x56, 0x4a
        ]),
        any::<u8>()
    ];
    let small = || prop_oneof![3 => 0..3u8, 1 => any::<u8>()];
    let sector = || prop_oneof![3 => 1..20u8, 1 => any::<u8>()];
    let parameters = ([small(), small(), small(), sector()], [Just(2u8), Just(2)], sector(), small());
    let command = (code, parameters, 0..12usize).prop_map(|(code, ([a, b, c, d], [e, _], f, g), cut)| {
        // Formatting has other parameters.
        let bytes =
            if code == 0x4d { vec![code, a, 2, 18, d, g] } else { vec![code, a, b, c, d, e, f, 0x1b, g] };
        bytes.into_iter().take(cut).collect()
    });
    prop_oneof![
        8 => command.prop_map(Op::Command),
        2 => (0x3f0..0x3f8u16, any::<u8>()).prop_map(|(port, value)| Op::Port(port, value)),
        3 => (0x3f0..0x3f8u16).prop_map(Op::Read),
        4 => (1..3000usize).prop_map(Op::DmaIn),
        4 => (1..3000usize).prop_map(Op::DmaOut),
        1 => any::<bool>().prop_map(Op::Hold),
        2 => Just(Op::Poll),
        2 => Just(Op::Wait),
        1 => Just(Op::Eject),
        1 => proptest::sample::select(vec![160, 360, 720, 1440, 2880, 7]).prop_map(Op::Insert),
        1 => Just(Op::Move),
    ]
}

fn state(board: &Board) -> Vec<u8> {
    let mut bytes = Vec::new();
    board.fdc.save(&mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing panics or hangs, states come back, and reset always leads out.
    #[test]
    fn any_order_of_commands_is_harmless(ops in proptest::collection::vec(op(), 1..60)) {
        let disk = Disk::new(1440);
        let mut board = Board::ready(&disk);
        for op in ops {
            match op {
                Op::Command(bytes) => bytes.into_iter().for_each(|byte| board.write(0x3f5, byte)),
                Op::Port(port, value) => board.write(port, value),
                Op::Read(port) => _ = board.read(port),
                Op::DmaIn(len) => _ = board.dma_in(len),
                Op::DmaOut(len) => _ = board.dma_out(&vec![0x5a; len]),
                Op::Hold(held) => disk.hold(held),
                Op::Poll => board.poll(),
                Op::Wait => {
                    if board.fdc.timed().unwrap().next_deadline().is_some() {
                        board.wait();
                    }
                }
                Op::Eject => {
                    let Board { bench, fdc } = &mut board;
                    fdc.drives().unwrap().eject(&mut bench.ctx(), "floppy0", false).unwrap();
                }
                Op::Insert(kib) => {
                    let medium = Disk { held: Arc::clone(&disk.held), ..Disk::new(kib) };
                    let Board { bench, fdc } = &mut board;
                    fdc.drives().unwrap().insert(&mut bench.ctx(), "floppy0", Box::new(medium)).unwrap();
                }
                Op::Move => {
                    let before = state(&board);
                    let mut rest = &before[..];
                    prop_assert_eq!(board.fdc.load(&mut rest), Some(()));
                    prop_assert!(rest.is_empty());
                    prop_assert_eq!(state(&board), before);
                }
            }
        }
        board.write(0x3f2, 0x00);
        prop_assert_eq!(board.read(0x3f4), 0);
        board.write(0x3f2, 0x1c);
        prop_assert_eq!(board.read(0x3f4), 0x80);
        prop_assert!(board.irq() && !board.requested());
        prop_assert_eq!(board.command(&[0x08]), [0xc0, 0]);
        prop_assert!(!board.fdc.host_io().unwrap().is_waiting());
    }
}
