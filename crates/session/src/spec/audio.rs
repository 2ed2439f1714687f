//! Where sound goes: `-audiodev`.

use super::{Keyed, MachineSpec};
use crate::sound::DEFAULT_RATE;
use anyhow::{Result, bail, ensure};
use device_api::DeviceSpec;
use std::path::PathBuf;

/// Where an audio device's sound goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioTarget {
    /// Nowhere
    None,
    /// A WAV file
    Wav(PathBuf),
}

/// An audio device that the host opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioSpec {
    /// Its name
    pub id: String,
    /// Where its sound goes
    pub target: AudioTarget,
    /// Frames a second
    pub rate: u32,
}

impl MachineSpec {
    /// `-audiodev KIND,id=ID,...`
    pub(super) fn add_audiodev(&mut self, text: &str) -> Result<()> {
        let mut options = Keyed::parse("-audiodev", text, "driver")?;
        let kind = options.take("driver").unwrap_or_default();
        let Some(id) = options.take("id") else {
            bail!("-audiodev {text} needs an id: -audiodev {kind},id=NAME")
        };
        let path = options.take("path");
        let target = match (kind.as_str(), path) {
            ("none", None) => AudioTarget::None,
            ("wav", Some(path)) => AudioTarget::Wav(path.into()),
            ("wav", None) => {
                bail!("-audiodev {text} needs a path: -audiodev wav,id={id},path=FILE.wav")
            }
            ("none", Some(_)) => bail!("-audiodev none plays nothing; leave path out"),
            _ => bail!("-audiodev {kind} is not there; there are wav (path=FILE.wav) and none"),
        };
        let rate = match options.take("out.frequency") {
            None => DEFAULT_RATE,
            Some(text) => match text.parse() {
                Ok(rate @ 8000..=192_000) => rate,
                _ => bail!("-audiodev: out.frequency={text} is no rate; give 8000 to 192000"),
            },
        };
        options.accept("out.channels", &["2"])?;
        options.accept("out.format", &["s16"])?;
        options.ignore(&["timer-period"]);
        options.end()?;
        let taken = self.audios.iter().any(|other| other.id == id);
        ensure!(!taken, "two audio devices have the id {id}");
        self.audios.push(AudioSpec { id, target, rate });
        Ok(())
    }

    /// `-machine pcspk-audiodev=ID`
    pub(super) fn add_speaker(&mut self, audiodev: Option<&str>) {
        if let Some(id) = audiodev {
            self.devices.push(DeviceSpec::new("pit-8254").with("audiodev", id));
        }
    }
}
