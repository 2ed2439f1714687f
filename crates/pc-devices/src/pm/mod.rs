//! Power management, function 01.3: ACPI fixed hardware, the PM timer, soft off, advanced power management, SMBus.

mod chip;
mod smbus;
pub mod spec;
mod tables;
#[cfg(test)]
mod tests;

use crate::codec::Codec;
use crate::lanes;
use chip::Chip;
use device_api::pci::{ConfigSpace, Identity, Window, offset};
use device_api::{
    Ctx, Device, DeviceDecl, FirmwareTables, HostEvent, IrqLine, MachineEvent, PciAddress, PciFunction, Pio,
    PortRange, Snapshot, Stage, Timed, VmTime, capabilities, config_space, declare_device,
};
use smbus::Smbus;

/// The name of the model.
pub const MODEL: &str = "PIIX4_PM";

/// Windows of the function's own.
const PM_WINDOW: u8 = 7;
const SMB_WINDOW: u8 = 8;

/// The function.
#[derive(Debug)]
pub struct PowerManagement {
    config: ConfigSpace,
    chip: Chip,
    smbus: Smbus,
}

/// What answers a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// Power management registers, from their base on
    Pm(u16),
    Gpe(u16),
    Apm,
    Smbus(u16),
    Nothing,
}

impl PowerManagement {
    /// The registers answer at their usual place from the start: tables that describe it are made before firmware runs,
    /// which leaves a base that it finds enabled.
    ///
    /// SPEC: intel-82371ab :: PMBA—Power Management Base Address -> bits 15:6 of 64 ports, bit 0 is 1
    /// SPEC: intel-82371ab :: PMREGMISC—Miscellaneous Power Management -> bit 0 enables the ports at PMBA
    /// SPEC: intel-82371ab :: SMBBA—SMBus Base Address -> bits 15:4 of 16 ports, bit 0 is 1
    fn new() -> Self {
        let mut config = ConfigSpace::new(Identity {
            vendor: spec::VENDOR,
            device: spec::DEVICE,
            revision: spec::REVISION,
            class: 0x06_80_00,
            subsystem: (0x1af4, 0x1100),
            multifunction: false,
        })
        .with_interrupt_pin(1);
        config.set_u16(offset::STATUS, 0x0280);
        config.set_u32(spec::PMBA, u32::from(spec::PM_BASE) | 1);
        config.allow(spec::PMBA, &[0xc0, 0xff]);
        config.allow(spec::CNTA, &[0xff; (spec::PMREGMISC - spec::CNTA) as usize]);
        // Firmware that finds APMC_EN set takes system management mode for set up, which does not exist here.
        config.set_u32(spec::DEVACTB, spec::DEVACTB_APMC_EN);
        // Decoding of ISA devices, as QEMU reports it: COM1 and COM2.
        config.set_u8(spec::DEVRESA + 3, 0x10);
        config.set_u8(spec::DEVRESA + 7, 0x60);
        config.set_u8(spec::DEVRESA + 11, 0x98);
        config.set_u8(spec::PMREGMISC, spec::PMIOSE);
        config.allow(spec::PMREGMISC, &[spec::PMIOSE]);
        config.set_u8(spec::SMBBA, 1);
        config.allow(spec::SMBBA, &[0xf0, 0xff]);
        config.allow(spec::SMBHSTCFG, &[0x0f]);
        Self { config: config.built(), chip: Chip::default(), smbus: Smbus::default() }
    }

    fn pm_base(&self) -> u16 {
        self.config.u16(spec::PMBA) & 0xffc0
    }

    fn smb_base(&self) -> u16 {
        self.config.u16(spec::SMBBA) & 0xfff0
    }

    fn target(&self, port: u16) -> Target {
        let within = |base: u16, len: u16| port.checked_sub(base).filter(|&offset| offset < len);
        if let Some(offset) = within(spec::GPE0, spec::GPE0_LEN.into()) {
            return Target::Gpe(offset);
        }
        if let spec::APMC | spec::APMS = port {
            return Target::Apm;
        }
        match (within(self.pm_base(), spec::PM_LEN), within(self.smb_base(), spec::SMB_LEN)) {
            (Some(offset), _) => Target::Pm(offset),
            (_, Some(offset)) => Target::Smbus(offset),
            _ => Target::Nothing,
        }
    }

