//! CLI, STI and SWAPGS: compiled code does them itself where nothing hinders, and asks the processor where something does.

mod support;

use support::asm::Asm;
use support::machine::{Machine, Start};
use x86_decode::Op;
use x86_types::{CodeSize, Seg};

const ROUNDS: u64 = 200;
/// Instructions of a round
const ROUND: u64 = 9;
const QUICK: [Op; 3] = [Op::Cli, Op::Sti, Op::Swapgs];

/// A loop as the entry of a kernel: `add eax, 1; cli; swapgs; mov rcx, gs:[rdi]; add ebx, ecx; swapgs; sti; sub ebp, 1; jnz`.
fn start(kernel: bool) -> Start {
    let mut asm = Asm::default();
    let top = asm.mark();
    asm.hex("83c001 fa 0f01f8 65488b0f 01cb 0f01f8 fb 83ed01").jcc(5, top).hex("cc");
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code: asm.finish(), kernel, ..Start::default() };
    (start.gpr[4], start.gpr[5]) = (0x18_1000, ROUNDS);
    start.mem = vec![(0x18_0f00, vec![3, 1])];
    start
}

fn set_up(machine: &mut Machine, start: &Start) {
    machine.set_up(start);
    machine.vcpu.cpu.msr.kernel_gs_base = 0x18_0f00;
    machine.vcpu.state_changed();
}

fn everything(machine: &Machine) -> String {
    let cpu = &machine.vcpu.cpu;
    let gs = (cpu.segment(Seg::Gs).base, cpu.msr.kernel_gs_base);
    format!("{} shadow {:?} gs {gs:x?} retired {}", machine.state(), cpu.shadow, machine.vcpu.retired())
}

/// Times that the processor executed one of them for compiled code.
fn asked(machine: &Machine) -> u64 {
    let steps = machine.vcpu.most_called_helpers(usize::MAX);
    steps.iter().filter(|(insns, _)| QUICK.contains(&insns[0].op)).map(|&(_, count)| count).sum()
}

#[test]
fn they_are_done_in_compiled_code_wherever_a_run_ends() {
    let (mut plain, mut compiled) = (Machine::new(CodeSize::Bits64), Machine::compiling(CodeSize::Bits64));
    let start = start(true);
    for most in (100 * ROUND..102 * ROUND).chain([ROUNDS * ROUND + 50]) {
        set_up(&mut plain, &start);
        set_up(&mut compiled, &start);
        assert_eq!(plain.run(most), compiled.run(most));
        assert_eq!(everything(&plain), everything(&compiled), "{most} instructions");
    }
    assert!(compiled.vcpu.statistics.compiled > 18 * 90 * ROUND, "{:?}", compiled.vcpu.statistics);
    assert!(asked(&compiled) < 100, "{} steps", asked(&compiled));
}

#[test]
fn an_interrupt_that_waits_is_taken_behind_sti_and_its_shadow() {
    let (mut plain, mut compiled) = (Machine::new(CodeSize::Bits64), Machine::compiling(CodeSize::Bits64));
    let start = start(true);
    for machine in [&mut plain, &mut compiled] {
        set_up(machine, &start);
        machine.run(ROUNDS * ROUND + 50);
    }
    // It comes while IF is clear: behind one instruction of the round to behind five.
    for before in 2..7 {
        let mut came = Vec::new();
        for machine in [&mut plain, &mut compiled] {
            set_up(machine, &start);
            machine.run(50 * ROUND + before);
            machine.raise(0x40);
            let until = machine.run(1000);
            came.push((until, everything(machine)));
        }
        assert_eq!(came[0].0, 9 - before, "shadow and handler, from instruction {before} on");
        assert_eq!(came[0], came[1]);
    }
}

#[test]
fn users_may_not() {
    let (mut plain, mut compiled) = (Machine::new(CodeSize::Bits64), Machine::compiling(CodeSize::Bits64));
    for _ in 0..3 {
        for machine in [&mut plain, &mut compiled] {
            set_up(machine, &start(false));
            machine.run(100);
        }
        assert_eq!(everything(&plain), everything(&compiled));
        assert_eq!(plain.vcpu.cpu.cpl, 0, "the handler of #GP");
    }
}
