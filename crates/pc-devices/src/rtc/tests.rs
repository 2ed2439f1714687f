use super::chip::Chip;
use super::cmos::Setup;
use super::spec::*;
use device_api::VmTime;

/// 2024-02-28 23:59:50, a Wednesday.
const START: u64 = 1_709_164_790;

struct Board {
    chip: Chip,
    now: VmTime,
}

impl Board {
    fn new() -> Self {
        Self { chip: Chip::new(START, &Setup::default()), now: VmTime::ZERO }
    }
    fn read(&mut self, index: u8) -> u8 {
        self.chip.catch_up(self.now);
        self.chip.write_port(self.now, INDEX, index);
        self.chip.read_port(self.now, DATA)
    }
    fn write(&mut self, index: u8, value: u8) {
        self.chip.catch_up(self.now);
        self.chip.write_port(self.now, INDEX, index);
        self.chip.write_port(self.now, DATA, value);
    }
    /// Century, year, month, day, weekday, hours, minutes, seconds.
    fn date(&mut self) -> [u8; 8] {
        [CENTURY, YEAR, MONTH, DAY_OF_MONTH, DAY_OF_WEEK, HOURS, MINUTES, SECONDS]
            .map(|index| self.read(index))
    }
    /// Runs from deadline to deadline until `until`; when the line rose (acknowledging each time).
    fn rises(&mut self, until: VmTime) -> Vec<u64> {
        let mut rises = Vec::new();
        while let Some(at) = self.chip.next_event().filter(|at| *at <= until) {
            assert!(at > self.now);
            self.now = at;
            self.chip.catch_up(at);
            if self.chip.irq() {
                rises.push(at.0);
                assert_eq!(self.read(REGISTER_C) & IRQF, IRQF);
                assert!(!self.chip.irq());
            }
        }
        self.now = until;
        rises
    }
}

#[test]
fn the_time_goes_on_into_a_leap_day() {
    let mut board = Board::new();
    assert_eq!(board.date(), [0x20, 0x24, 0x02, 0x28, 4, 0x23, 0x59, 0x50]);
    board.now = VmTime(10 * SECOND - 1);
    assert_eq!(board.read(SECONDS), 0x59);
    board.now = VmTime(10 * SECOND);
    assert_eq!(board.date(), [0x20, 0x24, 0x02, 0x29, 5, 0, 0, 0]);
}

#[test]
fn forms_of_numbers_and_hours() {
    // Register B, hour of the day, byte
    let table = [
        (HOURS_24, 0, 0x00),
        (HOURS_24, 23, 0x23),
        (HOURS_24 | DM, 23, 23),
        (0, 0, 0x12),
        (0, 11, 0x11),
        (0, 12, 0x92),
        (0, 23, 0x91),
        (DM, 22, 0x80 | 10),
    ];
    for (b, hour, byte) in table {
        let mut chip = Board { chip: Chip::new(hour * 3600, &Setup::default()), now: VmTime::ZERO };
        chip.write(REGISTER_B, b);
        assert_eq!(chip.read(HOURS), byte, "hour {hour}, B {b:#x}");
        // And back: set under SET, run on.
        chip.write(REGISTER_B, b | SET);
        chip.write(HOURS, byte);
        chip.write(REGISTER_B, b);
        chip.write(REGISTER_B, HOURS_24 | DM);
        assert_eq!(u64::from(chip.read(HOURS)), hour);
    }
}

#[test]
fn set_stops_the_time_until_it_is_cleared() {
    let mut board = Board::new();
    board.write(REGISTER_B, SET | UIE | HOURS_24);
    assert_eq!(board.read(REGISTER_B), SET | HOURS_24, "SET clears UIE");
    board.now = VmTime(5 * SECOND);
    assert_eq!(board.read(SECONDS), 0x50);
    for (index, value) in [
        (CENTURY, 0x19),
        (YEAR, 0x99),
        (MONTH, 0x12),
        (DAY_OF_MONTH, 0x31),
        (DAY_OF_WEEK, 0x06),
        (MINUTES, 0x58),
    ] {
        board.write(index, value);
    }
    board.write(REGISTER_B, HOURS_24);
    assert_eq!(board.date(), [0x19, 0x99, 0x12, 0x31, 6, 0x23, 0x58, 0x50]);
    board.now = VmTime(75 * SECOND);
    assert_eq!(board.date(), [0x20, 0x00, 0x01, 0x01, 7, 0x00, 0x00, 0x00]);
}

#[test]
fn a_byte_written_without_set_counts_at_once() {
    let mut board = Board::new();
    board.write(MINUTES, 0x07);
    board.now = VmTime(11 * SECOND);
    assert_eq!(board.date(), [0x20, 0x24, 0x02, 0x28, 4, 0x23, 0x08, 0x01]);
}

#[test]
fn nonsense_dates_are_carried() {
    let mut board = Board::new();
    board.write(REGISTER_B, SET | DM | HOURS_24);
    for index in [CENTURY, YEAR, MONTH, DAY_OF_MONTH, DAY_OF_WEEK, HOURS, MINUTES, SECONDS] {
        board.write(index, 0xff);
    }
    board.write(REGISTER_B, DM | HOURS_24);
    board.now = VmTime(3 * SECOND);
    assert!(board.read(MONTH) <= 12 && board.read(DAY_OF_MONTH) <= 31 && board.read(HOURS) < 24);
}

