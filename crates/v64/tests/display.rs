//! `-display terminal` of the built command, in a pseudo-terminal.

mod common;

use common::screen::firmware;
use common::{file, run};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command};

/// The command in a terminal of its own.
struct Session {
    child: Child,
    master: File,
    seen: String,
}

impl Session {
    fn start(words: &[&str], colors: &str) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let flags = OFlags::NOCTTY.bits() as i32;
        let open = || OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_v64"))
            .args(words)
            .env("COLORTERM", colors)
            .env_remove("NO_COLOR")
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap();
        Self { child, master: File::from(master), seen: String::new() }
    }

    /// Reads until the terminal was sent a text. Returns what came before it.
    fn wait_for(&mut self, text: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                let mut before = std::mem::replace(&mut self.seen, rest);
                before.truncate(at);
                return before;
            }
            match self.master.read(&mut bytes) {
                Ok(got) if got > 0 => self.seen += &String::from_utf8_lossy(&bytes[..got]),
                _ => panic!("no {text:?} in {:?}", self.seen),
            }
        }
    }

    fn type_keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It has ended where a test passed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const OPTIONS: [&str; 12] =
    ["run", "-m", "16M", "-vga", "none", "-device", "VGA", "-seed", "0", "-display", "curses", "-bios"];

#[test]
fn a_text_screen_is_drawn_and_keys_reach_the_guest() {
    let bios = file("display-keys.bin", &firmware());
    let mut session = Session::start(&[&OPTIONS[..], &[&bios]].concat(), "truecolor");
    session.wait_for("\x1b[?1049h");
    session.wait_for("\x1b[38;2;168;168;168m\x1b[48;2;0;0;0m");
    session.wait_for("Hi");
    // Scan code 1Eh when it goes down, 9Eh when it goes up
    session.type_keys("a");
    session.wait_for("▲");
    session.wait_for("₧");
    session.type_keys("\x01h");
    session.wait_for("Ctrl-A X");
    session.type_keys(" ");
    session.type_keys("\x01c");
    session.wait_for("\x1b[?1049l");
    session.wait_for("(qemu) ");
    session.type_keys("info status\r");
    session.wait_for("VM status: running");
    session.type_keys("\x01c");
    session.wait_for("\x1b[?1049h");
    session.wait_for("Hi▲₧");
    session.type_keys("\x1b");
    session.wait_for("graphics, ");
    session.type_keys("\x01x");
    session.wait_for("\x1b[?1049l");
    assert_eq!(session.end(), Some(0));
}

#[test]
fn terminals_without_all_colours_have_the_palette() {
    let bios = file("display-palette.bin", &firmware());
    let mut session = Session::start(&[&OPTIONS[..], &[&bios]].concat(), "");
    session.wait_for("\x1b[38;5;248m\x1b[48;5;16m");
    session.wait_for("Hi");
    session.type_keys("\x01x");
    assert_eq!(session.end(), Some(0));
}

#[test]
fn displays_that_cannot_be_are_refused_in_one_line() {
    for (words, expected) in [
        (&["-display", "terminal"][..], "-display terminal draws in a terminal"),
        (
            &["-display", "terminal", "-serial", "stdio"],
            "serial0 has the terminal, which -display terminal needs",
        ),
        (&["-display", "terminal", "-vga", "none"], "-display shows a screen, and -vga none leaves it out"),
        (&["-display", "terminal", "-nographic"], "both want the terminal"),
        (&["-display", "terminal", "-monitor", "stdio"], "a monitor has the terminal"),
        (&["-display", "terminal", "-guest", "demo"], "the built-in guests do not use"),
        (&["-display", "gtk"], "the display gtk is not there; the nearest is -display window"),
        (&["-display", "window", "-vga", "none"], "-display shows a screen, and -vga none leaves it out"),
        (&["-full-screen"], "-full-screen is for a window; give -display window too"),
        (&["-curses"], "the nearest is -display terminal"),
        #[cfg(not(feature = "window"))]
        (&["-display", "window"], "this v64 is built without windows; build it with `cargo build"),
    ] {
        let done = run(&[&["run"][..], words].concat());
        assert_eq!(done.code, Some(2), "{words:?}: {done:?}");
        assert!(done.stderr.contains(expected), "{words:?}: {done:?}");
    }
}
