//! Reports at the end of a run: statistics, or the state of a crashed guest.

use machine::Machine;
use std::fmt::Write;
use std::time::Duration;
use x86_decode::{InsnFlags, Instruction, OperandKind, decode};
use x86_exec::Statistics;
use x86_exec::vcpu::compiled::TranslationCounts;
use x86_types::{GuestPhysAddr, Seg, Width};

/// Adds a line to a text, which cannot fail.
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {{
        let _ = writeln!($out, $($arg)*);
    }};
}

/// Sums over all processors of a machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Counts of the run loop
    pub statistics: Statistics,
    /// Blocks decoded
    pub decoded: u64,
    /// Decoded blocks that were dropped when their bytes were written
    pub invalidated: u64,
    /// Times that compiled code went on to other compiled code; 0 where that is not counted
    pub chained: u64,
    /// What translating came to; `None` where all code is interpreted
    pub translation: Option<TranslationCounts>,
}

impl Totals {
    /// Returns the sums of now.
    pub fn of(machine: &mut Machine) -> Self {
        let mut sum = Self::default();
        for vcpu in machine.vcpus_mut() {
            sum.statistics += vcpu.statistics;
            let (decoded, invalidated) = vcpu.code_statistics();
            sum.decoded += decoded;
            sum.invalidated += invalidated;
            sum.chained += vcpu.chained();
            if let Some(code) = vcpu.compiled_mut() {
                *sum.translation.get_or_insert_default() += code.statistics();
            }
        }
        sum
    }
}

/// What `--stats` prints, as lines: sums over all processors.
pub fn statistics(machine: &mut Machine, took: Duration) -> String {
    let mut out = String::new();
    let Totals { statistics: s, decoded, invalidated, chained, translation } = Totals::of(machine);
    let (instructions, seconds) = (machine.retired(), took.as_secs_f64());
    line!(out, "instructions  {instructions}");
    if machine.vcpus().len() > 1 {
        let each: Vec<String> = machine.vcpus().iter().map(|vcpu| vcpu.retired().to_string()).collect();
        line!(out, "by processor  {}", each.join(", "));
    }
    line!(out, "seconds       {seconds:.3}");
    line!(out, "MIPS          {:.1}", instructions as f64 / seconds.max(1e-9) / 1e6);
    line!(out, "blocks        {} run, {decoded} decoded, {invalidated} dropped when written", s.blocks_run);
    if s.entries != 0 {
        let share = 100.0 * s.compiled as f64 / (instructions as f64).max(1.0);
        let [miss, budget, interpret, attention] = s.exits;
        line!(out, "compiled      {share:.1} % of instructions, entered {} times", s.entries);
        line!(
            out,
            "left          {miss} unknown target ({} of them compiled), {interpret} interpret, {budget} budget, {attention} attention",
            s.shown
        );
        if chained != 0 {
            let all = chained.saturating_add(miss);
            let share = 100.0 * chained as f64 / all as f64;
            line!(out, "chained       {share:.1} % of {all} ways from region to region");
        }
    }
    line!(out, "page walks    {}", s.walks);
    line!(
        out,
        "exits         {} port, {} MMIO, {} interrupt, {} halt",
        s.port_io,
        s.mmio,
        s.interrupts,
        s.halts
    );
    let exceptions: Vec<String> =
        (0..32).filter(|&n| s.exceptions[n] != 0).map(|n| format!("#{n} {}", s.exceptions[n])).collect();
    line!(out, "exceptions    {}", exceptions.join(", "));
    line!(out, "resets        {}", machine.resets());
    if let Some(t) = translation {
        line!(out, "regions       {} of {} instructions", t.regions, t.instructions);
        line!(
            out,
            "modules       {}, {} bytes; kept {}, {} bytes",
            t.modules,
            t.bytes,
            t.kept_modules,
            t.kept_bytes
        );
        line!(out, "dropped       {} written, {} evicted, {} refused", t.written, t.evicted, t.refused);
        let [a, b] = [t.translating_ns, t.compiling_ns].map(|ns| ns as f64 / 1e9);
        if t.translating_ns != 0 || t.compiling_ns != 0 {
            line!(out, "compile time  {a:.3} s translating, {b:.3} s in the host");
        }
    }
    out
}

/// Blocks that `--profile` prints.
pub const PROFILED: usize = 40;

/// Adds the counts of equal keys; the highest first.
fn most<K: PartialEq>(counts: impl Iterator<Item = (K, u64)>, most: usize) -> Vec<(K, u64)> {
    let mut sums: Vec<(K, u64)> = Vec::new();
    for (key, count) in counts {
        match sums.iter_mut().find(|(known, _)| *known == key) {
            Some((_, sum)) => *sum += count,
            None => sums.push((key, count)),
        }
    }
    sums.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    sums.truncate(most);
    sums
}

/// Returns the code that was interpreted most by all processors, as lines: runs, physical address, instructions; and
/// the instructions that compiled code had the interpreter execute most.
pub fn profile(machine: &mut Machine, count: usize) -> String {
    let mut out = String::new();
    let interpreted = machine.vcpus().iter().flat_map(|vcpu| vcpu.hottest_interpreted(count));
    for ((at, size), runs) in most(interpreted.map(|(at, size, runs)| ((at, size), u64::from(runs))), count) {
        line!(out, "{runs:>10} runs at {:x}, {size:?}", at.0);
        let mut bytes = [0; 96];
        machine.memory().ram_read(at, &mut bytes);
        let mut from = 0;
        while let Ok(insn) = decode(size, &bytes[from..]) {
            line!(out, "           {}", at_physical(&insn, at.0.wrapping_add(from as u64)));
            from += usize::from(insn.len);
            if insn.flags.contains(InsnFlags::ENDS_BLOCK) || from > 80 {
                break;
            }
        }
    }
    line!(out, "executed in passing:");
    let stepped = machine.vcpus().iter().flat_map(|vcpu| vcpu.most_called_helpers(count));
    for (insns, times) in most(stepped, count) {
        let insns: Vec<_> = insns.iter().map(anywhere).collect();
        line!(out, "{times:>10} {}", insns.join("; "));
    }
    out
}

