//! The command line, parsed by the command's own parser, and the host resources it requires.

use crate::wanted::{WantedFile, wanted};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use serde::Serialize;
use session::spec::{Address, CharTarget, MonitorMode, MonitorSpec};
use session::{ClockKind, DecodeArgs, EngineKind, Given, MachineSpec, MicrotestArgs, RunArgs};

/// An x86 PC, 16-, 32- and 64-bit.
///
/// Without a command it boots a small 64-bit guest that the program itself contains.
#[derive(Parser)]
#[command(name = "v64", version, about, long_about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)] // there is one
enum Command {
    /// Boot a guest
    Run(RunArgs),
    /// Run instruction vectors recorded on a real processor
    Microtest(MicrotestArgs),
    /// Disassemble bytes, Intel syntax
    Decode(DecodeArgs),
    /// List the devices a machine is made of
    Devices,
}

/// What the host has to do for a command.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Plan {
    /// Print this
    Text {
        /// On standard output
        stdout: String,
        /// On standard error
        stderr: String,
        /// And end with this
        exit_code: u8,
    },
    /// Read files, run a machine
    Run {
        /// What the machine is to be given before it starts
        files: Vec<WantedFile>,
        /// Path to save the state to
        save_state: Option<String>,
        /// Where COM1 goes
        serial: String,
        /// Paths of files for what other lines send
        lines: Vec<String>,
        /// Report at the end
        stats: bool,
        /// Hash at the end
        state_hash: bool,
        /// Where to stop
        max_instructions: Option<u64>,
        /// Source of time
        clock: &'static str,
        /// Where commands come from
        monitors: Vec<MonitorPlan>,
    },
    /// Read a file, run its vectors
    Microtest {
        /// Path of the vectors
        file: String,
    },
}

/// A place where commands come from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MonitorPlan {
    /// Protocol: QMP (0), QMP with pretty-printed replies (1), the human monitor (2)
    kind: u32,
    /// The terminal, which COM1 may have too
    stdio: bool,
    /// The terminal is COM1's: Ctrl-A C switches
    shared: bool,
    /// Path of a socket
    unix: Option<String>,
    /// Host and port of a socket
    tcp: Option<(String, u16)>,
    /// Connections are waited for, rather than made
    server: bool,
}

impl MonitorPlan {
    fn new(monitor: &MonitorSpec) -> Self {
        let kind = match monitor.mode {
            MonitorMode::Control { pretty } => u32::from(pretty),
            MonitorMode::Readline => 2,
        };
        let stdio = monitor.target == CharTarget::Stdio;
        let mut plan = Self { kind, stdio, shared: monitor.shared, unix: None, tcp: None, server: false };
        if let CharTarget::Socket(socket) = &monitor.target {
            plan.server = socket.server;
            match &socket.address {
                Address::Unix(path) => plan.unix = Some(path.to_string_lossy().into_owned()),
                Address::Tcp(host, port) => plan.tcp = Some((host.clone(), *port)),
            }
        }
        plan
    }
}

/// What a plan needs inside the module.
pub(crate) enum Parsed {
    Nothing,
    Run(Box<(RunArgs, MachineSpec)>),
    Microtest(MicrotestArgs),
}

fn text(stdout: String, exit_code: u8) -> (Plan, Parsed) {
    (Plan::Text { stdout, stderr: String::new(), exit_code }, Parsed::Nothing)
}

/// Options of the native command only.
const NATIVE: &[&str] = &["trace", "log", "log_file", "object"];

/// Returns the command's own arguments. What exists in the native command only is not in the help; a run refuses it.
fn cli() -> clap::Command {
    let engines = || {
        let kinds = EngineKind::value_variants().iter();
        let values =
            kinds.filter_map(|kind| Some(kind.to_possible_value()?.hide(*kind == EngineKind::Lockstep)));
        PossibleValuesParser::new(values).map(|name| EngineKind::from_str(&name, false).unwrap_or_default())
    };
    Cli::command()
        .mut_subcommand("run", |run| {
            let engine =
                "How guest code is executed: interpreted, or translated to WebAssembly where it is hot";
            let clock = "Source of time: the host's clock, or retired instructions (exactly repeatable)";
            let run = run
                .mut_arg("engine", |arg| arg.value_parser(engines()).help(engine))
                .mut_arg("clock", |arg| arg.help(clock));
            NATIVE.iter().fold(run, |run, option| run.mut_arg(option, |arg| arg.hide(true)))
        })
        .mut_subcommand("microtest", |run| run.mut_arg("engine", |arg| arg.value_parser(engines())))
}

/// Bad input: one line on standard error, and exit code 2.
fn refused(error: &anyhow::Error) -> (Plan, Parsed) {
    let stderr = format!("v64: {error:#}\n");
    (Plan::Text { stdout: String::new(), stderr, exit_code: 2 }, Parsed::Nothing)
}

