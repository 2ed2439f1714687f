//! The command `v64`: an x86-64 PC in the terminal.

mod backends;
mod display;
mod files;
mod fuzz;
mod input;
mod jit;
mod jit_dump;
mod lockstep;
mod log;
mod microtest;
mod monitors;
mod output;
mod run;
mod sound;
mod state_file;
mod terminal;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use output::{print, say};
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
    ///   v64 run -m 512M -kernel vmlinuz -initrd initrd.gz -append console=ttyS0
    /// Options are QEMU's where they mean the same; one dash is as good as two.
    /// Ctrl-A X leaves, Ctrl-A H lists the keys.
    #[command(verbatim_doc_comment)]
    Run(run::RunCommand),
    /// Run instruction vectors recorded on a real processor
    Microtest(session::MicrotestArgs),
    /// Disassemble bytes, Intel syntax
    Decode(session::DecodeArgs),
    /// Show what the translator makes of the code at an address
    ///
    /// Its instructions, what was recorded of them, and the WebAssembly. Takes the options of run for the guest.
    JitDump(jit_dump::JitDumpArgs),
    /// Feed random code, page tables, device traffic and damaged images, looking for panics and hangs
    Fuzz(fuzz::FuzzArgs),
    /// List the devices a machine is made of
    Devices,
}

fn main() -> ExitCode {
    if let Some(text) = help_of_value() {
        return ExitCode::from(print((text.to_owned(), 0)));
    }
    ExitCode::from(match parse() {
        Ok(Ok(cli)) => match run(cli) {
            Ok(code) => code,
            Err(error) => refuse(&error),
        },
        Ok(Err(error)) if error.use_stderr() => refuse(&anyhow::Error::msg(session::parse_error(&error))),
        Ok(Err(help)) => match help.print() {
            Err(error) => output::failed(&error, "standard output", 0),
            Ok(()) => 0,
        },
        Err(error) => refuse(&error),
    })
}

/// Returns what the command line asks for by the value `help` of an option.
fn help_of_value() -> Option<&'static str> {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    session::value_help(&words)
}

/// Parses the command line. The inner result is the parser's; its errors include help and version.
fn parse() -> anyhow::Result<Result<Cli, clap::Error>> {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_else(|| "v64".into());
    let words = session::normalize_words(&Cli::command(), arguments)?;
    let matches = Cli::command().try_get_matches_from(std::iter::once(program).chain(words));
    Ok(matches.and_then(|matches| {
        let mut cli = Cli::from_arg_matches(&matches)?;
        if let (Some(Command::Run(run)), Some(given)) =
            (&mut cli.command, matches.subcommand_matches("run").map(session::Given::of))
        {
            run.set_given(given);
        }
        Ok(cli)
    }))
}

fn run(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        Some(Command::Run(args)) => run::main(args),
        Some(Command::Microtest(args)) => microtest::main(&args),
        Some(Command::Decode(args)) => session::decode_text(&args).map(print),
        Some(Command::JitDump(args)) => jit_dump::main(&args),
        Some(Command::Fuzz(args)) => fuzz::main(&args),
        Some(Command::Devices) | None => Ok(print((session::devices(), 0))),
    }
}

/// Prints the error. Returns the exit code of bad input.
fn refuse(error: &anyhow::Error) -> u8 {
    say(&format!("v64: {error:#}\n"));
    output::BAD
}
