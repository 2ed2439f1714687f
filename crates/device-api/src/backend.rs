//! What the host supplies, by role and name.

use crate::{BlockBackend, NetBackend, SoundBackend};
use std::collections::BTreeMap;
use std::fmt;

/// The host's end of a serial or parallel line, or of a debug port.
pub trait CharBackend: Send {
    /// A byte that the guest sent.
    fn send(&mut self, byte: u8);
    /// Returns the next byte for the guest, if there is one.
    fn receive(&mut self) -> Option<u8>;
}

/// What a back end is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A stream of bytes each way ([`CharBackend`])
    Char,
    /// A medium ([`BlockBackend`])
    Block,
    /// The content of a ROM
    Image,
    /// Where sound goes ([`SoundBackend`])
    Sound,
    /// A network ([`NetBackend`])
    Net,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Char => "character device",
            Role::Block => "drive",
            Role::Image => "image",
            Role::Sound => "audio device",
            Role::Net => "network",
        })
    }
}

/// Back ends that no device has taken yet.
#[derive(Default)]
pub struct Backends {
    /// Character devices by name
    pub chars: BTreeMap<String, Box<dyn CharBackend>>,
    /// Media by name
    pub blocks: BTreeMap<String, Box<dyn BlockBackend>>,
    /// Contents of ROMs by name
    pub images: BTreeMap<String, Vec<u8>>,
    /// Where sound goes, by name; any number of devices may play there
    pub sounds: BTreeMap<String, Box<dyn SoundBackend>>,
    /// Networks by name
    pub nets: BTreeMap<String, Box<dyn NetBackend>>,
}

impl Backends {
    /// Returns the names of the back ends of a role.
    pub fn names(&self, role: Role) -> Vec<&str> {
        match role {
            Role::Char => self.chars.keys().map(String::as_str).collect(),
            Role::Block => self.blocks.keys().map(String::as_str).collect(),
            Role::Image => self.images.keys().map(String::as_str).collect(),
            Role::Sound => self.sounds.keys().map(String::as_str).collect(),
            Role::Net => self.nets.keys().map(String::as_str).collect(),
        }
    }
}
