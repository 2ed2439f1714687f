use super::*;
use crate::bench::Bench;

fn build(bench: &mut Bench, image: Vec<u8>) -> Result<Box<dyn Device>, String> {
    bench.backends.images.insert("bios".to_owned(), image);
    bench.build(crate::declaration(ID), &[("image", "bios")], &[]).map_err(|error| error.to_string())
}

/// An image whose dwords are their own offsets.
fn image(len: u32) -> Vec<u8> {
    (0..len / 4).flat_map(|n| (4 * n).to_le_bytes()).collect()
}

#[test]
fn an_image_is_seen_below_4_gib_and_its_end_below_1_mib() {
    // Size, first address below 1 MiB, the offset that is seen there
    let table = [
        (64 << 10, 0xf_0000, 0),
        (128 << 10, 0xe_0000, 0),
        (256 << 10, 0xe_0000, 128 << 10),
        (16 << 20, 0xe_0000, (16 << 20) - (128 << 10)),
    ];
    for (len, low, offset) in table {
        let mut bench = Bench::new();
        build(&mut bench, image(len)).unwrap();
        let memory = &bench.memory;
        let read = |at: u64| memory.read_u32(GuestPhysAddr(at));
        let first = FOUR_GIB - u64::from(len);
        assert_eq!((read(first), read(FOUR_GIB - 4)), (0, len - 4), "{len:#x}");
        assert_eq!((read(low), read(0xf_fffc)), (offset, len - 4), "{len:#x}");
        assert_eq!((read(first - 4), read(low - 4)), (u32::MAX, 0), "{len:#x}: nothing, and RAM, below");
        for at in [first, FOUR_GIB - 4, low] {
            let before = read(at);
            memory.write_u32(GuestPhysAddr(at), !before);
            assert_eq!(read(at), before, "ROM takes no writes");
        }
        assert!(crate::reset_vector::has_firmware(memory));
    }
    assert!(!crate::reset_vector::has_firmware(&Bench::new().memory));
}

#[test]
fn other_sizes_are_refused_in_one_line() {
    for len in [0, 1, 0xffff, 0x1_0001, 0x1_8000, (16 << 20) + (64 << 10)] {
        let error = build(&mut Bench::new(), vec![0; len]).err().unwrap_or_default();
        let expected = format!(
            "device system-rom: the image has {len} bytes; firmware has 64 KiB to 16 MiB, in multiples of 64 KiB"
        );
        assert_eq!(error, expected);
    }
    let mut bench = Bench::new();
    let none = bench.build(crate::declaration(ID), &[], &[]).err().map(|error| error.to_string());
    let expected = "device system-rom: it has no content; give image= with the name of one";
    assert_eq!(none.as_deref(), Some(expected));
    build(&mut bench, image(64 << 10)).unwrap();
    let second = build(&mut bench, image(64 << 10)).err().unwrap_or_default();
    assert!(second.contains("system-rom and system-rom both claim memory"), "{second}");
}
