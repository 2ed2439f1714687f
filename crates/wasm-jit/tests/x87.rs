//! x87 and MMX instructions in compiled code beside the interpreter.

mod support;

use std::collections::BTreeMap;
use support::machine::Start;
use support::pair::{MOST, Pair};
use support::random::Random;
use support::vectors::{Case, X87, bytes, cases};
use wasm_jit::{CodeSource, select_region};
use x86_decode::{Instruction, decode};
use x86_state::{F80, X87 as Unit};
use x86_types::CodeSize;

fn mode(size: CodeSize) -> u32 {
    if size == CodeSize::Bits64 { 64 } else { 32 }
}

/// A snippet that is all there is.
struct Snippet<'a>(CodeSize, &'a [u8]);

impl CodeSource for Snippet<'_> {
    fn instruction(&self, distance: i64) -> Option<Instruction> {
        decode(self.0, self.1.get(usize::try_from(distance).ok()?..)?).ok()
    }
    fn is_warm(&self, distance: i64) -> bool {
        self.instruction(distance).is_some()
    }
    fn page_offset(&self) -> u64 {
        0
    }
}

/// Whether nothing of the code is left to the processor.
fn is_recorded(pair: &mut Pair, size: CodeSize, start: &Start) -> bool {
    let region = pair.code_mode(start).and_then(|mode| select_region(&Snippet(size, &start.code), mode));
    region.is_some_and(|region| region.helper_calls().is_empty())
}

