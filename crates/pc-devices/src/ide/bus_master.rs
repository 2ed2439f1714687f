//! A channel's bus master: it transfers a drive's data by the physical region descriptors in memory.

use super::spec::{MasterCommand, MasterStatus};
use crate::codec::codec_struct;
use device_api::DmaMemory;
use x86_types::GuestPhysAddr;

/// Registers, and how far the descriptors were followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BusMaster {
    command: u8,
    status: u8,
    /// The descriptor table pointer
    table: u32,
    /// Next descriptor
    next: u32,
    /// What is left of the region of the last one
    address: u32,
    left: u32,
    /// It was the last of the table
    last: bool,
}
codec_struct!(BusMaster { command, status, table, next, address, left, last });

impl BusMaster {
    /// Reads a register of the channel's eight ports.
    pub(super) fn read(&self, offset: u16) -> u8 {
        match offset {
            0 => self.command,
            2 => self.status,
            4..=7 => self.table.to_le_bytes()[usize::from(offset & 3)],
            _ => 0xff,
        }
    }

    /// Writes a register.
    pub(super) fn write(&mut self, offset: u16, value: u8) {
        match offset {
            0 => self.write_command(value),
            2 => {
                let kept = MasterStatus::DRIVE_0_DMA | MasterStatus::DRIVE_1_DMA;
                let events = MasterStatus::ERROR | MasterStatus::INTERRUPT;
                self.status = value & kept.bits()
                    | self.status & MasterStatus::ACTIVE.bits()
                    | self.status & !value & events.bits();
            }
            // SPEC: bus-master-ide-1.0 :: Descriptor Table Pointer Register -> bits 1:0 are zeros
            4..=7 => {
                let mut bytes = self.table.to_le_bytes();
                bytes[usize::from(offset & 3)] = value;
                self.table = u32::from_le_bytes(bytes) & !3;
            }
            _ => {}
        }
    }

    /// SPEC: bus-master-ide-1.0 :: Bus Master IDE Command Register -> a start begins at the table's first descriptor, a stop ends the transfer
    fn write_command(&mut self, value: u8) {
        let known = MasterCommand::START | MasterCommand::TO_MEMORY;
        let (was, is) = (self.starts(), value & MasterCommand::START.bits() != 0);
        self.command = value & known.bits();
        if is && !was {
            (self.next, self.left, self.last) = (self.table, 0, false);
            self.status |= MasterStatus::ACTIVE.bits();
        } else if !is {
            self.status &= !MasterStatus::ACTIVE.bits();
        }
    }

    fn starts(&self) -> bool {
        self.command & MasterCommand::START.bits() != 0
    }

    /// Returns whether a transfer may continue.
    pub(super) fn is_active(&self) -> bool {
        self.starts() && self.status & MasterStatus::ACTIVE.bits() != 0
    }

    /// The channel's interrupt line was driven high.
    pub(super) fn interrupt(&mut self) {
        self.status |= MasterStatus::INTERRUPT.bits();
    }

    /// The drive has no more data.
    ///
    /// SPEC: bus-master-ide-1.0 :: Bus Master IDE Status Register -> active stays set where descriptors are left
    pub(super) fn finish(&mut self) {
        if self.left == 0 && self.last {
            self.stop();
        }
    }

    /// The descriptors have come to their end.
    pub(super) fn stop(&mut self) {
        self.status &= !MasterStatus::ACTIVE.bits();
    }

    /// Returns the address of the next bytes, up to `wanted` of them. `None` at the end of the table.
    ///
    /// SPEC: bus-master-ide-1.0 :: Physical Region Descriptor -> base and count are even, a count of 0 is 64 KiB, bit 31 ends the table
    fn region(&mut self, memory: &mut dyn DmaMemory, wanted: usize) -> Option<(GuestPhysAddr, usize)> {
        if self.left == 0 {
            if self.last {
                return None;
            }
            let mut bytes = [0; 8];
            memory.read(GuestPhysAddr(self.next.into()), &mut bytes);
            let [a, b, c, d, count_low, count_high, _, flags] = bytes;
            self.address = u32::from_le_bytes([a, b, c, d]) & !1;
            self.left = match u16::from_le_bytes([count_low, count_high]) & !1 {
                0 => 0x1_0000,
                count => count.into(),
            };
            self.last = flags & 0x80 != 0;
            self.next = self.next.wrapping_add(8);
        }
        let len = wanted.min(self.left as usize);
        let address = GuestPhysAddr(self.address.into());
        self.address = self.address.wrapping_add(len as u32);
        self.left -= len as u32;
        Some((address, len))
    }

    /// Moves a drive's bytes. Returns whether there was room for all of them.
    pub(super) fn transfer(&mut self, memory: &mut dyn DmaMemory, to_memory: bool, bytes: &mut [u8]) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some((address, len)) = self.region(memory, rest.len()) else { return false };
            let (now, behind) = rest.split_at_mut(len);
            if to_memory {
                memory.write(address, now);
            } else {
                memory.read(address, now);
            }
            rest = behind;
        }
        true
    }
}
