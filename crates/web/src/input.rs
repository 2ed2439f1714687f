//! Keyboard and mouse of the host: events as they come, chords that are held for a while, and text that is typed.

use crate::vm::{Status, Vm};
use device_api::{HostEvent, InputEvent, KeyCode, PointerButton, VmTime};
use machine::Machine;
use serde::Deserialize;
use session::monitor::{KeyQueue, parse_chord};
use std::collections::VecDeque;

/// Chords that wait at most: a text of this length is typed for minutes.
const MOST: usize = 1 << 16;
/// The longest time that keys are held, in milliseconds.
const LONGEST_HOLD_MS: u64 = 3_600_000;

/// One event, as JavaScript writes it.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Event {
    Key { code: String, down: bool },
    Move { dx: i32, dy: i32 },
    Wheel { dz: i32 },
    Button { button: Button, down: bool },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Button {
    Left,
    Middle,
    Right,
}

/// Keys to press one after the other: a chord by QEMU's names, or any number of chords by `KeyboardEvent.code`.
#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    chord: Option<String>,
    #[serde(default)]
    keys: Vec<Vec<String>>,
    /// Milliseconds of the guest's time behind each key
    hold: u64,
}

/// Chords on their way to the guest.
#[derive(Default)]
pub(crate) struct Keys {
    waiting: VecDeque<(Vec<KeyCode>, u64)>,
    queue: KeyQueue,
}

impl Keys {
    /// Sends the keys that are due, and has the machine come back when the next ones are, or those of the monitor.
    pub(crate) fn advance(&mut self, machine: &mut Machine, monitors: Option<VmTime>) {
        if self.is_empty() {
            return;
        }
        while let Some((keys, hold_ns)) = self.waiting.front() {
            if !self.queue.chord(keys, *hold_ns) {
                break;
            }
            self.waiting.pop_front();
        }
        let now = machine.now();
        self.queue.advance(now, |code, down| send(machine, InputEvent::Key { code, down }));
        machine.set_alarm(self.queue.deadline().into_iter().chain(monitors).min());
    }

    /// Returns whether all keys were pressed and released.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.queue.is_empty()
    }
}

fn send(machine: &mut Machine, event: InputEvent) {
    machine.host_event(HostEvent::Input(event));
}

fn key(code: &str) -> Result<KeyCode, String> {
    KeyCode::from_name(code)
        .ok_or_else(|| format!("'{code}' is no key; give a KeyboardEvent.code such as KeyA or Enter"))
}

fn event(event: &Event) -> Result<InputEvent, String> {
    Ok(match event {
        Event::Key { code, down } => InputEvent::Key { code: key(code)?, down: *down },
        Event::Move { dx, dy } => InputEvent::Move { dx: *dx, dy: *dy },
        Event::Wheel { dz } => InputEvent::Wheel { dz: *dz },
        Event::Button { button, down } => {
            let button = match button {
                Button::Left => PointerButton::Left,
                Button::Middle => PointerButton::Middle,
                Button::Right => PointerButton::Right,
            };
            InputEvent::Button { button, down: *down }
        }
    })
}

/// Returns the chords of a request, with the nanoseconds that each key is held.
fn chords(typed: &Typed) -> Result<Vec<(Vec<KeyCode>, u64)>, String> {
    let hold_ns = typed.hold.min(LONGEST_HOLD_MS) * 1_000_000;
    let named = typed.chord.as_deref().map(|chord| {
        let unknown = |part| format!("'{part}' is no key in '{chord}'; give names as in 'ctrl-alt-delete'");
        parse_chord(chord).map_err(unknown)
    });
    let coded = typed.keys.iter().map(|codes| codes.iter().map(|code| key(code)).collect());
    named.into_iter().chain(coded).map(|keys| keys.map(|keys| (keys, hold_ns))).collect()
}

impl Vm {
    /// The exchange buffer is JSON: events of keyboard and mouse. All are checked before the first is sent.
    pub(crate) fn host_input(&mut self) -> Status {
        let bytes = std::mem::take(&mut self.exchange);
        let Some(machine) = &mut self.machine else { return self.fail("STATE", "there is no machine") };
        let events = serde_json::from_slice::<Vec<Event>>(&bytes).map_err(|error| error.to_string());
        match events.and_then(|events| events.iter().map(event).collect::<Result<Vec<_>, _>>()) {
            Ok(events) => {
                events.into_iter().for_each(|event| send(machine, event));
                Status::Done
            }
            Err(error) => self.fail("BAD_OPTION", &error),
        }
    }

