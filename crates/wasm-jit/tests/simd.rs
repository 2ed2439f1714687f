//! Vectors and floats in compiled code beside the interpreter.

mod support;

use std::collections::BTreeMap;
use support::machine::{RAM, Start};
use support::pair::{MOST, Pair};
use support::random::Random;
use support::vectors::{AVX, Case, VECTOR, append_random, bytes, cases};
use wasm_jit::{CodeSource, select_region};
use x86_decode::{Instruction, decode};
use x86_exec::vcpu::compiled::{CodeMode, FloatMode};
use x86_state::Mxcsr;
use x86_types::CodeSize;

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
fn is_recorded(size: CodeSize, code: &[u8], mode: CodeMode) -> bool {
    select_region(&Snippet(size, code), mode).is_some_and(|region| region.helper_calls().is_empty())
}

fn mode(size: CodeSize) -> u32 {
    if size == CodeSize::Bits64 { 64 } else { 32 }
}

/// One case in so many, with MXCSR as recorded, and as float code mostly meets it.
fn vectors(size: CodeSize, features: &[&str], one_in: usize, least: [usize; 2]) {
    // Those on MMX registers are the processor's.
    let cases: Vec<Case> =
        cases(mode(size), features).into_iter().filter(|case| !case.id.contains("_mm")).collect();
    let mut pair = Pair::new(size);
    let (mut recorded, mut executed, mut count) = (0, 0, 0);
    let mut stepped = BTreeMap::new();
    for case in cases.iter().step_by(one_in) {
        let mut start = Start::of(case);
        pair.compare(&case.id, &start, MOST);
        start.mxcsr = Mxcsr::RESET | Mxcsr::PE;
        let compiled = pair.compare(&case.id, &start, MOST);
        count += 1;
        executed += usize::from(compiled > 0);
        match pair.code_mode(&start) {
            Some(mode) if is_recorded(size, &start.code, mode) => recorded += 1,
            _ => *stepped.entry(case.id.split('-').nth(1).unwrap_or_default().to_owned()).or_insert(0) += 1,
        }
    }
    pair.same_memory();
    println!(
        "{size:?}: {recorded} of {count} cases were recorded whole, {executed} left by no way out; not: {stepped:?}"
    );
    assert!(count > 100 && recorded * 100 > count * least[0], "{recorded} of {count} cases were recorded");
    // The others fault, or their operands or results are out of the ordinary.
    assert!(executed * 100 > count * least[1], "{executed} of {count} cases were executed by compiled code");
}

#[test]
fn vector_cases_agree_in_64_bit_mode() {
    vectors(CodeSize::Bits64, &VECTOR, 7, [93, 75]);
}

#[test]
fn vector_cases_agree_in_32_bit_code() {
    vectors(CodeSize::Bits32, &VECTOR, 7, [93, 75]);
}

/// What has no short form in WebAssembly, fused multiply-add and gathers first of all, is the interpreter's.
#[test]
fn avx_cases_agree_in_64_bit_mode() {
    vectors(CodeSize::Bits64, &AVX, 5, [50, 50]);
}

#[test]
fn avx_cases_agree_in_32_bit_code() {
    vectors(CodeSize::Bits32, &AVX, 5, [50, 50]);
}

/// A lane's worth of something that floating point treats in a way of its own.
fn special(random: &mut Random, double: bool) -> u64 {
    let (fraction, bits) = if double { (52, 64) } else { (23, 32) };
    let exponents = (1_u64 << (bits - 1 - fraction)) - 1;
    let unit = 1_u64 << fraction;
    let any = random.next() & (unit - 1);
    let bias = exponents >> 1;
    let magnitude = match random.below(16) {
        0 | 1 => 0,
        2 => any | 1,
        3 => unit - 1,
        4 => unit,
        5 => 2 * unit + any,
        6 => exponents * unit - 1,
        7 => exponents * unit,
        8 => (exponents * unit) | (unit >> 1) | any,
        9 => (exponents * unit) | (any >> 2) | 1,
        10 => bias * unit,
        // Around the limits of 32- and 64-bit integers
        11 => (bias + 30 + random.below(3) as u64) * unit + any,
        12 => (bias + 62 + random.below(3) as u64) * unit + any,
        // Products and quotients of these are tiny
        13 => (bias / 2 + random.below(3) as u64) * unit + any,
        _ => (bias - 8 + random.below(16) as u64) * unit + any,
    };
    magnitude | (random.next() & 1) << (bits - 1)
}

