//! Code that changes: by itself, by other code, beside data, under another address, by devices.

mod support;

use support::asm::Asm;
use support::machine::{Machine, PAGES, Start, entry_of};
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

/// Code that does not run any more goes by and by, where its page is used for data, so that writes are quick again.
#[test]
fn code_of_the_past_goes() {
    let mut pair = both(CodeSize::Bits64, |_| ());
    let mut asm = Asm::default();
    // 1: call rsi; sub ebp, 1; jnz 1b; mov ecx, ...; 2: mov [rdi], ecx; sub ecx, 1; jnz 2b; int3
    let top = asm.mark();
    asm.hex("ffd6 83ed01").jcc(5, top).hex("b9").imm32(300_000);
    let fill = asm.mark();
    asm.hex("890f 83e901").jcc(5, fill).hex("cc").org(0x1000).hex("83c201 c3");
    let mut start = start(asm, 100);
    (start.gpr[6], start.gpr[7]) = (CODE + 0x1000, CODE + 0x1800);
    for machine in [&mut pair.plain, &mut pair.compiled] {
        machine.set_up(&start);
        machine.run(2_000_000);
    }
    assert_eq!(pair.plain.state(), pair.compiled.state());
    // Those of the function, and of the loop that took it in.
    let counts = pair.compiled.counts();
    assert!((1..=3).contains(&counts.invalidated), "{counts:?}");
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

/// Runs a program with both engines, and looks at EDX.
fn agree(pair: &mut Pair, id: &str, start: &Start, edx: u64) {
    let compiled = pair.compare(id, start, MOST);
    pair.same_memory();
    assert_eq!(pair.plain.vcpu.cpu.gpr[2], edx, "{id}: EDX");
    assert!(compiled > 0, "{id} is compiled");
}

fn both(size: CodeSize, prepare: impl Fn(&Machine)) -> Pair {
    let pair = Pair::with(size, SOON);
    prepare(&pair.plain);
    prepare(&pair.compiled);
    pair
}

/// The sum of 1 to n.
fn sum(n: u64) -> u64 {
    n * (n + 1) / 2
}

/// Every so many rounds a store aims at the very next instruction; otherwise at data.
///
/// SPEC: intel-sdm-vol3 :: 10.1.3 Handling Self- and Cross-Modifying Code -> a processor sees its own stores to code at the latest when it branches; here at once
#[test]
fn the_next_instruction_is_the_one_that_was_written() {
    for size in [CodeSize::Bits64, CodeSize::Bits32] {
        let mut asm = Asm::default();
        // 1: mov edi, ebx; test ebp, 7ffh; cmovz edi, esi; mov [edi], ebp; mov eax, 0; add edx, eax; sub ebp, 1; jnz 1b
        let top = asm.mark();
        asm.hex("89df f7c5ff070000 0f44fe 892f b8");
        let patch = CODE + asm.here() as u64;
        asm.hex("00000000 01c2 83ed01").jcc(5, top).hex("cc");
        let rounds = 8200_u64;
        let mut start = start(asm, rounds);
        (start.gpr[3], start.gpr[6]) = (0x20_0000, patch);
        let wanted: u64 =
            (1..=rounds).map(|ebp| ebp.next_multiple_of(0x800)).filter(|&at| at <= rounds).sum();
        agree(&mut both(size, |_| ()), "next instruction", &start, wanted & 0xffff_ffff);
    }
}

/// An opcode behind a branch, in the same page: INC becomes DEC and the other way round.
#[test]
fn opcodes_change_in_the_page_that_runs() {
    let mut asm = Asm::default();
    let (patch, middle, over) = (asm.label(), asm.label(), asm.label());
    // mov al, 8; 1: test ebp, 7ffh; jnz over; xor [patch], al; over: jmp middle; nop...; middle: inc edx; sub ebp, 1;
    // jnz 1b; int3
    asm.hex("b008");
    let top = asm.mark();
    asm.hex("f7c5ff070000").jcc(5, over).rip_relative(&[0x30, 0x05], patch).bind(over).jmp(middle);
    asm.hex("9090909090").bind(middle).hex("ff").bind(patch).hex("c2 83ed01").jcc(5, top).hex("cc");
    let rounds = 8200_u64;
    let down =
        (1..=rounds).filter(|ebp| !(rounds / 0x800 - (ebp - 1) / 0x800).is_multiple_of(2)).count() as u64;
    let wanted = (rounds - down).wrapping_sub(down) & 0xffff_ffff;
    agree(&mut both(CodeSize::Bits64, |_| ()), "opcodes", &start(asm, rounds), wanted);
}

/// A function in another page is rewritten between calls.
#[test]
fn other_code_changes_compiled_functions() {
    let mut asm = Asm::default();
    let (function, patch) = (asm.label(), asm.label());
    let top = asm.mark();
    asm.rip_relative(&[0x89, 0x2d], patch)
        .call(function)
        .hex("01c2")
        .call(function)
        .hex("01c2 83ed01")
        .jcc(5, top);
    asm.hex("cc").org(0x1234).bind(function).hex("b8").bind(patch).hex("00000000 c3");
    agree(&mut both(CodeSize::Bits64, |_| ()), "functions", &start(asm, 200), 2 * sum(200));
}

/// The target of a branch changes: a distance in the instruction.
#[test]
fn branch_targets_change() {
    let mut asm = Asm::default();
    let (first, patch) = (asm.label(), asm.label());
    // mov al, 3; 1: xor [patch], al; jmp +0 or +3; add edx, 1; add edx, 4; sub ebp, 1; jnz 1b; int3
    asm.hex("b003");
    let top = asm.mark();
    asm.rip_relative(&[0x30, 0x05], patch).hex("eb").bind(patch).hex("00").bind(first);
    asm.hex("83c201 83c204 83ed01").jcc(5, top).hex("cc");
    agree(&mut both(CodeSize::Bits64, |_| ()), "targets", &start(asm, 200), 200 * 4 + 100);
}

/// Code runs at two addresses and is written through either.
#[test]
fn one_frame_at_two_addresses() {
    let mut pair = both(CodeSize::Bits64, |machine| {
        machine.map(PAGES, (CODE + 0x1000) | 7);
        machine.map(PAGES + 0x5000, (CODE + 0x1000) | 7);
    });
    let mut asm = Asm::default();
    // 1: mov [rdi], ebp; call rsi; add edx, eax; call rbx; add edx, eax; xchg rdi, rcx; sub ebp, 1; jnz 1b; int3
    let top = asm.mark();
    asm.hex("892f ffd6 01c2 ffd3 01c2 4887f9 83ed01").jcc(5, top).hex("cc").org(0x1000);
    // mov eax, 0; lea r8, [rip]; add r9, r8; ret
    asm.hex("b800000000 4c8d0500000000 4d01c1 c3");
    let mut start = start(asm, 200);
    (start.gpr[6], start.gpr[3]) = (PAGES, PAGES + 0x5000);
    (start.gpr[7], start.gpr[1]) = (PAGES + 1, CODE + 0x1001);
    agree(&mut pair, "two addresses", &start, 2 * sum(200));
    assert_eq!(
        pair.plain.vcpu.cpu.gpr[9],
        200 * (2 * (PAGES + 12) + 0x5000),
        "each copy knows where it runs"
    );
}

/// A loop in two pages with an instruction that lies in both. Every so many rounds its second part is rewritten, or the
/// first; otherwise data is.
#[test]
fn either_page_of_a_region_changes() {
    for patch in [0x1000, 0xffe] {
        let mut asm = Asm::default();
        let middle = asm.label();
        // 1: mov edi, ebx; test ebp, 7ffh; cmovz edi, esi; mov [rdi], bp; jmp middle
        let top = asm.mark();
        asm.hex("89df f7c5ff070000 0f44fe 66892f").jmp(middle).org(0xffd).bind(middle);
        // mov eax, 0, with two bytes of the immediate in each page; ror eax, 16; add edx, eax; sub ebp, 1; jnz 1b; int3
        asm.hex("b800000000 c1c810 01c2 83ed01").jcc(5, top).hex("cc");
        let rounds = 8200_u64;
        let mut start = start(asm, rounds);
        (start.gpr[3], start.gpr[6]) = (0x20_0000, CODE + patch);
        let sum: u64 = (1..=rounds).map(|ebp| ebp.next_multiple_of(0x800)).filter(|&at| at <= rounds).sum();
        let wanted = if patch == 0x1000 { sum } else { sum << 16 };
        let mut pair = both(CodeSize::Bits64, |_| ());
        agree(&mut pair, "two pages", &start, wanted & 0xffff_ffff);
        assert!(pair.compiled.vcpu.statistics.compiled > 4 * rounds, "most of it is compiled");
    }
}

/// A store over the end of a page whose tail is code.
#[test]
fn a_store_in_two_pages_reaches_code_in_either() {
    for code in [0x1000_u64, 0xff8] {
        let mut asm = Asm::default();
        let function = asm.label();
        // 1: mov [rsi], rdi; call f; add edx, eax; add rdi, r8; sub ebp, 1; jnz 1b; int3
        let top = asm.mark();
        asm.hex("48893e").call(function).hex("01c2 4c01c7 83ed01").jcc(5, top).hex("cc").org(code as usize);
        asm.bind(function).hex("b000 909090909090 c3");
        let mut start = start(asm, 200);
        // Eight bytes, four in each page, among them `mov al, n` and NOPs.
        (start.gpr[6], start.gpr[7]) = if code == 0x1000 {
            (CODE + 0xffc, u64::from_le_bytes([1, 2, 3, 4, 0xb0, 0, 0x90, 0x90]))
        } else {
            (CODE + 0xffc, u64::from_le_bytes([0x90, 0x90, 0xb0, 0, 0xc3, 1, 2, 3]))
        };
        start.gpr[8] = if code == 0x1000 { 1 << 40 } else { 1 << 24 };
        let bytes: u64 = (0..200_u64).map(|n| n & 0xff).sum();
        agree(&mut both(CodeSize::Bits64, |_| ()), "store in two pages", &start, bytes);
    }
}

/// Return addresses and pushed values are written over code, by PUSH and CALL.
#[test]
fn the_stack_lies_on_code() {
    let mut asm = Asm::default();
    let (function, function2) = (asm.label(), asm.label());
    // 1: push rbx; call f; add edx, eax; pop rcx; add ebx, 100h; sub ebp, 1; jnz 1b; int3; [two words of stack]
    let top = asm.mark();
    asm.hex("53")
        .call(function)
        .hex("01c2 59 81c300010000 83ed01")
        .jcc(5, top)
        .hex("cc")
        .org(0x40)
        .bind(function2);
    // What is pushed is `mov al, n; ret` in front of NOPs; the return address lies right below it.
    asm.hex("0000000000000000 c3").org(0x80).bind(function).hex("31c0").call(function2).hex("c3");
    let mut start = start(asm, 200);
    start.gpr[4] = CODE + 0x48;
    start.gpr[3] = u64::from_le_bytes([0xb0, 0, 0xc3, 0x90, 0, 0, 0, 0]);
    let bytes: u64 = (0..200_u64).map(|n| n & 0xff).sum();
    agree(&mut both(CodeSize::Bits64, |_| ()), "stack on code", &start, bytes);
}

/// REP MOVS and REP STOS write over hot code, the block they are in included.
#[test]
fn strings_write_over_code() {
    let mut asm = Asm::default();
    let function = asm.label();
    // 1: mov esi, source; mov edi, f; mov ecx, 40h; rep movsb; call f; add edx, eax; add byte [source+1], 1;
    // mov edi, behind; mov ecx, 3; mov eax, 90h; rep stosb; behind: int3 int3 int3, which become NOPs; sub ebp, 1; jnz 1b
    let top = asm.mark();
    asm.hex("be").imm32(0x20_0000).hex("bf").imm32(CODE as u32 + 0x80).hex("b940000000 f3a4").call(function);
    asm.hex("01c2 80042501002000 01 bf");
    let behind = asm.here() + 16;
    asm.imm32((CODE + behind as u64) as u32).hex("b903000000 b890").raw(&[0; 3]).hex("f3aa");
    assert_eq!(asm.here(), behind);
    asm.hex("cccccc 83ed01").jcc(5, top).hex("cc").org(0x80).bind(function).hex("c3").org(0xc0);
    let mut start = start(asm, 200);
    start.mem = vec![(0x20_0000, [&[0xb8, 0, 0, 0, 0, 0xc3][..], &[0x90; 58]].concat())];
    let bytes: u64 = (0..200_u64).map(|n| n & 0xff).sum();
    agree(&mut both(CodeSize::Bits64, |_| ()), "strings", &start, bytes);
}

/// A device writes code when it is told to, by an instruction of the loop.
#[test]
fn devices_write_code() {
    let mut pair = both(CodeSize::Bits64, |_| ());
    let mut asm = Asm::default();
    let (function, patch) = (asm.label(), asm.label());
    // 1: mov eax, ebp; out 80h, eax; mov eax, 0; add edx, eax; call f; add edx, eax; sub ebp, 1; jnz 1b; int3
    let top = asm.mark();
    asm.hex("89e8 e780 b8").bind(patch).hex("00000000 01c2").call(function).hex("01c2 83ed01").jcc(5, top);
    asm.hex("cc").org(0x80).bind(function).hex("b807000000 c3");
    for machine in [&mut pair.plain, &mut pair.compiled] {
        machine.bus.dma_to = CODE + asm.offset(patch) as u64;
    }
    let start = Start { kernel: true, ..start(asm, 200) };
    agree(&mut pair, "device", &start, sum(200) + 200 * 7);
}

/// A page table shares its page with code: the immediate of an instruction is an entry, whose accessed and dirty flags a
/// walk sets.
#[test]
fn walks_write_code() {
    let mut pair = both(CodeSize::Bits64, |machine| machine.map(PAGES, 0x20_0000 | 7));
    // The table of PAGES gets code at entries that map nothing else: code at its offset 800h on, so linear PAGES + 100h pages.
    let table = entry_of(PAGES);
    let (used, code) = (PAGES + 0x12_0000, table + 0x800);
    let mut asm = Asm::default();
    // 1: and dword [rsi], ~60h; invlpg [rdi]; mov [rdi], eax; jmp 2f; 2: mov rax, 64-bit entry at an address that is a
    // multiple of 8; add edx, eax; sub ebp, 1; jnz 1b; int3
    let top = asm.mark();
    let next = asm.label();
    asm.hex("83269f 0f013f 8907")
        .jmp(next)
        .org(0x100 - 2)
        .bind(next)
        .hex("48b8")
        .raw(&(0x20_1000_u64 | 7).to_le_bytes());
    asm.hex("01c2 83ed01").jcc(5, top).hex("cc");
    assert_eq!(entry_of(used), code + 0x100);
    let mut start = Start { kernel: true, rip: code, code: asm.finish(), rflags: 0x202, ..Start::default() };
    (start.gpr[4], start.gpr[5]) = (0x18_1000, 200);
    (start.gpr[6], start.gpr[7]) = (entry_of(used), used);
    agree(&mut pair, "walks", &start, 200 * (0x20_1000 | 0x67));
}

/// A page of code is mapped to another frame, with INVLPG and by loading CR3.
#[test]
fn remapped_code_is_that_of_the_new_frame() {
    // invlpg [rdi]; or mov rax, cr3; mov cr3, rax
    for flush in ["0f013f", "0f20d8 0f22d8"] {
        let mut pair = both(CodeSize::Bits64, |machine| machine.map(PAGES, (CODE + 0x1000) | 7));
        let mut asm = Asm::default();
        // 1: call rdi; add edx, eax; xor qword [rsi], 3000h; flush; sub ebp, 1; jnz 1b; int3
        let top = asm.mark();
        asm.hex("ffd7 01c2 48813600300000").hex(flush).hex("83ed01").jcc(5, top).hex("cc");
        // mov eax, 1; ret and mov eax, 100h; ret
        asm.org(0x1000).hex("b801000000 c3").org(0x2000).hex("b800010000 c3");
        let mut start = Start { kernel: true, ..start(asm, 200) };
        (start.gpr[6], start.gpr[7]) = (entry_of(PAGES), PAGES);
        start.mem = vec![(entry_of(PAGES), ((CODE + 0x1000) | 7).to_le_bytes().to_vec())];
        agree(&mut pair, flush, &start, 100 * 0x101);
    }
}

/// The host changes code between two slices of a run.
#[test]
fn code_changes_between_slices() {
    let mut asm = Asm::default();
    let function = asm.label();
    let top = asm.mark();
    asm.call(function).hex("01c2 83ed01").jcc(5, top).hex("cc").org(0x40).bind(function).hex("b800000000 c3");
    let start = start(asm, 100_000);
    let mut pair = both(CodeSize::Bits64, |_| ());
    let mut random = support::random::Random(0x1f83_d9ab_fb41_bd6b);
    for machine in [&mut pair.plain, &mut pair.compiled] {
        machine.set_up(&start);
    }
    for round in 0..60_u64 {
        let most = 1 + random.below(900) as u64;
        for machine in [&mut pair.plain, &mut pair.compiled] {
            machine.write(CODE + 0x41, &round.to_le_bytes()[..4]);
            assert_eq!(machine.run(most), most);
        }
        assert_eq!(pair.plain.state(), pair.compiled.state(), "round {round}");
    }
    pair.same_memory();
    assert!(pair.compiled.vcpu.statistics.compiled > 1000);
}
