//! The host's mouse while it is the guest's: its movements, buttons and wheel as counts of a relative mouse.

use device_api::{InputEvent, PointerButton};
use winit::event::{MouseButton, MouseScrollDelta};

/// Pixels of a touchpad that are one notch of a wheel.
const NOTCH: f64 = 40.0;

/// Parts of counts that were not sent yet, and buttons that are down.
#[derive(Debug, Default)]
pub(super) struct Mouse {
    x: f64,
    y: f64,
    wheel: f64,
    buttons: Vec<PointerButton>,
}

/// Takes the whole part out of a sum.
fn whole(sum: &mut f64) -> i32 {
    let counts = sum.trunc();
    *sum -= counts;
    // The conversion saturates.
    counts as i32
}

impl Mouse {
    /// Returns a movement; `None` where it is less than a count yet.
    pub(super) fn moved(&mut self, (x, y): (f64, f64)) -> Option<InputEvent> {
        self.x += x;
        self.y += y;
        let (dx, dy) = (whole(&mut self.x), whole(&mut self.y));
        ((dx, dy) != (0, 0)).then_some(InputEvent::Move { dx, dy })
    }

    /// Returns a turn of the wheel; `None` where it is less than a notch yet. The host counts away from the user, the guest
    /// towards them.
    pub(super) fn scrolled(&mut self, delta: MouseScrollDelta) -> Option<InputEvent> {
        self.wheel -= match delta {
            MouseScrollDelta::LineDelta(_, lines) => f64::from(lines),
            MouseScrollDelta::PixelDelta(position) => position.y / NOTCH,
        };
        let dz = whole(&mut self.wheel);
        (dz != 0).then_some(InputEvent::Wheel { dz })
    }

    /// Returns a button's going down or up; `None` where the guest's mouse has no such button, or where it goes up without
    /// having gone down.
    pub(super) fn button(&mut self, button: MouseButton, down: bool) -> Option<InputEvent> {
        let button = match button {
            MouseButton::Left => PointerButton::Left,
            MouseButton::Right => PointerButton::Right,
            MouseButton::Middle => PointerButton::Middle,
            _ => return None,
        };
        let before = self.buttons.len();
        self.buttons.retain(|&other| other != button);
        if down {
            self.buttons.push(button);
        }
        (down || self.buttons.len() != before).then_some(InputEvent::Button { button, down })
    }

    /// Has the mouse rest. Returns the buttons' going up.
    pub(super) fn release(&mut self) -> Vec<InputEvent> {
        let buttons = std::mem::take(self).buttons;
        buttons.into_iter().map(|button| InputEvent::Button { button, down: false }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_counts_add_up() {
        let mut mouse = Mouse::default();
        assert_eq!(mouse.moved((0.5, -0.5)), None);
        assert_eq!(mouse.moved((0.75, -1.0)), Some(InputEvent::Move { dx: 1, dy: -1 }));
        assert_eq!(mouse.moved((0.75, -0.5)), Some(InputEvent::Move { dx: 1, dy: -1 }));
        assert_eq!(mouse.moved((1e99, 0.0)), Some(InputEvent::Move { dx: i32::MAX, dy: 0 }));
        assert_eq!(mouse.scrolled(MouseScrollDelta::LineDelta(0.0, -0.5)), None);
        let towards = Some(InputEvent::Wheel { dz: 1 });
        assert_eq!(mouse.scrolled(MouseScrollDelta::PixelDelta((0.0, -20.0).into())), towards);
        let away = Some(InputEvent::Wheel { dz: -2 });
        assert_eq!(mouse.scrolled(MouseScrollDelta::LineDelta(0.0, 2.0)), away);
    }

    #[test]
    fn buttons_go_up_once() {
        use PointerButton::{Left, Right};
        let mut mouse = Mouse::default();
        let event = |button, down| InputEvent::Button { button, down };
        assert_eq!(mouse.button(MouseButton::Left, true), Some(event(Left, true)));
        assert_eq!(mouse.button(MouseButton::Left, false), Some(event(Left, false)));
        assert_eq!(mouse.button(MouseButton::Left, false), None);
        assert_eq!(mouse.button(MouseButton::Right, true), Some(event(Right, true)));
        assert_eq!(mouse.button(MouseButton::Back, true), None);
        assert_eq!(mouse.release(), [event(Right, false)]);
        assert_eq!(mouse.release(), []);
    }
}
