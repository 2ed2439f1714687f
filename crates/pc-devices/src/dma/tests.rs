use super::chip::{Chip, Dma};
use super::spec::*;
use device_api::{DmaDirection, DmaTransfer};
use x86_types::GuestPhysAddr;

#[test]
fn addresses_and_counts_go_through_the_byte_pointer() {
    for (controller, step) in [(LOW, 1), (HIGH, 2)] {
        let mut dma = Dma::default();
        dma.write_port(controller + 12 * step, 0);
        for register in 0..8 {
            dma.write_port(controller + register * step, register as u8);
            dma.write_port(controller + register * step, 0x80 + register as u8);
        }
        for register in 0..8 {
            assert_eq!(dma.read_port(controller + register * step, 0), register as u8);
            assert_eq!(dma.read_port(controller + register * step, 0), 0x80 + register as u8);
        }
        // One byte moved leaves the pointer at the high byte, until it is cleared.
        dma.read_port(controller, 0);
        assert_eq!(dma.read_port(controller + 2 * step, 0), 0x82);
        dma.read_port(controller, 0);
        dma.write_port(controller + 12 * step, 0);
        assert_eq!(dma.read_port(controller, 0), 0);
    }
}

#[test]
fn mask_and_request_bits() {
    // Register, value, mask and status after it
    let table = [
        (CLEAR_MASK, 0, 0xf0, 0x00),
        (SINGLE_MASK, 0x06, 0xf4, 0x00),
        (ALL_MASK, 0x0b, 0xfb, 0x00),
        (SINGLE_MASK, 0x01, 0xf9, 0x00),
        (REQUEST, 0x05, 0xf9, 0x20),
        (REQUEST, 0x01, 0xf9, 0x00),
        (REQUEST, 0x07, 0xf9, 0x80),
        (MASTER_CLEAR, 0, 0xff, 0x00),
    ];
    let mut chip = Chip::default();
    assert_eq!(chip.read(ALL_MASK, 0), 0xff);
    for (register, value, mask, status) in table {
        chip.write(register, value);
        assert_eq!(
            (chip.read(ALL_MASK, 0), chip.read(COMMAND, 0)),
            (mask, status),
            "{register:#x} {value:#x}"
        );
    }
    assert_eq!(chip.read(COMMAND, 0x05), 0x50, "request lines");
}

#[test]
fn page_registers_hold_what_is_written() {
    let mut dma = Dma::default();
    for port in 0x81..0x90 {
        dma.write_port(port, port as u8);
    }
    for port in 0x81..0x90 {
        assert_eq!(dma.read_port(port, 0), port as u8);
    }
    assert_eq!((dma.read_port(0x80, 0), dma.read_port(0x90, 0)), (0xff, 0xff));
}

/// Sets a channel up as drivers do: masked meanwhile.
fn program(dma: &mut Dma, channel: u8, mode: u8, page: u8, address: u16, count: u16) {
    let (base, step) = if channel < 4 { (LOW, 1) } else { (HIGH, 2) };
    let of = channel & 3;
    let pages = [0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a];
    dma.write_port(base + 10 * step, 4 | of);
    dma.write_port(base + 12 * step, 0);
    dma.write_port(base + 11 * step, mode | of);
    for (register, value) in [(2 * u16::from(of), address), (2 * u16::from(of) + 1, count)] {
        for byte in value.to_le_bytes() {
            dma.write_port(base + register * step, byte);
        }
    }
    dma.write_port(pages[usize::from(channel)], page);
    dma.write_port(base + 10 * step, of);
}

fn transfer(
    channel: u8,
    address: u64,
    len: u32,
    direction: DmaDirection,
    decrement: bool,
) -> Option<DmaTransfer> {
    Some(DmaTransfer { channel, address: GuestPhysAddr(address), len, direction, decrement })
}

#[test]
fn channels_say_what_they_may_move() {
    use DmaDirection::*;
    // Channel, mode, page, address, count, what it may move
    let table = [
        (2, 0x44, 0x12, 0x3400, 511, transfer(2, 0x12_3400, 512, ToMemory, false)),
        (0, 0x48, 0xff, 0x0000, 0xffff, transfer(0, 0xff_0000, 0x1_0000, FromMemory, false)),
        (3, 0x40, 0x01, 0x0010, 0, transfer(3, 0x01_0010, 1, Verify, false)),
        // To the end of the page, which the rest goes round.
        (1, 0x84, 0x02, 0xfff0, 0xff, transfer(1, 0x02_fff0, 16, ToMemory, false)),
        // Downwards.
        (1, 0x28, 0x02, 0x0007, 0xff, transfer(1, 0x02_0007, 8, FromMemory, true)),
        (1, 0x28, 0x02, 0x0107, 3, transfer(1, 0x02_0107, 4, FromMemory, true)),
        // Words, in pages of 128 KiB.
        (5, 0x48, 0x13, 0x8001, 0xff, transfer(5, 0x13_0002, 0x200, FromMemory, false)),
        (7, 0x04, 0x02, 0xffff, 7, transfer(7, 0x03_fffe, 2, ToMemory, false)),
        (6, 0x68, 0x02, 0x0000, 7, transfer(6, 0x02_0001, 2, FromMemory, true)),
        // Illegal, and cascade.
        (2, 0x4c, 0x00, 0x0000, 0, None),
        (2, 0xc4, 0x00, 0x0000, 0, None),
        (4, 0x44, 0x00, 0x0000, 0, None),
    ];
    for (channel, mode, page, address, count, want) in table {
        let mut dma = Dma::default();
        program(&mut dma, channel, mode, page, address, count);
        assert_eq!(dma.transfer(1 << channel), want, "channel {channel}, mode {mode:#x}");
        assert_eq!(dma.transfer(!(1 << channel)), None, "the others are masked");
    }
}

