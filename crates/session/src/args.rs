//! Options of a run.

use clap::{Args, ValueEnum};
use machine::Seed;
use std::path::PathBuf;
use x86_state::cpuid::CpuModel;

/// 2024-01-01: the date of machines whose time is made of instructions.
pub const ICOUNT_EPOCH: u64 = 1_704_067_200;

/// Options of `v64 run`.
#[derive(Args, Debug, Default)]
pub struct RunArgs {
    /// Guest memory, with K, M or G
    #[arg(short = 'm', long = "memory", default_value = "512M", value_parser = parse_size)]
    pub memory: u64,
    /// A Linux bzImage or a multiboot image; one of the project's own guests if absent
    #[arg(long)]
    pub kernel: Option<PathBuf>,
    /// Which of the project's own guests: the demo, or one that fills and checks all of its memory
    #[arg(long, value_name = "NAME", conflicts_with = "kernel", value_parser = demo_guest::NAMES)]
    pub guest: Option<String>,
    /// Initial RAM disk
    #[arg(long, requires = "kernel")]
    pub initrd: Option<PathBuf>,
    /// Kernel command line
    #[arg(long, default_value = "")]
    pub append: String,
    /// Processor model: x86-64-v1, x86-64-v2 or max
    #[arg(long, value_parser = parse_model)]
    pub cpu: Option<Model>,
    /// Where COM1 goes: stdio, file:PATH or none
    #[arg(long, default_value = "stdio")]
    pub serial: String,
    /// Source of time: the host's clock, or retired instructions (exactly repeatable; implied by --engine lockstep)
    #[arg(long, value_enum, default_value = "real", default_value_if("engine", "lockstep", "icount"))]
    pub clock: ClockKind,
    /// Seed of the generator behind RDRAND and RDSEED, a number: the same seed gives the same numbers [default: the
    /// host's entropy; 0 with --clock icount]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How guest code is executed: interpreted, translated to WebAssembly where it is hot, or both ways in two machines
    /// that are compared as they run (a difference is located and explained: exit code 1)
    #[arg(long, value_enum, default_value = "jit")]
    pub engine: EngineKind,
    /// Stop after so many instructions (exit code 3)
    #[arg(long, value_name = "N")]
    pub max_instructions: Option<u64>,
    /// End at a reset (exit code 0) or triple fault (exit code 1) rather than start over
    #[arg(long)]
    pub no_reboot: bool,
    /// Port of isa-debug-exit: a write of `value` ends with exit code (value << 1) | 1
    #[arg(long, value_name = "PORT", value_parser = parse_port)]
    pub debug_exit: Option<u16>,
    /// Print events to standard error: exceptions, io, msr (comma-separated)
    #[arg(long, value_delimiter = ',')]
    pub trace: Vec<String>,
    /// Print instructions, seconds, MIPS and exits by cause at the end
    #[arg(long)]
    pub stats: bool,
    /// Print the guest code that was interpreted most at the end (with --engine jit)
    #[arg(long)]
    pub profile: bool,
    /// Print a hash of registers, RAM and devices at the end
    #[arg(long)]
    pub state_hash: bool,
}

/// A processor model, by name.
#[derive(Clone, Copy, Debug)]
pub struct Model(pub CpuModel);

/// The source of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClockKind {
    /// The host's clock
    #[default]
    Real,
    /// Retired instructions
    Icount,
}

fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.trim().char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'm' | 'M')) => (&text[..at], 20),
        Some((at, 'g' | 'G')) => (&text[..at], 30),
        _ => (text, 20),
    };
    let number: u64 = digits.trim().parse().map_err(|_| format!("{text} is not a size; write 512M or 4G"))?;
    number.checked_shl(shift).filter(|v| v >> shift == number).ok_or(format!("{text} is too large"))
}

fn parse_model(text: &str) -> Result<Model, String> {
    CpuModel::from_name(text)
        .map(Model)
        .ok_or_else(|| format!("no processor is called {text}; there are {}", CpuModel::NAMES.join(", ")))
}

fn parse_port(text: &str) -> Result<u16, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text} is no port; write 0xf4"))
}

/// What executes guest code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// The interpreter
    #[default]
    Interp,
    /// The interpreter, and compiled code where it is hot
    Jit,
    /// Two machines, one interpreted, one compiled, compared as they run
    Lockstep,
}

impl RunArgs {
    /// The processor that was asked for.
    pub fn model(&self) -> CpuModel {
        self.cpu.map_or(CpuModel::X86_64_V2, |model| model.0)
    }

    /// The seed of the generator behind RDRAND and RDSEED: that of `--seed`, a constant where time is made of
    /// instructions, else what the host gives.
    ///
    /// # Errors
    /// Those of `host`.
    pub fn seed<E>(&self, host: impl FnOnce() -> Result<Seed, E>) -> Result<Seed, E> {
        if self.seed.is_some() || self.clock == ClockKind::Icount { Ok(self.fixed_seed()) } else { host() }
    }

    /// The seed where time is made of instructions, whatever `--clock` says.
    pub fn fixed_seed(&self) -> Seed {
        let mut seed = Seed::default();
        seed[..8].copy_from_slice(&self.seed.unwrap_or(0).to_le_bytes());
        seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_entropy_is_asked_for_only_where_a_run_need_not_repeat() {
        let host = || Ok::<_, ()>([9; 32]);
        let (real, icount) = (ClockKind::Real, ClockKind::Icount);
        let mut five = Seed::default();
        five[0] = 5;
        for (clock, seed, want) in
            [(real, None, [9; 32]), (icount, None, [0; 32]), (real, Some(5), five), (icount, Some(5), five)]
        {
            let args = RunArgs { clock, seed, ..RunArgs::default() };
            assert_eq!(args.seed(host), Ok(want), "{clock:?} {seed:?}");
        }
    }
}
