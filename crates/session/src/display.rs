//! The display: `-display`.

/// What shows the guest's screen and takes keys for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// Nothing: the screen is seen by the monitor's `screendump` alone
    None,
    /// Text modes in the host's terminal
    Terminal,
    /// A window of the host's
    Window(WindowOptions),
}

/// How a window behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowOptions {
    /// Closing the window ends the machine
    pub can_close: bool,
    /// The window takes the whole screen at the start
    pub is_full_screen: bool,
}

impl Default for WindowOptions {
    fn default() -> Self {
        Self { can_close: true, is_full_screen: false }
    }
}

/// Returns the display of `-display`. QEMU's name for the terminal is `curses`.
pub(crate) fn parse_display(text: &str) -> Result<Display, String> {
    let mut parts = text.split(',');
    let kind = parts.next().unwrap_or_default();
    let mut display = match kind {
        "none" => Display::None,
        "terminal" | "curses" => Display::Terminal,
        "window" => Display::Window(WindowOptions::default()),
        "gtk" | "sdl" | "cocoa" | "default" => {
            return Err(format!("the display {kind} is not there; the nearest is -display window"));
        }
        _ => return Err(format!("the display {kind} is not there; there are window, terminal and none")),
    };
    for part in parts {
        let switch = match part.split_once('=') {
            Some((name, "on")) => Some((name, true)),
            Some((name, "off")) => Some((name, false)),
            _ => None,
        };
        match (&mut display, switch) {
            (Display::Window(options), Some(("window-close", is_on))) => options.can_close = is_on,
            (Display::Window(options), Some(("full-screen", is_on))) => options.is_full_screen = is_on,
            // The picture is drawn by the processor.
            (Display::Window(_), Some(("gl", false))) => {}
            // The guest's code page is the one that adapters have in their ROM.
            (Display::Terminal, None) if part.eq_ignore_ascii_case("charset=cp437") => {}
            _ => return Err(format!("the display {kind} has no {part}; leave it out")),
        }
    }
    Ok(display)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_have_qemus_names_too() {
        let window = |can_close, is_full_screen| Display::Window(WindowOptions { can_close, is_full_screen });
        for (text, expected) in [
            ("none", Ok(Display::None)),
            ("terminal", Ok(Display::Terminal)),
            ("curses", Ok(Display::Terminal)),
            ("curses,charset=CP437", Ok(Display::Terminal)),
            ("window", Ok(window(true, false))),
            ("window,window-close=off,full-screen=on,gl=off", Ok(window(false, true))),
            ("gtk", Err("the display gtk is not there; the nearest is -display window")),
            ("sdl,gl=on", Err("the display sdl is not there; the nearest is -display window")),
            ("vnc=:1", Err("the display vnc=:1 is not there; there are window, terminal and none")),
            ("terminal,gl=on", Err("the display terminal has no gl=on; leave it out")),
            ("window,gl=on", Err("the display window has no gl=on; leave it out")),
            ("none,full-screen=on", Err("the display none has no full-screen=on; leave it out")),
        ] {
            assert_eq!(parse_display(text), expected.map_err(str::to_owned), "{text}");
        }
    }
}
