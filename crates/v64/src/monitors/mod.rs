//! Connections of monitors, and the run loop's side of them.

mod host;
mod pipe;
mod serial;
mod socket;

use crate::input::Shared;
use anyhow::Result;
pub(crate) use host::Files;
use pipe::Pipe;
pub(crate) use serial::socket as serial_socket;
use session::MachineSpec;
use session::monitor::{HumanSession, Monitor, QmpSession, Splitter, Target, Text};
use session::spec::{CharTarget, MonitorMode, MonitorSpec};
use socket::Client;
pub(crate) use socket::SocketFiles;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long clients have to read what was sent to them before the program ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a connection brings.
enum News {
    Opened(Pipe),
    Request(Text),
    Typed(Vec<u8>),
    Closed,
}

/// A socket's thread, which sends events to the run loop.
struct Reader {
    index: usize,
    mode: MonitorMode,
    splitter: Splitter,
    sender: Sender<(usize, News)>,
    shared: Arc<Shared>,
}

impl Reader {
    fn tell(&self, news: News) {
        // The run loop listens to the end.
        let _ = self.sender.send((self.index, news));
        self.shared.wake();
    }
}

impl Client for Reader {
    fn opened(&mut self, pipe: &Pipe) {
        self.splitter = Splitter::default();
        self.tell(News::Opened(pipe.clone()));
    }

    /// Each request is answered before the next is read, so that a client that only sends cannot fill the memory.
    fn received(&mut self, pipe: &Pipe, bytes: &[u8]) -> bool {
        match self.mode {
            MonitorMode::Control { .. } => bytes.iter().all(|&byte| match self.splitter.push(byte) {
                None => true,
                Some(text) => {
                    pipe.asked();
                    self.tell(News::Request(text));
                    pipe.wait_for_answer()
                }
            }),
            MonitorMode::Readline => {
                pipe.asked();
                self.tell(News::Typed(bytes.to_vec()));
                pipe.wait_for_answer()
            }
        }
    }

    fn closed(&mut self) {
        self.tell(News::Closed);
    }
}

/// The protocol of a connection.
enum Session {
    Control(QmpSession),
    Readline(HumanSession),
}

/// Where a monitor's answers go.
enum Way {
    /// No client is connected
    Nowhere,
    Pipe(Pipe),
    Stdout,
}

impl Way {
    fn send(&self, text: &str) {
        match self {
            Self::Nowhere => {}
            Self::Pipe(pipe) => pipe.send(text.as_bytes()),
            Self::Stdout => _ = crate::output::print((text.to_owned(), 0)),
        }
    }
}

/// A monitor's connection.
struct Connection {
    mode: MonitorMode,
    session: Session,
    way: Way,
    /// What arrives at the terminal, where that is a tool's
    splitter: Splitter,
}

impl Connection {
    fn new(mode: MonitorMode) -> Self {
        Self { mode, session: new_session(mode), way: Way::Nowhere, splitter: Splitter::default() }
    }

    /// Begins a conversation.
    fn open(&mut self, way: Way) {
        self.session = new_session(self.mode);
        self.way = way;
        self.way.send(&match &self.session {
            Session::Control(session) => session.greeting(),
            Session::Readline(_) => HumanSession::greeting(),
        });
    }
}

fn new_session(mode: MonitorMode) -> Session {
    match mode {
        MonitorMode::Control { pretty } => Session::Control(QmpSession::new(pretty)),
        MonitorMode::Readline => Session::Readline(HumanSession::default()),
    }
}

/// All monitors of a machine.
pub(crate) struct Monitors {
    connections: Vec<Connection>,
    news: Receiver<(usize, News)>,
    /// The connection that is the terminal
    terminal: Option<usize>,
}

