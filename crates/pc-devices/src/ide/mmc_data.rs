//! The data that the commands in packets answer with.

use super::cd::Sense;
use super::drive::Drive;

/// Sectors of the longest CD, 80 minutes; what has more is a DVD.
const CD_LIMIT: u64 = 80 * 60 * 75;
/// The first sector of the data lies two seconds behind the start.
const LEAD: u64 = 150;
/// ADR 1, a data track that must not be copied.
const DATA_TRACK: u8 = 0x14;
const LEAD_OUT: u8 = 0xaa;

const PROFILE_CD: u16 = 0x0008;
const PROFILE_DVD: u16 = 0x0010;

pub(super) fn is_dvd(sectors: u64) -> bool {
    sectors > CD_LIMIT
}

/// Returns an address in the table of contents: a sector, or minute, second and frame.
fn address(sector: u64, msf: bool) -> [u8; 4] {
    if !msf {
        return u32::try_from(sector).unwrap_or(u32::MAX).to_be_bytes();
    }
    let frame = sector + LEAD;
    [0, (frame / 75 / 60).min(255) as u8, (frame / 75 % 60) as u8, (frame % 75) as u8]
}

/// Puts the length of what follows before it.
fn counted(head: &[u8], rest: &[u8]) -> Vec<u8> {
    let len = (head.len() + rest.len()) as u16;
    [&len.to_be_bytes()[..], head, rest].concat()
}

/// Returns sense data.
///
/// SPEC: mmc-5 :: REQUEST SENSE Command -> fixed format, 18 bytes: key in byte 2, code in byte 12
pub(super) fn sense(sense: Sense) -> Vec<u8> {
    let mut bytes = vec![0; 18];
    (bytes[0], bytes[2], bytes[7], bytes[12]) = (0xf0, sense.key, 10, sense.code);
    bytes
}

/// Text of a fixed length, blanks behind it.
fn text(from: &str, len: usize) -> Vec<u8> {
    from.bytes().filter(u8::is_ascii).chain(std::iter::repeat(b' ')).take(len).collect()
}

/// Returns the standard inquiry data: vendor "QEMU", as in the reference machine.
pub(super) fn inquiry(drive: &Drive) -> Vec<u8> {
    let head = [5, 0x80, 0, 0x21, 31, 0, 0, 0];
    let names = [text("QEMU", 8), text(&drive.names.model, 16), text(&drive.names.revision, 4)];
    [head.to_vec(), names.concat()].concat()
}

/// Returns the device identification page: the serial number.
pub(super) fn identification(drive: &Drive) -> Vec<u8> {
    [vec![5, 0x83, 0, 24, 2, 0, 0, 20], text(&drive.names.serial, 20)].concat()
}

/// Returns the table of contents from a track on; `None` where there is no such track.
///
/// SPEC: mmc-5 :: READ TOC/PMA/ATIP Command -> format 0000b: tracks, and the lead-out as track AAh
pub(super) fn toc(sectors: u64, msf: bool, track: u8) -> Option<Vec<u8>> {
    if track > 1 && track != LEAD_OUT {
        return None;
    }
    let mut entries = Vec::new();
    if track <= 1 {
        entries.extend([0, DATA_TRACK, 1, 0]);
        entries.extend(address(0, msf));
    }
    entries.extend([0, DATA_TRACK + 2, LEAD_OUT, 0]);
    entries.extend(address(sectors, msf));
    Some(counted(&[1, 1], &entries))
}

/// SPEC: mmc-5 :: READ TOC/PMA/ATIP Command -> format 0001b: the first track of the last session
pub(super) fn sessions(msf: bool) -> Vec<u8> {
    let first = [&[0, DATA_TRACK, 1, 0][..], &address(0, msf)].concat();
    counted(&[1, 1], &first)
}

/// SPEC: mmc-5 :: READ TOC/PMA/ATIP Command -> format 0010b: points A0h, A1h, A2h and the track of session 1
pub(super) fn raw_toc(sectors: u64, msf: bool) -> Vec<u8> {
    let entry = |point: u8, place: [u8; 4]| [&[1, DATA_TRACK, 0, point, 0, 0, 0][..], &place].concat();
    let entries = [
        entry(0xa0, [0, 1, 0, 0]),
        entry(0xa1, [0, 1, 0, 0]),
        entry(0xa2, address(sectors, msf)),
        entry(1, address(0, msf)),
    ];
    counted(&[1, 1], &entries.concat())
}

/// SPEC: mmc-5 :: READ DISC INFORMATION Command -> a finished disc of one session and one track
pub(super) fn disc_information() -> Vec<u8> {
    let mut bytes = vec![0; 34];
    bytes[..8].copy_from_slice(&[0, 32, 0x0e, 1, 1, 1, 1, 0x20]);
    bytes
}