pub(crate) fn parse(words: &[String]) -> (Plan, Parsed) {
    let words = match session::normalize_words(&Cli::command(), words.iter().map(Into::into)) {
        Ok(words) => words,
        Err(error) => return refused(&error),
    };
    let argv = std::iter::once("v64".into()).chain(words);
    let cli = cli().try_get_matches_from(argv).and_then(|matches| {
        let mut cli = Cli::from_arg_matches(&matches)?;
        if let (Some(Command::Run(args)), Some(run)) = (&mut cli.command, matches.subcommand_matches("run")) {
            args.given = Given::of(run);
        }
        Ok(cli)
    });
    let path = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
    match cli.map(|cli| cli.command) {
        Err(error) if error.use_stderr() => refused(&anyhow::Error::msg(session::parse_error(&error))),
        Err(help) => text(help.to_string(), 0),
        Ok(Some(Command::Run(args))) => {
            if let Err(error) = args.check() {
                return refused(&error);
            }
            match session::help(&args) {
                Ok(Some(list)) => return text(list, 0),
                Ok(None) => {}
                Err(error) => return refused(&error),
            }
            let spec = match MachineSpec::new(&args) {
                Ok(spec) => spec,
                Err(error) => return refused(&error),
            };
            let serial = match spec.host_line().map(|char| &char.target) {
                Some(CharTarget::Stdio) => "stdio".to_owned(),
                Some(CharTarget::File(path)) => format!("file:{}", path.display()),
                Some(CharTarget::Null | CharTarget::Socket(_)) | None => "none".to_owned(),
            };
            let files = spec.chars.iter().filter(|char| Some(*char) != spec.host_line());
            let lines = files.filter_map(|char| match &char.target {
                CharTarget::File(path) => Some(path.to_string_lossy().into_owned()),
                _ => None,
            });
            let lines = lines.collect();
            let plan = Plan::Run {
                lines,
                files: wanted(&args, &spec),
                save_state: args.save_state.as_ref().map(path),
                serial,
                stats: args.stats || args.profile,
                state_hash: args.state_hash,
                max_instructions: args.max_instructions,
                clock: if args.clock == ClockKind::Icount { "icount" } else { "real" },
                monitors: spec.monitors.iter().map(MonitorPlan::new).collect(),
            };
            (plan, Parsed::Run(Box::new((args, spec))))
        }
        Ok(Some(Command::Microtest(args))) => {
            (Plan::Microtest { file: path(&args.file) }, Parsed::Microtest(args))
        }
        Ok(Some(Command::Decode(args))) => match session::decode_text(&args) {
            Ok((stdout, code)) => text(stdout, code),
            Err(error) => refused(&error),
        },
        Ok(Some(Command::Devices) | None) => text(session::devices(), 0),
    }
}

/// Returns the host resources that a command line requires.
pub fn plan(words: &[String]) -> Plan {
    parse(words).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        serde_json::to_string(&plan(&words)).unwrap()
    }

    #[test]
    fn a_run_tells_which_files_it_wants() {
        let plan = json(&["run", "--kernel", "vmlinuz", "--clock", "icount", "--max-instructions", "5"]);
        assert!(
            plan.starts_with(
                r#"{"kind":"run","files":[{"name":"kernel","role":"kernel","path":"vmlinuz","firmware":null}],"saveState":null,"serial":"stdio""#
            ),
            "{plan}"
        );
        assert!(plan.contains(r#""maxInstructions":5,"clock":"icount""#), "{plan}");
        assert_eq!(json(&[]), json(&["run"]));
    }

    #[test]
    fn the_host_has_one_serial_line() {
        for (words, serial) in [
            (&["run"][..], "stdio"),
            (&["run", "-serial", "mon:stdio"], "stdio"),
            (&["run", "-serial", "none"], "none"),
            (&["run", "-serial", "null"], "none"),
            (&["run", "-serial", "file:out"], "file:out"),
            (&["run", "-serial", "file:out", "-serial", "stdio"], "stdio"),
        ] {
            let plan = json(words);
            assert!(plan.contains(&format!(r#""serial":"{serial}""#)), "{words:?}: {plan}");
        }
        let plan = json(&["run", "-serial", "file:out", "-debugcon", "file:debug"]);
        assert!(plan.contains(r#""serial":"file:out","lines":["debug"]"#), "{plan}");
    }

    #[test]
    fn monitors_are_listed() {
        let plan = json(&["run", "-qmp", "unix:/q,server=on,wait=off", "-monitor", "none"]);
        let monitor =
            r#""monitors":[{"kind":0,"stdio":false,"shared":false,"unix":"/q","tcp":null,"server":true}]"#;
        assert!(plan.contains(monitor), "{plan}");
        let plan = json(&["run"]);
        assert!(plan.contains(r#""monitors":[{"kind":2,"stdio":true,"shared":true,"#), "{plan}");
    }

    #[test]
    fn errors_are_texts_with_exit_code_2() {
        let plan = json(&["run", "-m", "lots"]);
        assert!(plan.contains("is not a size") && plan.ends_with(r#""exitCode":2}"#), "{plan}");
        let plan = json(&["run", "--append", "quiet"]);
        assert!(plan.contains("--append is for a kernel") && plan.ends_with(r#""exitCode":2}"#), "{plan}");
        let plan = json(&["decode", "zz"]);
        assert!(plan.contains("not hexadecimal") && plan.ends_with(r#""exitCode":2}"#), "{plan}");
    }

    #[test]
    fn options_are_qemu_s() {
        assert_eq!(json(&["run", "-kernel", "x", "-nographic"]), json(&["run", "--kernel", "x"]));
        let plan = json(&["-numa", "node"]);
        assert!(plan.contains("all memory is one node") && plan.ends_with(r#""exitCode":2}"#), "{plan}");
    }

    #[test]
    fn help_names_nothing_that_is_native_only() {
        for command in ["run", "microtest"] {
            let help = json(&[command, "--help"]);
            assert!(help.contains("- interp:") && help.contains("- jit:"), "{help}");
            assert!(!help.contains("lockstep") && !help.contains("--trace"), "{help}");
        }
        for engine in ["interp", "jit", "lockstep"] {
            assert!(json(&["run", "--engine", engine]).contains(r#""kind":"run""#), "{engine}");
        }
        assert!(!json(&["run", "--engine", "steam"]).contains("lockstep"));
    }

    #[test]
    fn decode_and_devices_are_answered_at_once() {
        assert!(json(&["decode", "90"]).contains("nop"));
        assert!(json(&["devices"]).contains("ioapic"));
    }
}
