//! Page walks against hand-made and random tables, and the TLB.

mod accessed_dirty;
mod modes;
mod random;
mod reference;
mod reserved;
mod rights;
mod tables;
mod tlb;
