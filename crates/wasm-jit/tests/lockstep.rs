//! Compiled blocks beside the interpreter: the same state, the same snippet, the same outcome.

mod support;

use std::collections::BTreeMap;
use support::compiled::Compiled;
use support::machine::{Machine, Start};
use support::vectors::{Case, bytes, instructions, integer_cases};
use wasm_jit::layout::StoreStatus;
use wasm_jit::{Block, CodeHost, End, Mode, Slot, TranslateError, module, record};
use x86_decode::{InsnFlags, Instruction, Op};
use x86_types::{CodeSize, Width};

/// Functions in one module.
const BATCH: usize = 256;

fn mode(long: bool) -> Mode {
    if long {
        Mode { code_size: CodeSize::Bits64, stack_width: Width::B8 }
    } else {
        Mode { code_size: CodeSize::Bits32, stack_width: Width::B4 }
    }
}

/// What was compared.
#[derive(Debug, Default)]
struct Tally {
    compared: u32,
    instructions: u32,
    faults: u32,
    /// Left to the interpreter although nothing faults, by operation
    left: BTreeMap<String, u32>,
}

struct Pair {
    plain: Machine,
    compiled: Compiled,
    tally: Tally,
}

struct Job {
    id: String,
    start: Start,
    insns: Vec<Instruction>,
    block: Block,
}

impl Pair {
    fn new(long: bool) -> Pair {
        Pair { plain: Machine::new(long), compiled: Compiled::new(long), tally: Tally::default() }
    }

    fn compare(&mut self, jobs: &[Job]) {
        for batch in jobs.chunks(BATCH) {
            let blocks: Vec<Block> = batch.iter().map(|job| job.block.clone()).collect();
            let slot = self.compiled.install(&module(&blocks)).expect("the module is valid");
            for (n, job) in batch.iter().enumerate() {
                self.compare_one(job, slot, n);
            }
            self.compiled.retire(slot);
            let (ours, theirs) = (&self.plain.ram, &self.compiled.machine().ram);
            let (mut a, mut b) = ([0; 4096], [0; 4096]);
            for page in (0..support::machine::RAM).step_by(4096) {
                ours.read(x86_types::GuestPhysAddr(page), &mut a);
                theirs.read(x86_types::GuestPhysAddr(page), &mut b);
                assert!(a == b, "memory at {page:#x} differs after the batch from {}", batch[0].id);
            }
        }
    }

    fn compare_one(&mut self, job: &Job, slot: Slot, n: usize) {
        let count = job.block.instructions();
        self.plain.set_up(&job.start);
        self.plain.interpret(count);

        self.compiled.set_up(&job.start);
        let leave = self.compiled.run(slot, n);
        if leave.interpret() && leave.retired() < count {
            self.compiled.machine().interpret(count - leave.retired());
        } else {
            assert_eq!(leave.retired(), count, "{}: the block was left early", job.id);
            assert_eq!(leave.interpret(), job.block.end() == End::Interpret, "{}", job.id);
        }
        let faulted = self.plain.faulted();
        if leave.retired() < count && !faulted {
            let insn = job.insns[leave.retired() as usize];
            *self.tally.left.entry(format!("{:?} {:?}", insn.op, insn.opsize)).or_default() += 1;
        }
        self.tally.compared += 1;
        self.tally.instructions += leave.retired();
        self.tally.faults += u32::from(faulted);

        let (a, b) = (&self.plain.vcpu.cpu, &self.compiled.machine().vcpu.cpu);
        let show = |cpu: &x86_state::Cpu| {
            format!(
                "rip {:x} rflags {:x} cpl {} cr2 {:x} gpr {:x?}",
                cpu.rip,
                cpu.rflags().bits(),
                cpu.cpl,
                cpu.cr2,
                cpu.gpr
            )
        };
        assert_eq!(
            show(a),
            show(b),
            "{} {:02x?}: interpreted, compiled\n{:?}",
            job.id,
            job.start.code,
            job.insns
        );
        for (at, data) in job.start.mem.iter().chain([&(0x18_0f00, vec![0; 0x200])]) {
            let (a, b) = (self.plain.read(*at, data.len()), self.compiled.machine().read(*at, data.len()));
            assert_eq!(a, b, "{}: memory at {at:#x}", job.id);
        }
    }
}

