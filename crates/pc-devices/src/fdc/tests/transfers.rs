use super::*;

#[test]
fn sectors_are_read_by_dma() {
    let disk = Disk::new(1440);
    // MT, where from, EOT, bytes, results; first sector
    let table = [
        (0x46, [0, 0, 1], 1, 512, [0x00, 0, 0, 1, 0, 1, 2], 0),
        (0x46, [0, 0, 1], 18, 512, [0x00, 0, 0, 0, 0, 2, 2], 0),
        (0x46, [0, 1, 3], 18, 1024, [0x04, 0, 0, 0, 1, 5, 2], 20),
        (0x46, [0, 0, 1], 18, 18 * 512, [0x00, 0, 0, 1, 0, 1, 2], 0),
        (0xe6, [0, 0, 17], 18, 4 * 512, [0x04, 0, 0, 0, 1, 3, 2], 16),
        (0xe6, [0, 0, 18], 18, 512, [0x00, 0, 0, 0, 1, 1, 2], 17),
        (0xe6, [0, 0, 1], 18, 36 * 512, [0x04, 0, 0, 1, 0, 1, 2], 0),
        // In the middle of a sector.
        (0x46, [0, 0, 4], 18, 700, [0x00, 0, 0, 0, 0, 6, 2], 3),
    ];
    for (code, at, last, bytes, results, first) in table {
        let mut board = Board::ready(&disk);
        assert!(board.command(&data(code, 0, at, last)).is_empty());
        assert_eq!((board.read(0x3f4), board.irq()), (0x10, false));
        let read = board.dma_in(bytes);
        let want: Vec<_> = (first..).take(bytes.div_ceil(512)).flat_map(|n| disk.sector(n)).collect();
        assert!(read[..] == want[..bytes], "{code:#x} {at:?}");
        assert!(board.irq() && !board.requested());
        assert_eq!(board.results(), results, "{code:#x} {at:?} {bytes}");
        assert!(!board.irq());
    }
}

#[test]
fn without_a_terminal_count_the_cylinder_ends() {
    let mut board = Board::ready(&Disk::new(1440));
    for (code, last, bytes, results) in
        [(0x46, 2, 1024, [0x40, 0x80, 0, 1, 0, 1, 2]), (0xc6, 18, 36 * 512, [0x44, 0x80, 0, 1, 0, 1, 2])]
    {
        board.command(&data(code, 0, [0, 0, 1], last));
        assert_eq!(board.dma_in(1 << 16).len(), bytes);
        assert_eq!(board.results(), results);
    }
}

#[test]
fn sectors_that_are_not_there() {
    // Parameters, ST0 to ST2
    let table = [
        (data(0x46, 0, [0, 0, 19], 19), [0x40, 0x04, 0x00]),
        (data(0x46, 0, [0, 0, 0], 18), [0x40, 0x04, 0x00]),
        (data(0x46, 0, [1, 0, 1], 18), [0x40, 0x04, 0x10]),
        (data(0x45, 0, [1, 0, 1], 18), [0x40, 0x04, 0x10]),
        (data(0x06, 0, [0, 0, 1], 18), [0x40, 0x01, 0x00]),
        (data(0x46, 1, [0, 0, 1], 18), [0x41, 0x01, 0x00]),
        ([0x46, 0, 0, 1, 1, 2, 18, 0x1b, 0xff], [0x40, 0x04, 0x00]),
        ([0x46, 0, 0, 0, 1, 3, 18, 0x1b, 0xff], [0x40, 0x04, 0x00]),
        ([0x46, 0, 0, 0, 1, 0, 18, 0x1b, 0x80], [0x40, 0x04, 0x00]),
    ];
    for (command, status) in table {
        let mut board = Board::ready(&Disk::new(1440));
        let results = board.command(&command);
        assert_eq!(results[..3], status, "{command:x?}");
        assert_eq!(results[3..], command[2..6].iter().copied().take(3).chain([2]).collect::<Vec<_>>());
    }
    // Another data rate.
    let mut board = Board::ready(&Disk::new(1440));
    board.write(0x3f7, 2);
    assert_eq!(board.command(&data(0x46, 0, [0, 0, 1], 18))[..2], [0x40, 0x01]);
}

#[test]
fn implied_seeks() {
    let disk = Disk::new(1440);
    let mut board = Board::ready(&disk);
    board.command(&[0x13, 0, 0x40, 0]);
    board.command(&data(0x46, 0, [5, 0, 1], 18));
    assert_eq!(board.dma_in(512), disk.sector(5 * 36));
    assert_eq!(board.results(), [0x20, 0, 0, 5, 0, 2, 2]);
    assert_eq!(board.command(&[0x0e])[0], 5);
}

