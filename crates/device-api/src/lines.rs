//! Wires between devices, controllers and the processor. Several devices may drive one.

/// An interrupt wire: 0 to 15 are the ISA IRQs (ISA IRQ 0 is wired to I/O APIC input 2 by the MADT's override, which the
/// I/O APIC's adapter applies), 16 to 19 PIRQA# to PIRQD#, high where they are asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IrqLine(pub u8);

/// The driver of a wire: the machine assigns a number to every device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Driver(pub u8);

/// A wire: high while any of its drivers drives it high, or while its exclusive driver does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wire {
    /// A bit for each driver
    high: [u64; 4],
    only: Option<Driver>,
}

impl Wire {
    fn holds(&self, driver: Driver) -> bool {
        self.high[usize::from(driver.0 >> 6)] >> (driver.0 & 63) & 1 != 0
    }

    fn set(&mut self, driver: Driver, high: bool) {
        let bit = 1 << (driver.0 & 63);
        let word = &mut self.high[usize::from(driver.0 >> 6)];
        *word = if high { *word | bit } else { *word & !bit };
    }

    fn level(&self) -> bool {
        match self.only {
            Some(driver) => self.holds(driver),
            None => self.high != [0; 4],
        }
    }
}

/// How many interrupt lines there are.
const IRQS: usize = 32;
/// Bytes of a saved wire.
const SAVED: usize = 4 * 8 + 2;

/// All wires, with the changes of interrupt lines since the machine last looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    irqs: [Wire; IRQS],
    a20: Wire,
    /// Request lines of the DMA channels
    dma_requests: u8,
    /// Changes in order, for the machine to hand to every device with [`IrqInputs`](crate::IrqInputs)
    changes: Vec<(IrqLine, bool)>,
}

impl Lines {
    /// Returns the wires as `driver` reaches them.
    pub fn pins(&mut self, driver: Driver) -> Pins<'_> {
        Pins { lines: self, driver, slot: 0 }
    }

    /// Returns the wires as `driver`, in a slot of the PCI bus, reaches them.
    pub fn pins_of_slot(&mut self, driver: Driver, slot: u8) -> Pins<'_> {
        Pins { lines: self, driver, slot }
    }

    /// Returns a bit for each DMA channel that is requested.
    pub fn dma_requests(&self) -> u8 {
        self.dma_requests
    }

    fn change(&mut self, line: IrqLine, change: impl FnOnce(&mut Wire)) {
        let wire = &mut self.irqs[usize::from(line.0) % IRQS];
        let before = wire.level();
        change(wire);
        let after = wire.level();
        if before != after {
            self.changes.push((line, after));
        }
    }

    /// Returns whether an interrupt line is high.
    pub fn level(&self, line: IrqLine) -> bool {
        self.irqs[usize::from(line.0) % IRQS].level()
    }

    /// Returns whether address line 20 reaches memory.
    ///
    /// SPEC: intel-ich9 :: PORT92—Fast A20 and Init Register -> its bit is ORed with the gate of the keyboard controller
    pub fn a20(&self) -> bool {
        self.a20.level()
    }

    /// Returns whether changes wait to be handed on.
    #[inline(always)]
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Takes the changes since the last call, oldest first.
    pub fn take_changes(&mut self) -> Vec<(IrqLine, bool)> {
        std::mem::take(&mut self.changes)
    }
}

impl crate::Snapshot for Lines {
    fn save(&self, out: &mut Vec<u8>) {
        // Changes are handed on before anyone can save.
        let Self { irqs, a20, dma_requests, changes: _ } = self;
        for Wire { high, only } in irqs.iter().chain([a20]) {
            high.iter().for_each(|word| out.extend(word.to_le_bytes()));
            out.extend([u8::from(only.is_some()), only.map_or(0, |driver| driver.0)]);
        }
        out.push(*dma_requests);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let (mut saved, rest) = bytes.split_at_checked(SAVED * (IRQS + 1) + 1)?;
        let mut lines = Self::default();
        for wire in lines.irqs.iter_mut().chain([&mut lines.a20]) {
            for word in &mut wire.high {
                let (head, tail) = saved.split_first_chunk()?;
                *word = u64::from_le_bytes(*head);
                saved = tail;
            }
            let ([taken, driver], tail) = saved.split_first_chunk()?;
            wire.only = match taken {
                0 => None,
                1 => Some(Driver(*driver)),
                _ => return None,
            };
            saved = tail;
        }
        lines.dma_requests = *saved.first()?;
        // The devices' own states hold what followed from the levels.
        *self = lines;
        *bytes = rest;
        Some(())
    }
}

/// The wires as one device reaches them: what it drives is its own, what it reads is what all of them make.
#[derive(Debug)]
pub struct Pins<'a> {
    lines: &'a mut Lines,
    driver: Driver,
    slot: u8,
}

/// The wire of PIRQA#.
pub const PIRQA: IrqLine = IrqLine(16);

