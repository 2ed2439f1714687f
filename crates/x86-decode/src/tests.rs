//! Prefix rules, totality, coverage of the table, and text.

extern crate std;

use crate::table::{self, index::MAPS};
use crate::{DecodeError, InsnFlags, Instruction, Op, OperandKind, decode};
use proptest::prelude::*;
use std::{format, vec::Vec};
use x86_types::{CodeSize, Seg, Width};

const SIZES: [CodeSize; 3] = [CodeSize::Bits16, CodeSize::Bits32, CodeSize::Bits64];

fn bytes(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn insn(size: CodeSize, text: &str) -> Instruction {
    decode(size, &bytes(text)).unwrap_or_else(|error| panic!("{size:?} {text}: {error}"))
}

fn in64(text: &str) -> Instruction {
    insn(CodeSize::Bits64, text)
}

#[test]
fn every_operation_has_a_row() {
    let rows: Vec<_> =
        (0..MAPS).flat_map(|map| (0..=255).flat_map(move |opcode| table::rows(map, opcode))).collect();
    let missing: Vec<_> = Op::ALL.iter().filter(|op| !rows.iter().any(|row| row.op == **op)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Of the rows of an opcode the first that matches counts, so a row must not hide behind the ones before it.
#[test]
fn every_row_is_reachable() {
    const KEYS: u16 = 1 << 15;
    for map in 0..MAPS {
        for opcode in 0..=255 {
            let rows = table::rows(map, opcode);
            let mut reached = [false; 256];
            for key in 0..KEYS {
                if let Some(i) = rows.iter().position(|row| row.matches(key, !0)) {
                    reached[i] = true;
                }
            }
            for (row, reached) in rows.iter().zip(reached) {
                assert!(reached, "map {map} opcode {opcode:#x}: {:?}", row.op);
            }
        }
    }
}

#[test]
fn operand_and_address_sizes_follow_mode_prefixes_and_opcode() {
    use CodeSize::{Bits16, Bits32, Bits64};
    use Width::{B1, B2, B4, B8};
    for (size, text, opsize, addrsize) in [
        (Bits16, "01 c0", B2, B2),
        (Bits16, "66 67 01 c0", B4, B4),
        (Bits32, "01 c0", B4, B4),
        (Bits32, "66 67 01 c0", B2, B2),
        (Bits64, "01 c0", B4, B8),
        (Bits64, "66 67 01 c0", B2, B4),
        (Bits64, "66 48 01 c0", B8, B8),
        (Bits64, "48 66 01 c0", B2, B8),
        (Bits64, "00 c0", B1, B8),
        (Bits64, "50", B8, B8),
        (Bits64, "66 50", B2, B8),
        (Bits64, "66 e8 00 00 00 00", B8, B8),
        (Bits64, "66 c3", B8, B8),
        (Bits64, "cb", B4, B8),
        (Bits64, "48 ed", B4, B8),
        (Bits16, "0f 20 c0", B4, B2),
        (Bits64, "66 0f 20 c0", B8, B8),
        (Bits32, "66 e8 00 00", B2, B4),
    ] {
        let insn = insn(size, text);
        assert_eq!((insn.opsize, insn.addrsize), (opsize, addrsize), "{size:?} {text}");
        assert_eq!(insn.len as usize, bytes(text).len(), "{size:?} {text}");
    }
}

#[test]
fn mandatory_prefixes_take_precedence() {
    for (text, op) in [
        ("0f 10 c0", Op::Movups),
        ("66 0f 10 c0", Op::Movupd),
        ("f3 66 0f 10 c0", Op::Movss),
        ("66 f2 0f 10 c0", Op::Movsd),
        ("f2 f3 0f 10 c0", Op::Movss),
        ("f3 f2 0f 10 c0", Op::Movsd),
        ("f3 0f bc c0", Op::Tzcnt),
        ("f2 0f bc c0", Op::Bsf),
        ("f3 0f 1e fa", Op::Endbr64),
        ("f3 0f 1e fb", Op::Endbr32),
        ("f3 0f 1e c8", Op::Rdsspd),
        ("f3 48 0f 1e c8", Op::Rdsspq),
        ("0f 1e fa", Op::Nop),
        ("f3 90", Op::Pause),
        ("41 90", Op::Xchg),
        ("66 f2 0f 38 f1 c0", Op::Crc32),
    ] {
        assert_eq!(in64(text).op, op, "{text}");
    }
}

#[test]
fn segments_of_64_bit_code() {
    for (text, seg, overridden) in [
        ("8b 00", Seg::Ds, false),
        ("8b 04 24", Seg::Ss, false),
        ("8b 45 00", Seg::Ss, false),
        ("41 8b 45 00", Seg::Ds, false),
        ("3e 8b 45 00", Seg::Ss, false),
        ("2e 8b 00", Seg::Ds, false),
        ("64 8b 45 00", Seg::Fs, true),
        ("65 2e 8b 00", Seg::Gs, true),
    ] {
        let insn = in64(text);
        assert_eq!(insn.seg, seg, "{text}");
        assert_eq!(insn.flags.contains(InsnFlags::SEG_OVERRIDE), overridden, "{text}");
    }
    assert_eq!(insn(CodeSize::Bits32, "3e 8b 45 00").seg, Seg::Ds);
    assert_eq!(insn(CodeSize::Bits16, "8b 02").seg, Seg::Ss);
}

#[test]
fn undefined_encodings() {
    use CodeSize::{Bits32, Bits64};
    for (size, text) in [
        (Bits64, "06"),
        (Bits64, "ce"),
        (Bits64, "f0 01 c0"),
        (Bits64, "f0 03 00"),
        (Bits64, "f0 90"),
        (Bits64, "8e c8"),
        (Bits64, "8e f0"),
        (Bits64, "0f 20 c8"),
        (Bits64, "44 0f 21 c0"),
        (Bits64, "8d c0"),
        (Bits64, "62 f1 7c 48 58 c0"),
        (Bits32, "62 c0"),
        (Bits64, "66 c5 f8 58 c0"),
        (Bits64, "40 c5 f8 58 c0"),
        (Bits64, "f0 c5 f8 58 c0"),
        (Bits64, "c5 f0 28 c0"),
        (Bits64, "c5 fc 6e c0"),
        (Bits64, "8f e9 78 01 c8"),
        (Bits64, "0f 0f c0 9e"),
        (Bits64, "0f 01 c1"),
        (Bits64, "c4 e2 71 92 04 08"),
    ] {
        assert_eq!(decode(size, &bytes(text)), Err(DecodeError::Undefined), "{size:?} {text}");
    }
    assert_eq!(insn(Bits32, "c5 00").op, Op::Lds);
    assert_eq!(insn(Bits32, "62 00").op, Op::Bound);
}

#[test]
fn fifteen_bytes_are_the_most() {
    let mut code = [0x66; 17];
    code[14] = 0x90;
    for size in SIZES {
        assert_eq!(decode(size, &code).map(|insn| insn.len), Ok(15));
        assert_eq!(decode(size, &[0x66; 14]), Err(DecodeError::NeedMore));
        assert_eq!(decode(size, &[0x66; 15]), Err(DecodeError::TooLong));
        assert_eq!(decode(size, &[0x66; 17]), Err(DecodeError::TooLong));
    }
}

#[test]
fn block_ends_and_privileges() {
    let both = InsnFlags::ENDS_BLOCK | InsnFlags::PRIVILEGED;
    for (text, flags) in [
        ("eb 00", InsnFlags::ENDS_BLOCK),
        ("f4", both),
        ("0f 22 c0", both),
        ("0f 20 c0", InsnFlags::PRIVILEGED),
        ("8e d0", InsnFlags::ENDS_BLOCK),
        ("8c d0", InsnFlags::empty()),
        ("f3 a4", InsnFlags::ENDS_BLOCK),
        ("a4", InsnFlags::empty()),
        ("f3 c3", InsnFlags::ENDS_BLOCK),
        ("fb", InsnFlags::ENDS_BLOCK),
        ("0f 01 d1", both),
        ("01 c0", InsnFlags::empty()),
    ] {
        assert_eq!(in64(text).flags & both, flags, "{text}");
    }
    assert!(in64("f3 a4").flags.contains(InsnFlags::REP));
    assert!(!in64("f3 c3").flags.contains(InsnFlags::REP));
}

#[test]
fn memory_offsets_are_full_and_marked() {
    let load = in64("48 a1 88 77 66 55 44 33 22 11");
    assert_eq!((load.imm, load.disp), (0x1122_3344_5566_7788, 0));
    assert!(load.flags.contains(InsnFlags::MOFFS));
    assert_eq!(load.operands[1].kind, OperandKind::Mem);
    assert_eq!(in64("67 a1 44 33 22 f1").imm, 0xf122_3344);
}

#[test]
fn text_is_intel_syntax() {
    use CodeSize::{Bits16, Bits32, Bits64};
    for (size, code, text) in [
        (Bits64, "8b 44 8f 08", "mov eax,[rdi+rcx*4+8h]"),
        (Bits64, "c7 00 ff ff ff ff", "mov dword [rax],0FFFFFFFFh"),
        (Bits64, "d2 20", "shl byte [rax],cl"),
        (Bits64, "d1 20", "shl dword [rax],1"),
        (Bits64, "0f b6 45 f0", "movzx eax,byte [rbp-10h]"),
        (Bits64, "8b 05 10 00 00 00", "mov eax,[rel 1016h]"),
        (Bits64, "f0 48 0f b1 0a", "lock cmpxchg [rdx],rcx"),
        (Bits64, "f3 48 ab", "rep stosq"),
        (Bits64, "f3 a6", "repe cmpsb"),
        (Bits64, "74 fe", "je 1000h"),
        (Bits64, "64 8b 04 25 28 00 00 00", "mov eax,[fs:28h]"),
        (Bits64, "c8 10 00 02", "enter 10h,2h"),
        (Bits64, "0f 22 d8", "mov cr3,rax"),
        (Bits64, "c5 fc 58 00", "vaddps ymm0,ymm0,[rax]"),
        (Bits64, "f3 0f 58 00", "addss xmm0,dword [rax]"),
        (Bits64, "c4 e2 69 92 04 08", "vgatherdps xmm0,dword [rax+xmm1],xmm2"),
        (Bits64, "48 98", "cdqe"),
        (Bits64, "48 0f ae 00", "fxsave64 [rax]"),
        (Bits32, "ea 78 56 34 12 08 00", "jmp far 8h:12345678h"),
        (Bits32, "61", "popad"),
        (Bits16, "26 8a 40 fe", "mov al,[es:bx+si-2h]"),
        (Bits16, "e3 00", "jcxz 1002h"),
        (Bits16, "a1 34 12", "mov ax,[1234h]"),
        (Bits16, "0f 94 c4", "sete ah"),
        (Bits32, "dc c1", "fadd st1,st0"),
        (Bits64, "f3 0f 1e fa", "endbr64"),
        (Bits64, "f3 48 0f 1e c8", "rdsspq rax"),
        (Bits64, "0f 18 08", "prefetcht0 [rax]"),
    ] {
        assert_eq!(format!("{}", insn(size, code).display(0x1000)), text, "{code}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// A proper prefix of an instruction never decodes as another one, and bytes after it have no effect.
    #[test]
    fn prefixes_of_instructions_need_more(code in prop::array::uniform20(any::<u8>()), escape in 0usize..8) {
        let mut code = code;
        match escape {
            0 => code[0] = 0x0f,
            1 => code[..2].copy_from_slice(&[0x0f, 0x38]),
            2 => code[..2].copy_from_slice(&[0x66, 0x0f]),
            3 => code[0] = 0xc5,
            4 => code[..2].copy_from_slice(&[0xc4, 0xe2]),
            _ => {}
        }
        for size in SIZES {
            let full = decode(size, &code);
            prop_assert_ne!(full, Err(DecodeError::NeedMore));
            if let Ok(insn) = full {
                let _ = format!("{}", insn.display(u64::MAX));
            }
            for len in 0..code.len() {
                let part = decode(size, &code[..len]);
                match full {
                    Ok(insn) if len < insn.len as usize => prop_assert_eq!(part, Err(DecodeError::NeedMore)),
                    Err(_) if len < 15 => prop_assert!(part == full || part == Err(DecodeError::NeedMore)),
                    _ => prop_assert_eq!(part, full),
                }
            }
        }
    }
}
