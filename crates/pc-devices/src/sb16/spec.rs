//! Names from the Sound Blaster Series Hardware Programming Guide.

/// Ports from the base address on
pub(super) const PORTS: u16 = 16;

/// Ports by their distance from the base address.
///
/// SPEC: creative-sb-guide :: DSP I/O Addresses -> reset 6h, read data 0Ah, write command and write-buffer status 0Ch, read-buffer status 0Eh
/// SPEC: creative-sb-guide :: Programming Sequence -> mixer address 4h, data 5h
pub(super) mod port {
    pub(in crate::sb16) const MIXER_INDEX: u16 = 0x4;
    pub(in crate::sb16) const MIXER_DATA: u16 = 0x5;
    pub(in crate::sb16) const RESET: u16 = 0x6;
    pub(in crate::sb16) const READ_DATA: u16 = 0xa;
    /// Commands and data; read: bit 7 clear where the DSP takes them
    pub(in crate::sb16) const WRITE: u16 = 0xc;
    /// Bit 7 set where there are data; acknowledges the 8-bit interrupt
    pub(in crate::sb16) const READ_STATUS: u16 = 0xe;
    /// Acknowledges the 16-bit interrupt
    pub(in crate::sb16) const ACKNOWLEDGE_16: u16 = 0xf;
}

/// Status ports: data is available
pub(super) const STATUS: u8 = 1 << 7;
/// The byte that the DSP returns after a reset
pub(super) const READY: u8 = 0xaa;
/// Version of the DSP
pub(super) const VERSION: [u8; 2] = [4, 5];
/// What command E3h returns
pub(super) const COPYRIGHT: &[u8] = b"COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.\0";

/// Commands of the DSP, by their names in the guide.
pub(super) mod command {
    pub(in crate::sb16) const DIRECT_DAC: u8 = 0x10;
    pub(in crate::sb16) const DIRECT_ADC: u8 = 0x20;
    pub(in crate::sb16) const TIME_CONSTANT: u8 = 0x40;
    pub(in crate::sb16) const OUTPUT_RATE: u8 = 0x41;
    pub(in crate::sb16) const INPUT_RATE: u8 = 0x42;
    pub(in crate::sb16) const CONTINUE_AUTO_8: u8 = 0x45;
    pub(in crate::sb16) const CONTINUE_AUTO_16: u8 = 0x47;
    pub(in crate::sb16) const BLOCK_SIZE: u8 = 0x48;
    pub(in crate::sb16) const SILENCE: u8 = 0x80;
    pub(in crate::sb16) const PAUSE_8: u8 = 0xd0;
    pub(in crate::sb16) const SPEAKER_ON: u8 = 0xd1;
    pub(in crate::sb16) const SPEAKER_OFF: u8 = 0xd3;
    pub(in crate::sb16) const CONTINUE_8: u8 = 0xd4;
    pub(in crate::sb16) const PAUSE_16: u8 = 0xd5;
    pub(in crate::sb16) const CONTINUE_16: u8 = 0xd6;
    pub(in crate::sb16) const SPEAKER_STATUS: u8 = 0xd8;
    pub(in crate::sb16) const EXIT_AUTO_16: u8 = 0xd9;
    pub(in crate::sb16) const EXIT_AUTO_8: u8 = 0xda;
    pub(in crate::sb16) const IDENTIFY: u8 = 0xe0;
    pub(in crate::sb16) const VERSION: u8 = 0xe1;
    pub(in crate::sb16) const COPYRIGHT: u8 = 0xe3;
    pub(in crate::sb16) const WRITE_TEST: u8 = 0xe4;
    pub(in crate::sb16) const READ_TEST: u8 = 0xe8;
    pub(in crate::sb16) const REQUEST_8: u8 = 0xf2;
    pub(in crate::sb16) const REQUEST_16: u8 = 0xf3;
}

bitflags::bitflags! {
    /// Commands Bxh and Cxh.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Io: u8 {
        /// From the converter to memory
        const INPUT = 1 << 3;
        /// The block is repeated
        const AUTO = 1 << 2;
    }

    /// The byte behind commands Bxh and Cxh.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Mode: u8 {
        const STEREO = 1 << 5;
        const SIGNED = 1 << 4;
    }
}

/// Registers of the CT1745 mixer.
pub(super) mod mixer {
    pub(in crate::sb16) const RESET: u8 = 0x00;
    pub(in crate::sb16) const MASTER: u8 = 0x30;
    pub(in crate::sb16) const VOICE: u8 = 0x32;
    pub(in crate::sb16) const MIDI: u8 = 0x34;
    pub(in crate::sb16) const CD: u8 = 0x36;
    pub(in crate::sb16) const LINE: u8 = 0x38;
    pub(in crate::sb16) const MIC: u8 = 0x3a;
    pub(in crate::sb16) const INTERRUPT: u8 = 0x80;
    pub(in crate::sb16) const DMA: u8 = 0x81;
    pub(in crate::sb16) const STATUS: u8 = 0x82;
}

/// Interrupt setup: IRQ of each bit
pub(super) const IRQS: [u8; 4] = [9, 5, 7, 10];
/// Interrupt status: an 8-bit transfer or MIDI
pub(super) const STATUS_8: u8 = 1 << 0;
/// Interrupt status: a 16-bit transfer
pub(super) const STATUS_16: u8 = 1 << 1;
