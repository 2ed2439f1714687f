//! Code that is made for where the processor lies.

mod support;

use support::asm::Asm;
use support::machine::{Machine, Start};
use support::pair::{MOST, Pair};
use wasm_jit::Settings;
use x86_types::CodeSize;

const FIXED: Settings = Settings { fixed: true, ..Settings::AT_ONCE };

/// Loads, stores, a loop, a call and a return, flags, a vector, and an instruction that is executed in passing.
fn start(rounds: u64) -> Start {
    let mut asm = Asm::default();
    let function = asm.label();
    let top = asm.mark();
    // 1: mov [rdi+rbp*8], rbp; add rax, [rdi+rbp*8]; movups xmm0, [rdi]; movups [rdi+64], xmm0; call f; sub ebp, 1; jnz 1b
    asm.hex("48892cef 480304ef 0f1007 0f114740").call(function).hex("83ed01").jcc(5, top).hex("cc");
    // f: bswap rax; pushfq; pop rdx; ret
    asm.bind(function).hex("480fc8 9c 5a c3");
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code: asm.finish(), ..Start::default() };
    (start.gpr[4], start.gpr[5], start.gpr[7]) = (0x18_1000, rounds, 0x20_0000);
    start
}

#[test]
fn it_agrees_with_the_interpreter() {
    let mut pair = Pair::with(CodeSize::Bits64, FIXED);
    assert!(pair.compare("fixed", &start(200), MOST) > 1_000);
    pair.same_memory();
}

/// Where the processor moves, nothing of what was made for its old place runs.
#[test]
fn a_processor_that_moves_leaves_its_code_behind() {
    let mut pair = Pair::with(CodeSize::Bits64, FIXED);
    pair.compare("here", &start(200), MOST);
    let regions = pair.compiled.counts().regions;
    let spare = Box::new(Machine::with(CodeSize::Bits64, FIXED));
    let mut elsewhere = Box::new(Pair { plain: pair.plain, compiled: *spare });
    std::mem::swap(&mut elsewhere.compiled, &mut pair.compiled);
    assert!(elsewhere.compare("elsewhere", &start(200), MOST) > 1_000);
    elsewhere.same_memory();
    assert!(elsewhere.compiled.counts().regions > regions, "it was not compiled anew");
}
