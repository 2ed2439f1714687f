//! CONFIG_ADDRESS and the host bridge's own configuration space.

use super::spec::*;
use crate::codec::codec_struct;

/// Where a configuration access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) bus: u8,
    pub(super) device: u8,
    pub(super) function: u8,
    /// Aligned to dwords
    pub(super) offset: u8,
}

/// State.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    address: u32,
    config: [u32; DWORDS],
}
codec_struct!(Chip { address, config });

impl Default for Chip {
    fn default() -> Self {
        let mut config = [0; DWORDS];
        config[0] = DEVICE_VENDOR;
        config[1] = COMMAND_STATUS;
        config[2] = CLASS_REVISION;
        Self { address: 0, config }
    }
}

/// Bits of the dword at `offset` that can be written.
///
/// SPEC: intel-82441fx :: PAM—Programmable Attribute Map Registers -> 59h to 5Fh keep their values; 72h (SMRAM) too, without effect
fn writable(offset: u8) -> u32 {
    match offset {
        0x58 => 0x3333_3300,
        0x5c => 0x3333_3333,
        0x70 => 0x007f_0000,
        _ => 0,
    }
}

impl Chip {
    pub(super) fn address(&self) -> u32 {
        self.address
    }

    pub(super) fn set_address(&mut self, value: u32) {
        self.address = value & WRITABLE;
    }

    /// SPEC: pci-local-bus-3.0 :: 3.2.2.3.2 Software Generation of Configuration Transactions -> bus 23:16, device 15:11, function 10:8, register 7:2, if bit 31 is set
    pub(super) fn target(&self) -> Option<Target> {
        (self.address & ENABLE != 0).then_some(Target {
            bus: (self.address >> 16) as u8,
            device: (self.address >> 11) as u8 & 31,
            function: (self.address >> 8) as u8 & 7,
            offset: self.address as u8 & !3,
        })
    }

    pub(super) fn config_read(&self, offset: u8) -> u32 {
        self.config.get(usize::from(offset >> 2)).copied().unwrap_or(u32::MAX)
    }

    pub(super) fn config_write(&mut self, offset: u8, value: u32, mask: u32) {
        let mask = mask & writable(offset & !3);
        if let Some(dword) = self.config.get_mut(usize::from(offset >> 2)) {
            *dword = *dword & !mask | value & mask;
        }
    }
}
