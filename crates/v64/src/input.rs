//! Input on its way from the host's terminal to the guest, and what makes the run loop stop or wake.

use crate::display::{Screen, Typed};
use crate::output;
use device_api::InputEvent;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Keys that wait for the guest at most: a large paste.
const MOST_CHORDS: usize = 1 << 20;
/// Events of a window that wait for the guest at most: far more than its keyboard and mouse have room for.
const MOST_EVENTS: usize = 1 << 12;

/// What the terminal's threads and the run loop share.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// The guest's screen, where that is the terminal
    screen: OnceLock<Weak<Screen>>,
}

/// Everything behind the lock.
#[derive(Default)]
struct State {
    input: VecDeque<u8>,
    /// What was typed at the guest's screen
    chords: VecDeque<Typed>,
    /// What happened at keyboard and mouse in the guest's window
    events: VecDeque<InputEvent>,
    /// Something came that no wait has ended for
    news: bool,
    /// Nothing more comes
    ended: bool,
    /// Exit code, once the run is to stop
    stop: Option<u8>,
    /// The machine's state is to be saved
    save: bool,
    traffic: Traffic,
    /// Keys go to the monitor
    to_monitor: bool,
    /// They do so since the monitor last looked
    entered: bool,
    /// Keys for the monitor
    typed: Vec<u8>,
    /// Whether lines of output begin with the time
    timestamps: bool,
}

/// What went over the serial line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Bytes in either direction
    pub(crate) bytes: u64,
    /// Number of unsuccessful reads of input by the guest since the last output
    pub(crate) asked: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.news = true;
        self.changed.notify_all();
    }

    /// Waits for `most`, or until something new comes. What came before the last wait ended, and still waits for the
    /// guest, is not new: a guest that does not take its input must not keep the host busy. Returns the time it took.
    pub(crate) fn wait(&self, most: Duration) -> Duration {
        let started = Instant::now();
        let waited = self.changed.wait_timeout_while(self.lock(), most, |state| !state.news);
        waited.unwrap_or_else(PoisonError::into_inner).0.news = false;
        started.elapsed()
    }

    /// Shows messages over a guest's screen while the terminal is that.
    pub(crate) fn show_on(&self, screen: &Arc<Screen>) {
        // A run opens one terminal.
        let _ = self.screen.set(Arc::downgrade(screen));
    }

    /// Shows a message: on the guest's screen where that is the terminal, else on standard error.
    pub(crate) fn say(&self, text: &str) {
        let screen = self.screen.get().and_then(Weak::upgrade);
        if !screen.is_some_and(|screen| screen.notify(text)) {
            output::say(text);
        }
    }

    /// Ends a wait of the run loop's.
    pub(crate) fn wake(&self) {
        self.change(|_| ());
    }

    /// Takes keys, for the guest or for the monitor.
    pub(crate) fn push(&self, bytes: &[u8]) {
        self.change(|state| {
            if state.to_monitor {
                state.typed.extend(bytes);
            } else {
                state.input.extend(bytes);
            }
        });
    }

    /// Takes a key that was typed at the guest's screen, for the guest or for the monitor.
    pub(crate) fn push_chord(&self, typed: Typed) {
        self.change(|state| {
            if state.to_monitor {
                state.typed.extend(typed.bytes);
            } else if state.chords.len() < MOST_CHORDS {
                state.chords.push_back(typed);
            }
        });
    }

    /// Returns the next key for the guest that was typed at its screen.
    pub(crate) fn pop_chord(&self) -> Option<Typed> {
        self.lock().chords.pop_front()
    }

    /// Takes what happened at keyboard and mouse. Movements that follow each other become one.
    #[cfg_attr(
        not(any(feature = "window", test)),
        expect(dead_code, reason = "windows alone have such events")
    )]
    pub(crate) fn push_input(&self, events: impl IntoIterator<Item = InputEvent>) {
        self.change(|state| {
            for event in events {
                let has_room = state.events.len() < MOST_EVENTS;
                match (state.events.back_mut(), event) {
                    (Some(InputEvent::Move { dx, dy }), InputEvent::Move { dx: x, dy: y }) => {
                        (*dx, *dy) = (dx.saturating_add(x), dy.saturating_add(y));
                    }
                    _ if has_room => state.events.push_back(event),
                    _ => {}
                }
            }
        });
    }

    /// Returns the next event of keyboard and mouse.
    #[cfg_attr(
        not(any(feature = "window", test)),
        expect(dead_code, reason = "windows alone have such events")
    )]
    pub(crate) fn pop_input(&self) -> Option<InputEvent> {
        self.lock().events.pop_front()
    }

    /// Returns whether keys go to the monitor.
    pub(crate) fn is_at_monitor(&self) -> bool {
        self.lock().to_monitor
    }

    /// Has keys go to the monitor, or to the guest again. Returns whether they go to the monitor now.
    pub(crate) fn switch_to_monitor(&self) -> bool {
        let mut now = false;
        self.change(|state| {
            state.to_monitor = !state.to_monitor;
            state.entered |= state.to_monitor;
            now = state.to_monitor;
        });
        now
    }

    /// Returns whether the monitor was switched to, and what was typed for it since the last call.
    pub(crate) fn take_typed(&self) -> (bool, Vec<u8>) {
        let mut state = self.lock();
        (std::mem::take(&mut state.entered), std::mem::take(&mut state.typed))
    }

    /// Returns the next byte for the guest.
    pub(crate) fn pop(&self) -> Option<u8> {
        let mut state = self.lock();
        let byte = state.input.pop_front();
        match byte {
            Some(_) => state.traffic = Traffic { bytes: state.traffic.bytes + 1, asked: 0 },
            None => state.traffic.asked += 1,
        }
        byte
    }

    /// Records a byte of output.
    pub(crate) fn sent(&self) {
        let mut state = self.lock();
        state.traffic = Traffic { bytes: state.traffic.bytes + 1, asked: 0 };
    }

    pub(crate) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    /// Returns whether more input may come.
    pub(crate) fn is_open(&self) -> bool {
        !self.lock().ended
    }

    /// Returns whether no more input comes, and the guest has read all there was.
    pub(crate) fn is_drained(&self) -> bool {
        let state = self.lock();
        state.ended && state.input.is_empty()
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.lock().traffic
    }

    /// Makes the run loop stop with this exit code. Returns whether it was to stop before.
    pub(crate) fn stop(&self, code: u8) -> bool {
        let mut before = false;
        self.change(|state| before = state.stop.replace(code).is_some());
        before
    }

    /// Returns the exit code with which the run is to stop.
    pub(crate) fn stopped(&self) -> Option<u8> {
        self.lock().stop
    }

    /// Makes the run loop save the machine's state.
    pub(crate) fn request_save(&self) {
        self.change(|state| state.save = true);
    }

    /// Returns whether the state is to be saved, once.
    pub(crate) fn take_save(&self) -> bool {
        std::mem::take(&mut self.lock().save)
    }

    /// Switches the time at the beginning of lines on or off. Returns whether it is on.
    pub(crate) fn toggle_timestamps(&self) -> bool {
        let mut state = self.lock();
        state.timestamps = !state.timestamps;
        state.timestamps
    }

    pub(crate) fn timestamps(&self) -> bool {
        self.lock().timestamps
    }
}

