//! Random programs that rewrite themselves, interpreted and compiled in lockstep.
//!
//! `V64_SOAK_SEED` and `V64_SOAK_ROUNDS` choose which and how many; a failure tells both.

mod support;

use support::asm::{Asm, Label, read_flags, set_flags};
use support::machine::Start;
use support::pair::Pair;
use support::random::Random;
use wasm_jit::Settings;
use x86_types::CodeSize;

const SEED: u64 = 0x9b05_688c_2b3e_6c1f;
const ROUNDS: u64 = 240;
/// Programs that one pair of machines runs.
const OF_A_PAIR: u64 = 24;
const DATA: u32 = 0x20_0000;

/// What may be written where.
enum Patch {
    /// Any 32 bits
    Immediate(Label),
    /// One of these bytes
    Byte(Label, Vec<u8>),
}

struct Program<'a> {
    asm: Asm,
    random: &'a mut Random,
    patches: Vec<Patch>,
    functions: Vec<Label>,
}

impl Program<'_> {
    fn free(&mut self) -> u8 {
        [0, 2, 3, 6, 7][self.random.below(5)]
    }

    /// An instruction, or a few, of which some will be rewritten.
    fn piece(&mut self, may_call: bool) {
        let (register, other) = (self.free(), self.free());
        match self.random.below(12) {
            0 | 1 => {
                let (at, operation) = (self.asm.label(), self.random.below(8) as u8);
                let value = self.random.next() as u32;
                self.asm.raw(&[0x81, 0xc0 | operation << 3 | register]).bind(at).imm32(value);
                self.patches.push(Patch::Immediate(at));
            }
            2 => {
                let at = self.asm.label();
                self.asm.bind(at).raw(&[0x01, 0xc0 | register << 3 | other]);
                self.patches
                    .push(Patch::Byte(at, vec![0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x39, 0x85, 0x89]));
            }
            3 => {
                // ModRM: other registers, never ECX, ESP or EBP.
                let at = self.asm.label();
                self.asm.raw(&[0x31]).bind(at).raw(&[0xd0]);
                self.patches.push(Patch::Byte(at, vec![0xc0, 0xd0, 0xda, 0xf7, 0xfe, 0xc3]));
            }
            4 => {
                // A distance: to one of three instructions.
                let at = self.asm.label();
                self.asm.raw(&[0xeb]).bind(at).raw(&[0]);
                (0..2).for_each(|_| {
                    self.asm.raw(&[0x01, 0xc2]);
                });
                self.patches.push(Patch::Byte(at, vec![0, 2, 4]));
            }
            5 => {
                // A condition.
                let (at, distance) = (self.asm.label(), 3);
                self.asm.bind(at).raw(&[0x74, distance, 0x83, 0xc0 | register, 0x11]);
                self.patches.push(Patch::Byte(at, (0x70..0x80).collect()));
            }
            6 => {
                // add [data], register; or the other way round.
                let place = DATA + 4 * self.random.below(16) as u32;
                let opcode = [0x01, 0x03, 0x89, 0x8b, 0x11][self.random.below(5)];
                self.asm.raw(&[opcode, 0x04 | register << 3, 0x25]).imm32(place);
            }
            7 if may_call => {
                let to = self.functions[self.random.below(self.functions.len())];
                self.asm.call(to);
                read_flags(&mut self.asm, self.random);
            }
            8 | 9 => self.rewrite(),
            10 => read_flags(&mut self.asm, self.random),
            _ => set_flags(&mut self.asm, self.random),
        }
    }

    /// A store to one of the places known so far or later, now and then.
    fn rewrite(&mut self) {
        if self.patches.is_empty() {
            return set_flags(&mut self.asm, self.random);
        }
        let over = self.asm.label();
        let period = [0, 3, 31, 127][self.random.below(4)];
        if period != 0 {
            // test ebp, period; jnz over
            self.asm.hex("f7c5").imm32(period).jcc(5, over);
        }
        let register = self.free();
        let n = self.random.below(self.patches.len());
        match &self.patches[n] {
            Patch::Immediate(at) => self.asm.raw(&[0x89, 0x04 | register << 3, 0x25]).address(*at),
            Patch::Byte(at, bytes) => {
                let byte = bytes[self.random.below(bytes.len())];
                self.asm.hex("c60425").address(*at).raw(&[byte])
            }
        };
        self.asm.bind(over);
    }
}

