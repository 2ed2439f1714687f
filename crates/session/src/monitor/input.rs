//! Keys and mouse of commands, as input of the machine.

use super::command::{Axis, Button, InputItem, InputSendEvent, KeyValue, SendKey};
use super::error::MonitorError;
use super::{Monitor, Target, keys};
use device_api::{HostEvent, InputEvent, KeyCode, PointerButton};
use machine::Machine;

/// How long keys are held, in milliseconds.
pub(super) const HOLD_MS: u64 = 100;
/// How far apart the keys of a display's chord are, in milliseconds.
const TYPE_MS: u64 = 10;
/// The longest time that keys may be held.
const LONGEST_HOLD_MS: u64 = 3_600_000;

fn key(value: &KeyValue) -> Result<KeyCode, MonitorError> {
    let (key, text) = match value {
        KeyValue::Qcode(name) => (keys::by_name(name), name.clone()),
        KeyValue::Number(number) => (keys::by_number(*number), number.to_string()),
    };
    key.ok_or_else(|| MonitorError::new(format!("Parameter 'data' does not accept value '{text}'")))
}

/// An event of the mouse.
enum Pointer {
    Button(PointerButton, bool),
    Wheel(i32),
    /// A button that this mouse lacks, or the end of a turn of the wheel
    Nothing,
}

fn button(button: Button, down: bool) -> Pointer {
    match button {
        Button::Left => Pointer::Button(PointerButton::Left, down),
        Button::Middle => Pointer::Button(PointerButton::Middle, down),
        Button::Right => Pointer::Button(PointerButton::Right, down),
        Button::WheelUp if down => Pointer::Wheel(-1),
        Button::WheelDown if down => Pointer::Wheel(1),
        _ => Pointer::Nothing,
    }
}

/// Counts that fit into one event.
fn counts(value: i64) -> i32 {
    value.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

fn send(machine: &mut Machine, event: InputEvent) {
    machine.host_event(HostEvent::Input(event));
}

impl Monitor {
    pub(super) fn send_key(
        &mut self,
        arguments: &SendKey,
        target: &mut Target<'_>,
    ) -> Result<(), MonitorError> {
        let keys: Vec<KeyCode> = arguments.keys.iter().map(key).collect::<Result<_, _>>()?;
        self.hold_keys(&keys, arguments.hold_time.unwrap_or(HOLD_MS), target.machine);
        Ok(())
    }

    /// Presses keys and releases them later. Input to a machine that stands still is lost, as with QEMU.
    pub(super) fn hold_keys(&mut self, keys: &[KeyCode], hold_ms: u64, machine: &mut Machine) {
        if self.is_running() {
            self.keys.chord(keys, hold_ms.min(LONGEST_HOLD_MS) * 1_000_000);
            self.advance(machine);
        }
    }

    /// Types a chord for a display: its keys go down in order and up in reverse, as far apart as QEMU's displays have them.
    /// Returns whether there was room for it. A machine that stands still takes it, and it is lost.
    pub fn type_chord(&mut self, keys: &[KeyCode], machine: &mut Machine) -> bool {
        if !self.is_running() {
            return true;
        }
        let taken = self.keys.chord(keys, TYPE_MS * 1_000_000);
        self.advance(machine);
        taken
    }

    /// All events are checked before the first is sent.
    pub(super) fn input_send_event(
        &mut self,
        arguments: &InputSendEvent,
        target: &mut Target<'_>,
    ) -> Result<(), MonitorError> {
        if !self.is_running() {
            return Err(MonitorError::new("VM not running"));
        }
        let mut events = Vec::new();
        let (mut dx, mut dy) = (0_i64, 0_i64);
        for item in &arguments.events {
            match item {
                InputItem::Key { key: value, down } => {
                    events.push(InputEvent::Key { code: key(value)?, down: *down });
                }
                InputItem::Btn { button: name, down } => match button(*name, *down) {
                    Pointer::Button(button, down) => events.push(InputEvent::Button { button, down }),
                    Pointer::Wheel(dz) => events.push(InputEvent::Wheel { dz }),
                    Pointer::Nothing => {}
                },
                InputItem::Rel { axis: Axis::X, value } => dx = dx.saturating_add(*value),
                InputItem::Rel { axis: Axis::Y, value } => dy = dy.saturating_add(*value),
                InputItem::Abs { .. } => {
                    return Err(MonitorError::new("Input handler not found for event type abs"));
                }
            }
        }
        if (dx, dy) != (0, 0) {
            events.insert(0, InputEvent::Move { dx: counts(dx), dy: counts(dy) });
        }
        events.into_iter().for_each(|event| send(target.machine, event));
        Ok(())
    }

    /// `mouse_move`
    pub(super) fn mouse_move(&mut self, dx: i64, dy: i64, dz: i64, machine: &mut Machine) {
        if !self.is_running() {
            return;
        }
        send(machine, InputEvent::Move { dx: counts(dx), dy: counts(dy) });
        if dz != 0 {
            send(machine, InputEvent::Wheel { dz: counts(dz) });
        }
    }

    /// `mouse_button`: a bit for each button that is down.
    pub(super) fn mouse_buttons(&mut self, buttons: u64, machine: &mut Machine) {
        use PointerButton::{Left, Middle, Right};
        let before = std::mem::replace(&mut self.human.buttons, buttons);
        for (bit, button) in [(1, Left), (2, Right), (4, Middle)] {
            if self.is_running() && (before ^ buttons) & bit != 0 {
                send(machine, InputEvent::Button { button, down: buttons & bit != 0 });
            }
        }
    }
}
