//! QMP and the human monitor of the built command.

mod common;

use common::{HALT, SPIN, file, multiboot, run, v64};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};

/// A machine with QMP on a socket.
struct Machine {
    child: Child,
    socket: PathBuf,
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It has ended where a test passed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A path for a socket, short enough for one.
fn socket(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("v64-{}-{name}", std::process::id()))
}

impl Machine {
    fn start(name: &str, words: &[&str]) -> Self {
        let socket = socket(name);
        let place = format!("unix:{},server=on,wait=off", socket.display());
        // Without a guest, firmware would start, which not every host has.
        let guest: &[&str] = if words.contains(&"-kernel") { &[] } else { &["-guest", "demo"] };
        let words = [&["run", "-serial", "null", "-qmp", &place][..], guest, words].concat();
        let child = v64(&words).stdin(Stdio::null()).spawn().unwrap();
        Self { child, socket }
    }

    fn connect(&mut self) -> Client {
        loop {
            if let Ok(stream) = UnixStream::connect(&self.socket) {
                return Client::new(stream);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                let mut text = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
                panic!("{status}: {text}");
            }
            std::thread::yield_now();
        }
    }

    /// Waits for the end. Returns the exit code.
    fn end(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

/// A connection of a tool's.
struct Client {
    lines: BufReader<UnixStream>,
    events: Vec<String>,
}

impl Client {
    fn new(stream: UnixStream) -> Self {
        let mut client = Self { lines: BufReader::new(stream), events: Vec::new() };
        assert!(client.line().starts_with("{\"QMP\":"));
        assert_eq!(client.command("{\"execute\": \"qmp_capabilities\"}"), "{\"return\":{}}");
        client
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn send(&mut self, text: &str) {
        self.lines.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Sends a command. Returns the answer; events before it are kept.
    fn command(&mut self, text: &str) -> String {
        self.send(text);
        loop {
            let line = self.line();
            if !line.contains("\"event\"") {
                return line;
            }
            self.events.push(line);
        }
    }

    fn execute(&mut self, name: &str) -> String {
        self.command(&format!("{{\"execute\": \"{name}\"}}\r\n"))
    }

    fn human(&mut self, line: &str) -> String {
        let line = line.replace('"', "\\\"");
        self.command(&format!(
            "{{\"execute\": \"human-monitor-command\", \"arguments\": {{\"command-line\": \"{line}\"}}}}"
        ))
    }

    fn has_event(&self, name: &str) -> bool {
        self.events.iter().any(|event| event.contains(&format!("\"event\":\"{name}\"")))
    }
}

#[test]
fn a_tool_looks_at_a_machine_and_ends_it() {
    let mut machine = Machine::start("tool", &["-m", "64M"]);
    let mut client = machine.connect();
    assert!(client.execute("query-status").contains("\"running\""));
    assert!(client.execute("stop").contains("\"return\""));
    assert!(client.has_event("STOP"), "{:?}", client.events);
    assert!(client.execute("query-status").contains("\"paused\""));
    let dump = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("monitor-dump");
    assert_eq!(client.human(&format!("pmemsave 0x100000 4096 \"{}\"", dump.display())), "{\"return\":\"\"}");
    let bytes = std::fs::read(&dump).unwrap();
    let number: String = bytes[..4].iter().rev().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bytes.len(), 4096);
    assert_eq!(
        client.human("xp/1xw 0x100000"),
        format!("{{\"return\":\"0000000000100000: 0x{number}\\r\\n\"}}")
    );
    assert!(client.human("x/2i $pc").contains("0x"));
    assert!(client.human("info registers").contains("CPU#0"));
    let picture = client.command("{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/x\"}}");
    assert!(picture.contains("There is no console to take a screendump from"), "{picture}");
    assert!(client.command("garbage\n").contains("JSON parse error"));
    assert!(client.execute("cont").contains("\"return\""));
    assert!(client.has_event("RESUME"));
    assert_eq!(client.execute("quit"), "{\"return\":{}}");
    assert!(client.has_event("SHUTDOWN"), "{:?}", client.events);
    assert_eq!(client.line(), "", "the connection ends");
    assert_eq!(machine.end(), Some(0));
    assert!(!machine.socket.exists());
}

#[test]
fn clients_come_one_after_the_other_and_may_vanish() {
    let kernel = file("monitor-spin.elf", &multiboot(SPIN));
    let mut machine = Machine::start("clients", &["-m", "16M", "-kernel", &kernel]);
    for _ in 0..3 {
        let mut client = machine.connect();
        // It is gone before it has the answer.
        client.send("{\"execute\": \"query-block\"}{\"execute\": \"que");
    }
    let mut client = machine.connect();
    assert!(client.execute("query-status").contains("\"running\""));
    client.send("{\"execute\": \"quit\"}");
    assert_eq!(machine.end(), Some(0));
}

#[test]
fn a_machine_waits_for_cont_and_then_stays_as_it_is() {
    let kernel = file("monitor-halt.elf", &multiboot(HALT));
    let mut machine = Machine::start("halt", &["-m", "16M", "-kernel", &kernel, "-S", "-name", "box"]);
    let mut client = machine.connect();
    assert!(client.execute("query-status").contains("\"prelaunch\""));
    assert_eq!(client.execute("query-name"), "{\"return\":{\"name\":\"box\"}}");
    assert!(client.human("info registers").contains("HLT=0"));
    client.execute("cont");
    while !client.human("info registers").contains("HLT=1") {}
    // Without a monitor a machine that nothing wakes ends.
    assert!(client.execute("query-status").contains("\"running\""));
    client.send("{\"execute\": \"quit\"}");
    assert_eq!(machine.end(), Some(0));
}

#[test]
fn people_have_a_monitor_on_a_terminal() {
    let kernel = file("monitor-person.elf", &multiboot(SPIN));
    let mut child = v64(&["run", "-m", "16M", "-kernel", &kernel, "-monitor", "stdio"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"info status\nquit\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains(" monitor - type 'help' for more information\r\n(qemu) info status\r\n"), "{text}");
    assert!(text.ends_with("VM status: running\r\n(qemu) quit\r\n"), "{text}");
}

/// `Ctrl-A C` goes to the monitor and back; what is typed in between is not the guest's.
#[test]
fn the_terminal_is_the_guests_and_the_monitors() {
    let mut child = v64(&["run", "-m", "64M", "-nographic"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"\x01cprint 6*7\n\x01chelp\r\x01cquit\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("(qemu) print 6*7\r\n42\r\n(qemu) "), "{text}");
}

#[test]
fn a_state_is_saved_by_one_machine_and_loaded_by_another() {
    let kernel = file("monitor-state.elf", &multiboot(SPIN));
    let state = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("monitor-state");
    let words = ["-m", "16M", "-kernel", &kernel];
    for command in ["savevm", "loadvm"] {
        let mut machine = Machine::start(command, &words);
        let mut client = machine.connect();
        assert_eq!(client.human(&format!("{command} {}", state.display())), "{\"return\":\"\"}");
        client.send("{\"execute\": \"quit\"}");
        assert_eq!(machine.end(), Some(0));
    }
}

#[test]
fn places_that_cannot_be_are_refused_in_one_line() {
    let plain = file("monitor-plain", b"no socket");
    for (words, expected) in [
        (&["-qmp", "pty"][..], "-qmp pty is none of stdio, unix:PATH, tcp:HOST:PORT"),
        (&["-qmp", &format!("unix:{plain},server=on,wait=off")], "is there already and no socket"),
        (
            &["-qmp", "unix:/nonexistent/socket,server=on,wait=off"],
            "cannot listen on unix:/nonexistent/socket",
        ),
        (&["-monitor", "unix:/nonexistent/socket"], "cannot connect to unix:/nonexistent/socket"),
        (&["-S", "-monitor", "none"], "-S waits for the monitor's cont"),
        (&["-engine", "lockstep", "-S"], "--engine lockstep has two machines and no monitor"),
    ] {
        let done = run(&[&["run"][..], words].concat());
        assert_eq!(done.code, Some(2), "{words:?}: {done:?}");
        assert!(done.stderr.contains(expected) && done.stderr.lines().count() == 1, "{words:?}: {done:?}");
    }
}
