//! Hard disks by PIO.

use super::*;

const LBA: u8 = 0xe0;

#[test]
fn identification_is_that_of_the_reference_machine() {
    let mut rig = Rig::with_disk(20 << 11);
    rig.command(PRIMARY, 0xec, [0, 0, 0, 0, 0, 0xa0]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58));
    let data = rig.data(PRIMARY, 512);
    assert_eq!(rig.acknowledge(PRIMARY), (false, 0x50));
    let word = |n: usize| u16::from_le_bytes([data[2 * n], data[2 * n + 1]]);
    // QEMU 7.2's for a disk of 20 MiB, without TRIM
    let table = [
        (0, 0x40),
        (1, 40),
        (3, 16),
        (4, 0x7e00),
        (5, 0x200),
        (6, 63),
        (20, 3),
        (21, 512),
        (22, 4),
        (47, 0x8010),
        (48, 1),
        (49, 0xb00),
        (51, 0x200),
        (52, 0x200),
        (53, 7),
        (54, 40),
        (55, 16),
        (56, 63),
        (57, 0x9d80),
        (58, 0),
        (59, 0x110),
        (60, 0xa000),
        (61, 0),
        (62, 7),
        (63, 7),
        (64, 3),
        (65, 120),
        (66, 120),
        (67, 120),
        (68, 120),
        (80, 0xf0),
        (81, 0x16),
        (82, 0x4021),
        (83, 0x7400),
        (84, 0x4000),
        (85, 0x4021),
        (86, 0x3400),
        (87, 0x4000),
        (88, 0x203f),
        (93, 0x6001),
        (100, 0xa000),
        (106, 0x6000),
    ];
    let text = (10..=19).chain(23..=46);
    for n in 0..256 {
        let wanted = table.iter().find(|(at, _)| *at == n).map_or(0, |(_, value)| *value);
        assert!(text.clone().any(|at| at == n) || word(n) == wanted, "word {n}: {:#x}", word(n));
    }
    let text = |from: usize, words: usize| -> String {
        (from..from + words).flat_map(|n| word(n).to_be_bytes()).map(char::from).collect()
    };
    assert_eq!(text(10, 10).trim_end(), "QM00001");
    assert_eq!(text(27, 20).trim_end(), "QEMU HARDDISK");
}

#[test]
fn sectors_are_read_one_interrupt_each() {
    let mut rig = Rig::with_disk(100);
    rig.command(PRIMARY, 0x20, [0, 2, 5, 0, 0, LBA]);
    assert_eq!(rig.registers(PRIMARY), [0, 1, 6, 0, 0, LBA, 0x58]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58));
    assert_eq!(rig.data(PRIMARY, 512), [5; 512]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58));
    assert_eq!(rig.sized(PRIMARY, 4), 0x0606_0606);
    assert_eq!(rig.data(PRIMARY, 508), [6; 508]);
    assert_eq!(rig.registers(PRIMARY), [0, 0, 7, 0, 0, LBA, 0x50]);
    assert_eq!(rig.acknowledge(PRIMARY), (false, 0x50), "none behind the last block");
    assert_eq!(rig.sized(PRIMARY, 2), 0, "nothing is left");
}

#[test]
fn each_kind_of_address_reaches_its_sector() {
    let mut rig = Rig::with_disk(3000);
    // 16 heads, 63 sectors: cylinder 2, head 1, sector 4 is 2 * 1008 + 63 + 3.
    for (code, registers, sector) in [
        (0x20, [0, 1, 0x22, 0x08, 0, LBA], 0x822),
        (0x20, [0, 1, 4, 2, 0, 0xa1], 2082),
        (0x21, [0, 1, 1, 0, 0, 0xa0], 0),
        (0xc4, [0, 1, 0x22, 0x08, 0, LBA], 0x822),
    ] {
        rig.command(PRIMARY, code, registers);
        assert_eq!(rig.data(PRIMARY, 512), [sector as u8; 512], "{code:#x} {registers:x?}");
    }
    // 48 bits: the upper half first
    for (n, value) in [(2, 0), (3, 0), (4, 0), (5, 0)] {
        rig.out(PRIMARY + n, value);
    }
    rig.command(PRIMARY, 0x24, [0, 1, 0x23, 0x08, 0, LBA]);
    assert_eq!(rig.data(PRIMARY, 512), [0x23; 512]);
    rig.out(PRIMARY + 0x206, 0x80);
    assert_eq!(rig.byte(PRIMARY + 3), 0);
    rig.out(PRIMARY + 3, 0x77);
    assert_eq!(rig.byte(PRIMARY + 3), 0x77, "a write selects the last byte again");
}

