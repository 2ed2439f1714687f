//! Compiled code stops, faults and is interrupted where the interpreter is, with the same state, at any instruction.

mod support;

use support::asm::{Asm, read_flags, set_flags};
use support::machine::{Machine, Start};
use support::pair::Pair;
use support::random::Random;
use wasm_jit::Settings;
use x86_types::CodeSize;

const CODE: u64 = 0x10_0000;
const DATA: u64 = 0x20_0000;
/// Where handlers count.
const COUNT: u64 = 0x20_3000;
const SOON: Settings = Settings { hot: 4, warm: 2, ..Settings::AT_ONCE };

/// inc qword [COUNT]
const COUNTS: &str = "48ff042500302000";
const IRETQ: &str = "48cf";

fn start(asm: Asm, rounds: u64) -> Start {
    let mut start = Start { rip: CODE, rflags: 0x202, code: asm.finish(), ..Start::default() };
    (start.gpr[4], start.gpr[5]) = (0x18_1000, rounds);
    (start.gpr[6], start.gpr[7]) = (DATA, DATA + 0x800);
    start.mem = vec![(DATA, (0..0x1000).map(|n| (n * 7) as u8).collect()), (COUNT, vec![0; 16])];
    start
}

fn both(prepare: impl Fn(&mut Machine)) -> Pair {
    let mut pair = Pair::with(CodeSize::Bits64, SOON);
    prepare(&mut pair.plain);
    prepare(&mut pair.compiled);
    pair
}

/// Runs one machine from the start.
type Run = dyn Fn(&mut Machine) -> u64;

/// Both machines from the start, by `run`; the compiled one has run it before. Gives the instructions.
fn same(pair: &mut Pair, id: &str, start: &Start, run: &Run) -> u64 {
    for machine in [&mut pair.plain, &mut pair.compiled] {
        machine.set_up(start);
    }
    let (a, b) = (run(&mut pair.plain), run(&mut pair.compiled));
    let (plain, compiled) = (pair.plain.state(), pair.compiled.state());
    assert!(
        a == b && plain == compiled,
        "{id}: {a} and {b} instructions\n{plain}\n{compiled}\n{:02x?}",
        start.code
    );
    let memory = |machine: &Machine| [machine.read(DATA, 0x3100), machine.read(0x18_0f00, 0x200)];
    assert!(memory(&pair.plain) == memory(&pair.compiled), "{id}: memory");
    a
}

fn run_to(most: u64) -> impl Fn(&mut Machine) -> u64 {
    move |machine| machine.run(most)
}

/// A loop with a bit of everything: loads, stores, a call, a shift by CL, a division, a string, a step in passing.
fn mixed() -> Asm {
    let mut asm = Asm::default();
    let (function, over) = (asm.label(), asm.label());
    let top = asm.mark();
    // add eax, [rsi]; adc [rdi], al; call f; mov ecx, ebp; shl edx, cl; and ecx, 7; rep movsb; mov esi, DATA; mov edi, ...
    asm.hex("0306 1007").call(function).hex("89e9 d3e2 83e107 f3a4 be00002000 bf00082000");
    // test al, 1; jz over; push rax; pop r9; over: sub ebp, 1; jnz top; int3
    asm.hex("a801").jcc(4, over).hex("50 4159").bind(over).hex("83ed01").jcc(5, top).hex("cc");
    // f: xor edx, edx; or ebx, 1; div ebx; fld1; fstp st0, which are no integer instructions; cmp eax, 5; cmovb ebx, ebp; ret
    asm.bind(function).hex("31d2 83cb01 f7f3 d9e8 ddd8 83f805 0f42dd c3");
    asm
}

#[test]
fn a_budget_may_end_at_any_instruction() {
    let mut pair = both(|_| ());
    let start = start(mixed(), 2000);
    same(&mut pair, "warm up", &start, &run_to(20_000));
    for most in (1..700).chain((701..20_000).step_by(911)) {
        assert_eq!(same(&mut pair, &format!("{most} instructions"), &start, &run_to(most)), most);
    }
    // And in slices that compiled code is entered with again and again.
    for slice in [64, 65, 67, 90, 101, 333] {
        let run = move |machine: &mut Machine| (0..10_000 / slice).map(|_| machine.run(slice)).sum();
        same(&mut pair, &format!("slices of {slice}"), &start, &run);
    }
    assert!(pair.compiled.vcpu.statistics.compiled > 200_000);
}

