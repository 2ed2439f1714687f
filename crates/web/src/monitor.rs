//! QMP and the human monitor: for JavaScript by single commands, and for connections that the host has.

use crate::disk::Disks;
use crate::host;
use crate::vm::{Status, Vm};
use crate::wanted::{WantedFile, medium_name, state_name, wanted_medium, wanted_state};
use device_api::BlockBackend;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use session::monitor::{Command, HumanSession, Monitor, MonitorHost, QmpSession, Splitter, Target, Text};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;

/// What only the host can do. A file that is not there yet is noted: the command is carried out again when it is.
struct Host<'a> {
    disks: &'a mut Disks,
    files: &'a mut BTreeMap<String, Vec<u8>>,
    wants: Option<WantedFile>,
}

/// Bytes of a file that are handed to the host at a time.
const PIECE: usize = 1 << 16;

impl MonitorHost for Host<'_> {
    fn time_us(&self) -> u64 {
        host::epoch_us()
    }

    fn write_file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), String> {
        host::file(host::FileOp::Create, path, &[])?;
        let mut buffer = vec![0; PIECE];
        loop {
            // A read error is that of the guest's file; the message names it.
            let got = content.read(&mut buffer).map_err(|error| error.to_string())?;
            match buffer.get(..got) {
                None | Some([]) => return Ok(()),
                Some(piece) => host::file(host::FileOp::Append, path, piece)?,
            }
        }
    }

    fn save_state(&mut self, path: &str, state: &[u8]) -> Result<(), String> {
        host::file(host::FileOp::Replace, path, state)
    }

    fn load_state(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let name = state_name(path);
        if let Some(failure) = self.disks.take_failure(&name) {
            return Err(failure);
        }
        self.files.remove(&name).ok_or_else(|| {
            self.wants = Some(wanted_state(path));
            format!("Could not open '{path}'")
        })
    }

    fn open_medium(
        &mut self,
        file: &str,
        format: Option<&str>,
        read_only: bool,
    ) -> Result<Box<dyn BlockBackend>, String> {
        let name = medium_name(file);
        if let Some(failure) = self.disks.take_failure(&name) {
            return Err(failure);
        }
        self.disks.take(&name, read_only, false).ok_or_else(|| {
            self.wants = Some(wanted_medium(file, format, read_only));
            format!("Could not open '{file}'")
        })
    }
}

/// The protocol of a connection.
enum Protocol {
    Control(QmpSession, Splitter),
    Readline(HumanSession),
}

/// A command that is executed again when a file is available.
enum Again {
    Request(Text),
    Line(String),
}

/// A connection that the host has.
struct Connection {
    protocol: Protocol,
    /// Bytes that wait for a command before them
    queue: VecDeque<u8>,
    again: Option<Again>,
}

/// The monitor of the machine, and its connections.
#[derive(Default)]
pub(crate) struct Monitors {
    pub(crate) monitor: Option<Monitor>,
    connections: BTreeMap<u32, Connection>,
    next: u32,
}

/// A command of JavaScript's.
#[derive(Deserialize)]
struct Request {
    execute: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// The reply after each call: output of connections, events, and the first file that is required.
#[derive(Default)]
struct News {
    sends: Vec<(u32, String)>,
    events: Vec<Value>,
    wants: Option<WantedFile>,
    answer: Option<Value>,
    /// Exit code, once the machine is to end
    exit: Option<u8>,
}

impl News {
    fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.events.is_empty()
    }

    fn text(&self) -> String {
        let Self { sends, events, wants, answer, exit } = self;
        json!({ "sends": sends, "events": events, "wants": wants, "answer": answer, "exit": exit })
            .to_string()
    }
}

impl Monitors {
    /// Adds the machine's events to `news`, for all QMP connections.
    fn events(&mut self, host: &Host<'_>, news: &mut News) {
        let Some(monitor) = &mut self.monitor else { return };
        for event in monitor.take_events(host) {
            for (&id, connection) in &self.connections {
                if let Protocol::Control(session, _) = &connection.protocol
                    && session.wants_events()
                {
                    news.sends.push((id, session.print(&event)));
                }
            }
            news.events.push(event);
        }
    }

    /// Executes the commands of a connection, as far as files are available.
    fn serve(&mut self, id: u32, target: &mut Parts<'_>, news: &mut News) {
        while let (Some(connection), Some(monitor)) = (self.connections.get_mut(&id), &mut self.monitor) {
            if monitor.exit().is_some() {
                return;
            }
            let Some(again) = connection.again.take().or_else(|| connection.next(id, news)) else { return };
            let mut host = Host { disks: target.disks, files: target.files, wants: None };
            let answer = {
                let mut target = Target { machine: target.machine, guest: target.guest, host: &mut host };
                match (&mut connection.protocol, &again) {
                    (Protocol::Control(session, _), Again::Request(text)) => {
                        session.handle(text, monitor, &mut target)
                    }
                    (Protocol::Readline(_), Again::Line(line)) => {
                        HumanSession::run(line, monitor, &mut target)
                    }
                    _ => return,
                }
            };
            if host.wants.is_some() {
                connection.again = Some(again);
                news.wants = host.wants;
                return;
            }
            // The events that a command causes are sent before its answer, as by QEMU.
            self.events(&host, news);
            news.sends.push((id, answer));
        }
    }
}

