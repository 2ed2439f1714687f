//! A command line's words, made what the parser takes: one dash or two before a long option, and QEMU's options.

use crate::qemu;
use anyhow::{Result, bail};
use clap::{Arg, Command};
use std::ffi::OsString;

/// Returns the words behind the program's name with two dashes before each long option, without options of QEMU that
/// describe what is there anyway, and with the command `run` where there is none.
///
/// # Errors
/// An option of QEMU that is not supported: one line with the nearest supported one.
pub fn normalize_words(
    command: &Command,
    words: impl IntoIterator<Item = OsString>,
) -> Result<Vec<OsString>> {
    let mut words = words.into_iter().peekable();
    let first = words.peek().map(|word| word.to_string_lossy().into_owned());
    let name = match first.as_deref() {
        Some("-h" | "--help" | "-V" | "--version") => return Ok(words.collect()),
        Some("-help") => return Ok(vec!["--help".into()]),
        Some("-version") => return Ok(vec!["--version".into()]),
        // A disk image, which no command is called.
        Some(word) if !word.starts_with('-') && !word.contains(['.', '/', '\\']) => word.to_owned(),
        _ => "run".to_owned(),
    };
    let mut out: Vec<OsString> = vec![name.clone().into()];
    if first.is_some_and(|first| first == name) {
        words.next();
    }
    let Some(sub) = command.get_subcommands().find(|sub| sub.get_name() == name) else {
        out.extend(words);
        return Ok(out);
    };
    // Of all commands, those that run a guest take QEMU's options.
    let runs = sub.get_arguments().any(|arg| arg.get_id() == "kernel");
    while let Some(word) = words.next() {
        let option = word.to_str().filter(|text| text.len() > 1).and_then(Word::parse);
        match option {
            None => out.push(word),
            Some(Word { name: "", .. }) => {
                out.push(word);
                out.extend(words.by_ref());
            }
            // The program's, not the command's.
            Some(Word { name: "version" | "V", value: None, .. }) => return Ok(vec!["--version".into()]),
            Some(option) => out.extend(option.normalize(sub, runs, &mut words)?),
        }
    }
    Ok(out)
}

/// A word that is an option.
#[derive(Clone, Copy)]
struct Word<'a> {
    /// As it was given
    text: &'a str,
    dashes: usize,
    name: &'a str,
    /// Behind an equals sign
    value: Option<&'a str>,
}

