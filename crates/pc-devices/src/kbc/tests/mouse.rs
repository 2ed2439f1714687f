use super::Board;
use device_api::{InputEvent, PointerButton, VmTime};

pub(super) fn movement(dx: i32, dy: i32) -> InputEvent {
    InputEvent::Move { dx, dy }
}

fn button(button: PointerButton, down: bool) -> InputEvent {
    InputEvent::Button { button, down }
}

/// Sends bytes to the mouse; returns the answers.
fn send(board: &mut Board, bytes: &[u8]) -> Vec<u8> {
    let mut answers = Vec::new();
    for byte in bytes {
        board.writes(&[(0x64, 0xd4), (0x60, *byte)]);
        answers.extend(board.bytes_of(0x21));
    }
    answers
}

/// Returns a board after these bytes were sent to the mouse.
fn board(bytes: &[u8]) -> Board {
    let mut board = Board::new();
    send(&mut board, bytes);
    // The mouse may report at once.
    board.bench.now = VmTime(1_000_000_000);
    board
}

const KNOCK: [u8; 6] = [0xf3, 200, 0xf3, 100, 0xf3, 80];

#[test]
fn commands_answer() {
    let table: &[(&[u8], &[u8])] = &[
        (&[0xff], &[0xfa, 0xaa, 0x00]),
        (&[0xf2], &[0xfa, 0x00]),
        (&[0xe9], &[0xfa, 0x00, 0x02, 0x64]),
        (&[0xe7, 0xe8, 0x03, 0xf3, 40, 0xf4, 0xe9], &[0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0x30, 3, 40]),
        (&[0xe7, 0xe6, 0xe9], &[0xfa, 0xfa, 0xfa, 0x00, 0x02, 0x64]),
        (&[0xf0, 0xe9, 0xea, 0xe9], &[0xfa, 0xfa, 0x40, 2, 100, 0xfa, 0xfa, 0x00, 2, 100]),
        (&[0xf4, 0xf5, 0xe9], &[0xfa, 0xfa, 0xfa, 0x00, 0x02, 0x64]),
        (&[0xe7, 0xf0, 0xf6, 0xe9], &[0xfa, 0xfa, 0xfa, 0xfa, 0x00, 0x02, 0x64]),
        (&[0xeb], &[0xfa, 0x08, 0, 0]),
        (&[0xee, 0x12, 0xf4, 0xec, 0xe9], &[0xfa, 0x12, 0xf4, 0xfa, 0xfa, 0x00, 0x02, 0x64]),
        (&[0xee, 0xff], &[0xfa, 0xfa, 0xaa, 0x00]),
        (&[0xe8, 0x04], &[0xfa, 0xfe]),
        (&[0xf3, 0x01], &[0xfa, 0xfe]),
        (&[0x00], &[0xfe]),
        (&[0xe1], &[0xfe]),
        (&[0xf2, 0xfe], &[0xfa, 0x00, 0x00]),
    ];
    for (bytes, answers) in table {
        assert_eq!(send(&mut Board::new(), bytes), *answers, "{bytes:x?}");
    }
}

#[test]
fn the_knock_turns_the_wheel_on_until_reset() {
    let mut board = board(&KNOCK);
    assert_eq!(send(&mut board, &[0xf2]), [0xfa, 0x03]);
    send(&mut board, &[0xf4]);
    board.input(movement(1, 2));
    board.input(InputEvent::Wheel { dz: -1 });
    assert_eq!(board.bytes_of(0x21), [0x28, 1, 0xfe, 0xff]);
    board.input(InputEvent::Wheel { dz: 9 });
    assert_eq!(board.bytes_of(0x21), [0x08, 0, 0, 7, 0x08, 0, 0, 2]);
    send(&mut board, &[0xf6]);
    assert_eq!(send(&mut board, &[0xf2]), [0xfa, 0x03]);
    send(&mut board, &[0xff]);
    assert_eq!(send(&mut board, &[0xf2]), [0xfa, 0x00]);
    // Another order does not.
    send(&mut board, &[0xf3, 100, 0xf3, 200, 0xf3, 80]);
    assert_eq!(send(&mut board, &[0xf2]), [0xfa, 0x00]);
}