#[test]
fn sectors_that_do_not_exist_abort() {
    let mut rig = Rig::with_disk(100);
    for (code, registers) in [
        (0x20, [0, 1, 100, 0, 0, LBA]),
        (0x20, [0, 2, 99, 0, 0, LBA]),
        (0x20, [0, 1, 0, 0, 0, 0xa0]),
        (0x30, [0, 1, 100, 0, 0, LBA]),
        (0x40, [0, 1, 100, 0, 0, LBA]),
        (0xc8, [0, 1, 100, 0, 0, LBA]),
        (0x24, [0, 1, 0xff, 0xff, 0xff, LBA]),
    ] {
        rig.command(PRIMARY, code, registers);
        assert_eq!((rig.byte(PRIMARY + 1), rig.acknowledge(PRIMARY)), (4, (true, 0x41)), "{code:#x}");
    }
    rig.command(PRIMARY, 0x40, [0, 100, 0, 0, 0, LBA]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x50));
}

#[test]
fn sectors_are_written_and_flushed() {
    let mut rig = Rig::with_disk(100);
    rig.command(PRIMARY, 0x30, [0, 2, 9, 0, 0, LBA]);
    assert_eq!(rig.acknowledge(PRIMARY), (false, 0x58), "none before the first block");
    rig.fill(PRIMARY, &[0xa5; 512]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58));
    rig.fill(PRIMARY, &[0xa6; 512]);
    assert_eq!(rig.registers(PRIMARY), [0, 0, 11, 0, 0, LBA, 0x50]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x50));
    for flush in [0xe7, 0xea] {
        rig.command(PRIMARY, flush, [0, 0, 0, 0, 0, LBA]);
        assert_eq!(rig.acknowledge(PRIMARY), (true, 0x50));
    }
    rig.command(PRIMARY, 0x20, [0, 4, 8, 0, 0, LBA]);
    let bytes: Vec<_> = (0..4).map(|_| rig.data(PRIMARY, 512)[511]).collect();
    assert_eq!(bytes, [8, 0xa5, 0xa6, 11]);
}

#[test]
fn multiple_sectors_go_as_one_block() {
    let mut rig = Rig::with_disk(100);
    for (count, status) in [(3, 0x41), (32, 0x41), (8, 0x50)] {
        rig.command(PRIMARY, 0xc6, [0, count, 0, 0, 0, LBA]);
        assert_eq!(rig.acknowledge(PRIMARY), (true, status), "{count}");
    }
    rig.command(PRIMARY, 0xc4, [0, 12, 0, 0, 0, LBA]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58));
    assert_eq!(rig.data(PRIMARY, 8 * 512)[7 * 512], 7);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58));
    assert_eq!(rig.data(PRIMARY, 4 * 512)[3 * 512], 11);
    assert_eq!(rig.acknowledge(PRIMARY), (false, 0x50));
    rig.command(PRIMARY, 0xc5, [0, 9, 0, 0, 0, LBA]);
    rig.fill(PRIMARY, &[1; 8 * 512]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58));
    rig.fill(PRIMARY, &[1; 512]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x50));
    rig.command(PRIMARY, 0xc6, [0, 0, 0, 0, 0, LBA]);
    rig.command(PRIMARY, 0xc4, [0, 1, 0, 0, 0, LBA]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x41), "not enabled");
}

#[test]
fn commands_without_data() {
    let mut rig = Rig::with_disk(20 << 11);
    let table: [(u8, [u8; 6], [u8; 7]); 18] = [
        (0x00, [0, 1, 2, 3, 4, LBA], [4, 1, 2, 3, 4, LBA, 0x41]),
        (0x08, [0, 1, 2, 3, 4, LBA], [4, 1, 2, 3, 4, LBA, 0x41]),
        (0x10, [0, 1, 2, 3, 4, LBA], [0, 1, 2, 3, 4, LBA, 0x50]),
        (0x70, [0, 1, 2, 3, 4, LBA], [0, 1, 2, 3, 4, LBA, 0x50]),
        (0xe5, [0, 1, 2, 3, 4, LBA], [0, 0xff, 2, 3, 4, LBA, 0x50]),
        (0xe0, [0, 1, 2, 3, 4, LBA], [0, 1, 2, 3, 4, LBA, 0x50]),
        (0xe5, [0, 1, 2, 3, 4, LBA], [0, 0, 2, 3, 4, LBA, 0x50]),
        (0xe1, [0, 1, 2, 3, 4, LBA], [0, 1, 2, 3, 4, LBA, 0x50]),
        (0xf8, [0, 1, 0, 0, 0, LBA], [0, 1, 0xff, 0x9f, 0, LBA, 0x50]),
        (0x27, [0, 1, 0, 0, 0, LBA], [0, 1, 0xff, 0x9f, 0, LBA, 0x50]),
        (0xef, [3, 0x42, 0, 0, 0, LBA], [0, 0x42, 0, 0, 0, LBA, 0x50]),
        (0xef, [3, 0x90, 0, 0, 0, LBA], [4, 0x90, 0, 0, 0, LBA, 0x41]),
        (0xef, [0x99, 0, 0, 0, 0, LBA], [4, 0, 0, 0, 0, LBA, 0x41]),
        (0xef, [0x82, 0, 0, 0, 0, LBA], [0, 0, 0, 0, 0, LBA, 0x50]),
        (0xa0, [0, 0, 0, 0, 0, LBA], [4, 0, 0, 0, 0, LBA, 0x41]),
        (0xa1, [0, 0, 0, 0, 0, LBA], [4, 0, 0, 0, 0, LBA, 0x41]),
        (0xb0, [0xda, 0, 0, 0x4f, 0xc2, LBA], [0, 0, 0, 0x4f, 0xc2, LBA, 0x50]),
        (0xb0, [0xda, 0, 0, 0, 0, LBA], [4, 0, 0, 0, 0, LBA, 0x41]),
    ];
    for (code, registers, wanted) in table {
        rig.command(PRIMARY, code, registers);
        assert_eq!(rig.registers(PRIMARY), wanted, "{code:#x}");
        assert!(rig.acknowledge(PRIMARY).0);
    }
    rig.command(PRIMARY, 0xec, [0, 0, 0, 0, 0, LBA]);
    let data = rig.data(PRIMARY, 512);
    assert_eq!((data[176], data[177], data[170] & 0x20), (0x3f, 0x04, 0), "UDMA 2, no write cache");
}