/// Detects a guest that waits for input after its end.
#[derive(Default)]
pub(crate) struct EndOfInput {
    seen: u64,
    idle: u64,
}

impl EndOfInput {
    /// Idle nanoseconds after which the guest is taken to wait.
    const IDLE: u64 = 1_000_000_000;
    /// Requests after which a guest is taken to wait that polls rather than halts.
    const ASKED: u64 = 100_000;

    /// Returns whether the guest has read all input, and has since waited for a second without sending anything. `idle`
    /// is for how many nanoseconds the processor has been halted since power-on.
    pub(crate) fn is_reached(&mut self, shared: &Shared, idle: u64) -> bool {
        let (traffic, drained) = (shared.traffic(), shared.is_drained());
        if !drained || traffic.bytes != self.seen || idle < self.idle {
            (self.seen, self.idle) = (traffic.bytes, idle);
        }
        drained && (idle - self.idle >= Self::IDLE || traffic.asked >= Self::ASKED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_input_does_not_end_a_wait() {
        let shared = Shared::default();
        shared.push(b"ab");
        // It would not come back otherwise.
        shared.wait(Duration::MAX);
        assert!(shared.is_open() && !shared.lock().news, "the input that is still there is not new");
        shared.stop(0);
        shared.wait(Duration::MAX);
        assert_eq!((shared.pop(), shared.stopped()), (Some(b'a'), Some(0)));
    }

    #[test]
    fn movements_that_follow_each_other_are_one() {
        let shared = Shared::default();
        let event = |dx, dy| InputEvent::Move { dx, dy };
        let wheel = InputEvent::Wheel { dz: 1 };
        shared.push_input([event(1, 2), event(i32::MAX, -3), wheel, event(4, 5)]);
        let taken: Vec<_> = std::iter::from_fn(|| shared.pop_input()).collect();
        assert_eq!(taken, [event(i32::MAX, -1), wheel, event(4, 5)]);
        (0..2 * MOST_EVENTS).for_each(|_| shared.push_input([wheel]));
        assert_eq!(std::iter::from_fn(|| shared.pop_input()).count(), MOST_EVENTS);
    }

    #[test]
    fn keys_go_where_they_were_switched_to() {
        let shared = Shared::default();
        shared.push(b"g");
        assert!(shared.switch_to_monitor());
        shared.push(b"stop");
        assert_eq!(shared.take_typed(), (true, b"stop".to_vec()));
        assert!(!shared.switch_to_monitor());
        shared.push(b"h");
        assert_eq!(shared.take_typed(), (false, Vec::new()));
        assert_eq!((shared.pop(), shared.pop(), shared.pop()), (Some(b'g'), Some(b'h'), None));
    }

    #[test]
    fn the_end_is_reached_when_a_guest_with_all_its_input_waits() {
        let shared = Shared::default();
        let mut end = EndOfInput::default();
        shared.push(b"a");
        assert!(!end.is_reached(&shared, 5_000_000_000), "input may come");
        shared.end();
        assert!(!end.is_reached(&shared, 10_000_000_000), "some is not read");
        shared.pop();
        assert!(!end.is_reached(&shared, 11_000_000_000), "the guest has just read");
        assert!(!end.is_reached(&shared, 11_900_000_000));
        shared.sent();
        assert!(!end.is_reached(&shared, 12_500_000_000), "it answers");
        assert!(!end.is_reached(&shared, 13_400_000_000));
        assert!(end.is_reached(&shared, 13_500_000_000));
    }

    #[test]
    fn a_guest_that_polls_waits_too() {
        let shared = Shared::default();
        let mut end = EndOfInput::default();
        shared.end();
        for _ in 0..EndOfInput::ASKED {
            assert!(!end.is_reached(&shared, 0));
            shared.pop();
        }
        assert!(end.is_reached(&shared, 0));
    }
}
