//! The UART's state machine. Bits take no time on the wire: a transmitted byte is gone at once, so that the transmitter
//! always shows empty and its interrupt comes back right after each write. Only the character timeout keeps time.

use super::spec::{CLOCK_HZ, FIFO_SIZE, Fcr, Ier, Lcr, Lsr, Mcr, Msr, iir, offset};
use crate::codec::codec_struct;
use device_api::VmTime;

/// The receive FIFO: `data[..len]`, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Fifo {
    data: [u8; FIFO_SIZE],
    len: u8,
}

impl Fifo {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.data.get_mut(usize::from(self.len)) {
            *slot = byte;
            self.len += 1;
        }
    }
    fn pop(&mut self) -> Option<u8> {
        self.len = self.len.checked_sub(1)?;
        let [byte, ..] = self.data;
        self.data.rotate_left(1);
        Some(byte)
    }
}

impl crate::codec::Codec for Fifo {
    fn put(&self, out: &mut Vec<u8>) {
        let Self { data, len } = self;
        data.put(out);
        len.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let (data, len) = (crate::codec::Codec::get(bytes)?, u8::get(bytes)?);
        (usize::from(len) <= FIFO_SIZE).then_some(Self { data, len })
    }
}

/// The registers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Uart {
    receive: Fifo,
    /// Last byte read, which RBR shows again while nothing new has come
    holding: u8,
    /// When a byte last came or went: the character timeout counts from there
    active: VmTime,
    /// The character timeout has passed since
    timeout: bool,
    overrun: bool,
    /// The transmitter-empty interrupt is due
    empty: bool,
    ier: u8,
    fcr: u8,
    lcr: u8,
    mcr: u8,
    scr: u8,
    divisor: u16,
    /// CTS, DSR, RI, DCD as the cable drives them, in MSR's bits
    cable: u8,
    deltas: u8,
}

codec_struct!(Uart {
    receive,
    holding,
    active,
    timeout,
    overrun,
    empty,
    ier,
    fcr,
    lcr,
    mcr,
    scr,
    divisor,
    cable,
    deltas,
});

impl Uart {
    /// After master reset. A cable with something at its end asserts CTS, DSR and DCD.
    pub(super) fn new(connected: bool) -> Self {
        let cable = if connected { (Msr::CTS | Msr::DSR | Msr::DCD).bits() } else { 0 };
        Self { cable, ..Self::default() }
    }

    fn fifos(&self) -> bool {
        self.fcr & Fcr::ENABLE.bits() != 0
    }

    fn mcr(&self) -> Mcr {
        Mcr::from_bits_retain(self.mcr)
    }

    pub(super) fn loopback(&self) -> bool {
        self.mcr().contains(Mcr::LOOP)
    }

    pub(super) fn wants_data(&self) -> bool {
        self.ier & Ier::RECEIVED_DATA.bits() != 0
    }

    /// Returns whether another byte fits: 16 with FIFOs, 1 without.
    pub(super) fn has_room(&self) -> bool {
        usize::from(self.receive.len) < if self.fifos() { FIFO_SIZE } else { 1 }
    }

    /// A byte arrives.
    ///
    /// SPEC: ns16550a :: 8.4 Line Status Register -> OE: without FIFOs the old byte is lost, with full FIFOs the new one
    pub(super) fn arrive(&mut self, now: VmTime, byte: u8) {
        self.catch_up(now);
        if !self.has_room() {
            self.overrun = true;
            if self.fifos() {
                return;
            }
            self.receive.len = 0;
        }
        self.receive.push(byte);
        self.active = now;
        self.timeout = false;
    }

    /// Nanoseconds of four characters at the present format and speed.
    ///
    /// SPEC: ns16550a :: 8.11 FIFO Interrupt Mode Operation -> the timeout is four continuous character times
    fn timeout_span(&self) -> u64 {
        let lcr = Lcr::from_bits_retain(self.lcr);
        // Start, 5 to 8 data, parity, stop; one stop bit and a half counts as two.
        let bits = 1
            + 5
            + u64::from(self.lcr & Lcr::WORD_LENGTH.bits())
            + u64::from(lcr.contains(Lcr::PARITY))
            + 1
            + u64::from(lcr.contains(Lcr::STOP_BITS));
        let divisor = u64::from(self.divisor.max(1));
        4 * bits * 16 * divisor * 1_000_000_000 / CLOCK_HZ
    }