impl Pins<'_> {
    /// Drives an interrupt line high, or releases it.
    #[inline]
    pub fn set(&mut self, line: IrqLine, high: bool) {
        let driver = self.driver;
        self.lines.change(line, |wire| wire.set(driver, high));
    }

    /// Releases a line and drives it high again: an edge, whatever the level was before.
    pub fn edge(&mut self, line: IrqLine) {
        self.set(line, false);
        self.set(line, true);
    }

    /// Asserts or releases INTA# to INTD# (`pin` 1 to 4) of the device's slot. The pins of a slot are rotated over the
    /// four wires by its number.
    ///
    /// SPEC: pci-local-bus-3.0 :: 2.2.6 Interrupt Pins (Optional) -> INTx# of a slot to the wires by turns: the PC's way is wire (slot + pin - 2) mod 4
    pub fn set_intx(&mut self, pin: u8, asserted: bool) {
        let wire = u32::from(self.slot) + u32::from(pin) + 2;
        self.set(IrqLine(PIRQA.0 + (wire & 3) as u8), asserted);
    }

    /// Requests a DMA channel, or withdraws the request.
    pub fn dma_request(&mut self, channel: u8, requested: bool) {
        let bit = 1 << (channel & 7);
        let requests = &mut self.lines.dma_requests;
        *requests = if requested { *requests | bit } else { *requests & !bit };
    }

    /// Returns a bit for each DMA channel that a peripheral requests.
    pub fn dma_requests(&self) -> u8 {
        self.lines.dma_requests
    }

    /// Returns whether an interrupt line is high, by any driver.
    pub fn level(&self, line: IrqLine) -> bool {
        self.lines.level(line)
    }

    /// Takes an interrupt line for this device alone, or gives it back: a multiplexer before the controllers.
    pub fn take_over(&mut self, line: IrqLine, alone: bool) {
        let driver = self.driver;
        self.lines.change(line, |wire| match wire.only {
            None if alone => wire.only = Some(driver),
            Some(owner) if owner == driver && !alone => wire.only = None,
            _ => {}
        });
    }

    /// Opens this device's gate for address line 20, or closes it.
    pub fn open_a20(&mut self, open: bool) {
        self.lines.a20.set(self.driver, open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;

    const LINE: IrqLine = IrqLine(4);
    const ONE: Driver = Driver(3);
    const TWO: Driver = Driver(200);

    #[test]
    fn a_line_is_high_while_any_driver_holds_it() {
        // Driver, level, and the resulting change
        let table = [
            (ONE, true, Some(true)),
            (TWO, true, None),
            (ONE, true, None),
            (ONE, false, None),
            (TWO, false, Some(false)),
            (TWO, false, None),
        ];
        let mut lines = Lines::default();
        for (driver, high, change) in table {
            lines.pins(driver).set(LINE, high);
            let changes: Vec<_> = change.map(|level| (LINE, level)).into_iter().collect();
            assert_eq!(lines.take_changes(), changes, "{driver:?} {high}");
        }
        lines.pins(ONE).set(LINE, true);
        lines.pins(ONE).edge(LINE);
        assert_eq!(lines.take_changes(), [(LINE, true), (LINE, false), (LINE, true)]);
        assert!(!lines.level(IrqLine(5)));
    }

    #[test]
    fn who_takes_a_line_over_shuts_the_others_out() {
        let mut lines = Lines::default();
        lines.pins(ONE).set(LINE, true);
        lines.pins(TWO).take_over(LINE, true);
        lines.pins(ONE).take_over(LINE, false);
        assert_eq!(
            lines.take_changes(),
            [(LINE, true), (LINE, false)],
            "taken from one, whose level is gone"
        );
        lines.pins(ONE).edge(LINE);
        lines.pins(TWO).set(LINE, true);
        assert_eq!(lines.take_changes(), [(LINE, true)]);
        lines.pins(TWO).set(LINE, false);
        lines.pins(TWO).take_over(LINE, false);
        assert_eq!(lines.take_changes(), [(LINE, false), (LINE, true)], "given back, and one still holds it");
    }

    #[test]
    fn either_gate_opens_a20() {
        let mut lines = Lines::default();
        for (one, two) in [(false, false), (false, true), (true, true), (true, false), (false, false)] {
            lines.pins(ONE).open_a20(one);
            lines.pins(TWO).open_a20(two);
            assert_eq!(lines.a20(), one || two);
        }
        assert!(!lines.has_changes(), "no interrupt line");
    }

    #[test]
    fn wires_come_back_from_their_bytes() {
        let mut lines = Lines::default();
        lines.pins(ONE).set(LINE, true);
        lines.pins(TWO).take_over(IrqLine(8), true);
        lines.pins(TWO).open_a20(true);
        lines.take_changes();
        let mut bytes = Vec::new();
        lines.save(&mut bytes);
        let mut copy = Lines::default();
        assert_eq!(copy.load(&mut &bytes[1..]), None);
        assert_eq!(copy, Lines::default(), "refused, and unchanged");
        let mut rest = &bytes[..];
        assert_eq!(copy.load(&mut rest), Some(()));
        assert!(copy == lines && rest.is_empty());
    }
}
