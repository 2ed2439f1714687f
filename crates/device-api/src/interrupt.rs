//! Interrupt lines, messages and controllers, without a processor's name in them.

use crate::{Ctx, IrqLine};
use x86_types::MsrAccess;

/// Delivery mode of an interrupt message.
///
/// SPEC: intel-sdm-vol3 :: 12.5.1 Local Vector Table -> delivery mode encodings, shared by ICR, I/O APIC and MSI
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Delivery {
    /// To the processors that the destination names, with the message's vector
    Fixed = 0,
    /// To the one of them that runs at the lowest priority
    LowestPriority = 1,
    /// System management interrupt
    Smi = 2,
    /// Non-maskable interrupt
    Nmi = 4,
    /// INIT
    Init = 5,
    /// Start-up message; the vector is the page to start at
    StartUp = 6,
    /// The vector comes from the 8259A
    ExtInt = 7,
}

/// An interrupt message on the system bus (I/O APIC, MSI, inter-processor).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterruptMessage {
    /// APIC id or logical destination
    pub destination: u32,
    /// Whether `destination` is logical
    pub logical: bool,
    /// Delivery mode
    pub delivery: Delivery,
    /// Vector
    pub vector: u8,
    /// Level triggered (an EOI message follows)
    pub level: bool,
}

impl InterruptMessage {
    /// Returns the message that a write of `data` to `address` is, as a message-signalled interrupt.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.11.1 Message Address Register Format -> destination 19:12, logical destination mode bit 2
    /// SPEC: intel-sdm-vol3 :: 12.11.2 Message Data Register Format -> vector 7:0, delivery mode 10:8, trigger mode bit 15
    pub const fn from_msi(address: u32, data: u32) -> Self {
        let delivery = match data >> 8 & 7 {
            1 => Delivery::LowestPriority,
            2 => Delivery::Smi,
            4 => Delivery::Nmi,
            5 => Delivery::Init,
            7 => Delivery::ExtInt,
            // 3 and 6 are reserved.
            _ => Delivery::Fixed,
        };
        Self {
            destination: address >> 12 & 0xff,
            logical: address & 4 != 0,
            delivery,
            vector: data as u8,
            level: data & 1 << 15 != 0,
        }
    }
}

/// Listens to interrupt lines.
pub trait IrqInputs {
    /// A line changed.
    fn irq_changed(&mut self, ctx: &mut Ctx<'_>, line: IrqLine, high: bool);
    /// A local APIC broadcast the end of a level-triggered interrupt.
    fn end_of_interrupt(&mut self, _ctx: &mut Ctx<'_>, _vector: u8) {}
}

/// An 8259A-compatible controller.
pub trait LegacyController {
    /// Returns the level of its INTR output.
    fn intr(&self) -> bool;
    /// An interrupt acknowledge cycle: returns the vector.
    fn acknowledge(&mut self) -> u8;
}

/// The logic that reports x87 exceptions as an interrupt, as the processor of a PC with CR0.NE = 0 needs it.
pub trait CoprocessorError {
    /// The processor asserts or releases FERR#: an unmasked x87 exception waits.
    fn set_ferr(&mut self, ctx: &mut Ctx<'_>, asserted: bool);
    /// Returns whether IGNNE# is asserted: the processor ignores the exception.
    fn ignne(&self) -> bool;
}

/// The local APIC as its processor sees it.
pub trait LocalController {
    /// Returns the highest-priority vector to deliver now, above TPR and ISR; `None` when nothing is pending.
    fn pending(&self) -> Option<u8>;
    /// The processor takes the vector that `pending` names.
    fn acknowledge(&mut self, ctx: &mut Ctx<'_>) -> Option<u8>;
    /// Returns whether INTR of the legacy controller reaches the processor (LINT0 as ExtINT, or the APIC disabled).
    fn accepts_legacy(&self) -> bool;
    /// A message arrives. Returns whether it was addressed to this APIC.
    fn message(&mut self, ctx: &mut Ctx<'_>, message: &InterruptMessage) -> bool;
    /// Returns whether an NMI is pending.
    fn nmi_pending(&self) -> bool;
    /// Takes a pending NMI.
    fn take_nmi(&mut self) -> bool;
    /// Takes the vectors of level-triggered interrupts whose end is to be broadcast to the I/O APICs.
    fn take_eoi_broadcast(&mut self) -> Option<u8>;
    /// CR8: task priority, bits 7:4 of TPR.
    fn cr8(&self) -> u8;
    /// Writes CR8 (0 to 15).
    fn set_cr8(&mut self, ctx: &mut Ctx<'_>, value: u8);
    /// RDMSR of IA32_APIC_BASE, IA32_TSC_DEADLINE, x2APIC registers.
    fn read_msr(&mut self, ctx: &mut Ctx<'_>, msr: u32) -> MsrAccess;
    /// WRMSR of the same.
    fn write_msr(&mut self, ctx: &mut Ctx<'_>, msr: u32, value: u64) -> MsrAccess;
    /// Returns whether an INIT or a start-up message waits.
    fn start_pending(&self) -> bool;
    /// Returns whether a StartUp message came (vector), for waiting processors.
    fn take_startup(&mut self) -> Option<u8>;
    /// Returns whether an INIT came.
    fn take_init(&mut self) -> bool;
    /// APIC id (CPUID leaf 1)
    fn apic_id(&self) -> u32;
    /// Returns whether the APIC is globally enabled (CPUID.1:EDX.APIC mirrors it)
    fn enabled(&self) -> bool;
    /// The page its registers answer at when enabled in xAPIC mode.
    fn base(&self) -> u64;
}
