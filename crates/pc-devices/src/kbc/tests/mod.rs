mod keyboard;
mod mouse;

use super::Kbc;
use super::spec::BYTE_NS;
use crate::bench::Bench;
use device_api::{Device, HostEvent, InputEvent, IrqLine, MachineEvent, Pio, Snapshot, Timed};

/// The controller, its wires and the time.
struct Board {
    bench: Bench,
    kbc: Kbc,
}

impl Board {
    fn new() -> Self {
        Self { bench: Bench::new(), kbc: Kbc::default() }
    }

    fn read(&mut self, port: u16) -> u8 {
        self.kbc.port_read(&mut self.bench.ctx(), port, 1) as u8
    }

    fn write(&mut self, port: u16, value: u8) {
        self.kbc.port_write(&mut self.bench.ctx(), port, 1, u32::from(value));
    }

    fn writes(&mut self, writes: &[(u16, u8)]) {
        writes.iter().for_each(|(port, value)| self.write(*port, *value));
    }

    fn input(&mut self, event: InputEvent) {
        self.kbc.host_event(&mut self.bench.ctx(), HostEvent::Input(event));
    }

    /// Everything there is to read within the next 100 ms, with the status bits of each byte.
    fn drain(&mut self) -> Vec<(u8, u8)> {
        let mut bytes = Vec::new();
        let end = self.bench.now + 100_000_000;
        loop {
            let status = self.read(0x64);
            if status & 1 != 0 {
                bytes.push((status & 0x61, self.read(0x60)));
                continue;
            }
            match self.kbc.next_deadline().filter(|at| *at <= end) {
                Some(at) => {
                    assert!(at > self.bench.now, "{at:?} lies behind");
                    self.bench.now = at;
                    self.kbc.advance(&mut self.bench.ctx());
                }
                None => return bytes,
            }
        }
    }

    /// The same without the status, which must be that of the keyboard or that of the mouse.
    fn bytes_of(&mut self, status: u8) -> Vec<u8> {
        let byte = |(from, byte)| {
            assert_eq!(from, status, "{byte:#x}");
            byte
        };
        self.drain().into_iter().map(byte).collect()
    }
}

#[test]
fn controller_commands_answer() {
    // Writes, answers with their status bits
    type Row = (&'static [(u16, u8)], &'static [(u8, u8)]);
    let table: &[Row] = &[
        (&[(0x64, 0xaa)], &[(1, 0x55)]),
        (&[(0x64, 0xab)], &[(1, 0x00)]),
        (&[(0x64, 0xa9)], &[(1, 0x00)]),
        (&[(0x64, 0x20)], &[(1, 0x65)]),
        (&[(0x64, 0x60), (0x60, 0x47), (0x64, 0x20)], &[(1, 0x47)]),
        (&[(0x64, 0xad), (0x64, 0xa7), (0x64, 0x20)], &[(1, 0x75)]),
        (&[(0x64, 0xae), (0x64, 0xa8), (0x64, 0x20)], &[(1, 0x45)]),
        (&[(0x64, 0x7f), (0x60, 0x99), (0x64, 0x3f)], &[(1, 0x99)]),
        (&[(0x64, 0xd2), (0x60, 0x12)], &[(1, 0x12)]),
        (&[(0x64, 0xd3), (0x60, 0x5a)], &[(0x21, 0x5a)]),
        (&[(0x64, 0xd4), (0x60, 0xf2)], &[(0x21, 0xfa), (0x21, 0x00)]),
        (&[(0x64, 0xd0)], &[(1, 0xcf)]),
        (&[(0x64, 0xc0)], &[(1, 0xb0)]),
        (&[(0x64, 0xff)], &[]),
        (&[(0x64, 0x00)], &[]),
    ];
    for (writes, answers) in table {
        let mut board = Board::new();
        board.writes(writes);
        assert_eq!(board.drain(), *answers, "{writes:x?}");
        assert!(board.bench.events.is_empty(), "{writes:x?}");
    }
}

#[test]
fn status_says_command_or_data_and_the_system_flag() {
    let mut board = Board::new();
    assert_eq!(board.read(0x64), 0x14);
    board.write(0x64, 0xae);
    assert_eq!(board.read(0x64), 0x1c);
    board.writes(&[(0x64, 0x60), (0x60, 0x00)]);
    assert_eq!(board.read(0x64), 0x10);
}

#[test]
fn the_output_port_resets_and_gates_a20() {
    for command in 0xf0..=0xff {
        let mut board = Board::new();
        board.write(0x64, command);
        let want: &[_] = if command & 1 == 0 { &[MachineEvent::Init] } else { &[] };
        assert_eq!(board.bench.events, want, "{command:#x}");
    }
    // Output port, whether it resets, whether A20 is open
    for (value, resets, a20) in [(0xdf, false, true), (0xdd, false, false), (0xde, true, true)] {
        let mut board = Board::new();
        board.writes(&[(0x64, 0xd1), (0x60, value)]);
        assert_eq!(board.bench.events.len(), usize::from(resets), "{value:#x}");
        assert_eq!(board.bench.irq.a20(), a20, "{value:#x}");
    }
    let mut board = Board::new();
    board.write(0x64, 0xdd);
    assert!(!board.bench.irq.a20());
    board.write(0x64, 0xdf);
    assert!(board.bench.irq.a20());
}