/// Random code in a loop, stopped at places that are sampled.
#[test]
fn random_code_may_be_stopped_anywhere() {
    let mut random = Random(0x5be0_cd19_137e_2179);
    for program in 0..12 {
        let mut asm = Asm::default();
        let functions = [asm.label(), asm.label()];
        let top = asm.mark();
        for function in functions {
            (0..4 + random.below(12)).for_each(|_| set_flags(&mut asm, &mut random));
            asm.call(function);
            read_flags(&mut asm, &mut random);
            // mov [DATA+n], eax; add edx, [DATA+n]
            let place = DATA as u32 + random.below(0x100) as u32;
            asm.hex("890425").imm32(place).hex("031425").imm32(place);
        }
        asm.hex("83ed01").jcc(5, top).hex("cc");
        for function in functions {
            asm.bind(function);
            (0..2 + random.below(6)).for_each(|_| read_flags(&mut asm, &mut random));
            asm.hex("c3");
        }
        let start = start(asm, 500);
        let mut pair = both(|_| ());
        same(&mut pair, "warm up", &start, &run_to(8000));
        for _ in 0..40 {
            let most = 1 + random.below(8000) as u64;
            same(&mut pair, &format!("program {program}, {most} instructions"), &start, &run_to(most));
        }
        assert!(pair.compiled.vcpu.statistics.compiled > 40_000);
    }
}

/// Faults of many kinds in the middle of hot code; handlers skip what faulted, or mend it.
#[test]
fn exceptions_come_at_their_instruction() {
    let mut pair = both(|machine| {
        // #DE, #UD: skip two bytes. #GP, #PF: an error code first; the instruction has three.
        for vector in [0, 6] {
            machine.handle(vector, &format!("{COUNTS} 4883042402 {IRETQ}"));
        }
        for vector in [13, 14] {
            machine.handle(vector, &format!("{COUNTS} 4883c408 4883042403 {IRETQ}"));
        }
        machine.handle(3, &format!("{COUNTS} {IRETQ}"));
    });
    let mut asm = Asm::default();
    let over = asm.label();
    let top = asm.mark();
    // mov ecx, ebp; and ecx, 7; mov eax, ebp; xor edx, edx; div ecx: #DE in one of eight rounds
    asm.hex("89e9 83e107 89e8 31d2 f7f1 01c3");
    // r8 = 2^47 - 100h + 2^20 * (round % 4): not canonical in three of four; add [r8], eax
    asm.hex("4989e8 4983e003 49c1e014 4d01e8 4401c3 450100 11db");
    // r9 = 16 MiB - 8 + (round % 16): not mapped in some rounds, in the end of a page in others; mov rax, [r9]
    asm.hex("4989e9 4983e10f 4d01f1 498b01 01c3 11c3");
    // cmp ebp, 300; jnz over; ud2; int3; over: sub ebp, 1; jnz top; hlt, which is #GP
    asm.hex("81fd2c010000").jcc(5, over).hex("0f0b cc").bind(over).hex("83ed01").jcc(5, top).hex("0f0b ebfc");
    let mut start = start(asm, 400);
    (start.gpr[13], start.gpr[14]) = (0x7fff_fff0_0000, 0x100_0000 - 8);
    same(&mut pair, "warm up", &start, &run_to(12_000));
    let taken = |machine: &Machine| machine.vcpu.statistics.exceptions;
    for most in (1..300).chain((301..12_000).step_by(397)) {
        same(&mut pair, &format!("{most} instructions"), &start, &run_to(most));
        assert_eq!(taken(&pair.plain), taken(&pair.compiled), "{most} instructions");
    }
    for vector in [0, 6, 13, 14] {
        assert!(taken(&pair.plain)[vector] > 20, "#{vector}");
    }
    assert!(pair.compiled.vcpu.statistics.compiled > 100_000);
}

/// RFLAGS.TF is set for a part of a hot loop: as many traps as instructions.
///
/// SPEC: intel-sdm-vol3 :: 19.3.1.4 Single-Step Exception Condition -> a trap after each instruction that begins with TF set
#[test]
fn single_steps_are_counted() {
    let mut pair = both(|machine| machine.handle(1, &format!("{COUNTS} {IRETQ}")));
    let mut asm = Asm::default();
    let over = asm.label();
    let top = asm.mark();
    // test ebp, 15; jnz over; pushfq; or dword [rsp], 100h; popfq; over: add eax, [rsi]; add [rdi], eax; imul eax, ebp;
    // pushfq; and dword [rsp], ~100h; popfq; sub ebp, 1; jnz top; int3
    asm.hex("f7c50f000000").jcc(5, over).hex("9c 810c2400010000 9d").bind(over);
    asm.hex("0306 0107 0fafc5 9c 812424fffeffff 9d 83ed01").jcc(5, top).hex("cc");
    let start = start(asm, 320);
    let all = same(&mut pair, "warm up", &start, &run_to(100_000));
    // 20 rounds, six instructions behind the POPF that sets TF: that which clears it is the last to trap.
    assert_eq!(pair.plain.read(COUNT, 8), 120_u64.to_le_bytes());
    assert!(all < 100_000, "it comes to its end");
    for most in (1..500).chain((501..all).step_by(101)) {
        same(&mut pair, &format!("{most} instructions"), &start, &run_to(most));
    }
    assert!(pair.compiled.vcpu.statistics.compiled > 50_000);
}

