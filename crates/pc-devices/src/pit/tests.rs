use super::chip::Chip;
use super::{IRQ, Pit, spec::HZ};
use crate::bench::{Bench, Ear};
use device_api::{Device, Pio, Timed, VmTime};

/// The chip with a clock that is counted by hand.
struct Board {
    chip: Chip,
    clocks: u64,
}

impl Board {
    fn new() -> Self {
        // Not at zero, so that nothing hides behind a saturating subtraction.
        Self { chip: Chip::default(), clocks: 1000 }
    }
    fn now(&self) -> VmTime {
        VmTime::at_tick(self.clocks, HZ)
    }
    fn out(&mut self, port: u16, value: u8) {
        let now = self.now();
        self.chip.catch_up(now);
        self.chip.write_port(now, port, value);
    }
    fn inb(&mut self, port: u16) -> u8 {
        let now = self.now();
        self.chip.catch_up(now);
        self.chip.read_port(now, port)
    }
    fn word(&mut self, port: u16) -> u16 {
        u16::from_le_bytes([self.inb(port), self.inb(port)])
    }
    /// OUT of counter 2 (whose gate is port 61h's) over the next `clocks` clocks, and the element as latched.
    fn trace(&mut self, clocks: usize) -> (String, Vec<u16>) {
        let mut wave = String::new();
        let mut elements = Vec::new();
        for _ in 0..clocks {
            self.clocks += 1;
            let now = self.now();
            self.chip.catch_up(now);
            wave.push(if self.chip.out2(now) { 'H' } else { '_' });
            self.out(0x43, 0x80);
            elements.push(u16::from(self.inb(0x42)));
        }
        (wave, elements)
    }
}

/// SPEC: intel-8254 :: Mode Definitions -> the first waveform of each mode's figure
#[test]
fn each_mode_shapes_out_as_its_figure_shows() {
    // Control word (counter 2, LSB only), count, gate raised after writing, OUT and element at each clock from the write on
    type Row = (u8, u8, bool, &'static str, &'static [u16]);
    let table: &[Row] = &[
        (0x90, 4, false, "____HHH", &[4, 3, 2, 1, 0, 0xff, 0xfe]),
        (0x92, 3, true, "___HHH", &[3, 2, 1, 0, 0xff, 0xfe]),
        (0x94, 3, false, "HH_HH_HH", &[3, 2, 1, 3, 2, 1, 3, 2]),
        (0x96, 4, false, "HH__HH__", &[4, 2, 4, 2, 4, 2, 4, 2]),
        (0x96, 5, false, "HHH__HHH__", &[4, 2, 0, 4, 2, 4, 2, 0, 4, 2]),
        (0x98, 3, false, "HHH_HHH", &[3, 2, 1, 0, 0xff, 0xfe, 0xfd]),
        (0x9a, 3, true, "HHH_HHH", &[3, 2, 1, 0, 0xff, 0xfe, 0xfd]),
    ];
    for &(control, count, trigger, wave, elements) in table {
        let mut board = Board::new();
        board.out(0x61, u8::from(!trigger));
        board.out(0x43, control);
        assert_eq!(board.chip.out2(board.now()), control & 0x0e != 0, "OUT after control word {control:#x}");
        board.out(0x42, count);
        if trigger {
            assert_eq!(board.trace(2).0, "HH", "waits for the gate, {control:#x}");
            board.out(0x61, 1);
        }
        let traced = board.trace(wave.len());
        assert_eq!(traced, (wave.to_string(), elements.to_vec()), "control word {control:#x}, count {count}");
    }
}

#[test]
fn mode_0_stops_while_gate_is_low_and_at_the_first_byte_of_a_new_count() {
    let mut board = Board::new();
    board.out(0x61, 1);
    board.out(0x43, 0x90);
    board.out(0x42, 5);
    assert_eq!(board.trace(2).1, [5, 4]);
    board.out(0x61, 0);
    assert_eq!(board.trace(3).1, [4, 4, 4]);
    board.out(0x61, 1);
    assert_eq!(board.trace(5), ("___HH".into(), vec![3, 2, 1, 0, 0xff]));

    board.out(0x43, 0xb0);
    board.out(0x42, 2);
    board.out(0x42, 0);
    board.clocks += 10;
    assert!(board.chip.out2(board.now()));
    board.out(0x42, 3);
    assert!(!board.chip.out2(board.now()), "low at once");
    board.clocks += 10;
    assert!(!board.chip.out2(board.now()), "and not counting");
    board.out(0x42, 0);
    board.clocks += 3;
    assert!(!board.chip.out2(board.now()));
    board.clocks += 1;
    assert!(board.chip.out2(board.now()));
}

