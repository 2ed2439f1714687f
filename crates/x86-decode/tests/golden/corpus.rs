//! What is disassembled: every opcode with and without prefixes, one of each form.

use std::collections::HashSet;
use x86_decode::{CodeSize, Instruction, Op, OperandKind, Width, decode};

/// Bytes in front of the opcode: legacy prefixes and VEX prefixes with their maps.
fn heads(size: CodeSize) -> Vec<Vec<u8>> {
    let mut heads = Vec::new();
    let escapes: [&[u8]; 4] = [&[], &[0x0f], &[0x0f, 0x38], &[0x0f, 0x3a]];
    let rex: &[&[u8]] = if size == CodeSize::Bits64 { &[&[], &[0x48]] } else { &[&[]] };
    for escape in escapes {
        for prefix in [&[][..], &[0x66], &[0xf3], &[0xf2], &[0x66, 0xf2]] {
            for rex in rex {
                heads.push([prefix, *rex, escape].concat());
            }
        }
    }
    for map in 1..=3 {
        for last in 0..16 {
            // vvvv is register 6, or unused; W in bit 7, L in bit 2, pp in bits 1:0
            let flags = (last & 8) << 4 | last & 7;
            heads.push(vec![0xc4, 0xe0 | map, 0x48 | flags]);
            heads.push(vec![0xc4, 0xe0 | map, 0x78 | flags]);
        }
    }
    heads
}

/// ModRM bytes with what follows them.
fn modrms(size: CodeSize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for reg in 0..8 {
        let reg = reg << 3;
        // [bx+si+10h], [rbx+10h], [rbx+rcx*4+10h]
        all.push(if size == CodeSize::Bits16 { vec![0x40 | reg, 0x10] } else { vec![0x43 | reg, 0x10] });
        if size != CodeSize::Bits16 {
            all.push(vec![0x44 | reg, 0x8b, 0x10]);
        }
        all.extend((0..8).map(|rm| vec![0xc0 | reg | (rm + 1) & 7]));
    }
    all
}

/// Whether a byte where an opcode may stand is a prefix.
fn is_prefix(size: CodeSize, byte: u8) -> bool {
    match byte {
        0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3 => true,
        0x40..=0x4f => size == CodeSize::Bits64,
        _ => false,
    }
}

/// What tells forms apart.
fn form(insn: &Instruction) -> impl Eq + std::hash::Hash + use<> {
    let kinds = insn.operands.map(|operand| {
        let size = if operand.kind == OperandKind::Mem { operand.reg } else { 0 };
        (operand.kind, size)
    });
    let name = insn.display(0).to_string().split(' ').next().unwrap_or("").to_owned();
    (name, kinds)
}