#[test]
fn sectors_are_written_by_dma() {
    let disk = Disk::new(1440);
    let mut board = Board::ready(&disk);
    let bytes: Vec<u8> = (0..1300).map(|n| (n % 251) as u8).collect();
    board.command(&data(0xc5, 0, [0, 0, 17], 18));
    assert_eq!(board.dma_out(&bytes), bytes.len());
    assert_eq!(board.results(), [0x04, 0, 0, 0, 1, 2, 2]);
    assert!(disk.sector(16) == bytes[..512] && disk.sector(17) == bytes[512..1024]);
    let third = disk.sector(18);
    assert!(third[..276] == bytes[1024..] && third[276..].iter().all(|byte| *byte == 0), "the rest is zeros");
    assert_eq!(disk.sector(19)[0], 19);
}

#[test]
fn without_dma_each_sector_interrupts() {
    let disk = Disk::new(1440);
    let mut board = Board::ready(&disk);
    board.command(&[0x03, 0xaf, 0x03]);
    board.command(&data(0x46, 0, [0, 0, 17], 18));
    assert!(!board.requested());
    let mut read = Vec::new();
    for _ in 0..2 {
        assert!(board.irq());
        for _ in 0..512 {
            assert_eq!(board.read(0x3f4), 0xf0);
            read.push(board.read(0x3f5));
        }
    }
    assert!(read == [disk.sector(16), disk.sector(17)].concat());
    assert!(board.irq());
    assert_eq!(board.results(), [0x40, 0x80, 0, 1, 0, 1, 2]);

    board.command(&data(0x45, 0, [0, 0, 18], 18));
    assert!(board.irq());
    for n in 0..512 {
        assert_eq!(board.read(0x3f4), 0xb0, "{n}");
        board.write(0x3f5, 0x5a);
    }
    assert_eq!(board.results(), [0x40, 0x80, 0, 1, 0, 1, 2]);
    assert!(disk.sector(17).iter().all(|byte| *byte == 0x5a));
}

#[test]
fn read_track_begins_at_the_index() {
    let disk = Disk::new(1440);
    let mut board = Board::ready(&disk);
    for (sector, st1) in [(3, 0x80), (9, 0x84)] {
        board.command(&data(0x42, 0, [0, 0, sector], 4));
        let want: Vec<_> = (0..4).flat_map(|n| disk.sector(n)).collect();
        assert!(board.dma_in(1 << 16) == want);
        assert_eq!(board.results()[..2], [0x40, st1]);
    }
}

#[test]
fn deleted_data() {
    let disk = Disk::new(1440);
    let mut board = Board::ready(&disk);
    // All marks are normal: the first sector is read, and is the last.
    board.command(&data(0x4c, 0, [0, 0, 2], 18));
    assert_eq!(board.dma_in(1 << 16), disk.sector(1));
    assert_eq!(board.results()[..3], [0x00, 0x00, 0x40]);
    // Or all are skipped.
    assert_eq!(board.command(&data(0x6c, 0, [0, 0, 2], 18))[..3], [0x40, 0x80, 0x40]);
    assert_eq!(board.command(&data(0x49, 0, [0, 0, 2], 18))[..3], [0x40, 0x02, 0x00]);
}

#[test]
fn tracks_are_formatted() {
    let disk = Disk::new(1440);
    for by_dma in [true, false] {
        let mut board = Board::ready(&disk);
        board.command(&[0x03, 0xaf, if by_dma { 2 } else { 3 }]);
        board.command(&[0x0f, 0, 2]);
        board.command(&[0x08]);
        board.command(&[0x4d, 0x04, 2, 18, 0x6c, 0xf6]);
        // Interleaved: every sector comes once.
        let ids: Vec<u8> = (0..18).flat_map(|n| [2, 1, n * 5 % 18 + 1, 2]).collect();
        if by_dma {
            assert_eq!(board.dma_out(&ids), ids.len());
        } else {
            ids.iter().for_each(|byte| board.write(0x3f5, *byte));
        }
        assert_eq!(board.results()[..3], [0x04, 0, 0], "{by_dma}");
        let first = 2 * 36 + 18;
        assert!((first..first + 18).all(|n| disk.sector(n) == [0xf6; 512]));
        assert!(disk.sector(first - 1)[0] != 0xf6 && disk.sector(first + 18)[0] != 0xf6);
    }
    // Other numbers of sectors, and other identifications, have no place.
    let mut board = Board::ready(&disk);
    assert_eq!(board.command(&[0x4d, 0, 2, 9, 0x6c, 0xf6])[..2], [0x40, 0x02]);
    board.command(&[0x4d, 0, 2, 18, 0x6c, 0xf6]);
    board.dma_out(&[0, 0, 19, 2]);
    assert_eq!(board.results()[..2], [0x40, 0x02]);
    assert_eq!(disk.sector(0)[0], 0);
}

