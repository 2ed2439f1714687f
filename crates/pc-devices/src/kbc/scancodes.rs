//! What each key sends, in the three sets of scan codes.

use super::translate::BREAK;
use device_api::KeyCode;

/// A set of scan codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Set {
    One,
    #[default]
    Two,
    Three,
}
crate::codec::codec_enum!(Set { One, Two, Three });

impl Set {
    /// Returns the number by which the keyboard's command selects it.
    pub(super) fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Returns the set of a number.
    pub(super) fn of(number: u8) -> Option<Self> {
        [Self::One, Self::Two, Self::Three].into_iter().find(|set| set.number() == number)
    }

    /// Returns the code for a full buffer: 00h in sets 2 and 3, FFh in set 1.
    pub(super) fn overrun(self) -> u8 {
        if self == Self::One { 0xff } else { 0 }
    }
}

/// Keys that change what others send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Modifiers {
    pub(super) shift: bool,
    pub(super) control: bool,
    pub(super) alt: bool,
}

/// Make codes in sets 1, 2 and 3; the high byte is the prefix E0h, 0 means that the set has none.
type Codes = [u16; 3];

/// Returns the codes of IBM's keyboards; for keys that those do not have, of Microsoft's Keyboard Scan Code
/// Specification 1.3a.
const fn codes(key: KeyCode) -> Codes {
    use KeyCode::*;
    match key {
        Backquote => [0x29, 0x0e, 0x0e],
        Backslash => [0x2b, 0x5d, 0x5c],
        BracketLeft => [0x1a, 0x54, 0x54],
        BracketRight => [0x1b, 0x5b, 0x5b],
        Comma => [0x33, 0x41, 0x41],
        Digit0 => [0x0b, 0x45, 0x45],
        Digit1 => [0x02, 0x16, 0x16],
        Digit2 => [0x03, 0x1e, 0x1e],
        Digit3 => [0x04, 0x26, 0x26],
        Digit4 => [0x05, 0x25, 0x25],
        Digit5 => [0x06, 0x2e, 0x2e],
        Digit6 => [0x07, 0x36, 0x36],
        Digit7 => [0x08, 0x3d, 0x3d],
        Digit8 => [0x09, 0x3e, 0x3e],
        Digit9 => [0x0a, 0x46, 0x46],
        Equal => [0x0d, 0x55, 0x55],
        IntlBackslash => [0x56, 0x61, 0x13],
        IntlRo => [0x73, 0x51, 0x51],
        IntlYen => [0x7d, 0x6a, 0x5d],
        KeyA => [0x1e, 0x1c, 0x1c],
        KeyB => [0x30, 0x32, 0x32],
        KeyC => [0x2e, 0x21, 0x21],
        KeyD => [0x20, 0x23, 0x23],
        KeyE => [0x12, 0x24, 0x24],
        KeyF => [0x21, 0x2b, 0x2b],
        KeyG => [0x22, 0x34, 0x34],
        KeyH => [0x23, 0x33, 0x33],
        KeyI => [0x17, 0x43, 0x43],
        KeyJ => [0x24, 0x3b, 0x3b],
        KeyK => [0x25, 0x42, 0x42],
        KeyL => [0x26, 0x4b, 0x4b],
        KeyM => [0x32, 0x3a, 0x3a],
        KeyN => [0x31, 0x31, 0x31],
        KeyO => [0x18, 0x44, 0x44],
        KeyP => [0x19, 0x4d, 0x4d],
        KeyQ => [0x10, 0x15, 0x15],
        KeyR => [0x13, 0x2d, 0x2d],
        KeyS => [0x1f, 0x1b, 0x1b],
        KeyT => [0x14, 0x2c, 0x2c],
        KeyU => [0x16, 0x3c, 0x3c],
        KeyV => [0x2f, 0x2a, 0x2a],
        KeyW => [0x11, 0x1d, 0x1d],
        KeyX => [0x2d, 0x22, 0x22],
        KeyY => [0x15, 0x35, 0x35],
        KeyZ => [0x2c, 0x1a, 0x1a],
        Minus => [0x0c, 0x4e, 0x4e],
        Period => [0x34, 0x49, 0x49],
        Quote => [0x28, 0x52, 0x52],
        Semicolon => [0x27, 0x4c, 0x4c],
        Slash => [0x35, 0x4a, 0x4a],
        AltLeft => [0x38, 0x11, 0x19],
        AltRight => [0xe038, 0xe011, 0x39],
        Backspace => [0x0e, 0x66, 0x66],
        CapsLock => [0x3a, 0x58, 0x14],
        ContextMenu => [0xe05d, 0xe02f, 0x8d],
        ControlLeft => [0x1d, 0x14, 0x11],
        ControlRight => [0xe01d, 0xe014, 0x58],
        Enter => [0x1c, 0x5a, 0x5a],
        MetaLeft => [0xe05b, 0xe01f, 0x8b],
        MetaRight => [0xe05c, 0xe027, 0x8c],
        ShiftLeft => [0x2a, 0x12, 0x12],
        ShiftRight => [0x36, 0x59, 0x59],
        Space => [0x39, 0x29, 0x29],
        Tab => [0x0f, 0x0d, 0x0d],
        Convert => [0x79, 0x64, 0x86],
        KanaMode => [0x70, 0x13, 0x87],
        Lang1 => [0xf2, 0xf2, 0],
        Lang2 => [0xf1, 0xf1, 0],
        NonConvert => [0x7b, 0x67, 0x85],
        Delete => [0xe053, 0xe071, 0x64],
        End => [0xe04f, 0xe069, 0x65],
        Home => [0xe047, 0xe06c, 0x6e],
        Insert => [0xe052, 0xe070, 0x67],
        PageDown => [0xe051, 0xe07a, 0x6d],
        PageUp => [0xe049, 0xe07d, 0x6f],
        ArrowDown => [0xe050, 0xe072, 0x60],
        ArrowLeft => [0xe04b, 0xe06b, 0x61],
        ArrowRight => [0xe04d, 0xe074, 0x6a],
        ArrowUp => [0xe048, 0xe075, 0x63],
        NumLock => [0x45, 0x77, 0x76],
        Numpad0 => [0x52, 0x70, 0x70],
        Numpad1 => [0x4f, 0x69, 0x69],
        Numpad2 => [0x50, 0x72, 0x72],
        Numpad3 => [0x51, 0x7a, 0x7a],
        Numpad4 => [0x4b, 0x6b, 0x6b],
        Numpad5 => [0x4c, 0x73, 0x73],
        Numpad6 => [0x4d, 0x74, 0x74],
        Numpad7 => [0x47, 0x6c, 0x6c],
        Numpad8 => [0x48, 0x75, 0x75],
        Numpad9 => [0x49, 0x7d, 0x7d],
        NumpadAdd => [0x4e, 0x79, 0x7c],
        NumpadComma => [0x7e, 0x6d, 0x7b],
        NumpadDecimal => [0x53, 0x71, 0x71],
        NumpadDivide => [0xe035, 0xe04a, 0x77],
        NumpadEnter => [0xe01c, 0xe05a, 0x79],
        NumpadEqual => [0x59, 0x0f, 0],
        NumpadMultiply => [0x37, 0x7c, 0x7e],
        NumpadSubtract => [0x4a, 0x7b, 0x84],
        Escape => [0x01, 0x76, 0x08],
        F1 => [0x3b, 0x05, 0x07],
        F2 => [0x3c, 0x06, 0x0f],
        F3 => [0x3d, 0x04, 0x17],
        F4 => [0x3e, 0x0c, 0x1f],
        F5 => [0x3f, 0x03, 0x27],
        F6 => [0x40, 0x0b, 0x2f],
        F7 => [0x41, 0x83, 0x37],
        F8 => [0x42, 0x0a, 0x3f],
        F9 => [0x43, 0x01, 0x47],
        F10 => [0x44, 0x09, 0x4f],
        F11 => [0x57, 0x78, 0x56],
        F12 => [0x58, 0x07, 0x5e],
        // What else these two send is `special`.
        PrintScreen => [0xe037, 0xe07c, 0x57],
        Pause => [0, 0, 0x62],
        ScrollLock => [0x46, 0x7e, 0x5f],
        Power => [0xe05e, 0xe037, 0],
        Sleep => [0xe05f, 0xe03f, 0],
        WakeUp => [0xe063, 0xe05e, 0],
        AudioVolumeDown => [0xe02e, 0xe021, 0x9d],
        AudioVolumeMute => [0xe020, 0xe023, 0x9c],
        AudioVolumeUp => [0xe030, 0xe032, 0x95],
    }
}

