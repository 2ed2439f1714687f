//! The recorded vectors, interpreted: what a processor did is what this one does.

use session::{EngineKind, MicrotestArgs, Microtests};
use std::path::Path;

/// Cases that differ, and why they may.
const DIFFERENT: &[(&str, &str)] =
    &[("32-Fsin-1", "C1: the result of a transcendental function is rounded from the exact value")];

/// Runs all vectors of one mode. Returns how many there are, and what differs.
fn run(mode: u32) -> (usize, Vec<String>) {
    let file = format!("../../tests/vectors/user{mode}.jsonl.zst");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let packed = std::fs::read(&path).unwrap();
    let text = String::from_utf8(zstd::decode_all(&packed[..]).unwrap()).unwrap();
    let args = MicrotestArgs {
        engine: EngineKind::Interp,
        check: true,
        failures: usize::MAX,
        feature: None,
        file: path,
    };
    let mut tests = Microtests::new(args).unwrap();
    let mut different: Vec<_> = text.lines().map(|line| tests.line(line).unwrap()).collect();
    let count = different.len();
    different.retain(|text| {
        let id = text.split(' ').next().unwrap_or_default();
        !text.is_empty() && DIFFERENT.iter().all(|(known, _)| *known != id)
    });
    println!("{}", tests.end().0);
    (count, different)
}

fn all_agree(mode: u32) {
    let (count, different) = run(mode);
    assert!(count > 5000, "{count} vectors");
    assert!(different.is_empty(), "{} of {count} differ:\n{}", different.len(), different.concat());
}

#[test]
fn what_a_processor_did_in_64_bit_mode() {
    all_agree(64);
}

#[test]
fn what_a_processor_did_in_32_bit_mode() {
    all_agree(32);
}