#[test]
fn the_terminal_count_masks_or_starts_over() {
    for (channel, words) in [(2, 1), (5, 2)] {
        let base = if channel < 4 { LOW } else { HIGH };
        for autoinitialize in [false, true] {
            let mut dma = Dma::default();
            let mode = if autoinitialize { 0x54 } else { 0x44 };
            program(&mut dma, channel, mode, 0, 0x100, 9);
            let status = base + 8 * words;
            assert!(!dma.moved(channel, 4 * u32::from(words)));
            assert_eq!(dma.read_port(base + 2 * words * u16::from(channel & 3), 0), 4);
            assert_eq!(dma.read_port(status, 0), 0);
            assert!(dma.moved(channel, 6 * u32::from(words)));
            let requested = 1 << channel;
            let left = dma.transfer(requested).map(|transfer| transfer.len);
            assert_eq!(left, autoinitialize.then_some(10 * u32::from(words)));
            assert_eq!(dma.read_port(status, requested), (0x11 << (channel & 3)));
            assert_eq!(dma.read_port(status, requested), (0x10 << (channel & 3)), "read once");
        }
    }
}

#[test]
fn a_transfer_goes_round_at_the_end_of_its_page() {
    let mut dma = Dma::default();
    program(&mut dma, 2, 0x44, 5, 0xfffe, 3);
    assert!(!dma.moved(2, 2));
    assert_eq!(dma.transfer(4), transfer(2, 0x05_0000, 2, DmaDirection::ToMemory, false));
    assert!(dma.moved(2, 2));
    assert_eq!(dma.read_port(4, 0), 2);
    // The count has gone below zero.
    dma.write_port(12, 0);
    assert_eq!((dma.read_port(5, 0), dma.read_port(5, 0)), (0xff, 0xff));
}

#[test]
fn priority_is_fixed_or_rotates() {
    let mut dma = Dma::default();
    for channel in [1, 2, 5, 6] {
        program(&mut dma, channel, 0x04, 0, 0, 0xff);
    }
    let first = |dma: &Dma, requests: u8| dma.transfer(requests).map(|transfer| transfer.channel);
    assert_eq!(first(&dma, 0b0110_0110), Some(1));
    assert_eq!(first(&dma, 0b0110_0100), Some(2));
    assert_eq!(first(&dma, 0b0110_0000), Some(5));
    dma.write_port(COMMAND.into(), ROTATING);
    dma.moved(1, 1);
    assert_eq!(first(&dma, 0b0000_0110), Some(2));
    dma.moved(2, 1);
    assert_eq!(first(&dma, 0b0000_0110), Some(1));
}

#[test]
fn controllers_that_are_off_or_not_cascaded_move_nothing() {
    // Port, value, whether channel 2 and channel 6 are served then
    let table = [
        (0x08, 0x00, [true, true]),
        (0x08, DISABLE, [false, true]),
        (0xd0, DISABLE, [false, false]),
        (0xd4, 0x04, [false, true]),
        (0xd6, 0x40, [false, true]),
        (0x0d, 0x00, [false, true]),
        (0xda, 0x00, [false, false]),
    ];
    for (port, value, want) in table {
        let mut dma = Dma::default();
        program(&mut dma, 2, 0x44, 0, 0, 0);
        program(&mut dma, 6, 0x44, 0, 0, 0);
        dma.write_port(port, value);
        assert_eq!([4, 0x40].map(|requests| dma.transfer(requests).is_some()), want, "{port:#x} {value:#x}");
    }
    // The way of SeaBIOS.
    let mut dma = Dma::default();
    for (port, value) in [(0x0d, 0), (0xda, 0), (0xd6, 0xc0), (0xd4, 0x00)] {
        dma.write_port(port, value);
    }
    program(&mut dma, 2, 0x46, 0, 0, 0);
    assert!(dma.transfer(4).is_some());
}
