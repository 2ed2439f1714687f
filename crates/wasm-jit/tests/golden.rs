//! The text of a few small modules: what changes in emitted code is seen here. `BLESS=1` writes it anew.

use std::collections::BTreeMap;
use std::path::Path;
use wasm_jit::{CodeSource, Placed, form, layout, module};
use x86_decode::{Instruction, decode};
use x86_exec::vcpu::compiled::CodeMode;
use x86_types::{CodeSize, Width};

const REGIONS: [(&str, CodeSize, &str); 12] = [
    // add rax, rbx; sub rcx, rax: the flags of ADD are never written
    ("dead_flags", CodeSize::Bits64, "4801d84829c1"),
    // cmp eax, 10; jb +5: compare and branch are one
    ("compare_and_branch", CodeSize::Bits64, "83f80a7205"),
    // add rax, rbx; mov rcx, [rdx+8]: on a fault the flags of ADD are kept
    ("fault_exit", CodeSize::Bits64, "4801d8488b4a08"),
    // push rbp; mov rbp, rsp; sub rsp, 32; call +16
    ("prologue", CodeSize::Bits64, "554889e54883ec20e810000000"),
    // div ecx
    ("division", CodeSize::Bits64, "f7f1"),
    // shl eax, cl
    ("variable_shift", CodeSize::Bits64, "d3e0"),
    // mov al, [esi]; adc ah, al; ret
    ("bytes_32", CodeSize::Bits32, "8a0610c4c3"),
    // 1: add rax, [rsi]; add rsi, 8; dec rcx; jnz 1b; ret: a loop
    ("loop", CodeSize::Bits64, "4803064883c60848ffc975f4c3"),
    // add [rdi], eax: looked up once
    ("read_modify_write", CodeSize::Bits64, "0107"),
    // fld1; inc eax: the processor executes what has no recorded meaning
    ("step", CodeSize::Bits64, "d9e8ffc0"),
    // movdqa xmm0, [rax]; paddw xmm0, xmm1; psllw xmm0, xmm2; pshufd xmm1, xmm0, 0x1b; movdqu [rbx], xmm1
    ("vectors", CodeSize::Bits64, "660f6f00660ffdc1660ff1c2660f70c81bf30f7f0b"),
    // movsd xmm0, [rax]; mulsd xmm0, xmm1; addsd xmm0, xmm1; comisd xmm0, xmm2; ja +2: one is checked for all uses
    ("floats", CodeSize::Bits64, "f20f1000f20f59c1f20f58c1660f2fc27702"),
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
        (layout::SEG_CHECKS, "seg_checks"),
        (layout::FLAGS_KIND, "flags_kind"),
        (layout::FLAGS_A, "flags_a"),
        (layout::FLAGS_B, "flags_b"),
        (layout::FLAGS_RESULT, "flags_result"),
        (layout::FLAGS_CARRY, "flags_carry"),
        (layout::LEAVE, "leave"),
        (layout::REFUSED, "refused"),
        (layout::BANK, "bank"),
        (layout::ENTRIES, "entries"),
        (layout::CODE_KEY, "code_key"),
    ]
    .map(|(at, name)| (at, name.to_string()))
    .into();
    for n in 0..16_u8 {
        places.insert(layout::gpr(n), format!("gpr{n}"));
        places.insert(layout::xmm(n), format!("xmm{n}"));
    }
    for n in 0..6_u8 {
        places.insert(layout::SEG_BASE + 8 * u64::from(n), format!("seg_base{n}"));
    }
    for n in 0..3_u8 {
        places.insert(layout::SCRATCH + 16 * u64::from(n), format!("scratch{n}"));
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
        // Nothing but the processor is stored to at an offset.
        let of_processor = access.contains(".load") && is_processor(1)
            || access.contains(".store") && (offset.is_some() || is_processor(2));
        match places.get(&offset.unwrap_or(0)) {
            Some(name) if of_processor => {
                out.push_str(line.split_once(access).map_or("", |(indent, _)| indent));
                out.push_str(&format!("{access} {name}"));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn text(size: CodeSize, code: &str) -> String {
    let code = (0..code.len()).step_by(2).map(|n| u8::from_str_radix(&code[n..n + 2], 16).unwrap()).collect();
    let stack_width = if size == CodeSize::Bits64 { Width::B8 } else { Width::B4 };
    let mode = CodeMode { code_size: size, stack_width, bank: 2, sse: true, float: true };
    let region = form(&Bytes(size, code), mode).unwrap();
    let steps = (0..region.steps().len() as u32).collect();
    let placed = Placed { region: &region, steps, pages: vec![(0, 0x10_0000)], count: false };
    named(&wasmprinter::print_bytes(module(&[placed], 1)).unwrap())
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
