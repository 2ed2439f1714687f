//! One citation: the mark, a document, a section, a note, all on one comment line.

use super::documents::{self, Form};

/// A citation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Citation {
    pub(crate) document: &'static str,
    pub(crate) section: String,
    pub(crate) note: String,
}

/// Number and title of a section such as `5.10.4.1 Operations that Invalidate TLBs` or `B.1 Condition Codes`.
pub(crate) fn numbered(section: &str) -> Option<(&str, &str)> {
    let (number, title) = section.split_once(char::is_whitespace)?;
    let number = number.strip_suffix('.').unwrap_or(number);
    let mut parts = number.split('.');
    let first = parts.next()?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_appendix =
        first.len() == 1 && first.bytes().all(|byte| byte.is_ascii_uppercase()) && number.len() > 1;
    let title = title.trim();
    let has_word = title.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    ((is_number(first) || is_appendix) && parts.all(is_number) && has_word).then_some((number, title))
}

/// Mnemonic and title of an instruction's heading such as `CPUID—CPU Identification`. Text copies of manuals write
/// the dash in many ways.
pub(crate) fn instruction(section: &str) -> Option<(&str, &str)> {
    let dashes = ["—", "–", "―", "--", " - ", "-"];
    let (left, right) = dashes.iter().find_map(|dash| section.split_once(dash))?;
    let (left, right) = (left.trim(), right.trim().trim_start_matches('-').trim());
    let capitals = left.chars().filter(char::is_ascii_uppercase).count();
    let is_mnemonic = |c: char| c.is_ascii_alphanumeric() || "/ ,[]()".contains(c);
    let fits = capitals >= 2 && left.len() <= 80 && left.chars().all(is_mnemonic);
    let starts = right.chars().next().is_some_and(char::is_alphabetic);
    (fits && starts && left.starts_with(|c: char| c.is_ascii_uppercase())).then_some((left, right))
}

/// Returns the comment on this line, if the line is one.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.trim_start_matches(['/', '!']).trim())
}

/// Returns the citation on a line of source: `None` where there is none.
///
/// # Errors
/// What is wrong with the form.
pub(crate) fn parse(line: &str) -> Option<Result<Citation, String>> {
    let text = comment(line)?;
    match text.split_once(concat!("SPEC", ":"))? {
        ("", rest) => Some(citation(rest.trim())),
        (before, _) if before.ends_with('`') => None,
        _ => Some(Err("the mark does not begin the comment".to_owned())),
    }
}

fn citation(text: &str) -> Result<Citation, String> {
    let (cited, note) = text.split_once(" -> ").ok_or("no ` -> note`")?;
    let (document, section) = cited.split_once(" :: ").ok_or("no `document :: section`")?;
    let (document, section, note) = (document.trim(), section.trim(), note.trim());
    let known = documents::find(document).ok_or_else(|| {
        let near = documents::DOCUMENTS.iter().max_by(|a, b| {
            let near = |id| strsim::jaro_winkler(id, document);
            near(a.id).total_cmp(&near(b.id))
        });
        format!(
            "unknown document {document} (is it {}? else add it to xtask/src/spec/documents.rs)",
            near.map_or("", |d| d.id)
        )
    })?;
    let fits = match known.form {
        Form::Free => section.chars().any(char::is_alphabetic),
        Form::Numbered => numbered(section).is_some(),
        Form::NumberedOrInstruction => {
            numbered(section).is_some() || section.contains('—') && instruction(section).is_some()
        }
    };
    if !fits {
        let wanted = match known.form {
            Form::Free => "a heading",
            Form::Numbered => "`number title`",
            Form::NumberedOrInstruction => "`number title` or `MNEMONIC—Title`",
        };
        return Err(format!("the section `{section}` is not {wanted}"));
    }
    if note.chars().filter(|c| c.is_alphanumeric()).count() < 2 {
        return Err("the note says nothing".to_owned());
    }
    Ok(Citation { document: known.id, section: section.to_owned(), note: note.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(line: &str) -> Result<String, String> {
        parse(line).expect("no citation").map(|citation| citation.section)
    }

    #[test]
    fn well_formed_lines() {
        let good = [
            ("/// SPEC: intel-sdm-vol3 :: 5.3 32-Bit Paging -> two levels", "5.3 32-Bit Paging"),
            ("    // SPEC: intel-sdm-vol1 :: B.1 Condition Codes -> the table", "B.1 Condition Codes"),
            (
                "//! SPEC: intel-sdm-vol2 :: MOV—Move to/from Control Registers -> #UD",
                "MOV—Move to/from Control Registers",
            ),
            ("// SPEC: intel-8254 :: Read-Back Command -> latches -> both", "Read-Back Command"),
            ("// SPEC: intel-sdm-vol2 :: F2XM1—Compute 2^x–1 -> in range", "F2XM1—Compute 2^x–1"),
        ];
        for (line, want) in good {
            assert_eq!(section(line).as_deref(), Ok(want), "{line}");
        }
        let both = parse(good[3].0).unwrap().unwrap();
        assert_eq!((both.document, both.note.as_str()), ("intel-8254", "latches -> both"));
    }

    #[test]
    fn malformed_lines_are_told_apart() {
        let bad = [
            ("// SPEC: intel-sdm-vol3 :: 5.3 32-Bit Paging", "no ` -> note`"),
            ("// SPEC: intel-sdm-vol3 5.3 32-Bit Paging -> two levels", "no `document :: section`"),
            ("// SPEC: intel-sdm-vol9 :: 5.3 32-Bit Paging -> two levels", "unknown document"),
            ("// SPEC: intel-sdm-vol3 :: Paging -> two levels", "is not `number title`"),
            ("// SPEC: intel-sdm-vol3 :: 5.3 -> two levels", "is not `number title`"),
            ("// SPEC: intel-sdm-vol2 :: CPUID-CPU Identification -> leaf 1", "or `MNEMONIC—Title`"),
            ("// SPEC: intel-sdm-vol3 :: 5.3 32-Bit Paging -> -", "the note says nothing"),
            ("// See SPEC: intel-sdm-vol3 :: 5.3 32-Bit Paging -> two", "does not begin"),
        ];
        for (line, want) in bad {
            let error = section(line).expect_err(line);
            assert!(error.contains(want), "{line}: {error}");
        }
    }

    #[test]
    fn other_lines_hold_no_citation() {
        for line in ["let a = \"SPEC: x\";", "// nothing", "", "/// The form is `SPEC: a :: b -> c`"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
