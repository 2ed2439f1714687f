//! A linear memory that is the process's address space.

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};
use x86_exec::vcpu::compiled::COMPILED_BASE;

/// Size of the memory in WebAssembly pages of 64 KiB: the largest whose size in bytes fits into 64 bits. It is larger
/// than any process; with it the bounds check compares with a constant.
pub(crate) const PAGES: u64 = (1 << 48) - 1;
const SIZE: usize = (PAGES as usize) << 16;

pub(crate) struct WholeMemory;

pub(crate) struct Whole;

// SAFETY: the memory neither moves nor changes its size; wasmtime itself does not touch its content, since the module
// that defines it has no data. Unmapped parts are not accessed: compiled code accesses the processor's state and
// addresses from its TLB only.
#[allow(unsafe_code)]
unsafe impl LinearMemory for Whole {
    fn byte_size(&self) -> usize {
        SIZE
    }
    fn byte_capacity(&self) -> usize {
        SIZE
    }
    fn grow_to(&mut self, _: usize) -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg("the address space does not grow"))
    }
    fn as_ptr(&self) -> *mut u8 {
        COMPILED_BASE as usize as *mut u8
    }
}

// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl MemoryCreator for WholeMemory {
    fn new_memory(
        &self,
        _: MemoryType,
        _: usize,
        _: Option<usize>,
        _: Option<usize>,
        _: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        Ok(Box::new(Whole))
    }
}

/// `(module (memory (export "memory") i64 PAGES PAGES))`
pub(crate) fn module() -> Vec<u8> {
    let mut body = vec![0x05];
    let mut limits = vec![0x05];
    for _ in 0..2 {
        leb(&mut limits, PAGES);
    }
    body.push(limits.len() as u8 + 1);
    body.push(1);
    body.extend(limits);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(body);
    module.extend(b"\x07\x0a\x01\x06memory\x02\0");
    module
}

fn leb(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}