/// Returns the profiles of the drive and which is current.
///
/// SPEC: mmc-5 :: GET CONFIGURATION Command -> the current profile in the header, feature 0000h lists profiles
pub(super) fn configuration(drive: &Drive, kind: u8, first: u32) -> Vec<u8> {
    let current = match drive.is_ready() {
        false => 0,
        true if is_dvd(drive.cd_sectors()) => PROFILE_DVD,
        true => PROFILE_CD,
    };
    let mut features = Vec::new();
    if first == 0 {
        features.extend([0, 0, 3, 8]);
        for profile in [PROFILE_DVD, PROFILE_CD] {
            features.extend(profile.to_be_bytes());
            features.extend([u8::from(profile == current), 0]);
        }
    }
    // The core feature and that of removable media, which every drive has.
    for (feature, bytes) in [(1_u32, [0, 1, 3, 4, 0, 0, 0, 2]), (3, [0, 3, 3, 4, 0x39, 0, 0, 0])] {
        if first == feature || kind != 2 && first < feature {
            features.extend(bytes);
        }
    }
    let len = features.len() as u32 + 4;
    [&len.to_be_bytes()[..], &[0, 0], &current.to_be_bytes(), &features].concat()
}

/// SPEC: mmc-5 :: MODE SENSE (10) Command -> pages 01h (error recovery), 0Eh (audio control), 2Ah (capabilities), 3Fh (all)
pub(super) fn mode_pages(drive: &Drive, page: u8) -> Option<Vec<u8>> {
    let recovery = vec![0x01, 6, 0, 5, 0, 0, 0, 0];
    let audio = vec![0x0e, 0x0e, 0, 0, 0x71, 0x60, 0x29, 0, 2, 0, 0, 0, 2, 0, 2, 0];
    // Reads CD-R, CD-RW, DVD; plays audio, reads mode 2; a tray that can be locked; 704 kB/s, a buffer of 512 KiB
    let lock = 0x29 | u8::from(drive.cd.locked) << 1;
    let capabilities =
        vec![0x2a, 0x14, 0x3b, 0, 0x71, 0x60, lock, 0, 2, 0xc0, 0, 2, 2, 0, 2, 0xc0, 0, 0, 0, 0, 0, 0];
    let pages = match page {
        0x01 => recovery,
        0x0e => audio,
        0x2a => capabilities,
        0x3f => [recovery, audio, capabilities].concat(),
        _ => return None,
    };
    Some(counted(&[0x70, 0, 0, 0, 0, 0], &pages))
}

/// SPEC: mmc-5 :: READ DISC STRUCTURE Command -> format FFh: the structures that can be read
pub(super) fn dvd_structures() -> Vec<u8> {
    let entry = |format: u8, len: u16| [&[format, 0x40][..], &len.to_be_bytes()].concat();
    counted(&[0, 0], &[entry(0, 2052), entry(1, 8)].concat())
}

/// SPEC: mmc-5 :: READ DISC STRUCTURE Command -> format 00h: a DVD-ROM of one layer, its first and last sector
pub(super) fn dvd_physical(sectors: u64) -> Vec<u8> {
    /// The sector of a DVD at which its data begins.
    const FIRST: u32 = 0x03_0000;
    let last = u32::try_from(sectors.saturating_sub(1)).unwrap_or(u32::MAX).saturating_add(FIRST);
    let mut bytes = vec![0; 2052];
    bytes[..2].copy_from_slice(&2050_u16.to_be_bytes());
    bytes[4..8].copy_from_slice(&[0x01, 0x0f, 0x01, 0]);
    bytes[8..12].copy_from_slice(&FIRST.to_be_bytes());
    bytes[12..16].copy_from_slice(&last.to_be_bytes());
    bytes
}

/// Returns a sector as it is on a CD: synchronisation, address, mode 1, the data, and no error correction.
///
/// SPEC: mmc-5 :: Sector formats -> 12 bytes of synchronisation, 4 of header, 2048 of data, 288 of EDC and ECC
pub(super) fn raw_sector(lba: u64, data: &[u8]) -> Vec<u8> {
    let bcd = |value: u8| ((value / 10) << 4) | (value % 10);
    let [_, minute, second, frame] = address(lba, true);
    let mut bytes = vec![0xff; 12];
    (bytes[0], bytes[11]) = (0, 0);
    bytes.extend([bcd(minute.min(99)), bcd(second), bcd(frame), 1]);
    bytes.extend(data);
    bytes.resize(2352, 0);
    bytes
}