    /// SPEC: intel-82371ab :: SMBHSTCFG—SMBus Host Configuration -> bits 3:1 select the interrupt, 100 is IRQ 9
    fn drive(&self, ctx: &mut Ctx<'_>) {
        let selected = self.config.u8(spec::SMBHSTCFG) & spec::SMB_INTRSEL == spec::SMB_IRQ9;
        let high = self.chip.sci() || selected && self.smbus.interrupt();
        ctx.lines.set(IrqLine(spec::SCI_IRQ), high);
    }
}

impl Snapshot for PowerManagement {
    fn save(&self, out: &mut Vec<u8>) {
        let Self { config, chip, smbus } = self;
        chip.put(out);
        smbus.put(out);
        config.save(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let (chip, smbus) = (Chip::get(&mut rest)?, Smbus::get(&mut rest)?);
        self.config.load(&mut rest)?;
        (self.chip, self.smbus) = (chip, smbus);
        *bytes = rest;
        Some(())
    }
}

impl Device for PowerManagement {
    capabilities!(pio, pci, timed);

    fn id(&self) -> &'static str {
        MODEL
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        tables::add(self.pm_base(), tables);
    }
    /// The timer runs through the reset; what it passed before is no event.
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.config.reset();
        (self.chip, self.smbus) = (Chip::default(), Smbus::default());
        self.chip.catch_up(ctx.now);
        self.chip.clear(spec::Pm1::TMR);
        self.drive(ctx);
    }
    fn host_event(&mut self, ctx: &mut Ctx<'_>, event: HostEvent) {
        if event == HostEvent::PowerButton {
            self.chip.catch_up(ctx.now);
            self.chip.raise(spec::Pm1::PWRBTN);
            self.drive(ctx);
        }
    }
}

impl PciFunction for PowerManagement {
    config_space!(config);

    fn config_write(&mut self, ctx: &mut Ctx<'_>, at: u8, size: u8, value: u32) {
        self.config.write(at, size, value);
        self.drive(ctx);
    }

    /// A base of 0 is none.
    ///
    /// SPEC: intel-82371ab :: PCICMD—PCI Command Register (Function 3) -> bit 0 enables the ports of the SMBus controller alone
    fn windows(&self, out: &mut Vec<Window>) {
        let window =
            |bar, start: u16, len: u16| Window { bar, io: true, start: start.into(), len: len.into() };
        if self.config.u8(spec::PMREGMISC) & spec::PMIOSE != 0 && self.pm_base() != 0 {
            out.push(window(PM_WINDOW, self.pm_base(), spec::PM_LEN));
        }
        let enabled = self.config.u8(spec::SMBHSTCFG) & spec::SMB_HST_EN != 0
            && self.config.command().contains(device_api::pci::Command::IO);
        if enabled && self.smb_base() != 0 {
            out.push(window(SMB_WINDOW, self.smb_base(), spec::SMB_LEN));
        }
    }
}

impl Pio for PowerManagement {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.chip.catch_up(ctx.now);
        let value = lanes::read(port, size, |port| match self.target(port) {
            Target::Pm(offset) => self.chip.read(ctx.now, offset),
            Target::Gpe(offset) => self.chip.read_gpe(offset),
            Target::Apm => self.chip.read_apm(port),
            Target::Smbus(offset) => self.smbus.read(offset),
            Target::Nothing => 0xff,
        });
        self.drive(ctx);
        value
    }

    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.chip.catch_up(ctx.now);
        lanes::write(port, size, value, |port, byte| match self.target(port) {
            Target::Pm(offset) => {
                if self.chip.write(offset, byte) {
                    ctx.events.push(MachineEvent::PowerOff);
                }
            }
            Target::Gpe(offset) => self.chip.write_gpe(offset, byte),
            Target::Apm => self.chip.write_apm(port, byte),
            Target::Smbus(offset) => self.smbus.write(offset, byte),
            Target::Nothing => {}
        });
        self.drive(ctx);
    }
}

impl Timed for PowerManagement {
    fn next_deadline(&self) -> Option<VmTime> {
        self.chip.next_event()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.chip.catch_up(ctx.now);
        self.drive(ctx);
    }
}

declare_device!(DeviceDecl {
    id: MODEL,
    summary: "82371AB (PIIX4) power management: ACPI, 24-bit PM timer, soft off, SMBus",
    stage: Stage::Chipset,
    ports: &[
        PortRange { start: spec::GPE0, len: spec::GPE0_LEN as u16 },
        PortRange { start: spec::APMC, len: 2 },
    ],
    pci: Some(PciAddress { slot: 1, function: 3 }),
    build: |_| Ok(Box::new(PowerManagement::new())),
    ..DeviceDecl::DEFAULT
});
