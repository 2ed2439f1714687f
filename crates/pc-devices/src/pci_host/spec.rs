//! Names from the PCI local bus specification and the 82441FX data sheet.

/// CONFIG_ADDRESS, a dword register: narrower accesses belong to others
pub(super) const CONFIG_ADDRESS: u16 = 0xcf8;
/// CONFIG_DATA, four bytes
pub(super) const CONFIG_DATA: u16 = 0xcfc;

/// CONFIG_ADDRESS: configuration cycles are enabled
pub(super) const ENABLE: u32 = 1 << 31;
/// CONFIG_ADDRESS: what can be written
pub(super) const WRITABLE: u32 = ENABLE | 0x00ff_fffc;

/// 82441FX, vendor in the low half
pub(super) const DEVICE_VENDOR: u32 = 0x1237_8086;
/// Class 06 00 00 (host bridge), revision 2
pub(super) const CLASS_REVISION: u32 = 0x0600_0002;
/// Command (memory and bus master) in the low half, status in the high half
pub(super) const COMMAND_STATUS: u32 = 0x0280_0006;

/// Dwords of a configuration space
pub(super) const DWORDS: usize = 64;