impl Connection {
    /// Takes the next request out of what arrived.
    fn next(&mut self, id: u32, news: &mut News) -> Option<Again> {
        while let Some(byte) = self.queue.pop_front() {
            match &mut self.protocol {
                Protocol::Control(_, splitter) => {
                    if let Some(text) = splitter.push(byte) {
                        return Some(Again::Request(text));
                    }
                }
                Protocol::Readline(session) => {
                    let typed = session.push(byte);
                    if !typed.echo.is_empty() {
                        news.sends.push((id, typed.echo));
                    }
                    if let Some(line) = typed.line {
                        return Some(Again::Line(line));
                    }
                }
            }
        }
        None
    }
}

/// What commands act on.
struct Parts<'a> {
    machine: &'a mut machine::Machine,
    guest: &'a mut session::Guest,
    disks: &'a mut Disks,
    files: &'a mut BTreeMap<String, Vec<u8>>,
}

impl Parts<'_> {
    fn host(&mut self) -> Host<'_> {
        Host { disks: self.disks, files: self.files, wants: None }
    }
}

impl Vm {
    /// Works with the monitor and what it acts on. The reply is what came of it.
    fn monitored(&mut self, work: impl FnOnce(&mut Monitors, &mut Parts<'_>, &mut News)) -> Status {
        let (Some(guest), Some(machine)) = (&mut self.guest, &mut self.machine) else {
            return self.fail("STATE", "there is no machine");
        };
        let mut parts = Parts { machine, guest, disks: &mut self.disks, files: &mut self.files };
        let mut news = News::default();
        host::interrupted();
        work(&mut self.monitors, &mut parts, &mut news);
        self.monitors.events(&parts.host(), &mut news);
        news.exit = self.monitors.monitor.as_ref().and_then(Monitor::exit);
        let text = news.text();
        self.say(text);
        Status::Done
    }

    /// The exchange buffer is a command: `{"execute": NAME, "arguments": {...}}`.
    pub(crate) fn qmp(&mut self) -> Status {
        let bytes = std::mem::take(&mut self.exchange);
        let request = match serde_json::from_slice::<Request>(&bytes) {
            Ok(request) => request,
            Err(error) => return self.fail("BAD_OPTION", &format!("this is no command of QMP: {error}")),
        };
        self.monitored(|monitors, parts, news| {
            let Some(monitor) = &mut monitors.monitor else { return };
            let mut host = Host { disks: parts.disks, files: parts.files, wants: None };
            let mut target = Target { machine: parts.machine, guest: parts.guest, host: &mut host };
            let result = Command::parse(&request.execute, request.arguments.into())
                .and_then(|command| monitor.execute(command, &mut target));
            news.wants = host.wants;
            news.answer = Some(match result {
                Ok(value) => json!({ "return": value }),
                Err(error) => json!({ "error": { "desc": error.desc } }),
            });
        })
    }

    /// Begins a connection: 0 of QMP, 1 of QMP with answers over several lines, 2 of the human monitor. Returns its number.
    pub(crate) fn monitor_open(&mut self, kind: u32) -> u32 {
        let (protocol, greeting) = match kind {
            0 | 1 => {
                let session = QmpSession::new(kind == 1);
                let greeting = session.greeting();
                (Protocol::Control(session, Splitter::default()), greeting)
            }
            _ => (Protocol::Readline(HumanSession::default()), HumanSession::greeting()),
        };
        let id = self.monitors.next;
        self.monitors.next += 1;
        let connection = Connection { protocol, queue: VecDeque::new(), again: None };
        self.monitors.connections.insert(id, connection);
        self.say(greeting);
        id
    }

    /// Handles received bytes of a connection, in the exchange buffer. Called without bytes when a required file is
    /// available.
    pub(crate) fn monitor_input(&mut self, id: u32) -> Status {
        let bytes = std::mem::take(&mut self.exchange);
        self.monitored(|monitors, parts, news| {
            if let Some(connection) = monitors.connections.get_mut(&id) {
                connection.queue.extend(bytes);
            }
            monitors.serve(id, parts, news);
        })
    }

    /// Ends a connection.
    pub(crate) fn monitor_close(&mut self, id: u32) {
        self.monitors.connections.remove(&id);
    }

    /// The reply is what has happened since the last call; `Idle` where that is nothing.
    pub(crate) fn monitor_poll(&mut self) -> Status {
        let mut news = News::default();
        let host = Host { disks: &mut self.disks, files: &mut self.files, wants: None };
        self.monitors.events(&host, &mut news);
        if news.is_empty() {
            return Status::Idle;
        }
        let text = news.text();
        self.say(text);
        Status::Done
    }
}
