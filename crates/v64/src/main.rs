//! The command `v64`.

fn main() {}