#[test]
fn periodic_modes_take_a_new_count_at_the_end_of_the_cycle() {
    // Control word, how long to wait before writing 2 into a count of 6, what follows
    let table = [(0x94, 2, "HHH_H_H_H"), (0x96, 2, "H_H_H_H_"), (0x96, 4, "__H_H_H_")];
    for (control, wait, wave) in table {
        let mut board = Board::new();
        board.out(0x61, 1);
        board.out(0x43, control);
        board.out(0x42, 6);
        board.trace(wait);
        board.out(0x42, 2);
        assert_eq!(board.trace(wave.len()).0, wave, "control word {control:#x} after {wait}");
    }
}

#[test]
fn gate_holds_periodic_modes_high_and_restarts_them() {
    for (control, wave) in [(0x94, "HHH_HHH_"), (0x96, "HH__HH__")] {
        let mut board = Board::new();
        board.out(0x61, 1);
        board.out(0x43, control);
        board.out(0x42, 4);
        board.trace(3);
        board.out(0x61, 0);
        assert_eq!(board.trace(3).0, "HHH");
        board.out(0x61, 1);
        assert_eq!(board.trace(8).0, wave, "control word {control:#x}");
    }
}

#[test]
fn a_one_shot_is_retriggered() {
    let mut board = Board::new();
    board.out(0x43, 0x92);
    board.out(0x42, 3);
    board.out(0x61, 1);
    assert_eq!(board.trace(2).0, "__");
    // A new count waits for the next trigger.
    board.out(0x42, 5);
    board.out(0x61, 0);
    board.out(0x61, 1);
    assert_eq!(board.trace(7).0, "_____HH");
}

#[test]
fn the_count_is_moved_by_bytes_as_programmed() {
    // Access bits, bytes written, element right after loading, bytes read
    let table: [(u8, &[u8], u16, &[u8]); 3] = [
        (1, &[0x34], 0x0034, &[0x34, 0x34]),
        (2, &[0x12], 0x1200, &[0x12, 0x12]),
        (3, &[0x34, 0x12], 0x1234, &[0x34, 0x12, 0x34]),
    ];
    for (access, written, element, read) in table {
        let mut board = Board::new();
        board.out(0x43, access << 4 | 4);
        written.iter().for_each(|byte| board.out(0x40, *byte));
        board.clocks += 1;
        for byte in read {
            assert_eq!(board.inb(0x40), *byte, "access {access}, count {element:#x}");
        }
    }
}

#[test]
fn a_latched_count_stands_until_it_is_read() {
    let mut board = Board::new();
    board.out(0x43, 0x34);
    board.out(0x40, 0x00);
    board.out(0x40, 0x10);
    board.clocks += 1 + 0x10;
    board.out(0x43, 0x00);
    board.clocks += 0x123;
    board.out(0x43, 0x00);
    assert_eq!(board.word(0x40), 0x0ff0, "the second latch command was ignored");
    assert_eq!(board.word(0x40), 0x1000 - 0x133);
    // A control word drops the latch.
    board.out(0x43, 0x00);
    board.out(0x43, 0x34);
    board.out(0x40, 0x77);
    board.out(0x40, 0x00);
    board.clocks += 1;
    assert_eq!(board.word(0x40), 0x0077);
}