    /// The exchange buffer is JSON: keys that are pressed and released one after the other while the machine runs.
    pub(crate) fn type_keys(&mut self) -> Status {
        let bytes = std::mem::take(&mut self.exchange);
        let typed = serde_json::from_slice::<Typed>(&bytes).map_err(|error| error.to_string());
        match typed.and_then(|typed| chords(&typed)) {
            Ok(chords) if self.keys.waiting.len() + chords.len() > MOST => {
                self.fail("BAD_OPTION", &format!("{MOST} keys can wait at most; type a shorter text"))
            }
            Ok(chords) => {
                self.keys.waiting.extend(chords);
                Status::Done
            }
            Err(error) => self.fail("BAD_OPTION", &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::tests::started;

    fn given(json: &str) -> Vm {
        let mut vm = started(&["run", "--clock=icount"]);
        vm.exchange = json.into();
        vm
    }

    #[test]
    fn events_are_keys_and_mouse() {
        let json = r#"[{"type":"key","code":"KeyA","down":true},{"type":"move","dx":-3,"dy":4},
            {"type":"wheel","dz":1},{"type":"button","button":"right","down":false}]"#;
        assert_eq!(given(json).host_input(), Status::Done);
        let sent: Vec<Event> = serde_json::from_str(json).unwrap();
        let sent: Vec<_> = sent.iter().map(|one| event(one).unwrap()).collect();
        assert_eq!(sent[0], InputEvent::Key { code: KeyCode::KeyA, down: true });
        assert_eq!(sent[1], InputEvent::Move { dx: -3, dy: 4 });
        assert_eq!(sent[2], InputEvent::Wheel { dz: 1 });
        assert_eq!(sent[3], InputEvent::Button { button: PointerButton::Right, down: false });
    }

    #[test]
    fn what_is_no_event_is_refused_in_a_sentence() {
        for (json, part) in [
            (r#"[{"type":"key","code":"KeyÄ","down":true}]"#, "'KeyÄ' is no key"),
            (r#"[{"type":"move","dx":1e99,"dy":0}]"#, "expected i32"),
            ("{", "expected a sequence"),
        ] {
            let mut vm = given(json);
            assert_eq!(vm.host_input(), Status::Failed);
            let reply = String::from_utf8_lossy(&vm.reply).into_owned();
            assert!(reply.contains(part) && reply.contains("BAD_OPTION"), "{part}: {reply}");
        }
    }

    #[test]
    fn typed_keys_are_chords_by_either_kind_of_name() {
        use KeyCode::*;
        let typed = |json: &str| chords(&serde_json::from_str(json).unwrap());
        let three = vec![(vec![ControlLeft, AltLeft, Delete], 100_000_000)];
        assert_eq!(typed(r#"{"chord":"ctrl-alt-delete","hold":100}"#), Ok(three));
        let two = vec![(vec![ShiftLeft, KeyA], 5_000_000), (vec![KeyB], 5_000_000)];
        assert_eq!(typed(r#"{"keys":[["ShiftLeft","KeyA"],["KeyB"]],"hold":5}"#), Ok(two));
        assert!(
            typed(r#"{"chord":"ctrl-nonsense","hold":1}"#).unwrap_err().contains("'nonsense' is no key in")
        );
    }

    #[test]
    fn typed_keys_are_gone_when_the_guest_s_time_has_passed() {
        let mut vm = given(r#"{"keys":[["KeyA"],["KeyB"]],"hold":1}"#);
        assert_eq!(vm.type_keys(), Status::Done);
        let Vm { keys, machine: Some(machine), .. } = &mut vm else { panic!("a machine") };
        assert!(!keys.is_empty());
        for _ in 0..10 {
            keys.advance(machine, None);
            let limit = machine.retired() + 1_000_000;
            machine.run(limit);
        }
        assert!(keys.is_empty());
    }

    #[test]
    fn more_keys_than_can_wait_are_refused() {
        let one = r#"["KeyA"],"#.repeat(MOST);
        let mut vm = given(&format!(r#"{{"keys":[{one}["KeyA"]],"hold":1}}"#));
        assert_eq!(vm.type_keys(), Status::Failed);
        assert!(vm.keys.is_empty());
    }
}
