//! Privileged snippets with the state the manual expects of them, bytes with their assembly beside.
#![allow(missing_docs, unreachable_pub)]

mod advertised;
mod avx;
mod code;
mod debug;
mod events;
mod exact;
mod exceptions;
mod fast;
mod ferr;
mod frames;
mod legacy;
mod limits;
mod locked;
mod machine;
mod modes;
mod paging;
mod ports;
mod startup;
mod syscall;
mod ten_bytes;
mod tlb;
mod way;
