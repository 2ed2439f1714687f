//! The command `v64`: an x86-64 PC in the terminal.

mod fuzz;
mod jit;
mod jit_dump;
mod lockstep;
mod microtest;
mod run;
mod terminal;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// An x86 PC, 16-, 32- and 64-bit.
///
/// Without a command it boots a small 64-bit guest that the program itself contains.
#[derive(Parser)]
#[command(version, about, long_about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Boot a guest
    ///
    /// Examples:
    ///   v64 run
    ///   v64 run -m 512M --kernel vmlinuz --initrd initrd.gz --append console=ttyS0
    /// Ctrl-A X leaves.
    #[command(verbatim_doc_comment)]
    Run(session::RunArgs),
    /// Run instruction vectors recorded on a real processor
    Microtest(session::MicrotestArgs),
    /// Disassemble bytes, Intel syntax
    Decode(session::DecodeArgs),
    /// Show what the translator makes of the code at an address
    ///
    /// Its instructions, what was recorded of them, and the WebAssembly. Takes the options of run for the guest.
    JitDump(jit_dump::JitDumpArgs),
    /// Feed random code, page tables and device traffic, looking for panics and hangs
    Fuzz(fuzz::FuzzArgs),
    /// List the devices a machine is made of
    Devices,
}

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if arguments.len() == 1 {
        arguments.push("run".into());
    }
    let matches = Cli::command().get_matches_from(arguments);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = match cli.command {
        Some(Command::Run(args)) => run::main(&args),
        Some(Command::Microtest(args)) => microtest::main(&args),
        Some(Command::Decode(args)) => session::decode_text(&args).map(print),
        Some(Command::JitDump(args)) => jit_dump::main(&args),
        Some(Command::Fuzz(args)) => fuzz::main(&args),
        Some(Command::Devices) | None => Ok(print((session::devices(), 0))),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("v64: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Prints a text. Gives the exit code that goes with it. Whoever stopped reading, as `head` does, has had enough.
fn print((text, code): (String, u8)) -> u8 {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("v64: cannot write to standard output: {error}");
            2
        }
        _ => code,
    }
}
