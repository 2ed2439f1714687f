use super::*;

const IDENTITY: Identity = Identity {
    vendor: 0x1234,
    device: 0x1111,
    revision: 2,
    class: 0x03_00_00,
    subsystem: (0x1af4, 0x1100),
    multifunction: false,
};

fn space() -> ConfigSpace {
    ConfigSpace::new(IDENTITY)
        .with_bar(0, Bar::Memory32 { len: 16 << 20, prefetchable: true })
        .with_bar(2, Bar::Io { len: 16 })
        .with_bar(3, Bar::Memory64 { len: 1 << 33, prefetchable: false })
        .with_bar(ROM_BAR, Bar::Rom { len: 64 << 10 })
        .with_interrupt_pin(1)
        .with_msi()
        .built()
}

fn windows(space: &ConfigSpace) -> Vec<(u8, u64)> {
    let mut out = Vec::new();
    space.windows(&mut out);
    out.iter().map(|window| (window.bar, window.start)).collect()
}

#[test]
fn the_header_says_who_it_is_and_keeps_it() {
    let mut space = space();
    for at in [0, 8, 0x2c] {
        space.write(at, 4, 0xffff_ffff);
    }
    assert_eq!(space.read(0, 4), 0x1111_1234);
    assert_eq!(space.read(8, 4), 0x0300_0002);
    assert_eq!(space.read(0x2c, 4), 0x1100_1af4);
    assert_eq!(space.read(0x0a, 2), 0x0300);
}

#[test]
fn ones_in_a_base_address_register_read_as_its_size() {
    let mut space = space();
    let sizes =
        [(0x10, 0xff00_0008), (0x18, 0xffff_fff1), (0x1c, 0x0000_0004), (0x20, 0xffff_fffe), (0x14, 0)];
    for (at, size) in sizes.into_iter().chain([(0x30, 0xffff_0001)]) {
        space.write(at, 4, u32::MAX);
        assert_eq!(space.read(at, 4), size, "{at:#x}");
    }
}

#[test]
fn windows_open_by_the_command_register_and_move() {
    let mut space = space();
    for (at, value) in [(0x10, 0xe000_0000), (0x18, 0xc001), (0x1c, 0), (0x20, 2), (0x30, 0xfeb0_0001)] {
        space.write(at, 4, value);
    }
    assert_eq!(windows(&space), []);
    space.write(offset::COMMAND, 2, 1);
    assert_eq!(windows(&space), [(2, 0xc000)]);
    space.write(offset::COMMAND, 2, 2);
    assert_eq!(windows(&space), [(0, 0xe000_0000), (3, 2 << 32), (6, 0xfeb0_0000)]);
    space.write(0x10, 4, 0xd000_0000);
    space.write(0x30, 1, 0);
    assert_eq!(windows(&space), [(0, 0xd000_0000), (3, 2 << 32)]);
    space.write(0x10, 4, u32::MAX);
    assert_eq!(windows(&space), [(3, 2 << 32)], "a size probe decodes nothing");
}

#[test]
fn status_bits_are_cleared_by_ones_and_capabilities_are_listed() {
    let mut space = space();
    assert_eq!((space.read(0x34, 1), space.read(0x40, 2), space.read(6, 2) & 0x10), (0x40, 5, 0x10));
    space.set_u16(offset::STATUS, 0x3810);
    space.write(offset::STATUS, 2, 0x1010);
    assert_eq!(space.read(6, 2), 0x2810);
    assert_eq!(space.msi(), None);
    for (at, size, value) in [(0x44, 4, 0xfee0_1004), (0x4c, 2, 0x4041), (0x42, 2, 1)] {
        space.write(at, size, value);
    }
    let message = space.msi().unwrap();
    assert_eq!((message.destination, message.logical, message.vector), (1, true, 0x41));
}

#[test]
fn values_come_back_and_those_of_another_function_do_not() {
    let mut written = space();
    written.write(0x10, 4, 0xe000_0000);
    let mut bytes = Vec::new();
    written.save(&mut bytes);
    let mut other = space();
    assert_eq!(other.load(&mut &bytes[..]), Some(()));
    assert_eq!(other, written);
    bytes[0] ^= 1;
    assert_eq!(other.load(&mut &bytes[..]), None);
    other.reset();
    assert_eq!(other, space());
}
