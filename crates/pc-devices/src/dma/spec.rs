//! Names from the 8237A data sheet, as offsets within one controller.

use bitflags::bitflags;

/// First port of the controller of channels 0 to 3
pub(super) const LOW: u16 = 0x00;
/// First port of the controller of channels 4 to 7, whose ports are two apart
pub(super) const HIGH: u16 = 0xc0;
/// First page register
pub(super) const PAGES: u16 = 0x81;
/// How many page registers
pub(super) const PAGE_COUNT: u16 = 15;
/// Page register of each channel, as an offset from [`PAGES`]; that of channel 4 gives addresses for refresh
///
/// SPEC: intel-ich9 :: DMAMEM_LP—DMA Memory Low Page Registers -> channel 0 at 87h, 1 at 83h, 2 at 81h, 3 at 82h, 5 at 8Bh, 6 at 89h, 7 at 8Ah
pub(super) const PAGE_OF: [usize; 8] = [6, 2, 0, 1, 14, 10, 8, 9];

/// Command register, read as status
pub(super) const COMMAND: u8 = 0x8;
/// Request register
pub(super) const REQUEST: u8 = 0x9;
/// Sets or clears one mask bit
pub(super) const SINGLE_MASK: u8 = 0xa;
/// Mode of one channel
pub(super) const MODE: u8 = 0xb;
/// Clears the byte pointer flip-flop
pub(super) const CLEAR_POINTER: u8 = 0xc;
/// Master clear, read as the temporary register
pub(super) const MASTER_CLEAR: u8 = 0xd;
/// Clears all mask bits
pub(super) const CLEAR_MASK: u8 = 0xe;
/// All mask bits
pub(super) const ALL_MASK: u8 = 0xf;

/// Command: controller disable
pub(super) const DISABLE: u8 = 1 << 2;
/// Command: rotating priority
pub(super) const ROTATING: u8 = 1 << 4;

bitflags! {
    /// Mode register of a channel; bits 3:2 are the transfer type, bits 7:6 the mode.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Mode: u8 {
        /// Transfer type: write to memory
        const WRITE = 1 << 2;
        /// Transfer type: read from memory
        const READ = 1 << 3;
        /// Address and count are reloaded at the terminal count
        const AUTOINITIALIZE = 1 << 4;
        /// The address goes down
        const DECREMENT = 1 << 5;
        /// Mode: single (demand without it and without [`Mode::BLOCK`])
        const SINGLE = 1 << 6;
        /// Mode: block; with [`Mode::SINGLE`] cascade
        const BLOCK = 1 << 7;
        /// Mode: another controller's requests pass through
        const CASCADE = Self::SINGLE.bits() | Self::BLOCK.bits();
    }
}

impl crate::codec::Codec for Mode {
    fn put(&self, out: &mut Vec<u8>) {
        self.bits().put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        u8::get(bytes).and_then(Self::from_bits)
    }
}
