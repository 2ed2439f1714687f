//! Compiled blocks beside the interpreter: the same state, the same snippet, the same outcome.

mod support;

use std::collections::BTreeMap;
use support::compiled::Compiled;
use support::machine::{Machine, Start};
use support::vectors::{Case, bytes, instructions, integer_cases};
use wasm_jit::layout::StoreStatus;
use wasm_jit::{Block, CodeHost, End, MAX_INSTRUCTIONS, Mode, Slot, TranslateError, module, record};
use x86_decode::{InsnFlags, Instruction, NO_REG, Op};
use x86_types::CodeSize;

/// Functions in one module.
const BATCH: usize = 256;

fn mode(code_size: CodeSize) -> Mode {
    Mode { code_size, stack_width: code_size.width() }
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
    fn new(size: CodeSize) -> Pair {
        Pair { plain: Machine::new(size), compiled: Compiled::new(size), tally: Tally::default() }
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
        let places = [(0x18_0f00, vec![0; 0x200]), (support::machine::STACK - 64, vec![0; 64])];
        for (at, data) in job.start.mem.iter().chain(&places) {
            let (a, b) = (self.plain.read(*at, data.len()), self.compiled.machine().read(*at, data.len()));
            assert_eq!(a, b, "{}: memory at {at:#x}", job.id);
        }
    }
}