/// Cases, of which so many in a hundred at least are recorded whole.
fn recorded(size: CodeSize, features: &[&str], only: fn(&Case) -> bool, least: usize) {
    let cases: Vec<Case> = cases(mode(size), features).into_iter().filter(only).collect();
    let mut pair = Pair::new(size);
    let (mut whole, mut others) = (0, BTreeMap::new());
    for case in &cases {
        let start = Start::of(case);
        pair.compare(&case.id, &start, MOST);
        if is_recorded(&mut pair, size, &start) {
            whole += 1;
        } else {
            *others.entry(case.id.split('-').nth(1).unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
    }
    pair.same_memory();
    println!("{size:?}: {whole} of {} cases were recorded whole; not: {others:?}", cases.len());
    assert!(cases.len() > 100 && whole * 100 > cases.len() * least, "{whole} of {}", cases.len());
}

#[test]
fn x87_cases_agree_in_64_bit_mode() {
    recorded(CodeSize::Bits64, &X87, |_| true, 60);
}

#[test]
fn x87_cases_agree_in_32_bit_code() {
    recorded(CodeSize::Bits32, &X87, |_| true, 60);
}

#[test]
fn mmx_cases_agree_in_64_bit_mode() {
    recorded(CodeSize::Bits64, &["MMX", "SSE", "SSE2", "SSSE3"], |case| case.id.contains("_mm"), 90);
}

#[test]
fn mmx_cases_agree_in_32_bit_code() {
    recorded(CodeSize::Bits32, &["MMX", "SSE", "SSE2", "SSSE3"], |case| case.id.contains("_mm"), 90);
}

/// Numbers of every class, most of them ordinary and of like size.
fn number(random: &mut Random) -> F80 {
    let (any, sign) = (random.next(), (random.next() & 0x8000) as u16);
    let whole = 1 << 63;
    let (significand, exponent) = match random.below(24) {
        0 => (0, 0),
        1 => (any >> 1, 0),
        2 => (any | whole, 0),
        3 => (whole, 0x7fff),
        4 => (any | whole, 0x7fff),
        5 => (any >> 1, random.next() as u16 & 0x7fff),
        6 => (any | whole, 1 + random.below(70) as u16),
        7 => (any | whole, 0x7ffe - random.below(70) as u16),
        8 => (any | whole, random.next() as u16 & 0x7fff),
        9 => (u64::MAX, 16383 + random.below(3) as u16),
        // Integers and what lies half way between them
        10 => (any << random.below(63) | whole, 16383 + random.below(66) as u16),
        // About the least and the largest numbers of single and double precision
        11 => (any | whole, 16383 - 1022 - 55 + random.below(60) as u16),
        12 => (any | whole, 16383 - 126 - 26 + random.below(30) as u16),
        13 => (any | whole, 16383 + 126 + random.below(3) as u16),
        14 => (any | whole, 16383 + 1022 + random.below(3) as u16),
        15 => (whole, 16383 + random.below(4) as u16),
        // Sums of these cancel
        16 => (whole | any & 7, 16383),
        _ => (any | whole, 16383 - 20 + random.below(40) as u16),
    };
    F80 { significand, sign_exponent: exponent | sign, reserved: [0; 3] }
}

/// Instructions, with a register of the stack where they have one, and with [RSI + 8 n] where they have an operand in memory.
const ON_STACK: [[u8; 2]; 26] = [
    [0xd8, 0xc0],
    [0xd8, 0xc8],
    [0xd8, 0xd0],
    [0xd8, 0xd8],
    [0xd8, 0xe0],
    [0xd8, 0xe8],
    [0xd8, 0xf0],
    [0xd8, 0xf8],
    [0xd9, 0xc0],
    [0xd9, 0xc8],
    [0xdb, 0xe8],
    [0xdb, 0xf0],
    [0xdc, 0xc0],
    [0xdc, 0xc8],
    [0xdc, 0xe0],
    [0xdc, 0xe8],
    [0xdc, 0xf0],
    [0xdc, 0xf8],
    [0xdd, 0xd0],
    [0xdd, 0xd8],
    [0xdd, 0xe0],
    [0xde, 0xc0],
    [0xde, 0xc8],
    [0xde, 0xe8],
    [0xdf, 0xe8],
    [0xdf, 0xf0],
];
const ALONE: [[u8; 2]; 10] = [
    [0xd9, 0xe0],
    [0xd9, 0xe1],
    [0xd9, 0xe4],
    [0xd9, 0xe8],
    [0xd9, 0xee],
    [0xd9, 0xfa],
    [0xd9, 0xfc],
    [0xdf, 0xe0],
    [0xde, 0xd9],
    [0xda, 0xe9],
];
/// Escape and digit
const IN_MEMORY: [(u8, u8); 26] = [
    (0xd8, 0),
    (0xd8, 1),
    (0xd8, 4),
    (0xd8, 6),
    (0xd9, 0),
    (0xd9, 2),
    (0xd9, 3),
    (0xd9, 7),
    (0xda, 0),
    (0xda, 5),
    (0xdb, 0),
    (0xdb, 1),
    (0xdb, 3),
    (0xdb, 5),
    (0xdb, 7),
    (0xdc, 0),
    (0xdc, 1),
    (0xdc, 3),
    (0xdc, 7),
    (0xdd, 0),
    (0xdd, 1),
    (0xdd, 3),
    (0xdf, 0),
    (0xdf, 3),
    (0xdf, 5),
    (0xdf, 7),
];

const DATA: u64 = 0x20_0000;

fn program(random: &mut Random) -> Vec<u8> {
    let mut code = Vec::new();
    for _ in 0..1 + random.below(12) {
        match random.below(5) {
            0 | 1 => {
                let [escape, form] = ON_STACK[random.below(ON_STACK.len())];
                code.extend([escape, form + random.below(3) as u8]);
            }
            2 => code.extend(ALONE[random.below(ALONE.len())]),
            _ => {
                let (escape, digit) = IN_MEMORY[random.below(IN_MEMORY.len())];
                code.extend([escape, 0x46 | digit << 3, 8 * random.below(16) as u8]);
            }
        }
    }
    code
}

/// Words in memory: control words, parts of numbers, floats.
fn memory(random: &mut Random) -> Vec<u8> {
    let mut data = Vec::new();
    for _ in 0..18 {
        let word = match random.below(8) {
            0 => number(random).significand,
            1 => u64::from(number(random).sign_exponent),
            2 => 0x37f | random.next() & 0xf00,
            3 => (random.next() as i32 as f64 / 1024.0).to_bits(),
            4 => f64::to_bits(f64::from_bits(random.next() >> 12)),
            5 => u64::from((random.next() as i16 as f32 / 8.0).to_bits()),
            6 => random.next() >> random.below(64),
            _ => random.next(),
        };
        data.extend(word.to_le_bytes());
    }
    data
}

fn unit(random: &mut Random) -> Unit {
    let mut unit = Unit::INIT;
    unit.r.iter_mut().for_each(|register| *register = number(random));
    unit.status = (random.next() & 0x7f3f) as u16 & !0xc0;
    unit.tags = if random.below(2) == 0 {
        // As many as are pushed, from TOP on
        let full = 0xff_u8 >> random.below(5);
        full.rotate_left(u32::from(unit.status >> 11) & 7)
    } else {
        random.next() as u8
    };
    unit.control = match random.below(4) {
        0 => 0x37f,
        1 => 0x27f,
        2 => 0x37f | (random.next() & 0xf00) as u16,
        _ => 0x340 | (random.next() & 0xf3f) as u16,
    };
    // What is flagged and not masked would pend.
    unit.status &= unit.control & 0x3f | 0x7f00;
    unit
}

fn programs(size: CodeSize, seed: u64, count: usize) {
    let mut random = Random(seed);
    let mut pair = Pair::new(size);
    let (mut whole, mut all) = (0, 0);
    for n in 0..count {
        let code = program(&mut random);
        // Each with several states, since most of what makes it special is in those.
        for _ in 0..6 {
            let mut start = Start { rip: 0x10_0000, code: code.clone(), rflags: 2, ..Start::default() };
            start.gpr[4] = 0x18_1000;
            start.gpr[6] = DATA + if random.below(16) == 0 { 0xfbc } else { 0 };
            start.mem = vec![(start.gpr[6], memory(&mut random))];
            start.x87 = unit(&mut random);
            all += 1;
            pair.compare(&format!("program {n}"), &start, MOST);
            whole += usize::from(is_recorded(&mut pair, size, &start));
        }
    }
    println!("{whole} of {all} were recorded whole");
    assert!(whole * 4 > all * 3, "{whole} of {all}");
}

#[test]
fn random_programs_agree_in_64_bit_mode() {
    programs(CodeSize::Bits64, 0x87, 150);
}

#[test]
fn random_programs_agree_in_32_bit_code() {
    programs(CodeSize::Bits32, 0x387, 150);
}

/// From x87 to MMX and back
#[test]
fn both_kinds_in_one_block_agree() {
    let mut pair = Pair::new(CodeSize::Bits64);
    // fld1; fldz; movq mm1, [rsi]; paddd mm0, mm1; emms; fldz; fld1; fstp qword [rsi]
    let code = bytes("d9e8d9ee0f6f0e0ffec10f77d9eed9e8dd1e");
    for status in 0..8 {
        let mut start = Start { rip: 0x10_0000, code: code.clone(), rflags: 2, ..Start::default() };
        start.gpr[6] = DATA;
        start.mem = vec![(DATA, vec![7; 16])];
        start.x87.status = status << 11;
        pair.compare("both", &start, MOST);
    }
}
