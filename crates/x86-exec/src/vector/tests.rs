//! Each kind of lane operation against values worked out by the manual.

use super::{VecOp, execute, handler, string};
use crate::Vcpu;
use x86_decode::{Feature, InsnFlags, Instruction, NO_REG, Op, Operand, OperandKind};
use x86_state::cpuid::CpuModel;
use x86_state::{Cpu, Cr4, Mxcsr};
use x86_types::{Exception, Seg, Width};

fn cpu() -> Cpu {
    let mut cpu = Cpu::new(CpuModel::MAX);
    cpu.cr4 |= Cr4::OSFXSR | Cr4::OSXMMEXCPT;
    cpu
}

fn singles(x: [f32; 4]) -> u128 {
    x.iter().rev().fold(0, |sum, x| sum << 32 | u128::from(x.to_bits()))
}

fn doubles(x: [f64; 2]) -> u128 {
    u128::from(x[0].to_bits()) | u128::from(x[1].to_bits()) << 64
}

#[test]
fn integer_operations_give_the_manuals_results() {
    use VecOp::*;
    let a = 0x8000_7fff_ffff_0001_00ff_ff00_7f80_0180;
    let b = 0x8000_0001_0001_ffff_0001_0100_8001_0002;
    let count = b & 0xff;
    let cases: &[(VecOp, u128, u128, u8, u128)] = &[
        (And, a, b, 0, a & b),
        (Andn, a, b, 0, !a & b),
        (Paddb, a, b, 0, 0x0000_7f00_ff00_ff00_0000_0000_ff81_0182),
        (Paddw, a, b, 0, 0x0000_8000_0000_0000_0100_0000_ff81_0182),
        (Paddq, u128::MAX, 1, 0, 0xffff_ffff_ffff_ffff_0000_0000_0000_0000),
        (Paddsw, a, b, 0, 0x8000_7fff_0000_0000_0100_0000_ff81_0182),
        (Paddusw, a, b, 0, 0xffff_8000_ffff_ffff_0100_ffff_ff81_0182),
        (Psubusb, a, b, 0, 0x0000_7ffe_fffe_0000_00fe_fe00_007f_017e),
        (Pmulhw, a, b, 0, 0x4000_0000_ffff_ffff_0000_ffff_c040_0000),
        (Pmulhuw, a, b, 0, 0x4000_0000_0000_0000_0000_00ff_3fc0_0000),
        (Pmulhrsw, a, b, 0, 0x8000_0001_0000_0000_0000_fffe_8081_0000),
        (Pmaddwd, a, b, 0, 0x4000_7fff_ffff_fffe_ffff_00ff_c040_8280),
        (Pmaddubsw, 0xffff_ffff, 0x7f7f_8080, 0, 0x7fff_8000),
        (Pmuldq, u128::MAX, 2, 0, 0xffff_ffff_ffff_fffe),
        (Pmuludq, u128::MAX, 2, 0, 0x1_ffff_fffe),
        (Psadbw, a, b, 0, 0x0000_0000_0000_0577_0000_0000_0000_02fb),
        (Mpsadbw, 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100, 0, 4, 0x0032_002e_002a_0026_0022_001e_001a_0016),
        (Pavgb, 0xff00, 0x0001, 0, 0x8001),
        (Pminsb, 0x807f, 0x7f80, 0, 0x8080),
        (Pmaxud, 0x8000_0000, 1, 0, 0x8000_0000),
        (Pcmpgtb, 0x7f80, 0x807f, 0, 0xff00),
        (Pcmpeqq, 5, 5, 0, u128::MAX),
        (Psignw, 0x0005_8000_0007, 0xffff_8000_0000, 0, 0xfffb_8000_0000),
        (Pabsb, 0, 0x80ff, 0, 0x8001),
        (Phaddw, 0x0002_0001_7fff_0001, 0x0004_0003, 0, 0x0000_0000_0000_0007_0000_0000_0003_8000),
        (Phsubsw, 0x0001_8000, 0, 0, 0x8000),
        (Phminposuw, 0, 0x0005_0003_0009_0003_0007_0008_0006_0004, 0, 0x4_0003),
        (Psllw, a, count, 0, 0x0000_fffc_fffc_0004_03fc_fc00_fe00_0600),
        (Psraw, a, 16, 0, 0xffff_0000_ffff_0000_0000_ffff_0000_0000),
        (Psrld, a, 1 << 63, 0, 0),
        (PsradImm, a, 0, 255, 0xffff_ffff_ffff_ffff_0000_0000_0000_0000),
        (Pslldq, a, 0, 15, 0x80 << 120),
        (Psrldq, a, 0, 16, 0),
        (Palignr, 0x1f, b, 15, 0x1f80),
        (Palignr, a, b, 31, 0x80),
        (Palignr, a, b, 0, b),
        (Packsswb, 0x8000_7fff_ff80_007f, 0, 0, 0x807f_807f),
        (Packuswb, 0x8000_7fff_ff80_007f, 0, 0, 0x00ff_007f),
        (Packssdw, 0x8000_0000_0001_0000, 0, 0, 0x8000_7fff),
        (Packusdw, 0x8000_0000_0001_0000, 0, 0, 0x0000_ffff),
        (
            Punpcklwd,
            0x0004_0003_0002_0001,
            0x0008_0007_0006_0005,
            0,
            0x0008_0004_0007_0003_0006_0002_0005_0001,
        ),
        (Punpckhqdq, 1 << 64, 2 << 64, 0, 2 << 64 | 1),
        (
            Pshufb,
            0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100,
            0x0080_130f,
            0,
            0x0000_0000_0000_0000_0000_0000_0000_030f,
        ),
        (Pshufd, 0, 0x4_0000_0003_0000_0002_0000_0001, 0b00_01_10_11, 0x1_0000_0002_0000_0003_0000_0004),
        (Pshufhw, 0, 0x0004_0003_0002_0001_0000_0000_0000_0009, 0, 0x0001_0001_0001_0001_0000_0000_0000_0009),
        (
            Shufps,
            0x4_0000_0003_0000_0002_0000_0001,
            0x8_0000_0007_0000_0006_0000_0005,
            0b11_10_01_00,
            0x8_0000_0007_0000_0002_0000_0001,
        ),
        (Pblendw, 0, u128::MAX, 0b1000_0001, 0xffff_0000_0000_0000_0000_0000_0000_ffff),
        (Insertps, u128::MAX, 7 << 96, 0b1101_0100, 0xffff_ffff_0000_0000_0000_0007_ffff_ffff),
        (Pmovsxbq, 0, 0x7f80, 0, 0x0000_0000_0000_007f_ffff_ffff_ffff_ff80),
        (Pmovzxwd, 0, 0xffff, 0, 0xffff),
        (Pmovmskb, 0, 0x80 << 120 | 0x80, 0, 0x8001),
        (Movmskpd, 0, 1 << 127, 0, 2),
        (Ptest, 0xf0, 0x0f, 0, 0x40),
        (Ptest, 0xff, 0x0f, 0, 0x01),
        (Pclmulqdq, 0, 3 << 64 | 1, 0x10, 0),
        (Pclmulqdq, 3, 3 << 64, 0x10, 5),
        (Gf2p8mulb, 0x57, 0x83, 0, 0xc1),
    ];
    for &(op, a, b, imm, want) in cases {
        let got = execute(&mut cpu(), op, a, b, imm);
        assert_eq!(got, Ok(want), "{op:?}: {:032x}", got.unwrap_or_default());
    }
}

