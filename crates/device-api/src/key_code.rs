//! Keys by their place on the keyboard.

macro_rules! keys {
    ($($name:ident)*) => {
        /// A key, by the `code` that browsers give it: its place, whatever the layout prints on it.
        ///
        /// SPEC: w3c-uievents-code :: 3.1 Alphanumeric Section -> the names
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the names are those of KeyboardEvent.code")]
        pub enum KeyCode {
            $($name),*
        }

        impl KeyCode {
            /// All keys, in the order of the enumeration.
            pub const ALL: &[KeyCode] = &[$(KeyCode::$name),*];

            /// Returns the name, as in `KeyboardEvent.code`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(KeyCode::$name => stringify!($name)),*
                }
            }
        }
    };
}

/// Calls a macro with the names of all keys, so that tables of keys need no list of their own.
#[macro_export]
macro_rules! key_codes {
    ($table:ident) => {
        $table! {
            Backquote Backslash BracketLeft BracketRight Comma Digit0 Digit1 Digit2
            Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Equal
            IntlBackslash IntlRo IntlYen KeyA KeyB KeyC KeyD KeyE
            KeyF KeyG KeyH KeyI KeyJ KeyK KeyL KeyM
            KeyN KeyO KeyP KeyQ KeyR KeyS KeyT KeyU
            KeyV KeyW KeyX KeyY KeyZ Minus Period Quote
            Semicolon Slash AltLeft AltRight Backspace CapsLock ContextMenu ControlLeft
            ControlRight Enter MetaLeft MetaRight ShiftLeft ShiftRight Space Tab
            Convert KanaMode Lang1 Lang2 NonConvert Delete End Home
            Insert PageDown PageUp ArrowDown ArrowLeft ArrowRight ArrowUp NumLock
            Numpad0 Numpad1 Numpad2 Numpad3 Numpad4 Numpad5 Numpad6 Numpad7
            Numpad8 Numpad9 NumpadAdd NumpadComma NumpadDecimal NumpadDivide NumpadEnter NumpadEqual
            NumpadMultiply NumpadSubtract Escape F1 F2 F3 F4 F5
            F6 F7 F8 F9 F10 F11 F12 PrintScreen
            ScrollLock Pause Power Sleep WakeUp AudioVolumeDown AudioVolumeMute AudioVolumeUp
        }
    };
}

key_codes!(keys);

impl KeyCode {
    /// Returns the key of a `KeyboardEvent.code`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_browsers() {
        for &key in KeyCode::ALL {
            assert_eq!(KeyCode::from_name(key.name()), Some(key));
        }
        assert_eq!(KeyCode::from_name("KeyA"), Some(KeyCode::KeyA));
        assert_eq!(KeyCode::from_name("keya"), None);
    }
}