#[test]
fn read_back_gives_status_then_count() {
    let mut board = Board::new();
    board.out(0x43, 0x36);
    board.out(0x43, 0xe2);
    assert_eq!(board.inb(0x40), 0x80 | 0x40 | 0x36, "OUT high, no count yet");
    board.out(0x40, 0x10);
    board.out(0x40, 0x00);
    board.out(0x43, 0xe2);
    assert_eq!(board.inb(0x40), 0xf6, "not loaded before the next clock");
    board.clocks += 1 + 8;
    board.out(0x43, 0xc2);
    board.clocks += 3;
    assert_eq!(board.inb(0x40), 0x36, "low half, loaded");
    assert_eq!(board.word(0x40), 0x0010);
    // Counter 0 was not selected here.
    board.out(0x43, 0xcc);
    assert_eq!(board.word(0x40), 0x0010 - 6);
}

#[test]
fn null_count_stays_until_the_cycle_or_the_trigger() {
    let mut board = Board::new();
    let null = |board: &mut Board| {
        board.out(0x43, 0xe8);
        board.inb(0x42) & 0x40 != 0
    };
    board.out(0x61, 1);
    board.out(0x43, 0x94);
    board.out(0x42, 10);
    board.clocks += 1;
    assert!(!null(&mut board));
    board.out(0x42, 20);
    board.clocks += 9;
    assert!(null(&mut board));
    board.clocks += 1;
    assert!(!null(&mut board));

    board.out(0x61, 0);
    board.out(0x43, 0x92);
    board.out(0x42, 10);
    board.clocks += 50;
    assert!(null(&mut board));
    board.out(0x61, 1);
    board.clocks += 1;
    assert!(!null(&mut board));
    board.out(0x42, 10);
    assert!(null(&mut board), "written again, though the value is the same");
}

#[test]
fn bcd_counts_in_four_digits() {
    let mut board = Board::new();
    board.out(0x43, 0x31);
    board.out(0x40, 0x00);
    board.out(0x40, 0x10);
    board.clocks += 2;
    assert_eq!(board.word(0x40), 0x0999);
    board.clocks += 1000;
    assert_eq!(board.word(0x40), 0x9999, "wraps below zero");
    board.out(0x43, 0x35);
    board.out(0x40, 0);
    board.out(0x40, 0);
    board.clocks += 1 + 10_001;
    assert_eq!(board.word(0x40), 0x9999, "0 is ten thousand");
}

#[test]
fn a_count_of_zero_is_65536() {
    let mut board = Board::new();
    board.out(0x61, 1);
    board.out(0x43, 0xb0);
    board.out(0x42, 0);
    board.out(0x42, 0);
    board.clocks += 65_536;
    assert!(!board.chip.out2(board.now()));
    board.clocks += 1;
    assert!(board.chip.out2(board.now()));
}

#[test]
fn the_speaker_plays_counter_2() {
    let mut board = Board::new();
    // Control word, count, port 61h, what is heard
    let table = [
        (0xb6, 1193, 0x03, Some(1000)),
        (0xb6, 1193, 0x01, None),
        (0xb6, 1193, 0x02, None),
        (0xb6, 2712, 0x03, Some(439)),
        (0xb6, 0, 0x03, Some(18)),
        (0xb4, 1193, 0x03, Some(1000)),
        (0xb0, 1193, 0x03, None),
        (0xb6, 1, 0x03, None),
    ];
    for (control, count, port_61, hz) in table {
        board.out(0x43, control);
        let [low, high] = u16::to_le_bytes(count);
        board.out(0x42, low);
        board.out(0x42, high);
        board.out(0x61, port_61);
        board.clocks += 10;
        assert_eq!(board.chip.speaker(), hz, "{control:#x} {count} {port_61:#x}");
    }
}

#[test]
fn port_61h_shows_refresh_and_out_2() {
    let mut board = Board::new();
    board.out(0x61, 0xf3);
    assert_eq!(board.inb(0x61) & !0x10, 0x03);
    let first = board.chip.read_port(VmTime(15_084), 0x61);
    assert_eq!((first & 0x10, board.chip.read_port(VmTime(15_085), 0x61) & 0x10), (0, 0x10));
    board.out(0x43, 0xb6);
    assert_eq!(board.inb(0x61) & 0x20, 0x20);
}

