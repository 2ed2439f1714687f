//! CD drives by PACKET commands.

use super::*;

/// A packet; the error register, sense key and code.
type Failing = (&'static [u8], (u8, u8, u8));

#[test]
fn the_signature_and_what_packet_devices_abort() {
    let mut rig = Rig::with_cd(300);
    assert_eq!(rig.registers(SECONDARY), [0, 1, 1, 0x14, 0xeb, 0xa0, 0x50]);
    for (code, registers) in [
        (0xec, [4, 1, 1, 0x14, 0xeb, 0xa0, 0x41]),
        (0x20, [4, 1, 1, 0x14, 0xeb, 0xa0, 0x41]),
        (0x90, [1, 1, 1, 0x14, 0xeb, 0xa0, 0]),
        (0x08, [1, 1, 1, 0x14, 0xeb, 0xa0, 0]),
        (0xe7, [0, 1, 1, 0x14, 0xeb, 0xa0, 0x50]),
        (0xda, [4, 1, 1, 0x14, 0xeb, 0xa0, 0x41]),
    ] {
        rig.command(SECONDARY, code, [0, 1, 1, 0x14, 0xeb, 0xa0]);
        assert_eq!(rig.registers(SECONDARY), registers, "{code:#x}");
    }
    rig.command(SECONDARY, 0xa1, [0, 0, 0, 0, 0, 0xa0]);
    let data = rig.data(SECONDARY, 512);
    assert_eq!((data[0], data[1], &data[54..66]), (0xc0, 0x85, &b"EQUMD DVR-MO"[..]));
    rig.command(SECONDARY, 0xa0, [2, 0, 0, 0, 0, 0xa0]);
    assert_eq!(rig.registers(SECONDARY)[6], 0x41, "overlapped");
}

#[test]
fn answers_are_those_of_the_reference_machine() {
    let mut rig = Rig::with_cd(300);
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|n| u8::from_str_radix(&text[n..n + 2], 16).unwrap()).collect()
    };
    let table: [(&[u8], &str); 20] = [
        (&[0x00], ""),
        (&[0x03, 0, 0, 0, 18], "f00000000000000a00000000000000000000"),
        (&[0x12, 0, 0, 0, 255], "058000211f00000051454d552020202051454d55204456442d524f4d20202020322e352b"),
        (&[0x12, 1, 0, 0, 64], "050000020083"),
        (&[0x12, 1, 0x83, 0, 64], "0583001802000014514d303030303320202020202020202020202020"),
        (&[0x25], "0000012b00000800"),
        (&[0x43, 0, 0, 0, 0, 0, 0, 0, 100], "0012010100140100000000000016aa000000012c"),
        (&[0x43, 2, 0, 0, 0, 0, 0, 0, 100], "0012010100140100000002000016aa0000000600"),
        (&[0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0x40], "000a01010014010000000000"),
        (&[0x43, 0, 0, 0, 0, 0, 0xaa, 0, 100], "000a01010016aa000000012c"),
        (&[0x1b, 0, 0, 0, 1], ""),
        (&[0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8], "0000000000010000"),
        (&[0x46, 2, 0, 0, 0, 0, 0, 0, 100], "0000001000000008000003080010000000080100"),
        (&[0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8], "0004041000020000"),
        (&[0x4a, 1, 0, 0, 2, 0, 0, 0, 8], "00008010"),
        (&[0x4a, 1, 0, 0, 0x10, 0, 0, 0, 2], "0004"),
        (&[0x5a, 0, 1, 0, 0, 0, 0, 0, 255], "000e7000000000000106000500000000"),
        (
            &[0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255],
            "001c7000000000002a143b007160290002c00002020002c0000000000000",
        ),
        (&[0xad, 0, 0, 0, 0, 0, 0, 0xff, 0, 10], "000a0000004008040140"),
        (&[0x2b, 0, 0, 0, 0, 5], ""),
    ];
    for (packet, answer) in table {
        let (data, registers) = rig.packet(packet, 0xfffe);
        assert_eq!(data, hex(answer), "{packet:x?}");
        assert_eq!((registers[0], registers[1] & 7, registers[6]), (0, 3, 0x50), "{packet:x?}");
    }
    let (data, _) = rig.packet(&[0x51, 0, 0, 0, 0, 0, 0, 0, 255], 0xfffe);
    assert_eq!((data.len(), &data[..8]), (34, &hex("00200e0101010120")[..]));
}

