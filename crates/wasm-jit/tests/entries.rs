//! Loops that are entered in several places, interpreted and compiled in lockstep. They stay within one region.

mod support;

use support::asm::{Asm, Label, read_flags, set_flags};
use support::machine::{Machine, PAGES, Start};
use support::pair::Pair;
use support::random::Random;
use wasm_jit::Settings;
use x86_types::CodeSize;

const CODE: u64 = 0x10_0000;
const DATA: u32 = 0x20_0000;
const SIZES: [CodeSize; 2] = [CodeSize::Bits64, CodeSize::Bits32];
/// Regions that begin elsewhere in a loop have copies of all of it: these tests are about what happens within one.
const SOON: Settings = Settings { hot: 8, warm: 2, shared: u32::MAX, count: true, ..Settings::AT_ONCE };

fn start(asm: Asm, rip: u64, rounds: u32) -> Start {
    let mut start = Start { rip, rflags: 0x202, code: asm.finish(), ..Start::default() };
    (start.gpr[1], start.gpr[3]) = (0x2545_f491, 0x4f6c_dd1d);
    (start.gpr[4], start.gpr[5]) = (0x18_1000, rounds.into());
    start.mem = vec![(DATA.into(), vec![0; 0x100])];
    start
}

/// Both machines from the start, in slices; `most` instructions in all. Gives the instructions executed.
fn same(pair: &mut Pair, id: &str, start: &Start, slice: u64, most: u64) -> u64 {
    let run = |machine: &mut Machine| {
        machine.set_up(start);
        (0..most.div_ceil(slice)).map(|n| machine.run(slice.min(most - n * slice))).sum()
    };
    let (a, b): (u64, u64) = (run(&mut pair.plain), run(&mut pair.compiled));
    let (plain, compiled) = (pair.plain.state(), pair.compiled.state());
    assert!(a == b && plain == compiled, "{id}: {a}, {b}\n{plain}\n{compiled}\n{:02x?}", start.code);
    let memory = |machine: &Machine| machine.read(DATA.into(), 0x100);
    assert!(memory(&pair.plain) == memory(&pair.compiled), "{id}: memory");
    a
}

/// How often compiled code is entered, and how often it goes on to other compiled code, when it runs for so long.
fn ways(pair: &mut Pair, id: &str, start: &Start, most: u64) -> (u64, u64) {
    let counts = |pair: &Pair| (pair.compiled.vcpu.statistics.entries, pair.compiled.vcpu.chained());
    let before = counts(pair);
    assert_eq!(same(pair, id, start, most, most), most, "{id}: it ends too early");
    let after = counts(pair);
    (after.0 - before.0, after.1 - before.1)
}

/// add [DATA+n], eax
fn store(asm: &mut Asm, n: u32) {
    asm.hex("010425").imm32(DATA + n);
}

/// Which of the next ways is taken is by chance: ECX is the next random number, and ZF says whether its bit is clear.
fn chance(asm: &mut Asm, bit: u32) {
    // imul ecx, ecx, 19660dh; add ecx, 3c6ef35fh; test ecx, 1 << bit
    asm.hex("69c9 0d661900 81c1 5ff36e3c f7c1").imm32(1 << bit);
}

/// Four blocks, each of which goes on to any of the others: wherever a region begins, the rest is a loop of three entries.
fn everywhere() -> Asm {
    let mut asm = Asm::default();
    let blocks: [Label; 4] = core::array::from_fn(|_| asm.label());
    let end = asm.label();
    // add eax, ecx; xor edx, eax; rol ebx, 3; adc eax, ebx
    for (n, body) in ["01c8", "31c2", "c1c303", "11d8"].into_iter().enumerate() {
        // sub ebp, 1; jz end
        asm.bind(blocks[n]).hex("83ed01").jcc(4, end).hex(body);
        store(&mut asm, 4 * n as u32);
        chance(&mut asm, 20 + n as u32);
        asm.jcc(5, blocks[(n + 2) % 4]);
        chance(&mut asm, 21 + n as u32);
        asm.jcc(5, blocks[(n + 3) % 4]).jmp(blocks[(n + 1) % 4]);
    }
    asm.bind(end).hex("cc");
    asm
}

/// A loop with two entries in one with two entries.
fn within() -> Asm {
    let mut asm = Asm::default();
    let [outer, first, second, inner, both, end] = core::array::from_fn(|_| asm.label());
    asm.bind(outer).hex("83ed01").jcc(4, end);
    chance(&mut asm, 20);
    asm.jcc(5, both);
    // first: add eax, ecx; second is an entry of the outer loop, `inner` and `both` of the inner one
    asm.bind(first).hex("01c8");
    chance(&mut asm, 21);
    asm.jcc(5, inner).bind(second).hex("31c2");
    store(&mut asm, 4);
    asm.bind(both).hex("83d300");
    chance(&mut asm, 22);
    asm.jcc(4, second);
    asm.bind(inner).hex("11d8 c1c205");
    chance(&mut asm, 23);
    asm.jcc(5, both);
    chance(&mut asm, 24);
    asm.jcc(5, first).jmp(outer).bind(end).hex("cc");
    asm
}

