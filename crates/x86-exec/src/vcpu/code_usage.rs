//! Sizes of the tables about guest code. All are bounded, so that a guest cannot exhaust the host's memory.

use super::Vcpu;

/// Number of entries in each table about code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeUsage {
    /// Decoded blocks
    pub blocks: usize,
    /// Pages with decoded or compiled code
    pub code_pages: usize,
    /// Pages with self-modifying code
    pub rewritten_pages: usize,
    /// Helper calls of compiled code
    pub helpers: usize,
}

impl Vcpu {
    /// Returns the sizes of the tables about code.
    pub fn code_usage(&self) -> CodeUsage {
        let (blocks, code_pages, rewritten_pages) = self.code.blocks.kept();
        CodeUsage { blocks, code_pages, rewritten_pages, helpers: self.code.helpers.len() }
    }
}
