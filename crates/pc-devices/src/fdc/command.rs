//! Commands: how many parameters each has, and what those do that move no data.

use super::chip::{Chip, Phase};
use super::end::End;
use super::spec::*;
use super::transfer::{Kind, Transfer};
use device_api::VmTime;

/// A command, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Transfer(Kind),
    Verify,
    FormatTrack,
    ReadId,
    Specify,
    SenseDriveStatus,
    Recalibrate,
    SenseInterruptStatus,
    DumpRegisters,
    Seek,
    /// Towards track 0 or away from it
    RelativeSeek(bool),
    Version,
    PerpendicularMode,
    Configure,
    Lock(bool),
    PowerDownMode,
    PartId,
    Save,
    Option,
    Restore,
    DriveSpecification,
    Invalid,
}

/// SPEC: intel-82077aa :: Command Set/Descriptions -> the commands, with MT, MFM and SK in the first byte of those for data
/// SPEC: intel-82078 :: Command Set/Descriptions -> SAVE, RESTORE, OPTION, DRIVE SPECIFICATION, POWERDOWN MODE and PART ID, as QEMU has them
fn decode(first: u8) -> Command {
    match (first, first & 0x1f) {
        (0x03, _) => Command::Specify,
        (0x04, _) => Command::SenseDriveStatus,
        (0x07, _) => Command::Recalibrate,
        (0x08, _) => Command::SenseInterruptStatus,
        (0x0e, _) => Command::DumpRegisters,
        (0x0f, _) => Command::Seek,
        (0x10, _) => Command::Version,
        (0x12, _) => Command::PerpendicularMode,
        (0x13, _) => Command::Configure,
        (0x14 | 0x94, _) => Command::Lock(first & MT != 0),
        (0x17, _) => Command::PowerDownMode,
        (0x18, _) => Command::PartId,
        (0x2e, _) => Command::Save,
        (0x33, _) => Command::Option,
        (0x4e, _) => Command::Restore,
        (0x8e, _) => Command::DriveSpecification,
        (0x8f, _) => Command::RelativeSeek(true),
        (0xcf, _) => Command::RelativeSeek(false),
        (_, 0x02) if first & MT == 0 => Command::Transfer(Kind::ReadTrack),
        (_, 0x05) => Command::Transfer(Kind::Write),
        (_, 0x06) => Command::Transfer(Kind::Read),
        (_, 0x09) => Command::Transfer(Kind::WriteDeleted),
        (_, 0x0a) if first & (MT | SK) == 0 => Command::ReadId,
        (_, 0x0c) => Command::Transfer(Kind::ReadDeleted),
        (_, 0x0d) if first & (MT | SK) == 0 => Command::FormatTrack,
        (_, 0x11) => Command::Transfer(Kind::ScanEqual),
        (_, 0x16) => Command::Verify,
        (_, 0x19) => Command::Transfer(Kind::ScanLowOrEqual),
        (_, 0x1d) => Command::Transfer(Kind::ScanHighOrEqual),
        _ => Command::Invalid,
    }
}

/// Returns whether a command has all its parameters.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    let Some((first, parameters)) = bytes.split_first() else { return false };
    let wanted = match decode(*first) {
        Command::Transfer(_) | Command::Verify => 8,
        Command::FormatTrack => 5,
        Command::Configure => 3,
        Command::Specify | Command::Seek | Command::RelativeSeek(_) => 2,
        Command::ReadId
        | Command::SenseDriveStatus
        | Command::Recalibrate
        | Command::PerpendicularMode
        | Command::PowerDownMode
        | Command::Option => 1,
        Command::Restore => 17,
        // DRIVE SPECIFICATION ends with a parameter that has the DONE bit.
        Command::DriveSpecification => {
            return parameters.last().is_some_and(|byte| byte & 0x80 != 0) || parameters.len() >= 5;
        }
        _ => 0,
    };
    parameters.len() >= wanted
}