/// A loop of pieces with an inner loop, and functions, somewhere around the end of a page.
fn program(random: &mut Random, base: u64) -> Vec<u8> {
    let mut asm = Asm::at(base);
    let functions: Vec<Label> = (0..2).map(|_| asm.label()).collect();
    let mut program = Program { asm, random, patches: Vec::new(), functions };
    let (start, entry) = (program.asm.label(), program.asm.label());
    program.asm.jmp(entry);
    // Functions come first, so that the loop knows their places for patches.
    for n in 0..2 {
        let label = program.functions[n];
        program.asm.bind(label);
        (0..1 + program.random.below(5)).for_each(|_| program.piece(false));
        program.asm.hex("c3");
    }
    program.asm.bind(entry);
    program.asm.bind(start);
    (0..1 + program.random.below(6)).for_each(|_| program.piece(true));
    // mov ecx, n; inner: ...; sub ecx, 1; jnz inner
    let rounds = 1 + program.random.below(12) as u32;
    program.asm.hex("b9").imm32(rounds);
    let inner = program.asm.mark();
    (0..1 + program.random.below(6)).for_each(|_| program.piece(true));
    program.asm.hex("83e901").jcc(5, inner);
    (0..program.random.below(6)).for_each(|_| program.piece(true));
    program.asm.hex("83ed01").jcc(5, start).hex("cc");
    program.asm.finish()
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).unwrap_or_default();
    let number =
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok());
    number.unwrap_or(otherwise)
}

/// Runs both in slices, and compares after each.
fn lockstep(pair: &mut Pair, random: &mut Random, start: &Start, id: &str) {
    pair.plain.set_up(start);
    pair.compiled.set_up(start);
    let mut total = 0;
    while total < 20_000 {
        let slice = [100, 3000][random.below(2)];
        let most = 1 + random.below(slice) as u64;
        let (a, b) = (pair.plain.run(most), pair.compiled.run(most));
        total += a;
        let (plain, compiled) = (pair.plain.state(), pair.compiled.state());
        assert!(
            a == b && plain == compiled,
            "{id}: {total} instructions, {a} and {b}\n{plain}\n{compiled}\n{start:x?}"
        );
        if a < most {
            break;
        }
    }
    let pages = |machine: &support::machine::Machine| machine.read(0x10_0000, 0x4000);
    assert!(pages(&pair.plain) == pages(&pair.compiled), "{id}: code differs");
    let data = |machine: &support::machine::Machine| machine.read(DATA.into(), 0x1000);
    assert!(data(&pair.plain) == data(&pair.compiled), "{id}: data differs");
}

#[test]
fn programs_that_rewrite_themselves_agree() {
    let (seed, rounds) =
        (from_environment("V64_SOAK_SEED", SEED), from_environment("V64_SOAK_ROUNDS", ROUNDS));
    let mut compiled = 0;
    for from in (0..rounds).step_by(OF_A_PAIR as usize) {
        // Each pair can be had again by a seed of its own.
        let own = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ from;
        let mut random = Random(own.max(1));
        let size = if random.below(3) == 0 { CodeSize::Bits32 } else { CodeSize::Bits64 };
        let settings = Settings {
            hot: 1 + random.below(6) as u32,
            warm: 1 + random.below(3) as u32,
            batch: 1 + random.below(3),
            ..Settings::AT_ONCE
        };
        let mut pair = Pair::with(size, settings);
        for round in from..rounds.min(from + OF_A_PAIR) {
            let rip = 0x10_0000 + [0x100, 0xf80, 0xff0, 0x1f40][random.below(4)] + random.below(32) as u64;
            let mut start = Start { rip, rflags: 0x202, code: program(&mut random, rip), ..Start::default() };
            start.gpr = core::array::from_fn(|r| if r < 8 { random.next() >> 32 } else { 0 });
            (start.gpr[4], start.gpr[5]) = (0x18_1000, 60 + random.below(400) as u64);
            let id = format!("V64_SOAK_SEED={seed:#x} V64_SOAK_ROUNDS={rounds}, round {round}, {settings:?}");
            lockstep(&mut pair, &mut random, &start, &id);
        }
        pair.same_memory();
        compiled += pair.compiled.vcpu.statistics.compiled;
    }
    println!("{compiled} instructions in compiled code");
    assert!(compiled > 1000 * rounds, "{compiled} instructions in compiled code, in {rounds} rounds");
}
