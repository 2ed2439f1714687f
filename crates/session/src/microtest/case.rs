//! The vectors' format.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One vector.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) id: String,
    /// 64: 64-bit mode; 32: flat 32-bit protected mode
    pub(super) mode: u32,
    /// Bytes of the snippet, in hexadecimal
    pub(super) code: String,
    #[serde(default)]
    pub(super) asm: String,
    #[serde(default)]
    pub(super) feature: String,
    #[serde(rename = "in")]
    pub(super) input: State,
    #[serde(rename = "out")]
    pub(super) output: Option<State>,
    #[serde(default)]
    pub(super) undefined: Option<String>,
}

/// Registers, memory and the fault, before or after.
#[derive(Debug, Default, Clone, Deserialize, Serialize)]
pub(super) struct State {
    pub(super) regs: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) mem: Vec<Memory>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<Fault>,
}

/// Bytes at an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Memory {
    pub(super) at: String,
    pub(super) bytes: String,
}

/// An exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Fault {
    pub(super) vector: u8,
    #[serde(default)]
    pub(super) error: u32,
}

/// What is printed without `--check`.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    pub(super) id: &'a str,
    pub(super) out: &'a State,
}

/// Returns a number written as `0x...`.
pub(super) fn number(text: &str) -> Result<u64> {
    let digits = text.strip_prefix("0x").with_context(|| format!("{text} does not start with 0x"))?;
    u64::from_str_radix(digits, 16).with_context(|| format!("{text} is not a number"))
}

/// Bytes written as pairs of hexadecimal digits.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        bail!("{text} is not a string of bytes");
    }
    (0..text.len())
        .step_by(2)
        .map(|n| {
            u8::from_str_radix(&text[n..n + 2], 16).with_context(|| format!("{text} is not hexadecimal"))
        })
        .collect()
}

/// Bytes as pairs of hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
