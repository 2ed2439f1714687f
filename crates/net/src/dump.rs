//! A recorder of frames, in the format of libpcap.

use device_api::{NetBackend, VmTime};
use std::fmt;
use std::io::Write;

/// The magic number of pcap files with microsecond timestamps.
const MAGIC: u32 = 0xa1b2_c3d4;
/// Version 2.4.
const VERSION: [u16; 2] = [2, 4];
/// The kind of link: Ethernet.
const ETHERNET: u32 = 1;

/// A filter that writes all frames of a network to a file. Timestamps are the machine's time since its start.
pub struct Dump<W> {
    network: Box<dyn NetBackend>,
    /// Gone once it could not be written
    file: Option<W>,
    /// Bytes of a frame that are kept
    most: u32,
}

impl<W> fmt::Debug for Dump<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dump").field("network", &self.network).finish_non_exhaustive()
    }
}

impl<W: Write> Dump<W> {
    /// Returns the network with a recorder before it, which keeps `most` bytes of each frame.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(network: Box<dyn NetBackend>, mut file: W, most: u32) -> std::io::Result<Self> {
        let mut header = MAGIC.to_le_bytes().to_vec();
        header.extend(VERSION.iter().flat_map(|part| part.to_le_bytes()));
        for word in [0, 0, most, ETHERNET] {
            header.extend(word.to_le_bytes());
        }
        file.write_all(&header)?;
        Ok(Self { network, file: Some(file), most })
    }

    fn record(&mut self, now: VmTime, frame: &[u8]) {
        let kept = frame.get(..self.most as usize).unwrap_or(frame);
        let micros = now.0 / 1000;
        let words = [micros / 1_000_000, micros % 1_000_000, kept.len() as u64, frame.len() as u64];
        let mut bytes: Vec<u8> = words.iter().flat_map(|&word| (word as u32).to_le_bytes()).collect();
        bytes.extend(kept);
        if let Some(file) = &mut self.file
            && file.write_all(&bytes).and_then(|()| file.flush()).is_err()
        {
            // After a write error the network continues without the file.
            self.file = None;
        }
    }
}

impl<W: Write + Send> NetBackend for Dump<W> {
    fn send(&mut self, now: VmTime, frame: &[u8]) {
        self.record(now, frame);
        self.network.send(now, frame);
    }
    fn receive(&mut self, now: VmTime, frame: &mut Vec<u8>) -> bool {
        let received = self.network.receive(now, frame);
        if received {
            self.record(now, frame);
        }
        received
    }
    fn is_up(&self) -> bool {
        self.network.is_up()
    }
    fn next_deadline(&self) -> Option<VmTime> {
        self.network.next_deadline()
    }
    fn save(&self, out: &mut Vec<u8>) {
        self.network.save(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        self.network.load(bytes)
    }
}
