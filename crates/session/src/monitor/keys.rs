//! Keys by QEMU's names, and keys that are held for a while.

use device_api::{HostEvent, InputEvent, KeyCode, VmTime};
use machine::Machine;
use std::collections::VecDeque;

/// QEMU's name (`QKeyCode`), its number (`qnum`, a scan code of set 1, with 80h for the prefix E0h), the key.
/// Keys that a PC's keyboard lacks are left out.
const KEYS: &[(&str, u8, KeyCode)] = {
    use KeyCode::*;
    &[
        ("esc", 0x01, Escape),
        ("1", 0x02, Digit1),
        ("2", 0x03, Digit2),
        ("3", 0x04, Digit3),
        ("4", 0x05, Digit4),
        ("5", 0x06, Digit5),
        ("6", 0x07, Digit6),
        ("7", 0x08, Digit7),
        ("8", 0x09, Digit8),
        ("9", 0x0a, Digit9),
        ("0", 0x0b, Digit0),
        ("minus", 0x0c, Minus),
        ("equal", 0x0d, Equal),
        ("backspace", 0x0e, Backspace),
        ("tab", 0x0f, Tab),
        ("q", 0x10, KeyQ),
        ("w", 0x11, KeyW),
        ("e", 0x12, KeyE),
        ("r", 0x13, KeyR),
        ("t", 0x14, KeyT),
        ("y", 0x15, KeyY),
        ("u", 0x16, KeyU),
        ("i", 0x17, KeyI),
        ("o", 0x18, KeyO),
        ("p", 0x19, KeyP),
        ("bracket_left", 0x1a, BracketLeft),
        ("bracket_right", 0x1b, BracketRight),
        ("ret", 0x1c, Enter),
        ("ctrl", 0x1d, ControlLeft),
        ("a", 0x1e, KeyA),
        ("s", 0x1f, KeyS),
        ("d", 0x20, KeyD),
        ("f", 0x21, KeyF),
        ("g", 0x22, KeyG),
        ("h", 0x23, KeyH),
        ("j", 0x24, KeyJ),
        ("k", 0x25, KeyK),
        ("l", 0x26, KeyL),
        ("semicolon", 0x27, Semicolon),
        ("apostrophe", 0x28, Quote),
        ("grave_accent", 0x29, Backquote),
        ("shift", 0x2a, ShiftLeft),
        ("backslash", 0x2b, Backslash),
        ("z", 0x2c, KeyZ),
        ("x", 0x2d, KeyX),
        ("c", 0x2e, KeyC),
        ("v", 0x2f, KeyV),
        ("b", 0x30, KeyB),
        ("n", 0x31, KeyN),
        ("m", 0x32, KeyM),
        ("comma", 0x33, Comma),
        ("dot", 0x34, Period),
        ("slash", 0x35, Slash),
        ("shift_r", 0x36, ShiftRight),
        ("kp_multiply", 0x37, NumpadMultiply),
        ("asterisk", 0x37, NumpadMultiply),
        ("alt", 0x38, AltLeft),
        ("spc", 0x39, Space),
        ("caps_lock", 0x3a, CapsLock),
        ("f1", 0x3b, F1),
        ("f2", 0x3c, F2),
        ("f3", 0x3d, F3),
        ("f4", 0x3e, F4),
        ("f5", 0x3f, F5),
        ("f6", 0x40, F6),
        ("f7", 0x41, F7),
        ("f8", 0x42, F8),
        ("f9", 0x43, F9),
        ("f10", 0x44, F10),
        ("num_lock", 0x45, NumLock),
        ("scroll_lock", 0x46, ScrollLock),
        ("kp_7", 0x47, Numpad7),
        ("kp_8", 0x48, Numpad8),
        ("kp_9", 0x49, Numpad9),
        ("kp_subtract", 0x4a, NumpadSubtract),
        ("kp_4", 0x4b, Numpad4),
        ("kp_5", 0x4c, Numpad5),
        ("kp_6", 0x4d, Numpad6),
        ("kp_add", 0x4e, NumpadAdd),
        ("kp_1", 0x4f, Numpad1),
        ("kp_2", 0x50, Numpad2),
        ("kp_3", 0x51, Numpad3),
        ("kp_0", 0x52, Numpad0),
        ("kp_decimal", 0x53, NumpadDecimal),
        ("sysrq", 0x54, PrintScreen),
        ("less", 0x56, IntlBackslash),
        ("f11", 0x57, F11),
        ("f12", 0x58, F12),
        ("kp_equals", 0x59, NumpadEqual),
        ("katakanahiragana", 0x70, KanaMode),
        ("ro", 0x73, IntlRo),
        ("henkan", 0x79, Convert),
        ("muhenkan", 0x7b, NonConvert),
        ("yen", 0x7d, IntlYen),
        ("kp_comma", 0x7e, NumpadComma),
        ("kp_enter", 0x9c, NumpadEnter),
        ("ctrl_r", 0x9d, ControlRight),
        ("audiomute", 0xa0, AudioVolumeMute),
        ("volumedown", 0xae, AudioVolumeDown),
        ("volumeup", 0xb0, AudioVolumeUp),
        ("kp_divide", 0xb5, NumpadDivide),
        ("print", 0xb7, PrintScreen),
        ("alt_r", 0xb8, AltRight),
        ("pause", 0xc6, Pause),
        ("home", 0xc7, Home),
        ("up", 0xc8, ArrowUp),
        ("pgup", 0xc9, PageUp),
        ("left", 0xcb, ArrowLeft),
        ("right", 0xcd, ArrowRight),
        ("end", 0xcf, End),
        ("down", 0xd0, ArrowDown),
        ("pgdn", 0xd1, PageDown),
        ("insert", 0xd2, Insert),
        ("delete", 0xd3, Delete),
        ("meta_l", 0xdb, MetaLeft),
        ("meta_r", 0xdc, MetaRight),
        ("compose", 0xdd, ContextMenu),
        ("menu", 0x9e, ContextMenu),
        ("power", 0xde, Power),
        ("sleep", 0xdf, Sleep),
        ("wake", 0xe3, WakeUp),
        ("lang1", 0x72, Lang1),
        ("lang2", 0x71, Lang2),
    ]
};

