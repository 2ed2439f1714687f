use super::*;

fn build(floppies: &[&[(&str, &str)]]) -> Result<Box<dyn Device>, String> {
    let mut bench = Bench::new();
    for name in ["a", "b", "c"] {
        bench.backends.blocks.insert(name.to_owned(), Box::new(Disk::new(360)));
    }
    let attached: Vec<_> = floppies.iter().map(|of| (crate::declaration("floppy"), *of)).collect();
    bench.build(crate::declaration("isa-fdc"), &[], &attached).map_err(|error| error.to_string())
}

#[test]
fn drives_have_units() {
    type Row = (&'static [&'static [(&'static str, &'static str)]], &'static str);
    let table: &[Row] = &[
        (
            &[&[("unit", "1")], &[("unit", "1")]],
            "device floppy1: unit=1 is another drive's; there are units 0 and 1",
        ),
        (&[&[], &[], &[]], "device floppy2: isa-fdc has two drives already; leave one out"),
        (
            &[&[("drive", "x")]],
            "device floppy0: drive=x: no drive has this name, or another device has it; there are a, b, c",
        ),
    ];
    for (floppies, error) in table {
        assert_eq!(build(floppies).err().as_deref(), Some(*error));
    }
    let mut fdc = build(&[&[("unit", "1"), ("drive", "b")], &[]]).unwrap();
    let list = fdc.drives().unwrap().list();
    let list: Vec<_> = list.iter().map(|drive| (drive.id.as_str(), drive.medium.is_some())).collect();
    assert_eq!(list, [("floppy1", false), ("floppy0", true)]);
}

#[test]
fn the_change_line_falls_with_a_step() {
    let mut board = Board::new(&[&Disk::new(1440)]);
    board.write(0x3f2, 0x1c);
    assert_eq!(board.read(0x3f7), 0x80);
    board.command(&[0x07, 0]);
    board.command(&[0x08]);
    assert_eq!(board.read(0x3f7), 0x80, "no step");
    board.command(&[0x0f, 0, 1]);
    board.command(&[0x08]);
    assert_eq!(board.read(0x3f7), 0x00);
    board.write(0x3f2, 0x0d);
    assert_eq!(board.read(0x3f7), 0x80, "no drive");
    board.write(0x3f2, 0x1c);

    let Board { bench, fdc } = &mut board;
    let drives = fdc.drives().unwrap();
    assert_eq!(drives.eject(&mut bench.ctx(), "hd0", false), Err("isa-fdc has no drive hd0".to_owned()));
    assert_eq!(drives.eject(&mut bench.ctx(), "floppy0", false), Ok(()));
    assert_eq!(drives.list()[0].medium, None);
    board.command(&[0x0f, 0, 9]);
    board.command(&[0x08]);
    assert_eq!(board.read(0x3f7), 0x80, "it stays without a medium");
    assert_eq!(board.command(&data(0x46, 0, [9, 0, 1], 18))[..2], [0x40, 0x01]);

    let Board { bench, fdc } = &mut board;
    let other = Disk::new(720);
    fdc.drives().unwrap().insert(&mut bench.ctx(), "floppy0", Box::new(other.clone())).unwrap();
    board.command(&[0x07, 0]);
    board.command(&[0x08]);
    assert_eq!(board.read(0x3f7), 0x00);
    board.write(0x3f7, 2);
    board.command(&data(0x46, 0, [0, 1, 9], 9));
    assert_eq!(board.dma_in(512), other.sector(17));
}

#[test]
fn a_medium_taken_out_ends_what_waits_for_it() {
    let disk = Disk::new(1440);
    let mut board = Board::ready(&disk);
    disk.hold(true);
    board.command(&data(0x46, 0, [0, 0, 1], 18));
    let Board { bench, fdc } = &mut board;
    fdc.drives().unwrap().eject(&mut bench.ctx(), "floppy0", false).unwrap();
    assert!(board.irq());
    assert_eq!(board.results()[..3], [0x40, 0x20, 0x20]);
}

#[test]
fn media_of_every_size_are_read() {
    // KiB, data rate, sectors of a track, sides, last track
    let table = [
        (160, 2, 8, 1, 39),
        (180, 1, 9, 1, 39),
        (320, 2, 8, 2, 39),
        (360, 1, 9, 2, 39),
        (720, 2, 9, 2, 79),
        (1200, 0, 15, 2, 79),
        (1440, 0, 18, 2, 79),
        (2880, 3, 36, 2, 79),
    ];
    for (kib, rate, sectors, heads, last) in table {
        let disk = Disk::new(kib);
        let mut board = Board::ready(&disk);
        board.write(0x3f7, rate);
        // 5.25 inch drives of 80 tracks step twice; firmware does not always.
        for track in if last == 39 { vec![last, 2 * last] } else { vec![last] } {
            board.command(&[0x0f, 0, track]);
            board.command(&[0x08]);
            board.command(&data(0x46, 0, [last, heads - 1, sectors], sectors));
            assert_eq!(board.dma_in(512), disk.sector(kib * 2 - 1), "{kib} at {track}");
            assert_eq!(board.results()[..3], [(heads - 1) << 2, 0, 0], "{kib}");
        }
        if heads == 1 {
            assert_eq!(board.command(&data(0x46, 0, [last, 1, 1], sectors))[..2], [0x44, 0x01]);
        }
    }
}

#[test]
fn a_boot_sector_alone_is_a_disk() {
    let small = Disk { bytes: Arc::new(Mutex::new(vec![7; 512])), ..Disk::default() };
    let mut board = Board::ready(&small);
    board.write(0x3f7, 3);
    board.command(&data(0x46, 0, [0, 0, 1], 36));
    assert_eq!(board.dma_in(1024), [[7; 512], [0; 512]].concat());
    board.results();
    board.command(&data(0x45, 0, [0, 0, 2], 36));
    board.dma_out(&[1; 512]);
    assert_eq!(board.results()[0], 0x50, "behind the end of the image");
}

#[test]
fn states_need_the_same_drives() {
    let mut bytes = Vec::new();
    Board::new(&[&Disk::new(1440)]).fdc.save(&mut bytes);
    let mut none = Board::new(&[]);
    assert_eq!(none.fdc.load(&mut &bytes[..]), None);
    let mut one = Board::new(&[&Disk::new(1440)]);
    assert_eq!(one.fdc.load(&mut &bytes[..]), Some(()));
    // A drive that was empty is empty again.
    let Board { bench, fdc } = &mut one;
    fdc.drives().unwrap().eject(&mut bench.ctx(), "floppy0", false).unwrap();
    let mut empty = Vec::new();
    one.fdc.save(&mut empty);
    assert_eq!(one.fdc.load(&mut &bytes[..]), None, "the medium is missing");
    let mut full = Board::new(&[&Disk::new(1440)]);
    assert_eq!(full.fdc.load(&mut &empty[..]), Some(()));
    assert_eq!(full.fdc.drives().unwrap().list()[0].medium, None);
}
