//! Audio devices of the host: WAV files.

use crate::input::Shared;
use crate::output;
use anyhow::{Context, Result};
use device_api::{Backends, VmTime};
use hound::{SampleFormat, WavSpec, WavWriter};
use session::MachineSpec;
use session::sound::{Mixer, Passage};
use session::spec::AudioTarget;
use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

/// Bytes of sound that a WAV file can have, and a little less.
const LARGEST: u64 = (4 << 30) - (1 << 20);
/// Silence between sounds that is written, in seconds.
const LONGEST_SILENCE: u64 = 10;

/// A file that sound is written to.
struct Wav {
    mixer: Mixer,
    path: String,
    rate: u32,
    /// None once it is full or cannot be written to
    writer: Option<WavWriter<BufWriter<File>>>,
    /// The frame behind the last that was written
    next: Option<u64>,
    /// Bytes written, and those recorded in the file's header
    written: u64,
    flushed: u64,
}

/// All audio devices that need the run loop.
pub(crate) struct Sounds {
    wavs: Vec<Wav>,
    shared: Arc<Shared>,
}

impl Sounds {
    /// Opens the audio devices of a machine that are heard.
    pub(crate) fn open(spec: &MachineSpec, backends: &mut Backends, shared: &Arc<Shared>) -> Result<Self> {
        let mut wavs = Vec::new();
        for audio in &spec.audios {
            let AudioTarget::Wav(path) = &audio.target else {
                continue;
            };
            let name = path.display().to_string();
            let file = File::create(path).with_context(|| format!("cannot write {name}"))?;
            let format = WavSpec {
                channels: 2,
                sample_rate: audio.rate,
                bits_per_sample: 16,
                sample_format: SampleFormat::Int,
            };
            let writer = WavWriter::new(BufWriter::new(file), format);
            let writer = writer.with_context(|| format!("cannot write {name}"))?;
            let mixer = Mixer::new(audio.rate);
            backends.sounds.insert(audio.id.clone(), Box::new(mixer.clone()));
            let (next, written, flushed) = (None, 0, 0);
            let rate = audio.rate;
            wavs.push(Wav { mixer, path: name, rate, writer: Some(writer), next, written, flushed });
        }
        Ok(Self { wavs, shared: Arc::clone(shared) })
    }

    /// Writes what was played.
    pub(crate) fn update(&mut self, now: VmTime) {
        for wav in &mut self.wavs {
            let passage = wav.mixer.take(now);
            wav.write_or_stop(passage, &self.shared);
        }
    }

    /// Writes the rest, and ends the files.
    pub(crate) fn finish(&mut self) {
        for wav in &mut self.wavs {
            let passage = wav.mixer.take_rest();
            wav.write_or_stop(passage, &self.shared);
            if let Some(writer) = wav.writer.take()
                && let Err(error) = writer.finalize()
            {
                wav.failed(error, &self.shared);
            }
        }
    }
}

impl Wav {
    fn failed(&mut self, error: hound::Error, shared: &Shared) {
        self.writer = None;
        let error = match error {
            hound::Error::IoError(error) => error,
            other => std::io::Error::other(other.to_string()),
        };
        shared.stop(output::failed(&error, &self.path, output::BAD));
    }

    fn write_or_stop(&mut self, passage: Option<Passage>, shared: &Shared) {
        if let Some(passage) = passage
            && let Err(error) = self.write(&passage)
        {
            self.failed(error, shared);
        }
    }

    fn write(&mut self, passage: &Passage) -> hound::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let silence = self.next.map_or(0, |next| passage.start.saturating_sub(next));
        let silence = silence.min(LONGEST_SILENCE * u64::from(self.rate));
        let frames = silence + passage.frames.len() as u64;
        if self.written + frames * 4 > LARGEST {
            output::say(&format!("v64: {} is full: a WAV file has 4 GiB at most\r\n", self.path));
            // Dropping it completes its header.
            self.writer = None;
            return Ok(());
        }
        for _ in 0..silence * 2 {
            writer.write_sample(0_i16)?;
        }
        for sample in passage.frames.iter().flatten() {
            writer.write_sample(*sample)?;
        }
        self.next = Some(passage.start + passage.frames.len() as u64);
        self.written += frames * 4;
        // Once a second of sound, so that the file can be heard however the program ends.
        if self.written - self.flushed >= u64::from(self.rate) * 4 {
            writer.flush()?;
            self.flushed = self.written;
        }
        Ok(())
    }
}
