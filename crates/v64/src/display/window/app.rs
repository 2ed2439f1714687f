//! The window and its events, on the program's main thread.

use super::Notice;
use super::grab::Mouse;
use super::keys::{Action, Held, key_of};
use super::layout::{Layout, factor, natural_size};
use super::picture::Picture;
use crate::input::Shared;
use crate::output;
use anyhow::{Context, Result, anyhow};
use device_api::InputEvent;
use session::WindowOptions;
use softbuffer::{SoftBufferError, Surface};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::{DeviceEvent, DeviceId, ElementState, WindowEvent};
use winit::event_loop::{ActiveEventLoop, OwnedDisplayHandle};
use winit::keyboard::PhysicalKey;
use winit::window::{CursorGrabMode, Fullscreen, Window, WindowId};

/// A window that is open.
struct Opened {
    window: Rc<Window>,
    surface: Surface<OwnedDisplayHandle, Rc<Window>>,
    /// Where the picture was drawn last
    layout: Layout,
    /// The picture's size at its smallest
    natural: (u32, u32),
}

/// What the window's thread has.
pub(super) struct App {
    name: Option<String>,
    options: WindowOptions,
    shared: Arc<Shared>,
    picture: Arc<Mutex<Picture>>,
    opened: Option<Opened>,
    held: Held,
    mouse: Mouse,
    is_grabbed: bool,
    /// The window is gone, or cannot be
    is_over: bool,
    failed: Option<anyhow::Error>,
}

fn lock(picture: &Mutex<Picture>) -> MutexGuard<'_, Picture> {
    picture.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns an error of the surface, which cannot leave this thread.
fn surface_error(error: SoftBufferError) -> anyhow::Error {
    anyhow!("cannot draw in the window: {error}")
}

/// Returns the size of a window for a picture: its multiple by `zoom` where the monitor has room for that.
fn window_size(window: &Window, natural: (u32, u32), zoom: u32) -> PhysicalSize<u32> {
    let most = window.current_monitor().map_or(u32::MAX, |monitor| {
        let size = monitor.size();
        factor(natural, (size.width, size.height))
    });
    let zoom = zoom.min(most).max(1);
    PhysicalSize::new(natural.0 * zoom, natural.1 * zoom)
}

impl Opened {
    fn new(events: &ActiveEventLoop, options: WindowOptions, natural: (u32, u32)) -> Result<Self> {
        let full_screen = options.is_full_screen.then_some(Fullscreen::Borderless(None));
        let attributes = Window::default_attributes()
            .with_title("v64")
            .with_inner_size(PhysicalSize::new(natural.0, natural.1))
            .with_fullscreen(full_screen);
        let window = Rc::new(events.create_window(attributes).context("cannot open a window")?);
        // Pixels of monitors with a high density are small.
        let zoom = window.scale_factor().round().clamp(1.0, 8.0) as u32;
        if zoom > 1 && !options.is_full_screen {
            // The size arrives as an event, or the window stays as it is.
            let _ = window.request_inner_size(window_size(&window, natural, zoom));
        }
        let context = softbuffer::Context::new(events.owned_display_handle()).map_err(surface_error)?;
        let surface = Surface::new(&context, Rc::clone(&window)).map_err(surface_error)?;
        Ok(Self { window, surface, layout: Layout::default(), natural })
    }

    /// Has the window fit a picture of another size, as many times as large as before.
    fn fit(&mut self, natural: (u32, u32)) {
        let before = std::mem::replace(&mut self.natural, natural);
        if before == natural || self.window.fullscreen().is_some() || self.window.is_maximized() {
            return;
        }
        let size = self.window.inner_size();
        let zoom = factor(before, (size.width, size.height));
        let _ = self.window.request_inner_size(window_size(&self.window, natural, zoom));
    }

    fn draw(&mut self, picture: &Mutex<Picture>) -> Result<()> {
        let size = self.window.inner_size();
        let (Some(width), Some(height)) = (NonZeroU32::new(size.width), NonZeroU32::new(size.height)) else {
            return Ok(());
        };
        self.surface.resize(width, height).map_err(surface_error)?;
        let mut out = self.surface.buffer_mut().map_err(surface_error)?;
        let mut picture = lock(picture);
        let layout = Layout::new(&picture, (size.width, size.height));
        let damage = picture.take_damage();
        if out.age() == 1 && layout == self.layout {
            damage.into_iter().for_each(|part| layout.draw(&picture, part, &mut out));
        } else {
            layout.draw_all(&picture, &mut out);
        }
        drop(picture);
        self.layout = layout;
        self.window.pre_present_notify();
        out.present().map_err(surface_error)
    }
}

impl App {
    pub(super) fn new(
        name: Option<String>,
        options: WindowOptions,
        shared: Arc<Shared>,
        picture: Arc<Mutex<Picture>>,
    ) -> Self {
        Self {
            name,
            options,
            shared,
            picture,
            opened: None,
            held: Held::default(),
            mouse: Mouse::default(),
            is_grabbed: false,
            is_over: false,
            failed: None,
        }
    }

