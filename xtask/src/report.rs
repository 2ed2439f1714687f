//! Progress of a running step: a status line on a terminal, elsewhere a line every half minute.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Interval of status lines where standard error is no terminal.
const PERIOD: Duration = Duration::from_secs(30);
/// Characters of a message that are shown.
const WIDTH: usize = 100;

/// Shows the progress of a running step on standard error. Results belong on standard output.
pub(crate) struct Report {
    title: String,
    start: Instant,
    view: View,
    /// Gets each status too
    listener: Option<Listener>,
}

type Listener = Box<dyn Fn(&str) + Send>;

enum View {
    Terminal(ProgressBar),
    Lines(Heartbeat),
}

impl Report {
    /// Returns the report of a step that begins now.
    pub(crate) fn start(title: impl Into<String>) -> Self {
        let (title, start) = (title.into(), Instant::now());
        let view = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner().with_prefix(title.clone());
            if let Ok(style) = ProgressStyle::with_template("{prefix} {spinner} {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            View::Terminal(bar)
        } else {
            eprintln!("{title} ...");
            let title = title.clone();
            View::Lines(Heartbeat::start(PERIOD, move |doing| {
                eprintln!("{title}: {}, {doing}", span(start.elapsed()));
            }))
        };
        Self { title, start, view, listener: None }
    }

    /// Returns the report with a function that gets each status too.
    pub(crate) fn heard_by(mut self, listener: impl Fn(&str) + Send + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Sets the status; the next call replaces it.
    pub(crate) fn say(&self, text: &str) {
        let text: String = text.trim().chars().take(WIDTH).collect();
        if let Some(listener) = &self.listener {
            listener(&text);
        }
        match &self.view {
            View::Terminal(bar) => bar.set_message(text),
            View::Lines(heartbeat) => heartbeat.set(text),
        }
    }

    /// Sets the status, and prints it at once where there is no terminal.
    pub(crate) fn note(&self, text: &str) {
        if let View::Lines(_) = self.view {
            eprintln!("{}: {text}", self.title);
        }
        self.say(text);
    }

    /// Prints a line on standard error, above the status.
    pub(crate) fn warn(&self, text: &str) {
        self.above(|| eprintln!("{}: {text}", self.title));
    }

    /// Prints a line on standard output, above the status.
    pub(crate) fn pass(&self, line: &str) {
        self.above(|| println!("{line}"));
    }

    fn above(&self, print: impl FnOnce()) {
        match &self.view {
            View::Terminal(bar) => bar.suspend(print),
            View::Lines(_) => print(),
        }
    }

    /// Ends the step and prints its outcome with the time it took.
    pub(crate) fn done(self, outcome: &str) {
        let line = format!("{}: {outcome} ({})", self.title, span(self.start.elapsed()));
        self.end();
        eprintln!("{line}");
    }

    /// Ends the step, removes the status line and returns how long the step took.
    pub(crate) fn end(self) -> Duration {
        self.start.elapsed()
    }
}

/// A step that fails leaves no status line behind either.
impl Drop for Report {
    fn drop(&mut self) {
        if let View::Terminal(bar) = &self.view {
            bar.finish_and_clear();
        }
    }
}

/// Returns a duration in words: to a tenth of a second, above a minute to a second.
pub(crate) fn span(time: Duration) -> String {
    let tenths = time.as_millis().div_ceil(100);
    match tenths / 600 {
        0 => format!("{}.{} s", tenths / 10, tenths % 10),
        minutes => format!("{minutes} min {:02} s", tenths % 600 / 10),
    }
}

/// Calls a function with the latest status at a fixed interval, until it is dropped.
struct Heartbeat {
    message: Arc<Mutex<String>>,
    /// The thread ends when this is gone
    alive: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    fn start(period: Duration, each: impl Fn(&str) + Send + 'static) -> Self {
        let message = Arc::new(Mutex::new("running".to_owned()));
        let (alive, gone) = mpsc::channel::<()>();
        let latest = Arc::clone(&message);
        let thread = std::thread::spawn(move || {
            while gone.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                each(&latest.lock().unwrap_or_else(PoisonError::into_inner).clone());
            }
        });
        Self { message, alive: Some(alive), thread: Some(thread) }
    }

    fn set(&self, text: String) {
        *self.message.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.alive = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_seconds_and_minutes() {
        assert_eq!(span(Duration::ZERO), "0.0 s");
        assert_eq!(span(Duration::from_millis(12_340)), "12.4 s");
        assert_eq!(span(Duration::from_millis(59_901)), "1 min 00 s");
        assert_eq!(span(Duration::from_secs(605)), "10 min 05 s");
    }

    #[test]
    fn a_heartbeat_repeats_the_latest_status_until_it_is_dropped() {
        let (sender, receiver) = mpsc::channel();
        let heartbeat = Heartbeat::start(Duration::from_millis(1), move |text| {
            let _ = sender.send(text.to_owned());
        });
        assert_eq!(receiver.recv().unwrap(), "running");
        heartbeat.set("compiling 3 of 7".to_owned());
        assert!(receiver.iter().any(|text| text == "compiling 3 of 7"));
        drop(heartbeat);
        // The sender lives in the thread: the messages end with it.
        assert!(receiver.iter().all(|text| text == "compiling 3 of 7"));
    }
}