/// Returns the key of this name of QEMU's.
pub(super) fn by_name(name: &str) -> Option<KeyCode> {
    KEYS.iter().find(|(other, ..)| *other == name).map(|&(.., key)| key)
}

/// Returns the key of this number of QEMU's.
pub(super) fn by_number(number: u64) -> Option<KeyCode> {
    KEYS.iter().find(|&&(_, other, _)| u64::from(other) == number).map(|&(.., key)| key)
}

/// Returns the keys of a chord as the monitor's `sendkey` takes it: `ctrl-alt-delete`, `0x1e`, `<`.
///
/// # Errors
/// The part that names no key.
pub fn parse_chord(text: &str) -> Result<Vec<KeyCode>, String> {
    // The key `-` itself is called minus, so that every hyphen separates.
    let key = |part: &str| match part.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().and_then(by_number),
        None if part == "<" => by_name("less"),
        None => by_name(part),
    };
    text.split('-').map(|part| key(part).ok_or_else(|| part.to_owned())).collect()
}

/// Items that wait at most; what comes beyond them is dropped, as by QEMU.
const MOST: usize = 1024;

/// What happens at the keyboard next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Key(KeyCode, bool),
    /// Nanoseconds of virtual time
    Delay(u64),
}

/// Keys that are held for a while. The order and the times are QEMU's: each key is followed by the time that keys are held.
#[derive(Debug, Default)]
pub struct KeyQueue {
    items: VecDeque<Item>,
    /// When the next item is due, where it waits
    due: Option<VmTime>,
}

