//! Privileged snippets with the state the manual expects of them, bytes with their assembly beside.
#![allow(missing_docs, unreachable_pub)]

mod code;
mod events;
mod legacy;
mod machine;
mod modes;
mod paging;
mod syscall;
mod way;
