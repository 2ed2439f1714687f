//! Standard output and error of the command.

use std::io::{Error, ErrorKind, Write};

/// Exit code of bad input, and of output that cannot be written.
pub(crate) const BAD: u8 = 2;

/// Prints a text. Returns the exit code: `code`, also where a reader such as `head` has closed the pipe.
pub(crate) fn print((text, code): (String, u8)) -> u8 {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) => failed(&error, "standard output", code),
        Ok(()) => code,
    }
}

/// Returns the exit code after output failed: `code` where its reader closed the pipe, else [`BAD`], with a message.
pub(crate) fn failed(error: &Error, what: &str, code: u8) -> u8 {
    // Where the other end is a socket, it is reset if something was left to read there.
    if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) {
        return code;
    }
    say(&format!("v64: cannot write to {what}: {error}\n"));
    BAD
}

/// Writes to standard error. A message that cannot be written there is lost.
pub(crate) fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