/// Lanes of which at most the lowest is out of the ordinary in half of the cases.
fn operand(random: &mut Random, double: bool) -> u128 {
    let width = if double { 64 } else { 32 };
    let plain = random.below(2) == 0;
    (0..128 / width).fold(0, |x, n| {
        let mut lane = special(random, double);
        if plain && (n != 0 || random.below(4) != 0) {
            let one = if double { 1.0_f64.to_bits() } else { 1.0_f32.to_bits().into() };
            lane = one | lane & 0x7f_ffff;
        }
        x | u128::from(lane) << (n * width)
    })
}

/// Instructions whose operands are floats, each with the ModRM byte of XMM1, XMM2 (or a general register).
const FLOATS: [(&str, bool, &str); 76] = [
    ("addps", false, "0f58ca"),
    ("addss", false, "f30f58ca"),
    ("addpd", true, "660f58ca"),
    ("addsd", true, "f20f58ca"),
    ("mulps", false, "0f59ca"),
    ("mulss", false, "f30f59ca"),
    ("mulpd", true, "660f59ca"),
    ("mulsd", true, "f20f59ca"),
    ("subps", false, "0f5cca"),
    ("subss", false, "f30f5cca"),
    ("subpd", true, "660f5cca"),
    ("subsd", true, "f20f5cca"),
    ("divps", false, "0f5eca"),
    ("divss", false, "f30f5eca"),
    ("divpd", true, "660f5eca"),
    ("divsd", true, "f20f5eca"),
    ("sqrtps", false, "0f51ca"),
    ("sqrtss", false, "f30f51ca"),
    ("sqrtpd", true, "660f51ca"),
    ("sqrtsd", true, "f20f51ca"),
    ("minps", false, "0f5dca"),
    ("minss", false, "f30f5dca"),
    ("minpd", true, "660f5dca"),
    ("minsd", true, "f20f5dca"),
    ("maxps", false, "0f5fca"),
    ("maxss", false, "f30f5fca"),
    ("maxpd", true, "660f5fca"),
    ("maxsd", true, "f20f5fca"),
    ("addsd xmm1, xmm1", true, "f20f58c9"),
    ("subsd xmm1, xmm1", true, "f20f5cc9"),
    ("subps xmm1, xmm1", false, "0f5cc9"),
    ("mulps xmm1, xmm1", false, "0f59c9"),
    ("divsd xmm1, xmm1", true, "f20f5ec9"),
    ("comiss", false, "0f2fca"),
    ("comisd", true, "660f2fca"),
    ("ucomiss", false, "0f2eca"),
    ("ucomisd", true, "660f2eca"),
    ("ucomisd; setbe al; setp cl", true, "660f2eca0f96c00f9ac1"),
    ("comiss; ja +2; inc eax; adc eax, eax", false, "0f2fca7702ffc011c0"),
    ("cmpeqps", false, "0fc2ca00"),
    ("cmpltpd", true, "660fc2ca01"),
    ("cmpless", false, "f30fc2ca02"),
    ("cmpunordsd", true, "f20fc2ca03"),
    ("cmpneqps", false, "0fc2ca04"),
    ("cmpnltsd", true, "f20fc2ca05"),
    ("cmpnlepd", true, "660fc2ca06"),
    ("cmpordss", false, "f30fc2ca07"),
    ("cvtps2pd", false, "0f5aca"),
    ("cvtpd2ps", true, "660f5aca"),
    ("cvtss2sd", false, "f30f5aca"),
    ("cvtsd2ss", true, "f20f5aca"),
    ("cvtdq2ps", false, "0f5bca"),
    ("cvtps2dq", false, "660f5bca"),
    ("cvttps2dq", false, "f30f5bca"),
    ("cvtdq2pd", false, "f30fe6ca"),
    ("cvtpd2dq", true, "f20fe6ca"),
    ("cvttpd2dq", true, "660fe6ca"),
    ("cvtsi2sd rax", true, "f2480f2ac8"),
    ("cvtsi2ss rax", true, "f3480f2ac8"),
    ("cvtsi2sd eax", true, "f20f2ac8"),
    ("cvttsd2si rax", true, "f2480f2cc2"),
    ("cvttsd2si eax", true, "f20f2cc2"),
    ("cvtsd2si rax", true, "f2480f2dc2"),
    ("cvttss2si eax", false, "f30f2cc2"),
    ("cvtss2si rax", false, "f3480f2dc2"),
    ("roundsd, nearest", true, "660f3a0bca00"),
    ("roundps, down", false, "660f3a08ca01"),
    ("roundss, up", false, "660f3a0aca02"),
    ("roundpd, by mode", true, "660f3a09ca04"),
    ("haddps", false, "f20f7cca"),
    ("hsubpd", true, "660f7dca"),
    ("addsubps", false, "f20fd0ca"),
    ("rcpps", false, "0f53ca"),
    ("rcpss", false, "f30f53ca"),
    ("rsqrtps", false, "0f52ca"),
    ("rsqrtss", false, "f30f52ca"),
];