/// Translatable cases as jobs, and the operations of those that are not.
fn jobs(cases: &[Case], mode: Mode) -> (Vec<Job>, BTreeMap<String, u32>) {
    let (mut jobs, mut not) = (Vec::new(), BTreeMap::<String, u32>::new());
    for case in cases {
        let insns = case.instructions();
        match record(&insns, mode) {
            Ok(block) => jobs.push(Job { id: case.id.clone(), start: Start::of(case), insns, block }),
            Err(TranslateError::Empty) => *not.entry("does not decode".into()).or_default() += 1,
            Err(TranslateError::Interpret) => {
                let repeated = insns[0].flags.intersects(InsnFlags::REP | InsnFlags::REPNE);
                let name = format!("{}{:?}", if repeated { "Rep" } else { "" }, insns[0].op);
                *not.entry(name).or_default() += 1;
            }
        }
    }
    (jobs, not)
}

fn vectors(mode_bits: u32) {
    let long = mode_bits == 64;
    let cases = integer_cases(mode_bits);
    assert!(cases.len() > 2000, "the vectors are there");
    let (jobs, not) = jobs(&cases, mode(long));
    let mut pair = Pair::new(long);
    pair.compare(&jobs);
    let tally = pair.tally;
    println!("{mode_bits}-bit: {} cases, {tally:?}", cases.len());
    println!("not translatable: {} {not:?}", not.values().sum::<u32>());
    assert!(tally.compared as usize * 10 > cases.len() * 8, "most integer instructions translate");
    assert!(tally.faults > 10, "faults are among the cases");
    // Only a division whose dividend needs 128 bits may be left without a fault.
    for operation in tally.left.keys() {
        assert!(matches!(operation.as_str(), "Div B8" | "Idiv B8"), "{operation} was left without a fault");
    }
}

#[test]
fn integer_vectors_agree_in_64_bit_mode() {
    vectors(64);
}

#[test]
fn integer_vectors_agree_in_32_bit_mode() {
    vectors(32);
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }
}

/// Two to eight snippets in a row, from registers of which most point into memory.
fn sequences(mode_bits: u32, count: usize, seed: u64) {
    let long = mode_bits == 64;
    let mode = mode(long);
    let cases = integer_cases(mode_bits);
    let (singles, _) = jobs(&cases, mode);
    let singles: Vec<Job> =
        singles.into_iter().filter(|job| job.insns.len() == 1 && job.block.end() == End::Whole).collect();
    let mut random = Random(seed);
    let mut list = Vec::new();
    for n in 0..count {
        let first = &singles[random.below(singles.len())];
        let mut start = Start { code: Vec::new(), ..first.start.clone() };
        for (r, v) in start.gpr.iter_mut().enumerate().filter(|&(r, _)| r < if long { 16 } else { 8 }) {
            if r == 4 || random.below(4) != 0 {
                *v = 0x20_0000 + (random.next() >> 52);
            } else if random.below(2) == 0 {
                *v = random.next() >> 60;
            }
        }
        start.mem = vec![(0x20_0000 + 8 * n as u64 % 4096, random.next().to_le_bytes().to_vec())];
        let mut ids = Vec::new();
        for _ in 0..2 + random.below(7) {
            let part = &singles[random.below(singles.len())];
            start.code.extend(&part.start.code);
            ids.push(part.id.as_str());
        }
        let insns = instructions(mode.code_size, &start.code);
        let block = record(&insns, mode).unwrap();
        list.push(Job { id: format!("{n}: {}", ids.join(", ")), start, insns, block });
    }
    let mut pair = Pair::new(long);
    pair.compare(&list);
    let tally = pair.tally;
    println!("{mode_bits}-bit sequences: {tally:?}");
    assert!(tally.instructions as usize > 2 * count, "sequences get somewhere: {tally:?}");
}

