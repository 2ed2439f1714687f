//! iced's codes by this crate's names.

use super::differences;
use iced_x86::{Code, EncodingKind, OpCodeTableKind};
use x86_decode::Op;

/// Operations that repeat, with implicit operands here.
pub(super) fn is_string(op: Op) -> bool {
    matches!(op, Op::Movs | Op::Cmps | Op::Stos | Op::Lods | Op::Scas | Op::Ins | Op::Outs)
}

const CONDITIONS: [&str; 16] =
    ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];

/// The operation and condition that `code` should decode to; `None` if it should be undefined.
pub(super) fn operation(code: Code) -> Option<(Op, u8)> {
    let opcode = code.op_code();
    if !matches!(opcode.encoding(), EncodingKind::Legacy | EncodingKind::VEX) {
        return None;
    }
    let features: Vec<String> = code.cpuid_features().iter().map(|feature| format!("{feature:?}")).collect();
    let listed =
        |name: &String| differences::UNSUPPORTED.iter().any(|(_, names)| names.contains(&name.as_str()));
    let mnemonic = format!("{:?}", code.mnemonic()).to_lowercase();
    if features.iter().any(listed) {
        let nop =
            opcode.table() == OpCodeTableKind::T0F && (0x18..=0x1f).contains(&(opcode.op_code() & 0xff));
        let named = [Op::Endbr32, Op::Endbr64, Op::Rdsspd, Op::Rdsspq];
        let op = named.into_iter().find(|op| op.mnemonic() == mnemonic).unwrap_or(Op::Nop);
        return nop.then_some((op, 0));
    }
    let name = format!("{code:?}");
    if let Some(&(_, op)) = differences::NAMES.iter().find(|&&(listed, _)| listed == mnemonic) {
        return op.map(|op| (op, 0));
    }
    for (family, op) in [("j", Op::Jcc), ("set", Op::Setcc), ("cmov", Op::Cmovcc)] {
        if let Some(cc) =
            mnemonic.strip_prefix(family).and_then(|cc| CONDITIONS.iter().position(|c| *c == cc))
        {
            return Some((op, cc as u8));
        }
    }
    let op = match name.as_str() {
        "Movsd_m32_m32" => Op::Movs,
        "Cmpsd_m32_m32" => Op::Cmps,
        _ if name.starts_with("Jmp_m16") || name.starts_with("Jmp_ptr") => Op::JmpFar,
        _ if name.starts_with("Call_m16") || name.starts_with("Call_ptr") => Op::CallFar,
        _ if name.starts_with("Mov_") && name.contains("Sreg") => Op::MovSeg,
        _ if name.starts_with("Mov_") && name.contains("cr") => Op::MovCr,
        _ if name.starts_with("Mov_") && name.contains("dr") => Op::MovDr,
        _ => *Op::ALL
            .iter()
            .find(|op| op.mnemonic() == mnemonic)
            .unwrap_or_else(|| panic!("{name} is neither known here nor listed as a difference")),
    };
    Some((op, 0))
}
