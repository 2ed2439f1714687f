//! The text of a few small modules: what changes in emitted code is seen here. `BLESS=1` writes it anew.

use std::collections::BTreeMap;
use std::path::Path;
use wasm_jit::{CodeSource, MemorySize, Placed, layout, module, select_region};
use x86_decode::{Instruction, decode};
use x86_exec::vcpu::compiled::{CodeMode, FloatMode, Segments};
use x86_types::{CodeSize, Seg, Width};

const BITS32: CodeSize = CodeSize::Bits32;
const BITS64: CodeSize = CodeSize::Bits64;

/// The files tell the instructions.
const REGIONS: [(&str, CodeSize, &str); 30] = [
    // The flags of ADD are never written
    ("dead_flags", BITS64, "4801d8 4829c1"),
    // Compare and branch are one
    ("compare_and_branch", BITS64, "83f80a 7205"),
    // On a fault the flags of ADD are kept
    ("fault_exit", BITS64, "4801d8 488b4a08"),
    ("prologue", BITS64, "55 4889e5 4883ec20 e810000000"),
    ("division", BITS64, "f7f1"),
    ("variable_shift", BITS64, "d3e0"),
    ("bytes_32", BITS32, "8a06 10c4 c3"),
    ("loop", BITS64, "480306 4883c608 48ffc9 75f4 c3"),
    // Looked up once
    ("read_modify_write", BITS64, "0107"),
    // The processor executes what has no recorded meaning
    ("step", BITS64, "d9fe ffc0"),
    // What is pushed and popped is seen all the same
    ("x87_moves", BITS64, "db2f d9c9 d9e0 ddd9"),
    ("mmx", BITS64, "0f6f07 0ffec1 0f7f07 0f77"),
    ("vectors", BITS64, "660f6f00 660ffdc1 660ff1c2 660f70c81b f30f7f0b"),
    // One is checked for all uses
    ("floats", BITS64, "f20f1000 f20f59c1 f20f58c1 660f2fc2 7702"),
    // The flags behind the call are those of the called code
    ("call_and_return", BITS64, "39d8 e803000000 7401 c3 83c001 c3"),
    // Whether a branch leaves the canonical addresses is looked at where the region is entered
    ("another_page", BITS64, "e900200000"),
    // What is jumped to is looked at
    ("indirect_jump", BITS64, "ffe0"),
    ("carry_chain", BITS64, "4801d8 4811ca 4819f7 72f5"),
    // CF outlives INC
    ("carry_kept", BITS64, "01d8 ffc1 7200"),
    ("conditions", BITS64, "39d8 0f9fc1 0f4cd6 7a00"),
    ("stack", BITS64, "53 ff7010 8f00 58 c9"),
    // A base that counts, unchecked in 64-bit mode and checked in 32-bit code
    ("segment_64", BITS64, "65488b042528000000"),
    ("segment_32", BITS32, "65a114000000"),
    ("rotations", BITS64, "c1c005 d1d2 66c1c803"),
    ("products", BITS64, "f7e1 480fafd1 6bc30a"),
    ("one_string", BITS64, "a4 aa ac"),
    ("bits", BITS64, "0fbae005 0fabd0 0fbcc8 f30fb8c1 0fc8"),
    // An inner loop, and an outer one
    ("loops", BITS64, "ba08000000 01d0 83ea01 75f9 83e901 75ef c3"),
    // A way into the middle of a loop: a dispatcher heads it
    ("two_entries", BITS64, "85c0 7403 83c001 83ea01 75f8 c3"),
    // A loop with two entries in another, of which one is the same: a dispatcher leads to another
    ("entries_within", BITS64, "85c0 7508 83e901 7506 7a01 c3 83c001 83ea01 ebf0"),
];

/// Code that is all there is.
struct Bytes(CodeSize, Vec<u8>);

impl CodeSource for Bytes {
    fn instruction(&self, distance: i64) -> Option<Instruction> {
        decode(self.0, self.1.get(usize::try_from(distance).ok()?..)?).ok()
    }
    fn is_warm(&self, distance: i64) -> bool {
        self.instruction(distance).is_some()
    }
    fn page_offset(&self) -> u64 {
        0
    }
}