/// Runs a command that has all its parameters.
pub(super) fn run(chip: &mut Chip, now: VmTime) {
    let fifo = chip.fifo;
    let [first, one, two, three, ..] = fifo;
    let unit = one & St0::UNIT.bits();
    let settings = &mut chip.settings;
    match decode(first) {
        Command::Transfer(kind) => start(chip, kind),
        Command::FormatTrack => {
            settings.last_sector = three;
            start(chip, Kind::Format);
        }
        Command::Verify => verify(chip),
        Command::ReadId => {
            chip.phase = Phase::Execution;
            chip.found_at = Some(now + READ_ID_NS);
        }
        Command::Specify => {
            settings.specify = [one, two];
            chip.finish(&[], false);
        }
        Command::SenseDriveStatus => {
            let head = one & St0::HEAD.bits();
            let status = drive_status(chip, unit).bits();
            chip.finish(&[status | head | unit], false);
        }
        // SPEC: intel-82077aa :: RECALIBRATE -> without track 0 after all steps: equipment check, abnormal termination
        Command::Recalibrate => {
            chip.drive(unit).step_to(0);
            let absent = chip.drive(unit).kind.is_none();
            seek_ended(chip, unit, if absent { St0::ABNORMAL | St0::EQUIPMENT } else { St0::empty() });
        }
        Command::Seek => {
            chip.drive(unit).step_to(two);
            seek_ended(chip, unit, St0::empty());
        }
        Command::RelativeSeek(outwards) => {
            let track = chip.drive(unit).track;
            let to = if outwards { track.saturating_sub(two) } else { track.saturating_add(two) };
            chip.drive(unit).step_to(to);
            seek_ended(chip, unit, St0::empty());
        }
        Command::SenseInterruptStatus => sense_interrupt(chip),
        Command::DumpRegisters => {
            let [zero, one, two, three] = chip.drives.each_ref().map(|drive| drive.track);
            let settings = chip.settings;
            let [step, load] = settings.specify;
            let lock = u8::from(settings.lock) << 7 | settings.perpendicular & 0x3f;
            let rest = [step, load, settings.last_sector, lock, settings.config, settings.precompensation];
            let [a, b, c, d, e, f] = rest;
            chip.finish(&[zero, one, two, three, a, b, c, d, e, f], false);
        }
        Command::Version => chip.finish(&[VERSION], false),
        Command::PartId => chip.finish(&[PART_ID], false),
        // SPEC: intel-82077aa :: PERPENDICULAR MODE -> the bits of the drives are written with OW alone
        Command::PerpendicularMode => {
            let mask = if one & 0x80 != 0 { 0x3f } else { 0x03 };
            settings.perpendicular = settings.perpendicular & !mask | one & mask;
            chip.finish(&[], false);
        }
        Command::Configure => {
            settings.config = two;
            settings.precompensation = three;
            chip.finish(&[], false);
        }
        Command::Lock(lock) => {
            settings.lock = lock;
            chip.finish(&[u8::from(lock) << 4], false);
        }
        Command::PowerDownMode => {
            settings.power = one;
            chip.finish(&[one], false);
        }
        Command::Option => chip.finish(&[], false),
        Command::DriveSpecification => drive_specification(chip),
        Command::Save => save(chip),
        Command::Restore => restore(chip),
        Command::Invalid => chip.finish(&[St0::INVALID.bits()], false),
    }
}

fn start(chip: &mut Chip, kind: Kind) {
    let rate = chip.rate();
    chip.phase = Phase::Execution;
    let mut transfer = Transfer::new(kind, &chip.fifo);
    if !matches!(kind, Kind::Format) {
        chip.settings.last_sector = transfer.last_sector();
    }
    // SPEC: intel-82077aa :: CONFIGURE -> EIS: a seek to the cylinder of the command comes first
    if chip.settings.config & Config::IMPLIED_SEEK.bits() != 0 && !matches!(kind, Kind::Format) {
        let (unit, cylinder) = (transfer.unit(), transfer.cylinder());
        transfer.seeks |= chip.drive(unit).track != cylinder;
        chip.drive(unit).step_to(cylinder);
    }
    chip.transfer = Some(transfer);
    chip.with_transfer(|transfer, drives| transfer.begin(drives, rate));
}

/// Sectors that are there are sound.
///
/// SPEC: intel-82077aa :: VERIFY -> without EC up to EOT, with EC as many sectors as the last parameter says; what is not there is no data
fn verify(chip: &mut Chip) {
    let rate = chip.rate();
    let mut transfer = Transfer::new(Kind::Read, &chip.fifo);
    chip.settings.last_sector = transfer.last_sector();
    let [_, one, .., count] = chip.fifo.first_chunk::<9>().copied().unwrap_or_default();
    let end = match transfer.begin(&chip.drives, rate) {
        Some(end) => end,
        None => transfer.verify(&chip.drives, (one & 0x80 != 0).then_some(count)),
    };
    let result = transfer.result(end);
    chip.finish(&result, true);
}

