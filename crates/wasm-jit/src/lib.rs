//! The Domain that builds WebAssembly out of guest code.