fn float_start(random: &mut Random, double: bool, code: &str) -> Start {
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code: bytes(code), ..Start::default() };
    start.xmm = core::array::from_fn(|_| operand(random, double));
    start.gpr = core::array::from_fn(|_| random.next() >> random.below(64));
    start.gpr[4] = 0x18_1000;
    start.mxcsr = Mxcsr::RESET | Mxcsr::PE;
    start
}

/// NaNs, infinities, denormals, zeros, the limits of formats and integers: results and MXCSR are the interpreter's.
#[test]
fn floats_of_all_kinds_agree() {
    let mut random = Random(0x6a09_e667_f3bc_c908);
    let mut pair = Pair::new(CodeSize::Bits64);
    for (name, double, code) in FLOATS {
        let mut compiled = 0;
        for n in 0..300 {
            let mut start = float_start(&mut random, double, code);
            match n {
                // DE and IE set already; denormals taken as zeros, and tiny results
                50..60 => start.mxcsr |= Mxcsr::from_bits_retain(0x3f),
                60..100 => start.mxcsr |= Mxcsr::from_bits_retain(0x8040),
                // Everything but PE unmasked
                100..110 => start.mxcsr = Mxcsr::from_bits_retain(0x1020),
                _ => {}
            }
            compiled += u64::from(pair.compare(name, &start, MOST) > 0);
        }
        let start = float_start(&mut random, double, code);
        let mode = pair.code_mode(&start).unwrap();
        assert!(
            mode.float == FloatMode::Free && is_recorded(CodeSize::Bits64, &start.code, mode),
            "{name} is recorded"
        );
        assert!(compiled > 60, "{name}: {compiled} of 300 were executed by compiled code");
    }
    pair.same_memory();
}

/// Returns a NaN, signaling or quiet.
fn nan(random: &mut Random, double: bool) -> u64 {
    let (sign, quiet) = (random.next() & 1, random.next() & 1);
    if double {
        0x7ff0_0000_0000_0000 | sign << 63 | quiet << 51 | random.next() & 0x0007_ffff_ffff_ffff | 1
    } else {
        0x7f80_0000 | sign << 31 | quiet << 22 | random.next() & 0x003f_ffff | 1
    }
}

/// Once IE and OE are set, infinities and NaNs are results like others, with the payload that the processor gives them.
#[test]
fn infinities_and_nans_agree_where_they_raise_nothing_new() {
    let mut random = Random(0x9b05_688c_2b3e_6c1f);
    let mut pair = Pair::new(CodeSize::Bits64);
    let arithmetic = ["add", "sub", "mul", "div", "hadd", "hsub"];
    for (name, double, code) in FLOATS {
        let (mut compiled, mut nans) = (0, 0);
        for n in 0..300 {
            let mut start = float_start(&mut random, double, code);
            start.mxcsr = Mxcsr::from_bits_retain(if n % 8 == 0 { 0x1fbf } else { 0x1fa9 });
            if n % 2 == 0 {
                // A NaN of either kind, in either operand or in both
                for n in 1..3 {
                    if random.below(2) == 0 {
                        let lane = if double { u64::MAX } else { u32::MAX.into() };
                        start.xmm[n] =
                            start.xmm[n] & !u128::from(lane) | u128::from(nan(&mut random, double));
                    }
                }
            }
            let executed = pair.compare(name, &start, MOST) > 0;
            compiled += u64::from(executed);
            nans += u64::from(executed && n % 2 == 0);
        }
        let mut start = float_start(&mut random, double, code);
        start.mxcsr = Mxcsr::from_bits_retain(0x1fa9);
        assert_eq!(pair.code_mode(&start).unwrap().float, FloatMode::Sticky);
        if arithmetic.iter().any(|operation| name.starts_with(operation)) {
            assert!(compiled > 120 && nans > 60, "{name}: {compiled} of 300, {nans} of 150 with NaNs");
        }
    }
    pair.same_memory();
}

