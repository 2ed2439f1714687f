//! What people do at keyboard and mouse.

use crate::KeyCode;

/// Buttons of a mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerButton {
    /// The left one, the first
    Left,
    /// The right one, which opens menus
    Right,
    /// The middle one, or the wheel pressed
    Middle,
}

/// One event at keyboard or mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputEvent {
    /// A key goes down or up. A key that goes down again without having gone up repeats
    Key {
        /// Which
        code: KeyCode,
        /// Down
        down: bool,
    },
    /// The mouse moved, in counts: to the right, towards the user
    Move {
        /// To the right
        dx: i32,
        /// Down
        dy: i32,
    },
    /// The wheel turned, in notches: towards the user
    Wheel {
        /// Notches
        dz: i32,
    },
    /// A button of the mouse went down or up
    Button {
        /// Which
        button: PointerButton,
        /// Down
        down: bool,
    },
}