    /// # Errors
    /// What was wrong with the window.
    pub(super) fn into_result(self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    /// Ends the machine if something failed.
    fn check(&mut self, done: Result<()>) {
        if let Err(error) = done {
            self.failed.get_or_insert(error);
            self.is_over = true;
            self.shared.stop(output::BAD);
        }
    }

    /// Shows a picture that changed; the first one opens the window.
    fn changed(&mut self, events: &ActiveEventLoop) -> Result<()> {
        let natural = natural_size(&lock(&self.picture));
        match &mut self.opened {
            None if self.is_over => return Ok(()),
            None => self.opened = Some(Opened::new(events, self.options, natural)?),
            Some(opened) => opened.fit(natural),
        }
        self.set_title();
        if let Some(opened) = &self.opened {
            opened.window.request_redraw();
        }
        Ok(())
    }

    fn set_title(&self) {
        let Some(Opened { window, .. }) = &self.opened else { return };
        let is_running = lock(&self.picture).is_running;
        let title = title(self.name.as_deref(), is_running, self.is_grabbed);
        if window.title() != title {
            window.set_title(&title);
        }
    }

    fn send(&self, events: impl IntoIterator<Item = InputEvent>) {
        self.shared.push_input(events);
    }

    fn key(&mut self, key: PhysicalKey, state: ElementState) {
        let PhysicalKey::Code(code) = key else { return };
        let Some(key) = key_of(code) else { return };
        match self.held.change(key, state.is_pressed()) {
            Some(Action::Send(code, down)) => self.send([InputEvent::Key { code, down }]),
            Some(Action::Grab) => self.grab(!self.is_grabbed),
            Some(Action::FullScreen) => {
                if let Some(Opened { window, .. }) = &self.opened {
                    let full_screen = window.fullscreen().is_none();
                    window.set_fullscreen(full_screen.then_some(Fullscreen::Borderless(None)));
                }
            }
            None => {}
        }
    }

    /// Gives the mouse to the guest, or takes it back.
    fn grab(&mut self, is_grabbed: bool) {
        let Some(Opened { window, .. }) = &self.opened else { return };
        if is_grabbed {
            // Not every window system can do both. The guest gets movements in any case.
            let _ = window
                .set_cursor_grab(CursorGrabMode::Locked)
                .or_else(|_| window.set_cursor_grab(CursorGrabMode::Confined));
        } else {
            let _ = window.set_cursor_grab(CursorGrabMode::None);
        }
        window.set_cursor_visible(!is_grabbed);
        self.is_grabbed = is_grabbed;
        if !is_grabbed {
            let events = self.mouse.release();
            self.send(events);
        }
        self.set_title();
    }

    /// Has all keys and buttons be up: their going up is another window's to see.
    fn release_all(&mut self) {
        if self.is_grabbed {
            self.grab(false);
        }
        let keys = self.held.release();
        self.send(keys.into_iter().map(|code| InputEvent::Key { code, down: false }));
    }
}

/// Returns the window's title.
fn title(name: Option<&str>, is_running: bool, is_grabbed: bool) -> String {
    let mut title = name.map_or("v64".to_owned(), |name| format!("v64 ({name})"));
    if !is_running {
        title += " [Stopped]";
    }
    if is_grabbed {
        title += " - Ctrl-Alt-G releases the mouse";
    }
    title
}

impl ApplicationHandler<Notice> for App {
    fn resumed(&mut self, _: &ActiveEventLoop) {}

    fn user_event(&mut self, events: &ActiveEventLoop, notice: Notice) {
        match notice {
            Notice::Changed => {
                let done = self.changed(events);
                self.check(done);
            }
            Notice::Ended => events.exit(),
        }
    }

    fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        match event {
            WindowEvent::RedrawRequested => {
                let done = self.opened.as_mut().map_or(Ok(()), |opened| opened.draw(&self.picture));
                self.check(done);
            }
            WindowEvent::CloseRequested if self.options.can_close => {
                self.shared.stop(0);
            }
            // Another program destroyed it.
            WindowEvent::Destroyed => {
                (self.opened, self.is_over) = (None, true);
                self.shared.stop(0);
            }
            // A key that is down already when the window gets the focus went down for another one.
            WindowEvent::KeyboardInput { event, is_synthetic, .. }
                if !(is_synthetic && event.state.is_pressed()) =>
            {
                self.key(event.physical_key, event.state);
            }
            WindowEvent::Focused(false) => self.release_all(),
            WindowEvent::MouseInput { state, button, .. } => {
                if self.is_grabbed {
                    let event = self.mouse.button(button, state.is_pressed());
                    self.send(event);
                } else if state.is_pressed() {
                    self.grab(true);
                }
            }
            WindowEvent::MouseWheel { delta, .. } if self.is_grabbed => {
                let event = self.mouse.scrolled(delta);
                self.send(event);
            }
            _ => {}
        }
    }

    fn device_event(&mut self, _: &ActiveEventLoop, _: DeviceId, event: DeviceEvent) {
        if let DeviceEvent::MouseMotion { delta } = event
            && self.is_grabbed
        {
            let event = self.mouse.moved(delta);
            self.send(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_has_the_machine_s_name_and_state() {
        assert_eq!(title(None, true, false), "v64");
        assert_eq!(title(Some("box"), false, false), "v64 (box) [Stopped]");
        assert_eq!(title(Some("box"), true, true), "v64 (box) - Ctrl-Alt-G releases the mouse");
    }
}