/// Where rounding is not to nearest, or PE is not set or not masked, the processor executes what rounds.
#[test]
fn other_modes_of_rounding_agree() {
    let mut random = Random(0xbb67_ae85_84ca_a73b);
    let mut pair = Pair::new(CodeSize::Bits64);
    for (name, double, code) in FLOATS.into_iter().step_by(3) {
        for mxcsr in [0x1f80, 0x3fa0, 0x7fa0, 0x0fa0, 0x1fa0] {
            for _ in 0..4 {
                let mut start = float_start(&mut random, double, code);
                start.mxcsr = Mxcsr::from_bits_retain(mxcsr);
                pair.compare(name, &start, MOST);
            }
        }
    }
    pair.same_memory();
}

/// Before PE is set compiled code does what is exact and leaves the rest: operands of few bits, whose results often are,
/// and others.
#[test]
fn exact_results_agree_before_the_first_rounding() {
    let mut random = Random(0x428a_2f98_d728_ae22);
    let mut pair = Pair::new(CodeSize::Bits64);
    let (mut recorded, mut executed) = (0, 0);
    for (name, double, code) in FLOATS {
        let mut compiled = 0;
        for n in 0..200 {
            let mut start = float_start(&mut random, double, code);
            start.mxcsr = Mxcsr::from_bits_retain(if n % 8 == 0 { 0x0fbf & !0x20 } else { 0x1f80 });
            let few = [0, 12, 20, 21][n % 4];
            let (width, lane) =
                if double { (64, u64::MAX << (30 + few)) } else { (32, (u32::MAX << few).into()) };
            let mask = (0..128 / width).fold(0, |mask, n| mask | u128::from(lane) << (n * width));
            start.xmm.iter_mut().for_each(|x| *x &= mask);
            compiled += u64::from(pair.compare(name, &start, MOST) > 0);
        }
        let mut start = float_start(&mut random, double, code);
        start.mxcsr = Mxcsr::RESET;
        let mode = pair.code_mode(&start).unwrap();
        assert_eq!(mode.float, FloatMode::Exact);
        recorded += usize::from(is_recorded(CodeSize::Bits64, &start.code, mode));
        executed += usize::from(compiled > 20);
    }
    pair.same_memory();
    println!("{recorded} of {} were recorded, {executed} executed by compiled code", FLOATS.len());
    assert!(recorded >= 56 && executed >= 56, "{recorded} were recorded, {executed} executed");
}

/// Several operations in a row, so that what is known of a value from one is used by the next.
#[test]
fn chains_of_float_operations_agree() {
    let mut random = Random(0x3c6e_f372_fe94_f82b);
    let mut pair = Pair::new(CodeSize::Bits64);
    for _ in 0..60 {
        let double = random.below(2) == 0;
        let mut code = String::new();
        for _ in 0..2 + random.below(8) {
            let (_, _, part) = FLOATS[random.below(FLOATS.len())];
            if part.len() <= 12 {
                code += part;
            }
        }
        code += "f20f58ca";
        for n in 0..20 {
            let mut start = float_start(&mut random, double, &code);
            if n % 2 == 0 {
                start.mxcsr = Mxcsr::from_bits_retain(0x1fa9);
            }
            pair.compare(&code, &start, MOST);
        }
    }
    pair.same_memory();
}

/// Snippets of all kinds in a row, over memory that is there.
fn sequences(size: CodeSize, count: usize, seed: u64) {
    let cases = cases(mode(size), &[&VECTOR[..], &AVX[..]].concat());
    let mut random = Random(seed);
    let mut pair = Pair::new(size);
    let registers = if size == CodeSize::Bits64 { 16 } else { 8 };
    for n in 0..count {
        let mut start = Start { code: Vec::new(), ..Start::of(&cases[random.below(cases.len())]) };
        for v in &mut start.gpr[..registers] {
            *v = 0x20_0000 + (random.next() >> 52 & !15);
        }
        start.mxcsr = Mxcsr::RESET | Mxcsr::PE;
        start.mem = vec![(0x20_0000 + 16 * n as u64 % 4096, random.next().to_le_bytes().to_vec())];
        let ids = append_random(&mut start.code, &cases, &mut random);
        pair.compare(&ids, &start, 1000);
    }
    pair.same_memory();
}

#[test]
fn random_sequences_agree_in_64_bit_mode() {
    sequences(CodeSize::Bits64, 80, 0xa54f_f53a_5f1d_36f1);
}

#[test]
fn random_sequences_agree_in_32_bit_code() {
    sequences(CodeSize::Bits32, 80, 0x510e_527f_ade6_82d1);
}