/// READ ID has waited for the next sector.
///
/// SPEC: intel-82077aa :: READ ID -> the first identification found; a missing address mark where there is none
pub(super) fn id_found(chip: &mut Chip) {
    let [first, one, ..] = chip.fifo;
    let (unit, head) = (one & St0::UNIT.bits(), one >> 2 & 1);
    let rate = chip.rate();
    let drive = chip.drive(unit);
    let track = drive.track;
    let readable = drive.medium.filter(|medium| medium.format.rate == rate && head < medium.format.heads);
    let cylinder = readable.and_then(|medium| drive.cylinder(&medium.format));
    let status = |st0: St0, st1: St1| [st0.bits() | one & 7, st1.bits(), 0];
    let [zero, one, two, cylinder, sector] = match (readable, cylinder) {
        (Some(medium), Some(cylinder)) if first & MFM != 0 => {
            drive.passing = drive.passing % medium.format.sectors.max(1) + 1;
            let [zero, one, two] = status(St0::empty(), St1::empty());
            [zero, one, two, cylinder, drive.passing]
        }
        _ => {
            let [zero, one, two] = status(St0::ABNORMAL, St1::MISSING_MARK);
            [zero, one, two, track, 0]
        }
    };
    chip.finish(&[zero, one, two, cylinder, head, sector, SECTOR_CODE], true);
}

fn drive_status(chip: &mut Chip, unit: u8) -> St3 {
    let drive = chip.drive(unit);
    let flag = |on, flag| if on { flag } else { St3::empty() };
    St3::ONES
        | flag(drive.medium.is_some_and(|medium| medium.read_only), St3::PROTECTED)
        | flag(drive.kind.is_some() && drive.track == 0, St3::TRACK_0)
}

/// A seek is over: the command itself has no result.
fn seek_ended(chip: &mut Chip, unit: u8, errors: St0) {
    if let Some(ended) = chip.ended.get_mut(usize::from(unit)) {
        *ended = Some((errors | St0::SEEK_END).bits() | unit);
    }
    chip.finish(&[], true);
}

/// SPEC: intel-82077aa :: SENSE INTERRUPT STATUS -> ST0 and the cylinder of the drive whose seek ended; invalid where nothing happened
fn sense_interrupt(chip: &mut Chip) {
    let found = chip.ended.iter().position(|ended| ended.is_some());
    let Some((unit, status)) = found.and_then(|unit| Some((unit, chip.ended.get_mut(unit)?.take()?))) else {
        return chip.finish(&[St0::INVALID.bits()], false);
    };
    let track = chip.drive(unit as u8).track;
    chip.interrupt = chip.seek_waits();
    chip.finish(&[status, track], false);
}

/// SPEC: intel-82078 :: DRIVE SPECIFICATION -> a byte for each drive, then one with DN; NRP leaves the results out
fn drive_specification(chip: &mut Chip) {
    let len = usize::from(chip.len);
    let parameters = chip.fifo;
    let parameters = parameters.get(1..len).unwrap_or_default();
    let Some((last, drives)) = parameters.split_last().filter(|(last, _)| **last & 0x80 != 0) else {
        return chip.finish(&[St0::INVALID.bits()], false);
    };
    for byte in drives {
        let [zero, one, two, three] = &mut chip.settings.drive_types;
        let kind = match byte >> 5 & 3 {
            0 => zero,
            1 => one,
            2 => two,
            _ => three,
        };
        *kind = byte & 0x1f;
    }
    let types = chip.settings.drive_types;
    chip.finish(if last & 0x40 != 0 { &[] } else { &types }, false);
}

fn save(chip: &mut Chip) {
    let [zero, one, two, three] = chip.drives.each_ref().map(|drive| drive.track);
    let settings = chip.settings;
    let [step, load] = settings.specify;
    let lock = u8::from(settings.lock) << 7 | settings.perpendicular & 0x3f;
    let (last, config) = (settings.last_sector, settings.config);
    let (precompensation, power) = (settings.precompensation, settings.power);
    let result = [0, 0, zero, one, two, three, step, load, last, lock, config, precompensation, power, 0, 0];
    chip.finish(&result, false);
}

fn restore(chip: &mut Chip) {
    let [_, _, _, zero, one, two, three, step, load, last, lock, config, precompensation, power, ..] =
        chip.fifo;
    for (drive, track) in chip.drives.iter_mut().zip([zero, one, two, three]) {
        drive.step_to(track);
    }
    let settings = &mut chip.settings;
    settings.specify = [step, load];
    settings.last_sector = last;
    settings.lock = lock & 0x80 != 0;
    settings.perpendicular = lock & 0x3f;
    (settings.config, settings.precompensation, settings.power) = (config, precompensation, power);
    chip.finish(&[], false);
}

impl Transfer {
    /// Passes over sectors without transferring them: `count` of them, or up to EOT.
    fn verify(&mut self, drives: &[super::drive::Drive; 4], count: Option<u8>) -> End {
        for _ in 1..count.unwrap_or(0) {
            match self.next_sector(drives) {
                None => {}
                Some(end) => return end.no_data(),
            }
        }
        while count.is_none() {
            if let Some(end) = self.next_sector(drives) {
                return if end.is_end_of_cylinder() { End::normal() } else { end };
            }
        }
        End::normal()
    }
}