#[test]
fn random_sequences_agree_in_64_bit_mode() {
    sequences(64, 4096, 0x9e37_79b9_7f4a_7c15);
}

#[test]
fn random_sequences_agree_in_32_bit_mode() {
    sequences(32, 2048, 0x1234_5678_9abc_def1);
}

fn start(code: &[u8]) -> Start {
    let mut gpr = [0; 16];
    gpr[4] = 0x18_1000;
    Start { gpr, rip: 0x10_0000, rflags: 0x202, code: code.to_vec(), mem: vec![(0x20_0000, vec![0; 64])] }
}

/// A fault in the middle leaves with the registers and flags from before the faulting instruction.
#[test]
fn a_fault_in_the_middle_leaves_the_state_before_it() {
    // add rax, 1; mov [rbx], rax; sub rax, 2; push qword [rcx]; add rax, 3
    let start = Start {
        gpr: {
            let mut g = start(&[]).gpr;
            g[3] = 0x20_0000;
            g[1] = 1 << 40;
            g
        },
        ..start(&bytes("4883c0014889034883e802ff314883c003"))
    };
    let insns = instructions(CodeSize::Bits64, &start.code);
    let block = record(&insns, mode(true)).unwrap();
    assert_eq!((block.instructions(), block.end()), (5, End::Whole));
    let mut compiled = Compiled::new(true);
    let slot = compiled.install(&module(&[block])).unwrap();
    compiled.set_up(&start);
    let leave = compiled.run(slot, 0);
    assert_eq!((leave.retired(), leave.interpret()), (3, true));
    let cpu = &compiled.machine().vcpu.cpu;
    assert_eq!((cpu.gpr[0], cpu.gpr[4], cpu.rip), (u64::MAX, 0x18_1000, 0x10_000b));
    assert!(cpu.arith.cf() && cpu.arith.sf() && !cpu.arith.zf());
    assert_eq!(compiled.machine().read(0x20_0000, 8), 1_u64.to_le_bytes());
}

/// A store that asks for it ends the block behind its instruction.
#[test]
fn a_store_can_end_the_block_behind_it() {
    // mov rbx, 200000h; push rbx; add rbx, 1
    let start = start(&bytes("48c7c300002000534883c301"));
    let insns = instructions(CodeSize::Bits64, &start.code);
    let mut compiled = Compiled::new(true);
    let slot = compiled.install(&module(&[record(&insns, mode(true)).unwrap()])).unwrap();
    compiled.inside().status = StoreStatus::Leave;
    compiled.set_up(&start);
    let leave = compiled.run(slot, 0);
    assert_eq!((leave.retired(), leave.interpret()), (2, false));
    let cpu = &compiled.machine().vcpu.cpu;
    assert_eq!((cpu.gpr[3], cpu.gpr[4], cpu.rip), (0x20_0000, 0x18_0ff8, 0x10_0008));
}

/// What has no recorded meaning ends the block before it.
#[test]
fn a_block_ends_before_what_must_be_interpreted() {
    // inc eax; cpuid; inc eax
    let insns = instructions(CodeSize::Bits64, &bytes("ffc00fa2ffc0"));
    let block = record(&insns, mode(true)).unwrap();
    assert_eq!((block.instructions(), block.end()), (1, End::Interpret));
    assert_eq!(record(&insns[1..], mode(true)).unwrap_err(), TranslateError::Interpret);
    assert_eq!(insns[1].op, Op::Cpuid);
    assert_eq!(record(&[], mode(true)).unwrap_err(), TranslateError::Empty);
}

/// A host says what is wrong with a module that it cannot take.
#[test]
fn a_bad_module_is_refused() {
    let mut compiled = Compiled::new(true);
    assert!(compiled.install(b"\0asm\x01\0\0\0\x01").is_err());
}
