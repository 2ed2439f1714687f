//! Names of the 8042 in a PC and of the commands of a keyboard and a mouse.

/// Data port
pub(super) const DATA: u16 = 0x60;
/// Status (read) and command (write) port
pub(super) const COMMAND: u16 = 0x64;

/// Status: output buffer full
pub(super) const OBF: u8 = 1 << 0;
/// Status: system flag, bit 2 of the command byte
pub(super) const SYS: u8 = 1 << 2;
/// Status: the last write was a command
pub(super) const A2: u8 = 1 << 3;
/// Status: keyboard not locked
pub(super) const UNLOCKED: u8 = 1 << 4;
/// Status: the output buffer holds a byte of the auxiliary port
pub(super) const AUX_OBF: u8 = 1 << 5;

/// Command byte: interrupt when the keyboard's byte is there
pub(super) const INT: u8 = 1 << 0;
/// Command byte: interrupt when the auxiliary byte is there
pub(super) const INT2: u8 = 1 << 1;
/// Command byte: keyboard disabled
pub(super) const DISABLE: u8 = 1 << 4;
/// Command byte: auxiliary port disabled
pub(super) const DISABLE2: u8 = 1 << 5;
/// Command byte: scan codes are translated to set 1
pub(super) const TRANSLATE: u8 = 1 << 6;

/// Output port: low resets the processor
pub(super) const OUT_RESET: u8 = 1 << 0;
/// Output port: address line 20 works
pub(super) const OUT_A20: u8 = 1 << 1;
/// Output port: keyboard interrupt
pub(super) const OUT_IRQ1: u8 = 1 << 4;
/// Output port: auxiliary interrupt
pub(super) const OUT_IRQ12: u8 = 1 << 5;
/// Input port: no manufacturing jumper, not locked
pub(super) const INPUT_PORT: u8 = 0xb0;

/// Nanoseconds that a byte of a device takes on its way: 11 bits of 60 to 100 microseconds. The next one comes so long after
/// the last one was read
pub(super) const BYTE_NS: u64 = 1_000_000;

/// A device acknowledges
pub(super) const ACK: u8 = 0xfa;
/// A device does not understand
pub(super) const RESEND: u8 = 0xfe;
/// A device's self-test passed
pub(super) const BAT_OK: u8 = 0xaa;

/// Commands of the keyboard.
pub(super) mod keyboard {
    pub(crate) const SET_INDICATORS: u8 = 0xed;
    pub(crate) const ECHO: u8 = 0xee;
    pub(crate) const SELECT_SET: u8 = 0xf0;
    pub(crate) const READ_ID: u8 = 0xf2;
    pub(crate) const SET_TYPEMATIC: u8 = 0xf3;
    pub(crate) const ENABLE: u8 = 0xf4;
    pub(crate) const DEFAULT_DISABLE: u8 = 0xf5;
    pub(crate) const SET_DEFAULT: u8 = 0xf6;
    pub(crate) const ALL_TYPEMATIC: u8 = 0xf7;
    pub(crate) const ALL_MAKE_BREAK: u8 = 0xf8;
    pub(crate) const ALL_MAKE: u8 = 0xf9;
    pub(crate) const ALL_TYPEMATIC_MAKE_BREAK: u8 = 0xfa;
    pub(crate) const KEY_TYPEMATIC: u8 = 0xfb;
    pub(crate) const KEY_MAKE_BREAK: u8 = 0xfc;
    pub(crate) const KEY_MAKE: u8 = 0xfd;
    pub(crate) const RESEND: u8 = 0xfe;
    pub(crate) const RESET: u8 = 0xff;
}

/// Commands of the mouse.
pub(super) mod mouse {
    pub(crate) const SCALING_1_1: u8 = 0xe6;
    pub(crate) const SCALING_2_1: u8 = 0xe7;
    pub(crate) const SET_RESOLUTION: u8 = 0xe8;
    pub(crate) const STATUS_REQUEST: u8 = 0xe9;
    pub(crate) const STREAM_MODE: u8 = 0xea;
    pub(crate) const READ_DATA: u8 = 0xeb;
    pub(crate) const RESET_WRAP: u8 = 0xec;
    pub(crate) const WRAP_MODE: u8 = 0xee;
    pub(crate) const REMOTE_MODE: u8 = 0xf0;
    pub(crate) const READ_TYPE: u8 = 0xf2;
    pub(crate) const SET_RATE: u8 = 0xf3;
    pub(crate) const ENABLE: u8 = 0xf4;
    pub(crate) const DISABLE: u8 = 0xf5;
    pub(crate) const SET_DEFAULT: u8 = 0xf6;
    pub(crate) const RESEND: u8 = 0xfe;
    pub(crate) const RESET: u8 = 0xff;

    /// Status and first byte of a packet: buttons
    pub(crate) const LEFT: u8 = 1 << 0;
    pub(crate) const RIGHT: u8 = 1 << 1;
    pub(crate) const MIDDLE: u8 = 1 << 2;
    /// First byte of a packet: always set
    pub(crate) const ALWAYS: u8 = 1 << 3;
    pub(crate) const X_SIGN: u8 = 1 << 4;
    pub(crate) const Y_SIGN: u8 = 1 << 5;

    /// Status: remote mode
    pub(crate) const REMOTE: u8 = 1 << 6;
    /// Status: reporting enabled
    pub(crate) const ENABLED: u8 = 1 << 5;
    /// Status: scaling 2:1
    pub(crate) const SCALED: u8 = 1 << 4;
}
