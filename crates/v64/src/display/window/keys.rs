//! Keys of a window as keys of a PC's keyboard: by their place, whatever the host's layout prints on them.

use device_api::KeyCode;
use winit::keyboard::KeyCode as Physical;

/// The window's name of a key, which is that of browsers for all but two keys.
macro_rules! physical {
    (MetaLeft) => {
        Physical::SuperLeft
    };
    (MetaRight) => {
        Physical::SuperRight
    };
    ($name:ident) => {
        Physical::$name
    };
}

macro_rules! keys {
    ($($name:ident)*) => {
        /// Keys of both, by the window's name and the keyboard's.
        const KEYS: &[(Physical, KeyCode)] = &[$((physical!($name), KeyCode::$name)),*];
    };
}

device_api::key_codes!(keys);

/// Returns the keyboard's key; `None` if there is no such key.
pub(super) fn key_of(physical: Physical) -> Option<KeyCode> {
    KEYS.iter().find(|(other, _)| *other == physical).map(|&(_, key)| key)
}

/// What a key of the window does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It goes down or up on the guest's keyboard
    Send(KeyCode, bool),
    /// Ctrl-Alt-G: the mouse is grabbed, or released
    Grab,
    /// Ctrl-Alt-F: the window takes the whole screen, or no longer
    FullScreen,
}

/// Keys that are down on the guest's keyboard.
#[derive(Debug, Default)]
pub(super) struct Held(Vec<KeyCode>);

impl Held {
    /// Returns what a key does that goes down or up. A key that goes up without having gone down does nothing: it belongs to
    /// a chord of the window's own, or went down elsewhere.
    pub(super) fn change(&mut self, key: KeyCode, is_down: bool) -> Option<Action> {
        let place = self.0.iter().position(|&other| other == key);
        let has = |keys: [KeyCode; 2]| keys.iter().any(|key| self.0.contains(key));
        let is_chord =
            has([KeyCode::ControlLeft, KeyCode::ControlRight]) && has([KeyCode::AltLeft, KeyCode::AltRight]);
        match (is_down, place) {
            (true, None) if is_chord && key == KeyCode::KeyG => return Some(Action::Grab),
            (true, None) if is_chord && key == KeyCode::KeyF => return Some(Action::FullScreen),
            (true, None) => self.0.push(key),
            // It repeats.
            (true, Some(_)) => {}
            (false, Some(place)) => {
                self.0.remove(place);
            }
            (false, None) => return None,
        }
        Some(Action::Send(key, is_down))
    }

    /// Has no key be down. Returns those that were, the last one first.
    pub(super) fn release(&mut self) -> Vec<KeyCode> {
        let mut keys = std::mem::take(&mut self.0);
        keys.reverse();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_keyboard_is_one_of_the_window_s() {
        for &key in KeyCode::ALL {
            assert_eq!(KEYS.iter().filter(|&&(_, other)| other == key).count(), 1, "{key:?}");
        }
        assert_eq!(key_of(Physical::SuperLeft), Some(KeyCode::MetaLeft));
        assert_eq!(key_of(Physical::KeyA), Some(KeyCode::KeyA));
        assert_eq!(key_of(Physical::F13), None);
    }

    #[test]
    fn chords_of_the_window_do_not_reach_the_guest() {
        use Action::{FullScreen, Grab, Send};
        use KeyCode::*;
        let mut held = Held::default();
        for (key, is_down, action) in [
            (KeyG, true, Some(Send(KeyG, true))),
            (KeyG, true, Some(Send(KeyG, true))),
            (KeyG, false, Some(Send(KeyG, false))),
            (ControlLeft, true, Some(Send(ControlLeft, true))),
            (AltLeft, true, Some(Send(AltLeft, true))),
            (KeyG, true, Some(Grab)),
            (KeyG, false, None),
            (KeyF, true, Some(FullScreen)),
            (KeyF, false, None),
            (Delete, true, Some(Send(Delete, true))),
        ] {
            assert_eq!(held.change(key, is_down), action, "{key:?} {is_down}");
        }
        assert_eq!(held.release(), [Delete, AltLeft, ControlLeft]);
        assert_eq!(held.release(), []);
        assert_eq!(held.change(AltLeft, false), None);
    }
}