#[test]
fn each_byte_raises_its_line_anew() {
    let mut board = Board::new();
    board.write(0x60, 0xff);
    assert_eq!(board.bench.irq.take_changes(), [(IrqLine(1), true)]);
    assert_eq!(board.read(0x60), 0xfa);
    assert_eq!(board.bench.irq.take_changes(), [(IrqLine(1), false), (IrqLine(1), true)]);
    assert_eq!(board.read(0x60), 0xaa);
    assert_eq!(board.bench.irq.take_changes(), [(IrqLine(1), false)]);

    board.writes(&[(0x64, 0x60), (0x60, 0x02), (0x64, 0xd3), (0x60, 0xa5)]);
    assert_eq!(board.bench.irq.take_changes(), [(IrqLine(12), true)]);
    board.kbc.reset(&mut board.bench.ctx());
    assert_eq!(board.bench.irq.take_changes(), [(IrqLine(12), false)]);
}

#[test]
fn an_answer_of_the_controller_goes_before_a_byte_that_waits() {
    let mut board = Board::new();
    board.input(keyboard::press(device_api::KeyCode::KeyA));
    board.write(0x64, 0x20);
    assert_eq!(board.drain(), [(1, 0x65), (1, 0x1e)]);
    // A second answer takes the place of the first.
    board.writes(&[(0x64, 0x20), (0x64, 0xa9)]);
    assert_eq!(board.drain(), [(1, 0x00)]);
}

#[test]
fn a_handler_may_read_its_byte_twice() {
    let mut board = Board::new();
    for key in [device_api::KeyCode::KeyA, device_api::KeyCode::KeyB] {
        board.input(keyboard::press(key));
    }
    assert_eq!((board.read(0x60), board.read(0x60)), (0x1e, 0x1e));
    assert!(!board.bench.irq.level(IrqLine(1)));
    board.bench.now = board.bench.now + BYTE_NS;
    board.kbc.advance(&mut board.bench.ctx());
    assert!(board.bench.irq.level(IrqLine(1)));
    assert_eq!(board.read(0x60), 0x30);
}

#[test]
fn the_keyboard_goes_before_the_mouse() {
    let mut board = Board::new();
    board.writes(&[(0x64, 0xd4), (0x60, 0xf4)]);
    board.drain();
    board.writes(&[(0x64, 0x60), (0x60, 0x77)]);
    board.input(mouse::movement(3, 0));
    board.input(keyboard::press(device_api::KeyCode::KeyA));
    assert!(board.drain().is_empty(), "both ports are off, nothing is lost");
    board.writes(&[(0x64, 0x60), (0x60, 0x47)]);
    assert_eq!(board.drain(), [(1, 0x1e), (0x21, 0x08), (0x21, 3), (0x21, 0)]);
}

/// The way of SeaBIOS: both ports off and no interrupts, on for the one that is talked to, and back.
#[test]
fn firmware_finds_keyboard_and_mouse() {
    let mut board = Board::new();
    board.writes(&[(0x64, 0xad), (0x64, 0xa7), (0x64, 0xaa)]);
    assert_eq!(board.drain(), [(1, 0x55)]);
    board.write(0x64, 0xab);
    assert_eq!(board.drain(), [(1, 0x00)]);
    // Whether it is the mouse, command, answer
    let table: &[(bool, &[u8], &[u8])] = &[
        (false, &[0xff], &[0xfa, 0xaa]),
        (false, &[0xf5], &[0xfa]),
        (false, &[0xf0, 0x02], &[0xfa, 0xfa]),
        (false, &[0xf4], &[0xfa]),
        (true, &[0xff], &[0xfa, 0xaa, 0x00]),
        (true, &[0xf2], &[0xfa, 0x00]),
        (true, &[0xf4], &[0xfa]),
    ];
    for (mouse, bytes, answer) in table {
        board.writes(&[(0x64, 0x60), (0x60, 0x30), (0x64, 0x60), (0x60, if *mouse { 0x10 } else { 0x20 })]);
        let mut got = Vec::new();
        for byte in *bytes {
            if *mouse {
                board.write(0x64, 0xd4);
            }
            board.write(0x60, *byte);
            got.extend(board.bytes_of(if *mouse { 0x21 } else { 1 }));
        }
        assert_eq!(got, *answer, "{bytes:x?}");
    }
    assert!(!board.bench.irq.has_changes(), "no interrupt was asked for");
}

#[test]
fn a_state_comes_back() {
    let mut board = Board::new();
    board.writes(&[(0x64, 0xd4), (0x60, 0xf4)]);
    board.input(mouse::movement(300, -2));
    board.input(keyboard::press(device_api::KeyCode::Pause));
    board.read(0x60);
    let mut bytes = Vec::new();
    board.kbc.save(&mut bytes);
    let mut copy = Board::new();
    copy.bench.now = board.bench.now;
    let mut rest = &bytes[..];
    assert_eq!(copy.kbc.load(&mut rest), Some(()));
    assert!(rest.is_empty());
    let bytes = board.drain();
    assert!(!bytes.is_empty());
    assert_eq!(copy.drain(), bytes);
}
