//! Commands of v64, handed to a v64 that is there.

use super::blocks::commands;
use super::v64_arguments;
use crate::project::Text;
use crate::shell;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::{Output, Stdio};

/// Commands that are quick enough to run as they stand.
const QUICK: [&str; 2] = ["decode", "devices"];
/// Exit codes of runs: the guest ended, or the limit of instructions was reached.
const GOOD: [i32; 2] = [0, 3];
/// Parts of errors of runs with valid options: files of the reader are missing here, there is no terminal or window
/// system, and another program may listen at a port.
const UNDERSTOOD: [&str; 4] =
    ["No such file or directory", "draws in a terminal", "is built without windows", "in use"];

/// Commands that are refused, a line each.
///
/// # Errors
/// The program cannot be started.
pub(super) fn check(v64: &Path, files: &[Text]) -> Result<Vec<String>> {
    let v64 = v64.canonicalize().with_context(|| format!("cannot find {}", v64.display()))?;
    let scratch = std::env::temp_dir().join(format!("v64-docs.{}", std::process::id()));
    std::fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    let runner = Runner { v64: &v64, scratch: &scratch };
    let mut wrong = Vec::new();
    for file in files {
        for command in commands(file) {
            // A variable of the shell stands for options that are not known here.
            let Some(args) = v64_arguments(&command.words) else { continue };
            if args.iter().any(|word| word.contains('$')) {
                continue;
            }
            let is_native = command.words.first().is_some_and(|word| word.ends_with("v64"));
            if let Some(why) = runner.check(args, is_native)? {
                wrong.push(format!("{}:{}: {why}: {}", file.path, command.line, command.words.join(" ")));
            }
        }
    }
    std::fs::remove_dir_all(&scratch)?;
    Ok(wrong)
}

struct Runner<'a> {
    v64: &'a Path,
    /// An empty folder, in which commands run
    scratch: &'a Path,
}

impl Runner<'_> {
    fn output(&self, args: &[&str]) -> Result<Output> {
        let mut command = shell::command(self.v64);
        command.current_dir(self.scratch).args(args).stdin(Stdio::null());
        command.output().with_context(|| format!("cannot start {}", self.v64.display()))
    }

    /// Returns the reason, if a command is refused. One for Node may name addresses where the native one takes files.
    fn check(&self, args: &[String], is_native: bool) -> Result<Option<String>> {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        // Options and their values are checked up to the help option.
        let known = self.output(&[&args[..], &["--help"]].concat())?;
        if !known.status.success() {
            return Ok(Some(first_line(&known)));
        }
        for model in
            args.windows(2).filter(|pair| pair[0].trim_start_matches('-') == "device").map(|pair| pair[1])
        {
            if let Some(why) = self.device(model)? {
                return Ok(Some(why));
            }
        }
        let subcommand = args.first().copied().unwrap_or_default();
        let done = match subcommand {
            "run" if is_native && !waits(&args) => self.output(&limited(&args))?,
            _ if QUICK.contains(&subcommand) => self.output(&args)?,
            _ => return Ok(None),
        };
        let text = String::from_utf8_lossy(&done.stderr);
        let is_good = done.status.code().is_some_and(|code| GOOD.contains(&code))
            || UNDERSTOOD.iter().any(|part| text.contains(part));
        Ok((!is_good).then(|| first_line(&done)))
    }

    /// Checks `MODEL,NAME=VALUE,...` by the help of the model: files are opened before devices are made.
    fn device(&self, text: &str) -> Result<Option<String>> {
        let mut parts = text.split(',');
        let model = parts.next().unwrap_or_default();
        let help = self.output(&["run", "-device", &format!("{model},help")])?;
        if !help.status.success() {
            return Ok(Some(first_line(&help)));
        }
        let known = String::from_utf8_lossy(&help.stdout).into_owned();
        let names = parts.map(|part| part.split('=').next().unwrap_or(part)).filter(|name| *name != "id");
        let lacks = |name: &&str| {
            !known.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').any(|word| word == *name)
        };
        let missing = names.filter(|name| *name != "help").find(lacks);
        Ok(missing.map(|name| format!("{model} has no {name}")))
    }
}

/// Returns whether a machine would wait before running.
fn waits(args: &[&str]) -> bool {
    args.contains(&"-S")
}

/// Returns the command with a limit of one instruction, and with sockets in the folder that it runs in.
fn limited<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let mut args: Vec<_> =
        args.iter().map(|word| word.strip_prefix("unix:/tmp/").map_or(*word, |_| "null")).collect();
    if !args.iter().any(|word| word.trim_start_matches('-') == "max-instructions") {
        args.extend(["--max-instructions", "1"]);
    }
    args
}

fn first_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it ended without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_after_one_instruction_and_leave_no_socket() {
        let args = ["run", "-qmp", "unix:/tmp/vm,server=on", "-m", "1G"];
        let wanted = ["run", "-qmp", "null", "-m", "1G", "--max-instructions", "1"];
        assert_eq!(limited(&args), wanted);
        assert_eq!(limited(&["run", "--max-instructions", "5"]), ["run", "--max-instructions", "5"]);
        assert!(waits(&["run", "-S"]) && !waits(&["run", "-s"]));
    }

    /// Behaves as v64 where options are unknown, help is wanted, and files are missing.
    const V64: &str = r#"#!/bin/sh
for arg; do [ "$arg" != -bad ] || { echo 'v64: there is no -bad' >&2; exit 2; }; done
for arg; do case $arg in --help) exit 0;; edu,help) echo 'edu.dma_mask=NUMBER'; exit 0;; *,help) exit 2;; esac; done
echo 'v64: disk.img: No such file or directory' >&2; exit 2
"#;

    #[test]
    fn unknown_options_models_and_properties_are_found() {
        let folder = std::env::temp_dir().join(format!("v64-docs-test.{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (text, v64) = (folder.join("text"), folder.join("v64"));
        std::fs::write(&text, V64).unwrap();
        // A program that this process itself had open for writing could be busy: another test may be starting one.
        shell::output(shell::command("install").args(["-m", "755"]).args([&text, &v64])).unwrap();
        let wrong = |line: &str| {
            let file = Text { path: "a.md".to_owned(), text: format!("```\n{line}\n```\n") };
            check(&v64, &[file]).unwrap().len()
        };
        assert_eq!(wrong("v64 run -hda disk.img -device edu,dma_mask=1"), 0);
        assert_eq!(wrong("node pkg/cli.mjs run -hda https://example.org/disk.img"), 0);
        for line in ["v64 run -bad", "v64 run -device edo", "v64 run -device edu,mask=1", "npx v64 run -bad"]
        {
            assert_eq!(wrong(line), 1, "{line}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
