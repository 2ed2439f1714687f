use super::Kbc;
use super::chip::Chip;
use crate::bench::Bench;
use device_api::{Device, IrqLine, MachineEvent, Pio};

/// Everything that the chip has to say, with the status before each byte.
fn drain(chip: &mut Chip) -> Vec<(u8, u8)> {
    let mut bytes = Vec::new();
    while chip.read_port(0x64).0 & 1 != 0 {
        let status = chip.read_port(0x64).0;
        bytes.push((status & 0x61, chip.read_port(0x60).0));
    }
    bytes
}

fn keyboard_bytes(bytes: &[u8]) -> Vec<(u8, u8)> {
    bytes.iter().map(|byte| (0x01, *byte)).collect()
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
        (&[(0x64, 0xd4), (0x60, 0xf2)], &[(0x61, 0xfe)]),
        (&[(0x64, 0xd0)], &[(1, 0xcf)]),
        (&[(0x64, 0xff)], &[]),
        (&[(0x64, 0x00)], &[]),
    ];
    for (writes, answers) in table {
        let mut chip = Chip::default();
        for (port, value) in *writes {
            assert!(!chip.write_port(*port, *value));
        }
        assert_eq!(drain(&mut chip), *answers, "{writes:x?}");
    }
}

#[test]
fn keyboard_commands_answer() {
    let table: &[(&[u8], &[u8])] = &[
        (&[0xff], &[0xfa, 0xaa]),
        (&[0xf2], &[0xfa, 0xab, 0x41]),
        (&[0xed, 0x07], &[0xfa, 0xfa]),
        (&[0xf0, 0x00], &[0xfa, 0xfa, 0x02]),
        (&[0xf0, 0x01, 0xf0, 0x00], &[0xfa, 0xfa, 0xfa, 0xfa, 0x01]),
        (&[0xf0, 0x04], &[0xfa, 0xfe]),
        (&[0xf3, 0x20], &[0xfa, 0xfa]),
        (&[0xed, 0xf4], &[0xfa, 0xfa]),
        (&[0xee], &[0xee]),
        (&[0xee, 0xfe], &[0xee, 0xee]),
        (&[0x05], &[0xfe]),
    ];
    for (commands, answers) in table {
        let mut chip = Chip::default();
        for command in *commands {
            chip.write_port(0x60, *command);
        }
        assert_eq!(drain(&mut chip), keyboard_bytes(answers), "{commands:x?}");
    }
    // Without translation the identification is raw.
    let mut chip = Chip::default();
    chip.write_port(0x64, 0x60);
    chip.write_port(0x60, 0x05);
    chip.write_port(0x60, 0xf2);
    assert_eq!(drain(&mut chip), keyboard_bytes(&[0xfa, 0xab, 0x83]));
}

#[test]
fn status_says_command_or_data_and_the_system_flag() {
    let mut chip = Chip::default();
    assert_eq!(chip.read_port(0x64).0, 0x14);
    chip.write_port(0x64, 0xae);
    assert_eq!(chip.read_port(0x64).0, 0x1c);
    chip.write_port(0x64, 0x60);
    chip.write_port(0x60, 0x00);
    assert_eq!(chip.read_port(0x64).0, 0x10);
}

#[test]
fn the_output_port_resets_and_gates_a20() {
    for command in 0xf0..=0xff {
        let expected = command & 1 == 0;
        assert_eq!(Chip::default().write_port(0x64, command), expected, "{command:#x}");
    }
    // Output port, whether it resets, whether A20 is open
    for (value, resets, a20) in [(0xdf, false, true), (0xdd, false, false), (0xde, true, true)] {
        let mut chip = Chip::default();
        assert!(chip.a20());
        chip.write_port(0x64, 0xd1);
        assert_eq!(chip.write_port(0x60, value), resets, "{value:#x}");
        assert_eq!(chip.a20(), a20, "{value:#x}");
    }
}

#[test]
fn a_full_queue_loses_keys_and_keeps_its_order() {
    let mut chip = Chip::default();
    for byte in 0..100 {
        chip.key(byte);
    }
    assert_eq!(drain(&mut chip), keyboard_bytes(&(0..16).collect::<Vec<u8>>()));
    assert_eq!(chip.read_port(0x60), (15, false), "an empty buffer repeats the last byte");
    chip.write_port(0x60, 0xf5);
    drain(&mut chip);
    chip.key(1);
    assert!(drain(&mut chip).is_empty(), "scanning is off");
}

#[test]
fn each_byte_raises_its_line_anew() {
    let mut bench = Bench::new();
    let mut kbc = Kbc::default();
    kbc.port_write(&mut bench.ctx(), 0x60, 1, 0xff);
    assert_eq!(bench.irq.take_changes(), [(IrqLine(1), true)]);
    assert_eq!(kbc.port_read(&mut bench.ctx(), 0x60, 1), 0xfa);
    assert_eq!(bench.irq.take_changes(), [(IrqLine(1), false), (IrqLine(1), true)]);
    assert_eq!(kbc.port_read(&mut bench.ctx(), 0x60, 1), 0xaa);
    assert_eq!(bench.irq.take_changes(), [(IrqLine(1), false)]);

    for (port, value) in [(0x64, 0x60), (0x60, 0x02), (0x64, 0xd3), (0x60, 0xa5)] {
        kbc.port_write(&mut bench.ctx(), port, 1, value);
    }
    assert_eq!(bench.irq.take_changes(), [(IrqLine(12), true)]);
    kbc.reset(&mut bench.ctx());
    assert_eq!(bench.irq.take_changes(), [(IrqLine(12), false)]);

    kbc.port_write(&mut bench.ctx(), 0x64, 1, 0xfe);
    assert_eq!(bench.events, [MachineEvent::Init]);
}
