use super::*;
use crate::bench::{Bench, Sink};

struct Board {
    bench: Bench,
    port: Box<dyn Device>,
    sink: Sink,
}

impl Board {
    fn new() -> Self {
        let mut bench = Bench::new();
        let sink = Sink::default();
        bench.backends.chars.insert("paper".to_owned(), Box::new(sink.clone()));
        let port = bench.build(crate::declaration(ID), &[("chardev", "paper")], &[]).unwrap();
        Self { bench, port, sink }
    }
    fn read(&mut self, port: u16) -> u8 {
        self.port.pio().unwrap().port_read(&mut self.bench.ctx(), port, 1) as u8
    }
    fn write(&mut self, port: u16, value: u8) {
        self.port.pio().unwrap().port_write(&mut self.bench.ctx(), port, 1, value.into());
    }
    fn irq(&self) -> bool {
        self.bench.irq.level(IrqLine(7))
    }
}

/// The way of a BIOS: wait until ready, data, strobe, and away with it.
#[test]
fn bytes_are_printed_at_the_strobe() {
    let mut board = Board::new();
    assert_eq!(board.read(0x379), 0xd9);
    board.write(0x37a, 0x08);
    board.write(0x37a, 0x0c);
    assert_eq!(board.read(0x379), 0xd8);
    for byte in b"page\n" {
        let ready = (0..3).any(|_| board.read(0x379) & 0x80 != 0);
        assert!(ready, "not ready for {byte}");
        board.write(0x378, *byte);
        board.write(0x37a, 0x0d);
        assert_eq!(board.read(0x379), 0x58, "busy");
        board.write(0x37a, 0x0d);
        board.write(0x37a, 0x0c);
        assert_eq!([0; 3].map(|_| board.read(0x379)), [0x58, 0x18, 0xd8], "acknowledged, then ready");
    }
    assert_eq!(board.sink.taken(), b"page\n");
    assert!(!board.irq());
}

#[test]
fn the_acknowledgement_interrupts() {
    let mut board = Board::new();
    for (control, irq) in [(0x1c, false), (0x1d, false), (0x1c, true)] {
        board.write(0x37a, control);
        assert_eq!(board.irq(), irq, "{control:#x}");
    }
    board.read(0x379);
    assert!(!board.irq());
    board.write(0x37a, 0x1d);
    board.write(0x37a, 0x1c);
    assert!(board.irq());
    board.port.reset(&mut board.bench.ctx());
    assert!(!board.irq());
}

#[test]
fn registers_read_back() {
    let mut board = Board::new();
    assert_eq!((board.read(0x378), board.read(0x37a)), (0xff, 0xcc));
    board.write(0x378, 0x5a);
    board.write(0x37a, 0x04);
    assert_eq!((board.read(0x378), board.read(0x37a)), (0x5a, 0xc4));
    // A printer that is not selected takes nothing.
    board.write(0x37a, 0x05);
    assert!(board.sink.taken().is_empty());
    board.write(0x37a, 0x24);
    assert_eq!(board.read(0x378), 0xff, "the lines are inputs, and nothing drives them");
}
