//! The 16550A serial ports.

mod chip;
pub mod spec;
#[cfg(test)]
mod tests;

use crate::aml::Node;
use crate::{codec::snapshot_of, lanes};
use chip::Uart;
use device_api::{
    BuildConfig, CharBackend, Ctx, Device, DeviceDecl, DeviceError, FirmwareTables, HostEvent, IrqLine, Pio,
    PortRange, Presence, Property, PropertyKind, Role, Stage, Timed, VmTime, capabilities, declare_device,
};
use spec::offset;

const ID: &str = "isa-serial";

/// How long the host's end is left alone after the receive interrupt was enabled, in nanoseconds: Linux enables the FIFOs
/// just behind it, which clears them.
pub const START_TIME: u64 = 500_000;
/// Reads of LSR in a row that only a polling driver makes: Linux reads it twice when it starts a port.
const POLLS: u8 = 4;

/// A UART with its cable. Without a back end output is dropped and nothing ever arrives.
pub struct SerialDevice {
    /// 0 for COM1
    index: u8,
    base: u16,
    irq: u8,
    /// `None` also when nothing is plugged in
    host: Option<Box<dyn CharBackend>>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    uart: Uart,
    /// When the host's end is looked at for what came before the guest listened
    listen_at: Option<VmTime>,
    /// Reads of LSR in a row, up to [`POLLS`], where it stays until the FIFOs are programmed
    lsr_reads: u8,
}

crate::codec::codec_struct!(State { uart, listen_at, lsr_reads });

snapshot_of!(SerialDevice, state);

impl std::fmt::Debug for SerialDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SerialDevice")
            .field("base", &self.base)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl State {
    fn new(connected: bool) -> Self {
        Self { uart: Uart::new(connected), listen_at: None, lsr_reads: 0 }
    }
}

impl SerialDevice {
    fn new(index: u8, (base, irq): (u16, u8), host: Option<Box<dyn CharBackend>>) -> Self {
        let state = State::new(host.is_some());
        Self { index, base, irq, host, state }
    }

    /// Returns whether the guest is ready for input: it has enabled the receive interrupt, or it has read LSR several
    /// times in a row, as only a driver does that polls. Input stays with the host until then, since drivers clear the
    /// receiver when they start: what came before, such as a script on standard input, would be lost.
    fn is_ready(&self) -> bool {
        self.state.uart.wants_data() || self.state.lsr_reads == POLLS
    }

    /// Counts reads of LSR in a row. A driver that polls does something else between, too, once it has begun.
    fn count_access(&mut self, reads_lsr: bool) {
        let count = &mut self.state.lsr_reads;
        *count = match *count {
            POLLS => POLLS,
            count if reads_lsr => count + 1,
            _ => 0,
        };
    }

    /// Returns whether input would interrupt.
    fn listens(&self) -> bool {
        self.host.is_some() && self.state.uart.wants_data() && !self.state.uart.loopback()
    }

    /// Takes what the host has, as far as it fits. In loopback the receiver is cut off from the wire.
    fn take_input(&mut self, now: VmTime) {
        let Some(host) = &mut self.host else { return };
        while !self.state.uart.loopback() && self.state.uart.has_room() {
            let Some(byte) = host.receive() else { return };
            self.state.uart.arrive(now, byte);
        }
    }

    /// COM1 and COM3 share a line, and so do COM2 and COM4.
    fn drive(&self, ctx: &mut Ctx<'_>) {
        ctx.lines.set(IrqLine(self.irq), self.state.uart.interrupt());
    }
}

impl Device for SerialDevice {
    capabilities!(pio, timed);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        let name = format!("COM{}", self.index + 1);
        let ports = [(self.base, spec::PORTS as u8)];
        let node =
            Node { name: &name, eisa: "PNP0501", ports: &ports, irq: Some(self.irq), ..Node::default() };
        Node { uid: Some(self.index + 1), ..node }.write(&mut tables.bus);
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.state = State::new(self.host.is_some());
        self.drive(ctx);
    }
    fn host_event(&mut self, ctx: &mut Ctx<'_>, event: HostEvent) {
        if event == HostEvent::CharInput && self.listens() && self.state.listen_at.is_none() {
            self.take_input(ctx.now);
            self.drive(ctx);
        }
    }
}

impl Pio for SerialDevice {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        let value = lanes::read(port, size, |port| {
            let register = port.wrapping_sub(self.base) & 7;
            let shows_data = matches!(register, offset::RBR_THR_DLL | offset::IIR_FCR | offset::LSR);
            self.count_access(register == offset::LSR);
            if shows_data && self.is_ready() {
                self.take_input(ctx.now);
            }
            self.state.uart.read(ctx.now, register)
        });
        self.drive(ctx);
        value
    }

    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        lanes::write(port, size, value, |port, byte| {
            let listened = self.listens();
            let register = port.wrapping_sub(self.base) & 7;
            let sent = self.state.uart.write(ctx.now, register, byte);
            self.count_access(false);
            if register == offset::IIR_FCR {
                self.state.lsr_reads = 0;
            }
            if self.listens() != listened {
                self.state.listen_at = (!listened).then(|| ctx.now + START_TIME);
            }
            if let (Some(byte), Some(host)) = (sent, &mut self.host) {
                host.send(byte);
            }
        });
        self.drive(ctx);
    }
}

impl Timed for SerialDevice {
    /// Returns the character timeout, and the first look at the host's end. What comes later is announced.
    fn next_deadline(&self) -> Option<VmTime> {
        [self.state.listen_at, self.state.uart.timeout_at()].into_iter().flatten().min()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        if self.state.listen_at.is_some_and(|at| at <= ctx.now) {
            self.state.listen_at = None;
            self.take_input(ctx.now);
        }
        self.state.uart.catch_up(ctx.now);
        self.drive(ctx);
    }
}

/// Ports and interrupts of COM1 to COM4.
/// They are also what QEMU gives by its property `index`.
const PLACES: [(u16, u8); 4] = [(0x3f8, 4), (0x2f8, 3), (0x3e8, 4), (0x2e8, 3)];

fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
    let index = config.properties.number("index").unwrap_or(0) as usize;
    let (base, irq) = PLACES.get(index).copied().unwrap_or(PLACES[0]);
    let base = config.properties.number("iobase").map_or(base, |port| port as u16);
    let irq = config.properties.number("irq").map_or(irq, |line| line as u8);
    let host = config.take_char("chardev")?;
    config.ports.push(PortRange { start: base, len: spec::PORTS });
    Ok(Box::new(SerialDevice::new(index as u8, (base, irq), host)))
}

const fn number(
    name: &'static str,
    max: u64,
    default: Option<&'static str>,
    summary: &'static str,
) -> Property {
    Property { name, kind: PropertyKind::Number { min: 0, max }, default, summary }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "16550A serial port",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    properties: &[
        number("index", 3, Some("0"), "COM1 to COM4, by which ports and interrupt are chosen"),
        number("iobase", 0xfff8, None, "first of eight ports"),
        number("irq", 15, None, "interrupt"),
        Property {
            name: "chardev",
            kind: PropertyKind::Backend(Role::Char),
            default: None,
            summary: "where the line goes",
        },
    ],
    build,
    ..DeviceDecl::DEFAULT
});
