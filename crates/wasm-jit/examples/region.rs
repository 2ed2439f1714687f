//! Prints the WebAssembly of a loop: `cargo run -p wasm-jit --example region`.

use std::error::Error;
use wasm_jit::{CodeSource, MemorySize, Placed, module, select_region};
use x86_decode::{CodeSize, Instruction, Instructions, decode};
use x86_exec::vcpu::compiled::{CodeMode, FloatMode, Segments};
use x86_types::Width;

/// Sums quadwords: add rax,[rsi]; add rsi,8; dec rcx; jne to the first; ret
const CODE: &[u8] = &[0x48, 0x03, 0x06, 0x48, 0x83, 0xc6, 0x08, 0x48, 0xff, 0xc9, 0x75, 0xf4, 0xc3];

/// Code that is all there is.
struct Bytes(&'static [u8]);

impl CodeSource for Bytes {
    fn instruction(&self, distance: i64) -> Option<Instruction> {
        decode(CodeSize::Bits64, self.0.get(usize::try_from(distance).ok()?..)?).ok()
    }
    fn is_warm(&self, distance: i64) -> bool {
        self.instruction(distance).is_some()
    }
    fn page_offset(&self) -> u64 {
        0
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    for at in Instructions::new(CodeSize::Bits64, CODE, 0) {
        match at.result {
            Ok(insn) => println!(";; {:2x}  {}", at.rip, insn.display(at.rip)),
            Err(error) => println!(";; {:2x}  ({error})", at.rip),
        }
    }
    let mode = CodeMode {
        code_size: CodeSize::Bits64,
        stack_width: Width::B8,
        bank: 2,
        sse: true,
        avx: true,
        float: FloatMode::Free,
        segments: Segments::Flat,
    };
    let region = select_region(&Bytes(CODE), mode).ok_or("nothing to translate")?;
    println!(";; {} instructions in {} blocks", region.instructions(), region.blocks());
    let helpers = (0..region.helper_calls().len() as u32).collect();
    let placed = Placed { region: &region, helpers, pages: vec![(0, 0x10_0000)], count: false, fixed: None };
    println!("{}", wasmprinter::print_bytes(module(&[placed], 1, MemorySize::Grows))?);
    Ok(())
}
