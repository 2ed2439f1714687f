use super::ID;
use crate::bench::{Bench, Ear, Played};
use device_api::{Device, IrqLine, VmTime};

const MS: u64 = 1_000_000;

/// The card, with memory whose bytes are read by DMA one after the other.
struct Board {
    bench: Bench,
    card: Box<dyn Device>,
    ear: Ear,
    memory: Vec<u8>,
    /// Bytes that moved
    moved: usize,
    /// The controller serves the card
    serves: bool,
}

impl Board {
    fn new() -> Self {
        let (mut bench, ear) = (Bench::new(), Ear::default());
        bench.backends.sounds.insert("ear".to_owned(), Box::new(ear.clone()));
        let card = bench.build(crate::declaration(ID), &[("audiodev", "ear")], &[]).unwrap();
        let mut board = Self { bench, card, ear, memory: vec![0x80; 1 << 16], moved: 0, serves: true };
        board.out(6, 1);
        board.out(6, 0);
        assert_eq!(board.data(), [0xaa]);
        board
    }
    fn out(&mut self, offset: u16, value: u8) {
        self.card.pio().unwrap().port_write(&mut self.bench.ctx(), 0x220 + offset, 1, value.into());
        self.serve();
    }
    fn read(&mut self, offset: u16) -> u8 {
        let value = self.card.pio().unwrap().port_read(&mut self.bench.ctx(), 0x220 + offset, 1);
        self.serve();
        value as u8
    }
    fn command(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            assert_eq!(self.read(0xc) & 0x80, 0);
            self.out(0xc, byte);
        }
    }
    /// Returns the DSP's output.
    fn data(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.read(0xe) & 0x80 != 0 {
            bytes.push(self.read(0xa));
        }
        bytes
    }
    fn mixer(&mut self, index: u8) -> u8 {
        self.out(4, index);
        self.read(5)
    }
    fn set_mixer(&mut self, index: u8, value: u8) {
        self.out(4, index);
        self.out(5, value);
    }
    fn irq(&self, line: u8) -> bool {
        self.bench.irq.level(IrqLine(line))
    }
    /// Moves what is requested of a channel, as the 8237 does.
    fn serve(&mut self) {
        while self.serves && self.bench.irq.dma_requests() != 0 {
            let peripheral = self.card.dma_peripheral().unwrap();
            assert_eq!(self.bench.irq.dma_requests(), 1 << peripheral.channel());
            let rest = &self.memory[self.moved % self.memory.len()..];
            let moved = peripheral.from_memory(&mut self.bench.ctx(), rest);
            assert!(moved > 0, "it requested bytes");
            self.moved += moved;
        }
    }
    fn wait(&mut self, ns: u64) {
        let end = self.bench.now + ns;
        while let Some(at) = self.card.timed().unwrap().next_deadline().filter(|&at| at <= end) {
            self.bench.now = at;
            self.card.timed().unwrap().advance(&mut self.bench.ctx());
            self.serve();
        }
        self.bench.now = end;
    }
    fn played(&mut self) -> Played {
        let mut heard = self.ear.played();
        assert_eq!(heard.len(), 1, "without a gap");
        heard.remove(0)
    }
}

/// SPEC: creative-sb-guide :: DSP Commands -> E0h returns the complement, E1h the version, E3h the copyright, E4h and E8h keep a byte, D8h tells of the speaker
#[test]
fn the_dsp_answers() {
    let mut board = Board::new();
    let table: &[(&[u8], &[u8])] = &[
        (&[0xe0, 0xc6], &[0x39]),
        (&[0xe1], &[4, 5]),
        (&[0xe3], b"COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.\0"),
        (&[0xe4, 0x5a, 0xe8], &[0x5a]),
        (&[0xd8], &[0]),
        (&[0xd1, 0xd8], &[0xff]),
        (&[0x20], &[0x80]),
        (&[0xe2, 1, 0xff, 0x40, 100], &[]),
    ];
    for (command, answer) in table {
        board.command(command);
        assert_eq!(board.data(), *answer, "{command:x?}");
    }
    board.command(&[0xe1]);
    board.out(6, 1);
    assert_eq!(board.data(), [], "it is held in reset");
    board.out(6, 0);
    assert_eq!(board.data(), [0xaa]);
    assert_eq!(board.read(0xa), 0xaa, "the last byte stays");
}