#[test]
fn aes_follows_fips_197() {
    // FIPS 197, appendix B: the state at the start of round 1 and 2, and the round key between.
    let bytes = |text: &str| u128::from_str_radix(text, 16).map(u128::swap_bytes);
    let (Ok(start), Ok(next), Ok(key)) = (
        bytes("193de3bea0f4e22b9ac68d2ae9f84808"),
        bytes("a49c7ff2689f352b6b5bea43026a5049"),
        bytes("a0fafe1788542cb123a339392a6c7605"),
    ) else {
        panic!("not hexadecimal");
    };
    assert_eq!(execute(&mut cpu(), VecOp::Aesenc, start, key, 0), Ok(next));
    let Ok(mixed) = execute(&mut cpu(), VecOp::Aesimc, 0, next ^ key, 0) else {
        panic!("no exception is possible")
    };
    assert_eq!(execute(&mut cpu(), VecOp::Aesdeclast, mixed, 0, 0), Ok(start));
}

#[test]
fn scalar_operations_keep_the_other_lanes() {
    let a = singles([1.5, 10.0, 20.0, 30.0]);
    let b = singles([2.0, 1.0, 1.0, 1.0]);
    let sum = execute(&mut cpu(), VecOp::Addss, a, b, 0);
    assert_eq!(sum, Ok(singles([3.5, 10.0, 20.0, 30.0])));
    let root = execute(&mut cpu(), VecOp::Sqrtsd, doubles([7.0, 8.0]), doubles([9.0, 1.0]), 0);
    assert_eq!(root, Ok(doubles([3.0, 8.0])));
    let wide = execute(&mut cpu(), VecOp::Cvtsi2sd64, doubles([7.0, 8.0]), (-5i64 as u64).into(), 0);
    assert_eq!(wide, Ok(doubles([-5.0, 8.0])));
    let packed = execute(&mut cpu(), VecOp::Haddps, a, b, 0);
    assert_eq!(packed, Ok(singles([11.5, 50.0, 3.0, 2.0])));
    let alternating = execute(&mut cpu(), VecOp::Addsubps, a, b, 0);
    assert_eq!(alternating, Ok(singles([-0.5, 11.0, 19.0, 31.0])));
}

