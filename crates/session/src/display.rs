//! Where the screen is shown: `-display`.

/// What shows the guest's screen and takes keys for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// Nothing: the screen is seen by the monitor's `screendump` alone
    None,
    /// Text modes in the host's terminal
    Terminal,
}

/// Returns the display of `-display`. QEMU's name for the terminal is `curses`.
pub(crate) fn parse_display(text: &str) -> Result<Display, String> {
    let (kind, rest) = text.split_once(',').unwrap_or((text, ""));
    let display = match kind {
        "none" => Display::None,
        "terminal" | "curses" => Display::Terminal,
        "window" | "gtk" | "sdl" | "cocoa" => {
            return Err(format!(
                "no window is opened yet, by {kind} or otherwise; the nearest is -display terminal"
            ));
        }
        _ => return Err(format!("the display {kind} is not there; there are terminal and none")),
    };
    // The guest's code page is the one that adapters have in their ROM.
    match rest {
        "" => Ok(display),
        _ if display == Display::Terminal && rest.eq_ignore_ascii_case("charset=cp437") => Ok(display),
        _ => Err(format!("the display {kind} has no {rest}; leave it out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_have_qemus_names_too() {
        for (text, expected) in [
            ("none", Ok(Display::None)),
            ("terminal", Ok(Display::Terminal)),
            ("curses", Ok(Display::Terminal)),
            ("curses,charset=CP437", Ok(Display::Terminal)),
            ("gtk", Err("no window is opened yet, by gtk or otherwise; the nearest is -display terminal")),
            ("vnc=:1", Err("the display vnc=:1 is not there; there are terminal and none")),
            ("terminal,gl=on", Err("the display terminal has no gl=on; leave it out")),
        ] {
            assert_eq!(parse_display(text), expected.map_err(str::to_owned), "{text}");
        }
    }
}
