//! Counters of what was sent and received.

use crate::codec::codec_struct;

/// Registers by number, from 4000h on.
///
/// SPEC: intel-8254x :: 13.7.1 CRC Error Count -> the first; like all of them it is cleared by reads and sticks at its largest value
/// SPEC: intel-8254x :: 13.7.31 Good Octets Received Count -> 64 bits, cleared by a read of the upper half
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statistics {
    counters: [u32; COUNT],
}
codec_struct!(Statistics { counters });

/// How many.
pub(super) const COUNT: usize = 64;

/// Numbers of the counters.
pub(super) mod counter {
    pub(in super::super) const MPC: usize = 0x04;
    pub(in super::super) const PRC64: usize = 0x17;
    pub(in super::super) const GPRC: usize = 0x1d;
    pub(in super::super) const BPRC: usize = 0x1e;
    pub(in super::super) const MPRC: usize = 0x1f;
    pub(in super::super) const GPTC: usize = 0x20;
    pub(in super::super) const GORC: usize = 0x22;
    pub(in super::super) const GOTC: usize = 0x24;
    pub(in super::super) const ROC: usize = 0x2b;
    pub(in super::super) const TOR: usize = 0x30;
    pub(in super::super) const TOT: usize = 0x32;
    pub(in super::super) const TPR: usize = 0x34;
    pub(in super::super) const TPT: usize = 0x35;
    pub(in super::super) const PTC64: usize = 0x36;
    pub(in super::super) const MPTC: usize = 0x3c;
    pub(in super::super) const BPTC: usize = 0x3d;
    pub(in super::super) const TSCTC: usize = 0x3e;
}

/// Low halves of the 64-bit counters; the high half follows.
const WIDE: [usize; 4] = [counter::GORC, counter::GOTC, counter::TOR, counter::TOT];
/// Bytes of the frame check sequence, which is counted.
const FCS: usize = 4;

impl Default for Statistics {
    fn default() -> Self {
        Self { counters: [0; COUNT] }
    }
}

impl Statistics {
    /// Reads a counter, which clears it. Of those of 64 bits the high half clears both.
    pub(super) fn read(&mut self, at: usize) -> u32 {
        let at = at % COUNT;
        let value = self.counters[at];
        if let Some(&low) = WIDE.iter().find(|&&low| low + 1 == at) {
            self.counters[low] = 0;
        }
        if !WIDE.contains(&at) {
            self.counters[at] = 0;
        }
        value
    }

    /// Counts one.
    pub(super) fn count(&mut self, at: usize) {
        self.counters[at] = self.counters[at].saturating_add(1);
    }

    fn add_bytes(&mut self, low: usize, bytes: usize) {
        let value = u64::from(self.counters[low]) | u64::from(self.counters[low + 1]) << 32;
        let value = value.saturating_add(bytes as u64);
        (self.counters[low], self.counters[low + 1]) = (value as u32, (value >> 32) as u32);
    }

    /// Counts a frame that was received.
    pub(super) fn received(&mut self, frame: &[u8]) {
        let len = frame.len() + FCS;
        self.count(counter::GPRC);
        self.count(counter::TPR);
        self.count(counter::PRC64 + size_class(len));
        self.add_bytes(counter::GORC, len);
        self.add_bytes(counter::TOR, len);
        if let Some(kind) = group_of(frame, counter::BPRC, counter::MPRC) {
            self.count(kind);
        }
    }

    /// Counts a frame that was sent.
    pub(super) fn sent(&mut self, frame: &[u8]) {
        let len = frame.len() + FCS;
        self.count(counter::GPTC);
        self.count(counter::TPT);
        self.count(counter::PTC64 + size_class(len));
        self.add_bytes(counter::GOTC, len);
        self.add_bytes(counter::TOT, len);
        if let Some(kind) = group_of(frame, counter::BPTC, counter::MPTC) {
            self.count(kind);
        }
    }
}

/// Returns the counter of a frame to several stations.
fn group_of(frame: &[u8], broadcast: usize, multicast: usize) -> Option<usize> {
    match frame.get(..6)? {
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => Some(broadcast),
        [first, ..] if first & 1 != 0 => Some(multicast),
        _ => None,
    }
}

/// Which of the counters by size counts a frame of so many bytes.
fn size_class(len: usize) -> usize {
    [64, 127, 255, 511, 1023].iter().take_while(|&&most| len > most).count()
}
