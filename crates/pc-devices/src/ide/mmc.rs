//! What the commands in packets mean.

use super::cd::Sense;
use super::drive::Drive;
use super::mmc_data as data;
use super::spec::*;

/// What a command answers.
#[derive(Debug)]
pub(super) enum Reply {
    /// Nothing, well
    Done,
    /// An error
    Fail(Sense),
    /// The unit attention condition, which the command did not clear
    Attention(Sense),
    /// Bytes, as many as the host has room for
    Data(Vec<u8>),
    /// Sectors from the medium
    Sectors { lba: u64, count: u32, raw: bool },
}

/// Cuts an answer to the allocation length.
fn cut(mut bytes: Vec<u8>, allocation: u32) -> Reply {
    bytes.truncate(allocation as usize);
    Reply::Data(bytes)
}

fn u16_at(packet: &[u8; 12], at: usize) -> u32 {
    packet.iter().skip(at).take(2).fold(0, |value, &byte| value << 8 | u32::from(byte))
}

fn u32_at(packet: &[u8; 12], at: usize) -> u32 {
    u16_at(packet, at) << 16 | u16_at(packet, at + 2)
}

/// Returns whether a command is done while a unit attention condition is pending.
///
/// SPEC: mmc-5 :: Unit Attention conditions -> INQUIRY, GET CONFIGURATION, GET EVENT STATUS NOTIFICATION and REQUEST SENSE report none
fn ignores_attention(code: u8) -> bool {
    use packet::{GET_CONFIGURATION, GET_EVENT_STATUS, INQUIRY, REQUEST_SENSE};
    matches!(code, INQUIRY | GET_CONFIGURATION | GET_EVENT_STATUS | REQUEST_SENSE)
}

fn needs_medium(code: u8) -> bool {
    use packet::*;
    matches!(
        code,
        TEST_UNIT_READY
            | READ_CAPACITY
            | READ_10
            | READ_12
            | READ_CD
            | SEEK_10
            | READ_TOC
            | READ_DISC_INFORMATION
            | READ_DVD_STRUCTURE
    )
}

impl Drive {
    /// Sectors of the CD: a part of one at the end counts, with zeros behind it.
    pub(super) fn cd_sectors(&self) -> u64 {
        self.bytes().div_ceil(CD_SECTOR)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.medium.is_some() && !self.cd.open
    }
}

/// Carries out the command in a packet.
pub(super) fn execute(drive: &mut Drive, packet: [u8; 12]) -> Reply {
    let code = packet[0];
    // A medium that was put in is seen as none first: hosts that watch for changes by TEST UNIT READY expect both.
    if drive.cd.changed > 0 && drive.is_ready() && !ignores_attention(code) {
        drive.cd.changed -= 1;
        return match drive.cd.changed {
            1 => Reply::Fail(Sense::NO_MEDIUM),
            _ => Reply::Attention(Sense::MEDIUM_CHANGED),
        };
    }
    if needs_medium(code) && !drive.is_ready() {
        return Reply::Fail(Sense::NO_MEDIUM);
    }
    match code {
        packet::TEST_UNIT_READY | packet::SET_CD_SPEED => Reply::Done,
        packet::REQUEST_SENSE => {
            let bytes = data::sense(std::mem::take(&mut drive.cd.sense));
            cut(bytes, packet[4].into())
        }
        packet::INQUIRY => inquiry(drive, &packet),
        packet::START_STOP_UNIT => start_stop(drive, packet[4]),
        packet::PREVENT_ALLOW_MEDIUM_REMOVAL => {
            drive.cd.locked = packet[4] & 1 != 0;
            Reply::Done
        }
        // SPEC: mmc-5 :: READ CAPACITY Command -> the last sector, and 2048
        packet::READ_CAPACITY => {
            let last = u32::try_from(drive.cd_sectors().saturating_sub(1)).unwrap_or(u32::MAX);
            cut([last.to_be_bytes(), (CD_SECTOR as u32).to_be_bytes()].concat(), 8)
        }
        packet::READ_10 => read(drive, u32_at(&packet, 2), u16_at(&packet, 7), false),
        packet::READ_12 => read(drive, u32_at(&packet, 2), u32_at(&packet, 6), false),
        packet::READ_CD => read_cd(drive, &packet),
        packet::SEEK_10 => match u64::from(u32_at(&packet, 2)) < drive.cd_sectors() {
            true => Reply::Done,
            false => Reply::Fail(Sense::OUT_OF_RANGE),
        },
        packet::READ_TOC => read_toc(drive, &packet),
        packet::GET_CONFIGURATION => get_configuration(drive, &packet),
        packet::GET_EVENT_STATUS => get_event_status(drive, &packet),
        packet::READ_DISC_INFORMATION => match packet[1] & 7 {
            0 => cut(data::disc_information(), u16_at(&packet, 7)),
            _ => Reply::Fail(Sense::INVALID_FIELD),
        },
        packet::MODE_SENSE_10 => mode_sense(drive, &packet),
        packet::MECHANISM_STATUS => cut(vec![0, 0, 0, 0, 0, 1, 0, 0], u16_at(&packet, 8)),
        packet::READ_DVD_STRUCTURE => read_dvd_structure(drive, &packet),
        _ => Reply::Fail(Sense::UNKNOWN_COMMAND),
    }
}

/// SPEC: mmc-5 :: INQUIRY Command -> peripheral device type 05h, removable; vital product data pages 00h and 83h
fn inquiry(drive: &Drive, packet: &[u8; 12]) -> Reply {
    let allocation = u32::from(packet[4]);
    match (packet[1] & 1, packet[2]) {
        (0, 0) => cut(data::inquiry(drive), allocation),
        (1, 0x00) => cut(vec![5, 0, 0, 2, 0, 0x83], allocation),
        (1, 0x83) => cut(data::identification(drive), allocation),
        _ => Reply::Fail(Sense::INVALID_FIELD),
    }
}

