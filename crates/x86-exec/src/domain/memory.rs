//! Memory operands of general instructions, and atomic operations on them.

use super::{Arithmetic, Bin, Cmp, Rmw};
use x86_types::{Seg, Width};

/// A memory operand: a segment and an offset already cut to the address size.
#[derive(Clone, Copy, Debug)]
pub struct MemRef<V> {
    /// Segment
    pub seg: Seg,
    /// Effective address within the segment
    pub offset: V,
}

/// Loads and stores. A fault leaves the state as it was before the instruction.
///
/// The atomic operations have default definitions of a load and a store. These are atomic as long as processors take turns;
/// an engine that runs processors at the same time has to override them.
pub trait Memory: Arithmetic {
    /// Loads `w` bytes, zero-extended.
    ///
    /// # Errors
    /// The exception that segmentation or paging raises.
    fn load(&mut self, m: &MemRef<Self::V>, w: Width) -> Result<Self::V, Self::Fault>;
    /// Loads what the same instruction will store: the access is checked as a write.
    ///
    /// # Errors
    /// As a store would.
    fn load_for_write(&mut self, m: &MemRef<Self::V>, w: Width) -> Result<Self::V, Self::Fault>;
    /// Stores `w` bytes.
    ///
    /// # Errors
    /// The exception that segmentation or paging raises; nothing is stored then.
    fn store(&mut self, m: &MemRef<Self::V>, w: Width, v: Self::V) -> Result<(), Self::Fault>;
    /// Pushes two values of width `w`, or none of them.
    ///
    /// # Errors
    /// As a store.
    fn push_two(&mut self, w: Width, first: Self::V, second: Self::V) -> Result<(), Self::Fault>;

    /// Reads memory, combines it with `operand` and writes it back, as one atomic operation. Returns the old and the new
    /// value.
    ///
    /// SPEC: intel-sdm-vol2 :: LOCK—Assert LOCK# Signal Prefix -> the read-modify-write is atomic
    ///
    /// # Errors
    /// As a store.
    #[inline(always)]
    fn atomic_rmw(
        &mut self,
        op: Rmw,
        m: &MemRef<Self::V>,
        w: Width,
        operand: Self::V,
    ) -> Result<(Self::V, Self::V), Self::Fault> {
        let old = self.load_for_write(m, w)?;
        let new = match op {
            Rmw::Exchange => operand,
            Rmw::Op(op) => self.bin(op, w, old, operand),
            Rmw::Un(op) => self.un(op, w, old),
        };
        self.store(m, w, new)?;
        Ok((old, new))
    }

    /// Replaces memory by `new` if it equals `expected`, as one atomic operation; else writes back the old value. Returns
    /// the old value, and whether it equalled `expected`, 0 or 1.
    ///
    /// SPEC: intel-sdm-vol2 :: CMPXCHG—Compare and Exchange -> the destination is written in either case
    ///
    /// # Errors
    /// As a store.
    #[inline(always)]
    fn atomic_compare_exchange(
        &mut self,
        m: &MemRef<Self::V>,
        w: Width,
        expected: Self::V,
        new: Self::V,
    ) -> Result<(Self::V, Self::V), Self::Fault> {
        let old = self.load_for_write(m, w)?;
        let equal = self.cmp(Cmp::Eq, w, expected, old);
        let stored = self.select(equal, new, old);
        self.store(m, w, stored)?;
        Ok((old, equal))
    }

    /// Returns the same for two adjacent operands, the lower first, of width `w` each.
    ///
    /// # Errors
    /// As a store.
    #[allow(clippy::type_complexity)] // the associated types say more than an alias would
    fn atomic_compare_exchange_pair(
        &mut self,
        m: [&MemRef<Self::V>; 2],
        w: Width,
        expected: [Self::V; 2],
        new: [Self::V; 2],
    ) -> Result<([Self::V; 2], Self::V), Self::Fault> {
        let old = [self.load_for_write(m[0], w)?, self.load_for_write(m[1], w)?];
        let low = self.cmp(Cmp::Eq, w, expected[0], old[0]);
        let high = self.cmp(Cmp::Eq, w, expected[1], old[1]);
        let equal = self.bin(Bin::And, Width::B4, low, high);
        for n in 0..2 {
            let stored = self.select(equal, new[n], old[n]);
            self.store(m[n], w, stored)?;
        }
        Ok((old, equal))
    }
}
