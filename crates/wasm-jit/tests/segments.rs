//! Code whose segments are not flat, and 16-bit code: the engines agree.

mod support;

use support::machine::{Old, Start, paragraph};
use support::pair::{MOST, Pair};
use support::random::Random;
use support::vectors::{Case, INTEGER, bytes, cases, instructions};
use x86_state::{SegAttr, Segment, Selector};
use x86_types::{CodeSize, Seg};

/// A segment of user code or data in protected mode.
fn segment(base: u64, limit: u32, attr: u16) -> Segment {
    Segment { base, limit, selector: Selector(0x23), attr: SegAttr::from_bits_retain(attr) }
}

const CODE_32: u16 = 0xc0fb;
const DATA_32: u16 = 0xc0f3;

/// The same start, seen through segments at `base` whose last byte is at `limit`.
fn moved(case: &Case, base: u64, limit: u32) -> Start {
    let mut start = Start::of(case);
    let mut segments = [segment(base, limit, DATA_32); 6];
    segments[Seg::Cs as usize] = segment(base, limit, CODE_32);
    start.at = Some((start.rip + base) & 0xffff_ffff);
    start.mem.iter_mut().for_each(|(at, _)| *at = at.wrapping_add(base) & 0xffff_ffff);
    start.segments = Some(segments);
    start
}

#[test]
fn integer_vectors_agree_in_32_bit_code_with_segments() {
    let cases: Vec<Case> = cases(32, &INTEGER);
    let mut pair = Pair::new(CodeSize::Bits32);
    let (mut compiled, mut count) = (0, 0);
    for (n, case) in cases.iter().step_by(23).enumerate() {
        let (base, limit) = [(0x1_0000, u32::MAX), (0xfff8_0010, 0x3f_ffff), (0x3_0004, 0x20_0fff)][n % 3];
        compiled += u64::from(pair.compare(&case.id, &moved(case, base, limit), MOST) > 0);
        count += 1;
    }
    pair.same_memory();
    println!("{compiled} of {count} cases were compiled");
    assert!(count > 100 && compiled * 100 > count * 55, "{compiled} of {count} cases were compiled");
}

/// Where 16-bit tests have their code.
const CODE: u16 = 0x2000;
const DATA: u16 = 0x3000;
const STACK: u16 = 0x4000;

/// Code at an offset in real or virtual-8086 mode, or in 16-bit protected mode.
fn small(code: Vec<u8>, ip: u64, old: Option<Old>) -> Start {
    let level = if old == Some(Old::Real) { 0x93 } else { 0xf3 };
    let mut segments = [DATA; 6].map(|selector| paragraph(selector, level));
    segments[Seg::Es as usize] = paragraph(DATA + 0x400, level);
    segments[Seg::Ss as usize] = paragraph(STACK, level);
    let of_code = if old.is_some() { level } else { level | 8 };
    segments[Seg::Cs as usize] = paragraph(CODE, of_code);
    if old.is_none() {
        segments[Seg::Cs as usize].selector = Selector(0x1b);
        segments[Seg::Ss as usize].selector = Selector(0x23);
    }
    let mut start = Start { code, rip: ip, rflags: 0x202, old, segments: Some(segments), ..Start::default() };
    start.at = Some((u64::from(CODE) << 4) + ip);
    start.gpr[4] = 0x1000;
    start
}

const ALL: [Option<Old>; 3] = [Some(Old::Real), Some(Old::Virtual8086), None];

/// What 32-bit snippets mean in 16-bit code, in a row.
#[test]
fn random_sequences_agree_in_16_bit_code() {
    let cases = cases(32, &INTEGER);
    let mut random = Random(0x6a09_e667_f3bc_c908);
    let mut pair = Pair::new(CodeSize::Bits16);
    let (mut compiled, mut count) = (0, 0);
    for n in 0..240 {
        let (mut code, mut ids) = (Vec::new(), Vec::new());
        while ids.len() < 3 + random.below(8) {
            let part = &cases[random.below(cases.len())];
            let whole = bytes(&part.code);
            if !instructions(CodeSize::Bits16, &whole).is_empty() {
                code.extend(whole);
                ids.push(part.id.as_str());
            }
        }
        let mut start = small(code, 0x100, ALL[n % 3]);
        for r in [0, 1, 2, 3, 5, 6, 7] {
            start.gpr[r] = match random.below(8) {
                0 => random.next() >> 32,
                1 => 0xfff0 + (random.next() >> 60),
                _ => random.next() >> 51,
            };
        }
        start.mem = vec![(0x3_0000 + 8 * n as u64, random.next().to_le_bytes().to_vec())];
        if n % 5 == 0 {
            // A limit in the midst of what is reached
            start.segments.as_mut().unwrap()[Seg::Ds as usize].limit = 0xfff;
        }
        compiled += u64::from(pair.compare(&ids.join(", "), &start, 1000) > 0);
        count += 1;
    }
    pair.same_memory();
    println!("{compiled} of {count} were compiled");
    assert!(compiled * 100 > count * 60, "{compiled} of {count} were compiled");
}

