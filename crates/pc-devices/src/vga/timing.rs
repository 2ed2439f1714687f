//! Where the beam is at a time: blanking and retrace follow from the registers and the dot clock.

use super::chip::Chip;
use super::spec::{Clocking, Misc, crtc};
use device_api::VmTime;

/// Lengths of lines and frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timing {
    dot_hz: u64,
    /// Dots of a line
    line: u64,
    /// Displayed dots of a line
    shown: u64,
    /// Lines of a frame
    lines: u64,
    /// Displayed lines of a frame
    shown_lines: u64,
    /// First line of the vertical retrace
    retrace: u64,
    /// How many lines it takes
    retrace_lines: u64,
}

/// What a moment of a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beam {
    pub(super) blanked: bool,
    pub(super) vertical_retrace: bool,
}

impl Timing {
    /// 640 by 480 dots 60 times a second, which monitors show without further ado.
    const STANDARD: Self = Self {
        dot_hz: 25_175_000,
        line: 800,
        shown: 640,
        lines: 525,
        shown_lines: 480,
        retrace: 490,
        retrace_lines: 2,
    };

    /// Returns the timing by the registers. With the Bochs interface, or a timing that no monitor supports, it is the
    /// standard timing, so that a guest that waits for a retrace observes one.
    ///
    /// SPEC: freevga :: Dot Clocks -> 25.175 MHz or 28.322 MHz, which the dot clock rate field halves
    /// SPEC: freevga :: Horizontal Timing -> the total is five character clocks more than its register says
    /// SPEC: freevga :: Vertical Timing -> the retrace ends where the low four bits of the line match; the total is two lines more
    pub(super) fn new(chip: &Chip) -> Self {
        let clocking = chip.clocking();
        let dots = if clocking.contains(Clocking::DOTS_8) { 8 } else { 9 };
        let hz = if chip.misc().contains(Misc::CLOCK_28) { 28_322_000 } else { 25_175_000 };
        let long = |low| u64::from(chip.crtc_long(low));
        let retrace = long(crtc::VERTICAL_RETRACE_START);
        let end = u64::from(chip.crtc[crtc::VERTICAL_RETRACE_END]);
        let timing = Self {
            dot_hz: if clocking.contains(Clocking::HALVED) { hz / 2 } else { hz },
            line: (u64::from(chip.crtc[crtc::HORIZONTAL_TOTAL]) + 5) * dots,
            shown: (u64::from(chip.crtc[crtc::HORIZONTAL_DISPLAY_END]) + 1) * dots,
            lines: long(crtc::VERTICAL_TOTAL) + 2,
            shown_lines: long(crtc::VERTICAL_DISPLAY_END) + 1,
            retrace,
            retrace_lines: (end.wrapping_sub(retrace).wrapping_sub(1) & 15) + 1,
        };
        let rate = timing.dot_hz / (timing.line * timing.lines);
        let retraces = timing.retrace + timing.retrace_lines <= timing.lines;
        let blanks = timing.shown < timing.line && timing.shown_lines <= timing.retrace;
        let shown = chip.dispi.pixel_bits().is_none() && (20..=200).contains(&rate);
        if shown && retraces && blanks { timing } else { Self::STANDARD }
    }

    /// Returns how many frames were complete at a time.
    pub(super) fn frame(&self, now: VmTime) -> u64 {
        now.ticks(self.dot_hz) / (self.line * self.lines)
    }

    /// SPEC: freevga :: Input Status #1 Register (Read at 3BAh (mono) or 3DAh (color)) -> bit 0 is display enable inverted, bit 3 the vertical retrace
    pub(super) fn beam(&self, now: VmTime) -> Beam {
        let dot = now.ticks(self.dot_hz) % (self.line * self.lines);
        let (line, column) = (dot / self.line, dot % self.line);
        Beam {
            blanked: column >= self.shown || line >= self.shown_lines,
            vertical_retrace: (self.retrace..self.retrace + self.retrace_lines).contains(&line),
        }
    }
}
