//! Instructions that begin in one page and end in the next, where compiled code is entered.

mod support;

use support::asm::Asm;
use support::machine::Start;
use support::pair::{MOST, Pair};
use wasm_jit::Settings;
use x86_types::CodeSize;

const CODE: u64 = 0x10_0000;
const FUNCTION: u64 = CODE + 0xffd;
const SOON: Settings = Settings { hot: 4, warm: 2, ..Settings::AT_ONCE };

/// A loop that calls, through a register, what begins three bytes before the end of the page.
fn start(rounds: u64) -> Start {
    let mut asm = Asm::default();
    // 1: call rsi; add edx, eax; sub ebp, 1; jnz 1b; int3
    let top = asm.mark();
    asm.hex("ffd6 01c2 83ed01").jcc(5, top).hex("cc");
    // mov eax, 03020101h, whose last two bytes are in the next page; inc eax; ret
    asm.org(0xffd).hex("b801010203 ffc0 c3");
    let mut start = Start { rip: CODE, rflags: 0x202, code: asm.finish(), ..Start::default() };
    (start.gpr[4], start.gpr[5], start.gpr[6]) = (0x18_1000, rounds, FUNCTION);
    start
}

#[test]
fn they_are_where_compiled_code_begins() {
    for size in [CodeSize::Bits64, CodeSize::Bits32] {
        let mut pair = Pair::with(size, SOON);
        pair.compare("across", &start(10_000), MOST);
        let statistics = pair.compiled.vcpu.statistics;
        assert!(statistics.entries < 1_000, "{} entries", statistics.entries);
        assert!(statistics.blocks_run < 1_000, "{} blocks interpreted", statistics.blocks_run);
    }
}

/// Either part may be rewritten; where only the second is, nothing tells the blocks of the first page.
#[test]
fn either_half_may_change() {
    for at in [FUNCTION + 2, CODE + 0x1000, CODE + 0x1001] {
        let mut pair = Pair::with(CodeSize::Bits64, SOON);
        let mut start = start(3_000);
        pair.compare("before", &start, MOST);
        for n in 0..20 {
            start.code[(at - CODE) as usize] = n;
            for machine in [&mut pair.plain, &mut pair.compiled] {
                machine.write(at, &[n]);
            }
            start.gpr[5] = 100 + u64::from(n);
            pair.compare("rewritten", &start, MOST);
        }
    }
}
