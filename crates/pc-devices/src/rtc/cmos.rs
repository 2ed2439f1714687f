//! What firmware leaves in the CMOS memory for operating systems and boot loaders.

use super::spec::LOW_RAM_LIMIT;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Puts `value` little-endian at `index`.
fn put(cmos: &mut [u8; 128], index: usize, bytes: &[u8]) {
    for (to, from) in cmos.iter_mut().skip(index).zip(bytes) {
        *to = *from;
    }
}

fn word(value: u64) -> [u8; 2] {
    (value.min(0xffff) as u16).to_le_bytes()
}

/// What a machine is made of, as far as its firmware reads it here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Setup {
    pub(super) ram_bytes: u64,
    pub(super) processors: u32,
    /// Kinds of the floppy drives: 0 none, 2 1.2 MB, 4 1.44 MB, 5 2.88 MB
    pub(super) floppies: [u8; 2],
    /// What is booted from, first to third
    pub(super) boot: [u8; 3],
    /// What is booted from after the first reset, where that is something else
    pub(super) boot_later: Option<[u8; 3]>,
}

/// Returns the numbers that firmware has for devices to boot from, by QEMU's letters.
///
/// # Errors
/// A letter that names none, or too many of them.
pub(super) fn boot_devices(letters: &str) -> Result<[u8; 3], String> {
    let mut devices = [0; 3];
    if letters.chars().count() > devices.len() {
        return Err(format!("boot={letters} names more than three devices; leave the last ones out"));
    }
    for (device, letter) in devices.iter_mut().zip(letters.chars()) {
        *device = match letter {
            'a' | 'b' => 1,
            'c' => 2,
            'd' => 3,
            'n' => 4,
            _ => {
                return Err(format!(
                    "boot={letters}: {letter} is no boot device; there are a (floppy), c (disk), d (CD), n (network)"
                ));
            }
        };
    }
    Ok(devices)
}

/// Puts what is booted from where QEMU's firmware looks for it. Bit 0 of 38h stays clear: floppies are checked for a
/// signature.
pub(super) fn put_boot_devices(cmos: &mut [u8; 128], [first, second, third]: [u8; 3]) {
    put(cmos, 0x38, &[third << 4]);
    put(cmos, 0x3d, &[second << 4 | first]);
}

/// Returns the memory's contents.
pub(super) fn contents(setup: &Setup) -> [u8; 128] {
    let mut cmos = [0; 128];
    let low = setup.ram_bytes.min(LOW_RAM_LIMIT);
    let high = setup.ram_bytes - low;
    let [a, b] = setup.floppies;
    put(&mut cmos, 0x10, &[a << 4 | b & 15]);
    // Equipment: a mathematics coprocessor, a mouse; whether there are diskettes, and one less than how many.
    let floppies = match setup.floppies.iter().filter(|kind| **kind != 0).count() {
        0 => 0,
        1 => 0x01,
        _ => 0x41,
    };
    put(&mut cmos, 0x14, &[0x06 | floppies]);
    // Base memory in KiB.
    put(&mut cmos, 0x15, &word(low.min(640 * KIB) / KIB));
    // From 1 MiB on in KiB, as configured and as found.
    let extended = word(low.saturating_sub(MIB) / KIB);
    put(&mut cmos, 0x17, &extended);
    put(&mut cmos, 0x30, &extended);
    // From 16 MiB on in units of 64 KiB.
    put(&mut cmos, 0x34, &word(low.saturating_sub(16 * MIB) / (64 * KIB)));
    // From 4 GiB on in units of 64 KiB, 24 bits.
    let units = (high / (64 * KIB)).min(0xff_ffff) as u32;
    put(&mut cmos, 0x5b, &units.to_le_bytes()[..3]);
    put_boot_devices(&mut cmos, setup.boot);
    put(&mut cmos, 0x5f, &[setup.processors.saturating_sub(1).min(0xff) as u8]);
    // The checksum of 10h to 2Dh, high byte first.
    let sum: u16 = cmos[0x10..0x2e].iter().map(|byte| u16::from(*byte)).sum();
    put(&mut cmos, 0x2e, &sum.to_be_bytes());
    cmos
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn memory_sizes() {
        // RAM, base, extended, above 16 MiB, above 4 GiB
        let table = [
            (512 * KIB, 512, 0, 0, 0),
            (4 * MIB, 640, 3 * 1024, 0, 0),
            (64 * MIB, 640, 63 * 1024, 48 * 16, 0),
            (GIB, 640, 0xffff, 1008 * 16, 0),
            (5 * GIB, 640, 0xffff, 0xbf00, 2 << 14),
            (1 << 41, 640, 0xffff, 0xbf00, (1 << 25) - (3 << 14)),
        ];
        for (ram, base, extended, above_16m, above_4g) in table {
            let cmos = contents(&Setup { ram_bytes: ram, ..Setup::default() });
            let word = |at: usize| u64::from(cmos[at]) | u64::from(cmos[at + 1]) << 8;
            let high = word(0x5b) | u64::from(cmos[0x5d]) << 16;
            let above_4g = u64::min(above_4g, 0xff_ffff);
            assert_eq!((word(0x15), word(0x17), word(0x30)), (base, extended, extended), "{ram:#x}");
            assert_eq!((word(0x34), high), (above_16m, above_4g), "{ram:#x}");
        }
    }

    #[test]
    fn floppies_boot_order_and_processors() {
        // Floppies, equipment; boot order, 38h and 3Dh; processors, 5Fh
        let table = [
            ([0, 0], 0x06, "cad", [0x30, 0x12], 1, 0),
            ([4, 0], 0x07, "dc", [0x00, 0x23], 4, 3),
            ([4, 2], 0x47, "n", [0x00, 0x04], 300, 255),
            ([0, 5], 0x07, "", [0x00, 0x00], 0, 0),
        ];
        for (floppies, equipment, letters, order, processors, last) in table {
            let boot = boot_devices(letters).unwrap();
            let cmos = contents(&Setup { floppies, boot, processors, ..Setup::default() });
            assert_eq!((cmos[0x10], cmos[0x14]), (floppies[0] << 4 | floppies[1], equipment), "{floppies:?}");
            assert_eq!([cmos[0x38], cmos[0x3d]], order, "{letters}");
            assert_eq!(cmos[0x5f], last, "{processors}");
            let sum: u32 = cmos[0x10..0x2e].iter().map(|byte| u32::from(*byte)).sum();
            assert_eq!(u32::from(cmos[0x2e]) << 8 | u32::from(cmos[0x2f]), sum);
        }
        for (letters, error) in [("cx", "x is no boot device"), ("acdn", "more than three")] {
            let got = boot_devices(letters).unwrap_err();
            assert!(got.contains(error), "{got}");
        }
    }
}
