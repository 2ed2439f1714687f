use super::*;

#[test]
fn commands_without_data_return_what_they_should() {
    // Commands, results of the last
    type Row = (&'static [&'static [u8]], &'static [u8]);
    let table: &[Row] = &[
        (&[&[0x10]], &[0x90]),
        (&[&[0x18]], &[0x41]),
        (&[&[0x14]], &[0x00]),
        (&[&[0x94]], &[0x10]),
        (&[&[0x08]], &[0x80]),
        (&[&[0x1f]], &[0x80]),
        (&[&[0xcd]], &[0x80]),
        (&[&[0x33, 0x00]], &[]),
        (&[&[0x17, 0x02]], &[0x02]),
        (&[&[0x04, 0x00]], &[0x38]),
        (&[&[0x04, 0x04]], &[0x3c]),
        // No such drive: not at track 0.
        (&[&[0x04, 0x01]], &[0x29]),
        (&[&[0x0f, 0x00, 40], &[0x08]], &[0x20, 40]),
        (&[&[0x0f, 0x00, 40], &[0x08], &[0x04, 0x00]], &[0x28]),
        (&[&[0x0f, 0x00, 40], &[0x08], &[0x8f, 0x00, 3], &[0x08]], &[0x20, 37]),
        (&[&[0xcf, 0x00, 5], &[0x08]], &[0x20, 5]),
        (&[&[0x0f, 0x00, 40], &[0x08], &[0x07, 0x00], &[0x08]], &[0x20, 0]),
        (&[&[0x07, 0x01], &[0x08]], &[0x71, 0]),
        (&[&[0x0e]], &[0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0]),
        (
            &[
                &[0x03, 0xaf, 0x02],
                &[0x13, 0, 0x57, 9],
                &[0x12, 0x84],
                &[0x94],
                &[0x0f, 0, 7],
                &[0x08],
                &[0x0e],
            ],
            &[7, 0, 0, 0, 0xaf, 0x02, 0, 0x84, 0x57, 9],
        ),
        // The drives' bits are written with OW alone.
        (&[&[0x12, 0xbf], &[0x12, 0x01], &[0x0e]], &[0, 0, 0, 0, 0, 0, 0, 0x3d, 0x20, 0]),
        (&[&[0x8e, 0x13, 0x25, 0xc0]], &[]),
        (&[&[0x8e, 0x13, 0x25, 0xc0], &[0x8e, 0x80]], &[0x13, 0x05, 0, 0]),
        (&[&[0x8e, 0, 0, 0, 0, 0]], &[0x80]),
        (&[&[0x2e]], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0]),
        (
            &[&[0x4e, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0x88, 9, 10, 11, 0, 0, 0, 0, 0], &[0x2e]],
            &[0, 0, 1, 2, 3, 4, 5, 6, 7, 0x88, 9, 10, 11, 0, 0],
        ),
    ];
    for (commands, want) in table {
        let mut board = Board::new(&[&Disk::new(1440)]);
        let results: Vec<_> = commands.iter().map(|bytes| board.command(bytes)).collect();
        assert_eq!(results.last().map(Vec::as_slice), Some(*want), "{commands:x?}");
        assert_eq!(board.read(0x3f4), 0x80, "{commands:x?}");
    }
}

#[test]
fn reset_is_four_times_a_changed_drive() {
    // By the output register, and by the rate register
    for writes in [&[(0x3f2, 0x08), (0x3f2, 0x0c)][..], &[(0x3f4, 0x80)]] {
        let mut board = Board::new(&[&Disk::new(1440)]);
        board.command(&[0x0f, 0, 9]);
        for (port, value) in writes {
            board.write(*port, *value);
        }
        assert!(board.irq());
        for unit in 0..4 {
            assert_eq!(board.command(&[0x08]), [0xc0 | unit, 0]);
            assert!(!board.irq());
        }
        assert_eq!(board.command(&[0x08]), [0x80]);
    }
}

