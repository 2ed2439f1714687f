//! Decoding speed beside iced-x86 and yaxpeax-x86: each decodes the same code from its first byte to its last, and goes on
//! at the next byte where there is no instruction.

mod corpus;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use x86_decode::decode_into;
use x86_types::CodeSize;
use yaxpeax_arch::{Decoder as _, LengthedInstruction as _, U8Reader};

/// Decodes all of the code and returns how many instructions and bytes that are none it has.
type Decode = fn(&[u8]) -> usize;

fn x86_decode(code: &[u8]) -> usize {
    let mut insn = x86_decode::Instruction::default();
    let (mut at, mut count) = (0, 0);
    while at < code.len() {
        match decode_into(CodeSize::Bits64, &code[at..], black_box(&mut insn)) {
            Ok(len) => at += usize::from(len),
            Err(_) => at += 1,
        }
        count += 1;
    }
    count
}

fn iced_x86(code: &[u8]) -> usize {
    let mut decoder = iced_x86::Decoder::new(64, code, iced_x86::DecoderOptions::NONE);
    let mut insn = iced_x86::Instruction::default();
    let mut count = 0;
    while decoder.can_decode() {
        let start = decoder.position();
        decoder.decode_out(black_box(&mut insn));
        if insn.is_invalid() {
            decoder.set_position(start + 1).expect("inside the code");
        }
        count += 1;
    }
    count
}

fn yaxpeax_x86(code: &[u8]) -> usize {
    let decoder = yaxpeax_x86::amd64::InstDecoder::default();
    let mut insn = yaxpeax_x86::amd64::Instruction::default();
    let (mut at, mut count) = (0, 0);
    while at < code.len() {
        let mut reader = U8Reader::new(&code[at..]);
        match decoder.decode_into(black_box(&mut insn), &mut reader) {
            Ok(()) => at += insn.len().to_const() as usize,
            Err(_) => at += 1,
        }
        count += 1;
    }
    count
}

fn compare(c: &mut Criterion, name: &str, code: &[u8]) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(code.len() as u64));
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    let decoders: [(&str, Decode); 3] =
        [("x86-decode", x86_decode), ("iced-x86", iced_x86), ("yaxpeax-x86", yaxpeax_x86)];
    for (decoder, run) in decoders {
        group.bench_with_input(BenchmarkId::from_parameter(decoder), code, |b, code| {
            b.iter(|| run(black_box(code)))
        });
    }
    group.finish();
}

fn benches(c: &mut Criterion) {
    compare(c, "sample", &corpus::sample());
    if let Some(code) = corpus::programs() {
        compare(c, "programs", &code);
    }
}

criterion_group!(decoders, benches);
criterion_main!(decoders);
