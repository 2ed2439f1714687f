//! Repeated string instructions count the same, and stop at the same iteration, whatever runs them in whatever slices.

mod support;

use support::asm::Asm;
use support::machine::{Machine, Start};
use support::random::Random;
use wasm_jit::Settings;
use x86_types::{CodeSize, GuestPhysAddr};

const CODE: u64 = 0x10_0000;
/// Between the code and the end of its page there is room for data.
const BESIDE: u64 = CODE + 0x800;

/// A few string instructions in a loop, from and to places of which some share a page with the code.
fn program(random: &mut Random) -> Vec<u8> {
    let mut asm = Asm::default();
    // 1: ...; dec r8; jnz 1b; int3
    let top = asm.mark();
    for _ in 0..1 + random.below(3) {
        let place = |random: &mut Random| {
            let base = [BESIDE, 0x20_0000, 0x20_0f00, 0x20_1ff0][random.below(4)];
            (base + random.below(64) as u64) as u32
        };
        let (from, to) = (place(random), place(random));
        let count = [0, 1, 3, 40, 300, 3000][random.below(6)];
        // mov esi, from; mov edi, to; mov ecx, count
        asm.hex("be").imm32(from).hex("bf").imm32(to).hex("b9").imm32(count);
        let wide = random.below(2) as u8;
        // Long ones towards the code stay beside it.
        let down = random.below(4) == 0 && count < 300;
        let size = if wide == 1 && count == 3000 { 0 } else { wide };
        if down {
            asm.hex("fd");
        }
        if count < 300 || to > 0x20_0000 {
            asm.raw(&[0xf3, 0xa4 | size]);
        } else {
            asm.raw(&[0xf3, 0xac | size]);
        }
        match random.below(4) {
            // stos, cmps, scas
            0 if count < 300 || to > 0x20_0000 => asm.hex("b908000000").raw(&[0xf3, 0xaa | size]),
            1 => asm
                .hex("be")
                .imm32(from)
                .hex("b9")
                .imm32(count)
                .raw(&[0xf3 - random.below(2) as u8, 0xa6 | size]),
            2 => asm.hex("b9").imm32(count).raw(&[0xf3 - random.below(2) as u8, 0xae | size]),
            _ => &mut asm,
        };
        asm.hex("fc");
    }
    asm.hex("49ffc8").jcc(5, top).hex("cc");
    asm.finish()
}

fn start(random: &mut Random, rounds: u64) -> Start {
    let mut start = Start { rip: CODE, rflags: 0x202, code: program(random), ..Start::default() };
    start.gpr[4] = 0x18_1000;
    start.gpr[8] = rounds;
    start.mem = vec![(0x1f_f000, (0..0x4000).map(|n| if n % 1000 < 990 { 7 } else { n as u8 }).collect())];
    start.mem.push((BESIDE - 0x400, vec![7; 0xb80]));
    start
}

/// Runs so many instructions in slices, and gives the state then.
fn sliced(machine: &mut Machine, start: &Start, total: u64, slice: u64, uncached: bool) -> (u64, String) {
    machine.set_up(start);
    let mut done = 0;
    while done < total {
        if uncached {
            machine.vcpu.invalidate_code(GuestPhysAddr(CODE), 0x1000);
        }
        let now = machine.run(slice.min(total - done));
        if now == 0 {
            break;
        }
        done += now;
    }
    (done, machine.state())
}

#[test]
fn engines_and_slices_count_repeated_strings_alike() {
    let mut random = Random(0x3c6e_f372_fe94_f82b);
    let mut plain = Machine::new(CodeSize::Bits64);
    let mut uncached = Machine::new(CodeSize::Bits64);
    let mut compiled = Machine::with(CodeSize::Bits64, Settings { hot: 3, ..Settings::AT_ONCE });
    for program in 0..24 {
        let start = start(&mut random, 300);
        // It becomes hot.
        for machine in [&mut plain, &mut uncached, &mut compiled] {
            sliced(machine, &start, 3000, u64::MAX, false);
        }
        for total in [1, 7, 50, 64, 65, 100, 131, 500, 1003] {
            let wanted = sliced(&mut plain, &start, total, u64::MAX, false);
            let id = format!("program {program}, {total} instructions");
            assert_eq!(wanted, sliced(&mut uncached, &start, total, 1, true), "{id}: one by one, uncached");
            for slice in [5, 70, u64::MAX] {
                assert_eq!(
                    wanted,
                    sliced(&mut plain, &start, total, slice, false),
                    "{id}: interpreted by {slice}"
                );
                assert_eq!(
                    wanted,
                    sliced(&mut compiled, &start, total, slice, false),
                    "{id}: compiled by {slice}"
                );
            }
            let memory = plain.memory();
            assert!(memory == compiled.memory(), "{id}: memory");
            assert!(memory == uncached.memory(), "{id}: memory, uncached");
        }
    }
    assert!(compiled.vcpu.statistics.compiled > 10_000);
}

/// A step does not end early where the page it writes to has code: only the engine knows what it keeps there.
#[test]
fn code_in_the_page_makes_no_difference() {
    // 1: mov edi, BESIDE; mov ecx, 900; rep stosb; dec r8; jnz 1b; int3
    let mut start = Start { rip: CODE, rflags: 0x202, ..Start::default() };
    for (base, id) in [(BESIDE, "beside the code"), (0x20_0000, "elsewhere")] {
        let mut asm = Asm::default();
        let top = asm.mark();
        asm.hex("bf").imm32(base as u32).hex("b984030000 f3aa 49ffc8").jcc(5, top).hex("cc");
        start.code = asm.finish();
        (start.gpr[4], start.gpr[8]) = (0x18_1000, 10);
        let mut machine = Machine::new(CodeSize::Bits64);
        machine.set_up(&start);
        // Ten rounds of five instructions, INT3, and the handler's HLT.
        assert_eq!(machine.run(10_000), 52, "{id}");
    }
}