impl Monitors {
    /// Opens the sockets of monitors.
    pub(crate) fn open(spec: &MachineSpec, shared: &Arc<Shared>, files: &SocketFiles) -> Result<Self> {
        let (sender, news) = channel();
        let mut monitors = Self { connections: Vec::new(), news, terminal: None };
        for (index, MonitorSpec { mode, target, shared: is_shared }) in spec.monitors.iter().enumerate() {
            monitors.connections.push(Connection::new(*mode));
            match target {
                CharTarget::Socket(socket) => {
                    let (sender, shared) = (sender.clone(), Arc::clone(shared));
                    let splitter = Splitter::default();
                    let reader = Reader { index, mode: *mode, splitter, sender, shared };
                    socket::serve(socket, files, reader)?;
                }
                CharTarget::Stdio => {
                    monitors.terminal = Some(index);
                    if !is_shared {
                        monitors.connections[index].open(Way::Stdout);
                    }
                }
                CharTarget::File(_) | CharTarget::Null => {}
            }
        }
        Ok(monitors)
    }

    /// Returns whether there is any at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Answers what has arrived, and sends events.
    pub(crate) fn serve(&mut self, shared: &Shared, monitor: &mut Monitor, target: &mut Target<'_>) {
        self.send_events(monitor, target);
        while monitor.exit().is_none()
            && let Ok((index, news)) = self.news.try_recv()
        {
            match news {
                News::Opened(pipe) => self.connections[index].open(Way::Pipe(pipe)),
                News::Closed => self.connections[index].way = Way::Nowhere,
                News::Request(text) => self.request(index, &text, monitor, target),
                News::Typed(bytes) => self.typed(index, &bytes, monitor, target),
            }
            if let (Way::Pipe(pipe), true) = (&self.connections[index].way, monitor.exit().is_none()) {
                pipe.answered();
            }
        }
        if let Some(index) = self.terminal {
            self.serve_terminal(index, shared, monitor, target);
        }
    }

    fn serve_terminal(
        &mut self,
        index: usize,
        shared: &Shared,
        monitor: &mut Monitor,
        target: &mut Target<'_>,
    ) {
        let (entered, bytes) = shared.take_typed();
        let connection = &mut self.connections[index];
        if entered {
            match (&connection.way, &connection.session) {
                (Way::Stdout, Session::Readline(session)) => {
                    connection.way.send(&format!("\r\n{}", session.redraw()));
                }
                _ => {
                    Way::Stdout.send("\r\n");
                    connection.open(Way::Stdout);
                }
            }
        }
        if matches!(self.connections[index].mode, MonitorMode::Readline) {
            return self.typed(index, &bytes, monitor, target);
        }
        for byte in bytes {
            if let Some(text) = self.connections[index].splitter.push(byte) {
                self.request(index, &text, monitor, target);
            }
        }
    }

    /// A tool's request. The events that it causes are sent before its answer, as by QEMU.
    fn request(&mut self, index: usize, text: &Text, monitor: &mut Monitor, target: &mut Target<'_>) {
        let Session::Control(session) = &mut self.connections[index].session else { return };
        let answer = session.handle(text, monitor, target);
        self.send_events(monitor, target);
        self.connections[index].way.send(&answer);
    }

    /// Takes typed keys.
    fn typed(&mut self, index: usize, bytes: &[u8], monitor: &mut Monitor, target: &mut Target<'_>) {
        let Connection { session: Session::Readline(session), way, .. } = &mut self.connections[index] else {
            return;
        };
        for &byte in bytes {
            let typed = session.push(byte);
            way.send(&typed.echo);
            if let Some(line) = typed.line {
                way.send(&HumanSession::run(&line, monitor, target));
            }
            if monitor.exit().is_some() {
                break;
            }
        }
        self.send_events(monitor, target);
    }

    /// Sends the machine's events to all QMP clients.
    pub(crate) fn send_events(&self, monitor: &mut Monitor, target: &Target<'_>) {
        for event in monitor.take_events(target.host) {
            for connection in &self.connections {
                if let Session::Control(session) = &connection.session
                    && session.wants_events()
                {
                    connection.way.send(&session.print(&event));
                }
            }
        }
    }

    /// Waits for clients to read what was sent to them, though not for long.
    pub(crate) fn finish(&self) {
        for connection in &self.connections {
            if let Way::Pipe(pipe) = &connection.way {
                pipe.flush(LAST_WORDS);
            }
        }
    }
}
