//! The Internet checksum, as transmitter and receiver insert and check it.

/// Returns the one's complement sum of bytes as big-endian words, 16 bits wide. An odd last byte is the high half of a
/// word.
pub(super) fn sum(bytes: &[u8]) -> u16 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    // A frame has less than 2^16 words.
    let mut sum: u64 = pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum();
    sum += odd.first().map_or(0, |&byte| u64::from(byte) << 8);
    fold(sum)
}

/// Folds carries into 16 bits.
pub(super) fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Writes the complement of the sum over `start..=end` (to the end of the frame where `end` is 0) at `at`. Where these do not
/// lie in the frame nothing is written. Returns the checksum that was written.
pub(super) fn insert(frame: &mut [u8], start: usize, at: usize, end: usize) -> Option<u16> {
    let end = if end == 0 { frame.len() } else { frame.len().min(end.saturating_add(1)) };
    let checksum = !sum(frame.get(start..end).filter(|bytes| !bytes.is_empty())?);
    let field = frame.get_mut(at..at.checked_add(2)?)?;
    field.copy_from_slice(&checksum.to_be_bytes());
    Some(checksum)
}

/// Whether IPv4's header checksum and that of TCP or UDP are right; `None` where there is none to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) ip: Option<bool>,
    pub(super) transport: Option<bool>,
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Checks the checksums of an IPv4 packet. Its frame may be padded.
pub(super) fn check_ipv4(packet: &[u8]) -> Verdict {
    checked(packet).unwrap_or_default()
}

fn checked(packet: &[u8]) -> Option<Verdict> {
    let first = *packet.first()?;
    let header_len = usize::from(first & 15) * 4;
    let header = packet.get(..header_len).filter(|_| first >> 4 == 4 && header_len >= 20)?;
    let ip = Some(sum(header) == 0xffff);
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    let protocol = header[9];
    let none = Verdict { ip, transport: None };
    let Some(segment) = packet.get(header_len..total).filter(|_| !fragment) else { return Some(none) };
    let unused = protocol == UDP && segment.get(6..8) == Some(&[0, 0]);
    if !matches!(protocol, TCP | UDP) || unused {
        return Some(none);
    }
    let pseudo = u64::from(sum(&header[12..20])) + u64::from(protocol) + segment.len() as u64;
    let transport = Some(fold(pseudo + u64::from(sum(segment))) == 0xffff);
    Some(Verdict { ip, transport })
}
