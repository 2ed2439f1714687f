//! What the monitor needs of the host: files, media and the time.

use device_api::BlockBackend;
use session::monitor::MonitorHost;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The host's files.
pub(crate) struct Files;

/// Returns the host's text without the number behind it.
fn text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

impl MonitorHost for Files {
    fn time_us(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn write_file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), String> {
        let file =
            File::create(path).map_err(|error| format!("Could not open '{path}': {}", text(&error)))?;
        let mut file = BufWriter::with_capacity(1 << 16, file);
        let mut buffer = vec![0; 1 << 16];
        loop {
            // A read error is that of the guest's file; the message names it.
            let got = content.read(&mut buffer).map_err(|error| error.to_string())?;
            let written = if got == 0 { file.flush() } else { file.write_all(&buffer[..got]) };
            written.map_err(|error| format!("Could not write to '{path}': {}", text(&error)))?;
            if got == 0 {
                return Ok(());
            }
        }
    }

    fn save_state(&mut self, path: &str, state: &[u8]) -> Result<(), String> {
        crate::state_file::write(Path::new(path), state)
            .map_err(|error| format!("Could not write to '{path}': {}", text(&error)))
    }

    fn load_state(&mut self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|error| format!("Could not open '{path}': {}", text(&error)))
    }

    fn format_of(&self, file: &str) -> Option<String> {
        block::format_of(Path::new(file)).map(|format| format.to_string())
    }

    fn open_medium(
        &mut self,
        file: &str,
        format: Option<&str>,
        read_only: bool,
    ) -> Result<Box<dyn BlockBackend>, String> {
        if let Err(error) = File::open(file) {
            return Err(format!("Could not open '{file}': {}", text(&error)));
        }
        crate::backends::open_file(Path::new(file), format, read_only, false)
            .map_err(|error| format!("{error:#}"))
    }
}