#[test]
fn an_unmasked_exception_sets_its_flag_and_gives_no_result() {
    let (one, zero) = (singles([1.0; 4]), singles([1.0, 0.0, 1.0, 1.0]));
    let mut processor = cpu();
    let masked = execute(&mut processor, VecOp::Divps, one, zero, 0);
    assert_eq!(masked, Ok(singles([1.0, f32::INFINITY, 1.0, 1.0])));
    assert_eq!(processor.mxcsr, Mxcsr::RESET | Mxcsr::ZE);
    for (bits, exception) in
        [(Cr4::OSXMMEXCPT, Exception::SimdFloatingPoint), (Cr4::empty(), Exception::InvalidOpcode)]
    {
        let mut processor = cpu();
        processor.cr4 = bits | Cr4::OSFXSR;
        processor.mxcsr = Mxcsr::RESET - Mxcsr::ZM;
        assert_eq!(execute(&mut processor, VecOp::Divps, one, zero, 0), Err(exception));
        assert_eq!(processor.mxcsr, (Mxcsr::RESET - Mxcsr::ZM) | Mxcsr::ZE);
    }
}

#[test]
fn an_unmasked_operand_exception_hides_those_of_results() {
    let mut processor = cpu();
    processor.mxcsr = Mxcsr::RESET - Mxcsr::ZM;
    // Lane 0 would be inexact, lane 1 divides by zero.
    let outcome = execute(&mut processor, VecOp::Divps, singles([1.0; 4]), singles([3.0, 0.0, 1.0, 1.0]), 0);
    assert_eq!(outcome, Err(Exception::SimdFloatingPoint));
    assert_eq!(processor.mxcsr & Mxcsr::from_bits_retain(0x3f), Mxcsr::ZE);
}

