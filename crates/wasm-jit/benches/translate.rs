//! Cost of translation: regions of a program's functions are formed and written as modules, which nothing runs.
//!
//! `cargo bench -p wasm-jit --bench translate [-- ELF]`; without a file the benchmark translates its own code.

use std::path::{Path, PathBuf};
use std::time::Instant;
use wasm_jit::{CodeSource, MemorySize, Placed, Region, module, select_region};
use x86_decode::{Instruction, Op, OperandKind, decode};
use x86_exec::vcpu::compiled::{CodeMode, FloatMode, Segments};
use x86_types::{CodeSize, Width};

/// Regions translated in a round.
const REGIONS: usize = 2000;
/// Regions of a module.
const BATCH: usize = 32;
/// Rounds; the quickest counts.
const ROUNDS: usize = 8;

const MODE: CodeMode = CodeMode {
    code_size: CodeSize::Bits64,
    stack_width: Width::B8,
    bank: 1,
    sse: true,
    avx: false,
    float: FloatMode::Exact,
    segments: Segments::Flat,
};

/// A function that begins at an offset of the code.
struct Function<'a> {
    code: &'a [u8],
    start: usize,
}

impl CodeSource for Function<'_> {
    fn instruction(&self, distance: i64) -> Option<Instruction> {
        let at = self.start.checked_add_signed(distance as isize)?;
        decode(CodeSize::Bits64, self.code.get(at..)?).ok()
    }
    fn is_warm(&self, distance: i64) -> bool {
        self.start.checked_add_signed(distance as isize).is_some_and(|at| at < self.code.len())
    }
    fn page_offset(&self) -> u64 {
        self.start as u64 & 0xfff
    }
}

/// Returns the `.text` section of an ELF file of 64 bits.
fn text_of(path: &Path) -> Option<Vec<u8>> {
    let file = std::fs::read(path).ok()?;
    let number = |at: usize, len: usize| {
        let bytes = file.get(at..at.checked_add(len)?)?;
        Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte)))
    };
    let (sections, size, count, names) = (number(40, 8)?, number(58, 2)?, number(60, 2)?, number(62, 2)?);
    let names = number(sections + names * size + 24, 8)?;
    (0..count).map(|n| sections + n * size).find_map(|header| {
        let is_text = file.get(names + number(header, 4)?..)?.starts_with(b".text\0");
        let (start, len) = (number(header + 24, 8)?, number(header + 32, 8)?);
        is_text.then(|| file.get(start..start + len).map(<[u8]>::to_vec)).flatten()
    })
}

/// Returns where functions of the code begin: the targets of its calls.
fn functions(code: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(rest) = code.get(at..).filter(|rest| !rest.is_empty()) {
        let Ok(insn) = decode(CodeSize::Bits64, rest) else {
            at += 1;
            continue;
        };
        at += usize::from(insn.len);
        if insn.op == Op::Call && insn.operands[0].kind == OperandKind::Rel {
            starts.extend(at.checked_add_signed(insn.imm as isize).filter(|&to| to < code.len()));
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let step = (starts.len() / REGIONS).max(1);
    starts.into_iter().step_by(step).take(REGIONS).collect()
}

fn main() {
    let named = std::env::args_os().skip(1).find(|arg| !arg.to_string_lossy().starts_with("--"));
    let path = named.map(PathBuf::from).or_else(|| std::env::current_exe().ok()).unwrap_or_default();
    let Some(code) = text_of(&path) else {
        eprintln!("{}: no program for x86-64 with a section .text", path.display());
        std::process::exit(2);
    };
    let starts = functions(&code);
    let (mut forming, mut writing) = (f64::MAX, f64::MAX);
    let (mut instructions, mut bytes) = (0, 0);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let regions: Vec<(usize, Region)> = starts
            .iter()
            .filter_map(|&start| Some((start, select_region(&Function { code: &code, start }, MODE)?)))
            .collect();
        forming = began.elapsed().as_secs_f64().min(forming);
        instructions = regions.iter().map(|(_, region)| u64::from(region.instructions())).sum();
        let began = Instant::now();
        bytes = 0;
        for batch in regions.chunks(BATCH) {
            let placed: Vec<Placed<'_>> = batch.iter().map(|(start, region)| place(*start, region)).collect();
            bytes += module(&placed, 1, MemorySize::Grows).len();
        }
        writing = began.elapsed().as_secs_f64().min(writing);
    }
    let each = |seconds: f64| seconds * 1e9 / instructions as f64;
    println!(
        "{} regions of {instructions} instructions: forming {:.0} ns, writing {:.0} ns, {:.1} bytes an instruction",
        starts.len(),
        each(forming),
        each(writing),
        bytes as f64 / instructions as f64,
    );
}

fn place(start: usize, region: &Region) -> Placed<'_> {
    let pages = -16..=16_i64;
    let first = start as i64 & !0xfff;
    Placed {
        region,
        helpers: vec![0; region.helper_calls().len()],
        pages: pages.map(|page| (page, (first + (page << 12)) as u64)).collect(),
        count: false,
        fixed: None,
    }
}