/// SPEC: mmc-5 :: START STOP UNIT Command -> LoEj with Start closes the tray, without opens it unless it is locked
fn start_stop(drive: &mut Drive, bits: u8) -> Reply {
    let (start, load_eject) = (bits & 1 != 0, bits & 2 != 0);
    if bits >> 4 != 0 || !load_eject {
        return Reply::Done;
    }
    if !start && !drive.cd.open && drive.cd.locked {
        return Reply::Fail(Sense::REMOVAL_PREVENTED);
    }
    drive.cd.open = !start;
    drive.cd.eject_wanted = false;
    Reply::Done
}

fn read(drive: &Drive, lba: u32, count: u32, raw: bool) -> Reply {
    if count == 0 {
        return Reply::Done;
    }
    if u64::from(lba) + u64::from(count) > drive.cd_sectors() {
        return Reply::Fail(Sense::OUT_OF_RANGE);
    }
    Reply::Sectors { lba: lba.into(), count, raw }
}

/// SPEC: mmc-5 :: READ CD Command -> main channel selection: nothing, user data, or all of the sector
fn read_cd(drive: &Drive, packet: &[u8; 12]) -> Reply {
    let count = u32_at(packet, 5) & 0xff_ffff;
    match packet[9] & 0xf8 {
        _ if count == 0 => Reply::Done,
        0x00 => Reply::Done,
        0x10 => read(drive, u32_at(packet, 2), count, false),
        0xf8 => read(drive, u32_at(packet, 2), count, true),
        _ => Reply::Fail(Sense::INVALID_FIELD),
    }
}

/// SPEC: mmc-5 :: READ TOC/PMA/ATIP Command -> format in byte 2, in old drivers' packets in the upper bits of byte 9
fn read_toc(drive: &Drive, packet: &[u8; 12]) -> Reply {
    let format = match packet[2] & 0xf {
        0 => packet[9] >> 6,
        format => format,
    };
    let (msf, track) = (packet[1] & 2 != 0, packet[6]);
    let bytes = match format {
        0 => data::toc(drive.cd_sectors(), msf, track),
        1 => Some(data::sessions(msf)),
        2 => Some(data::raw_toc(drive.cd_sectors(), msf)),
        _ => None,
    };
    match bytes {
        Some(bytes) => cut(bytes, u16_at(packet, 7)),
        None => Reply::Fail(Sense::INVALID_FIELD),
    }
}

/// SPEC: mmc-5 :: GET CONFIGURATION Command -> RT: all features, current ones, or one
fn get_configuration(drive: &Drive, packet: &[u8; 12]) -> Reply {
    let (kind, first) = (packet[1] & 3, u16_at(packet, 2));
    if kind == 3 {
        return Reply::Fail(Sense::INVALID_FIELD);
    }
    cut(data::configuration(drive, kind, first), u16_at(packet, 7))
}

/// SPEC: mmc-5 :: GET EVENT STATUS NOTIFICATION Command -> polled only; media events
fn get_event_status(drive: &mut Drive, packet: &[u8; 12]) -> Reply {
    const MEDIA: u8 = 4;
    if packet[1] & 1 == 0 {
        return Reply::Fail(Sense::INVALID_FIELD);
    }
    let allocation = u16_at(packet, 7);
    if packet[4] & 1 << MEDIA == 0 {
        return cut(vec![0, 0, 0x80, 1 << MEDIA], allocation);
    }
    let cd = &mut drive.cd;
    // No change, eject request, new medium
    let event = match (cd.new_medium, cd.eject_wanted) {
        (true, _) => 2,
        (false, true) => 1,
        _ => 0,
    };
    if allocation > 4 {
        (cd.new_medium, cd.eject_wanted) = (false, cd.eject_wanted && event != 1);
    }
    let status = u8::from(drive.cd.open) | u8::from(drive.medium.is_some()) << 1;
    cut(vec![0, 4, MEDIA, 1 << MEDIA, event, status, 0, 0], allocation)
}

/// SPEC: mmc-5 :: MODE SENSE (10) Command -> page control: current values alone; nothing can be saved
fn mode_sense(drive: &Drive, packet: &[u8; 12]) -> Reply {
    match packet[2] >> 6 {
        0 => {}
        3 => return Reply::Fail(Sense::NOT_SAVED),
        _ => return Reply::Fail(Sense::INVALID_FIELD),
    }
    match data::mode_pages(drive, packet[2] & 0x3f) {
        Some(bytes) => cut(bytes, u16_at(packet, 7)),
        None => Reply::Fail(Sense::INVALID_FIELD),
    }
}

/// SPEC: mmc-5 :: READ DISC STRUCTURE Command -> formats 00h, 01h and FFh of a DVD
fn read_dvd_structure(drive: &Drive, packet: &[u8; 12]) -> Reply {
    let allocation = u16_at(packet, 8);
    let format = packet[7];
    if format == 0xff {
        return cut(data::dvd_structures(), allocation);
    }
    if !data::is_dvd(drive.cd_sectors()) {
        return Reply::Fail(Sense::OTHER_MEDIUM);
    }
    match (format, packet[6]) {
        (0, 0) => cut(data::dvd_physical(drive.cd_sectors()), allocation),
        (1, _) => cut(vec![0, 6, 0, 0, 0, 0, 0, 0], allocation),
        _ => Reply::Fail(Sense::INVALID_FIELD),
    }
}

pub(super) use data::raw_sector;
