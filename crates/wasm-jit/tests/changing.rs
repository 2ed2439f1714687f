//! Code that changes: by itself, by other code, beside data, under another address, by devices.

mod support;

use support::asm::Asm;
use support::machine::Start;
use support::pair::{MOST, Pair};
use wasm_jit::Settings;
use x86_types::CodeSize;

const CODE: u64 = 0x10_0000;
/// Hot soon, but not at once: what is called has been seen by then.
const SOON: Settings = Settings { hot: 4, warm: 2, ..Settings::AT_ONCE };

fn start(asm: Asm, rounds: u64) -> Start {
    let mut start = Start { rip: CODE, rflags: 0x202, code: asm.finish(), ..Start::default() };
    (start.gpr[4], start.gpr[5]) = (0x18_1000, rounds);
    start
}

/// Data that is written in every round lies on the page of the loop, at its very end: nothing is translated twice.
#[test]
fn data_beside_code_drops_nothing() {
    let mut asm = Asm::default();
    let (data, near, function) = (asm.label(), asm.label(), asm.label());
    // 1: add [rip+data], rax; inc rax; call f; sub ebp, 1; jnz 1b; int3; f: mov [rip+near], al; ret; near: 0; data: 0
    let top = asm.mark();
    asm.hex("48").rip_relative(&[0x01, 0x05], data).hex("48ffc0").call(function);
    asm.hex("83ed01").jcc(5, top).hex("cc").bind(function);
    asm.rip_relative(&[0x88, 0x05], near).hex("c3");
    let end = asm.here();
    asm.org(0x80).bind(near).org(0x800).bind(data);
    let mut pair = Pair::with(CodeSize::Bits64, SOON);
    let mut start = start(asm, 20_000);
    // Starting over writes the code alone.
    start.code.truncate(end);
    let compiled = pair.compare("data beside code", &start, 1_000_000);
    pair.same_memory();
    assert!(compiled > 100_000, "{compiled} instructions compiled");
    let counts = pair.compiled.counts();
    assert!(counts.regions < 8 && counts.invalidated == 0, "{counts:?}");
    // The same with the data's neighbours rewritten from outside: they are code of nobody.
    for n in 0..100 {
        for machine in [&mut pair.plain, &mut pair.compiled] {
            machine.write(CODE + 0x900, &[n]);
        }
    }
    start.gpr[5] = 100;
    pair.compare("data beside code, from outside", &start, MOST);
    assert_eq!(pair.compiled.counts().invalidated, 0);
}

/// A function is rewritten every so often: it is translated again less and less, the loop that calls it hardly ever.
#[test]
fn what_is_rewritten_again_and_again_is_left_to_the_interpreter() {
    let mut asm = Asm::default();
    let (function, patch) = (asm.label(), asm.label());
    // 2: mov ebx, 40; 1: call f; add edx, eax; sub ebx, 1; jnz 1b; mov [rip+patch], ebp; sub ebp, 1; jnz 2b; int3
    let outer = asm.mark();
    asm.hex("bb28000000");
    let inner = asm.mark();
    asm.call(function).hex("01c2 83eb01").jcc(5, inner).rip_relative(&[0x89, 0x2d], patch);
    asm.hex("83ed01")
        .jcc(5, outer)
        .hex("cc")
        .org(0x100)
        .bind(function)
        .hex("b8")
        .bind(patch)
        .hex("00000000 c3");
    let mut pair = Pair::with(CodeSize::Bits64, SOON);
    let rounds = 2000;
    let compiled = pair.compare("rewritten", &start(asm, rounds), 2_000_000);
    pair.same_memory();
    let counts = pair.compiled.counts();
    assert!(counts.regions < 60 && counts.invalidated < 40, "{counts:?} in {rounds} rounds");
    assert!(compiled > rounds * 40 * 2, "the loop that calls is compiled: {compiled} instructions");
}
