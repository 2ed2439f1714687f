//! What the parser of arguments refuses, in one line.

use clap::Error;

/// Returns the error and a suggestion, without the parser's paragraphs: `--help` prints usage.
pub fn parse_error(error: &Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let said =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let mut out = String::new();
    for line in said {
        let line = line.strip_prefix("error: ").or_else(|| line.strip_prefix("tip: ")).unwrap_or(line);
        if !out.is_empty() {
            out += if out.ends_with(':') { " " } else { "; " };
        }
        out += line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).unwrap_or(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, Command};

    fn refused(words: &[&str]) -> String {
        let command = Command::new("v64")
            .no_binary_name(true)
            .arg(Arg::new("vga").long("vga").value_parser(["std", "none"]))
            .arg(Arg::new("number").long("number").value_parser(clap::value_parser!(u8)).required(true));
        parse_error(&command.try_get_matches_from(words).expect_err("it is wrong"))
    }

    #[test]
    fn one_line_says_what_is_wrong_and_what_is_possible() {
        for (words, line) in [
            (&["--vga", "foo"][..], "invalid value 'foo' for '--vga <vga>'; possible values: std, none"),
            (&["--number", "x"], "invalid value 'x' for '--number <number>': invalid digit found in string"),
            (&["--vgo", "std"], "unexpected argument '--vgo' found; a similar argument exists: '--vga'"),
            (&[], "the following required arguments were not provided: --number <number>"),
        ] {
            assert_eq!(refused(words), line);
        }
    }
}
