//! Code to decode: the `.text` sections of a machine's programs, or a sample where there are none.

use std::fs;
use std::path::{Path, PathBuf};

/// Most bytes of one program, so that no program decides the figure.
const FILE_LIMIT: usize = 8 << 20;

/// Most bytes in all.
const LIMIT: usize = 72 << 20;

/// Hexadecimal bytes of this crate's own compiled code.
const SAMPLE: &str = include_str!("../../tests/sample.hex");

/// Returns the `.text` sections of the ELF programs for x86-64 in the directory that `X86_DECODE_PROGRAMS` names, or in
/// `/usr/bin`, in the order of their names. Hard and symbolic links count once.
pub(crate) fn programs() -> Option<Vec<u8>> {
    let directory = std::env::var_os("X86_DECODE_PROGRAMS").map_or_else(|| "/usr/bin".into(), PathBuf::from);
    let mut paths: Vec<PathBuf> = fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut code = Vec::new();
    let mut seen = Vec::new();
    for path in paths {
        if fs::symlink_metadata(&path).is_ok_and(|data| data.is_file())
            && let Some(text) = text_of(&path)
            && !seen.contains(&(text.len(), text[..text.len().min(4096)].to_vec()))
        {
            seen.push((text.len(), text[..text.len().min(4096)].to_vec()));
            code.extend_from_slice(&text[..text.len().min(FILE_LIMIT).min(LIMIT - code.len())]);
        }
    }
    (!code.is_empty()).then_some(code)
}

/// Returns the sample, repeated to a mebibyte.
pub(crate) fn sample() -> Vec<u8> {
    let digits: Vec<u8> = SAMPLE.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks_exact(2).map(|pair| std::str::from_utf8(pair).expect("hexadecimal digits"));
    let bytes: Vec<u8> =
        pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect();
    bytes.iter().copied().cycle().take(1 << 20).collect()
}

/// Returns the `.text` section of an ELF file for x86-64.
pub(crate) fn text_of(path: &Path) -> Option<Vec<u8>> {
    let file = fs::read(path).ok()?;
    let number = |at: usize, len: usize| {
        let bytes = file.get(at..at.checked_add(len)?)?;
        usize::try_from(bytes.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte))).ok()
    };
    // ELF, 64 bits, little end first, EM_X86_64
    if !file.starts_with(b"\x7fELF\x02\x01") || number(18, 2)? != 62 {
        return None;
    }
    let (sections, size, count, names) = (number(40, 8)?, number(58, 2)?, number(60, 2)?, number(62, 2)?);
    let header = |index: usize| sections.checked_add(index.checked_mul(size)?);
    let names = number(header(names)?.checked_add(24)?, 8)?;
    for index in 0..count {
        let at = header(index)?;
        let name = names.checked_add(number(at, 4)?)?;
        if file.get(name..)?.starts_with(b".text\0") {
            let start = number(at.checked_add(24)?, 8)?;
            let len = number(at.checked_add(32)?, 8)?;
            return file
                .get(start..start.checked_add(len)?)
                .filter(|text| !text.is_empty())
                .map(<[u8]>::to_vec);
        }
    }
    None
}