/// SPEC: creative-sb-guide :: 8-bit or 16-bit Single-cycle Transfer -> rate, command, mode, length less one; one interrupt at the end
#[test]
fn a_block_of_bytes_is_played_once() {
    let mut board = Board::new();
    board.memory = (0..=255).collect();
    board.wait(MS);
    board.command(&[0x41, 0x56, 0x22, 0xc0, 0x00, 99, 0]);
    board.wait(100 * MS);
    assert_eq!((board.moved, board.irq(5)), (100, true));
    assert_eq!(board.mixer(0x82) & 3, 1);
    board.read(0xf);
    assert!(board.irq(5), "that is the other's acknowledgement");
    board.read(0xe);
    assert!(!board.irq(5) && board.mixer(0x82) & 3 == 0);
    let heard = board.played();
    let expected: Vec<_> = (0..100_i32).map(|n| [((n - 128) << 8) as i16; 2]).collect();
    assert_eq!((heard.rate, heard.frames), (22_050, expected));
    assert!(heard.at.since(VmTime(MS)) < MS);
}

/// The interrupt comes when the block's time has passed, and not before.
#[test]
fn blocks_take_their_time() {
    for (setup, units, rate) in [
        (&[0x41, 0x2b, 0x11, 0xc0, 0x00, 0xff, 0x0f][..], 4096, 11_025),
        (&[0x41, 0x2b, 0x11, 0xc0, 0x20, 0xff, 0x0f], 4096, 22_050),
        (&[0x41, 0xac, 0x44, 0xb0, 0x30, 0xff, 0x0f], 4096, 88_200),
        (&[0x40, 0xd3, 0x14, 0xe7, 0x03], 1000, 22_222),
        (&[0x40, 0xd3, 0x80, 0xe7, 0x03], 1000, 22_222),
        (&[0x40, 0xd3, 0x74, 0xe7, 0x03], 1000, 11_111),
        (&[0x40, 0xd3, 0x24, 0xe7, 0x03], 1000, 22_222),
    ] {
        let mut board = Board::new();
        board.wait(MS);
        board.command(setup);
        let ns = units * 1_000_000_000 / rate;
        board.wait(ns - 50_000);
        assert!(!board.irq(5), "{setup:x?}");
        board.wait(100_000);
        assert!(board.irq(5), "{setup:x?}");
        let wide = usize::from(setup[3] == 0xb0);
        let expected = if setup.contains(&0x80) { 0 } else { units as usize * (1 + wide) };
        assert_eq!(board.moved, expected, "{setup:x?}");
    }
}

/// SPEC: creative-sb-guide :: 8-bit or 16-bit Auto-initialize Transfer -> an interrupt at the end of each block, until the exit command takes effect at the end of one
#[test]
fn words_in_stereo_go_on_until_they_are_to_end() {
    let mut board = Board::new();
    board.memory = [1000_i16, -2000, 3000, -4000].into_iter().flat_map(i16::to_le_bytes).collect();
    board.wait(MS);
    // Blocks of 882 words: 10 ms
    board.command(&[0x41, 0xac, 0x44, 0xb6, 0x30, 0x71, 0x03]);
    for _ in 0..5 {
        board.wait(10 * MS + 10_000);
        assert!(board.irq(5), "{} bytes", board.moved);
        assert_eq!(board.mixer(0x82) & 3, 2);
        board.read(0xe);
        assert!(board.irq(5));
        board.read(0xf);
        assert!(!board.irq(5));
    }
    board.command(&[0xd9]);
    board.wait(50 * MS);
    assert!(board.irq(5));
    assert_eq!(board.moved, 6 * 882 * 2);
    let heard = board.played();
    assert_eq!((heard.rate, heard.frames.len()), (44_100, 6 * 441));
    assert_eq!(heard.frames[..3], [[1000, -2000], [3000, -4000], [1000, -2000]]);
}

/// SPEC: creative-sb-guide :: DSP Commands -> D0h pauses 8-bit transfers, D4h continues them
#[test]
fn transfers_are_paused_and_go_on() {
    let mut board = Board::new();
    board.command(&[0x41, 0x1f, 0x40, 0x48, 0xff, 0x0f, 0x1c]);
    board.wait(100 * MS);
    board.command(&[0xd0]);
    let before = board.moved;
    assert!((700..=800).contains(&before), "{before}");
    board.command(&[0xd6]);
    board.wait(500 * MS);
    assert_eq!(board.moved, before);
    board.command(&[0xd4]);
    board.wait(100 * MS);
    assert!((before + 700..=before + 800).contains(&board.moved), "{}", board.moved);
}

