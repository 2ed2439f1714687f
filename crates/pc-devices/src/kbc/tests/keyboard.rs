use super::Board;
use device_api::{InputEvent, KeyCode};

pub(super) fn press(code: KeyCode) -> InputEvent {
    InputEvent::Key { code, down: true }
}

fn release(code: KeyCode) -> InputEvent {
    InputEvent::Key { code, down: false }
}

/// A board with this command byte and scan code set.
fn board(command_byte: u8, set: u8) -> Board {
    let mut board = Board::new();
    board.writes(&[(0x64, 0x60), (0x60, command_byte), (0x60, 0xf0), (0x60, set)]);
    board.drain();
    board
}

const RAW: u8 = 0x05;
const TRANSLATED: u8 = 0x45;

#[test]
fn commands_answer() {
    let table: &[(&[u8], &[u8])] = &[
        (&[0xff], &[0xfa, 0xaa]),
        (&[0xf2], &[0xfa, 0xab, 0x83]),
        (&[0xed, 0x07], &[0xfa, 0xfa]),
        (&[0xf0, 0x00], &[0xfa, 0xfa, 0x02]),
        (&[0xf0, 0x01, 0xf0, 0x00], &[0xfa, 0xfa, 0xfa, 0xfa, 0x01]),
        (&[0xf0, 0x04], &[0xfa, 0xfe]),
        (&[0xf3, 0x20], &[0xfa, 0xfa]),
        (&[0xed, 0xf4], &[0xfa, 0xfa]),
        (&[0xf7], &[0xfa]),
        (&[0xfc, 0x84, 0x1c, 0xf4], &[0xfa, 0xfa, 0xfa, 0xfa]),
        (&[0xee], &[0xee]),
        (&[0xee, 0xfe], &[0xee, 0xee]),
        (&[0x05], &[0xfe]),
    ];
    for (commands, answers) in table {
        let mut board = board(RAW, 2);
        let mut got = Vec::new();
        for command in *commands {
            board.write(0x60, *command);
            got.extend(board.bytes_of(1));
        }
        assert_eq!(got, *answers, "{commands:x?}");
    }
}

#[test]
fn answers_are_translated_as_scan_codes_are() {
    let mut board = board(TRANSLATED, 2);
    for (commands, answers) in [(&[0xf2][..], &[0xfa, 0xab, 0x41][..]), (&[0xf0, 0], &[0xfa, 0x41])] {
        for command in commands {
            board.write(0x60, *command);
        }
        let got = board.bytes_of(1);
        assert_eq!(got.get(got.len() - answers.len()..), Some(answers), "{commands:x?}");
    }
}