/// Keys with codes in sets 1 and 2 that depend on modifiers, or are sequences.
fn special(key: KeyCode, down: bool, set: Set, with: Modifiers) -> Option<&'static [u8]> {
    let codes: [&[u8]; 4] = match key {
        KeyCode::PrintScreen if with.alt => [&[0x54], &[0xd4], &[0x84], &[BREAK, 0x84]],
        KeyCode::PrintScreen if !with.shift && !with.control => [
            &[0xe0, 0x2a, 0xe0, 0x37],
            &[0xe0, 0xb7, 0xe0, 0xaa],
            &[0xe0, 0x12, 0xe0, 0x7c],
            &[0xe0, BREAK, 0x7c, 0xe0, BREAK, 0x12],
        ],
        // The make code contains the break code; the release sends nothing.
        KeyCode::Pause if with.control => {
            [&[0xe0, 0x46, 0xe0, 0xc6], &[], &[0xe0, 0x7e, 0xe0, BREAK, 0x7e], &[]]
        }
        KeyCode::Pause => [
            &[0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5],
            &[],
            &[0xe1, 0x14, 0x77, 0xe1, BREAK, 0x14, BREAK, 0x77],
            &[],
        ],
        _ => return None,
    };
    let [make_1, break_1, make_2, break_2] = codes;
    match set {
        Set::One => Some(if down { make_1 } else { break_1 }),
        Set::Two => Some(if down { make_2 } else { break_2 }),
        Set::Three => None,
    }
}

