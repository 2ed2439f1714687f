//! SMART: attributes that never get worse, and self-tests that always pass.

use super::drive::Drive;
use super::spec::*;

/// Attributes: number, flags, value, raw bytes, threshold.
const ATTRIBUTES: [(u8, u8, u8, [u8; 4], u8); 7] = [
    // Read errors, spin-up time, starts, reallocated sectors, hours, power cycles, temperature
    (0x01, 3, 100, [0, 0, 0, 0], 0x06),
    (0x03, 3, 100, [16, 0, 0, 0], 0x00),
    (0x04, 2, 100, [0, 0, 0, 0], 0x14),
    (0x05, 3, 100, [0, 0, 0, 0], 0x24),
    (0x09, 3, 100, [1, 0, 0, 0], 0x00),
    (0x0c, 3, 100, [0, 0, 0, 0], 0x00),
    (0xbe, 3, 69, [31, 0, 31, 31], 0x32),
];

/// Subcommands.
///
/// SPEC: ata-atapi-6 :: SMART READ DATA -> D0h, and LBA mid and high hold 4Fh and C2h
const READ_DATA: u8 = 0xd0;
const READ_THRESHOLDS: u8 = 0xd1;
const ATTRIBUTE_AUTOSAVE: u8 = 0xd2;
const EXECUTE_OFFLINE_IMMEDIATE: u8 = 0xd4;
const READ_LOG: u8 = 0xd5;
const ENABLE: u8 = 0xd8;
const DISABLE: u8 = 0xd9;
const RETURN_STATUS: u8 = 0xda;

/// The SMART command.
pub(super) fn command(drive: &mut Drive) {
    let code = drive.task.features.last;
    let key = (drive.task.mid.last, drive.task.high.last) == (0x4f, 0xc2);
    if !key || !drive.disk.smart && code != ENABLE {
        return drive.abort();
    }
    match code {
        READ_DATA => drive.answer(data(drive)),
        READ_THRESHOLDS => drive.answer(thresholds()),
        READ_LOG => match log(drive) {
            Some(log) => drive.answer(log),
            None => drive.abort(),
        },
        ATTRIBUTE_AUTOSAVE => match drive.task.count.last {
            0 => {
                drive.disk.smart_autosave = false;
                drive.done();
            }
            0xf1 => {
                drive.disk.smart_autosave = true;
                drive.done();
            }
            _ => drive.abort(),
        },
        EXECUTE_OFFLINE_IMMEDIATE => match drive.task.low.last {
            // Offline routine, short and extended self-test, in the background
            kind @ 0..=2 => {
                drive.disk.self_test = kind;
                drive.disk.self_tests = drive.disk.self_tests.wrapping_add(1).min(21);
                drive.done();
            }
            _ => drive.abort(),
        },
        ENABLE => {
            drive.disk.smart = true;
            drive.done();
        }
        DISABLE => {
            drive.disk.smart = false;
            drive.done();
        }
        // SPEC: ata-atapi-6 :: SMART RETURN STATUS -> 4Fh and C2h stay where no threshold is exceeded
        RETURN_STATUS => drive.done(),
        _ => drive.abort(),
    }
}

/// Puts the checksum into the last byte: all bytes add up to 0.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
    if let Some(last) = bytes.last_mut() {
        *last = last.wrapping_sub(sum);
    }
    bytes
}

fn put(bytes: &mut [u8], at: usize, from: &[u8]) {
    if let Some(to) = bytes.get_mut(at..at + from.len()) {
        to.copy_from_slice(from);
    }
}

fn data(drive: &Drive) -> Vec<u8> {
    let mut bytes = vec![0; SECTOR as usize];
    bytes[0] = 1;
    for (n, (id, flags, value, raw, _)) in ATTRIBUTES.into_iter().enumerate() {
        put(&mut bytes, 2 + 12 * n, &[id, flags, 0, value, value]);
        put(&mut bytes, 7 + 12 * n, &raw);
    }
    // Offline data collection: completed, automatic or not
    bytes[362] = 2 | u8::from(drive.disk.smart_autosave) << 7;
    // Seconds, capabilities: offline routine and self-tests, autosave, logs; minutes of the tests
    put(&mut bytes, 364, &[0x20, 1, 0, 0x19, 3, 0, 1, 0, 2, 0x36, 1]);
    summed(bytes)
}

fn thresholds() -> Vec<u8> {
    let mut bytes = vec![0; SECTOR as usize];
    bytes[0] = 1;
    for (n, (id, .., threshold)) in ATTRIBUTES.into_iter().enumerate() {
        put(&mut bytes, 2 + 12 * n, &[id, threshold]);
    }
    summed(bytes)
}

/// SPEC: ata-atapi-6 :: SMART READ LOG -> 01h: summary error log, 06h: self-test log
fn log(drive: &Drive) -> Option<Vec<u8>> {
    let mut bytes = vec![0; SECTOR as usize];
    bytes[0] = 1;
    match drive.task.low.last {
        0x01 => {}
        0x06 => {
            // Each test: its kind, "completed without error", and the hours at which it was.
            let count = drive.disk.self_tests;
            for n in 0..usize::from(count) {
                put(&mut bytes, 2 + 24 * n, &[drive.disk.self_test, 0, 1, 0]);
            }
            bytes[508] = count;
        }
        _ => return None,
    }
    Some(summed(bytes))
}