#[test]
fn uip_announces_the_update() {
    let mut board = Board::new();
    let table = [
        (SECOND - UIP_NS - 1, false),
        (SECOND - UIP_NS, true),
        (SECOND - 1, true),
        (SECOND, false),
        (2 * SECOND - 1, true),
    ];
    for (at, uip) in table {
        board.now = VmTime(at);
        assert_eq!(board.read(REGISTER_A) & UIP != 0, uip, "at {at}");
    }
    board.write(REGISTER_B, SET);
    assert_eq!(board.read(REGISTER_A) & UIP, 0);
}

#[test]
fn releasing_the_divider_updates_half_a_second_later() {
    let mut board = Board::new();
    board.write(REGISTER_A, 0x76);
    board.now = VmTime(20 * SECOND);
    assert_eq!(board.read(SECONDS), 0x50);
    board.write(REGISTER_A, 0x26);
    board.now = VmTime(20 * SECOND + SECOND / 2 - 1);
    assert_eq!(board.read(SECONDS), 0x50);
    board.now = board.now + 1;
    assert_eq!(board.read(SECONDS), 0x51);
}

#[test]
fn update_ended_interrupts_each_second() {
    let mut board = Board::new();
    board.write(REGISTER_B, UIE | HOURS_24);
    assert_eq!(board.rises(VmTime(3 * SECOND + 5)), [SECOND, 2 * SECOND, 3 * SECOND]);
}

#[test]
fn periodic_rates() {
    // Rate, interrupts in a second
    let table = [(0, 0), (1, 256), (2, 128), (3, 8192), (6, 1024), (13, 8), (15, 2)];
    for (rate, count) in table {
        let mut board = Board::new();
        board.write(REGISTER_A, DV_RUN | rate);
        board.write(REGISTER_B, PIE | HOURS_24);
        assert_eq!(board.rises(VmTime(SECOND)).len(), count, "rate {rate}");
    }
}

#[test]
fn alarms() {
    // Hours, minutes, seconds of the alarm, seconds until the first two interrupts
    let table = [
        ([0x23, 0x59, 0x55], [5, 5 + 86_400]),
        ([0xff, 0xff, 0x00], [10, 70]),
        ([0xc0, 0x01, 0x30], [100, 3700]),
        ([0xff, 0xff, 0xff], [1, 2]),
    ];
    for ([hours, minutes, seconds], times) in table {
        let mut board = Board::new();
        board.write(HOURS_ALARM, hours);
        board.write(MINUTES_ALARM, minutes);
        board.write(SECONDS_ALARM, seconds);
        board.write(REGISTER_B, AIE | HOURS_24);
        let rises = board.rises(VmTime(times[1] * SECOND));
        assert_eq!(rises, times.map(|time| time * SECOND), "{hours:x}:{minutes:x}:{seconds:x}");
    }
}

#[test]
fn flags_are_set_without_enables_and_cleared_by_reading() {
    let mut board = Board::new();
    board.now = VmTime(5 * SECOND);
    assert_eq!(board.read(REGISTER_C), PF | UF);
    assert_eq!(board.read(REGISTER_C), 0);
    // An alarm within a long silence is not lost.
    board.write(SECONDS_ALARM, 0x30);
    board.write(MINUTES_ALARM, 0xff);
    board.write(HOURS_ALARM, 0xff);
    board.now = VmTime(200 * SECOND);
    assert_eq!(board.read(REGISTER_C), PF | AF | UF);
}

#[test]
fn reset_keeps_time_and_memory() {
    let mut board = Board::new();
    board.write(0x50, 0xa5);
    board.write(REGISTER_B, PIE | AIE | UIE | SQWE | DM | HOURS_24);
    board.now = VmTime(2 * SECOND);
    board.chip.catch_up(board.now);
    board.chip.clear();
    assert!(!board.chip.irq());
    assert_eq!(board.read(REGISTER_B), DM | HOURS_24);
    assert_eq!((board.read(0x50), board.read(SECONDS), board.read(REGISTER_D)), (0xa5, 52, VRT));
}

#[test]
fn bit_7_of_the_index_selects_nothing() {
    let mut board = Board::new();
    assert_eq!(board.read(0x80 | SECONDS), 0x50);
}

#[test]
fn the_first_reset_after_power_on_ends_what_is_booted_once() {
    let order = |chip: &mut Chip| {
        [0x38, 0x3d].map(|index| {
            chip.write_port(VmTime::ZERO, 0x70, index);
            chip.read_port(VmTime::ZERO, 0x71)
        })
    };
    for (boot_later, then) in [(Some([3, 2, 1]), [0x10, 0x23]), (None, [0x30, 0x12])] {
        let mut chip = Chip::new(START, &Setup { boot: [2, 1, 3], boot_later, ..Setup::default() });
        chip.reset();
        assert_eq!(order(&mut chip), [0x30, 0x12], "power-on");
        chip.reset();
        assert_eq!(order(&mut chip), then);
        // What a guest writes there later stays.
        chip.write_port(VmTime::ZERO, 0x70, 0x3d);
        chip.write_port(VmTime::ZERO, 0x71, 0x44);
        chip.reset();
        assert_eq!(order(&mut chip)[1], 0x44);
    }
}
