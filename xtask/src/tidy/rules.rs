//! Rules that look at one file at a time.

use crate::project::Text;

/// Lines that a source file may have.
const LONGEST: usize = 500;

/// Crates without unsafe code, which have `#![forbid(unsafe_code)]`.
const SAFE: &[&str] = &["x86-decode", "x86-paging", "x86-exceptions", "msr", "x86-state", "pc-devices"];

/// Words that do not appear in code, and why. Written in halves, so that this file may pass.
const CODE: &[(&str, &str)] = &[
    (concat!("todo", "!"), "unfinished code"),
    (concat!("unimplemented", "!"), "unfinished code"),
    (concat!("static", " mut "), "a mutable static"),
    (concat!("dbg", "!("), "a debugging aid"),
];

/// Words that appear nowhere: places of one machine, hosts of package registries.
const TEXT: &[(&str, &str)] = &[
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/Us", "ers/"), "a path of one machine"),
    (concat!("deb.", "debian.org"), "a registry's host"),
    (concat!("crates", ".io"), "a registry's host"),
    (concat!("registry.npm", "js"), "a registry's host"),
    (concat!("py", "pi.org"), "a registry's host"),
    (concat!("proxy.", "golang"), "a registry's host"),
];

/// Clocks of the host, which only the programs at the top may read.
const CLOCKS: &[&str] =
    &[concat!("Instant", "::now"), concat!("System", "Time"), concat!("std::time", "::Instant")];
const CLOCK_READERS: &[&str] = &["crates/v64/", "crates/web/", "xtask/"];

fn is_test(path: &str) -> bool {
    path.contains("/tests/")
        || path.contains("/benches/")
        || path.ends_with("tests.rs")
        || path.ends_with("bench.rs")
}

/// Returns the line less its comment. A `//` within a string cuts too much, which here does no harm.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

fn is_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(part);
        let after = text[at + word.len()..].chars().next().is_some_and(part);
        !before && !after && text[..at].matches('"').count().is_multiple_of(2)
    })
}

/// Returns whether the comment above (or on) line `n` justifies the unsafe code there.
fn justified(lines: &[&str], n: usize) -> bool {
    let says = |line: &str| line.contains("SAFETY:") || line.contains("# Safety");
    if says(lines[n]) {
        return true;
    }
    let above = lines[..n].iter().rev().map(|line| line.trim_start());
    // Comments and attributes, and the first lines of the statement that continues here.
    above.take(12).take_while(|line| !line.is_empty() && !line.ends_with(['}', ';'])).any(says)
}

/// What is wrong in this file: `line: what`.
pub(super) fn check(file: &Text) -> Vec<String> {
    let lines: Vec<_> = file.text.lines().collect();
    let mut wrong = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let mut tell = |what: String| wrong.push(format!("{}: {what}", n + 1));
        if line.ends_with([' ', '\t']) {
            tell("trailing white space".to_owned());
        }
        for (word, what) in TEXT {
            if line.contains(word) {
                tell(format!("{what}: {word}"));
            }
        }
        if file.path.ends_with(".rs") {
            for what in code_rules(file, &lines, n) {
                tell(what);
            }
        }
    }
    if file.path.ends_with(".rs")
        && file.path.contains("src/")
        && !is_test(&file.path)
        && lines.len() > LONGEST
    {
        wrong.push(format!("{}: longer than {LONGEST} lines", lines.len()));
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        wrong.push(format!("{}: no line end at the end", lines.len()));
    }
    wrong
}

fn code_rules(file: &Text, lines: &[&str], n: usize) -> Vec<String> {
    let code = code(lines[n]);
    let mut wrong = Vec::new();
    for (word, what) in CODE {
        if code.contains(word) {
            wrong.push(format!("{what}: {word}"));
        }
    }
    let squeezed = code.replace(' ', "");
    if squeezed.contains("Result<") && squeezed.contains(concat!(",(", ")>")) {
        wrong.push("an error that says nothing: ()".to_owned());
    }
    if is_word(code, "unsafe") && !justified(lines, n) {
        wrong.push(format!("{} code without SAFETY", "unsafe"));
    }
    let may_read_clocks =
        is_test(&file.path) || CLOCK_READERS.iter().any(|folder| file.path.starts_with(folder));
    if !may_read_clocks && CLOCKS.iter().any(|clock| code.contains(clock)) {
        wrong.push("reads the host's clock; time is an argument below the programs".to_owned());
    }
    wrong
}

/// Crates that should forbid unsafe code and do not.
pub(super) fn forbids_unsafe(files: &[Text]) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in SAFE {
        let path = format!("crates/{name}/src/lib.rs");
        let line = concat!("#![forbid(", "unsafe_code)]");
        if files.iter().any(|file| file.path == path && !file.text.lines().any(|text| text == line)) {
            wrong.push(format!("{path}: lacks {line}"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(path: &str, text: &str) -> Vec<String> {
        check(&Text { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn each_rule_finds_its_fault() {
        let cases = [
            (concat!("fn f() { todo", "!() }\n"), "unfinished"),
            (concat!("static", " mut X: u8 = 0;\n"), "mutable static"),
            (concat!("fn f() -> Result<u8, (", ")> {}\n"), "says nothing"),
            ("let x = 1; \n", "white space"),
            (concat!("// see /ho", "me/me\n"), "one machine"),
            (concat!("// from crates", ".io\n"), "registry"),
            ("let a = unsafe { f() };\n", "without SAFETY"),
            (concat!("let t = Instant", "::now();\n"), "clock"),
            ("let a = 1;", "line end"),
        ];
        for (text, want) in cases {
            let found = wrong("crates/machine/src/a.rs", text);
            assert!(found.len() == 1 && found[0].contains(want), "{text}: {found:?}");
        }
    }

    #[test]
    fn what_is_allowed_passes() {
        let cases = [
            (
                "crates/machine/src/a.rs",
                "// SAFETY: it is checked above\n#[allow(unsafe_code)]\nlet a = unsafe { f() };\n",
            ),
            (
                "crates/machine/src/a.rs",
                "/// # Safety\n/// `p` is valid.\npub unsafe fn f(p: *const u8) {}\n",
            ),
            (
                "crates/machine/src/a.rs",
                "#![forbid(unsafe_code)]\n// unsafe, they say\nlet a = \"unsafe\";\n",
            ),
            ("crates/machine/src/a.rs", "fn f() -> Result<(), Error> {}\n"),
            ("crates/v64/src/a.rs", concat!("let t = Instant", "::now();\n")),
        ];
        for (path, text) in cases {
            assert_eq!(wrong(path, text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn long_files_are_told_and_long_tests_are_not() {
        let text = "// a line\n".repeat(LONGEST + 1);
        assert_eq!(wrong("crates/msr/src/a.rs", &text).len(), 1);
        assert_eq!(wrong("crates/msr/src/tests.rs", &text).len(), 0);
        assert_eq!(wrong("docs/a.md", &text).len(), 0);
    }

    #[test]
    fn a_safe_crate_says_so() {
        let file = |text: &str| [Text { path: "crates/msr/src/lib.rs".to_owned(), text: text.to_owned() }];
        assert_eq!(forbids_unsafe(&file("//! MSRs\n")).len(), 1);
        assert_eq!(forbids_unsafe(&file(concat!("#![forbid(", "unsafe_code)]\n"))).len(), 0);
    }
}