#[test]
fn another_geometry_changes_where_addresses_lead() {
    let mut rig = Rig::with_disk(3000);
    rig.command(PRIMARY, 0x91, [0, 17, 0, 0, 0, 0xa3]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x50));
    rig.command(PRIMARY, 0x20, [0, 1, 1, 1, 0, 0xa0]);
    assert_eq!(rig.data(PRIMARY, 2)[0], 4 * 17);
    rig.data(PRIMARY, 510);
    rig.command(PRIMARY, 0x20, [0, 1, 18, 0, 0, 0xa0]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x41), "sector 18 of 17");
}

#[test]
fn smart_data_add_up_to_zero() {
    let mut rig = Rig::with_disk(100);
    for (code, low) in [(0xd0, 0), (0xd1, 0), (0xd5, 1), (0xd5, 6)] {
        rig.command(PRIMARY, 0xb0, [code, 1, low, 0x4f, 0xc2, LBA]);
        assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58), "{code:#x}");
        let data = rig.data(PRIMARY, 512);
        assert!(data[0] == 1 && data.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte)) == 0);
    }
    for (code, status) in [(0xd9, 0x50), (0xd0, 0x41), (0xd8, 0x50), (0xda, 0x50)] {
        rig.command(PRIMARY, 0xb0, [code, 1, 0, 0x4f, 0xc2, LBA]);
        assert_eq!(rig.acknowledge(PRIMARY).1, status, "{code:#x}");
    }
}

#[test]
fn resets_leave_the_signature() {
    let mut rig = Rig::with_disk(100);
    rig.command(PRIMARY, 0x30, [0, 2, 9, 0, 0, LBA]);
    rig.out(PRIMARY + 0x206, 4);
    assert_eq!(rig.byte(PRIMARY + 7), 0x80);
    rig.out(PRIMARY + 0x206, 0);
    assert_eq!(rig.registers(PRIMARY), [1, 1, 1, 0, 0, 0xa0, 0x50]);
    assert!(!rig.irq(14), "no interrupt");
    rig.command(PRIMARY, 0x90, [0, 0, 0, 0, 0, 0xa0]);
    assert_eq!(rig.registers(PRIMARY), [1, 1, 1, 0, 0, 0xa0, 0x50]);
    assert!(rig.acknowledge(PRIMARY).0);
}

#[test]
fn the_interrupt_waits_behind_its_gate() {
    let mut rig = Rig::with_disk(100);
    rig.out(PRIMARY + 0x206, 2);
    rig.command(PRIMARY, 0x10, [0; 6]);
    assert!(!rig.irq(14));
    rig.out(PRIMARY + 0x206, 0);
    assert!(rig.irq(14));
    assert_eq!(rig.byte(PRIMARY + 0x206), 0x50);
    assert!(rig.irq(14), "the alternate status leaves it");
    rig.bench.irq.take_changes();
    rig.command(PRIMARY, 0x10, [0; 6]);
    let edges: Vec<_> = rig.bench.irq.take_changes().into_iter().map(|(_, level)| level).collect();
    assert_eq!(edges, [false, true], "the next command's interrupt is an edge");
}

