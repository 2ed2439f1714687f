//! QMP events.

use serde_json::{Value, json};

/// Why a machine was reset or ended, by QMP's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownCause {
    /// The command `quit`
    HostQmpQuit,
    /// The command `system_reset`
    HostQmpSystemReset,
    /// A key or a window of the host's
    HostUi,
    /// The guest switched the machine off
    GuestShutdown,
    /// The guest reset the machine
    GuestReset,
}

impl ShutdownCause {
    /// Returns whether the guest caused it.
    pub fn is_guests(self) -> bool {
        matches!(self, Self::GuestShutdown | Self::GuestReset)
    }

    /// Returns QMP's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::HostQmpQuit => "host-qmp-quit",
            Self::HostQmpSystemReset => "host-qmp-system-reset",
            Self::HostUi => "host-ui",
            Self::GuestShutdown => "guest-shutdown",
            Self::GuestReset => "guest-reset",
        }
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The machine was stopped
    Stop,
    /// The machine resumes
    Resume,
    /// The machine was reset
    Reset(ShutdownCause),
    /// The machine ends, or stays stopped until it is reset
    Shutdown(ShutdownCause),
    /// The power button was pressed
    Powerdown,
    /// The tray of a drive was opened or closed, by the guest or by a command
    TrayMoved {
        /// The drive
        drive: String,
        /// It is open now
        open: bool,
    },
}

impl Event {
    /// Returns the event as QMP has it, at a time in microseconds since 1970.
    pub(super) fn into_json(self, time_us: u64) -> Value {
        let reason = |cause: ShutdownCause| json!({ "guest": cause.is_guests(), "reason": cause.name() });
        let (name, data) = match self {
            Self::Stop => ("STOP", None),
            Self::Resume => ("RESUME", None),
            Self::Reset(cause) => ("RESET", Some(reason(cause))),
            Self::Shutdown(cause) => ("SHUTDOWN", Some(reason(cause))),
            Self::Powerdown => ("POWERDOWN", None),
            Self::TrayMoved { drive, open } => {
                ("DEVICE_TRAY_MOVED", Some(json!({ "device": drive, "id": drive, "tray-open": open })))
            }
        };
        let timestamp = json!({ "seconds": time_us / 1_000_000, "microseconds": time_us % 1_000_000 });
        match data {
            None => json!({ "timestamp": timestamp, "event": name }),
            Some(data) => json!({ "timestamp": timestamp, "event": name, "data": data }),
        }
    }
}
