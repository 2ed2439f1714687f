//! `-display window` of the built command, on a virtual X server.
#![cfg(feature = "window")]

mod common;

use common::screen::firmware_with_mouse;
use common::{file, v64};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Far more than anything takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A process that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // It has ended where a test passed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An X server without a window manager.
struct Server {
    _process: Ending,
    display: String,
}

/// A picture, 00RRGGBBh for each pixel.
#[derive(Clone, PartialEq, Eq)]
struct Picture {
    width: usize,
    pixels: Vec<u32>,
}

impl Picture {
    /// Cuts out a rectangle.
    fn part(&self, (x, y): (usize, usize), (width, height): (usize, usize)) -> Self {
        let rows = self.pixels.chunks(self.width).skip(y).take(height);
        Self { width, pixels: rows.flat_map(|row| &row[x..x + width]).copied().collect() }
    }

    /// Doubles each pixel.
    fn doubled(&self) -> Self {
        let rows = self.pixels.chunks(self.width).map(|row| row.iter().flat_map(|&pixel| [pixel; 2]));
        Self { width: 2 * self.width, pixels: rows.flat_map(|row| row.clone().chain(row)).collect() }
    }

    /// Reads a binary portable pixmap.
    fn of_ppm(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.splitn(4, |&byte| byte == b'\n');
        let (_, size, _, pixels) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (width, height) = std::str::from_utf8(size).ok()?.split_once(' ')?;
        let (width, height): (usize, usize) = (width.parse().ok()?, height.parse().ok()?);
        let pixels: Vec<_> =
            pixels.as_chunks().0.iter().map(|&[r, g, b]| u32::from_be_bytes([0, r, g, b])).collect();
        (pixels.len() == width * height).then_some(Self { width, pixels })
    }
}

/// Returns the tools that the tests need and this host does not have.
fn missing() -> Vec<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    ["Xvfb", "xdotool", "xwd"].into_iter().filter(|name| !is_there(name)).collect()
}

impl Server {
    /// Starts a server, unless a tool is missing, which is printed.
    fn start() -> Option<Self> {
        let missing = missing();
        if !missing.is_empty() {
            eprintln!("skipped: {} not there; install xvfb, xdotool and x11-apps", missing.join(", "));
            return None;
        }
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]);
        let mut process = Ending(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut number = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Some(Self { _process: process, display: format!(":{}", number.trim()) })
    }

    fn tool(&self, program: &str, words: &[&str]) -> Vec<u8> {
        let mut command = Command::new(program);
        let output = command.args(words).env("DISPLAY", &self.display).output().unwrap();
        assert!(output.status.success(), "{program} {words:?}: {output:?}");
        output.stdout
    }

    fn xdotool(&self, words: &[&str]) -> String {
        String::from_utf8(self.tool("xdotool", words)).unwrap().trim().to_owned()
    }

    /// Asks a window to close, as a window manager does.
    fn close(&self, window: &str) {
        let socket = format!("/tmp/.X11-unix/X{}", &self.display[1..]);
        let mut stream = UnixStream::connect(socket).unwrap();
        let word = |bytes: &[u8], at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap());
        let receive = |stream: &mut UnixStream, count: usize| {
            let mut bytes = vec![0; count];
            stream.read_exact(&mut bytes).unwrap();
            bytes
        };
        // Least significant byte first, protocol 11.0, no authorization
        stream.write_all(&[b'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let more = word(&receive(&mut stream, 8), 4) >> 16;
        receive(&mut stream, 4 * more as usize);
        let atom = |stream: &mut UnixStream, name: &str| {
            let (len, padded) = (name.len(), name.len().next_multiple_of(4));
            let mut request = vec![16, 0, (2 + padded / 4) as u8, 0, len as u8, 0, 0, 0];
            request.extend(name.bytes());
            request.resize(8 + padded, 0);
            stream.write_all(&request).unwrap();
            word(&receive(stream, 32), 8)
        };
        let (protocols, delete) = (atom(&mut stream, "WM_PROTOCOLS"), atom(&mut stream, "WM_DELETE_WINDOW"));
        let window: u32 = window.parse().unwrap();
        // SendEvent of a ClientMessage with items of 32 bits
        let words = [25 | 11 << 16, window, 0, 33 | 32 << 8, window, protocols, delete, 0, 0, 0, 0];
        stream.write_all(&words.map(u32::to_le_bytes).concat()).unwrap();
        // When this is answered, that was done.
        atom(&mut stream, "WM_PROTOCOLS");
    }

    /// Returns all of the screen.
    ///
    /// An X window dump is a header of big-endian words (its size first, then at 4 and 5 width and height, at 12 bytes a
    /// line, at 19 colours of 12 bytes each), a name, colours, and pixels of 32 bits.
    fn picture(&self) -> Picture {
        let dump = self.tool("xwd", &["-root", "-silent"]);
        let word = |at: usize| u32::from_be_bytes(*dump[4 * at..].first_chunk().unwrap()) as usize;
        let (start, width, height, line) = (word(0) + 12 * word(19), word(4), word(5), word(12));
        assert_eq!((word(7), word(11), line), (0, 32, 4 * width), "least significant byte first, 32 bits");
        let pixels = dump[start..start + line * height].as_chunks().0.iter();
        Picture { width, pixels: pixels.map(|&bytes| u32::from_le_bytes(bytes) & 0xff_ffff).collect() }
    }
}

