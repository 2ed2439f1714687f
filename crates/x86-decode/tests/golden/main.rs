//! Both syntaxes of GNU tools against `objdump`, one line for each form of each operation.
//!
//! `tests/golden/objdump.txt` has what objdump says. `BLESS=1 cargo test -p x86-decode --test golden` makes it anew, with the
//! objdump of this machine.

mod corpus;

use std::fmt::Write as _;
use std::process::Command;
use std::{env, fs};
use x86_decode::{CodeSize, FormatOptions, decode};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/objdump.txt");

/// Bytes between two instructions in what objdump reads.
const SLOT: usize = 16;

const MODES: [(CodeSize, &str, &str); 3] = [
    (CodeSize::Bits16, "16", "i8086"),
    (CodeSize::Bits32, "32", "i386"),
    (CodeSize::Bits64, "64", "i386:x86-64"),
];

/// Returns objdump's text for each instruction, without padding and comments.
fn objdump(cases: &[Vec<u8>], machine: &str, syntax: &str) -> Vec<String> {
    let mut image = vec![0x90; cases.len() * SLOT];
    for (slot, case) in image.chunks_mut(SLOT).zip(cases) {
        slot[..case.len()].copy_from_slice(case);
    }
    let path = env::temp_dir().join(format!("x86-decode-golden-{}", std::process::id()));
    fs::write(&path, image).unwrap();
    let options = ["-D", "-z", "-b", "binary", "--insn-width=16", "-m", machine, "-M", syntax];
    let output = Command::new("objdump").args(options).arg(&path).output().expect("binutils' objdump");
    fs::remove_file(&path).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found = vec![String::from("(lost)"); cases.len()];
    for line in text.lines() {
        let mut columns = line.splitn(3, '\t');
        let Some(address) = columns.next().and_then(|column| column.trim().strip_suffix(':')) else {
            continue;
        };
        let Ok(address) = usize::from_str_radix(address, 16) else { continue };
        let bytes = columns.next().unwrap_or("").split_whitespace().count();
        if address.is_multiple_of(SLOT) && cases[address / SLOT].len() == bytes {
            let text = columns.next().unwrap_or("").split(" #").next().unwrap_or("");
            found[address / SLOT] = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
    }
    found
}

fn bless() {
    let mut text = String::new();
    for (size, name, machine) in MODES {
        let cases = corpus::cases(size);
        let intel = objdump(&cases, machine, "intel");
        let att = objdump(&cases, machine, "att");
        // objdump takes the length of some for another one, 0F 0D with a register above all.
        for (i, case) in
            cases.iter().enumerate().filter(|(i, _)| intel[*i] != "(lost)" && att[*i] != "(lost)")
        {
            let bytes: String = case.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(text, "{name} {:x} {bytes} | {} | {}", i * SLOT, intel[i], att[i]).unwrap();
        }
    }
    fs::write(FILE, text).unwrap();
}

/// A line of the file: mode, address, bytes, both texts.
fn parse(line: &str) -> Option<(CodeSize, u64, Vec<u8>, &str, &str)> {
    let [code, intel, att] = *line.split(" | ").collect::<Vec<_>>().as_slice() else { return None };
    let [name, address, bytes] = *code.split(' ').collect::<Vec<_>>().as_slice() else { return None };
    let size = MODES.iter().find(|mode| mode.1 == name)?.0;
    let bytes = (0..bytes.len()).step_by(2).map(|at| u8::from_str_radix(bytes.get(at..at + 2)?, 16).ok());
    Some((size, u64::from_str_radix(address, 16).ok()?, bytes.collect::<Option<_>>()?, intel, att))
}

#[test]
fn both_syntaxes_are_those_of_objdump() {
    if env::var_os("BLESS").is_some() {
        bless();
    }
    let text = fs::read_to_string(FILE).unwrap();
    let (mut lines, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let (size, address, bytes, intel, att) = parse(line).unwrap_or_else(|| panic!("{line}"));
        let insn = decode(size, &bytes).unwrap_or_else(|error| panic!("{line}: {error}"));
        for (options, expected) in [(FormatOptions::intel(), intel), (FormatOptions::att(), att)] {
            lines += 1;
            let ours = insn.display_with(address, options).to_string();
            if ours != expected && corpus::difference(&insn, expected).is_none() {
                wrong.push(format!("{line}\n        {ours}"));
            }
        }
    }
    assert!(lines > 2_000, "only {lines} texts");
    assert!(wrong.is_empty(), "{} of {lines} texts differ\n{}", wrong.len(), wrong.join("\n"));
}