/// Sixteen bytes in one page and in two, at every offset, to memory and to the code that runs.
#[test]
fn vectors_across_pages_and_into_code_agree() {
    // movdqu xmm0, [rsi]; paddb xmm0, xmm1; movdqu [rdi], xmm0; movsd xmm2, [rsi+4]; movlps [rdi+24], xmm2; nop; nop; nop
    let code = bytes("f30f6f06660ffcc1f30f7f07f20f105604660f135718909090");
    let mut pair = Pair::new(CodeSize::Bits64);
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code, ..Start::default() };
    start.xmm = core::array::from_fn(|n| 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10 * (n as u128 + 1));
    start.mem = vec![(0x20_0fe0, (0..64).collect())];
    let mut compiled = 0;
    for offset in 0..32 {
        (start.gpr[6], start.gpr[7]) = (0x20_0ff0 + offset, 0x20_1ff0 - offset);
        start.gpr[4] = 0x18_1000;
        compiled += pair.compare("across pages", &start, MOST);
        pair.same_memory();
    }
    assert!(compiled > 0);
    // Into the NOPs of the snippet, which become something else: what was stored is what runs.
    start.xmm = [0; 16];
    start.gpr[7] = 0x10_0000 + start.code.len() as u64 - 3;
    start.mem = vec![(0x20_0fe0, vec![0x90; 64])];
    start.gpr[6] = 0x20_0fe0;
    pair.compare("into code", &start, MOST);
    pair.same_memory();
}

/// Thirty-two bytes in one page and in two, at every offset, and where the second page is not there: then nothing is stored.
#[test]
fn pairs_of_vectors_across_pages_agree() {
    // vmovdqu ymm1, [rsi]; vpaddd ymm1, ymm1, [rsi]; vmovdqu [rdi], ymm1; vmovdqa ymm2, [rsi]; vzeroupper; int3
    let code = bytes("c5fe6f0ec5f5fe0ec5fe7f0fc5fd6f16c5f877cc");
    let mut pair = Pair::new(CodeSize::Bits64);
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code, ..Start::default() };
    start.high = core::array::from_fn(|n| 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10 * (n as u128 + 1));
    start.mem = vec![(0x20_0fe0, (0..64).collect())];
    start.gpr[4] = 0x18_1000;
    let mut compiled = 0;
    for offset in 0..64 {
        (start.gpr[6], start.gpr[7]) = (0x20_0fe0 + offset, 0x20_1fe0 - offset);
        compiled += pair.compare("across pages", &start, MOST);
        // Into what is loaded: the bytes of the lower half are those of the upper one before.
        start.gpr[7] = start.gpr[6] + 16;
        compiled += pair.compare("onto itself", &start, MOST);
        pair.same_memory();
    }
    assert!(compiled > 0);
    // The end of memory, behind which nothing is mapped.
    for offset in 0..32 {
        (start.gpr[6], start.gpr[7]) = (0x20_0fe0, RAM - 32 + offset);
        pair.compare("into nothing", &start, MOST);
        pair.same_memory();
    }
}

/// MXCSR changes in the middle of a region: what follows rounds as it says, and the other way round.
#[test]
fn a_new_mxcsr_holds_from_the_next_instruction_on() {
    // 1: mulsd xmm0, xmm1; ldmxcsr [rsi]; addsd xmm0, xmm1; ldmxcsr [rsi+4]; divsd xmm2, xmm1; cvtsd2si eax, xmm2;
    // addsd xmm3, xmm2; dec rcx; jnz 1b; int3
    let code = bytes("f20f59c10fae16f20f58c10fae5604f20f5ed1f20f2dc2f20f58da48ffc975dfcc");
    let mut pair = Pair::new(CodeSize::Bits64);
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code, ..Start::default() };
    start.xmm = core::array::from_fn(|n| (1.0 + 0.3 * n as f64).to_bits().into());
    (start.gpr[4], start.gpr[6], start.gpr[1]) = (0x18_1000, 0x20_0000, 100);
    for (first, second) in [(0x7fa0_u32, 0x1fa0_u32), (0x1fa0, 0x5fa0), (0x1f80, 0x1fa0), (0x9fe0, 0x3f80)] {
        start.mem = vec![(0x20_0000, [first.to_le_bytes(), second.to_le_bytes()].concat())];
        for mxcsr in [0x1f80, 0x1fa0] {
            start.mxcsr = Mxcsr::from_bits_retain(mxcsr);
            assert!(pair.compare("new MXCSR", &start, MOST) > 0);
        }
    }
    pair.same_memory();
}
