use super::*;
use crate::bench::Bench;

const EVT: u16 = 0x600;
const CNT: u16 = 0x604;

/// Ports that the function answers beside fixed ones.
fn windows(pm: &PowerManagement) -> Vec<(u64, u64)> {
    let mut windows = Vec::new();
    pm.windows(&mut windows);
    windows.iter().map(|window| (window.start, window.len)).collect()
}

#[test]
fn the_power_button_raises_line_9_until_it_is_acknowledged() {
    let mut bench = Bench::new();
    let mut pm = PowerManagement::new();
    pm.port_write(&mut bench.ctx(), spec::APMC, 1, 0xf1);
    pm.port_write(&mut bench.ctx(), EVT, 4, 0x0100_0000);
    pm.host_event(&mut bench.ctx(), HostEvent::PowerButton);
    assert!(bench.irq.level(IrqLine(9)));
    assert_eq!(pm.port_read(&mut bench.ctx(), EVT, 2), 0x100);
    pm.port_write(&mut bench.ctx(), EVT, 2, 0x100);
    assert!(!bench.irq.level(IrqLine(9)));
}

#[test]
fn soft_off_is_an_event() {
    let mut bench = Bench::new();
    let mut pm = PowerManagement::new();
    pm.port_write(&mut bench.ctx(), CNT, 2, 0x3c01);
    assert_eq!(bench.events, [], "another sleep type");
    pm.port_write(&mut bench.ctx(), CNT, 2, 0x2001);
    assert_eq!(bench.events, [MachineEvent::PowerOff]);
    assert_eq!(pm.port_read(&mut bench.ctx(), CNT, 2), 0x0001);
}

#[test]
fn registers_answer_where_firmware_puts_them() {
    let mut bench = Bench::new();
    let mut pm = PowerManagement::new();
    assert_eq!(windows(&pm), [(0x600, 64)]);
    pm.config_write(&mut bench.ctx(), 0x40, 4, 0xffff_b03f);
    assert_eq!(pm.config_read(&mut bench.ctx(), 0x40, 4), 0xb001);
    assert_eq!(windows(&pm), [(0xb000, 64)]);
    pm.port_write(&mut bench.ctx(), 0xb002, 2, 0x0100);
    let read = |pm: &mut PowerManagement, bench: &mut Bench, port| pm.port_read(&mut bench.ctx(), port, 2);
    assert_eq!(read(&mut pm, &mut bench, 0xb002), 0x0100);
    assert_eq!(read(&mut pm, &mut bench, 0x602), 0xffff);
    for (at, value, expected) in [(0x80, 0, &[][..]), (0x80, 1, &[(0xb000, 64)]), (0x41, 0, &[])] {
        pm.config_write(&mut bench.ctx(), at, 1, value);
        assert_eq!(windows(&pm), expected, "{at:#x} {value}");
    }
    pm.reset(&mut bench.ctx());
    assert_eq!(windows(&pm), [(0x600, 64)]);
}

#[test]
fn the_smbus_controller_answers_when_it_is_enabled() {
    let mut bench = Bench::new();
    let mut pm = PowerManagement::new();
    // Register, value, what the function answers then beside power management
    let table = [
        (0x90, 0x0701, None),
        (0xd2, 0x09, None),
        (0x04, 0x0001, Some((0x700, 16))),
        (0xd2, 0x08, None),
        (0xd2, 0x09, Some((0x700, 16))),
    ];
    for (at, value, expected) in table {
        pm.config_write(&mut bench.ctx(), at, 2, value);
        assert_eq!(windows(&pm).get(1).copied(), expected, "{at:#x} {value:#x}");
    }
    pm.port_write(&mut bench.ctx(), 0x702, 1, 0x41);
    assert_eq!(pm.port_read(&mut bench.ctx(), 0x700, 1), 4);
    assert!(bench.irq.level(IrqLine(9)));
    pm.config_write(&mut bench.ctx(), 0xd2, 1, 1);
    assert!(!bench.irq.level(IrqLine(9)), "not by IRQ 9");
    pm.config_write(&mut bench.ctx(), 0xd2, 1, 9);
    pm.port_write(&mut bench.ctx(), 0x700, 1, 4);
    assert!(!bench.irq.level(IrqLine(9)));
}

#[test]
fn fixed_ports_and_the_header_are_those_of_a_piix4() {
    let mut bench = Bench::new();
    let mut pm = PowerManagement::new();
    let words = [0x00, 0x08, 0x0c, 0x2c, 0x3c, 0x58].map(|at| pm.config_read(&mut bench.ctx(), at, 4));
    assert_eq!(words, [0x7113_8086, 0x0680_0003, 0, 0x1100_1af4, 0x0100, 0x0200_0000]);
    pm.port_write(&mut bench.ctx(), 0xafe2, 2, 0x1234);
    assert_eq!(pm.port_read(&mut bench.ctx(), 0xafe0, 4), 0x1234_0000);
    pm.port_write(&mut bench.ctx(), 0xb2, 2, 0x5511);
    assert_eq!(pm.port_read(&mut bench.ctx(), 0xb2, 2), 0x5511);
}

#[test]
fn the_tables_name_the_ports() {
    let mut tables = FirmwareTables::default();
    PowerManagement::new().firmware_tables(&mut tables);
    let fixed = tables.fixed;
    let blocks = [fixed.pm1a_evt_blk, fixed.pm1a_cnt_blk, fixed.pm_tmr_blk, fixed.gpe0_blk, fixed.smi_cmd];
    assert_eq!(blocks, [0x600, 0x604, 0x608, 0xafe0, 0xb2]);
    assert_eq!(
        (fixed.sci_int, fixed.acpi_enable, fixed.acpi_disable, fixed.gpe0_blk_len),
        (9, 0xf1, 0xf0, 4)
    );
    assert_eq!(tables.root, b"\x08_S5_\x12\x06\x04\0\0\0\0");
}
