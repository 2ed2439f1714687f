//! `x` and `xp`: memory as numbers, characters and instructions.

use crate::monitor::memory::View;
use std::fmt::Write;
use x86_decode::decode;
use x86_types::CodeSize;

/// Units that one command shows at most.
const MOST: u64 = 1 << 20;
/// Bytes of an instruction at most.
const LONGEST: usize = 15;

/// Format of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::monitor) struct Format {
    /// One of `oduxic`
    pub(super) letter: char,
    /// Bytes of a unit
    pub(super) size: usize,
}

impl Default for Format {
    fn default() -> Self {
        Self { letter: 'x', size: 4 }
    }
}

impl Format {
    /// Parses count, letter and size of `/16xb`. Omitted parts are those of the last command.
    ///
    /// # Errors
    /// What is wrong, in QEMU's words.
    pub(super) fn parse(&mut self, text: &str) -> Result<u64, String> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (count, rest) = text.split_at(digits);
        let count =
            match count {
                "" => 1,
                digits => digits.parse().ok().filter(|&count| count <= MOST).ok_or_else(|| {
                    format!("{digits} is more than the {MOST} units that are shown at once")
                })?,
            };
        let (mut format, mut size) = (None, None);
        for letter in rest.chars() {
            match letter {
                'o' | 'd' | 'u' | 'x' | 'i' | 'c' => format = Some(letter),
                'b' => size = Some(1),
                'h' => size = Some(2),
                'w' => size = Some(4),
                'g' | 'L' => size = Some(8),
                _ => return Err(format!("invalid char in format: '{letter}'")),
            }
        }
        self.letter = format.unwrap_or(self.letter);
        self.size = size.unwrap_or(self.size);
        Ok(count)
    }

    /// Returns a number as text.
    fn number(self, value: u64) -> String {
        let bits = self.size * 8;
        match self.letter {
            'o' => format!("{:>1$}", octal(value), bits.div_ceil(3)),
            'u' => format!("{value:>0$}", (bits * 10).div_ceil(33)),
            'd' => {
                let shift = 64 - bits as u32;
                format!("{:>1$}", (value << shift).cast_signed() >> shift, (bits * 10).div_ceil(33))
            }
            'c' => character(value as u8),
            _ => format!("0x{value:00$x}", bits / 4),
        }
    }
}

/// With a leading zero, as C's `%#o`.
fn octal(value: u64) -> String {
    if value == 0 { "0".into() } else { format!("0{value:o}") }
}

/// Returns a character constant of C's.
fn character(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".into(),
        b'\\' => "'\\\\'".into(),
        b'\n' => "'\\n'".into(),
        b'\r' => "'\\r'".into(),
        0x20..=0x7e => format!("'{}'", char::from(byte)),
        _ => format!("'\\x{byte:02x}'"),
    }
}

/// Shows `count` units from an address on.
pub(super) fn dump(view: View<'_>, code: CodeSize, at: u64, count: u64, format: Format) -> String {
    match format.letter {
        'i' => instructions(view, code, at, count),
        'c' => numbers(view, at, count, Format { size: 1, ..format }),
        _ => numbers(view, at, count, format),
    }
}

fn numbers(mut view: View<'_>, at: u64, count: u64, format: Format) -> String {
    let mut out = String::new();
    let line = if format.size == 1 { 8 } else { 16 };
    let (mut at, mut left) = (at, usize::try_from(count).unwrap_or(0).saturating_mul(format.size));
    while left > 0 {
        let len = left.min(line);
        let mut bytes = [0; 16];
        let _ = write!(out, "{at:016x}:");
        if !view.read(at, &mut bytes[..len]) {
            out += " Cannot access memory\n";
            break;
        }
        for unit in bytes[..len].chunks(format.size) {
            let value = unit.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
            out.push(' ');
            out += &format.number(value);
        }
        out.push('\n');
        at = at.wrapping_add(len as u64);
        left -= len;
    }
    out
}

fn instructions(mut view: View<'_>, code: CodeSize, at: u64, count: u64) -> String {
    let mut out = String::new();
    let mut at = at;
    for _ in 0..count {
        let mut bytes = [0; LONGEST];
        let readable = (1..=LONGEST).rev().find(|&len| view.read(at, &mut bytes[..len])).unwrap_or(0);
        if readable == 0 {
            let _ = writeln!(out, "{at:#010x}:  Cannot access memory");
            break;
        }
        let (len, text) = match decode(code, &bytes[..readable]) {
            Ok(insn) => (usize::from(insn.len), insn.display(at).to_string()),
            Err(_) => (1, format!("db 0{:02X}h", bytes[0])),
        };
        let hex: String = bytes[..len].iter().map(|byte| format!("{byte:02x} ")).collect();
        let _ = writeln!(out, "{at:#010x}:  {hex:<24} {text}");
        at = at.wrapping_add(len as u64);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use guest_memory::GuestMemory;
    use x86_types::GuestPhysAddr;

    fn shown(format: &str, bytes: &[u8], at: u64) -> String {
        let memory = GuestMemory::new(1 << 20).unwrap();
        memory.write(GuestPhysAddr(at), bytes);
        let mut how = Format::default();
        let count = how.parse(format).unwrap();
        dump(View { memory: &mut &memory, cpu: None }, CodeSize::Bits16, at, count, how)
    }

    /// What QEMU 7.2 prints for the same bytes.
    #[test]
    fn numbers_are_printed_as_by_qemu() {
        let bytes = [0xea, 0x5b, 0xe0, 0, 0xf0, 0x30, 0x36, 0x2f, 0x32, 0x33, 0x2f, 0x39];
        let at = 0xfff0;
        assert_eq!(shown("3xw", &bytes, at), "000000000000fff0: 0x00e05bea 0x2f3630f0 0x392f3332\n");
        assert_eq!(shown("8xb", &bytes, at), "000000000000fff0: 0xea 0x5b 0xe0 0x00 0xf0 0x30 0x36 0x2f\n");
        assert_eq!(shown("3dw", &bytes, at), "000000000000fff0:   14703594  792080624  959394610\n");
        assert_eq!(shown("3ub", &bytes, at), "000000000000fff0: 234  91 224\n");
        assert_eq!(shown("3oh", &bytes, at), "000000000000fff0: 055752   0340 030360\n");
        assert_eq!(shown("1xg", &bytes, at), "000000000000fff0: 0x2f3630f000e05bea\n");
        assert_eq!(shown("4c", b"C$\x83'", at), "000000000000fff0: 'C' '$' '\\x83' '\\''\n");
        assert_eq!(shown("1db", &[0xff], at), "000000000000fff0:  -1\n");
        assert_eq!(shown("9xb", &bytes, at).lines().count(), 2);
    }

    #[test]
    fn instructions_go_by_the_code_size() {
        let text = shown("2i", &[0xea, 0x5b, 0xe0, 0, 0xf0, 0xfa], 0xfff0);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("0x0000fff0:  ea 5b e0 00 f0           jmp "), "{text}");
        assert_eq!(lines[1], "0x0000fff5:  fa                       cli");
    }

    #[test]
    fn formats_are_kept_and_checked() {
        let mut format = Format::default();
        assert_eq!(format.parse("2xb"), Ok(2));
        assert_eq!((format.parse(""), format), (Ok(1), Format { letter: 'x', size: 1 }));
        assert_eq!(format.parse("4z"), Err("invalid char in format: 'z'".into()));
        assert!(format.parse("99999999999999999999x").is_err());
    }
}