impl<'a> Word<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix('-')?;
        let (dashes, rest) = rest.strip_prefix('-').map_or((1, rest), |rest| (2, rest));
        let (name, value) = rest.split_once('=').map_or((rest, None), |(name, value)| (name, Some(value)));
        Some(Self { text, dashes, name, value })
    }

    /// Returns the words that take the option's place. Takes its value from `words`.
    fn normalize(
        self,
        command: &Command,
        runs: bool,
        words: &mut impl Iterator<Item = OsString>,
    ) -> Result<Vec<OsString>> {
        let two_dashes = || OsString::from(format!("--{}", self.text.trim_start_matches('-')));
        let takes_value = |arg: &Arg| arg.get_action().takes_values() && self.value.is_none();
        if let Some(arg) = command.get_arguments().find(|arg| arg.get_long() == Some(self.name)) {
            // A value is none of these options, whatever it looks like.
            let value = if takes_value(arg) { words.next() } else { None };
            return Ok(std::iter::once(two_dashes()).chain(value).collect());
        }
        if self.name == "help" {
            return Ok(vec![two_dashes()]);
        }
        if let Some(known) = qemu::find(self.name).filter(|_| runs) {
            return self.of_qemu(known, words);
        }
        let mut letters = self.name.chars();
        let short = letters.next().filter(|_| self.dashes == 1);
        let arg = short.and_then(|short| command.get_arguments().find(|arg| arg.get_short() == Some(short)));
        match (arg, letters.next()) {
            // -m 512M
            (Some(arg), None) => {
                let value = if takes_value(arg) { words.next() } else { None };
                Ok(std::iter::once(self.text.into()).chain(value).collect())
            }
            // -m512M
            (Some(_), Some('0'..='9' | '.')) => Ok(vec![self.text.into()]),
            (_, None) => Ok(vec![self.text.into()]),
            // A misspelt option: the parser suggests similar ones.
            _ => Ok(vec![two_dashes()]),
        }
    }

    fn of_qemu(
        self,
        known: &qemu::Known,
        words: &mut impl Iterator<Item = OsString>,
    ) -> Result<Vec<OsString>> {
        let dashes = &self.text[..self.dashes];
        let (name, instead) = (self.name, known.instead);
        if known.takes_value && known.depends() {
            let next = if self.value.is_none() { words.next() } else { None };
            let next = next.map(|word| word.to_string_lossy().into_owned());
            let Some(value) = self.value.map(str::to_owned).or(next) else {
                bail!("{dashes}{name} needs a value");
            };
            if !known.is_true(&value) {
                bail!("{dashes}{name} {value} is not there: {instead}");
            }
        } else if !known.is_true("") {
            bail!("{dashes}{name}, an option of QEMU, is not there: {instead}");
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunArgs;
    use clap::Args;

    fn words(line: &str) -> Result<String> {
        let command = Command::new("v64")
            .subcommand(RunArgs::augment_args(Command::new("run")))
            .subcommand(crate::DecodeArgs::augment_args(Command::new("decode")));
        let words = normalize_words(&command, line.split_whitespace().map(OsString::from))?;
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        Ok(words.join(" "))
    }

    fn good(line: &str) -> String {
        words(line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn one_dash_is_as_good_as_two_for_every_option() {
        let command = RunArgs::augment_args(Command::new("run"));
        for (arg, long) in command.get_arguments().filter_map(|arg| Some((arg, arg.get_long()?))) {
            let value = if arg.get_action().takes_values() { " x" } else { "" };
            assert_eq!(good(&format!("run -{long}{value}")), format!("run --{long}{value}"));
            assert_eq!(good(&format!("run --{long}{value}")), format!("run --{long}{value}"));
        }
        assert_eq!(good("run -kernel=a -append=b=c -help"), "run --kernel=a --append=b=c --help");
        assert_eq!(good("decode -mode 32 90"), "decode --mode 32 90");
    }

    #[test]
    fn short_options_and_values_stay() {
        assert_eq!(good("run -m 512M -m512M -m=1 -h"), "run -m 512M -m512M -m=1 -h");
        assert_eq!(good("run -append -kernel -kernel -hda"), "run --append -kernel --kernel -hda");
        assert_eq!(good("run -- -kernel -hda"), "run -- -kernel -hda");
        assert_eq!(good("run -kernl x -xyz"), "run --kernl x --xyz");
        assert_eq!(good("run - x"), "run - x");
        assert_eq!(good("run -S -d int -D log -monitor none"), "run --S --d int --D log --monitor none");
    }

    #[test]
    fn the_command_may_be_left_out() {
        assert_eq!(good(""), "run");
        assert_eq!(good("-kernel x"), "run --kernel x");
        assert_eq!(good("-m 1G"), "run -m 1G");
        assert_eq!(good("disk.img -m 1G"), "run disk.img -m 1G");
        assert_eq!(good("run disk -m 1G"), "run disk -m 1G");
        assert_eq!(good("-help"), "--help");
        assert_eq!(good("--version"), "--version");
        assert_eq!(good("run -m 1G -version"), "--version");
        assert_eq!(good("help run"), "help run");
        assert_eq!(good("nonsense -kernel"), "nonsense -kernel");
    }

    #[test]
    fn options_of_qemu_that_are_true_are_dropped() {
        let line = "run -accel tcg -vnc none -audio none -kernel x";
        assert_eq!(good(line), "run --kernel x");
        assert_eq!(
            good("run -device isa-debug-exit,iobase=0xf4,iosize=4 -no-reboot"),
            "run --device isa-debug-exit,iobase=0xf4,iosize=4 --no-reboot"
        );
    }

    #[test]
    fn the_others_are_named_with_the_nearest() {
        let cases = [
            ("run -numa node", "-numa, an option of QEMU, is not there: all memory is one node"),
            ("run -s", "-s, an option of QEMU, is not there: there is no debugger"),
            ("run -vnc :0", "-vnc :0 is not there: the nearest is -display window"),
            ("run -vnc", "-vnc needs a value"),
        ];
        for (line, expected) in cases {
            let error = words(line).unwrap_err().to_string();
            assert!(error.starts_with(expected) && !error.contains('\n'), "{error}");
        }
        assert_eq!(good("decode -d 90"), "decode -d 90");
    }
}