#[test]
fn what_fails_says_why() {
    let mut rig = Rig::with_cd(300);
    let table: [Failing; 12] = [
        (&[0xff], (0x54, 5, 0x20)),
        (&[0x28, 0, 0, 0, 1, 44, 0, 0, 1], (0x54, 5, 0x21)),
        (&[0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff], (0x54, 5, 0x21)),
        (&[0xa8, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], (0x54, 5, 0x21)),
        (&[0x2b, 0, 0, 0, 5, 5], (0x54, 5, 0x21)),
        (&[0x12, 1, 0x80, 0, 64], (0x54, 5, 0x24)),
        (&[0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0x50], (0x54, 5, 0x24)),
        (&[0x43, 0, 0, 0, 0, 0, 2, 0, 100], (0x54, 5, 0x24)),
        (&[0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8], (0x54, 5, 0x24)),
        (&[0x5a, 0, 0x1a, 0, 0, 0, 0, 0, 255], (0x54, 5, 0x24)),
        (&[0x5a, 0, 0xea, 0, 0, 0, 0, 0, 255], (0x54, 5, 0x39)),
        (&[0xad, 0, 0, 0, 0, 0, 0, 0, 0, 255], (0x54, 5, 0x30)),
    ];
    for (packet, error) in table {
        assert_eq!(rig.failing(packet), error, "{packet:x?}");
    }
    assert_eq!(rig.packet(&[3, 0, 0, 0, 18], 0xfffe).0[2], 0, "reported once");
}

#[test]
fn sectors_come_in_blocks_of_the_byte_count_limit() {
    let mut rig = Rig::with_cd(300);
    for limit in [2048, 3001, 512, 0xffff, 0xfffe] {
        let (data, registers) = rig.packet(&[0x28, 0, 0, 0, 0, 9, 0, 0, 70], limit);
        assert_eq!((data.len(), registers[6]), (70 * 2048, 0x50), "{limit}");
        assert!(data.iter().enumerate().all(|(n, &byte)| byte == (9 + n / 2048) as u8), "{limit}");
    }
    let (data, _) = rig.packet(&[0x12, 0, 0, 0, 35], 10);
    assert_eq!((data.len(), &data[8..12]), (35, &b"QEMU"[..]));
    rig.command(SECONDARY, 0xa0, [0, 0, 0, 0, 0, 0xa0]);
    rig.fill(SECONDARY, &[0x28, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0]);
    assert_eq!(
        (rig.byte(SECONDARY + 1), rig.acknowledge(SECONDARY)),
        (4, (true, 0x41)),
        "no bytes at a time"
    );
}

#[test]
fn read_cd_gives_user_data_or_the_whole_sector() {
    let mut rig = Rig::with_cd(300);
    let (data, _) = rig.packet(&[0xbe, 0, 0, 0, 0, 1, 0, 0, 2, 0x10], 0xfffe);
    assert_eq!((data.len(), data[0], data[2048]), (4096, 1, 2));
    let (data, _) = rig.packet(&[0xbe, 0, 0, 0, 0, 1, 0, 0, 2, 0xf8], 0xfffe);
    assert_eq!((data.len(), data[2352 + 16]), (2 * 2352, 2));
    assert_eq!(data[..18], [0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 2, 1, 1, 1, 1]);
    assert!(rig.packet(&[0xbe, 0, 0, 0, 0, 1, 0, 0, 2, 0], 0xfffe).0.is_empty());
}

#[test]
fn the_last_part_of_a_sector_counts() {
    let mut rig = Rig::new(vec![(&CD_DECL, Some(memory(vec![7; 2048 + 512], true)), "ide.1", "0")]);
    assert_eq!(rig.packet(&[0x25], 0xfffe).0[3], 1);
    let (data, _) = rig.packet(&[0x28, 0, 0, 0, 0, 1, 0, 0, 1], 0xfffe);
    assert_eq!((data.len(), data[511], data[512]), (2048, 7, 0));
}

#[test]
fn a_large_medium_is_a_dvd() {
    let (medium, _host) = deferred(4 << 30);
    let mut rig = Rig::new(vec![(&CD_DECL, Some(medium), "ide.1", "0")]);
    assert_eq!(rig.packet(&[0x46, 0, 0, 0, 0, 0, 0, 0, 8], 0xfffe).0[7], 0x10);
    let (data, _) = rig.packet(&[0xad, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 0xfffe);
    assert_eq!(
        (data.len(), &data[..5], &data[12..16]),
        (2052, &[8, 2, 0, 0, 1][..], &[0, 0x22, 0xff, 0xff][..])
    );
}

#[test]
fn the_guest_opens_the_tray_unless_it_has_locked_it() {
    let mut rig = Rig::with_cd(300);
    rig.packet(&[0x1e, 0, 0, 0, 1], 0xfffe);
    assert_eq!(rig.failing(&[0x1b, 0, 0, 0, 2]), (0x20, 2, 0x53));
    assert_eq!(rig.packet(&[0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255], 0xfffe).0[14], 0x2b);
    rig.packet(&[0x1e], 0xfffe);
    rig.packet(&[0x1b, 0, 0, 0, 2], 0xfffe);
    for packet in [&[0x00][..], &[0x25], &[0x28, 0, 0, 0, 0, 1, 0, 0, 1]] {
        assert_eq!(rig.failing(packet), (0x20, 2, 0x3a), "{packet:x?}");
    }
    assert_eq!(rig.packet(&[0x46, 2, 0, 0, 0, 0, 0, 0, 8], 0xfffe).0[6..], [0, 0]);
    rig.packet(&[0x1b, 0, 0, 0, 3], 0xfffe);
    assert_eq!(rig.packet(&[0x00], 0xfffe).1[6], 0x50, "the same medium");
}