/// Breakpoints on an instruction and on data in hot code that was compiled before they were set.
///
/// SPEC: intel-sdm-vol3 :: 19.2.5 Breakpoint Field Recognition -> an instruction breakpoint faults before it, a data breakpoint traps behind the access
#[test]
fn breakpoints_hit_in_compiled_code() {
    // or dword [rsp+16], 10000h: RF for the instruction that is gone back to.
    let mut pair = both(|machine| machine.handle(1, &format!("{COUNTS} 814c241000000100 {IRETQ}")));
    let mut asm = Asm::default();
    // 1: add eax, [rsi]; add [rdi], eax; nop; sub ebp, 1; jnz 1b; int3
    let top = asm.mark();
    asm.hex("0306 0107");
    let at = CODE + asm.here() as u64;
    asm.hex("90 83ed01").jcc(5, top).hex("cc");
    let start = start(asm, 200);
    let break_at = |dr0: u64, dr7: u64, most: u64| {
        move |machine: &mut Machine| {
            (machine.vcpu.cpu.dr[0], machine.vcpu.cpu.dr[7]) = (dr0, dr7);
            machine.vcpu.state_changed();
            machine.run(most)
        }
    };
    // An instruction; four bytes written; four bytes read or written; the loop's data written, but not there.
    let kinds = [(at, 0x402, 200), (DATA + 0x800, 0xd0402, 200), (DATA, 0xf0402, 200), (DATA, 0xd0402, 0)];
    for (dr0, dr7, hits) in kinds {
        same(&mut pair, "warm up", &start, &break_at(0, 0x400, 100_000));
        same(&mut pair, "to the end", &start, &break_at(dr0, dr7, 100_000));
        assert_eq!(pair.plain.read(COUNT, 8), u64::to_le_bytes(hits), "{dr0:x} {dr7:x}");
        for most in (1..200).chain((201..2000).step_by(97)) {
            let id = format!("{dr0:x} {dr7:x}, {most} instructions");
            same(&mut pair, &id, &start, &break_at(dr0, dr7, most));
            same(&mut pair, &id, &start, &break_at(0, 0x400, most));
        }
    }
    assert!(pair.compiled.vcpu.statistics.compiled > 50_000);
}

/// Interrupts after given numbers of instructions, into code that disables and enables them, and shadows them.
#[test]
fn interrupts_come_where_they_may() {
    let mut pair = both(|machine| machine.handle(0x40, &format!("{COUNTS} 4983c701 4d01e7 {IRETQ}")));
    let mut asm = Asm::default();
    let function = asm.label();
    let top = asm.mark();
    // add eax, [rsi]; cli; add [rdi], eax; adc ebx, eax; sti; add r12, 1; call f; mov ss, dx; add r13, r15; pushfq; cli;
    // add r13, r12; popfq; sub ebp, 1; jnz top; int3
    asm.hex("0306 fa 0107 11c3 fb 4983c401")
        .call(function)
        .hex("8ed2 4d01fd 9c fa 4d01e5 9d 83ed01")
        .jcc(5, top);
    asm.hex("cc").bind(function).hex("4831c3 480fafc3 c3");
    let mut start = Start { kernel: true, ..start(asm, 500) };
    start.gpr[2] = 0x10;
    same(&mut pair, "warm up", &start, &run_to(8000));
    for at in (1..400).chain((401..6000).step_by(97)) {
        let run = move |machine: &mut Machine| {
            let before = machine.run(at);
            machine.raise(0x40);
            let between = machine.run(70);
            machine.raise(0x40);
            before + between + machine.run(300)
        };
        same(&mut pair, &format!("interrupt after {at} instructions"), &start, &run);
        assert_eq!(pair.plain.read(COUNT, 8), 2_u64.to_le_bytes(), "{at}: both came");
    }
    assert!(pair.compiled.vcpu.statistics.compiled > 100_000);
}
