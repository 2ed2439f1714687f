//! A small disassembler: `cargo run -p x86-decode --example disassemble -- [--intel|--nasm] [FILE [COUNT]]`.
//!
//! Reads the `.text` section of an ELF program for x86-64 (of its own without FILE) and prints the first COUNT instructions
//! (all without) in AT&T syntax, or in the one asked for. Operands that name the section are written as `text+OFFSET`.

use std::error::Error;
use std::io::{BufWriter, ErrorKind, Write, stdout};
use x86_decode::{CodeSize, FormatOptions, Instructions, Symbol};

#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../benches/decode/corpus.rs"]
mod corpus;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = FormatOptions::att();
    let mut arguments = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--intel" => options = FormatOptions::intel(),
            "--nasm" => options = FormatOptions::nasm(),
            _ => arguments.push(argument),
        }
    }
    let path = match arguments.first() {
        Some(path) => path.into(),
        None => std::env::current_exe()?,
    };
    let count = arguments.get(1).map_or(Ok(usize::MAX), |count| count.parse())?;
    let text = corpus::text_of(&path).ok_or("not an ELF program for x86-64 with a .text section")?;
    let symbols = |address: u64| {
        usize::try_from(address).ok().filter(|offset| *offset < text.len())?;
        Some(Symbol { name: "text", offset: address })
    };
    let options = options.symbols(&symbols);
    let mut out = BufWriter::new(stdout().lock());
    let mut start = 0;
    for at in Instructions::new(CodeSize::Bits64, &text, 0).take(count) {
        let bytes: String =
            text[start..].iter().take(at.len.into()).map(|byte| format!("{byte:02x}")).collect();
        start += usize::from(at.len);
        let line = match &at.result {
            Ok(insn) => writeln!(out, "{:8x}  {bytes:<22} {}", at.rip, insn.display_with(at.rip, options)),
            Err(error) => writeln!(out, "{:8x}  {bytes:<22} ({error})", at.rip),
        };
        match line {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            other => other?,
        }
    }
    match out.flush() {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