#[test]
fn budgets_may_end_anywhere() {
    for (name, program) in [("everywhere", everywhere as fn() -> Asm), ("within", within)] {
        for size in SIZES {
            let mut pair = Pair::with(size, SOON);
            let start = start(program(), CODE, 4000);
            same(&mut pair, "warm up", &start, 20_000, 20_000);
            for most in (1..600).chain((601..20_000).step_by(911)) {
                let id = format!("{name}, {size:?}, {most} instructions");
                assert_eq!(same(&mut pair, &id, &start, most, most), most);
            }
            for slice in [64, 65, 71, 90, 101, 333] {
                same(&mut pair, &format!("{name}, {size:?}, by {slice}"), &start, slice, 10_000);
            }
            assert!(pair.compiled.vcpu.statistics.compiled > 200_000);
            // And without a budget that ends it stays where it is.
            let (entries, chained) = ways(&mut pair, name, &start, 20_000);
            assert!(entries < 10 && chained < 10, "{name}, {size:?}: {entries} entries, {chained} chained");
        }
    }
}

/// The entries of a loop are in several pages.
#[test]
fn entries_may_be_in_several_pages() {
    for size in SIZES {
        let mut pair = Pair::with(size, SOON);
        let len = everywhere().finish().len() as u64;
        for (n, before) in (5..len).step_by(40).enumerate() {
            // Each time elsewhere: code that is rewritten is compiled the later.
            let end = CODE + 0x2000 * n as u64 + 0x1000;
            let start = start(everywhere(), end - before, 4000);
            let id = format!("{size:?}, {before} bytes in the first page");
            same(&mut pair, &id, &start, 5000, 5000);
            for most in [50, 97, 500, 1003] {
                same(&mut pair, &id, &start, most, 5000);
            }
            let (entries, chained) = ways(&mut pair, &id, &start, 20_000);
            assert!(entries < 10 && chained < 10, "{id}: {entries} entries, {chained} chained");
        }
    }
}

/// Where the second page is mapped elsewhere meanwhile, the code there runs, whichever way leads to it.
#[test]
fn entries_in_another_page_are_looked_for_where_it_is() {
    let code = everywhere().finish();
    let mut pair = Pair::with(CodeSize::Bits64, SOON);
    let mut compiled = 0;
    for (n, before) in (2..code.len()).step_by(15).enumerate() {
        let [first_page, second_page, other_page] =
            [0, 2, 4].map(|page| 0x40_0000 + 0x1000 * (8 * n as u64 + page));
        let (first, second) = code.split_at(before);
        // There ROL is ROR.
        let other: Vec<u8> = second.iter().map(|&byte| if byte == 0xc3 { 0xcb } else { byte }).collect();
        let mut start = start(Asm::default(), PAGES + 0x1000 - before as u64, 4000);
        (start.code, start.at) = (first.to_vec(), Some(first_page + 0x1000 - before as u64));
        start.mem.extend([(second_page, second.to_vec()), (other_page, other)]);
        for round in 0..6 {
            for machine in [&pair.plain, &pair.compiled] {
                machine.map(PAGES, first_page | 7);
                machine.map(PAGES + 0x1000, if round % 2 == 0 { second_page } else { other_page } | 7);
            }
            same(&mut pair, &format!("{before} bytes in the first page, {round}"), &start, 997, 5000);
        }
        let now = pair.compiled.vcpu.statistics.compiled;
        assert!(now - compiled > 10_000, "{before} bytes in the first page: {} compiled", now - compiled);
        compiled = now;
    }
}

/// Blocks that go on to any of them by chance.
fn random_program(random: &mut Random) -> Asm {
    let mut asm = Asm::default();
    let blocks: Vec<Label> = (0..3 + random.below(5)).map(|_| asm.label()).collect();
    let end = asm.label();
    for (n, &block) in blocks.iter().enumerate() {
        asm.bind(block).hex("83ed01").jcc(4, end);
        (0..random.below(4)).for_each(|_| set_flags(&mut asm, random));
        match random.below(4) {
            0 => read_flags(&mut asm, random),
            1 => store(&mut asm, 4 * random.below(16) as u32),
            _ => {}
        }
        for _ in 0..1 + random.below(2) {
            chance(&mut asm, 16 + random.below(14) as u32);
            asm.jcc(4 + random.below(2) as u8, blocks[random.below(blocks.len())]);
        }
        if n + 1 == blocks.len() || random.below(3) == 0 {
            asm.jmp(blocks[random.below(blocks.len())]);
        }
    }
    asm.bind(end).hex("cc");
    asm
}

#[test]
fn random_graphs_agree_and_stay_in_compiled_code() {
    let mut random = Random(0x3c6e_f372_fe94_f82b);
    let (mut instructions, mut entries, mut chained) = (0, 0, 0);
    for program in 0..30 {
        let size = SIZES[program % 2];
        let mut pair = Pair::with(size, SOON);
        let offset = if random.below(3) == 0 { 0x1000 - random.below(200) as u64 } else { 0 };
        let asm = random_program(&mut random);
        let start = start(asm, CODE + offset, 100_000);
        let id = format!("program {program}, {size:?}");
        for slice in [20_000, 1 + random.below(200) as u64, 64 + random.below(100) as u64, 1000] {
            same(&mut pair, &format!("{id}, by {slice}"), &start, slice, 10_000);
        }
        for _ in 0..20 {
            let most = 1 + random.below(5000) as u64;
            same(&mut pair, &format!("{id}, {most} instructions"), &start, most, most);
        }
        let (more, others) = ways(&mut pair, &id, &start, 20_000);
        (instructions, entries, chained) = (instructions + 20_000, entries + more, chained + others);
    }
    println!("{instructions} instructions, {entries} entries, {chained} ways to other code");
    assert!(entries < instructions / 2000 && chained < instructions / 2000, "{entries}, {chained}");
}
