//! The words of a command of the human monitor.

use super::expression::Expression;
use std::iter::Peekable;
use std::str::Chars;
use x86_state::Cpu;

/// What is left of a command.
pub(super) struct Arguments<'a> {
    text: Peekable<Chars<'a>>,
    pub(super) command: &'a str,
    pub(super) format: &'a str,
}

/// Why a command is no command, in QEMU's words.
pub(super) type Wrong = String;

impl<'a> Arguments<'a> {
    /// Splits a line into the command's name, the format behind its slash, and the rest.
    pub(super) fn new(line: &'a str) -> Self {
        let line = line.trim();
        let end = line.find(|letter: char| letter.is_whitespace() || letter == '/').unwrap_or(line.len());
        let (command, rest) = line.split_at(end);
        let (format, rest) = match rest.strip_prefix('/') {
            Some(rest) => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
            None => ("", rest),
        };
        Self { text: rest.chars().peekable(), command, format }
    }

    fn skip_blanks(&mut self) {
        while self.text.next_if(|letter| letter.is_whitespace()).is_some() {}
    }

    /// Returns whether nothing is left.
    pub(super) fn is_empty(&mut self) -> bool {
        self.skip_blanks();
        self.text.peek().is_none()
    }

    /// Returns a word, or what is between quotes.
    pub(super) fn word(&mut self) -> Result<Option<String>, Wrong> {
        self.skip_blanks();
        let Some(first) = self.text.peek() else { return Ok(None) };
        if *first != '"' {
            let word = std::iter::from_fn(|| self.text.next_if(|letter| !letter.is_whitespace()));
            return Ok(Some(word.collect()));
        }
        self.text.next();
        let mut word = String::new();
        loop {
            match self.text.next() {
                None => return Err("unterminated string".into()),
                Some('"') => return Ok(Some(word)),
                Some('\\') => match self.text.next() {
                    Some('n') => word.push('\n'),
                    Some('r') => word.push('\r'),
                    Some(letter @ ('\\' | '\'' | '"')) => word.push(letter),
                    Some(letter) => return Err(format!("unsupported escape code: '\\{letter}'")),
                    None => return Err("unterminated string".into()),
                },
                Some(letter) => word.push(letter),
            }
        }
    }

    /// Returns a word that has to be there; `what` is expected otherwise.
    pub(super) fn needed(&mut self, what: &str) -> Result<String, Wrong> {
        self.word()?.ok_or_else(|| format!("{}: {what} expected", self.command))
    }

    /// Returns the value of an expression that has to be there.
    pub(super) fn expression(&mut self, cpu: &Cpu) -> Result<u64, Wrong> {
        Expression { text: &mut self.text, cpu }.parse().map(i64::cast_unsigned)
    }

    /// Takes a switch such as `-f`.
    pub(super) fn switch(&mut self, letter: char) -> bool {
        self.skip_blanks();
        let mut ahead = self.text.clone();
        let is_switch = ahead.next() == Some('-')
            && ahead.next() == Some(letter)
            && ahead.next().is_none_or(char::is_whitespace);
        if is_switch {
            self.text = ahead;
        }
        is_switch
    }

    /// Ends the command.
    pub(super) fn end(&mut self) -> Result<(), Wrong> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(format!("{}: extraneous characters at the end of line", self.command))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_quoted() {
        let mut arguments = Arguments::new("  x/4xw  plain \"two words\" \"a\\\"b\\\\\" ");
        assert_eq!((arguments.command, arguments.format), ("x", "4xw"));
        assert_eq!(arguments.word(), Ok(Some("plain".into())));
        assert_eq!(arguments.word(), Ok(Some("two words".into())));
        assert_eq!(arguments.word(), Ok(Some("a\"b\\".into())));
        assert_eq!(arguments.word(), Ok(None));
        assert!(Arguments::new("x \"a").word().is_err());
    }

    #[test]
    fn switches_stand_alone() {
        let mut arguments = Arguments::new("eject -f -ff");
        assert!(arguments.switch('f') && !arguments.switch('f'));
        assert_eq!(arguments.needed("device"), Ok("-ff".into()));
        assert_eq!(arguments.end(), Ok(()));
        assert_eq!(Arguments::new("eject").needed("device"), Err("eject: device expected".into()));
    }
}