fn is_relative(insn: &Instruction) -> bool {
    insn.operands.iter().any(|operand| operand.kind == OperandKind::Rel)
}

/// Returns the text of a relative branch with another target.
fn with_target(insn: &Instruction, target: &str) -> String {
    let text = insn.display(0).to_string();
    // The target is the last operand, and the only one.
    let mnemonic = text.rsplit_once(' ').map_or(text.as_str(), |(mnemonic, _)| mnemonic);
    format!("{mnemonic} {target}")
}

/// Returns the text of an instruction at a physical address. The code may run at another address, through a mapping or a
/// segment that is not known here: branch targets and RIP-relative operands are physical too.
fn at_physical(insn: &Instruction, at: u64) -> String {
    // A 16-bit target is an offset in a segment; displayed as one it would have lost the upper bits.
    if is_relative(insn) && insn.opsize == Width::B2 {
        let target = at.wrapping_add(u64::from(insn.len)).wrapping_add(insn.imm);
        return with_target(insn, &format!("0{target:X}h"));
    }
    insn.display(at).to_string()
}

/// Returns the text of an instruction that several places share: a branch's target is a distance from its first byte, `$`.
fn anywhere(insn: &Instruction) -> String {
    if !is_relative(insn) {
        return insn.display(0).to_string();
    }
    let distance = (insn.imm as i64).wrapping_add(i64::from(insn.len));
    let sign = if distance < 0 { '-' } else { '+' };
    with_target(insn, &format!("${sign}0{:X}h", distance.unsigned_abs()))
}

const NAMES: [&str; 16] = [
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14",
    "R15",
];

/// Registers, mode, last branches and the bytes at RIP, as lines.
pub fn crash(machine: &mut Machine, why: &str) -> String {
    let mut out = String::new();
    let vcpu = machine.vcpu();
    let cpu = &vcpu.cpu;
    line!(out, "v64: {why} after {} instructions", vcpu.retired());
    line!(out, "mode {}, CPL {}", cpu.mode().describe(cpu.code_size), cpu.cpl);
    for row in 0..4 {
        let column = |n: usize| format!("{} {:016x}", NAMES[row + 4 * n], cpu.gpr[row + 4 * n]);
        line!(out, "{}  {}  {}  {}", column(0), column(1), column(2), column(3));
    }
    line!(out, "RIP {:016x}  RFLAGS {:08x}", cpu.rip, cpu.rflags().bits());
    line!(
        out,
        "CR0 {:08x}  CR2 {:016x}  CR3 {:016x}  CR4 {:08x}  EFER {:x}",
        cpu.cr0.bits(),
        cpu.cr2,
        cpu.cr3,
        cpu.cr4.bits(),
        cpu.efer.bits()
    );
    for seg in Seg::ALL {
        let s = cpu.segment(seg);
        line!(
            out,
            "{seg:?} {:04x}  base {:016x}  limit {:08x}  attributes {:04x}",
            s.selector.0,
            s.base,
            s.limit,
            s.attr.bits()
        );
    }
    line!(
        out,
        "GDT {:016x} {:04x}  IDT {:016x} {:04x}",
        cpu.gdtr.base,
        cpu.gdtr.limit,
        cpu.idtr.base,
        cpu.idtr.limit
    );
    let branches: Vec<String> = vcpu.last_branches().iter().map(|rip| format!("{rip:x}")).collect();
    line!(out, "last blocks {}", branches.join(" "));
    let (rip, size) = (cpu.rip, cpu.code_size);
    let Some(at) = machine.vcpu_mut().peek_code(rip) else {
        line!(out, "the page at RIP is not mapped");
        return out;
    };
    let bytes: [u8; 16] = machine.memory().read_array(GuestPhysAddr(at.0));
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text =
        decode(size, &bytes).map_or_else(|error| format!("{error:?}"), |insn| insn.display(rip).to_string());
    line!(out, "at RIP      {}  {text}", hex.join(" "));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use x86_types::CodeSize;

    #[test]
    fn branch_targets_are_physical_addresses() {
        let text = |size, bytes: &[u8], at| at_physical(&decode(size, bytes).unwrap(), at);
        assert_eq!(text(CodeSize::Bits64, &[0x74, 0xf8], 0x10_3d61), "je 103D5Bh");
        assert_eq!(text(CodeSize::Bits32, &[0xe8, 0, 1, 0, 0], 0x20_0000), "call 200105h");
        assert_eq!(text(CodeSize::Bits16, &[0xeb, 0xfe], 0xf_fff0), "jmp 0FFFF0h");
        assert_eq!(text(CodeSize::Bits64, &[0x90], 0x1000), "nop");
    }

    #[test]
    fn equal_code_of_several_processors_is_one_line() {
        let counts = [("a", 3), ("b", 5), ("c", 1), ("a", 4)].into_iter();
        assert_eq!(most(counts, 2), [("a", 7), ("b", 5)]);
    }

    #[test]
    fn shared_instructions_have_distances() {
        let text = |bytes: &[u8]| anywhere(&decode(CodeSize::Bits64, bytes).unwrap());
        assert_eq!(text(&[0x74, 0xf8]), "je $-06h");
        assert_eq!(text(&[0xeb, 0x10]), "jmp $+012h");
        assert_eq!(text(&[0xf4]), "hlt");
    }
}
