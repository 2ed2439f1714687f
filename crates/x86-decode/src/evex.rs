//! How long EVEX-encoded instructions are. They are undefined here; a disassembly should not lose its place for that.

use crate::memory::{FORMS_16, FORMS_32};
use crate::window::MAX_LEN;
use x86_types::CodeSize;

/// Returns the length of the EVEX-encoded instruction at the start of `bytes`; `None` if there is none, or not all of it.
///
/// SPEC: intel-sdm-vol2 :: 2.7.1 Instruction Format and EVEX -> 62, three bytes, opcode, ModRM, SIB, displacement (one byte is scaled, not longer), immediate byte
pub(crate) fn len(size: CodeSize, bytes: &[u8]) -> Option<usize> {
    let prefix = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 | 0x67);
    let start = bytes.iter().take(MAX_LEN).position(|byte| !prefix(byte))?;
    let &[0x62, first, second, _, opcode, modrm, ref rest @ ..] = bytes.get(start..)? else { return None };
    let mode64 = matches!(size, CodeSize::Bits64);
    if !mode64 && first < 0xc0 || first & 8 != 0 || second & 4 == 0 {
        return None;
    }
    let immediate = match (first & 7, opcode) {
        (1, 0x70..=0x73 | 0xc2 | 0xc4..=0xc6) | (3, _) => 1,
        (1 | 2 | 5 | 6, _) => 0,
        _ => return None,
    };
    let toggled = bytes.iter().take(start).any(|&byte| byte == 0x67);
    let narrow = matches!((size, toggled), (CodeSize::Bits16, false) | (CodeSize::Bits32, true));
    let form = if narrow { FORMS_16 } else { FORMS_32 }[usize::from(modrm)];
    let no_base = form.has_sib() && modrm < 0x40 && rest.first()? & 7 == 5;
    let len = start + 5 + form.len() + if no_base { 4 } else { 0 } + immediate;
    (len <= MAX_LEN && len <= bytes.len()).then_some(len)
}