/// Addressing forms and other particulars, as hexadecimal bytes.
const ADDRESSES: &[(CodeSize, &str)] = &[
    (CodeSize::Bits64, "8b03"),
    (CodeSize::Bits64, "8b448f08"),
    (CodeSize::Bits64, "8b45f0"),
    (CodeSize::Bits64, "8b0510000000"),
    (CodeSize::Bits64, "8b05f0ffffff"),
    (CodeSize::Bits64, "678b0510000000"),
    (CodeSize::Bits64, "8b0424"),
    (CodeSize::Bits64, "8b442410"),
    (CodeSize::Bits64, "8b04cd10000000"),
    (CodeSize::Bits64, "8b04cdf0ffffff"),
    (CodeSize::Bits64, "8b042510000000"),
    (CodeSize::Bits64, "8b0425f0ffffff"),
    (CodeSize::Bits64, "64488b042528000000"),
    (CodeSize::Bits64, "658b4310"),
    (CodeSize::Bits64, "438b84ec00000080"),
    (CodeSize::Bits64, "678b43f0"),
    (CodeSize::Bits64, "678b4310"),
    (CodeSize::Bits64, "8b040b"),
    (CodeSize::Bits64, "a1887766554433221180"),
    (CodeSize::Bits64, "4488c8"),
    (CodeSize::Bits64, "4088f0"),
    (CodeSize::Bits64, "88e0"),
    (CodeSize::Bits64, "f0480fb10a"),
    (CodeSize::Bits64, "f348ab"),
    (CodeSize::Bits64, "f3a6"),
    (CodeSize::Bits64, "f2ae"),
    (CodeSize::Bits64, "64a4"),
    (CodeSize::Bits64, "64d7"),
    (CodeSize::Bits64, "67aa"),
    (CodeSize::Bits64, "7410"),
    (CodeSize::Bits64, "e8f0ffffff"),
    (CodeSize::Bits64, "83c0ff"),
    (CodeSize::Bits64, "4883c0ff"),
    (CodeSize::Bits64, "48b88877665544332211"),
    (CodeSize::Bits64, "48c7c0ffffffff"),
    (CodeSize::Bits64, "6aff"),
    (CodeSize::Bits64, "f30f1efa"),
    (CodeSize::Bits64, "c5fc584310"),
    (CodeSize::Bits64, "dce1"),
    (CodeSize::Bits64, "dce9"),
    (CodeSize::Bits64, "dcf1"),
    (CodeSize::Bits64, "dcf9"),
    (CodeSize::Bits64, "66c9"),
    (CodeSize::Bits64, "66683412"),
    (CodeSize::Bits64, "66ff7310"),
    (CodeSize::Bits64, "66cf"),
    (CodeSize::Bits64, "669c"),
    (CodeSize::Bits32, "66c3"),
    (CodeSize::Bits32, "66c9"),
    (CodeSize::Bits32, "66c85a3b2c"),
    (CodeSize::Bits32, "66e85a3b"),
    (CodeSize::Bits32, "66ca5a3b"),
    (CodeSize::Bits32, "66ff5a3b"),
    (CodeSize::Bits32, "6660"),
    (CodeSize::Bits32, "669d"),
    (CodeSize::Bits16, "66c3"),
    (CodeSize::Bits16, "66c9"),
    (CodeSize::Bits16, "6668105a3b2c"),
    (CodeSize::Bits16, "66e85a3b2c1d"),
    (CodeSize::Bits16, "66ea5a3b2c1d4e3f"),
    (CodeSize::Bits16, "66ff5a3b"),
    (CodeSize::Bits16, "6661"),
    (CodeSize::Bits16, "66cf"),
    (CodeSize::Bits32, "8b0510000000"),
    (CodeSize::Bits32, "8b04cd10000000"),
    (CodeSize::Bits32, "a110000000"),
    (CodeSize::Bits32, "268b4310"),
    (CodeSize::Bits32, "678b4010"),
    (CodeSize::Bits32, "ea785634120800"),
    (CodeSize::Bits32, "f30f1efb"),
    (CodeSize::Bits16, "8b061000"),
    (CodeSize::Bits16, "8b40f0"),
    (CodeSize::Bits16, "8b42f0"),
    (CodeSize::Bits16, "8b00"),
    (CodeSize::Bits16, "8b05"),
    (CodeSize::Bits16, "2e8b4410"),
    (CodeSize::Bits16, "a11000"),
    (CodeSize::Bits16, "66678b4310"),
    (CodeSize::Bits16, "ea34120800"),
    (CodeSize::Bits16, "7410"),
];

/// Returns the instructions of a mode: one for each form, the particulars, and no prefix that does nothing.
pub(crate) fn cases(size: CodeSize) -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    let mut cases = Vec::new();
    for head in heads(size) {
        for opcode in 0..=255 {
            if is_prefix(size, opcode) && head.last().is_none_or(|last| is_prefix(size, *last)) {
                continue;
            }
            for modrm in modrms(size) {
                let mut code = head.clone();
                code.push(opcode);
                code.extend(&modrm);
                // Immediates, none of which is a comparison's or a multiplication's with a name of its own
                code.extend([0x5a, 0x3b, 0x2c, 0x1d, 0x4e, 0x3f, 0x2a, 0x1b]);
                let Ok(insn) = decode(size, &code) else { continue };
                code.truncate(insn.len.into());
                // Other modes repeat what 64-bit mode has, but for the 8086's heritage.
                let old = insn.feature() <= x86_decode::Feature::Fpu;
                if (size == CodeSize::Bits64 || old) && seen.insert(form(&insn)) {
                    cases.push(code);
                }
            }
        }
    }
    for (_, text) in ADDRESSES.iter().filter(|(of, _)| *of == size) {
        cases.push(
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect(),
        );
    }
    cases
}

/// Why objdump's text is another one; `None` if it should be the same.
pub(crate) fn difference(insn: &Instruction, expected: &str) -> Option<&'static str> {
    let wide = insn.opsize == Width::B8;
    Some(match insn.op {
        _ if ["data16 ", "data32 ", "rex.W "].iter().any(|prefix| expected.starts_with(prefix)) => {
            "objdump writes prefixes that have no effect"
        }
        Op::Salc | Op::Fstp if expected == "(bad)" => "undocumented, and executed by all processors",
        Op::Nop if expected.starts_with("prefetch") => "AMD's name; Intel's processors do nothing",
        Op::Movsxd if insn.opsize == Width::B2 => "the source is 16 bits wide, as in the manual",
        Op::Lss | Op::Lfs | Op::Lgs if wide => "with REX.W the pointer has 80 bits",
        Op::Vpinsrw | Op::Vpextrw | Op::Vpinsrb | Op::Vpextrb | Op::Vextractps if wide => {
            "objdump names the 32-bit register with VEX.W, too"
        }
        _ if expected.contains("[rip+0xffffffff") => "objdump's displacements from RIP have no sign",
        _ => return None,
    })
}
