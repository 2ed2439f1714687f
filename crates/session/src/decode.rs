//! `v64 decode`: a disassembler for a few bytes.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use x86_decode::{DecodeError, decode};
use x86_types::CodeSize;

/// Options of `v64 decode`.
#[derive(Args, Debug)]
pub struct DecodeArgs {
    /// Code size
    #[arg(long, value_enum, default_value = "64")]
    mode: Mode,
    /// Address of the first byte
    #[arg(long, default_value = "0", value_parser = parse_address)]
    at: u64,
    /// Bytes in hexadecimal, blanks allowed
    #[arg(required = true)]
    hex: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    #[value(name = "16")]
    Bits16,
    #[value(name = "32")]
    Bits32,
    #[value(name = "64")]
    Bits64,
}

fn parse_address(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text} is not an address; write 4096 or 0x1000"))
}

fn parse_hex(words: &[String]) -> Result<Vec<u8>> {
    let digits: String = words.concat().split_whitespace().collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits);
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        bail!("{digits} is not a whole number of bytes; give two hexadecimal digits a byte");
    }
    let byte = |n| u8::from_str_radix(&digits[n..n + 2], 16);
    match (0..digits.len()).step_by(2).map(byte).collect() {
        Ok(bytes) => Ok(bytes),
        Err(_) => bail!("{digits} is not hexadecimal"),
    }
}

/// Returns a line per instruction, and the exit code.
///
/// # Errors
/// Where the bytes are not hexadecimal.
pub fn decode_text(args: &DecodeArgs) -> Result<(String, u8)> {
    let mut out = String::new();
    let size = match args.mode {
        Mode::Bits16 => CodeSize::Bits16,
        Mode::Bits32 => CodeSize::Bits32,
        Mode::Bits64 => CodeSize::Bits64,
    };
    let bytes = parse_hex(&args.hex)?;
    let mut rest = &bytes[..];
    let mut at = args.at;
    let mut code = 0;
    while !rest.is_empty() {
        let (len, text) = match decode(size, rest) {
            Ok(insn) => (usize::from(insn.len), insn.display(at).to_string()),
            Err(error) => {
                code = 1;
                match error {
                    DecodeError::NeedMore => (rest.len(), "(the instruction is cut off)".to_owned()),
                    DecodeError::TooLong => (1, "(longer than 15 bytes: #GP)".to_owned()),
                    DecodeError::Undefined => (1, "(undefined: #UD)".to_owned()),
                }
            }
        };
        let hex: String = rest[..len].iter().map(|byte| format!("{byte:02x}")).collect();
        out += &format!("{at:016x}  {hex:<30}  {text}\n");
        at = at.wrapping_add(len as u64);
        rest = &rest[len..];
    }
    Ok((out, code))
}
