//! Why a command of the monitor's failed.

use serde_json::{Value, json};
use std::fmt;

/// QMP's classes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Everything else
    GenericError,
    /// There is no such command, or none that is allowed yet
    CommandNotFound,
    /// There is no such drive
    DeviceNotFound,
}

/// A command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitorError {
    /// Its class
    pub class: ErrorClass,
    /// One line for people
    pub desc: String,
}

impl MonitorError {
    /// Returns an error of the class that most are of.
    pub fn new(desc: impl Into<String>) -> Self {
        Self { class: ErrorClass::GenericError, desc: desc.into() }
    }

    pub(super) fn command(desc: impl Into<String>) -> Self {
        Self { class: ErrorClass::CommandNotFound, desc: desc.into() }
    }

    /// Returns the error in QMP's form.
    pub(super) fn to_json(&self) -> Value {
        json!({ "class": format!("{:?}", self.class), "desc": self.desc })
    }
}

impl fmt::Display for MonitorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.desc)
    }
}

impl std::error::Error for MonitorError {}

impl From<String> for MonitorError {
    fn from(desc: String) -> Self {
        Self::new(desc)
    }
}
