//! Sockets: one client at a time, and the next when it is gone.

use super::pipe::Pipe;
use crate::output::say;
use anyhow::{Context, Result, ensure};
use session::spec::{Address, Socket};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Files of sockets that are to be removed at the end.
#[derive(Clone, Default)]
pub(crate) struct SocketFiles(Arc<Mutex<Vec<PathBuf>>>);

impl SocketFiles {
    fn add(&self, path: &Path) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
    }

    /// Removes them.
    pub(crate) fn remove(&self) {
        for path in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // There may be nothing to remove any more.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A connection.
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
        })
    }

    fn shutdown(&self) {
        // It may be gone already.
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(bytes),
            Self::Tcp(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(bytes),
            Self::Tcp(stream) => stream.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    fn open(address: &Address, files: &SocketFiles) -> Result<Self> {
        let cannot = || format!("cannot listen on {address}");
        Ok(match address {
            Address::Unix(path) => {
                if let Ok(old) = std::fs::symlink_metadata(path) {
                    let name = path.display();
                    ensure!(
                        old.file_type().is_socket(),
                        "{name} is there already and no socket; give another path"
                    );
                    std::fs::remove_file(path).with_context(cannot)?;
                }
                let listener = UnixListener::bind(path).with_context(cannot)?;
                files.add(path);
                Self::Unix(listener)
            }
            Address::Tcp(host, port) => {
                let host = if host.is_empty() { "::" } else { host };
                let listener = TcpListener::bind((host, *port));
                // A host without IPv6
                let listener = if host == "::" {
                    listener.or_else(|_| TcpListener::bind(("0.0.0.0", *port)))
                } else {
                    listener
                };
                Self::Tcp(listener.with_context(cannot)?)
            }
        })
    }

    fn accept(&self) -> io::Result<Stream> {
        loop {
            let accepted = match self {
                Self::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
                Self::Tcp(listener) => listener.accept().map(|(stream, _)| {
                    // Answers are short, and waited for.
                    let _ = stream.set_nodelay(true);
                    Stream::Tcp(stream)
                }),
            };
            match accepted {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                other => return other,
            }
        }
    }
}

/// What a socket's thread does with what arrives.
pub(crate) trait Client: Send + 'static {
    /// A client is there.
    fn opened(&mut self, pipe: &Pipe);
    /// It sent bytes. Returns whether it is still there.
    fn received(&mut self, pipe: &Pipe, bytes: &[u8]) -> bool;
    /// It is gone.
    fn closed(&mut self);
}

/// Opens a socket, waits for its first client if requested, and serves clients in a thread.
pub(crate) fn serve(socket: &Socket, files: &SocketFiles, mut client: impl Client) -> Result<()> {
    let telnet = socket.telnet;
    if !socket.server {
        let stream = connect(&socket.address)?;
        std::thread::spawn(move || talk(stream, telnet, &mut client));
        return Ok(());
    }
    let listener = Listener::open(&socket.address, files)?;
    let mut first = None;
    if socket.wait {
        say(&format!("v64: waiting for a connection on {}\n", socket.address));
        first = Some(
            listener.accept().with_context(|| format!("cannot take a connection on {}", socket.address))?,
        );
    }
    std::thread::spawn(move || {
        // An error of accept is permanent.
        while let Ok(stream) = first.take().map_or_else(|| listener.accept(), Ok) {
            talk(stream, telnet, &mut client);
        }
    });
    Ok(())
}

fn connect(address: &Address) -> Result<Stream> {
    let connected = match address {
        Address::Unix(path) => UnixStream::connect(path).map(Stream::Unix),
        Address::Tcp(host, port) => {
            let host = if host.is_empty() { "localhost" } else { host };
            TcpStream::connect((host, *port)).map(Stream::Tcp)
        }
    };
    connected.with_context(|| format!("cannot connect to {address}; server=on waits for connections instead"))
}

/// Serves one client to its end.
fn talk(mut stream: Stream, telnet: bool, client: &mut impl Client) {
    let (Ok(out), Ok(ender)) = (stream.try_clone(), stream.try_clone()) else { return };
    let pipe = Pipe::new(out, move || ender.shutdown());
    let mut commands = telnet.then(Telnet::default);
    if telnet {
        pipe.send(Telnet::OPENING);
    }
    client.opened(&pipe);
    let mut buffer = [0; 4096];
    loop {
        let got = match stream.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => break,
            Ok(got) => &buffer[..got],
        };
        let is_there = match &mut commands {
            None => client.received(&pipe, got),
            Some(telnet) => client.received(&pipe, &telnet.text(got)),
        };
        if !is_there {
            break;
        }
    }
    pipe.close();
    client.closed();
}

/// Commands of the telnet protocol among the bytes of a client, which are dropped.
#[derive(Default)]
struct Telnet {
    /// Bytes of the present command that have come
    seen: usize,
}

impl Telnet {
    /// The server echoes, and both ends send as they like (RFC 857, RFC 858).
    const OPENING: &[u8] = &[0xff, 0xfb, 1, 0xff, 0xfb, 3, 0xff, 0xfd, 3];

    fn text(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        for &byte in bytes {
            match (self.seen, byte) {
                (0, 0xff) => self.seen = 1,
                // A carriage return is followed by this where no line feed follows.
                (0, 0) => {}
                (0, byte) => text.push(byte),
                // WILL, WONT, DO and DONT have an option.
                (1, 0xfb..=0xfe) => self.seen = 2,
                (1, 0xff) => {
                    self.seen = 0;
                    text.push(byte);
                }
                _ => self.seen = 0,
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_telnet_are_no_text() {
        let mut telnet = Telnet::default();
        assert_eq!(telnet.text(b"st\xff\xfb\x01op\r\0\xff"), b"stop\r");
        assert_eq!(telnet.text(b"\xfd\x03x\xff\xff\xff\xf1y"), b"x\xffy");
    }
}