    /// When the character timeout strikes, if it can.
    pub(super) fn timeout_at(&self) -> Option<VmTime> {
        let counting = self.fifos() && self.wants_data() && self.receive.len > 0 && !self.timeout;
        counting.then(|| self.active + self.timeout_span())
    }

    /// Catches up with the time.
    pub(super) fn catch_up(&mut self, now: VmTime) {
        if self.timeout_at().is_some_and(|at| at <= now) {
            self.timeout = true;
        }
    }

    fn trigger(&self) -> u8 {
        match (self.fifos(), self.fcr >> 6) {
            (false, _) | (true, 0) => 1,
            (true, 1) => 4,
            (true, 2) => 8,
            (true, _) => 14,
        }
    }

    /// Returns the enabled source of the highest priority.
    ///
    /// SPEC: ns16550a :: 8.6 Interrupt Identification Register -> line status, received data, timeout, transmitter empty, modem status
    fn source(&self) -> u8 {
        let ier = Ier::from_bits_retain(self.ier);
        if ier.contains(Ier::LINE_STATUS) && self.overrun {
            iir::LINE_STATUS
        } else if ier.contains(Ier::RECEIVED_DATA) && self.receive.len >= self.trigger() {
            iir::RECEIVED_DATA
        } else if ier.contains(Ier::RECEIVED_DATA) && self.timeout {
            iir::TIMEOUT
        } else if ier.contains(Ier::TRANSMITTER_EMPTY) && self.empty {
            iir::TRANSMITTER_EMPTY
        } else if ier.contains(Ier::MODEM_STATUS) && self.deltas != 0 {
            iir::MODEM_STATUS
        } else {
            iir::NONE
        }
    }

    /// Returns the level of the interrupt line. A PC gates it with OUT2, which loopback holds inactive.
    ///
    /// SPEC: ns16550a :: 8.8 Modem Control Register -> loopback forces the modem control output pins inactive
    pub(super) fn interrupt(&self) -> bool {
        self.mcr().contains(Mcr::OUT2) && !self.loopback() && self.source() != iir::NONE
    }

    /// Modem inputs as MSR shows them.
    ///
    /// SPEC: ns16550a :: 8.8 Modem Control Register -> in loopback DTR, RTS, OUT1, OUT2 feed DSR, CTS, RI, DCD
    fn lines(&self) -> Msr {
        if !self.loopback() {
            return Msr::from_bits_retain(self.cable);
        }
        let mut lines = Msr::empty();
        lines.set(Msr::CTS, self.mcr().contains(Mcr::RTS));
        lines.set(Msr::DSR, self.mcr().contains(Mcr::DTR));
        lines.set(Msr::RI, self.mcr().contains(Mcr::OUT1));
        lines.set(Msr::DCD, self.mcr().contains(Mcr::OUT2));
        lines
    }

    fn dlab(&self) -> bool {
        self.lcr & Lcr::DLAB.bits() != 0
    }

    /// Reads a register.
    pub(super) fn read(&mut self, now: VmTime, register: u16) -> u8 {
        self.catch_up(now);
        let [low, high] = self.divisor.to_le_bytes();
        match register & 7 {
            offset::RBR_THR_DLL if self.dlab() => low,
            offset::RBR_THR_DLL => self.read_data(now),
            offset::IER_DLM if self.dlab() => high,
            offset::IER_DLM => self.ier,
            offset::IIR_FCR => self.read_iir(),
            offset::LCR => self.lcr,
            offset::MCR => self.mcr,
            offset::LSR => self.read_lsr(),
            offset::MSR => self.lines().bits() | std::mem::take(&mut self.deltas),
            _ => self.scr,
        }
    }

