//! Commands, each registered from its own file.

use anyhow::Result;
use clap::ArgMatches;
use linkme::distributed_slice;
use std::process::ExitCode;

/// A command of `cargo xtask`.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    /// Its interface
    pub(crate) clap: fn() -> clap::Command,
    pub(crate) run: fn(&ArgMatches) -> Result<()>,
}

/// Every command that is linked in.
#[distributed_slice]
#[allow(unsafe_code)]
pub(crate) static TASKS: [Task];

/// Registers `$run(args: $args) -> Result<()>` as the command `$name`.
macro_rules! task {
    ($name:literal, $args:ty, $run:path) => {
        // SAFETY: linkme's own link section, written by its macro alone.
        #[linkme::distributed_slice(crate::task::TASKS)]
        #[allow(unsafe_code)]
        static TASK: crate::task::Task = crate::task::Task {
            name: $name,
            clap: || <$args as clap::Args>::augment_args(clap::Command::new($name)),
            run: |matches| $run(<$args as clap::FromArgMatches>::from_arg_matches(matches)?),
        };
    };
}
pub(crate) use task;

fn sorted() -> Vec<&'static Task> {
    let mut tasks: Vec<_> = TASKS.iter().collect();
    tasks.sort_by_key(|task| task.name);
    tasks
}

fn interface() -> clap::Command {
    clap::Command::new("cargo xtask")
        .bin_name("cargo xtask")
        .about("Builds, tests and runs v64, fetches guests and checks the project's rules")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(sorted().into_iter().map(|task| (task.clap)()))
}

/// Checks arguments of `cargo xtask` without running the command.
///
/// # Errors
/// The first line of what is wrong with them.
pub(crate) fn parse(args: &[&str]) -> Result<(), String> {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    match interface().try_get_matches_from(std::iter::once(&"cargo xtask").chain(args)) {
        Err(error) if !matches!(error.kind(), DisplayHelp | DisplayVersion) => {
            let text = error.to_string();
            Err(text.lines().next().unwrap_or_default().to_owned())
        }
        _ => Ok(()),
    }
}

/// Runs the command that the process was called with.
pub(crate) fn main() -> ExitCode {
    let matches = interface().get_matches();
    let Some((name, matches)) = matches.subcommand() else { return ExitCode::from(2) };
    let Some(task) = TASKS.iter().find(|task| task.name == name) else { return ExitCode::from(2) };
    match (task.run)(matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_holds_together_and_has_every_command_once() {
        interface().debug_assert();
        let names: Vec<_> = sorted().iter().map(|task| task.name).collect();
        let wanted = [
            "bench",
            "book",
            "build-wasm64",
            "deps",
            "docs",
            "fetch-firmware",
            "fetch-guests",
            "fuzz",
            "guide",
            "linux",
            "serve",
            "spec",
            "test",
            "tidy",
        ];
        assert_eq!(names, wanted);
    }
}
