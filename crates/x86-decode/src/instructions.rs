//! All instructions of a piece of code, one after the other.

use crate::{DecodeError, Instruction, decode, evex};
use x86_types::CodeSize;

/// What stands at one place of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded {
    /// Offset of the first byte in the code segment
    pub rip: u64,
    /// How many bytes it has: those of the instruction; of an EVEX-encoded one, which is not decoded; one where nothing is
    /// encoded; all that are left where the code ends within an instruction
    pub len: u8,
    /// The instruction, or why there is none
    pub result: Result<Instruction, DecodeError>,
}

/// An iterator over the instructions of a piece of code. It continues after undefined opcodes.
///
/// ```
/// use x86_decode::{CodeSize, Instructions};
///
/// let code = [0x55, 0x48, 0x89, 0xe5, 0xc3];
/// let text: Vec<String> = Instructions::new(CodeSize::Bits64, &code, 0x1000)
///     .filter_map(|at| at.result.ok().map(|insn| insn.display(at.rip).to_string()))
///     .collect();
/// assert_eq!(text, ["push rbp", "mov rbp,rsp", "ret"]);
/// ```
#[derive(Clone, Debug)]
pub struct Instructions<'a> {
    size: CodeSize,
    rest: &'a [u8],
    rip: u64,
}

impl<'a> Instructions<'a> {
    /// Returns an iterator over `code`, whose first byte is at offset `rip` of the code segment.
    pub fn new(size: CodeSize, code: &'a [u8], rip: u64) -> Self {
        Self { size, rest: code, rip }
    }

    /// Returns the bytes that are not decoded yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl Iterator for Instructions<'_> {
    type Item = Decoded;

    fn next(&mut self) -> Option<Decoded> {
        if self.rest.is_empty() {
            return None;
        }
        let result = decode(self.size, self.rest);
        let len = match &result {
            Ok(insn) => usize::from(insn.len),
            Err(DecodeError::NeedMore) => self.rest.len(),
            Err(DecodeError::Undefined) => evex::len(self.size, self.rest).unwrap_or(1),
            Err(DecodeError::TooLong) => 1,
        };
        let (_, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, &[]));
        let decoded = Decoded { rip: self.rip, len: len as u8, result };
        self.rest = rest;
        self.rip = self.rip.wrapping_add(len as u64);
        Some(decoded)
    }
}

impl core::iter::FusedIterator for Instructions<'_> {}
