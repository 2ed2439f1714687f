//! Characters as keys of a keyboard with the US layout.

use device_api::KeyCode;

/// Keys with a character of their own and one with Shift, beside letters.
const KEYS: &[(KeyCode, char, char)] = {
    use KeyCode::*;
    &[
        (Backquote, '`', '~'),
        (Digit1, '1', '!'),
        (Digit2, '2', '@'),
        (Digit3, '3', '#'),
        (Digit4, '4', '$'),
        (Digit5, '5', '%'),
        (Digit6, '6', '^'),
        (Digit7, '7', '&'),
        (Digit8, '8', '*'),
        (Digit9, '9', '('),
        (Digit0, '0', ')'),
        (Minus, '-', '_'),
        (Equal, '=', '+'),
        (BracketLeft, '[', '{'),
        (BracketRight, ']', '}'),
        (Backslash, '\\', '|'),
        (Semicolon, ';', ':'),
        (Quote, '\'', '"'),
        (Comma, ',', '<'),
        (Period, '.', '>'),
        (Slash, '/', '?'),
    ]
};

/// Returns the key that types a character, and whether Shift is held; `None` where the US layout has none.
pub fn key_of(character: char) -> Option<(KeyCode, bool)> {
    let plain = |key| Some((key, false));
    match character {
        ' ' => plain(KeyCode::Space),
        '\n' | '\r' => plain(KeyCode::Enter),
        '\t' => plain(KeyCode::Tab),
        '\x08' | '\x7f' => plain(KeyCode::Backspace),
        '\x1b' => plain(KeyCode::Escape),
        'a'..='z' | 'A'..='Z' => {
            let key = KeyCode::from_name(&format!("Key{}", character.to_ascii_uppercase()))?;
            Some((key, character.is_ascii_uppercase()))
        }
        _ => {
            let &(key, _, shifted) =
                KEYS.iter().find(|&&(_, one, other)| character == one || character == other)?;
            Some((key, character == shifted))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_ascii_has_a_key_of_its_own() {
        let mut keys: Vec<_> = (' '..='~').map(|character| key_of(character).unwrap()).collect();
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
        assert_eq!(key_of('Q'), Some((KeyCode::KeyQ, true)));
        assert_eq!(key_of('?'), Some((KeyCode::Slash, true)));
        assert_eq!(key_of('\r'), Some((KeyCode::Enter, false)));
        assert_eq!(key_of('ß'), None);
    }
}
