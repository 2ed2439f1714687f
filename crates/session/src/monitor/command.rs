//! QMP's commands with their arguments.

use super::error::MonitorError;
use super::picture::PictureFormat;
use serde::Deserialize;
use serde_json::Value;

/// Arguments of `screendump`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Screendump {
    /// The file to write
    pub filename: String,
    /// The display adapter; there is one at most
    pub device: Option<String>,
    /// Which of its heads; there is one
    pub head: Option<u32>,
    /// The file's format
    #[serde(default)]
    pub format: PictureFormat,
}

/// A key, as QMP names it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "lowercase")]
pub enum KeyValue {
    /// By QEMU's number
    Number(u64),
    /// By QEMU's name
    Qcode(String),
}

/// Arguments of `send-key`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendKey {
    /// Pressed one after the other, released in reverse order
    pub keys: Vec<KeyValue>,
    /// Milliseconds of virtual time between two of these
    #[serde(rename = "hold-time")]
    pub hold_time: Option<u64>,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// To the right
    X,
    /// Down
    Y,
}

/// A button of the mouse, as QMP names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are QMP's own")]
pub enum Button {
    Left,
    Middle,
    Right,
    WheelUp,
    WheelDown,
    Side,
    Extra,
    WheelLeft,
    WheelRight,
}

/// An event of `input-send-event`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "lowercase")]
pub enum InputItem {
    /// A key goes down or up
    Key {
        /// Which
        key: KeyValue,
        /// Down
        down: bool,
    },
    /// A button goes down or up
    Btn {
        /// Which
        button: Button,
        /// Down
        down: bool,
    },
    /// The mouse moves
    Rel {
        /// Where to
        axis: Axis,
        /// How far
        value: i64,
    },
    /// An absolute pointer moves
    Abs {
        /// Where to
        axis: Axis,
        /// 0 to 7FFFH
        value: i64,
    },
}

/// Arguments of `input-send-event`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSendEvent {
    /// The display that the events are for; there is one at most
    pub device: Option<String>,
    /// Which of its heads
    pub head: Option<i64>,
    /// The events, all at once
    pub events: Vec<InputItem>,
}

/// Arguments of `eject`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eject {
    /// The drive
    pub device: Option<String>,
    /// The drive, by its newer name
    pub id: Option<String>,
    /// Even if the guest has locked the tray
    #[serde(default)]
    pub force: bool,
}

/// Whether a new medium may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadOnlyMode {
    /// As the one before
    #[default]
    Retain,
    /// It may not
    ReadOnly,
    /// It may
    ReadWrite,
}

/// Arguments of `blockdev-change-medium`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeMedium {
    /// The drive
    pub device: Option<String>,
    /// The drive, by its newer name
    pub id: Option<String>,
    /// The image
    pub filename: String,
    /// The image's format; probed by default
    pub format: Option<String>,
    /// Even if the guest has locked the tray
    #[serde(default)]
    pub force: bool,
    /// Whether the guest may write it
    #[serde(default, rename = "read-only-mode")]
    pub read_only_mode: ReadOnlyMode,
}

/// Arguments of `change`, which QEMU had before `blockdev-change-medium`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The drive
    pub device: String,
    /// The image
    pub target: String,
    /// The image's format
    pub arg: Option<String>,
}

/// Arguments of `pmemsave` and `memsave`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memsave {
    /// First address
    pub val: u64,
    /// How many bytes
    pub size: u64,
    /// The file to write
    pub filename: String,
    /// The processor that translates addresses
    #[serde(rename = "cpu-index")]
    pub cpu_index: Option<usize>,
}

/// Arguments of `human-monitor-command`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HumanMonitorCommand {
    /// The command
    #[serde(rename = "command-line")]
    pub command_line: String,
    /// The processor that it is about
    #[serde(rename = "cpu-index")]
    pub cpu_index: Option<usize>,
}

/// A command without arguments takes an empty object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

