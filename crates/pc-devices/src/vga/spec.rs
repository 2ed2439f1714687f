//! Names from the VGA's register descriptions, the Bochs display interface and QEMU's standard VGA.

use bitflags::bitflags;

/// Ports: sequencer, graphics controller, attribute controller, DAC, and registers with separate ports.
pub(super) mod port {
    /// Attribute address and data, written by turns
    pub(in crate::vga) const ATTRIBUTE: u16 = 0x3c0;
    /// Attribute data, to read
    pub(in crate::vga) const ATTRIBUTE_READ: u16 = 0x3c1;
    /// Input status 0 (read), miscellaneous output (write)
    pub(in crate::vga) const MISC_WRITE: u16 = 0x3c2;
    pub(in crate::vga) const SEQUENCER_INDEX: u16 = 0x3c4;
    pub(in crate::vga) const SEQUENCER_DATA: u16 = 0x3c5;
    pub(in crate::vga) const PEL_MASK: u16 = 0x3c6;
    /// DAC state (read), read address (write)
    pub(in crate::vga) const DAC_READ: u16 = 0x3c7;
    pub(in crate::vga) const DAC_WRITE: u16 = 0x3c8;
    pub(in crate::vga) const DAC_DATA: u16 = 0x3c9;
    pub(in crate::vga) const FEATURE_READ: u16 = 0x3ca;
    pub(in crate::vga) const MISC_READ: u16 = 0x3cc;
    pub(in crate::vga) const GRAPHICS_INDEX: u16 = 0x3ce;
    pub(in crate::vga) const GRAPHICS_DATA: u16 = 0x3cf;
    /// CRT controller, by colour and monochrome address
    pub(in crate::vga) const CRTC_INDEX: [u16; 2] = [0x3d4, 0x3b4];
    pub(in crate::vga) const CRTC_DATA: [u16; 2] = [0x3d5, 0x3b5];
    /// Input status 1 (read), feature control (write)
    pub(in crate::vga) const STATUS: [u16; 2] = [0x3da, 0x3ba];
    /// Bochs display interface: index, data, and data again
    pub(in crate::vga) const DISPI_INDEX: u16 = 0x1ce;
    pub(in crate::vga) const DISPI_DATA: u16 = 0x1cf;
    pub(in crate::vga) const DISPI_DATA_EVEN: u16 = 0x1d0;
}

bitflags! {
    /// Miscellaneous output register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Misc: u8 {
        /// CRT controller at 3D4h rather than 3B4h
        const COLOR = 1;
        /// The display buffer answers the processor
        const RAM = 1 << 1;
        /// 28.322 MHz rather than 25.175 MHz
        const CLOCK_28 = 1 << 2;
    }

    /// Input status register 1.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Status: u8 {
        /// Display enable, inverted
        const BLANKED = 1;
        const VERTICAL_RETRACE = 1 << 3;
    }

    /// Sequencer 01h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Clocking: u8 {
        /// 8 dots a character rather than 9
        const DOTS_8 = 1;
        /// Dot clock halved
        const HALVED = 1 << 3;
        const SCREEN_OFF = 1 << 5;
    }

    /// Sequencer 04h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct MemoryMode: u8 {
        /// Writes go to the planes in sequence, not by odd and even addresses
        const SEQUENTIAL = 1 << 2;
        const CHAIN_4 = 1 << 3;
    }

    /// Graphics controller 05h, above its two bits of write mode.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct GraphicsMode: u8 {
        /// Reads compare with a colour
        const READ_COMPARE = 1 << 3;
        /// Reads go to planes by odd and even addresses
        const ODD_EVEN = 1 << 4;
        /// Two bits a pixel
        const INTERLEAVE = 1 << 5;
        /// Eight bits a pixel
        const SHIFT_256 = 1 << 6;
    }

    /// Attribute controller 10h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct AttributeMode: u8 {
        /// The ninth dot of C0h to DFh repeats the eighth
        const LINE_GRAPHICS = 1 << 2;
        /// Bit 7 of attributes blinks
        const BLINK = 1 << 3;
        /// Below a split the picture is not panned
        const PAN_RESET = 1 << 5;
        /// Bits 5:4 of colours from the colour select register
        const P54_SELECT = 1 << 7;
    }

    /// CRT controller 17h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct CrtcMode: u8 {
        /// Address bit 13 from the address counter, not from bit 0 of the row scan
        const MAP_13 = 1;
        /// Address bit 14 from the address counter, not from bit 1 of the row scan
        const MAP_14 = 1 << 1;
        /// Addresses of bytes rather than words
        const BYTE = 1 << 6;
    }

    /// Enable register of the Bochs display interface.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Enable: u16 {
        const ENABLED = 1;
        /// Sizes read as the largest there are
        const GETCAPS = 1 << 1;
        const DAC_8BIT = 1 << 5;
        /// Memory keeps its content
        const NOCLEARMEM = 1 << 7;
    }
}

/// Sequencer registers.
pub(super) mod seq {
    pub(in crate::vga) const CLOCKING: usize = 1;
    pub(in crate::vga) const MAP_MASK: usize = 2;
    pub(in crate::vga) const CHARACTER_MAP: usize = 3;
    pub(in crate::vga) const MEMORY_MODE: usize = 4;
    /// Bits that can be written
    pub(in crate::vga) const WRITABLE: [u8; 8] = [0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0x00, 0x00, 0xff];
}