/// Programs of 16-bit code, stopped at many places.
#[test]
fn programs_agree_in_16_bit_code_wherever_they_are_stopped() {
    let programs = [
        // 1: add ax, cx; xor dx, ax; dec cx; jnz 1b; int3
        ("sum", "01c8 31c2 49 75f9 cc", 500),
        // 1: lodsb; stosb; adc bx, bx; loop 1b; int3
        ("copy", "ac aa 11db e2fa cc", 200),
        // 1: push cx; call f; pop cx; loop 1b; int3; f: mov ax, cx; mul ax; add [di], ax; ret
        ("calls", "51 e80400 59 e2f9 cc 89c8 f7e0 0105 c3", 300),
        // 1: push cx; mov ds, cx; push es; pop ds; mov cx, 40; rep movsb; sub di, 40; pop cx; loop 1b; int3
        ("segments", "51 8ed9 06 1f b92800 f3a4 83ef28 59 e2f0 cc", 100),
        // 1: mov bp, sp; mov [bp-6], ecx; add eax, [bp-6]; inc word [bx+si]; xchg al, ah; test cl, 7; jp 2f; sub bx, 2; 2: loop 1b
        ("frames", "89e5 66894efa 660346fa ff00 86e0 f6c107 7a03 83eb02 e2e8 cc", 300),
        // 1: mov edx, 66h; mov [edx*2+10h], cl; a32 lea esi, [edx+ecx*4]; loop 1b; int3
        ("wide addresses", "66ba66000000 67880c5510000000 67668d348a e2f1 cc", 100),
    ];
    for (name, code, cx) in programs {
        for old in ALL {
            let mut pair = Pair::new(CodeSize::Bits16);
            let mut start = small(bytes(&code.replace(' ', "")), 0x7c00, old);
            (start.gpr[1], start.gpr[3], start.gpr[6], start.gpr[7]) = (cx, 0x800, 0x200, 0x900);
            start.mem = vec![(0x3_0200, (0..=255).collect()), (0x4_1000, vec![0; 0x100])];
            let compiled = pair.compare(name, &start, MOST);
            // A segment register cannot hold just any selector in protected mode.
            assert!(compiled > 0 || name == "segments", "{name} is compiled, {old:?}");
            for most in (1..1500).step_by(71) {
                pair.compare(name, &start, most);
            }
            pair.same_memory();
        }
    }
}

/// Code and jumps at the ends of a code segment.
#[test]
fn offsets_of_code_wrap_or_fault_as_interpreted() {
    let cases = [
        // jmp -20h: to the upper end, from where it runs into the end
        (0x10, "ebde", 0xffff),
        // 1: dec cx; jnz 1b; jmp +4000h: beyond the end of 64 KiB
        (0xd000, "49 75fd e9fd3f", 0xffff),
        // The same in a segment that ends before
        (0x3000, "49 75fd e90020", 0x4fff),
        (0x3000, "49 75fd e9f51f", 0x4fff),
        // 1: dec cx; jnz 1b, the last bytes of the segment
        (0xfffd, "49 75fd", 0xffff),
        (0x4ffd, "49 75fd", 0x4fff),
        // 1: dec cx; jnz 1b; mov ax, 5000h; jmp ax
        (0x4000, "49 75fd b80050 ffe0", 0x4fff),
        // 1: dec cx; jnz 1b; push 5000h; ret
        (0x4000, "49 75fd 680050 c3", 0x4fff),
        // 1: dec cx; jnz 1b; call ffffh, where an instruction of two bytes begins
        (0x8000, "49 75fd e8f97f", 0xffff),
        // 1: a32 o32 jmp 18000h
        (0x8000, "49 75fd 66e9f7ff0000", 0xffff),
    ];
    let mut pair = Pair::new(CodeSize::Bits16);
    for (ip, code, limit) in cases {
        for old in ALL {
            let mut start = small(bytes(&code.replace(' ', "")), ip, old);
            start.gpr[1] = 20;
            start.segments.as_mut().unwrap()[Seg::Cs as usize].limit = limit;
            let code = u64::from(CODE) << 4;
            start.mem = vec![
                (code + 0xfff0, vec![0x90; 14]),
                (code + 0xfffe, vec![0x40, 0xb0]),
                (code + 0x1000, vec![0xcc; 16]),
                (code, vec![0x90; 0xf]),
            ];
            pair.compare(&format!("{code:x} {old:?}"), &start, 200);
        }
    }
    pair.same_memory();
}

/// The same bytes at two addresses of code: what is pushed is the offset of the one that runs.
#[test]
fn one_place_has_code_of_several_segments() {
    // 1: call 2f; 2: pop ax; add dx, ax; loop 1b; int3
    let code = bytes("e800005801c2e2f8cc");
    let mut pair = Pair::new(CodeSize::Bits16);
    for down in [0, 0x10, 0x7ff, 0] {
        let mut start = small(code.clone(), 0x100 + 16 * u64::from(down), Some(Old::Real));
        start.at = Some((u64::from(CODE) << 4) + 0x100);
        start.segments.as_mut().unwrap()[Seg::Cs as usize] = paragraph(CODE - down, 0x93);
        start.gpr[1] = 30;
        assert!(pair.compare(&format!("{down:x}"), &start, MOST) > 0);
    }
}
