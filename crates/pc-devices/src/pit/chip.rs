//! The 8254 with the gate and the output of counter 2 at port 61h.

use super::counter::Counter;
use super::spec::*;
use crate::codec::codec_struct;
use device_api::VmTime;

/// State of the 8254 and of port 61h.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    counters: [Counter; 3],
    port_b: u8,
}
codec_struct!(Chip { counters, port_b });

impl Default for Chip {
    fn default() -> Self {
        Self { counters: [Counter::new(true), Counter::new(true), Counter::new(false)], port_b: 0 }
    }
}

/// Returns the periods of the input clock since power-on.
pub(super) fn clock(now: VmTime) -> u64 {
    now.ticks(HZ)
}

impl Chip {
    /// Advances the counters to `now`. Returns whether OUT of counter 0 rose since the last call. Called before every
    /// access.
    pub(super) fn catch_up(&mut self, now: VmTime) -> bool {
        let [zero, one, two] = self.counters.each_mut().map(|counter| counter.catch_up(clock(now)));
        let _ = (one, two);
        zero
    }

    /// OUT of counter 0.
    pub(super) fn out0(&self, now: VmTime) -> bool {
        self.counters[0].out(clock(now))
    }

    /// OUT of counter 2.
    pub(super) fn out2(&self, now: VmTime) -> bool {
        self.counters[2].out(clock(now))
    }

    /// When OUT of counter 0 changes next.
    pub(super) fn next_event(&self) -> Option<VmTime> {
        self.counters[0].next_event().map(|clocks| VmTime::at_tick(clocks, HZ))
    }

    /// Returns the frequency of the tone that the speaker plays, in hertz; `None` while it is silent.
    ///
    /// SPEC: intel-82371sb :: NMISC—NMI Status and Control Register -> bit 0 is the gate of counter 2, bit 1 lets its output through to the speaker
    pub fn speaker(&self) -> Option<u32> {
        let on = self.port_b & (GATE2 | SPEAKER) == GATE2 | SPEAKER;
        let [_, _, two] = &self.counters;
        two.period().filter(|_| on).map(|clocks| (HZ / clocks) as u32)
    }

    /// Returns the counter that moves the speaker's cone; `None` while it does not reach it.
    pub(super) fn speaker_counter(&self) -> Option<&Counter> {
        let [_, _, two] = &self.counters;
        (self.port_b & SPEAKER != 0).then_some(two)
    }

    fn counter(&mut self, port: u16) -> Option<&mut Counter> {
        self.counters.get_mut(usize::from(port.wrapping_sub(COUNTER0)))
    }

    pub(super) fn read_port(&mut self, now: VmTime, port: u16) -> u8 {
        match port {
            PORT_B => {
                let refresh = if now.0 / REFRESH_NS % 2 == 1 { REFRESH } else { 0 };
                let out2 = if self.out2(now) { OUT2 } else { 0 };
                self.port_b | refresh | out2
            }
            // SPEC: intel-8254 :: Read Operations -> the control word register cannot be read; the bus floats
            _ => self.counter(port).map_or(0xff, |counter| counter.read(clock(now))),
        }
    }

    pub(super) fn write_port(&mut self, now: VmTime, port: u16, value: u8) {
        match port {
            PORT_B => {
                self.port_b = value & PORT_B_WRITABLE;
                self.counters[2].set_gate(clock(now), value & GATE2 != 0);
            }
            CONTROL => self.control(clock(now), value),
            _ => {
                if let Some(counter) = self.counter(port) {
                    counter.write(clock(now), value);
                }
            }
        }
    }

    fn control(&mut self, clocks: u64, value: u8) {
        let select = value >> 6;
        if select != READ_BACK {
            if let Some(counter) = self.counters.get_mut(usize::from(select)) {
                counter.control(clocks, value);
            }
            return;
        }
        for (bit, counter) in self.counters.iter_mut().enumerate() {
            if value & (2 << bit) == 0 {
                continue;
            }
            if value & READ_BACK_NO_COUNT == 0 {
                counter.latch_count(clocks);
            }
            if value & READ_BACK_NO_STATUS == 0 {
                counter.latch_status(clocks);
            }
        }
    }
}