/// Translatable cases as jobs, and the operations of those that are not.
fn jobs(cases: &[Case], mode: Mode) -> (Vec<Job>, BTreeMap<String, u32>) {
    let (mut jobs, mut not) = (Vec::new(), BTreeMap::<String, u32>::new());
    for case in cases {
        let insns = instructions(mode.code_size, &bytes(&case.code));
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

/// The cases for a code size. The 32-bit ones, decoded anew, serve for 16-bit code.
fn cases(size: CodeSize) -> Vec<Case> {
    integer_cases(if size == CodeSize::Bits64 { 64 } else { 32 })
}

fn vectors(size: CodeSize) {
    let cases = cases(size);
    assert!(cases.len() > 2000, "the vectors are there");
    let (jobs, not) = jobs(&cases, mode(size));
    let mut pair = Pair::new(size);
    pair.compare(&jobs);
    let tally = pair.tally;
    println!("{size:?}: {} cases, {tally:?}", cases.len());
    println!("{size:?}: not translatable: {} {not:?}", not.values().sum::<u32>());
    let decoded = cases.len() as u32 - not.get("does not decode").unwrap_or(&0);
    assert!(tally.compared * 100 > decoded * 95, "nearly all integer instructions translate");
    assert!(tally.faults > 10, "faults are among the cases");
    // Only a division whose dividend needs 128 bits may be left without a fault.
    for operation in tally.left.keys() {
        assert!(matches!(operation.as_str(), "Div B8" | "Idiv B8"), "{operation} was left without a fault");
    }
}

#[test]
fn integer_vectors_agree_in_64_bit_mode() {
    vectors(CodeSize::Bits64);
}

#[test]
fn integer_vectors_agree_in_32_bit_code() {
    vectors(CodeSize::Bits32);
}

#[test]
fn integer_vectors_agree_as_16_bit_code() {
    vectors(CodeSize::Bits16);
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

/// Whether a snippet's memory operand is near the register it starts from, so that it seldom faults elsewhere.
fn is_near(insn: &Instruction) -> bool {
    !insn.has_mem() || insn.disp.unsigned_abs() < 0x1000 && insn.index == NO_REG && insn.base != NO_REG
}

/// Two to eight snippets in a row, from registers of which most point into memory.
fn sequences(size: CodeSize, count: usize, seed: u64) {
    let mode = mode(size);
    let (singles, _) = jobs(&cases(size), mode);
    let mut random = Random(seed);
    let singles: Vec<Job> = singles
        .into_iter()
        .filter(|job| job.insns.len() == 1 && job.block.end() == End::Whole)
        .filter(|job| is_near(&job.insns[0]) || random.below(16) == 0)
        .collect();
    let registers = if size == CodeSize::Bits64 { 16 } else { 8 };
    let mut list = Vec::new();
    for n in 0..count {
        let first = &singles[random.below(singles.len())];
        let mut start = Start { code: Vec::new(), ..first.start.clone() };
        for (r, v) in start.gpr.iter_mut().enumerate().take(registers) {
            if r == 4 || random.below(8) != 0 {
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
        let insns = instructions(size, &start.code);
        let block = record(&insns, mode).unwrap();
        list.push(Job { id: format!("{n}: {}", ids.join(", ")), start, insns, block });
    }
    let mut pair = Pair::new(size);
    pair.compare(&list);
    let tally = pair.tally;
    println!("{size:?} sequences: {tally:?}");
    assert!(tally.instructions as usize > 2 * count, "sequences get somewhere: {tally:?}");
}

#[test]
fn random_sequences_agree_in_64_bit_mode() {
    sequences(CodeSize::Bits64, 4096, 0x9e37_79b9_7f4a_7c15);
}

#[test]
fn random_sequences_agree_in_32_bit_code() {
    sequences(CodeSize::Bits32, 2048, 0x1234_5678_9abc_def1);
}

#[test]
fn random_sequences_agree_in_16_bit_code() {
    sequences(CodeSize::Bits16, 2048, 0x0fed_cba9_8765_4321);
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
    let block = record(&insns, mode(CodeSize::Bits64)).unwrap();
    assert_eq!((block.instructions(), block.end()), (5, End::Whole));
    let mut compiled = Compiled::new(CodeSize::Bits64);
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
    let mut compiled = Compiled::new(CodeSize::Bits64);
    let slot = compiled.install(&module(&[record(&insns, mode(CodeSize::Bits64)).unwrap()])).unwrap();
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
    let block = record(&insns, mode(CodeSize::Bits64)).unwrap();
    assert_eq!((block.instructions(), block.end()), (1, End::Interpret));
    assert_eq!(record(&insns[1..], mode(CodeSize::Bits64)).unwrap_err(), TranslateError::Interpret);
    assert_eq!(insns[1].op, Op::Cpuid);
    assert_eq!(record(&[], mode(CodeSize::Bits64)).unwrap_err(), TranslateError::Empty);
}

/// CALL to an address that is not canonical: the slot it read the target from is as it was, in both engines.
#[test]
fn a_call_that_faults_has_pushed_nothing() {
    // call [rsp-8]
    let mut start = start(&bytes("ff5424f8"));
    start.mem.push((0x18_0ff8, (1_u64 << 60).to_le_bytes().to_vec()));
    let insns = instructions(CodeSize::Bits64, &start.code);
    let block = record(&insns, mode(CodeSize::Bits64)).unwrap();
    let mut pair = Pair::new(CodeSize::Bits64);
    pair.compare(&[Job { id: "call".into(), start, insns, block }]);
    assert_eq!(pair.tally.faults, 1);
    assert_eq!(pair.plain.read(0x18_0ff8, 8), (1_u64 << 60).to_le_bytes());
}

/// The longest block of the longest instructions is still a module that engines take.
#[test]
fn the_longest_block_is_a_valid_module() {
    // rcr byte [rax+rbx*8+12345678h], cl; and the same with a load and a store that may fault each
    let insns = instructions(CodeSize::Bits64, &bytes("d29cd878563412").repeat(300));
    let block = record(&insns, mode(CodeSize::Bits64)).unwrap();
    assert_eq!((block.instructions() as usize, block.end()), (MAX_INSTRUCTIONS, End::Full));
    let compiled = Compiled::new(CodeSize::Bits64);
    compiled.validate(&module(&[block])).unwrap();
}

/// Whatever decodes can be asked for, and what comes is valid.
#[test]
fn random_code_gives_valid_modules() {
    let mut random = Random(0xdead_beef_cafe_f00d);
    let compiled = Compiled::new(CodeSize::Bits64);
    for size in [CodeSize::Bits16, CodeSize::Bits32, CodeSize::Bits64] {
        let mut blocks = Vec::new();
        for _ in 0..20_000 {
            let code: Vec<u8> = (0..32).map(|_| random.next() as u8).collect();
            let (mut insns, mut at) = (Vec::new(), 0);
            while let Ok(insn) = x86_decode::decode(size, &code[at..]) {
                at += usize::from(insn.len);
                insns.push(insn);
            }
            blocks.extend(record(&insns, mode(size)));
        }
        assert!(blocks.len() > 5_000, "{size:?}: {}", blocks.len());
        for batch in blocks.chunks(BATCH) {
            compiled.validate(&module(batch)).unwrap();
        }
    }
}

/// A host says what is wrong with a module that it cannot take.
#[test]
fn a_bad_module_is_refused() {
    let mut compiled = Compiled::new(CodeSize::Bits64);
    assert!(compiled.install(b"\0asm\x01\0\0\0\x01").is_err());
}