#[test]
fn drives_that_are_not_there() {
    let mut rig = Rig::with_disk(100);
    // A missing second drive: no status, and no answer to commands
    rig.out(PRIMARY + 6, 0xb0);
    assert_eq!(rig.registers(PRIMARY), [0, 1, 1, 0xff, 0xff, 0xb0, 0]);
    rig.out(PRIMARY + 7, 0xec);
    assert_eq!((rig.byte(PRIMARY + 7), rig.irq(14)), (0, false));
    // No drive at all
    assert_eq!(rig.registers(SECONDARY), [0; 7]);
    // A second drive alone
    let mut rig = Rig::new(vec![(&CD_DECL, None, "ide.0", "1")]);
    assert_eq!(rig.registers(PRIMARY), [0, 1, 1, 0xff, 0xff, 0xa0, 0x50]);
    rig.command(PRIMARY, 0xec, [0, 1, 1, 0xff, 0xff, 0xa0]);
    assert_eq!(rig.registers(PRIMARY)[6], 0x41);
    rig.out(PRIMARY + 6, 0xb0);
    assert_eq!(rig.registers(PRIMARY)[3..5], [0xff, 0xff], "both drives saw what was written");
    assert_eq!(rig.byte(0x3f7), 0xff);
}

#[test]
fn registers_stand_still_while_a_command_runs() {
    let mut rig = Rig::with_disk(100);
    rig.command(PRIMARY, 0x30, [0, 1, 9, 0, 0, LBA]);
    rig.out(PRIMARY + 3, 0x55);
    rig.out(PRIMARY + 7, 0xec);
    assert_eq!(rig.registers(PRIMARY), [0, 1, 9, 0, 0, LBA, 0x58]);
}

#[test]
fn a_read_only_disk_takes_no_writes() {
    let mut rig = Rig::new(vec![(&DISK_DECL, Some(memory(disk_bytes(10), true)), "", "")]);
    for code in [0x30, 0xc5, 0xca, 0x34, 0x35] {
        rig.command(PRIMARY, code, [0, 1, 0, 0, 0, LBA]);
        assert_eq!(rig.acknowledge(PRIMARY), (true, 0x41), "{code:#x}");
    }
}

#[test]
fn places_are_given_and_conflicts_named() {
    let disk = |bus, unit| -> Part { (&DISK_DECL, Some(memory(disk_bytes(10), false)), bus, unit) };
    let mut rig = Rig::new(vec![disk("", ""), disk("ide.0", "0"), disk("ide.1", ""), disk("", "1")]);
    let names: Vec<_> = rig.device.drives().unwrap().list().into_iter().map(|drive| drive.id).collect();
    assert_eq!(names, ["ide0-hd0", "ide0-hd1", "ide1-hd0", "ide1-hd1"]);
    for (parts, words) in [
        (vec![disk("ide.0", "0"), disk("ide.0", "0")], "bus=ide.0,unit=0 is the place of ide-hd0"),
        (vec![disk("ide.1", ""), disk("ide.1", ""), disk("ide.1", "")], "both places of ide.1 are taken"),
        ((0..5).map(|_| disk("", "")).collect(), "no place is left"),
        (vec![(&DISK_DECL, None, "", "")], "a hard disk needs a medium: drive="),
    ] {
        let error = Rig::try_new(parts).err().unwrap();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn blocks_end_where_the_drive_interrupts() {
    let mut rig = Rig::with_disk(64);
    // READ SECTORS, two of them, LBA 5
    rig.command(PRIMARY, 0x20, [0, 2, 5, 0, 0, LBA]);
    for sector in [5, 6] {
        assert_eq!(rig.acknowledge(PRIMARY), (true, 0x58));
        let mut data = [0xee; 2048];
        let pio = rig.device.pio().unwrap();
        let done = pio.port_read_block(&mut rig.bench.ctx(), PRIMARY, 2, &mut data);
        // The last sector ends without an interrupt, and with zeros behind it.
        let expected = if sector == 5 { 256 } else { 1024 };
        assert_eq!(done, Some(expected));
        assert!(data[..512].iter().all(|&byte| byte == sector));
        assert!(data[512..2 * expected].iter().all(|&byte| byte == 0));
    }
    // WRITE SECTORS, one, LBA 9; a block of doublewords
    rig.command(PRIMARY, 0x30, [0, 1, 9, 0, 0, LBA]);
    let pio = rig.device.pio().unwrap();
    assert_eq!(pio.port_write_block(&mut rig.bench.ctx(), PRIMARY, 4, &[0x77; 512]), Some(128));
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x50));
    rig.command(PRIMARY, 0x20, [0, 1, 9, 0, 0, LBA]);
    rig.acknowledge(PRIMARY);
    assert_eq!(rig.data(PRIMARY, 512), [0x77; 512]);
    let pio = rig.device.pio().unwrap();
    assert_eq!(pio.port_read_block(&mut rig.bench.ctx(), PRIMARY + 7, 1, &mut [0; 4]), None);
}