/// Runs from deadline to deadline up to `until`; the moments (in clocks) of the rising edges on line 0.
fn edges(pit: &mut Pit, bench: &mut Bench, until: VmTime) -> Vec<u64> {
    let mut edges = Vec::new();
    while let Some(at) = pit.next_deadline().filter(|at| *at <= until) {
        assert!(at > bench.now, "deadlines lie ahead");
        bench.now = at;
        pit.advance(&mut bench.ctx());
        edges.extend(bench.irq.take_changes().iter().filter(|change| change.1).map(|_| bench.now.ticks(HZ)));
    }
    bench.now = until;
    edges
}

#[test]
fn counter_0_raises_line_0_at_the_exact_clock() {
    // Control word, count, clocks of the first rises after the write
    let table: [(u8, u16, &[u64]); 4] = [
        (0x30, 1000, &[1001]),
        (0x34, 1000, &[1001, 2001, 3001]),
        (0x36, 1001, &[1002, 2003, 3004]),
        (0x38, 1000, &[1002]),
    ];
    for (control, count, rises) in table {
        let mut bench = Bench::new();
        let mut pit = Pit::default();
        pit.port_write(&mut bench.ctx(), 0x43, 1, u32::from(control));
        pit.port_write(&mut bench.ctx(), 0x40, 1, u32::from(count & 0xff));
        pit.port_write(&mut bench.ctx(), 0x40, 1, u32::from(count >> 8));
        bench.irq.take_changes();
        let seen = edges(&mut pit, &mut bench, VmTime::at_tick(3500, HZ));
        assert_eq!(seen, rises, "control word {control:#x}");
    }
}

#[test]
fn a_late_call_still_gives_an_edge() {
    let mut bench = Bench::new();
    let mut pit = Pit::default();
    for (port, value) in [(0x43, 0x34), (0x40, 100), (0x40, 0)] {
        pit.port_write(&mut bench.ctx(), port, 1, value);
    }
    bench.irq.take_changes();
    bench.now = VmTime::at_tick(950, HZ);
    pit.advance(&mut bench.ctx());
    assert_eq!(bench.irq.take_changes(), [(IRQ, false), (IRQ, true)]);
    pit.advance(&mut bench.ctx());
    assert!(!bench.irq.has_changes());
    assert_eq!(pit.next_deadline(), Some(VmTime::at_tick(1001, HZ)));
    pit.reset(&mut bench.ctx());
    assert!(!bench.irq.level(IRQ));
    assert_eq!(pit.next_deadline(), None);
}

mod laziness {
    use super::*;
    use proptest::prelude::*;

    fn op() -> impl Strategy<Value = (u16, u8, u64)> {
        let control =
            (prop_oneof![Just(0u8), Just(2)], 1..4u8, 0..6u8, prop_oneof![4 => Just(0u8), 1 => Just(1)])
                .prop_map(|(select, access, mode, bcd)| (0x43, select << 6 | access << 4 | mode << 1 | bcd));
        let count = (prop_oneof![Just(0x40u16), Just(0x42)], prop_oneof![8 => 0..24u8, 1 => any::<u8>()]);
        let gate = (Just(0x61u16), 0..2u8);
        (prop_oneof![1 => control, 3 => count, 1 => gate], 0..60u64)
            .prop_map(|((port, value), wait)| (port, value, wait))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Looking at every clock and looking only now and then show the same pins, elements and edges; and between
        /// deadlines no edge is missed.
        #[test]
        fn when_it_is_looked_at_does_not_matter(ops in proptest::collection::vec(op(), 1..40)) {
            let mut often = Board::new();
            let mut rarely = Board::new();
            for (port, value, wait) in ops {
                often.out(port, value);
                rarely.out(port, value);
                let mut rose = false;
                for _ in 0..wait {
                    let deadline = often.chip.next_event();
                    let before = often.chip.out0(often.now());
                    often.clocks += 1;
                    let edge = often.chip.catch_up(often.now());
                    rose |= edge;
                    let after = often.chip.out0(often.now());
                    prop_assert!(!edge || deadline == Some(often.now()), "an edge without a deadline");
                    prop_assert!(before || !after || edge, "a rise that was not reported");
                }
                rarely.clocks += wait;
                let late = rarely.chip.catch_up(rarely.now());
                prop_assert_eq!(late, rose, "after {:#x} <- {:#x}, {} clocks", port, value, wait);
                prop_assert_eq!(rarely.chip.out0(rarely.now()), often.chip.out0(often.now()));
                prop_assert_eq!(rarely.chip.out2(rarely.now()), often.chip.out2(often.now()));
                for control in [0xee, 0xde] {
                    often.out(0x43, control);
                    rarely.out(0x43, control);
                    for _ in 0..2 {
                        prop_assert_eq!(rarely.inb(0x40), often.inb(0x40));
                        prop_assert_eq!(rarely.inb(0x42), often.inb(0x42));
                    }
                }
            }
        }
    }
}

