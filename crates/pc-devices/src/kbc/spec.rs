//! Names of the 8042 in a PC and of the commands of an AT keyboard.

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
/// Status: the device did not answer
pub(super) const TIMEOUT: u8 = 1 << 6;

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

/// Keyboard: acknowledge
pub(super) const ACK: u8 = 0xfa;
/// Keyboard: say it again
pub(super) const RESEND: u8 = 0xfe;
/// Keyboard: self-test passed
pub(super) const BAT_OK: u8 = 0xaa;
