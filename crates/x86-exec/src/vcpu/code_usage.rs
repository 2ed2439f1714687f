//! How much is kept of what guests did. All of it is bounded, or a guest could make the host run out of memory by and by.

use super::Vcpu;

/// Entries of the tables about code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeUsage {
    /// Decoded blocks
    pub blocks: usize,
    /// Pages with decoded or compiled code
    pub code_pages: usize,
    /// Pages whose code is known to be rewritten
    pub rewritten_pages: usize,
    /// Instructions that compiled code may have executed
    pub helpers: usize,
}

impl Vcpu {
    /// How much is kept about code.
    pub fn code_usage(&self) -> CodeUsage {
        let (blocks, code_pages, rewritten_pages) = self.code.blocks.kept();
        CodeUsage { blocks, code_pages, rewritten_pages, helpers: self.code.helpers.len() }
    }
}