/// A machine's part that has the timer and an audio device.
struct Loud {
    bench: Bench,
    pit: Box<dyn Device>,
    ear: Ear,
}

impl Loud {
    fn new() -> Self {
        let (mut bench, ear) = (Bench::new(), Ear::default());
        bench.backends.sounds.insert("ear".to_owned(), Box::new(ear.clone()));
        let pit = bench.build(crate::declaration(super::ID), &[("audiodev", "ear")], &[]).unwrap();
        Self { bench, pit, ear }
    }
    fn out(&mut self, port: u16, value: u8) {
        self.pit.pio().unwrap().port_write(&mut self.bench.ctx(), port, 1, value.into());
    }
    /// Lets time pass, with the device's deadlines. Returns how many there were.
    fn wait(&mut self, ns: u64) -> usize {
        let (end, mut deadlines) = (self.bench.now + ns, 0);
        while let Some(at) = self.pit.timed().unwrap().next_deadline().filter(|&at| at <= end) {
            self.bench.now = at;
            self.pit.timed().unwrap().advance(&mut self.bench.ctx());
            deadlines += 1;
        }
        self.bench.now = end;
        deadlines
    }
    /// A square wave of 1193182 / `count` hertz on counter 2.
    fn tone(&mut self, count: u16) {
        let [low, high] = count.to_le_bytes();
        for (port, value) in [(0x43, 0xb6), (0x42, low), (0x42, high)] {
            self.out(port, value);
        }
    }
}

#[test]
fn a_tone_is_heard_while_the_speaker_is_on() {
    const MS: u64 = 1_000_000;
    let mut loud = Loud::new();
    loud.wait(5 * MS);
    loud.tone(1193);
    assert_eq!(loud.wait(100 * MS), 0, "nothing is due while it is off");
    loud.out(0x61, 3);
    assert!(loud.wait(1000 * MS) >= 50);
    loud.out(0x61, 0);
    loud.wait(100 * MS);
    assert_eq!(loud.pit.timed().unwrap().next_deadline(), None, "it is off for good");
    let heard = loud.ear.played();
    let [tone] = &heard[..] else { panic!("{} parts", heard.len()) };
    assert!(tone.at.since(VmTime(105 * MS)) < MS && tone.rate == 44_100);
    let rises = tone.frames.windows(2).filter(|pair| pair[0][0] < 0 && pair[1][0] >= 0).count();
    assert!((999..=1001).contains(&rises), "{rises} periods");
    let on = tone.frames.iter().filter(|frame| frame[0] != 0).count();
    assert!((44_000..=44_100).contains(&on), "{on} frames");
    assert!(tone.frames.iter().all(|&[left, right]| left == right && left.abs() <= 8192));
    assert!(tone.frames.iter().any(|frame| frame[0] == 8192));
    assert!(tone.frames[44_101..].iter().all(|frame| *frame == [0; 2]));
}

/// Programs that make sound of single pulses switch bit 1 of port 61h.
#[test]
fn pulses_shorter_than_a_frame_are_heard() {
    let mut loud = Loud::new();
    loud.wait(1_000_000);
    // OUT is high while the gate is low
    loud.out(0x43, 0xb6);
    for _ in 0..1000 {
        // A quarter of the time on
        loud.out(0x61, 2);
        loud.wait(5_000);
        loud.out(0x61, 0);
        loud.wait(15_000);
    }
    loud.wait(1_000_000);
    let heard = loud.ear.played();
    let frames = &heard[0].frames[10..850];
    let mean = frames.iter().map(|frame| i64::from(frame[0])).sum::<i64>() / frames.len() as i64;
    assert!((1900..2200).contains(&mean), "{mean}");
}
