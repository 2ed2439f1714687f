//! The registers that hold a command's parameters.

use super::spec::DeviceBits;
use crate::codec::codec_struct;

/// A register of two bytes: the one written last, and the one before it.
///
/// SPEC: ata-atapi-6 :: 48-bit Address feature set -> registers are FIFOs of two bytes, HOB selects the previous one
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fifo {
    pub(super) last: u8,
    pub(super) previous: u8,
}
codec_struct!(Fifo { last, previous });

impl Fifo {
    pub(super) fn write(&mut self, value: u8) {
        self.previous = std::mem::replace(&mut self.last, value);
    }

    pub(super) fn read(self, previous: bool) -> u8 {
        if previous { self.previous } else { self.last }
    }

    fn word(self) -> u16 {
        u16::from_le_bytes([self.last, self.previous])
    }
}

/// Features, sector count, LBA and device registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskFile {
    pub(super) features: Fifo,
    pub(super) count: Fifo,
    pub(super) low: Fifo,
    pub(super) mid: Fifo,
    pub(super) high: Fifo,
    pub(super) device: u8,
}
codec_struct!(TaskFile { features, count, low, mid, high, device });

impl TaskFile {
    /// Returns the registers with a signature in them.
    ///
    /// SPEC: ata-atapi-6 :: Signature and persistence -> sector count and LBA low 01h, LBA mid and high by the kind of device
    pub(super) fn with_signature(mid: u8, high: u8) -> Self {
        let fifo = |last| Fifo { last, previous: 0 };
        Self {
            features: fifo(0),
            count: fifo(1),
            low: fifo(1),
            mid: fifo(mid),
            high: fifo(high),
            device: DeviceBits::ONES.bits(),
        }
    }

    /// Returns how many sectors a command is about: 0 stands for the largest number.
    pub(super) fn sectors(&self, extended: bool) -> u32 {
        match (extended, self.count) {
            (true, count) if count.word() == 0 => 0x1_0000,
            (true, count) => u32::from(count.word()),
            (false, Fifo { last: 0, .. }) => 0x100,
            (false, count) => u32::from(count.last),
        }
    }

    /// Returns an LBA of 28 or 48 bits.
    pub(super) fn lba(&self, extended: bool) -> u64 {
        let low = u64::from(self.low.last) | u64::from(self.mid.last) << 8 | u64::from(self.high.last) << 16;
        if extended {
            let high = [self.low.previous, self.mid.previous, self.high.previous, 0];
            low | u64::from(u32::from_le_bytes(high)) << 24
        } else {
            low | u64::from(self.device & 0xf) << 24
        }
    }

    /// Sets an LBA of 28 or 48 bits.
    pub(super) fn set_lba(&mut self, lba: u64, extended: bool) {
        let [low, mid, high, b3, b4, b5, ..] = lba.to_le_bytes();
        (self.low.last, self.mid.last, self.high.last) = (low, mid, high);
        if extended {
            (self.low.previous, self.mid.previous, self.high.previous) = (b3, b4, b5);
        } else {
            self.device = self.device & 0xf0 | b3 & 0xf;
        }
    }

    /// Returns whether addresses are LBAs, not cylinder, head and sector.
    pub(super) fn is_lba(&self) -> bool {
        self.device & DeviceBits::LBA.bits() != 0
    }

    /// Sets both bytes of the sector count.
    pub(super) fn set_sectors(&mut self, count: u32) {
        let [last, previous, ..] = count.to_le_bytes();
        self.count = Fifo { last, previous };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_of_an_address_come_back() {
        let mut task = TaskFile::with_signature(0, 0);
        for (extended, lba) in [(false, 0xabc_def1), (true, 0x1234_5678_9abc)] {
            task.set_lba(lba, extended);
            assert_eq!(task.lba(extended), lba);
        }
        task.count.write(0);
        task.count.write(0);
        assert_eq!((task.sectors(false), task.sectors(true)), (256, 65536));
        task.count.write(3);
        task.count.write(2);
        assert_eq!((task.sectors(false), task.sectors(true)), (2, 0x302));
    }
}