#[test]
fn keys_in_each_set() {
    use KeyCode::*;
    // Key, what going down and up sends in sets 1, 2 and 3; in set 3 after reset
    type Row = (KeyCode, [&'static [u8]; 3]);
    let table: &[Row] = &[
        (KeyA, [&[0x1e, 0x9e], &[0x1c, 0xf0, 0x1c], &[0x1c]]),
        (ShiftLeft, [&[0x2a, 0xaa], &[0x12, 0xf0, 0x12], &[0x12, 0xf0, 0x12]]),
        (ArrowUp, [&[0xe0, 0x48, 0xe0, 0xc8], &[0xe0, 0x75, 0xe0, 0xf0, 0x75], &[0x63]]),
        (
            Pause,
            [
                &[0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5],
                &[0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77],
                &[0x62],
            ],
        ),
        (
            PrintScreen,
            [
                &[0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa],
                &[0xe0, 0x12, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12],
                &[0x57],
            ],
        ),
    ];
    for (key, sets) in table {
        for (n, want) in sets.iter().enumerate() {
            let mut raw = board(RAW, n as u8 + 1);
            raw.input(press(*key));
            raw.input(release(*key));
            assert_eq!(raw.bytes_of(1), *want, "{key:?} in set {}", n + 1);
        }
        let mut translated = board(TRANSLATED, 2);
        translated.input(press(*key));
        translated.input(release(*key));
        assert_eq!(translated.bytes_of(1), sets[0], "{key:?} translated");
    }
}

#[test]
fn control_and_alt_change_pause_and_print_screen() {
    use KeyCode::*;
    // Held, key, what it sends in set 1
    let table: &[(KeyCode, KeyCode, &[u8])] = &[
        (ControlRight, Pause, &[0xe0, 0x46, 0xe0, 0xc6]),
        (AltLeft, PrintScreen, &[0x54, 0xd4]),
        (ShiftRight, PrintScreen, &[0xe0, 0x37, 0xe0, 0xb7]),
    ];
    for (held, key, want) in table {
        let mut board = board(TRANSLATED, 2);
        board.input(press(*held));
        board.drain();
        board.input(press(*key));
        board.input(release(*key));
        assert_eq!(board.bytes_of(1), *want, "{held:?} {key:?}");
    }
}

#[test]
fn keys_repeat_and_are_released_once() {
    let mut board = board(RAW, 2);
    for event in [press(KeyCode::KeyA), press(KeyCode::KeyA), release(KeyCode::KeyA), release(KeyCode::KeyA)]
    {
        board.input(event);
    }
    assert_eq!(board.bytes_of(1), [0x1c, 0x1c, 0xf0, 0x1c]);
    board.input(press(KeyCode::Pause));
    assert_eq!(board.bytes_of(1).len(), 8);
    board.input(press(KeyCode::Pause));
    assert!(board.drain().is_empty());
}

#[test]
fn key_types_of_set_3() {
    // Commands, what going down, repeating and going up sends
    let table: &[(&[u8], &[u8])] = &[
        (&[], &[0x1c, 0x1c]),
        (&[0xf7], &[0x1c, 0x1c]),
        (&[0xf8], &[0x1c, 0xf0, 0x1c]),
        (&[0xf9], &[0x1c]),
        (&[0xfa], &[0x1c, 0x1c, 0xf0, 0x1c]),
        (&[0xf9, 0xfb, 0x32, 0x1c, 0xf4], &[0x1c, 0x1c]),
        (&[0xf9, 0xfc, 0x1c, 0xf4], &[0x1c, 0xf0, 0x1c]),
        (&[0xfa, 0xfd, 0x1c, 0xf4], &[0x1c]),
        (&[0xfa, 0xfd, 0x32, 0xf4], &[0x1c, 0x1c, 0xf0, 0x1c]),
    ];
    for (commands, want) in table {
        let mut board = board(RAW, 3);
        for command in *commands {
            board.write(0x60, *command);
            assert_eq!(board.bytes_of(1), [0xfa], "{commands:x?}");
        }
        for event in [press(KeyCode::KeyA), press(KeyCode::KeyA), release(KeyCode::KeyA)] {
            board.input(event);
        }
        assert_eq!(board.bytes_of(1), *want, "{commands:x?}");
    }
}

#[test]
fn a_full_buffer_says_so_and_cuts_no_code() {
    let mut board = board(RAW, 2);
    // One byte is in the controller, sixteen fit behind it.
    for key in [KeyCode::KeyA; 8] {
        board.input(press(key));
        board.input(release(key));
    }
    let bytes = board.bytes_of(1);
    let mut want = vec![0x1c];
    want.extend([0xf0, 0x1c, 0x1c].repeat(5));
    want.push(0x00);
    assert_eq!(bytes, want);
    assert_eq!(board.read(0x60), 0, "an empty buffer repeats the last byte");
    board.input(release(KeyCode::KeyA));
    board.input(press(KeyCode::KeyB));
    assert_eq!(board.bytes_of(1), [0x32], "there is room again");
}

#[test]
fn scanning_stops_and_goes_on() {
    let mut board = board(TRANSLATED, 2);
    board.write(0x60, 0xf5);
    board.drain();
    board.input(press(KeyCode::KeyA));
    board.input(release(KeyCode::KeyA));
    assert!(board.drain().is_empty());
    board.write(0x60, 0xf4);
    board.drain();
    board.input(press(KeyCode::KeyA));
    assert_eq!(board.bytes_of(1), [0x1e]);
}

#[test]
fn a_port_that_is_off_keeps_keys_until_it_is_on() {
    let mut board = board(TRANSLATED, 2);
    board.write(0x64, 0xad);
    board.input(press(KeyCode::Enter));
    assert!(board.drain().is_empty());
    board.write(0x64, 0xae);
    assert_eq!(board.bytes_of(1), [0x1c]);
}
