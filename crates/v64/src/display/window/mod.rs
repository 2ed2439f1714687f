//! `-display window`: the guest's screen in a window of the host's. The window's events are handled on the program's
//! main thread, as window systems require. The machine is built and runs on another thread. They share what [`Shared`]
//! has for input, and a [`Picture`] that the run loop draws into.

mod app;
mod grab;
mod keys;
mod layout;
mod picture;

use crate::input::Shared;
use anyhow::{Context, Result, anyhow};
use app::App;
use device_api::{Frame, HostEvent};
use machine::Machine;
use picture::Picture;
use session::WindowOptions;
use session::monitor::Monitor;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use winit::event_loop::{EventLoop, EventLoopProxy};

/// How long it takes at least from one look at the guest's screen to the next.
const FRAME: Duration = Duration::from_millis(16);
/// Bytes of the machine's stack: as many as Linux gives a main thread.
const STACK: usize = 8 << 20;

/// What the machine's thread has for the window's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    /// The picture changed, or whether the machine runs
    Changed,
    /// The machine has ended
    Ended,
}

/// The machine's end of a window.
pub(crate) struct Link {
    picture: Arc<Mutex<Picture>>,
    proxy: EventLoopProxy<Notice>,
    frame: Frame,
    looked: Option<Instant>,
}

impl Link {
    /// Hands on input, and shows what changed. Input of a machine that stands still is lost, as with QEMU.
    pub(crate) fn update(&mut self, shared: &Shared, monitor: &Monitor, machine: &mut Machine) {
        while let Some(event) = shared.pop_input() {
            if monitor.is_running() {
                machine.host_event(HostEvent::Input(event));
            }
        }
        if self.looked.is_some_and(|looked| looked.elapsed() < FRAME) {
            return;
        }
        self.looked = Some(Instant::now());
        machine.render(&mut self.frame);
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        let is_changed = picture.update(&self.frame) | picture.set_running(monitor.is_running());
        drop(picture);
        if is_changed {
            // A window that is closed already needs no notice.
            let _ = self.proxy.send_event(Notice::Changed);
        }
    }
}

/// Ends the window's events when the machine's thread ends, also by a panic.
struct Ending(EventLoopProxy<Notice>);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.send_event(Notice::Ended);
    }
}

/// Returns an error of the window system as one line, without its source location.
fn reason(error: &str) -> String {
    let place = error.strip_prefix("os error at ").and_then(|rest| rest.split_once(": "));
    let reason = place.map_or(error, |(_, reason)| reason);
    reason.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
}

/// Runs a machine on a separate thread, and its window on this one. Returns the result of the machine's thread.
///
/// # Errors
/// There is no display server, the window cannot be shown, or those of `machine`.
pub(crate) fn run(
    name: Option<String>,
    options: WindowOptions,
    shared: &Arc<Shared>,
    machine: impl FnOnce(Link) -> Result<u8> + Send + 'static,
) -> Result<u8> {
    let event_loop = EventLoop::with_user_event().build().map_err(|error| {
        let error = error.to_string();
        anyhow!(
            "-display window needs a display server; set DISPLAY or WAYLAND_DISPLAY, or give -display terminal or none: {}",
            reason(&error)
        )
    })?;
    let picture = Arc::new(Mutex::new(Picture::default()));
    let proxy = event_loop.create_proxy();
    let link =
        Link { picture: Arc::clone(&picture), proxy: proxy.clone(), frame: Frame::default(), looked: None };
    let thread = std::thread::Builder::new().name("machine".to_owned()).stack_size(STACK);
    let ending = Ending(proxy);
    let thread = thread.spawn(move || {
        let _ending = ending;
        machine(link)
    });
    let thread = thread.context("cannot start the machine's thread")?;
    let mut app = App::new(name, options, Arc::clone(shared), picture);
    let shown = event_loop.run_app(&mut app);
    if shown.is_err() {
        shared.stop(crate::output::BAD);
    }
    let ended = thread.join().unwrap_or_else(|panic| resume_unwind(panic))?;
    shown.context("the window system failed")?;
    app.into_result()?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn errors_are_one_line_without_places_in_source_text() {
        assert_eq!(reason("os error at /x/y.rs:765: neither is: set.\n"), "neither is: set");
        assert_eq!(reason("the event\nloop"), "the event loop");
    }
}
