//! Where a region and the processor are in memory, as far as emitted code depends on it.

use crate::region::Region;

/// A region with the addresses that its code depends on.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    /// The region
    pub region: &'a Region,
    /// Numbers of its helper calls, the arguments of [`x86_exec::Vcpu::compiled_helper_call`]
    pub helpers: Vec<u32>,
    /// Its pages: number relative to the page of the entry, and compiled address of the first byte
    pub pages: Vec<(i64, u64)>,
    /// Whether jumps to other compiled code are counted
    pub count: bool,
    /// Addresses that are constants in the code
    pub fixed: Option<Fixed>,
}

/// Compiled addresses that are the same whenever the code runs. Engines that compare addresses with the end of a 64-bit
/// memory need not do so for constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The processor
    pub vcpu: u64,
    /// The TLB bank of the code's mode
    pub bank: u64,
    /// The table of entry points
    pub entries: u64,
    /// The indirect-branch target cache
    pub jumps: u64,
}
