//! The monitor: an EDID 1.4 block and a CEA extension, byte for byte those of QEMU's for a screen of this size.

use super::spec::dispi;

/// Bytes in all; the third block is empty.
pub(super) const LEN: usize = 384;

/// How many dots an inch has.
const DPI: u32 = 100;

/// Modes in addition to the preferred one: width, height, and the bit or code that lists them.
const MODES: [(u32, u32, Listed); 13] = [
    (1024, 768, Listed::Bit(36, 3)),
    (800, 600, Listed::Bit(35, 0)),
    (640, 480, Listed::Bit(35, 5)),
    (2048, 1152, Listed::Standard(3)),
    (1920, 1080, Listed::Standard(3)),
    (1920, 1200, Listed::Standard(0)),
    (1600, 1200, Listed::Standard(1)),
    (1680, 1050, Listed::Standard(0)),
    (1440, 900, Listed::Standard(0)),
    (1280, 1024, Listed::Standard(2)),
    (1280, 960, Listed::Standard(1)),
    (2560, 1080, Listed::Video(89)),
    (1920, 1080, Listed::Video(31)),
];

#[derive(Clone, Copy)]
enum Listed {
    /// Established timing: byte and bit
    Bit(usize, u8),
    /// Standard timing at 60 Hz: 16:10, 4:3, 5:4 or 16:9
    Standard(u8),
    /// Code of the CEA extension
    Video(u8),
}

/// Returns the data of a monitor that prefers a size.
///
/// SPEC: qemu-standard-vga :: MMIO area spec -> the EDID lies at the start of BAR2
pub(super) fn edid(width: u32, height: u32) -> [u8; LEN] {
    let (width, height) = (width.clamp(8, dispi::MAX_XRES.into()), height.clamp(8, dispi::MAX_YRES.into()));
    let mut data = [0; LEN];
    put(&mut data, 0, &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    // Manufacturer RHT, product 1234h, made in week 42 of 2014, version 1.4
    put(&mut data, 8, &[0x49, 0x14, 0x34, 0x12, 0, 0, 0, 0, 42, 24, 1, 4]);
    // Digital, 8 bits a colour, DisplayPort; centimetres; gamma 2.2; sRGB, preferred timing first
    let centimetres = |dots: u32| (dots * 254 / (DPI * 100)) as u8;
    put(&mut data, 20, &[0xa5, centimetres(width), centimetres(height), 120, 6]);
    // Chromaticity of sRGB
    put(&mut data, 25, &[0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54]);
    let (mut standard, mut video) = (38, 133);
    for (x, y, listed) in MODES {
        debug_assert!(x <= dispi::MAX_XRES.into() && y <= dispi::MAX_YRES.into());
        match listed {
            Listed::Bit(byte, bit) => data[byte] |= 1 << bit,
            Listed::Standard(aspect) => {
                put(&mut data, standard, &[(x / 8 - 31) as u8, aspect << 6]);
                standard += 2;
            }
            Listed::Video(code) => {
                data[video] = code;
                video += 1;
            }
        }
    }
    put(&mut data, 54, &timing(width, height));
    // Further standard timings: 1280x768, 1360x768, 1400x1050 and larger ones, as bits
    put(&mut data, 72, &[0, 0, 0, 0xf7, 0, 10, 0, 0x40, 0x82, 0, 0x28, 0x20]);
    // 50 to 125 Hz, 30 to 160 kHz, up to 2550 MHz
    put(&mut data, 90, b"\0\0\0\xfd\0\x32\x7d\x1e\xa0\xff\x01\n      ");
    put(&mut data, 108, b"\0\0\0\xfc\0QEMU Monitor\n");
    data[126] = 1;
    put(&mut data, 128, &[2, 3, (video - 128) as u8, 0, 0x40 | (video - 133) as u8]);
    // Dummy descriptors fill the extension
    for at in (video..238).step_by(18) {
        data[at + 3] = 0x10;
    }
    for block in data.chunks_exact_mut(128).take(2) {
        block[127] = block[..127].iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    }
    data
}

fn put(data: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in data.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

/// Returns a detailed timing at 75 Hz, with the blanking that QEMU gives it.
fn timing(width: u32, height: u32) -> [u8; 18] {
    let (x_front, x_sync, x_blank) = (width * 25 / 100, width * 3 / 100, width * 35 / 100);
    let (y_front, y_sync, y_blank) = (height * 5 / 1000, height * 5 / 1000, height * 35 / 1000);
    let clock = 75 * (width + x_blank) * (height + y_blank) / 10_000;
    let (x_mm, y_mm) = (width * 254 / (DPI * 10), height * 254 / (DPI * 10));
    let high = |a: u32, b: u32| ((a & 0xf00) >> 4 | (b & 0xf00) >> 8) as u8;
    let mut bytes = [0; 18];
    bytes[..2].copy_from_slice(&(clock.min(0xffff) as u16).to_le_bytes());
    bytes[2..15].copy_from_slice(&[
        width as u8,
        x_blank as u8,
        high(width, x_blank),
        height as u8,
        y_blank as u8,
        high(height, y_blank),
        x_front as u8,
        x_sync as u8,
        ((y_front & 15) << 4 | y_sync & 15) as u8,
        ((x_front & 0x300) >> 2 | (x_sync & 0x300) >> 4 | (y_front & 0x30) >> 2 | (y_sync & 0x30) >> 4) as u8,
        x_mm as u8,
        y_mm as u8,
        high(x_mm, y_mm),
    ]);
    bytes[17] = 0x18;
    bytes
}