/// Parses arguments. Error messages are QEMU's where serde has an equivalent.
fn arguments<T: for<'a> Deserialize<'a>>(value: Value) -> Result<T, MonitorError> {
    serde_json::from_value(value).map_err(|error| {
        let text = error.to_string();
        let named = |start: &str| {
            let name = text.strip_prefix(start)?.split('`').next()?;
            Some(name.to_owned())
        };
        MonitorError::new(match (named("missing field `"), named("unknown field `")) {
            (Some(name), _) => format!("Parameter '{name}' is missing"),
            (_, Some(name)) => format!("Parameter '{name}' is unexpected"),
            _ => format!("Invalid parameters: {text}"),
        })
    })
}

macro_rules! commands {
    ($($name:literal => $variant:ident $(($arguments:ty))?,)*) => {
        /// A command of QMP.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are those of the commands")]
        pub enum Command {
            $($variant $(($arguments))?),*
        }

        impl Command {
            /// Names of all commands.
            pub const NAMES: &[&str] = &[$($name),*];

            /// Returns a command from its name and arguments.
            ///
            /// # Errors
            /// There is no such command, or its arguments are not these.
            pub fn parse(name: &str, value: Value) -> Result<Self, MonitorError> {
                match name {
                    $($name => commands!(@parse value $variant $($arguments)?),)*
                    _ => Err(MonitorError::command(format!("The command {name} has not been found"))),
                }
            }
        }
    };
    (@parse $value:ident $variant:ident) => {
        arguments::<NoArguments>($value).map(|_| Self::$variant)
    };
    (@parse $value:ident $variant:ident $arguments:ty) => {
        arguments::<$arguments>($value).map(Self::$variant)
    };
}

commands! {
    "query-status" => QueryStatus,
    "query-version" => QueryVersion,
    "query-commands" => QueryCommands,
    "query-name" => QueryName,
    "query-uuid" => QueryUuid,
    "query-kvm" => QueryKvm,
    "query-target" => QueryTarget,
    "query-cpus-fast" => QueryCpusFast,
    "query-block" => QueryBlock,
    "query-machines" => QueryMachines,
    "query-memory-size-summary" => QueryMemorySizeSummary,
    "stop" => Stop,
    "cont" => Cont,
    "system_reset" => SystemReset,
    "system_powerdown" => SystemPowerdown,
    "quit" => Quit,
    "screendump" => Screendump(Screendump),
    "send-key" => SendKey(SendKey),
    "input-send-event" => InputSendEvent(InputSendEvent),
    "eject" => Eject(Eject),
    "blockdev-change-medium" => ChangeMedium(ChangeMedium),
    "change" => Change(Change),
    "pmemsave" => Pmemsave(Memsave),
    "memsave" => Memsave(Memsave),
    "human-monitor-command" => HumanMonitorCommand(HumanMonitorCommand),
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_checked_with_qemus_messages() {
        let error = |name, value| Command::parse(name, value).unwrap_err().desc;
        assert_eq!(error("stop", json!({"x": 1})), "Parameter 'x' is unexpected");
        assert_eq!(error("send-key", json!({})), "Parameter 'keys' is missing");
        assert_eq!(error("nonsense", json!({})), "The command nonsense has not been found");
        assert!(error("eject", json!({"force": "yes"})).starts_with("Invalid parameters: invalid type"));
        assert!(error("stop", json!(7)).starts_with("Invalid parameters"));
    }

    #[test]
    fn unions_are_told_apart_by_their_type() {
        let events = json!({"events": [
            {"type": "key", "data": {"down": true, "key": {"type": "qcode", "data": "a"}}},
            {"type": "btn", "data": {"down": false, "button": "wheel-up"}},
            {"type": "rel", "data": {"axis": "y", "value": -3}},
        ]});
        let Ok(Command::InputSendEvent(parsed)) = Command::parse("input-send-event", events) else {
            panic!("it is refused")
        };
        assert_eq!(parsed.events[0], InputItem::Key { key: KeyValue::Qcode("a".into()), down: true });
        assert_eq!(parsed.events[1], InputItem::Btn { button: Button::WheelUp, down: false });
        assert_eq!(parsed.events[2], InputItem::Rel { axis: Axis::Y, value: -3 });
    }
}
