//! Programs that come and go in the same pages, as by fork, exec and exit: what is kept of them stays bounded, and what
//! all of them use is never dropped.

mod support;

use support::asm::{Asm, set_flags};
use support::machine::{Machine, Start};
use support::pair::Pair;
use support::random::Random;
use wasm_jit::Settings;
use x86_types::CodeSize;

/// What stays: the loop that runs a program, and a function that all programs call.
const KERNEL: u64 = 0x10_0000;
const LIBRARY: u64 = 0x11_0000;
/// Where programs are loaded, a page each.
const FRAMES: u64 = 0x12_0000;
const COUNT: u64 = 8;
const SOON: Settings = Settings { hot: 8, warm: 2, ..Settings::AT_ONCE };

/// A page: a function with two loops and a call of the library.
fn program(random: &mut Random, at: u64) -> Vec<u8> {
    let mut asm = Asm::at(at);
    // mov eax, n; two of: mov ecx, 9; 1: ...; sub ecx, 1; jnz 1b; mov r8d, LIBRARY; call r8; ret
    asm.hex("b8").imm32(random.next() as u32);
    for _ in 0..2 {
        asm.hex("b909000000");
        let top = asm.mark();
        (0..2 + random.below(20)).for_each(|_| set_flags(&mut asm, random));
        asm.hex("83e901").jcc(5, top).hex("41b8").imm32(LIBRARY as u32).hex("41ffd0");
    }
    asm.hex("c3").org(0x1000);
    asm.finish()
}

fn start() -> Start {
    // 1: call r14; add r15, rax; sub ebp, 1; jnz 1b; int3
    let mut asm = Asm::default();
    let top = asm.mark();
    asm.hex("41ffd6 4901c7 83ed01").jcc(5, top).hex("cc");
    let mut start = Start { rip: KERNEL, rflags: 0x202, code: asm.finish(), ..Start::default() };
    // mov r9d, 5; 1: xor eax, r9d; rol eax, 3; sub r9d, 1; jnz 1b; ret
    let library = support::vectors::bytes("41b9050000004431c8c1c0034183e90175f4c3");
    (start.gpr[4], start.gpr[5]) = (0x18_1000, 60);
    start.mem = vec![(LIBRARY, library)];
    start
}

/// Loads a program into a frame and runs it.
fn run(machine: &mut Machine, start: &Start, frame: u64, program: &[u8]) -> u64 {
    machine.write(frame, program);
    machine.set_up(&Start {
        gpr: {
            let mut gpr = start.gpr;
            gpr[14] = frame;
            gpr
        },
        ..start.clone()
    });
    machine.run(100_000)
}

#[test]
fn programs_come_and_go_and_what_they_share_stays() {
    let mut random = Random(0x428a_2f98_d728_ae22);
    let mut pair = Pair::with(CodeSize::Bits64, SOON);
    let start = start();
    let (mut most_modules, mut most_bytes, mut early) = (0, 0, 0);
    for round in 0..160 {
        let frame = FRAMES + 0x1000 * (round % COUNT);
        let program = program(&mut random, frame);
        let a = run(&mut pair.plain, &start, frame, &program);
        let b = run(&mut pair.compiled, &start, frame, &program);
        assert!(a == b && pair.plain.state() == pair.compiled.state(), "round {round}");
        let counts = pair.compiled.counts();
        if round == 2 * COUNT {
            early = counts.kept_bytes;
        }
        if round > 2 * COUNT {
            (most_modules, most_bytes) =
                (counts.kept_modules.max(most_modules), counts.kept_bytes.max(most_bytes));
        }
    }
    pair.same_memory();
    let counts = pair.compiled.counts();
    assert!(counts.invalidated > 100, "programs were compiled and replaced: {counts:?}");
    // A program has the function, its loops and what is behind calls.
    assert!(
        most_modules <= COUNT * 8 + 8 && most_bytes <= 2 * early,
        "{most_modules} modules, {most_bytes} bytes, {early}"
    );
    assert_eq!((counts.evicted, counts.refused), (0, 0));
    // The library was there all along: it runs compiled from the first instruction on, and nothing is made for it.
    let machine = &mut pair.compiled;
    let before = machine.vcpu.statistics.compiled;
    machine.set_up(&Start { rip: LIBRARY, code: start.mem[0].1.clone(), ..start.clone() });
    machine.run(70);
    assert!(machine.vcpu.statistics.compiled - before >= 20, "the library is not compiled any more");
    assert_eq!(machine.counts(), counts);
}

/// Bytes of compiled code stay near what the settings allow, whatever is hot; what is in use is compiled again.
#[test]
fn there_is_room_for_what_is_in_use() {
    const BYTES: u64 = 60_000;
    let mut random = Random(0x7137_4491_23ef_65cd);
    let mut pair = Pair::with(CodeSize::Bits64, Settings { bytes: BYTES, ..SOON });
    let start = start();
    let frames: Vec<u64> = (0..24).map(|n| FRAMES + 0x1000 * n).collect();
    let programs: Vec<Vec<u8>> = frames.iter().map(|&frame| program(&mut random, frame)).collect();
    for round in 0..3 {
        for (&frame, program) in frames.iter().zip(&programs) {
            let a = run(&mut pair.plain, &start, frame, program);
            let b = run(&mut pair.compiled, &start, frame, program);
            assert!(a == b && pair.plain.state() == pair.compiled.state(), "round {round}, {frame:x}");
            let kept = pair.compiled.counts().kept_bytes;
            assert!(kept <= BYTES + BYTES / 4, "{kept} bytes kept");
        }
    }
    let counts = pair.compiled.counts();
    assert!(counts.evicted > 20 && counts.invalidated == 0, "{counts:?}");
    // Far from all of it went at once.
    assert!(counts.kept_bytes > BYTES / 4, "{counts:?}");
}