#[test]
fn approximations_are_within_the_manuals_bound() {
    let mut x = 0x0080_0000u32;
    while x < 0x7f00_0000 {
        let value = f64::from(f32::from_bits(x));
        for (op, exact) in [(VecOp::Rcpss, 1.0 / value), (VecOp::Rsqrtss, 1.0 / value.sqrt())] {
            let got = execute(&mut cpu(), op, 0, x.into(), 0).unwrap_or_default();
            let got = f64::from(f32::from_bits(got as u32));
            let tiny = exact < f64::from(f32::MIN_POSITIVE) && got == 0.0;
            assert!(tiny || ((got - exact) / exact).abs() <= 1.5 / 4096.0, "{op:?} {value} {got}");
        }
        x += 0x1_2345;
    }
    for (op, x, want) in [
        (VecOp::Rcpss, 0x8000_0000u32, 0xff80_0000u128),
        (VecOp::Rcpss, 0x0000_0001, 0x7f80_0000),
        (VecOp::Rcpss, 0xff80_0000, 0x8000_0000),
        (VecOp::Rsqrtss, 0x8000_0000, 0xff80_0000),
        (VecOp::Rsqrtss, 0xbf80_0000, 0xffc0_0000),
        (VecOp::Rsqrtss, 0x7f80_0001, 0x7fc0_0001),
        (VecOp::Rsqrtss, 0x7f80_0000, 0),
    ] {
        assert_eq!(execute(&mut cpu(), op, 0, x.into(), 0), Ok(want), "{op:?} {x:08x}");
    }
}

#[test]
fn no_operation_panics_whatever_the_operands() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for &op in VecOp::ALL {
        for _ in 0..200 {
            let mut processor = cpu();
            processor.mxcsr = Mxcsr::from_bits_retain(next() as u32 & Mxcsr::MASK);
            let mut operand = || {
                let x = u128::from(next()) << 64 | u128::from(next());
                match next() % 4 {
                    0 => x & 0x8000_0000_8000_0000_8000_0000_8000_0000,
                    1 => x | 0x7f80_8000_ffff_7fff_7fff_8000_7ff0_0000,
                    _ => x,
                }
            };
            let (a, b) = (operand(), operand());
            let outcome = execute(&mut processor, op, a, b, next() as u8);
            assert!(outcome.is_ok() || op.is_float(), "{op:?} {a:032x} {b:032x}");
        }
    }
}

#[test]
fn string_comparisons_follow_the_four_aggregations() {
    let text = |s: &str| s.bytes().rev().fold(0, |sum, byte| sum << 8 | u128::from(byte));
    let run = |a: &str, b: &str, imm: u8| {
        let (a, b) = (text(a), text(b));
        string::compare(a, string::implicit_length(a, imm), b, string::implicit_length(b, imm), imm)
    };
    for (a, b, imm, bits, index, flags) in [
        ("aeiou", "string", 0x00, 0b1000, 3, 0xc1),
        ("az", "A1bc", 0x04, 0b1100, 2, 0xc1),
        ("abc", "abd", 0x08, 0xfffb, 0, 0x8c1),
        ("abc", "abc", 0x18, 0, 16, 0xc0),
        ("na", "banana", 0x0c, 0b10100, 2, 0xc1),
        ("na", "banana", 0x4c, 0b10100, 4, 0xc1),
        ("xyz", "0123456789abcdef", 0x00, 0, 16, 0x80),
    ] {
        let got = run(a, b, imm);
        assert_eq!((got.bits, got.index(imm), got.flags), (bits, index, flags), "{a} {b} {imm:02x}");
    }
    assert_eq!(run("na", "banana", 0x4c).mask(0x4c), 0xff_00ff_0000);
    assert_eq!(run("na", "banana", 0x0c).mask(0x0c), 0b10100);
    assert_eq!(string::explicit_length(i64::MIN, 0), 16);
    assert_eq!(string::explicit_length(-3, 1), 3);
}

/// An instruction of registers or memory, as the decoder would make it
fn instruction(op: Op, operands: [OperandKind; 2]) -> Instruction {
    let operand = |kind| Operand { kind, reg: if kind == OperandKind::Mem { 3 } else { 0 } };
    Instruction {
        op,
        flags: InsnFlags::empty(),
        len: 4,
        seg: Seg::Ds,
        opsize: Width::B4,
        addrsize: Width::B8,
        operands: [operand(operands[0]), operand(operands[1]), Operand::default(), Operand::default()],
        base: NO_REG,
        index: NO_REG,
        scale: 0,
        cc: 0,
        disp: 0,
        imm: 0,
    }
}

