//! The headings of a text copy of a manual. Such copies differ in case, dashes, white space and line breaks, and have
//! tables of contents and page footers between; this takes what can be a heading and compares leniently.

use super::line::{instruction, numbered};

/// A heading found in a manual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heading {
    /// Of a numbered section; empty at an instruction's page and at others
    pub(super) number: String,
    /// As it stands on its line
    pub(super) title: String,
    /// The title with the following line: long titles are broken in two
    pub(super) longer: String,
}

/// Letters and digits in lower case: what is left of a title when case, spaces, dashes and marks do not count.
pub(super) fn key(text: &str) -> String {
    let text = text.replace('ﬁ', "fi").replace('ﬂ', "fl").replace('ﬀ', "ff");
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns a line without the marks of Markdown, and whether it was a Markdown heading.
fn plain(line: &str) -> (String, bool) {
    let trimmed = line.trim();
    let text = trimmed.trim_start_matches('#').trim();
    let text: String = text.chars().filter(|c| !"*`¶".contains(*c)).collect();
    (text.replace(['\u{a0}', '\t', '\u{2003}'], " ").trim().to_owned(), trimmed.starts_with('#'))
}

/// Cuts the dots and page number of a table of contents.
fn without_leader(text: &str) -> &str {
    let cut = [" . .", "....", ". . ."].iter().filter_map(|dots| text.find(dots)).min();
    cut.map_or(text, |at| &text[..at]).trim_end_matches(['.', ' '])
}

/// A number on a line of its own, the title on the next.
fn lone_number(text: &str) -> bool {
    text.contains('.') && numbered(&format!("{text} Title")).is_some() && !text.contains(' ')
}

/// `CHAPTER 5`, `Chapter 5. Paging`, `APPENDIX B`
fn chapter(text: &str) -> Option<(&str, &str)> {
    let rest =
        ["CHAPTER ", "Chapter ", "APPENDIX ", "Appendix "].iter().find_map(|word| text.strip_prefix(word))?;
    let (number, title) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let number = number.trim_end_matches(['.', ':']);
    let short = number.len() <= 2 && number.chars().all(|c| c.is_ascii_alphanumeric());
    (short && !number.is_empty()).then_some((number, title.trim()))
}

/// Every heading of a text.
pub(super) fn find(text: &str) -> Vec<Heading> {
    let lines: Vec<_> = text.lines().map(plain).filter(|(line, _)| !line.is_empty()).collect();
    let mut all = Vec::new();
    for (n, (line, marked)) in lines.iter().enumerate() {
        let next = lines.get(n + 1).map_or("", |(next, _)| next.as_str());
        let after = lines.get(n + 2).map_or("", |(after, _)| after.as_str());
        let mut add = |number: &str, title: &str, next: &str| {
            let title = without_leader(title).to_owned();
            let longer = format!("{title} {}", without_leader(next));
            all.push(Heading { number: number.to_owned(), title, longer });
        };
        let text = without_leader(line);
        if let Some((number, title)) = numbered(text).filter(|(number, _)| number.contains('.') || *marked) {
            add(number, title, next);
        } else if lone_number(text) {
            add(text.trim_end_matches('.'), next, after);
        } else if let Some((number, title)) = chapter(text) {
            match title {
                "" => add(number, next, after),
                _ => add(number, title, next),
            }
        } else if instruction(text).is_some() || *marked {
            add("", text, next);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_many_styles_are_found() {
        let text = "\
5.1 PAGING MODES AND CONTROL BITS. . . . . . . . . . . . . . . 5-1
7.15\u{a0}Exception and Interrupt Reference
## 11.1.1 Processor State After Reset
**B.1. Condition Codes**
4.3.2.
Integer Operations
5.10.4.1 Operations that Invalidate TLBs and Paging-Structure
Caches
CHAPTER 5
PAGING
CMPXCHG—Compare and Exchange
CPUID - CPU Identification
7-12 Vol. 3A
1.5 2.5 3.5
this-is not a heading
";
        let found = find(text);
        let list: Vec<_> = found.iter().map(|h| (h.number.as_str(), h.title.as_str())).collect();
        let wanted = [
            ("5.1", "PAGING MODES AND CONTROL BITS"),
            ("7.15", "Exception and Interrupt Reference"),
            ("11.1.1", "Processor State After Reset"),
            ("B.1", "Condition Codes"),
            ("4.3.2", "Integer Operations"),
            ("5.10.4.1", "Operations that Invalidate TLBs and Paging-Structure"),
            ("5", "PAGING"),
            ("", "CMPXCHG—Compare and Exchange"),
            ("", "CPUID - CPU Identification"),
        ];
        assert_eq!(list, wanted);
        assert_eq!(found[5].longer, "Operations that Invalidate TLBs and Paging-Structure Caches");
    }

    #[test]
    fn case_dashes_and_spaces_do_not_count() {
        assert_eq!(key("CPUID—CPU  Identification"), key("CPUID - cpu identiﬁcation"));
        assert_ne!(key("5-Level Paging"), key("4-Level Paging"));
    }
}