#[test]
fn packets_say_what_happened() {
    // Events, packets
    let table: &[(&[InputEvent], &[u8])] = &[
        (&[movement(5, -3)], &[0x08, 5, 3]),
        (&[movement(-5, 3)], &[0x38, 0xfb, 0xfd]),
        (&[movement(2, 0), movement(3, 1)], &[0x08, 2, 0, 0x28, 3, 0xff]),
        (&[movement(300, 0)], &[0x08, 127, 0, 0x08, 127, 0, 0x08, 46, 0]),
        (&[movement(0, 200)], &[0x28, 0, 0x81, 0x28, 0, 0xb7]),
        (&[button(PointerButton::Left, true)], &[0x09, 0, 0]),
        (
            &[button(PointerButton::Right, true), button(PointerButton::Middle, true)],
            &[0x0a, 0, 0, 0x0e, 0, 0],
        ),
        (&[button(PointerButton::Left, true), button(PointerButton::Left, false)], &[0x09, 0, 0, 0x08, 0, 0]),
        (&[InputEvent::Wheel { dz: 1 }], &[]),
    ];
    for (events, packets) in table {
        let mut board = board(&[0xf4]);
        events.iter().for_each(|event| board.input(*event));
        assert_eq!(board.bytes_of(0x21), *packets, "{events:?}");
    }
}

#[test]
fn movement_is_summed_up_between_reports() {
    let mut board = board(&[0xf4]);
    board.input(movement(1, 0));
    assert_eq!(board.read(0x60), 0x08, "the first packet is under way");
    for _ in 0..50 {
        board.input(movement(2, 0));
    }
    assert_eq!(board.bytes_of(0x21), [1, 0, 0x08, 100, 0]);
    // A guest that does not look for a long time gets an end.
    for _ in 0..10_000 {
        board.input(movement(i32::MAX, i32::MIN));
        board.input(movement(0, -127));
    }
    let mut packets = 0;
    while !board.drain().is_empty() {
        packets += 1;
    }
    assert!((10..100).contains(&packets), "{packets} times 100 ms");
}

#[test]
fn reports_come_at_the_sample_rate() {
    let mut board = board(&[0xf3, 20, 0xf4]);
    let start = board.bench.now;
    board.input(movement(200, 0));
    board.drain();
    assert!((50_000_000..60_000_000).contains(&board.bench.now.since(start)), "{:?}", board.bench.now);
}

#[test]
fn scaling_is_for_stream_mode() {
    for (counts, scaled) in [(1, 1), (2, 1), (3, 3), (4, 6), (5, 9), (6, 12), (-4, 0xfa), (50, 100)] {
        let mut board = board(&[0xe7, 0xf4]);
        board.input(movement(counts, 0));
        assert_eq!(board.bytes_of(0x21)[1], scaled, "{counts}");
        send(&mut board, &[0xf0]);
        board.input(movement(counts, 0));
        assert_eq!(send(&mut board, &[0xeb])[2], counts as u8, "{counts}");
    }
}

#[test]
fn remote_mode_and_disabled_mice_are_silent() {
    let mut board = board(&[0xf0]);
    board.input(movement(7, 0));
    board.input(button(PointerButton::Left, true));
    assert!(board.drain().is_empty());
    assert_eq!(send(&mut board, &[0xeb]), [0xfa, 0x09, 7, 0]);
    assert_eq!(send(&mut board, &[0xeb]), [0xfa, 0x09, 0, 0]);
    send(&mut board, &[0xea]);
    board.input(movement(7, 0));
    assert!(board.drain().is_empty(), "not enabled");
    assert_eq!(send(&mut board, &[0xf4]), [0xfa]);
    assert!(board.drain().is_empty(), "and nothing of it is left");
}

#[test]
fn a_command_cuts_a_packet() {
    let mut board = board(&[0xf4]);
    board.input(movement(1, 1));
    assert_eq!(board.read(0x60), 0x28);
    assert_eq!(send(&mut board, &[0xf5]), [0xfa]);
}