/// Returns a key's code in set 3, by which the commands for single keys name it.
pub(super) fn set_3_code(key: KeyCode) -> u8 {
    let [_, _, code] = codes(key);
    code as u8
}

/// Returns the bytes that a key sends when it goes down or up.
pub(super) fn sequence(key: KeyCode, down: bool, set: Set, with: Modifiers) -> Vec<u8> {
    if let Some(bytes) = special(key, down, set, with) {
        return bytes.to_vec();
    }
    let [one, two, three] = codes(key);
    let code = match set {
        Set::One => one,
        Set::Two => two,
        Set::Three => three,
    };
    let [code, prefix] = code.to_le_bytes();
    let mut bytes = Vec::with_capacity(3);
    match code {
        // No code in this set.
        0 => return bytes,
        // Korean keys have no break code.
        0xf1 | 0xf2 if !down => return bytes,
        _ => {}
    }
    if prefix != 0 {
        bytes.push(prefix);
    }
    match (down, set) {
        (true, _) => bytes.push(code),
        (false, Set::One) => bytes.push(code | 0x80),
        (false, _) => bytes.extend([BREAK, code]),
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::translate::Translation;
    use super::*;

    #[test]
    fn what_the_controller_makes_of_set_2_is_set_1() {
        let some = |shift, control, alt| Modifiers { shift, control, alt };
        let all = [
            some(false, false, false),
            some(true, false, false),
            some(false, true, false),
            some(false, false, true),
        ];
        for &key in KeyCode::ALL {
            for (down, with) in [true, false].into_iter().flat_map(|down| all.map(|with| (down, with))) {
                let mut translation = Translation::default();
                let two = sequence(key, down, Set::Two, with);
                let translated: Vec<_> = two.iter().filter_map(|byte| translation.translate(*byte)).collect();
                assert_eq!(translated, sequence(key, down, Set::One, with), "{key:?} {down} {with:?}");
                assert!(!down || !two.is_empty(), "{key:?} sends something");
            }
        }
    }

    #[test]
    fn no_two_keys_send_the_same() {
        for set in [Set::One, Set::Two, Set::Three] {
            let mut seen = std::collections::BTreeMap::new();
            for &key in KeyCode::ALL {
                let bytes = sequence(key, true, set, Modifiers::default());
                let before = seen.insert(bytes.clone(), key).filter(|_| !bytes.is_empty());
                assert_eq!(before, None, "{key:?} in {set:?}");
            }
        }
    }
}
