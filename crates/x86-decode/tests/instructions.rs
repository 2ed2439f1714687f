//! The iterator, and that EVEX-encoded instructions do not make it lose its place.

use x86_decode::{CodeSize, DecodeError, Instructions, Op};

#[test]
fn the_iterator_goes_on_behind_what_is_no_instruction() {
    let code = [0x90, 0x06, 0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0, 0xc3, 0xe8, 0x00];
    let found: Vec<_> = Instructions::new(CodeSize::Bits64, &code, 0x10)
        .map(|at| (at.rip, at.len, at.result.map(|insn| insn.op)))
        .collect();
    let expected = [
        (0x10, 1, Ok(Op::Nop)),
        (0x11, 1, Err(DecodeError::Undefined)),
        (0x12, 6, Err(DecodeError::Undefined)),
        (0x18, 1, Ok(Op::Ret)),
        (0x19, 2, Err(DecodeError::NeedMore)),
    ];
    assert_eq!(found, expected);
}

/// Random EVEX encodings that iced-x86 knows have its lengths.
#[test]
fn evex_lengths_are_those_of_iced() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let mut known = 0;
    for round in 0..600_000 {
        let mut code = [0; 16];
        code[..8].copy_from_slice(&random().to_le_bytes());
        code[8..].copy_from_slice(&random().to_le_bytes());
        let start = usize::from(round % 5 == 0);
        code[0] = 0x67;
        code[start] = 0x62;
        code[start + 1] = code[start + 1] & 0xf7 | 0xc0;
        code[start + 2] |= 4;
        for (size, bits) in [(CodeSize::Bits16, 16), (CodeSize::Bits32, 32), (CodeSize::Bits64, 64)] {
            let insn = iced_x86::Decoder::new(bits, &code, iced_x86::DecoderOptions::NONE).decode();
            if !insn.is_invalid() {
                let first = Instructions::new(size, &code, 0).next().unwrap();
                assert_eq!(usize::from(first.len), insn.len(), "{size:?} {code:02x?}: {insn:?}");
                known += 1;
            }
        }
    }
    assert!(known > 10_000, "only {known} were known");
}

#[test]
fn operations_are_read_back_from_their_names() {
    for &op in Op::ALL {
        let read: Op = op.to_string().parse().unwrap();
        assert_eq!(read.mnemonic(), op.mnemonic());
    }
    assert!("movs x".parse::<Op>().is_err());
}