impl KeyQueue {
    /// Presses keys one after the other and releases them in reverse order, each followed by `hold_ns` nanoseconds. Returns
    /// whether there was room for them.
    pub fn chord(&mut self, keys: &[KeyCode], hold_ns: u64) -> bool {
        let down = keys.iter().map(|&key| (key, true));
        let up = keys.iter().rev().map(|&key| (key, false));
        if self.items.len() + 4 * keys.len() > MOST {
            return false;
        }
        for (key, is_down) in down.chain(up) {
            self.items.extend([Item::Key(key, is_down), Item::Delay(hold_ns)]);
        }
        true
    }

    /// Returns whether all keys have been handed on, and the time behind the last one is over.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.due.is_none()
    }

    /// Hands on the keys that are due, with whether each goes down.
    pub fn advance(&mut self, now: VmTime, mut send: impl FnMut(KeyCode, bool)) {
        if self.due.is_some_and(|due| now < due) {
            return;
        }
        self.due = None;
        while let Some(item) = self.items.pop_front() {
            match item {
                Item::Key(key, down) => send(key, down),
                Item::Delay(ns) => {
                    self.due = Some(now + ns);
                    return;
                }
            }
        }
    }

    /// Returns when [`KeyQueue::advance`] is to be called next.
    pub fn deadline(&self) -> Option<VmTime> {
        self.due
    }
}

/// Sends a key to the machine.
pub(super) fn send(machine: &mut Machine, code: KeyCode, down: bool) {
    machine.host_event(HostEvent::Input(InputEvent::Key { code, down }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_name() {
        for &key in KeyCode::ALL {
            assert!(KEYS.iter().any(|&(.., other)| other == key), "{key:?}");
        }
        for (n, (name, ..)) in KEYS.iter().enumerate() {
            assert!(KEYS[..n].iter().all(|(other, ..)| other != name), "{name}");
        }
    }

    #[test]
    fn chords_are_names_and_numbers() {
        use KeyCode::*;
        assert_eq!(parse_chord("ctrl-alt-delete"), Ok(vec![ControlLeft, AltLeft, Delete]));
        assert_eq!(parse_chord("0x1e-<"), Ok(vec![KeyA, IntlBackslash]));
        assert_eq!(parse_chord("shift-nonsense"), Err("nonsense".to_owned()));
        assert_eq!(parse_chord(""), Err(String::new()));
    }

    #[test]
    fn keys_are_released_in_reverse_order_after_the_hold_time() {
        use KeyCode::*;
        let mut queue = KeyQueue::default();
        queue.chord(&[ShiftLeft, KeyA], 100);
        let mut seen = Vec::new();
        let mut now = 0;
        queue.advance(VmTime(0), |key, down| seen.push((0, key, down)));
        while let Some(due) = queue.deadline() {
            now = due.0;
            queue.advance(VmTime(now - 1), |_, _| panic!("too early"));
            queue.advance(due, |key, down| seen.push((now, key, down)));
        }
        assert_eq!(
            seen,
            [(0, ShiftLeft, true), (100, KeyA, true), (200, KeyA, false), (300, ShiftLeft, false)]
        );
        assert_eq!(now, 400);
    }

    #[test]
    fn a_queue_that_is_full_takes_no_more() {
        let mut queue = KeyQueue::default();
        let taken = (0..10_000).filter(|_| queue.chord(&[KeyCode::KeyA], 1)).count();
        assert_eq!((taken, queue.items.len()), (MOST / 4, MOST));
        assert!(!queue.is_empty());
        let mut now = VmTime(0);
        queue.advance(now, |_, _| {});
        while let Some(due) = queue.deadline() {
            now = due;
            queue.advance(now, |_, _| {});
        }
        assert_eq!((queue.is_empty(), now), (true, VmTime(MOST as u64 / 2)));
    }
}
