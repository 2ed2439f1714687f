//! The recorded vectors.

use super::random::Random;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use x86_decode::{Instruction, decode};
use x86_types::CodeSize;

/// One vector, as far as these tests use it.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    pub id: String,
    pub mode: u32,
    pub code: String,
    #[serde(default)]
    pub feature: String,
    #[serde(rename = "in")]
    pub input: State,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct State {
    pub regs: BTreeMap<String, String>,
    #[serde(default)]
    pub mem: Vec<Memory>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Memory {
    pub at: String,
    pub bytes: String,
}

pub fn instructions(size: CodeSize, mut code: &[u8]) -> Vec<Instruction> {
    let mut list = Vec::new();
    while !code.is_empty() {
        let Ok(insn) = decode(size, code) else { return Vec::new() };
        code = &code[usize::from(insn.len)..];
        list.push(insn);
    }
    list
}

pub fn number(text: &str) -> u64 {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

pub fn bytes(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|n| u8::from_str_radix(&text[n..n + 2], 16).unwrap()).collect()
}

/// Integer instructions.
pub const INTEGER: [&str; 13] = [
    "INTEL8086",
    "INTEL186",
    "INTEL386",
    "INTEL486",
    "X64",
    "CMOV",
    "POPCNT",
    "MOVBE",
    "LZCNT",
    "BMI1",
    "BMI2",
    "ADX",
    "MULTIBYTENOP",
];

/// Instructions on XMM registers.
pub const VECTOR: [&str; 5] = ["SSE", "SSE2", "SSE3", "SSSE3", "SSE4_1"];

/// VEX-encoded instructions on vector registers.
pub const AVX: [&str; 9] =
    ["AVX", "AVX2", "F16C", "FMA", "AES+AVX", "AVX+GFNI", "PCLMULQDQ+AVX", "VAES", "VPCLMULQDQ"];

/// Instructions of the x87 unit.
pub const X87: [&str; 5] = ["FPU", "FPU287", "FPU387", "FPU+CMOV", "FPU+SSE3"];

/// The cases of one mode and some features.
pub fn cases(mode: u32, features: &[&str]) -> Vec<Case> {
    let file = format!("../../tests/vectors/user{mode}.jsonl.zst");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let packed = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let text = String::from_utf8(zstd::decode_all(&packed[..]).unwrap()).unwrap();
    let cases =
        text.lines().filter(|line| features.iter().any(|f| line.contains(&format!("\"feature\":\"{f}\""))));
    cases.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Appends the code of 2 to 13 random cases. Returns their ids.
pub fn append_random(code: &mut Vec<u8>, cases: &[Case], random: &mut Random) -> String {
    let parts: Vec<&Case> = (0..2 + random.below(12)).map(|_| &cases[random.below(cases.len())]).collect();
    parts.iter().for_each(|part| code.extend(bytes(&part.code)));
    parts.iter().map(|part| part.id.as_str()).collect::<Vec<_>>().join(", ")
}
