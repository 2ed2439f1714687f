//! Random and structured byte strings against iced-x86: length, validity, operation and operands.
//!
//! `X86_DECODE_COUNT` sets the number of byte strings per mode.

mod oracle;

use oracle::{Expect, Oracle};
use std::collections::BTreeMap;
use x86_decode::{DecodeError, Op, decode};
use x86_types::CodeSize;

/// Byte strings per mode unless the environment says otherwise.
const DEFAULT_COUNT: u64 = 10_000_000;

struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 32) % n
    }
}

const PREFIXES: [u8; 13] = [0x66, 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66];

/// Sixteen bytes and how many of them are used; half of the strings are plain noise.
fn byte_string(rng: &mut Xorshift) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&rng.next().to_le_bytes());
    bytes[8..].copy_from_slice(&rng.next().to_le_bytes());
    let shape = rng.next();
    if shape & 3 == 0 {
        return bytes;
    }
    let mut at = 0;
    for _ in 0..[0, 0, 0, 1, 1, 1, 2, 3][(shape >> 2 & 7) as usize] {
        bytes[at] = PREFIXES[rng.below(13) as usize];
        at += 1;
    }
    if shape >> 5 & 3 == 0 {
        bytes[at] = 0x40 | bytes[at] & 15;
        at += 1;
    }
    match shape >> 7 & 7 {
        0 | 1 => {}
        2 | 3 => bytes[at] = 0x0f,
        4 => bytes[at..at + 2].copy_from_slice(&[0x0f, 0x38]),
        5 => bytes[at..at + 2].copy_from_slice(&[0x0f, 0x3a]),
        6 => bytes[at] = 0xc5,
        _ => {
            bytes[at] = 0xc4;
            bytes[at + 1] = bytes[at + 1] & 0xe0 | (1 + (shape >> 10) as u8 % 3);
        }
    }
    // Outside 64-bit mode VEX needs 11 in the next byte's top bits; vvvv is often unused.
    if shape >> 7 & 7 >= 6 {
        if shape >> 20 & 3 != 0 {
            bytes[at + 1] |= 0xc0;
        }
        if shape >> 22 & 1 == 0 {
            bytes[at + 1 + (shape >> 7 & 1) as usize] |= 0x78;
        }
        if shape >> 7 & 7 == 7 && shape >> 23 & 1 == 0 {
            bytes[at + 1] = bytes[at + 1] & 0xe0 | (1 + (shape >> 10) as u8 % 3);
        }
    }
    bytes
}

fn compare(oracle: &Oracle, size: CodeSize, bytes: &[u8]) -> Result<Option<Op>, String> {
    let ours = decode(size, bytes);
    let nop = ours.is_ok_and(|insn| insn.op == Op::Nop);
    let theirs = oracle.decode(size, bytes, nop);
    match (ours, theirs) {
        (Err(DecodeError::NeedMore), _) => Err("NeedMore with 15 bytes".into()),
        (Err(_), Expect::Undefined) => Ok(None),
        // iced has CET's ENDBR without other prefixes; with them the bytes are in the hint space all the same.
        (Ok(insn), Expect::Undefined) if matches!(insn.op, Op::Endbr32 | Op::Endbr64) => {
            match oracle.decode(size, bytes, true) {
                Expect::Insn(hint) if hint.len() == usize::from(insn.len) => Ok(Some(insn.op)),
                _ => Err(format!("{:?} is no hint", insn.op)),
            }
        }
        (Ok(insn), Expect::Undefined) => Err(format!("{:?} should be undefined", insn.op)),
        (Err(error), Expect::Insn(insn)) => Err(format!("{:?} is {error:?}", insn.code())),
        (Ok(ours), Expect::Insn(theirs)) => oracle.compare(&ours, &theirs).map(|()| Some(ours.op)),
    }
}

fn count() -> u64 {
    std::env::var("X86_DECODE_COUNT").ok().and_then(|n| n.parse().ok()).unwrap_or(DEFAULT_COUNT)
}

/// Compares byte strings of one mode; the operations that came up.
fn run(size: CodeSize, seed: u64) -> Vec<bool> {
    let oracle = Oracle::new();
    let mut rng = Xorshift(seed);
    let mut failures: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut seen = vec![false; Op::COUNT];
    for _ in 0..count() {
        let bytes = byte_string(&mut rng);
        match compare(&oracle, size, &bytes) {
            Ok(Some(op)) => seen[op as usize] = true,
            Ok(None) => {}
            Err(what) => {
                let entry = failures.entry(what).or_insert_with(|| (0, format!("{bytes:02x?}")));
                entry.0 += 1;
            }
        }
    }
    let report: Vec<String> =
        failures.iter().take(100).map(|(what, (n, bytes))| format!("{what} ({n} times): {bytes}")).collect();
    assert!(failures.is_empty(), "{size:?}: {} kinds\n{}", failures.len(), report.join("\n"));
    seen
}

#[test]
fn agrees_with_iced_in_every_mode() {
    let modes = [
        (CodeSize::Bits16, 0x9e37_79b9_7f4a_7c15),
        (CodeSize::Bits32, 0xbf58_476d_1ce4_e5b9),
        (CodeSize::Bits64, 0x94d0_49bb_1331_11eb),
    ];
    let seen: Vec<Vec<bool>> = std::thread::scope(|scope| {
        let threads = modes.map(|(size, seed)| scope.spawn(move || run(size, seed)));
        threads.into_iter().map(|thread| thread.join().expect("this mode disagrees")).collect()
    });
    if count() >= DEFAULT_COUNT {
        let unseen: Vec<&Op> =
            Op::ALL.iter().filter(|op| !seen.iter().any(|seen| seen[**op as usize])).collect();
        assert!(unseen.is_empty(), "never compared: {unseen:?}");
    }
}
