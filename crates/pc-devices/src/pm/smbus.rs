//! The SMBus host controller. No device is on the bus: every transaction ends with an error.

use super::spec::*;
use crate::codec::codec_struct;

/// State.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Smbus {
    status: u8,
    control: u8,
    /// Command, address, data 0, data 1
    plain: [u8; 4],
    block: [u8; smb::BLOCK],
    /// Next byte of the block
    index: u8,
}
codec_struct!(Smbus { status, control, plain, block, index });

impl Smbus {
    /// Returns the interrupt output.
    ///
    /// SPEC: intel-82371ab :: SMBHSTCNT—SMBus Host Control Register -> INTEREN enables the interrupt of a transaction's end
    pub(super) fn interrupt(&self) -> bool {
        let ended = SmbStatus::INTER | SmbStatus::DEV_ERR | SmbStatus::BUS_ERR | SmbStatus::FAILED;
        self.control & SmbControl::INTEREN.bits() != 0 && self.status & ended.bits() != 0
    }

    fn block_at(&mut self) -> usize {
        let at = usize::from(self.index) % smb::BLOCK;
        self.index = (at as u8 + 1) % smb::BLOCK as u8;
        at
    }

    pub(super) fn read(&mut self, offset: u16) -> u8 {
        match offset {
            smb::HSTSTS => self.status,
            smb::HSTCNT => {
                self.index = 0;
                self.control
            }
            smb::HSTCMD..=smb::HSTDAT1 => self.plain[usize::from(offset - smb::HSTCMD)],
            smb::BLKDAT => {
                let at = self.block_at();
                self.block[at]
            }
            _ => 0,
        }
    }

    /// SPEC: intel-82371ab :: SMBHSTSTS—SMBus Host Status Register -> written ones clear; DEV_ERR is also an address that no device claims
    pub(super) fn write(&mut self, offset: u16, value: u8) {
        match offset {
            smb::HSTSTS => {
                self.status &= !value;
                self.index = 0;
            }
            smb::HSTCNT => {
                let written = SmbControl::from_bits_truncate(value);
                self.control = (written - SmbControl::START - SmbControl::KILL).bits();
                if written.contains(SmbControl::KILL) {
                    self.status |= SmbStatus::FAILED.bits();
                } else if written.contains(SmbControl::START) {
                    self.status |= SmbStatus::DEV_ERR.bits();
                }
            }
            smb::HSTCMD..=smb::HSTDAT1 => self.plain[usize::from(offset - smb::HSTCMD)] = value,
            smb::BLKDAT => {
                let at = self.block_at();
                self.block[at] = value;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transaction_ends_with_no_device() {
        let mut bus = Smbus::default();
        for protocol in 0..8 {
            bus.write(4, 0xa1);
            bus.write(2, 0x40 | protocol << 2 | 1);
            assert_eq!((bus.read(0), bus.interrupt()), (0x04, true), "protocol {protocol}");
            assert_eq!(bus.read(2), protocol << 2 | 1, "START reads 0");
            bus.write(0, 0x04);
            assert_eq!((bus.read(0), bus.interrupt()), (0, false));
        }
        bus.write(2, 0x42);
        assert_eq!((bus.read(0), bus.interrupt()), (0x10, false), "killed, and interrupts are off");
    }

    #[test]
    fn registers_keep_their_values_and_the_block_is_read_in_order() {
        let mut bus = Smbus::default();
        (3..7).for_each(|at| bus.write(at, 0x10 + at as u8));
        assert_eq!([3, 4, 5, 6].map(|at| bus.read(at)), [0x13, 0x14, 0x15, 0x16]);
        (0..34).for_each(|n| bus.write(7, n));
        assert_eq!(bus.read(2), 0, "starts the block over");
        assert_eq!([0; 3].map(|_| bus.read(7)), [32, 33, 2]);
        assert_eq!(bus.read(15), 0);
    }
}