#[test]
fn a_channel_that_is_not_served_holds_the_card_up() {
    let mut board = Board::new();
    board.serves = false;
    board.command(&[0x41, 0x1f, 0x40, 0xc0, 0x00, 0x0f, 0x00]);
    board.wait(1000 * MS);
    assert_eq!((board.moved, board.irq(5)), (0, false));
    assert_eq!(board.card.timed().unwrap().next_deadline(), None, "it waits for the controller");
    board.serves = true;
    board.serve();
    board.wait(100 * MS);
    assert_eq!((board.moved, board.irq(5)), (16, true));
}

/// SPEC: creative-sb-guide :: DSP Commands -> 10h: direct mode 8-bit output
#[test]
fn samples_are_given_to_the_converter_directly() {
    let mut board = Board::new();
    board.wait(MS);
    for n in 0..200 {
        board.command(&[0x10, if n % 2 == 0 { 0xff } else { 0x00 }]);
        board.wait(500_000);
    }
    let heard = board.played();
    // 199 halves of a millisecond
    assert!((4380..=4395).contains(&heard.frames.len()), "{}", heard.frames.len());
    assert_eq!((heard.frames[5], heard.frames[30]), ([0x7f00; 2], [-0x8000; 2]));
}

/// SPEC: creative-sb-guide :: CT1745 Mixer -> registers of the CT1345 are mapped to those of 5 bits a channel
#[test]
fn the_mixer_has_volumes() {
    let mut board = Board::new();
    assert_eq!((board.mixer(0x04), board.mixer(0x22), board.mixer(0x32)), (0xcc, 0xcc, 0xc0));
    board.set_mixer(0x04, 0xf8);
    assert_eq!((board.mixer(0x32), board.mixer(0x33), board.mixer(0x04)), (0xf8, 0x88, 0xf8));
    board.memory = vec![0xff, 0xff];
    board.command(&[0x41, 0x1f, 0x40, 0xc0, 0x20, 0x63, 0x00]);
    board.wait(100 * MS);
    // The right side has 17 of 31, 14 dB below the default
    assert_eq!(board.played().frames[0], [0x7f00, (0x7f00 * 6538 / 32_768) as i16]);
    board.set_mixer(0, 0);
    assert_eq!(board.mixer(0x04), 0xcc);
}

/// SPEC: creative-sb-guide :: Configuring DMA and Interrupt Settings -> registers 80h and 81h
#[test]
fn the_mixer_says_which_lines_the_card_has() {
    let mut board = Board::new();
    assert_eq!((board.mixer(0x80) & 15, board.mixer(0x81)), (0x02, 0x22));
    board.command(&[0xf2]);
    assert!(board.irq(5));
    board.set_mixer(0x80, 0x04);
    assert!(!board.irq(5) && board.irq(7));
    board.set_mixer(0x81, 0x41);
    assert_eq!((board.mixer(0x80) & 15, board.mixer(0x81)), (0x04, 0x41));
    board.serves = false;
    board.command(&[0x41, 0x1f, 0x40, 0xb0, 0x10, 0x63, 0x00]);
    board.wait(100 * MS);
    assert_eq!(board.bench.irq.dma_requests(), 1 << 6);
    board.out(6, 1);
    assert_eq!((board.bench.irq.dma_requests(), board.irq(7)), (0, false));
}

#[test]
fn compressed_samples_are_taken_but_not_heard() {
    let mut board = Board::new();
    board.command(&[0x40, 0x83, 0x74, 0x63, 0x00]);
    board.wait(100 * MS);
    assert_eq!((board.moved, board.irq(5)), (100, true));
    assert_eq!(board.ear.played(), []);
}

#[test]
fn fm_music_is_at_the_card_and_at_the_place_of_adlib() {
    let mut board = Board::new();
    for port in [0x220, 0x228, 0x388] {
        let pio = board.card.pio().unwrap();
        for (index, value) in [(4, 0x60), (4, 0x80), (2, 0xff), (4, 0x21)] {
            pio.port_write(&mut board.bench.ctx(), port, 1, index);
            pio.port_write(&mut board.bench.ctx(), port + 1, 1, value);
        }
        board.wait(MS);
        let pio = board.card.pio().unwrap();
        assert_eq!(pio.port_read(&mut board.bench.ctx(), port, 1), 0xc0, "{port:#x}");
    }
}
