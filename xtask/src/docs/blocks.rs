//! Commands in Markdown: lines of fenced blocks, and code in running text.

use crate::project::Text;

/// A command of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// The line that it stands in, from 1
    pub(super) line: usize,
    /// Program and arguments, without quotes
    pub(super) words: Vec<String>,
    /// Part of a sentence, where a placeholder may stand for an argument
    pub(super) is_inline: bool,
}

/// Begins the comment that exempts the next block, or that exempts the rest of the block it stands in; the reason follows.
const EXEMPT: &str = "not run: ";
/// Languages of fenced blocks that hold commands.
const SHELLS: [&str; 5] = ["", "sh", "bash", "shell", "console"];

/// Returns the commands of a document's fenced blocks, but for blocks that are exempt.
pub(super) fn commands(file: &Text) -> Vec<Command> {
    let (mut found, mut exempt, mut block) = (Vec::new(), false, None);
    let mut unfinished = String::new();
    for (n, whole) in file.text.lines().enumerate() {
        let line = whole.trim();
        if let Some(language) = line.strip_prefix("```") {
            block = match block {
                Some(_) => {
                    exempt = false;
                    None
                }
                None => Some(SHELLS.contains(&language.trim())),
            };
        } else if line.contains(&format!("<!-- {EXEMPT}")) || line.starts_with(&format!("# {EXEMPT}")) {
            exempt = true;
        } else if block == Some(true) && !exempt {
            match line.strip_suffix('\\') {
                Some(part) => unfinished += part,
                None => {
                    let text = std::mem::take(&mut unfinished) + line;
                    let each = split(&text).into_iter();
                    found.extend(each.map(|words| Command { line: n + 1, words, is_inline: false }));
                }
            }
        }
    }
    found
}

/// Returns the text between backticks that is not in a block, with its lines.
pub(super) fn spans(file: &Text) -> Vec<(usize, &str)> {
    let (mut found, mut in_block) = (Vec::new(), false);
    for (n, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split('`').skip(1).step_by(2).map(|span| (n + 1, span)));
        }
    }
    found
}

/// Splits a line of a shell into commands of words. Handles quotes, comments, pipes, lists and redirections;
/// assignments before a program are left out.
pub(super) fn split(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    let mut signs = line.chars().peekable();
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (Some(open), _) if sign == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(sign),
            (None, '"' | '\'') => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '|' | ';' | '&' | '(' | ')') => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            (None, '>' | '<') => {
                words.extend(word.take());
                while signs.next_if(|next| *next == ' ' || *next == '>').is_some() {}
                while signs.next_if(|next| !" |;&".contains(*next)).is_some() {}
            }
            (None, _) => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    commands.push(words);
    for words in &mut commands {
        let assignments = words.iter().take_while(|word| is_assignment(word)).count();
        words.drain(..assignments);
    }
    commands.retain(|words| !words.is_empty());
    commands
}

fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let file = Text { path: "docs/a.md".to_owned(), text: text.to_owned() };
        commands(&file).into_iter().map(|command| command.words).collect()
    }

    #[test]
    fn blocks_of_commands_are_read_and_others_are_not() {
        let text = "```\na 'b c' # d\n```\n```js\nx\n```\n```sh\ne \\\n  f\n```\n";
        assert_eq!(words(text), [vec!["a", "b c"], vec!["e", "f"]]);
    }

    #[test]
    fn a_comment_exempts_one_block() {
        assert_eq!(words("<!-- not run: a disk -->\n```\na\n```\n```\nb\n```\n"), [["b"]]);
        assert_eq!(words("```\na\n# not run: a disk\nb\n```\n```\nc\n```\n"), [["a"], ["c"]]);
    }

    #[test]
    fn lines_are_split_as_by_a_shell() {
        assert_eq!(
            split("A=1 x \"a b\" y=\"\" | z && (q) >o.txt"),
            [vec!["x", "a b", "y="], vec!["z"], vec!["q"]]
        );
        assert_eq!(split("# all of it"), Vec::<Vec<String>>::new());
    }

    #[test]
    fn spans_are_those_of_running_text() {
        let file = Text { path: "a.md".to_owned(), text: "a `b` c `d e`\n```\n`no`\n```\n`f`\n".to_owned() };
        assert_eq!(spans(&file), [(1, "b"), (1, "d e"), (5, "f")]);
    }
}