#[test]
fn verify_looks_for_sectors() {
    // First byte, drive and head with EC, R, EOT, SC; ST0, ST1
    let table = [
        (0x56, 0x00, 1, 18, 0xff, 0x00, 0x00),
        (0x56, 0x00, 1, 19, 0xff, 0x40, 0x04),
        (0xd6, 0x00, 1, 18, 0xff, 0x04, 0x00),
        (0x56, 0x80, 1, 18, 18, 0x00, 0x00),
        (0x56, 0x80, 2, 18, 18, 0x40, 0x04),
        (0xd6, 0x80, 2, 18, 18, 0x04, 0x00),
        (0x56, 0x00, 19, 19, 0xff, 0x40, 0x04),
    ];
    for (first, select, sector, last, count, st0, st1) in table {
        let mut board = Board::ready(&Disk::new(1440));
        let results = board.command(&[first, select, 0, 0, sector, 2, last, 0x1b, count]);
        assert_eq!(results[..2], [st0, st1], "{first:#x} {select:#x} {sector} {last} {count}");
        assert!(!board.requested());
    }
}

#[test]
fn scans_compare() {
    let disk = Disk::new(1440);
    let pattern = |n: usize| disk.sector(n);
    let shifted = |n: usize, by: i8| {
        disk.sector(n).iter().map(|byte| byte.wrapping_add_signed(by)).collect::<Vec<u8>>()
    };
    // Command, step, what the host gives, ST2 and R
    let table = [
        (0x51, 1, pattern(0), 0x08, 1),
        (0x51, 1, vec![0xff; 512], 0x08, 1),
        (0x51, 1, [pattern(5), pattern(1)].concat(), 0x08, 2),
        (0x51, 2, [pattern(5), pattern(2)].concat(), 0x08, 3),
        (0x51, 1, [pattern(5), pattern(5), pattern(5)].concat(), 0x04, 3),
        (0x59, 1, shifted(0, 1), 0x00, 1),
        (0x5d, 1, [shifted(0, 1), shifted(1, 0)].concat(), 0x08, 2),
    ];
    for (code, step, bytes, st2, sector) in table {
        let mut board = Board::ready(&disk);
        board.command(&[code, 0, 0, 0, 1, 2, 3, 0x1b, step]);
        board.dma_out(&[&bytes[..], &[0; 512]].concat());
        let results = board.results();
        assert_eq!((results[0], results[2], results[5]), (0, st2, sector), "{code:#x} {step}");
    }
}

#[test]
fn a_medium_that_takes_its_time() {
    let disk = Disk::new(1440);
    let mut board = Board::ready(&disk);
    disk.hold(true);
    board.command(&data(0x46, 0, [0, 0, 1], 18));
    assert!(board.fdc.host_io().unwrap().is_waiting());
    assert!(!board.requested() && board.read(0x3f4) == 0x10);
    disk.hold(false);
    board.poll();
    assert!(board.requested());
    // A state saved during a request continues on another machine.
    disk.hold(true);
    assert_eq!(board.dma_in(1024), disk.sector(0));
    let mut bytes = Vec::new();
    board.fdc.save(&mut bytes);
    let mut copy = Board::new(&[&Disk::new(1440)]);
    let mut rest = &bytes[..];
    assert_eq!(copy.fdc.load(&mut rest), Some(()));
    assert!(rest.is_empty() && copy.fdc.host_io().unwrap().is_waiting());
    copy.poll();
    assert_eq!(copy.dma_in(512), disk.sector(1));
    assert_eq!(copy.results(), [0x00, 0, 0, 0, 0, 3, 2]);
    // And a reset does away with it.
    board.write(0x3f4, 0x80);
    disk.hold(false);
    board.poll();
    assert!(!board.requested());
    board.command(&data(0x46, 0, [0, 0, 3], 18));
    assert_eq!(board.dma_in(512), disk.sector(2));

    // Writes: the terminal count arrives before the medium has completed the write.
    disk.hold(true);
    board.results();
    board.command(&data(0x45, 0, [0, 0, 1], 18));
    assert_eq!(board.dma_out(&[9; 512]), 512);
    assert_eq!(board.read(0x3f4), 0x10);
    disk.hold(false);
    board.poll();
    assert_eq!(board.results(), [0x00, 0, 0, 0, 0, 2, 2]);
    assert_eq!(disk.sector(0), [9; 512]);
}

#[test]
fn errors_of_the_medium() {
    let broken = Disk { broken: true, ..Disk::new(1440) };
    let mut board = Board::ready(&broken);
    assert_eq!(board.command(&data(0x46, 0, [0, 0, 1], 18))[..3], [0x40, 0x20, 0x20]);
    board.command(&data(0x45, 0, [0, 0, 1], 18));
    board.dma_out(&[0; 512]);
    assert_eq!(board.results()[..3], [0x50, 0, 0]);
    let protected = Disk { read_only: true, ..Disk::new(1440) };
    let mut board = Board::ready(&protected);
    assert_eq!(board.command(&data(0x45, 0, [0, 0, 1], 18))[..3], [0x40, 0x02, 0]);
    assert_eq!(board.command(&[0x4d, 0, 2, 18, 0x6c, 0xf6])[..2], [0x40, 0x02]);
    assert_eq!(board.command(&[0x04, 0]), [0x78]);
}
