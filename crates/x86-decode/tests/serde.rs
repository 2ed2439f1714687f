//! Instructions go through JSON and come back.
#![cfg(feature = "serde")]

use x86_decode::{CodeSize, Instruction, decode};

#[test]
fn instructions_survive_json() {
    for code in [&[0x8b, 0x44, 0x8f, 0x08][..], &[0xf0, 0x48, 0x0f, 0xb1, 0x0a], &[0xc5, 0xfc, 0x58, 0x00]] {
        let insn = decode(CodeSize::Bits64, code).unwrap();
        let text = serde_json::to_string(&insn).unwrap();
        let read: Instruction = serde_json::from_str(&text).unwrap();
        assert_eq!(read, insn, "{text}");
        assert!(
            serde_json::to_string(&insn.operand_values().collect::<Vec<_>>()).unwrap().contains("Register")
        );
    }
}
