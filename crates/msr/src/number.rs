//! MSR numbers, named as in the manual's table of architectural MSRs.
#![allow(missing_docs)]
pub const IA32_TIME_STAMP_COUNTER: u32 = 0x10;
