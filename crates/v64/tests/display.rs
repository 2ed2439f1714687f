//! `-display terminal` of the built command, in a pseudo-terminal.

mod common;

use common::{file, run};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command};

/// Sets a text mode of 80 by 25 characters, shows `Hi` in grey, then each byte that the keyboard sends as a character;
/// behind Escape, a mode of graphics.
const CODE: &[u8] = &[
    0xfc, // cld
    0xb8, 0x00, 0xf0, 0x8e, 0xd8, // mov ax, 0xf000; mov ds, ax
    0xba, 0xc2, 0x03, 0xb0, 0x67, 0xee, // mov dx, 0x3c2; mov al, 0x67; out dx, al
    0xbe, 0x5f, 0x00, 0xb9, 0x1c, 0x00, // mov si, words; mov cx, 28
    0xad, 0x89, 0xc2, 0xad, 0xef, // next: lodsw; mov dx, ax; lodsw; out dx, ax
    0xe2, 0xf9, // loop next
    0xba, 0xc0, 0x03, 0xb9, 0x0d, 0x00, // mov dx, 0x3c0; mov cx, 13
    0xac, 0xee, 0xe2, 0xfc, // more: lodsb; out dx, al; loop more
    0xba, 0xc8, 0x03, 0xb0, 0x07, 0xee, 0x42, // mov dx, 0x3c8; mov al, 7; out dx, al; inc dx
    0xb0, 0x2a, 0xee, 0xee, 0xee, // mov al, 0x2a; out dx, al (three times)
    0xb8, 0x00, 0xb8, 0x8e, 0xc0, // mov ax, 0xb800; mov es, ax
    0x31, 0xff, 0xb8, 0x20, 0x07, 0xb9, 0xd0, 0x07, // xor di, di; mov ax, 0x0720; mov cx, 2000
    0xf3, 0xab, 0x31, 0xff, // rep stosw; xor di, di
    0xb8, 0x48, 0x07, 0xab, 0xb0, 0x69, 0xab, // mov ax, 0x0748; stosw; mov al, 'i'; stosw
    0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa, // keys: in al, 0x64; test al, 1; jz keys
    0xe4, 0x60, 0x3c, 0x01, 0x74, 0x03, // in al, 0x60; cmp al, 1; je graphics
    0xab, 0xeb, 0xf1, // stosw; jmp keys
    0xba, 0xce, 0x03, 0xb8, 0x06, 0x05, 0xef, // graphics: mov dx, 0x3ce; mov ax, 0x0506; out dx, ax
    0xeb, 0xe8, // jmp keys
];

/// Port, and index with value, of the mode's registers.
const WORDS: [(u16, u16); 28] = [
    (0x3c4, 0x0300),
    (0x3c4, 0x0001),
    (0x3c4, 0x0302),
    (0x3c4, 0x0003),
    (0x3c4, 0x0204),
    (0x3d4, 0x0011),
    (0x3d4, 0x5f00),
    (0x3d4, 0x4f01),
    (0x3d4, 0x5002),
    (0x3d4, 0x8203),
    (0x3d4, 0x5504),
    (0x3d4, 0x8105),
    (0x3d4, 0xbf06),
    (0x3d4, 0x1f07),
    (0x3d4, 0x0008),
    (0x3d4, 0x4f09),
    (0x3d4, 0x200a),
    (0x3d4, 0x9c10),
    (0x3d4, 0x8f12),
    (0x3d4, 0x2813),
    (0x3d4, 0x1f14),
    (0x3d4, 0x9615),
    (0x3d4, 0xb916),
    (0x3d4, 0xa317),
    (0x3d4, 0xff18),
    (0x3ce, 0x1005),
    (0x3ce, 0x0e06),
    (0x3ce, 0xff08),
];
/// Index and value of the attribute controller's, then the screen on.
const ATTRIBUTES: [u8; 13] = [7, 7, 0x10, 0x0c, 0x11, 0, 0x12, 0x0f, 0x13, 8, 0x14, 0, 0x20];

/// The same as firmware, which begins at the end of its 64 KiB.
fn firmware() -> Vec<u8> {
    let mut image = CODE.to_vec();
    for (port, value) in WORDS {
        image.extend([port.to_le_bytes(), value.to_le_bytes()].concat());
    }
    image.extend(ATTRIBUTES);
    image.resize(0x1_0000, 0);
    image[0xfff0..0xfff5].copy_from_slice(&[0xea, 0x00, 0x00, 0x00, 0xf0]); // jmp 0xf000:0
    image
}

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
        (
            &["-display", "gtk"],
            "no window is opened yet, by gtk or otherwise; the nearest is -display terminal",
        ),
        (&["-curses"], "the nearest is -display terminal"),
    ] {
        let done = run(&[&["run"][..], words].concat());
        assert_eq!(done.code, Some(2), "{words:?}: {done:?}");
        assert!(done.stderr.contains(expected), "{words:?}: {done:?}");
    }
}
