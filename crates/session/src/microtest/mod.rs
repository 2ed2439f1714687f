//! Instruction vectors recorded on a real processor, run one by one.

mod case;
mod check;
mod runner;

use crate::EngineKind;
use anyhow::{Context, Result};
use case::Case;
use clap::Args;
use runner::Runner;
use std::path::PathBuf;
use x86_exec::Vcpu;

/// Options of `v64 microtest`.
#[derive(Args, Clone, Debug)]
pub struct MicrotestArgs {
    /// How the instructions are executed: interpreted, or translated to WebAssembly after they were interpreted once
    #[arg(long, value_enum, default_value = "interp")]
    pub engine: EngineKind,
    /// Compare with the recorded outcome and print a table by feature
    #[arg(long)]
    pub check: bool,
    /// With --check: print up to this many failing cases
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub failures: usize,
    /// With --check: only cases of this feature
    #[arg(long)]
    pub feature: Option<String>,
    /// Vectors, one JSON object a line, plain or compressed by zstd; `-` reads standard input
    pub file: PathBuf,
}

/// Runs vectors line by line.
pub struct Microtests {
    args: MicrotestArgs,
    runner: Runner,
    table: check::Table,
    lines: usize,
    /// Vectors of which compiled code executed an instruction
    compiled: usize,
}

impl Microtests {
    /// With a separate processor.
    ///
    /// # Errors
    /// Where the host has no memory for it.
    pub fn new(args: MicrotestArgs) -> Result<Self> {
        Ok(Self { args, runner: Runner::new()?, table: check::Table::default(), lines: 0, compiled: 0 })
    }

    /// Returns the processor, to attach a translator to with `--engine jit`, before the first line.
    pub fn vcpu_mut(&mut self) -> &mut Vcpu {
        self.runner.vcpu_mut()
    }

    /// Runs the vector of one line. Gives what is to be printed.
    ///
    /// # Errors
    /// Where the line is not a vector.
    pub fn line(&mut self, line: &str) -> Result<String> {
        self.lines += 1;
        if line.trim().is_empty() {
            return Ok(String::new());
        }
        let case: Case = serde_json::from_str(line)
            .with_context(|| format!("{}:{}: not a microtest case", self.args.file.display(), self.lines))?;
        if self.args.check && self.args.feature.as_ref().is_some_and(|feature| *feature != case.feature) {
            return Ok(String::new());
        }
        let mut outcome = self.runner.run(&case).with_context(|| format!("case {}", case.id))?;
        if self.args.engine == EngineKind::Jit {
            let compiled;
            (outcome, compiled) =
                self.runner.run_again(&case, &outcome).with_context(|| format!("case {}", case.id))?;
            self.compiled += usize::from(compiled > 0);
        }
        if !self.args.check {
            return Ok(serde_json::to_string(&case::Answer { id: &case.id, out: &outcome })? + "\n");
        }
        let mut text = String::new();
        let difference = check::compare(&case, &outcome);
        if let Some(difference) = &difference
            && self.table.failed() < self.args.failures
        {
            text = format!("{} [{}] {} {difference}\n", case.id, case.code, case.asm);
        }
        self.table.add(&case.feature, difference.is_none());
        Ok(text)
    }

    /// What is to be printed at the end, and the exit code.
    pub fn end(&self) -> (String, u8) {
        let mut text = if self.args.check { self.table.to_string() } else { String::new() };
        if self.args.check && self.args.engine == EngineKind::Jit {
            text += &format!("compiled code executed an instruction of {}\n", self.compiled);
        }
        (text, u8::from(self.table.failed() > 0))
    }
}