#[test]
fn held_in_reset_it_is_not_ready() {
    let mut board = Board::new(&[&Disk::new(1440)]);
    board.write(0x3f2, 0x00);
    assert_eq!((board.read(0x3f4), board.read(0x3f2)), (0, 0));
    board.write(0x3f5, 0x10);
    board.write(0x3f2, 0x0c);
    assert_eq!(board.read(0x3f4), 0x80, "nothing was taken");
    // In the middle of a command, too.
    board.write(0x3f5, 0x03);
    assert_eq!(board.read(0x3f4), 0x90);
    board.write(0x3f2, 0x08);
    board.write(0x3f2, 0x0c);
    assert_eq!(board.read(0x3f4), 0x80);
}

#[test]
fn lock_keeps_the_fifo_over_software_resets() {
    // Lock, configuration and precompensation after reset
    for (lock, config, precompensation) in [(0x14, 0x20, 0), (0x94, 0x0a, 7)] {
        let mut board = Board::new(&[&Disk::new(1440)]);
        board.command(&[0x13, 0, 0x5a, 7]);
        board.command(&[0x12, 0x87]);
        board.command(&[lock]);
        board.write(0x3f4, 0x80);
        let registers = board.command(&[0x0e]);
        assert_eq!((registers[8], registers[9]), (config, precompensation), "{lock:#x}");
        assert_eq!(registers[7] & 0x7f, 0x04, "GAP and WGATE are cleared");
        // RESET# unlocks.
        board.fdc.reset(&mut board.bench.ctx());
        assert_eq!(board.command(&[0x0e])[7..], [0, 0x20, 0]);
    }
}

#[test]
fn the_gate_holds_interrupts_back() {
    let mut board = Board::new(&[&Disk::new(1440)]);
    board.write(0x3f2, 0x04);
    board.command(&[0x07, 0]);
    assert!(!board.irq());
    board.write(0x3f2, 0x0c);
    assert!(board.irq());
}

#[test]
fn seeks_of_two_drives_are_sensed_one_after_the_other() {
    let mut board = Board::new(&[&Disk::new(1440), &Disk::new(720)]);
    board.command(&[0x0f, 0, 3]);
    board.command(&[0x0f, 1, 5]);
    assert_eq!(board.command(&[0x08]), [0x20, 3]);
    assert!(board.irq());
    assert_eq!(board.command(&[0x08]), [0x21, 5]);
    assert!(!board.irq());
}

#[test]
fn status_registers_show_motors_and_the_second_drive() {
    let mut board = Board::new(&[&Disk::new(1440)]);
    assert_eq!((board.read(0x3f0), board.read(0x3f1)), (0x40, 0xc0));
    board.write(0x3f2, 0x3d);
    board.command(&[0x07, 0]);
    assert_eq!((board.read(0x3f0), board.read(0x3f1), board.read(0x3f2)), (0xc0, 0xe3, 0x3d));
    assert_eq!(Board::new(&[&Disk::new(1440), &Disk::new(1440)]).read(0x3f0), 0);
    board.write(0x3f3, 0xff);
    assert_eq!(board.read(0x3f3), 3);
}

#[test]
fn read_id_meets_one_sector_after_the_other() {
    let mut board = Board::ready(&Disk::new(1440));
    board.command(&[0x0f, 0, 79]);
    board.command(&[0x08]);
    for sector in (1..=18).chain(1..3) {
        assert!(board.command(&[0x4a, 0x04]).is_empty());
        assert_eq!(board.read(0x3f4), 0x10, "busy");
        board.wait();
        assert!(board.irq());
        assert_eq!(board.results(), [0x04, 0, 0, 79, 1, sector, 2]);
        assert!(!board.irq());
    }
    // Single density, the wrong rate, a track that is not there, a drive that is not there
    let fails = |board: &mut Board, bytes: &[u8], track: u8| {
        board.command(bytes);
        board.wait();
        assert_eq!(board.results()[..4], [0x40 | bytes[1], 1, 0, track], "{bytes:x?}");
    };
    fails(&mut board, &[0x0a, 0], 79);
    fails(&mut board, &[0x4a, 1], 0);
    board.write(0x3f7, 2);
    fails(&mut board, &[0x4a, 0], 79);
    board.write(0x3f7, 0);
    board.command(&[0x0f, 0, 80]);
    board.command(&[0x08]);
    fails(&mut board, &[0x4a, 0], 80);
}
