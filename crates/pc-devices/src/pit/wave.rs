//! What a counting element and its OUT pin do, as functions of the clocks since it was loaded.

/// Counting modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// 0: interrupt on terminal count
    #[default]
    Terminal,
    /// 1: hardware retriggerable one-shot
    OneShot,
    /// 2: rate generator
    Rate,
    /// 3: square wave
    Square,
    /// 4: software triggered strobe
    SoftStrobe,
    /// 5: hardware triggered strobe
    HardStrobe,
}
crate::codec::codec_enum!(Mode { Terminal, OneShot, Rate, Square, SoftStrobe, HardStrobe });

impl Mode {
    /// SPEC: intel-8254 :: Control Word Format -> modes 6 and 7 are 2 and 3, their upper bit is not decoded
    pub(super) fn of(control: u8) -> Mode {
        match control >> 1 & 7 {
            0 => Mode::Terminal,
            1 => Mode::OneShot,
            4 => Mode::SoftStrobe,
            5 => Mode::HardStrobe,
            mode if mode & 1 == 0 => Mode::Rate,
            _ => Mode::Square,
        }
    }

    /// Returns whether the mode reloads the count automatically.
    pub(super) fn periodic(self) -> bool {
        matches!(self, Mode::Rate | Mode::Square)
    }

    /// Is started by a rising gate rather than by the count.
    pub(super) fn hardware_triggered(self) -> bool {
        matches!(self, Mode::OneShot | Mode::HardStrobe)
    }

    /// OUT after the control word is written.
    pub(super) fn idle_out(self) -> bool {
        self != Mode::Terminal
    }
}

/// One run of the counting element: mode and count (1 to 65,536).
#[derive(Clone, Copy, Debug)]
pub(super) struct Wave {
    pub(super) mode: Mode,
    pub(super) count: i64,
}

impl Wave {
    /// Clocks of the high half of a square wave.
    ///
    /// SPEC: intel-8254 :: Mode 3: Square Wave Mode -> odd counts are high for (N + 1) / 2 clocks, low for (N - 1) / 2
    pub(super) fn high_half(self) -> i64 {
        (self.count + 1) / 2
    }

    /// Returns the counting element `elapsed` (not negative) clocks after loading, before reduction to 16 bits or 4
    /// digits.
    pub(super) fn element(self, elapsed: i64) -> i64 {
        let n = self.count;
        match self.mode {
            Mode::Rate => n - elapsed % n,
            Mode::Square => {
                let at = elapsed % n;
                let at = if at < self.high_half() { at } else { at - self.high_half() };
                (n & !1) - 2 * at
            }
            _ => n - elapsed,
        }
    }

    /// OUT `elapsed` clocks after loading.
    pub(super) fn out(self, elapsed: i64) -> bool {
        match self.mode {
            Mode::Terminal | Mode::OneShot => elapsed >= self.count,
            // A count of 1 is not allowed; OUT stays high.
            Mode::Rate => self.count == 1 || elapsed % self.count != self.count - 1,
            Mode::Square => elapsed % self.count < self.high_half(),
            Mode::SoftStrobe | Mode::HardStrobe => elapsed != self.count,
        }
    }

    /// Returns the first moment after `elapsed` at which OUT rises.
    pub(super) fn next_rise(self, elapsed: i64) -> Option<i64> {
        let n = self.count;
        match self.mode {
            Mode::Terminal | Mode::OneShot => (elapsed < n).then_some(n),
            Mode::Rate | Mode::Square => (n > 1).then(|| (elapsed / n + 1) * n),
            Mode::SoftStrobe | Mode::HardStrobe => (elapsed < n + 1).then_some(n + 1),
        }
    }

    /// Returns the first moment after `elapsed` at which OUT falls, where the low state lasts (strobes of one clock do
    /// not count).
    pub(super) fn next_fall(self, elapsed: i64) -> Option<i64> {
        (self.mode == Mode::Square && self.count > 1).then(|| {
            let fall = elapsed / self.count * self.count + self.high_half();
            if fall > elapsed { fall } else { fall + self.count }
        })
    }

    /// Returns the first moment after `elapsed` at which a count written meanwhile is taken over by a periodic mode.
    pub(super) fn next_reload(self, elapsed: i64) -> i64 {
        let end = (elapsed / self.count + 1) * self.count;
        match self.mode {
            Mode::Square => self.next_fall(elapsed).map_or(end, |fall| fall.min(end)),
            _ => end,
        }
    }
}
