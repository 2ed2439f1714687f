//! A mouse with three buttons, and a wheel once the guest has enabled it.

use super::fifo::Fifo;
use super::spec::{ACK, BAT_OK, RESEND, mouse as command};
use crate::codec::{codec_enum, codec_struct};
use device_api::{PointerButton, VmTime};

/// A command that waits for its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Resolution,
    Rate,
}
codec_enum!(Waiting { Resolution, Rate });

/// Counts that are kept while no packet can be sent.
const KEPT: i32 = 0x7fff;
/// The largest movement of one packet. Packets have nine bits, but some drivers read eight.
const COUNTS: i32 = 127;
/// The largest wheel movement of one packet.
const NOTCHES: i32 = 7;
/// Type of a mouse with a wheel.
const INTELLIMOUSE: u8 = 3;
/// The rates that, set one behind the other, turn the wheel on.
const KNOCK: [u8; 3] = [200, 100, 80];
/// The rates there are, in reports a second.
const RATES: [u8; 7] = [10, 20, 40, 60, 80, 100, 200];

/// State of the mouse. Counts are kept as two's complement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mouse {
    enabled: bool,
    remote: bool,
    wrap: bool,
    /// Scaling 2:1
    scaled: bool,
    resolution: u8,
    rate: u8,
    /// 0, or 3 with a wheel
    kind: u8,
    /// The rates last set
    rates: [u8; 3],
    waiting: Option<Waiting>,
    /// Right, up and towards the user since the last packet
    x: u32,
    y: u32,
    z: u32,
    buttons: u8,
    /// The buttons as the last packet gave them
    reported: u8,
    /// No packet before this
    next_report: VmTime,
    /// The byte last sent
    last: u8,
    /// Answers go before packets
    answers: Fifo<8>,
    packets: Fifo<16>,
}
codec_struct!(Mouse {
    enabled,
    remote,
    wrap,
    scaled,
    resolution,
    rate,
    kind,
    rates,
    waiting,
    x,
    y,
    z,
    buttons,
    reported,
    next_report,
    last,
    answers,
    packets
});

impl Default for Mouse {
    /// 100 reports a second, 4 counts a millimetre, scaling 1:1, stream mode, disabled
    fn default() -> Self {
        Self {
            enabled: false,
            remote: false,
            wrap: false,
            scaled: false,
            resolution: 2,
            rate: 100,
            kind: 0,
            rates: [0; 3],
            waiting: None,
            x: 0,
            y: 0,
            z: 0,
            buttons: 0,
            reported: 0,
            next_report: VmTime::ZERO,
            last: 0,
            answers: Fifo::default(),
            packets: Fifo::default(),
        }
    }
}

/// Adds counts, up to what is kept.
fn count(sum: &mut u32, more: i32) {
    *sum = (*sum as i32).clamp(-KEPT, KEPT).saturating_add(more).clamp(-KEPT, KEPT) as u32;
}

/// Takes up to `most` counts out of a sum, either way.
fn take(sum: &mut u32, most: i32) -> i32 {
    let all = *sum as i32;
    let taken = all.clamp(-most, most);
    *sum = all.saturating_sub(taken) as u32;
    taken
}

/// Scaling 2:1: 0, 1, 1, 3, 6, 9, and twice the count from 6 on.
fn scaled(counts: i32) -> i32 {
    let size = match counts.abs() {
        small @ 0..=5 => *[0, 1, 1, 3, 6, 9].get(small as usize).unwrap_or(&0),
        size => 2 * size,
    };
    size * counts.signum()
}

impl Mouse {
    fn streaming(&self) -> bool {
        self.enabled && !self.remote && !self.wrap
    }

    /// The mouse moved: to the right, and towards the user.
    pub(super) fn moved(&mut self, right: i32, down: i32) {
        if self.enabled || self.remote {
            count(&mut self.x, right);
            count(&mut self.y, down.saturating_neg());
        }
    }

    /// The wheel turned towards the user.
    pub(super) fn wheel(&mut self, notches: i32) {
        if self.kind == INTELLIMOUSE && (self.enabled || self.remote) {
            count(&mut self.z, notches);
        }
    }

    /// A button goes down or up.
    pub(super) fn button(&mut self, now: VmTime, button: PointerButton, down: bool) {
        // A change that was not reported yet gets its own packet, so that short clicks are seen.
        if self.streaming() && self.buttons != self.reported {
            self.report(now);
        }
        let bit = match button {
            PointerButton::Left => command::LEFT,
            PointerButton::Right => command::RIGHT,
            PointerButton::Middle => command::MIDDLE,
        };
        self.buttons = if down { self.buttons | bit } else { self.buttons & !bit };
    }

    /// When a packet can be made of what has happened, if something has.
    fn report_due(&self) -> Option<VmTime> {
        let changed = self.x != 0 || self.y != 0 || self.z != 0 || self.buttons != self.reported;
        (self.streaming() && changed).then_some(self.next_report)
    }

    /// When the mouse has a byte of a packet to send: the time may have passed.
    pub(super) fn packet_due(&self) -> Option<VmTime> {
        if self.packets.is_empty() { self.report_due() } else { Some(VmTime::ZERO) }
    }

    /// Sends the next byte of an answer.
    pub(super) fn take_answer(&mut self) -> Option<u8> {
        let byte = self.answers.pop()?;
        self.last = byte;
        Some(byte)
    }

