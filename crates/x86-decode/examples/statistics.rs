//! Which instructions a program consists of: `cargo run -p x86-decode --example statistics [FILE]`.
//!
//! Reads the `.text` section of an ELF program for x86-64, of its own without an argument, and prints how often each operation
//! occurs, how long instructions are, and how many bytes are no instruction.

use std::error::Error;
use x86_decode::{CodeSize, Instructions, Op};

#[allow(dead_code)]
#[path = "../benches/decode/corpus.rs"]
mod corpus;

fn main() -> Result<(), Box<dyn Error>> {
    let path = match std::env::args_os().nth(1) {
        Some(path) => path.into(),
        None => std::env::current_exe()?,
    };
    let text = corpus::text_of(&path).ok_or("not an ELF program for x86-64 with a .text section")?;
    let mut counts = vec![0u64; Op::COUNT];
    let (mut instructions, mut bytes, mut undefined, mut longest) = (0u64, 0u64, 0u64, 0);
    for at in Instructions::new(CodeSize::Bits64, &text, 0) {
        match at.result {
            Ok(insn) => {
                counts[insn.op as usize] += 1;
                instructions += 1;
                bytes += u64::from(insn.len);
                longest = longest.max(insn.len);
            }
            Err(_) => undefined += u64::from(at.len),
        }
    }
    let share = |count: u64| count as f64 / instructions.max(1) as f64;
    println!("{}: {} bytes of code", path.display(), text.len());
    println!("{instructions} instructions of {:.2} bytes on average, {longest} at most", share(bytes));
    println!("{undefined} bytes that are none here");
    let mut order: Vec<Op> = Op::ALL.to_vec();
    order.sort_by_key(|op| std::cmp::Reverse(counts[*op as usize]));
    for op in order.into_iter().take(20).filter(|op| counts[*op as usize] != 0) {
        let count = counts[op as usize];
        println!("{op:>12} {count:>9} {:>6.2} %", share(count) * 100.0);
    }
    Ok(())
}
