//! Integer instructions over [`Domain`](crate::Domain): every engine takes their meaning from here.

pub(crate) mod alu;
pub(crate) mod bits;
pub(crate) mod bmi;
pub(crate) mod branch;
pub(crate) mod data;
pub(crate) mod locked;
pub(crate) mod muldiv;
pub(crate) mod segment;
pub(crate) mod shift;
pub(crate) mod stack;
pub(crate) mod string;