    /// Sends the next byte of a packet.
    pub(super) fn take_packet(&mut self, now: VmTime) -> Option<u8> {
        if self.packets.is_empty() && self.report_due().is_some_and(|due| due <= now) {
            self.report(now);
        }
        let byte = self.packets.pop()?;
        self.last = byte;
        Some(byte)
    }

    /// Queues a packet, where there is room.
    fn report(&mut self, now: VmTime) {
        if self.packets.room() >= 4 {
            let (bytes, len) = self.packet(self.scaled);
            self.packets.push(bytes.get(..len).unwrap_or_default());
            self.next_report = now + 1_000_000_000 / u64::from(self.rate.max(10));
        }
    }

    /// Returns a packet of what has happened, and its length: buttons and signs; x; y, upwards; the wheel. The excess
    /// stays for the next packet.
    fn packet(&mut self, scale: bool) -> ([u8; 4], usize) {
        let most = if scale { COUNTS / 2 } else { COUNTS };
        let [mut x, mut y] = [&mut self.x, &mut self.y].map(|sum| take(sum, most));
        if scale {
            [x, y] = [x, y].map(scaled);
        }
        let z = take(&mut self.z, NOTCHES);
        self.reported = self.buttons;
        let x_sign = if x < 0 { command::X_SIGN } else { 0 };
        let y_sign = if y < 0 { command::Y_SIGN } else { 0 };
        let first = self.buttons | command::ALWAYS | x_sign | y_sign;
        ([first, x as u8, y as u8, z as u8], if self.kind == INTELLIMOUSE { 4 } else { 3 })
    }

    fn clear_counts(&mut self) {
        (self.x, self.y, self.z) = (0, 0, 0);
    }

    /// A byte from the host. Commands and arguments are acknowledged; in wrap mode bytes come back, and what is unknown is to
    /// be sent again.
    pub(super) fn receive(&mut self, byte: u8) {
        // What was not read of the last answer is lost, and a packet that is cut would confuse.
        self.packets.clear();
        if self.wrap && byte != command::RESET_WRAP && byte != command::RESET {
            self.answers.push(&[byte]);
            return;
        }
        if byte == command::RESEND {
            self.answers.push(&[self.last]);
            return;
        }
        self.answers.clear();
        match self.waiting.take() {
            Some(waiting) => self.argument(waiting, byte),
            None => self.command(byte),
        }
    }

    fn argument(&mut self, waiting: Waiting, byte: u8) {
        let valid = match waiting {
            Waiting::Resolution => byte <= 3,
            Waiting::Rate => RATES.contains(&byte),
        };
        if !valid {
            self.answers.push(&[RESEND]);
            return;
        }
        match waiting {
            Waiting::Resolution => self.resolution = byte,
            Waiting::Rate => self.set_rate(byte),
        }
        self.answers.push(&[ACK]);
    }

    fn set_rate(&mut self, rate: u8) {
        self.rate = rate;
        self.rates.rotate_left(1);
        self.rates[2] = rate;
        if self.rates == KNOCK {
            self.kind = INTELLIMOUSE;
        }
    }

    fn command(&mut self, byte: u8) {
        self.answers.push(&[if known(byte) { ACK } else { RESEND }]);
        match byte {
            command::SCALING_1_1 => self.scaled = false,
            command::SCALING_2_1 => self.scaled = true,
            command::SET_RESOLUTION => self.waiting = Some(Waiting::Resolution),
            command::STATUS_REQUEST => {
                let status = self.status();
                self.answers.push(&[status, self.resolution, self.rate]);
            }
            command::STREAM_MODE => self.remote = false,
            command::READ_DATA => {
                // Scaling applies to stream mode only.
                let (bytes, len) = self.packet(false);
                self.answers.push(bytes.get(..len).unwrap_or_default());
            }
            command::RESET_WRAP => self.wrap = false,
            command::WRAP_MODE => self.wrap = true,
            command::REMOTE_MODE => self.remote = true,
            command::READ_TYPE => _ = self.answers.push(&[self.kind]),
            command::SET_RATE => self.waiting = Some(Waiting::Rate),
            command::ENABLE => self.enabled = true,
            command::DISABLE => self.enabled = false,
            command::SET_DEFAULT => {
                // The type stays.
                let Self { kind, buttons, next_report, answers, .. } = std::mem::take(self);
                *self = Self { kind, buttons, next_report, answers, ..Self::default() };
            }
            command::RESET => {
                let Self { buttons, next_report, answers, .. } = std::mem::take(self);
                *self = Self { buttons, next_report, answers, ..Self::default() };
                self.answers.push(&[BAT_OK, 0]);
            }
            _ => {}
        }
        if matches!(byte, command::ENABLE | command::REMOTE_MODE | command::STREAM_MODE) {
            self.clear_counts();
            self.reported = self.buttons;
        }
    }

    fn status(&self) -> u8 {
        let flag = |on, bit| if on { bit } else { 0 };
        // Left and right are the other way round here than in packets.
        flag(self.remote, command::REMOTE)
            | flag(self.enabled, command::ENABLED)
            | flag(self.scaled, command::SCALED)
            | flag(self.buttons & command::LEFT != 0, 1 << 2)
            | flag(self.buttons & command::MIDDLE != 0, 1 << 1)
            | flag(self.buttons & command::RIGHT != 0, 1 << 0)
    }
}

fn known(byte: u8) -> bool {
    use command::*;
    matches!(byte, SCALING_1_1..=RESET_WRAP | WRAP_MODE | REMOTE_MODE | READ_TYPE..=SET_DEFAULT | RESET)
}
