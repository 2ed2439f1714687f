//! What devices contribute to the tables of firmware, and the device that hands them over.

/// An I/O APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoApicEntry {
    /// Its id
    pub id: u8,
    /// Address of its registers
    pub address: u32,
    /// Global interrupt of its first input
    pub first_interrupt: u32,
}

/// An ISA interrupt that is not the global interrupt of its own number, or is not edge-triggered and active high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterruptOverride {
    /// ISA IRQ
    pub irq: u8,
    /// Global interrupt
    pub interrupt: u32,
    /// Flags of the MADT's entry
    ///
    /// SPEC: acpi-6.5 :: 5.2.12.5 Interrupt Source Override Structure -> Table 5.27, polarity 1:0, trigger mode 3:2
    pub flags: u16,
}

/// Registers that the FADT names: I/O ports, 0 where there is none.
///
/// SPEC: acpi-6.5 :: 5.2.9 Fixed ACPI Description Table (FADT) -> the fields of the same names
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the FADT's fields")]
pub struct FixedHardware {
    pub sci_int: u16,
    pub smi_cmd: u32,
    pub acpi_enable: u8,
    pub acpi_disable: u8,
    pub pm1a_evt_blk: u32,
    pub pm1a_cnt_blk: u32,
    pub pm_tmr_blk: u32,
    pub gpe0_blk: u32,
    pub gpe0_blk_len: u8,
    /// Port of the reset register
    pub reset_reg: u16,
    pub reset_value: u8,
    /// CMOS index of the century
    pub century: u8,
    /// There is an 8042
    pub has_8042: bool,
    /// There is a VGA adapter, which may be probed
    pub has_vga: bool,
}

/// What the tables of firmware are built from. Every device adds its own part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirmwareTables {
    /// AML in the root scope
    pub root: Vec<u8>,
    /// AML in the scope of the PCI bus
    pub bus: Vec<u8>,
    /// Ids of local APICs, by processor
    pub processors: Vec<u8>,
    /// I/O APICs
    pub io_apics: Vec<IoApicEntry>,
    /// ISA interrupts that differ
    pub overrides: Vec<InterruptOverride>,
    /// Fixed hardware
    pub fixed: FixedHardware,
    /// Whole tables beside those that every machine has, checksums included
    pub tables: Vec<Vec<u8>>,
}

impl FirmwareTables {
    /// Returns whether there is fixed ACPI hardware. Without it a machine has no ACPI tables.
    pub fn has_acpi(&self) -> bool {
        self.fixed.pm1a_evt_blk != 0
    }
}

/// The device by which firmware is handed its configuration (fw_cfg).
pub trait FirmwareConfig {
    /// Sets the item of a key.
    fn set_item(&mut self, key: u16, bytes: Vec<u8>);
    /// Sets a file, by name.
    fn set_file(&mut self, name: &str, bytes: Vec<u8>);
}
