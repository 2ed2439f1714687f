//! Values of QEMU's form: `first,name=value,switch`, with `,,` for a comma.

use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value};

/// The parts of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keyed {
    option: &'static str,
    /// As it was given
    text: String,
    parts: Vec<(String, String)>,
}

impl Keyed {
    /// Splits a value. A first part without `=` is that of the name `first`; later ones are switches that are on.
    ///
    /// # Errors
    /// A name that is given twice, or none.
    pub(super) fn parse(option: &'static str, text: &str, first: &str) -> Result<Self> {
        Self::parse_lists(option, text, first, &[])
    }

    /// Returns the same, where parts of some names may be given again.
    ///
    /// # Errors
    /// A name that is given twice, or none.
    pub(super) fn parse_lists(option: &'static str, text: &str, first: &str, lists: &[&str]) -> Result<Self> {
        let mut parts: Vec<(String, String)> = Vec::new();
        for (n, part) in split(text).into_iter().enumerate() {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None if n == 0 && !first.is_empty() => (first.to_owned(), part),
                None => (part, "on".to_owned()),
            };
            ensure!(!name.is_empty(), "{option} {text} has a part without a name");
            let twice = parts.iter().any(|(other, _)| *other == name) && !lists.contains(&name.as_str());
            ensure!(!twice, "{option} {text} gives {name} twice");
            parts.push((name, value));
        }
        Ok(Self { option, text: text.to_owned(), parts })
    }

    /// Returns the same for a value that may be a JSON object; names of nested members are joined by dots:
    /// `file.filename`.
    ///
    /// # Errors
    /// A name that is given twice, or none, or text that begins as JSON and is none.
    pub(super) fn parse_or_json(option: &'static str, text: &str) -> Result<Self> {
        if !text.starts_with('{') {
            return Self::parse(option, text, "");
        }
        let object: Map<String, Value> = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(error) => bail!("{option} {text}: no JSON object: {error}"),
        };
        let mut parts = Vec::new();
        // Members that are yet to be flattened; serde_json bounds how deep objects are.
        let mut left: Vec<(String, Value)> = object.into_iter().collect();
        while let Some((name, value)) = left.pop() {
            match value {
                Value::Object(object) => {
                    left.extend(object.into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)));
                }
                Value::Bool(on) => parts.push((name, if on { "on" } else { "off" }.to_owned())),
                Value::String(text) => parts.push((name, text)),
                Value::Number(number) => parts.push((name, number.to_string())),
                Value::Null | Value::Array(_) => bail!("{option}: {name} is no text, number or switch"),
            }
        }
        Ok(Self { option, text: text.to_owned(), parts })
    }

    /// Returns the value as it was given.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes a part's value.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.parts.iter().position(|(other, _)| other == name)?;
        Some(self.parts.remove(at).1)
    }

    /// Takes a switch; `default` where it is not given.
    ///
    /// # Errors
    /// It is neither on nor off.
    pub(super) fn switch(&mut self, name: &str, default: bool) -> Result<bool> {
        match self.take(name).as_deref() {
            None => Ok(default),
            Some("on" | "yes" | "true") => Ok(true),
            Some("off" | "no" | "false") => Ok(false),
            Some(other) => bail!("{}: {name} cannot be {other}; it is on or off", self.option),
        }
    }

    /// Takes a part that changes nothing here, where it has one of these values.
    ///
    /// # Errors
    /// It has another.
    pub(super) fn accept(&mut self, name: &str, values: &[&str]) -> Result<()> {
        match self.take(name) {
            Some(value) if !values.contains(&value.as_str()) => {
                bail!("{}: {name}={value} is not there; possible: {}", self.option, values.join(", "))
            }
            _ => Ok(()),
        }
    }

    /// Accepts and ignores parts that have no effect here.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            let _ = self.take(name);
        }
    }

    /// Returns what is left.
    pub(super) fn rest(self) -> Vec<(String, String)> {
        self.parts
    }

    /// Ends the value.
    ///
    /// # Errors
    /// Something is left.
    pub(super) fn end(self) -> Result<()> {
        match self.parts.first() {
            Some((name, _)) => bail!("{} has no {name}; leave it out", self.option),
            None => Ok(()),
        }
    }
}

/// Splits at commas; two of them are one comma of the value.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let doubled = letter == ',' && letters.peek() == Some(&',');
        if letter == ',' && !doubled {
            parts.push(String::new());
            continue;
        }
        if doubled {
            letters.next();
        }
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts
}