/// The command with its window.
struct Session<'a> {
    server: &'a Server,
    child: Ending,
    monitor: ChildStdin,
    window: String,
    dump: String,
}

/// Waits until something is there.
fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < LIMIT, "{what}");
        sleep(Duration::from_millis(20));
    }
}

impl<'a> Session<'a> {
    fn start(server: &'a Server, name: &str, options: &[&str]) -> Self {
        let bios = file(&format!("{name}.bin"), &firmware_with_mouse());
        let always = ["run", "-m", "16M", "-vga", "none", "-device", "VGA", "-seed", "0", "-bios", &bios];
        let mut command = v64(&[&always[..], &["-monitor", "stdio", "-name", name], options].concat());
        command.env("DISPLAY", &server.display).env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        let mut child = Ending(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
        let monitor = child.0.stdin.take().unwrap();
        let title = format!("v64 .{name}.");
        let window = server.xdotool(&["search", "--sync", "--name", &title]);
        // There is no window manager that would do it.
        server.xdotool(&["windowfocus", "--sync", &window]);
        let dump = file(&format!("{name}.ppm"), b"");
        Self { server, child, monitor, window, dump }
    }

    /// Returns what the monitor's `screendump` writes.
    fn screendump(&mut self) -> Picture {
        let dump = self.dump.clone();
        // A test before this one may have left a file.
        let _ = std::fs::remove_file(&dump);
        writeln!(self.monitor, "screendump {dump}").unwrap();
        wait("no screendump", || Picture::of_ppm(&std::fs::read(&dump).ok()?))
    }

    /// Returns what the window shows.
    fn shown(&self) -> Picture {
        let shell = self.server.xdotool(&["getwindowgeometry", "--shell", &self.window]);
        let number = |name: &str| {
            let line = shell.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap().parse().unwrap()
        };
        self.server.picture().part((number("X"), number("Y")), (number("WIDTH"), number("HEIGHT")))
    }

    /// Waits until the guest's screen satisfies a test, and the window shows the same. Returns it.
    fn wait_for(&mut self, what: &str, test: impl Fn(&Picture) -> bool) -> Picture {
        wait(what, || {
            let dump = self.screendump();
            (test(&dump) && self.shown() == dump).then_some(dump)
        })
    }

    fn title(&self) -> String {
        self.server.xdotool(&["getwindowname", &self.window])
    }

    fn wait_for_title(&self, is: impl Fn(&str) -> bool) {
        wait("the title", || is(&self.title()).then_some(()));
    }

    /// Closes the window as a window manager does. Returns the exit code.
    fn close(mut self) -> Option<i32> {
        self.server.close(&self.window);
        let mut stderr = String::new();
        self.child.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(stderr, "");
        self.child.0.wait().unwrap().code()
    }
}

/// Returns whether a character cell of the first row has something in it.
fn has_glyph(picture: &Picture, column: usize) -> bool {
    picture.width == 720 && picture.part((9 * column, 0), (9, 16)).pixels.iter().any(|&pixel| pixel != 0)
}

/// Returns how many cells at the start of the first row have something in them.
fn glyphs(picture: &Picture) -> usize {
    (0..80).take_while(|&column| has_glyph(picture, column)).count()
}

#[test]
fn the_window_shows_the_screen_and_takes_keys_and_mouse() {
    let Some(server) = Server::start() else { return };
    let mut session = Session::start(&server, "window-input", &["-display", "window"]);
    session.wait_for("no 'Hi'", |picture| glyphs(picture) == 2);
    // Scan code 1Eh when it goes down, 9Eh when it goes up
    server.xdotool(&["key", "a"]);
    let typed = session.wait_for("no key", |picture| glyphs(picture) == 4);
    // A click grabs the mouse and is not the guest's.
    server.xdotool(&["mousemove", "--window", &session.window, "100", "100", "click", "1"]);
    session.wait_for_title(|title| title.ends_with(" - Ctrl-Alt-G releases the mouse"));
    assert!(session.screendump() == typed);
    // A packet of three bytes when the button goes down, another when it goes up
    server.xdotool(&["click", "3"]);
    session.wait_for("no click", |picture| glyphs(picture) == 10);
    server.xdotool(&["mousemove_relative", "40", "30"]);
    session.wait_for("no movement", |picture| glyphs(picture) == 13);
    server.xdotool(&["key", "ctrl+alt+g"]);
    session.wait_for_title(|title| title == "v64 (window-input)");
    // Ctrl and Alt are the guest's, G is not.
    session.wait_for("no Ctrl, Alt", |picture| glyphs(picture) == 17);
    // The mouse is the host's, until a click grabs it.
    server.xdotool(&["mousemove_relative", "--", "-40", "-30", "keydown", "b"]);
    session.wait_for("no B", |picture| glyphs(picture) == 18);
    // Without the focus nothing is held.
    server.xdotool(&["windowunmap", &session.window]);
    wait("no B up", || (glyphs(&session.screendump()) == 19).then_some(()));
    assert_eq!(session.close(), Some(0));
}

#[test]
fn pixels_are_whole_multiples_and_the_state_is_in_the_title() {
    let Some(server) = Server::start() else { return };
    let mut session = Session::start(&server, "window-size", &["-display", "window,window-close=off", "-S"]);
    assert_eq!(session.title(), "v64 (window-size) [Stopped]");
    writeln!(session.monitor, "cont").unwrap();
    session.wait_for_title(|title| title == "v64 (window-size)");
    let small = session.wait_for("no 'Hi'", |picture| glyphs(picture) == 2);
    server.xdotool(&["windowsize", "--sync", &session.window, "1450", "810"]);
    wait("not doubled", || {
        let shown = session.shown();
        (shown.width == 1450 && shown.part((5, 5), (1440, 800)) == small.doubled()).then_some(())
    });
    server.close(&session.window);
    writeln!(session.monitor, "stop").unwrap();
    session.wait_for_title(|title| title.ends_with("[Stopped]"));
    writeln!(session.monitor, "quit").unwrap();
    assert_eq!(session.child.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_host_without_a_display_server_is_refused_in_one_line() {
    for display in [None, Some(":1/no")] {
        let mut command = v64(&["run", "-display", "window", "-hda", "/dev/null"]);
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        let output = command.envs(display.map(|name| ("DISPLAY", name))).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with("v64: -display window needs a display server; set DISPLAY"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}
