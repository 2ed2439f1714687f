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

/// The memory's contents for a machine with so much RAM.
pub(super) fn contents(ram_bytes: u64) -> [u8; 128] {
    let mut cmos = [0; 128];
    let low = ram_bytes.min(LOW_RAM_LIMIT);
    let high = ram_bytes - low;
    // Equipment: a mathematics coprocessor, no diskettes.
    put(&mut cmos, 0x14, &[0x02]);
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
            let cmos = contents(ram);
            let word = |at: usize| u64::from(cmos[at]) | u64::from(cmos[at + 1]) << 8;
            let high = word(0x5b) | u64::from(cmos[0x5d]) << 16;
            let above_4g = u64::min(above_4g, 0xff_ffff);
            assert_eq!((word(0x15), word(0x17), word(0x30)), (base, extended, extended), "{ram:#x}");
            assert_eq!((word(0x34), high), (above_16m, above_4g), "{ram:#x}");
        }
    }
}