/// Names of what compiled code shares with the processor, by offset.
fn places() -> BTreeMap<u64, String> {
    let mut places: BTreeMap<u64, String> = [
        (layout::RIP, "rip"),
        (layout::SYSTEM_FLAGS, "system_flags"),
        (layout::LINEAR_MASK, "linear_mask"),
        (layout::CODE_END, "code_end"),
        (layout::FLAGS_KIND, "flags_kind"),
        (layout::FLAGS_A, "flags_a"),
        (layout::FLAGS_B, "flags_b"),
        (layout::FLAGS_RESULT, "flags_result"),
        (layout::FLAGS_CARRY, "flags_carry"),
        (layout::LEAVE, "leave"),
        (layout::BANK, "bank"),
        (layout::ENTRIES, "entries"),
        (layout::JUMPS, "jumps"),
        (layout::JUMP_KEY, "jump_key"),
        (layout::CODE_KEY, "code_key"),
        (layout::SCRATCH, "scratch"),
        (layout::CR0, "cr0"),
        (layout::X87_REGISTERS, "x87_r0"),
        (layout::X87_CONTROL, "x87_control"),
        (layout::X87_STATUS, "x87_status"),
        (layout::X87_TAGS, "x87_tags"),
        (layout::FIP, "fip"),
        (layout::FCS, "fcs"),
        (layout::FDP, "fdp"),
        (layout::FDS, "fds"),
    ]
    .map(|(at, name)| (at, name.to_string()))
    .into();
    for n in 0..16_u8 {
        places.insert(layout::gpr(n), format!("gpr{n}"));
        places.insert(layout::vector(n), format!("xmm{n}"));
    }
    for seg in Seg::ALL {
        places.insert(layout::selector(seg), format!("{seg:?}_selector").to_lowercase());
    }
    for n in 1..8_u64 {
        let register = layout::X87_REGISTERS + (n << layout::X87_REGISTER_SHIFT);
        places.insert(register, format!("x87_r{n}"));
    }
    for n in 0..8_u64 {
        let register = layout::X87_REGISTERS + (n << layout::X87_REGISTER_SHIFT);
        places.insert(register + layout::SIGN_EXPONENT, format!("x87_r{n}_sign_exponent"));
    }
    for n in 0..6_u8 {
        places.insert(layout::SEG_BASE + 8 * u64::from(n), format!("seg_base{n}"));
        places.insert(layout::SEG_ENDS + 8 * u64::from(n), format!("seg_end{n}"));
        places.insert(layout::SEG_ENDS + 8 * u64::from(n + 6), format!("seg_store_end{n}"));
    }
    places
}

/// The text with names for offsets from the processor, so that it stays what it is when a field moves.
fn named(text: &str) -> String {
    let places = places();
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    for (n, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_processor = |back: usize| n >= back && lines[n - back].trim() == "local.get 0";
        let access = words.first().copied().unwrap_or_default();
        let offset = words.get(1).and_then(|word| word.strip_prefix("offset=")?.parse::<u64>().ok());
        // Nothing but the processor is stored to at an offset, and its x87 registers are loaded from by a number.
        let of_processor = access.contains(".load")
            && (is_processor(1) || offset == Some(layout::X87_REGISTERS))
            || access.contains(".store") && (offset.is_some() || is_processor(2));
        match places.get(&offset.unwrap_or(0)) {
            Some(name) if of_processor => {
                out.push_str(line.split_once(access).map_or("", |(indent, _)| indent));
                out.push_str(&format!("{access} {name}"));
            }
            _ if is_processor(1) && words == ["i64.const", &layout::SCRATCH.to_string()] => {
                out.push_str(&line.replace(words[1], "scratch"));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn text(size: CodeSize, code: &str) -> String {
    let code = code.replace(' ', "");
    let code: Vec<u8> =
        (0..code.len()).step_by(2).map(|n| u8::from_str_radix(&code[n..n + 2], 16).unwrap()).collect();
    let stack_width = if size == CodeSize::Bits64 { Width::B8 } else { Width::B4 };
    let mode = CodeMode {
        code_size: size,
        stack_width,
        bank: 2,
        sse: true,
        avx: true,
        float: FloatMode::Free,
        segments: Segments::Flat,
    };
    let mut out = String::new();
    let mut at = 0;
    while let Ok(insn) = decode(size, &code[at..]) {
        out.push_str(&format!(";; {at:02x}  {}\n", insn.display(at as u64)));
        at += usize::from(insn.len);
    }
    assert_eq!(at, code.len(), "whole instructions");
    let region = select_region(&Bytes(size, code), mode).unwrap();
    let helpers = (0..region.helper_calls().len() as u32).collect();
    let placed = Placed { region: &region, helpers, pages: vec![(0, 0x10_0000)], count: false, fixed: None };
    out + &named(&wasmprinter::print_bytes(module(&[placed], 1, MemorySize::Grows)).unwrap())
}

#[test]
fn emitted_text_is_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, size, code) in REGIONS {
        let text = text(size, code);
        let path = folder.join(format!("{name}.wat"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == golden, "{name} differs from {}; now it is\n{text}", path.display());
    }
}

/// Flags that are replaced before anyone can see them cost nothing.
#[test]
fn flags_that_are_replaced_are_not_computed() {
    let lines = |code: &str| text(CodeSize::Bits64, code).lines().count();
    // A sum costs what a sum costs, whatever it does to the flags.
    assert_eq!(
        lines(&"4801d8".repeat(12)) - lines(&"4801d8".repeat(11)),
        lines(&"4801d8".repeat(11)) - lines(&"4801d8".repeat(10))
    );
    assert!(lines(&"4801d8".repeat(11)) - lines(&"4801d8".repeat(10)) <= 6);
}
