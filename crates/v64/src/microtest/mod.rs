//! `v64 microtest`: instruction vectors recorded on a real processor, run one by one.

mod case;
mod check;
mod runner;

use anyhow::{Context, Result};
use case::Case;
use clap::Args;
use runner::Runner;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// Options of `v64 microtest`.
#[derive(Args)]
pub(crate) struct MicrotestArgs {
    /// Compare with the recorded outcome and print a table by feature
    #[arg(long)]
    check: bool,
    /// With --check: print up to this many failing cases
    #[arg(long, default_value_t = 0, value_name = "N")]
    failures: usize,
    /// With --check: only cases of this feature
    #[arg(long)]
    feature: Option<String>,
    /// Vectors, one JSON object a line, plain or compressed by zstd; `-` reads standard input
    file: PathBuf,
}

fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let mut file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut magic = [0; 4];
    let got = file.read(&mut magic)?;
    let file = std::fs::File::open(path)?;
    if magic[..got] == [0x28, 0xb5, 0x2f, 0xfd] {
        return Ok(Box::new(BufReader::new(zstd::Decoder::new(file)?)));
    }
    Ok(Box::new(BufReader::new(file)))
}

/// Runs the vectors. Gives the process's exit code.
pub(crate) fn main(args: &MicrotestArgs) -> Result<u8> {
    let mut runner = Runner::new()?;
    let mut table = check::Table::default();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (n, line) in open(&args.file)?.lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", args.file.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let case: Case = serde_json::from_str(&line)
            .with_context(|| format!("{}:{}: not a microtest case", args.file.display(), n + 1))?;
        if args.check && args.feature.as_ref().is_some_and(|feature| *feature != case.feature) {
            continue;
        }
        let outcome = runner.run(&case).with_context(|| format!("case {}", case.id))?;
        if args.check {
            let difference = check::compare(&case, &outcome);
            if let Some(text) = &difference
                && table.failed() < args.failures
            {
                writeln!(out, "{} [{}] {} {text}", case.id, case.code, case.asm)?;
            }
            table.add(&case.feature, difference.is_none());
        } else {
            serde_json::to_writer(&mut out, &case::Answer { id: &case.id, out: &outcome })?;
            out.write_all(b"\n")?;
        }
    }
    if args.check {
        write!(out, "{table}")?;
    }
    out.flush()?;
    Ok(u8::from(table.failed() > 0))
}
