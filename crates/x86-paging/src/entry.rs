//! Bits of paging-structure entries. The low twelve mean the same in every format.

/// Present
pub(crate) const P: u64 = 1 << 0;
/// Writes allowed
pub(crate) const RW: u64 = 1 << 1;
/// User-mode accesses allowed
pub(crate) const US: u64 = 1 << 2;
/// Accessed
pub(crate) const A: u64 = 1 << 5;
/// Dirty (in an entry that maps a page)
pub(crate) const D: u64 = 1 << 6;
/// Page size: the entry maps a page instead of naming a table (PAT in a page-table entry)
pub(crate) const PS: u64 = 1 << 7;
/// Global (in an entry that maps a page)
pub(crate) const G: u64 = 1 << 8;
/// Execute disable, in 64-bit entries
pub(crate) const XD: u64 = 1 << 63;

/// Bits `high` down to `low`, both included; none when `low > high`. `high` is at most 63.
pub(crate) const fn bits(high: u32, low: u32) -> u64 {
    if low > high { 0 } else { (u64::MAX >> (63 - high)) & (u64::MAX << low) }
}
