//! Keys of a terminal as keys of a PC's keyboard, and as bytes for the monitor.

use crossterm::event::{KeyCode as Code, KeyEvent, KeyEventKind, KeyModifiers};
use device_api::KeyCode;
use session::key_of;

/// A key that was typed, with those that are held meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Typed {
    /// For the guest, in the order in which they go down
    pub(crate) chord: Vec<KeyCode>,
    /// For the monitor
    pub(crate) bytes: Vec<u8>,
}

/// Keys without a character: the terminal's, the keyboard's, what terminals send for it.
const NAMED: &[(Code, KeyCode, &[u8])] = &[
    (Code::Backspace, KeyCode::Backspace, b"\x7f"),
    (Code::Enter, KeyCode::Enter, b"\r"),
    (Code::Tab, KeyCode::Tab, b"\t"),
    (Code::Esc, KeyCode::Escape, b"\x1b"),
    (Code::Left, KeyCode::ArrowLeft, b"\x1b[D"),
    (Code::Right, KeyCode::ArrowRight, b"\x1b[C"),
    (Code::Up, KeyCode::ArrowUp, b"\x1b[A"),
    (Code::Down, KeyCode::ArrowDown, b"\x1b[B"),
    (Code::Home, KeyCode::Home, b"\x1b[H"),
    (Code::End, KeyCode::End, b"\x1b[F"),
    (Code::PageUp, KeyCode::PageUp, b"\x1b[5~"),
    (Code::PageDown, KeyCode::PageDown, b"\x1b[6~"),
    (Code::Insert, KeyCode::Insert, b"\x1b[2~"),
    (Code::Delete, KeyCode::Delete, b"\x1b[3~"),
    (Code::CapsLock, KeyCode::CapsLock, b""),
    (Code::ScrollLock, KeyCode::ScrollLock, b""),
    (Code::NumLock, KeyCode::NumLock, b""),
    (Code::PrintScreen, KeyCode::PrintScreen, b""),
    (Code::Pause, KeyCode::Pause, b""),
    (Code::Menu, KeyCode::ContextMenu, b""),
];

/// Function keys, from F1 on.
const FUNCTION: [KeyCode; 12] = {
    use KeyCode::*;
    [F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11, F12]
};

/// Returns what a terminal's key is; `None` where the keyboard has no such key.
pub(crate) fn typed_of(event: &KeyEvent) -> Option<Typed> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let held = |modifier| event.modifiers.contains(modifier);
    let mut bytes = Vec::new();
    let (key, mut shift) = match event.code {
        Code::Char(character) => {
            match character {
                '@'..='~' if held(KeyModifiers::CONTROL) => bytes.push(character as u8 & 0x1f),
                _ => bytes.extend(character.to_string().as_bytes()),
            }
            key_of(character)?
        }
        Code::F(number) => {
            let at = usize::from(number).checked_sub(1)?;
            (*FUNCTION.get(at)?, false)
        }
        Code::BackTab => (KeyCode::Tab, true),
        code => {
            let &(_, key, sent) = NAMED.iter().find(|(other, ..)| *other == code)?;
            bytes.extend(sent);
            (key, false)
        }
    };
    shift |= held(KeyModifiers::SHIFT);
    let modifiers = [
        (held(KeyModifiers::CONTROL), KeyCode::ControlLeft),
        (held(KeyModifiers::ALT), KeyCode::AltLeft),
        (shift, KeyCode::ShiftLeft),
    ];
    let mut chord: Vec<_> = modifiers.into_iter().filter(|(held, _)| *held).map(|(_, key)| key).collect();
    chord.push(key);
    Some(Typed { chord, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_terminal_are_chords() {
        use KeyCode::*;
        let none = KeyModifiers::NONE;
        let both = KeyModifiers::CONTROL | KeyModifiers::ALT;
        let table: &[(Code, KeyModifiers, &[KeyCode], &[u8])] = &[
            (Code::Char('a'), none, &[KeyA], b"a"),
            (Code::Char('A'), KeyModifiers::SHIFT, &[ShiftLeft, KeyA], b"A"),
            (Code::Char('|'), none, &[ShiftLeft, Backslash], b"|"),
            (Code::Char('c'), KeyModifiers::CONTROL, &[ControlLeft, KeyC], b"\x03"),
            (Code::Char('x'), KeyModifiers::ALT, &[AltLeft, KeyX], b"x"),
            (Code::Delete, both, &[ControlLeft, AltLeft, Delete], b"\x1b[3~"),
            (Code::F(12), KeyModifiers::ALT, &[AltLeft, F12], b""),
            (Code::BackTab, KeyModifiers::SHIFT, &[ShiftLeft, Tab], b""),
            (Code::Enter, none, &[Enter], b"\r"),
        ];
        for (code, modifiers, chord, bytes) in table {
            let typed = typed_of(&KeyEvent::new(*code, *modifiers));
            assert_eq!(typed, Some(Typed { chord: chord.to_vec(), bytes: bytes.to_vec() }), "{code:?}");
        }
        for code in [Code::F(13), Code::F(0), Code::Char('ß'), Code::Null] {
            assert_eq!(typed_of(&KeyEvent::new(code, none)), None, "{code:?}");
        }
    }
}