/// Graphics controller registers.
pub(super) mod gfx {
    pub(in crate::vga) const SET_RESET: usize = 0;
    pub(in crate::vga) const ENABLE_SET_RESET: usize = 1;
    pub(in crate::vga) const COLOR_COMPARE: usize = 2;
    pub(in crate::vga) const DATA_ROTATE: usize = 3;
    pub(in crate::vga) const READ_MAP: usize = 4;
    pub(in crate::vga) const MODE: usize = 5;
    /// Bit 0 graphics, bits 3:2 memory map
    pub(in crate::vga) const MISC: usize = 6;
    pub(in crate::vga) const COLOR_DONT_CARE: usize = 7;
    pub(in crate::vga) const BIT_MASK: usize = 8;
    /// Bits that can be written
    pub(in crate::vga) const WRITABLE: [u8; 16] =
        [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff, 0, 0, 0, 0, 0, 0, 0];
}

/// CRT controller registers.
pub(super) mod crtc {
    pub(in crate::vga) const HORIZONTAL_TOTAL: usize = 0x00;
    pub(in crate::vga) const HORIZONTAL_DISPLAY_END: usize = 0x01;
    pub(in crate::vga) const VERTICAL_TOTAL: usize = 0x06;
    pub(in crate::vga) const OVERFLOW: usize = 0x07;
    pub(in crate::vga) const PRESET_ROW_SCAN: usize = 0x08;
    pub(in crate::vga) const MAXIMUM_SCAN_LINE: usize = 0x09;
    pub(in crate::vga) const CURSOR_START: usize = 0x0a;
    pub(in crate::vga) const CURSOR_END: usize = 0x0b;
    pub(in crate::vga) const START_HIGH: usize = 0x0c;
    pub(in crate::vga) const START_LOW: usize = 0x0d;
    pub(in crate::vga) const CURSOR_HIGH: usize = 0x0e;
    pub(in crate::vga) const CURSOR_LOW: usize = 0x0f;
    pub(in crate::vga) const VERTICAL_RETRACE_START: usize = 0x10;
    pub(in crate::vga) const VERTICAL_RETRACE_END: usize = 0x11;
    pub(in crate::vga) const VERTICAL_DISPLAY_END: usize = 0x12;
    pub(in crate::vga) const OFFSET: usize = 0x13;
    pub(in crate::vga) const UNDERLINE: usize = 0x14;
    pub(in crate::vga) const MODE: usize = 0x17;
    pub(in crate::vga) const LINE_COMPARE: usize = 0x18;
    /// Vertical retrace end: registers 00h to 07h cannot be written
    pub(in crate::vga) const PROTECT: u8 = 1 << 7;
    /// Overflow: bit 8 of the line compare
    pub(in crate::vga) const OVERFLOW_LINE_COMPARE: u8 = 1 << 4;
}

/// Attribute controller registers.
pub(super) mod attr {
    pub(in crate::vga) const MODE: usize = 0x10;
    pub(in crate::vga) const PLANE_ENABLE: usize = 0x12;
    pub(in crate::vga) const PANNING: usize = 0x13;
    pub(in crate::vga) const COLOR_SELECT: usize = 0x14;
    /// How many there are
    pub(in crate::vga) const COUNT: usize = 0x15;
    /// Address register: the palette drives the screen
    pub(in crate::vga) const PALETTE_ON: u8 = 1 << 5;
}

/// Registers of the Bochs display interface.
pub(super) mod dispi {
    pub(in crate::vga) const ID: u16 = 0;
    pub(in crate::vga) const XRES: u16 = 1;
    pub(in crate::vga) const YRES: u16 = 2;
    pub(in crate::vga) const BPP: u16 = 3;
    pub(in crate::vga) const ENABLE: u16 = 4;
    pub(in crate::vga) const BANK: u16 = 5;
    pub(in crate::vga) const VIRT_WIDTH: u16 = 6;
    pub(in crate::vga) const VIRT_HEIGHT: u16 = 7;
    pub(in crate::vga) const X_OFFSET: u16 = 8;
    pub(in crate::vga) const Y_OFFSET: u16 = 9;
    pub(in crate::vga) const VIDEO_MEMORY_64K: u16 = 10;
    /// Least and greatest version
    pub(in crate::vga) const IDS: std::ops::RangeInclusive<u16> = 0xb0c0..=0xb0c5;
    pub(in crate::vga) const MAX_XRES: u16 = 2560;
    pub(in crate::vga) const MAX_YRES: u16 = 1600;
    pub(in crate::vga) const MAX_BPP: u16 = 32;
}

/// Offsets in BAR2.
///
/// SPEC: qemu-standard-vga :: MMIO area spec -> EDID at 0, VGA ports at 400h, Bochs registers at 500h, QEMU's own at 600h
pub(super) mod bar2 {
    pub(in crate::vga) const LEN: u32 = 0x1000;
    pub(in crate::vga) const PORTS: u64 = 0x400;
    pub(in crate::vga) const PORTS_END: u64 = 0x420;
    pub(in crate::vga) const DISPI: u64 = 0x500;
    pub(in crate::vga) const DISPI_END: u64 = 0x516;
    pub(in crate::vga) const EXTENDED: u64 = 0x600;
    pub(in crate::vga) const BYTE_ORDER: u64 = 0x604;
    pub(in crate::vga) const EXTENDED_END: u64 = 0x608;
    pub(in crate::vga) const BIG_ENDIAN: u32 = 0xbebe_bebe;
    pub(in crate::vga) const LITTLE_ENDIAN: u32 = 0x1e1e_1e1e;
}

/// Where the display buffer answers the processor, at most.
pub(super) const WINDOW: u64 = 0xa_0000;
/// Bytes of it
pub(super) const WINDOW_LEN: u64 = 0x2_0000;
/// Bytes that the VGA itself has: 64 Ki words of four planes
pub(super) const VGA_BYTES: u32 = 256 << 10;
