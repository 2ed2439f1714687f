//! Task switches.