#[test]
fn every_legacy_vector_operation_has_a_meaning() {
    use OperandKind::{Gpr32, Imm, Mem, Mmx, Xmm};
    let shapes = [
        [Xmm, Xmm],
        [Xmm, Imm],
        [Xmm, Mem],
        [Mem, Xmm],
        [Xmm, Gpr32],
        [Gpr32, Xmm],
        [Mmx, Mmx],
        [Mem, Mmx],
        [Mem, Gpr32],
    ];
    let mut missing = Vec::new();
    for &op in Op::ALL {
        let vector = matches!(
            op.feature(),
            Feature::Mmx
                | Feature::Sse
                | Feature::Sse2
                | Feature::Sse3
                | Feature::Ssse3
                | Feature::Sse41
                | Feature::Sse42
                | Feature::Aes
                | Feature::Pclmulqdq
                | Feature::Sha
                | Feature::Gfni
        );
        // Concrete, integer or x87 instructions of these features
        let elsewhere = matches!(
            op,
            Op::Emms
                | Op::Ldmxcsr
                | Op::Stmxcsr
                | Op::Sfence
                | Op::Lfence
                | Op::Mfence
                | Op::Prefetchnta
                | Op::Prefetcht0
                | Op::Prefetcht1
                | Op::Prefetcht2
                | Op::Fisttp
                | Op::Crc32
                | Op::Maskmovq
                | Op::Maskmovdqu
                | Op::Sha256rnds2
                | Op::Pcmpestri
                | Op::Pcmpestrm
                | Op::Pcmpistri
                | Op::Pcmpistrm
        );
        let found = shapes.iter().any(|&shape| handler::<Vcpu>(&instruction(op, shape)).is_some());
        if vector && !elsewhere && !found {
            missing.push(op);
        }
    }
    assert_eq!(missing, [], "operations without a meaning");
}

/// Every VEX-encoded operation on vector registers, for each encoding that the decoder accepts: without a handler it is
/// executed by number, and has that operation.
#[test]
fn every_vex_operation_has_a_meaning() {
    let concrete = |op: Op| {
        let name = op.mnemonic();
        matches!(
            op,
            Op::Vldmxcsr
                | Op::Vstmxcsr
                | Op::Vmaskmovdqu
                | Op::Vpermd
                | Op::Vpermps
                | Op::Vcvtps2ph
                | Op::Vpcmpestri
                | Op::Vpcmpestrm
                | Op::Vpcmpistri
                | Op::Vpcmpistrm
        ) || ["vmaskmov", "vpmaskmov", "vgather", "vpgather", "vfm", "vfnm"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    let (mut seen, mut missing) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for (map, byte) in (1..=3).flat_map(|map| (0..=0xff).map(move |byte| (map, byte))) {
        // W, L and the mandatory prefix; registers, memory with and without an index
        for last in (0..16).map(|n| (n & 8) << 4 | 0x78 | n & 7) {
            for vvvv in [0, 0x18] {
                for modrm in (0..8).flat_map(|reg| [0xc1 | reg << 3, 0x04 | reg << 3]) {
                    let bytes = [0xc4, 0xe0 | map, last ^ vvvv, byte, modrm, 0x13, 0, 0, 0, 0];
                    let Ok(insn) = x86_decode::decode(x86_types::CodeSize::Bits64, &bytes) else { continue };
                    if !insn.op.mnemonic().starts_with('v') {
                        continue;
                    }
                    seen.insert(insn.op);
                    if handler::<Vcpu>(&insn).is_none() && !concrete(insn.op) {
                        missing.insert(format!("{:?} {bytes:x?}", insn.op));
                    }
                }
            }
        }
    }
    assert!(seen.len() > 350, "{} operations", seen.len());
    assert!(missing.is_empty(), "{missing:?}");
}
