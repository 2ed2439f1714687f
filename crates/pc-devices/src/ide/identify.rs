//! IDENTIFY DEVICE and IDENTIFY PACKET DEVICE: 256 words.

use super::disk::{HEADS, LBA28_SECTORS, MULTIPLE_LIMIT, SECTORS_PER_TRACK};
use super::drive::Drive;
use super::spec::SECTOR;

/// The words of IDENTIFY DEVICE and IDENTIFY PACKET DEVICE.
struct Words([u16; 256]);

impl Words {
    fn new(list: &[(usize, u16)]) -> Self {
        let mut words = [0; 256];
        for &(n, value) in list {
            words[n] = value;
        }
        Self(words)
    }

    /// SPEC: ata-atapi-6 :: IDENTIFY DEVICE -> strings have the first character of two in the upper byte, blanks behind
    fn text(&mut self, from: usize, words: usize, text: &str) {
        let mut bytes = text.bytes().filter(u8::is_ascii).chain(std::iter::repeat(b' '));
        for word in self.0.iter_mut().skip(from).take(words) {
            let mut next = || bytes.next().unwrap_or(b' ');
            *word = u16::from_be_bytes([next(), next()]);
        }
    }

    /// A number of several words, the lowest first.
    fn number(&mut self, from: usize, words: usize, value: u64) {
        for (n, word) in self.0.iter_mut().skip(from).take(words).enumerate() {
            *word = (value >> (16 * n)) as u16;
        }
    }

    /// Words that both kinds of drive have: names and transfer modes.
    ///
    /// SPEC: ata-atapi-6 :: IDENTIFY DEVICE -> words 63 and 88: supported modes below, the selected one above
    fn common(&mut self, drive: &Drive) {
        self.text(10, 10, &drive.names.serial);
        self.text(23, 4, &drive.names.revision);
        self.text(27, 20, &drive.names.model);
        let (kind, number) = (drive.disk.mode >> 3, drive.disk.mode & 7);
        let selected = |wanted| if kind == wanted { 1_u16 << (8 + number) } else { 0 };
        // Single-word DMA is listed where it always was, and never selected.
        self.0[62] = 0x0007;
        self.0[63] = 0x0007 | selected(4);
        self.0[88] = 0x003f | selected(8);
    }

    fn bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// Returns the data of IDENTIFY DEVICE.
pub(super) fn disk(drive: &Drive) -> Vec<u8> {
    let (disk, total) = (&drive.disk, drive.disk_sectors());
    let (heads, sectors) = (u16::from(disk.heads), u16::from(disk.sectors));
    let track = u64::from(heads) * u64::from(sectors);
    let cylinders = total.checked_div(track).unwrap_or(0).min(0xffff) as u16;
    let write_cache = u16::from(disk.write_cache) << 5;
    let mut words = Words::new(&[
        // A fixed disk
        (0, 0x0040),
        (1, disk.cylinders),
        (3, HEADS.into()),
        (4, SECTOR as u16 * u16::from(SECTORS_PER_TRACK)),
        (5, SECTOR as u16),
        (6, SECTORS_PER_TRACK.into()),
        (20, 3),
        (21, 512),
        (22, 4),
        (47, 0x8000 | u16::from(MULTIPLE_LIMIT)),
        (48, 1),
        // DMA, LBA, IORDY
        (49, 0x0b00),
        (51, 0x0200),
        (52, 0x0200),
        // Words 54 to 58, 64 to 70 and 88 are valid
        (53, 7),
        (54, cylinders),
        (55, heads),
        (56, sectors),
        (59, u16::from(disk.multiple) | u16::from(disk.multiple > 0) << 8),
        // PIO modes 3 and 4, cycles of 120 ns
        (64, 3),
        (65, 120),
        (66, 120),
        (67, 120),
        (68, 120),
        // ATA-4 to ATA-7
        (80, 0x00f0),
        (81, 0x0016),
        // Features: NOP, write cache, SMART; FLUSH CACHE (EXT), 48-bit addresses
        (82, 0x4021),
        (83, 0x7400),
        (84, 0x4000),
        (85, 0x4000 | write_cache | u16::from(disk.smart)),
        (86, 0x3400),
        (87, 0x4000),
        // Device 0 passed its diagnostics, 80 wires
        (93, 0x6001),
        (106, 0x6000),
    ]);
    words.common(drive);
    words.number(57, 2, track * u64::from(cylinders));
    words.number(60, 2, total.min(LBA28_SECTORS));
    words.number(100, 4, total);
    words.bytes()
}

/// Returns the data of IDENTIFY PACKET DEVICE.
pub(super) fn cd(drive: &Drive) -> Vec<u8> {
    let mut words = Words::new(&[
        // ATAPI, a CD drive, removable media, DRQ within 50 us, packets of 12 bytes
        (0, 0x85c0),
        (20, 3),
        (21, 512),
        (22, 4),
        (48, 1),
        // DMA, LBA
        (49, 0x0300),
        (53, 7),
        (64, 3),
        (65, 180),
        (66, 180),
        (67, 300),
        (68, 180),
        (71, 30),
        (72, 30),
        (80, 0x001e),
    ]);
    words.common(drive);
    words.bytes()
}
