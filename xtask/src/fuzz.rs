//! `cargo xtask fuzz`: random code, page tables, ports and MMIO against whole machines, and damaged disk images.

use crate::report::Report;
use crate::task::task;
use crate::{linux, shell};
use anyhow::Result;

/// Feed machines random code in all modes, page tables, port and MMIO traffic, and damaged disk images
#[derive(clap::Args)]
struct FuzzArgs {
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where the random numbers start, to repeat a run
    #[arg(long)]
    seed: Option<u64>,
}

task!("fuzz", FuzzArgs, run);

fn run(args: FuzzArgs) -> Result<()> {
    let report = Report::start("v64");
    let v64 = linux::v64(&report, linux::Profile::Quick)?;
    report.done("built");
    let mut command = shell::command(v64);
    command.args(["fuzz", "--seconds", &args.seconds.to_string()]);
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    shell::run(&mut command)
}