    fn read_data(&mut self, now: VmTime) -> u8 {
        if let Some(byte) = self.receive.pop() {
            self.holding = byte;
            self.active = now;
        }
        self.timeout = false;
        self.holding
    }

    /// SPEC: ns16550a :: 8.6 Interrupt Identification Register -> reading it resets the transmitter-empty interrupt it names
    fn read_iir(&mut self) -> u8 {
        let source = self.source();
        if source == iir::TRANSMITTER_EMPTY {
            self.empty = false;
        }
        source | if self.fifos() { iir::FIFOS } else { 0 }
    }

    /// SPEC: ns16550a :: 8.4 Line Status Register -> reading it clears OE
    fn read_lsr(&mut self) -> u8 {
        let mut status = Lsr::THRE | Lsr::TEMT;
        status.set(Lsr::DR, self.receive.len > 0);
        status.set(Lsr::OE, std::mem::take(&mut self.overrun));
        status.bits()
    }

    /// Writes a register; returns a byte that goes out on the wire.
    pub(super) fn write(&mut self, now: VmTime, register: u16, value: u8) -> Option<u8> {
        self.catch_up(now);
        let [low, high] = self.divisor.to_le_bytes();
        match register & 7 {
            offset::RBR_THR_DLL if self.dlab() => self.divisor = u16::from_le_bytes([value, high]),
            offset::RBR_THR_DLL => return self.transmit(now, value),
            offset::IER_DLM if self.dlab() => self.divisor = u16::from_le_bytes([low, value]),
            offset::IER_DLM => self.write_ier(value),
            offset::IIR_FCR => self.write_fcr(value),
            offset::LCR => self.lcr = value,
            offset::MCR => self.write_mcr(value),
            offset::SCR => self.scr = value,
            // LSR is for factory tests; MSR is read-only.
            _ => {}
        }
        None
    }

    /// SPEC: ns16550a :: 8.8 Modem Control Register -> loopback sends to the own receiver, the output pin marks
    fn transmit(&mut self, now: VmTime, value: u8) -> Option<u8> {
        // If the divisor was never set, the line format is ignored. Programs that send without initializing the port
        // expect whole bytes, as in QEMU.
        let missing = if self.divisor == 0 { 0 } else { 3 - (self.lcr & Lcr::WORD_LENGTH.bits()) };
        let byte = value & 0xff >> missing;
        self.empty = true;
        if self.loopback() {
            self.arrive(now, byte);
            return None;
        }
        Some(byte)
    }

    /// SPEC: ns16550a :: 8.7 Interrupt Enable Register -> enabling the transmitter interrupt with an empty transmitter interrupts at once
    fn write_ier(&mut self, value: u8) {
        let rising = value & !self.ier & Ier::TRANSMITTER_EMPTY.bits() != 0;
        self.empty |= rising;
        self.ier = value & Ier::all().bits();
    }

    /// SPEC: ns16550a :: 8.5 FIFO Control Register -> switching the FIFOs clears them; without bit 0 the other bits are not taken
    fn write_fcr(&mut self, value: u8) {
        let value = Fcr::from_bits_truncate(value);
        let switched = value.contains(Fcr::ENABLE) != self.fifos();
        if switched || value.contains(Fcr::ENABLE | Fcr::CLEAR_RECEIVE) {
            self.receive.len = 0;
            self.timeout = false;
        }
        let kept = Fcr::ENABLE | Fcr::DMA_MODE | Fcr::TRIGGER;
        self.fcr = if value.contains(Fcr::ENABLE) { (value & kept).bits() } else { 0 };
    }

    /// SPEC: ns16550a :: 8.9 Modem Status Register -> a delta is set by each change, TERI by the ring line's fall
    fn write_mcr(&mut self, value: u8) {
        let before = self.lines();
        self.mcr = value & Mcr::all().bits();
        let after = self.lines();
        let changed = ((before ^ after) - Msr::RI) | ((before - after) & Msr::RI);
        self.deltas |= changed.bits() >> 4;
    }
}
