//! Names of the local APIC: register offsets, fields, MSRs.
#![allow(missing_docs, reason = "the names are the manual's own")]

use bitflags::bitflags;

/// Offsets of the xAPIC register page; bits 11:4 plus 800H are the x2APIC MSR.
///
/// SPEC: intel-sdm-vol3 :: 12.4.1 The Local APIC Block Diagram -> Table 12-1, the register address map
pub mod reg {
    pub const ID: u16 = 0x020;
    pub const VERSION: u16 = 0x030;
    pub const TPR: u16 = 0x080;
    pub const APR: u16 = 0x090;
    pub const PPR: u16 = 0x0a0;
    pub const EOI: u16 = 0x0b0;
    pub const RRD: u16 = 0x0c0;
    pub const LDR: u16 = 0x0d0;
    pub const DFR: u16 = 0x0e0;
    pub const SVR: u16 = 0x0f0;
    pub const ISR: u16 = 0x100;
    pub const TMR: u16 = 0x180;
    pub const IRR: u16 = 0x200;
    pub const ESR: u16 = 0x280;
    pub const ICR_LOW: u16 = 0x300;
    pub const ICR_HIGH: u16 = 0x310;
    pub const LVT_TIMER: u16 = 0x320;
    pub const LVT_THERMAL: u16 = 0x330;
    pub const LVT_PERF: u16 = 0x340;
    pub const LVT_LINT0: u16 = 0x350;
    pub const LVT_LINT1: u16 = 0x360;
    pub const LVT_ERROR: u16 = 0x370;
    pub const INITIAL_COUNT: u16 = 0x380;
    pub const CURRENT_COUNT: u16 = 0x390;
    pub const DIVIDE: u16 = 0x3e0;
    /// x2APIC only
    pub const SELF_IPI: u16 = 0x3f0;
}

pub mod msr {
    pub const APIC_BASE: u32 = 0x01b;
    pub const TSC_DEADLINE: u32 = 0x6e0;
    pub const X2APIC_FIRST: u32 = 0x800;
    pub const X2APIC_LAST: u32 = 0x8ff;
}

/// Integrated APIC (14H), highest LVT entry 5, EOI broadcasts can be suppressed.
///
/// SPEC: intel-sdm-vol3 :: 12.4.8 Local APIC Version Register -> version 10H to 15H, max LVT entry = entries - 1, bit 24
pub const VERSION: u32 = 0x14 | 5 << 16 | 1 << 24;

/// Where the register page is after reset.
///
/// SPEC: intel-sdm-vol3 :: 12.4.1 The Local APIC Block Diagram -> FEE00000H by default
pub const DEFAULT_BASE: u64 = 0xfee0_0000;

/// Physical address bits that the base may use: those of every CPU model (CPUID 80000008H).
pub const PHYSICAL_BITS: u32 = 40;

/// The timer's input clock in Hz, before the divider; VmTime's own unit.
pub const TIMER_HZ: u64 = 1_000_000_000;

bitflags! {
    /// SPEC: intel-sdm-vol3 :: 12.4.4 Local APIC Status and Location -> BSP, EN and the base; 12.12.1: EXTD
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ApicBase: u64 {
        const BSP = 1 << 8;
        const EXTD = 1 << 10;
        const EN = 1 << 11;
        const ADDRESS = ((1 << PHYSICAL_BITS) - 1) & !0xfff;
    }

    /// SPEC: intel-sdm-vol3 :: 12.9 Spurious Interrupt -> vector, software enable, focus checking, EOI-broadcast suppression
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Svr: u32 {
        const VECTOR = 0xff;
        const ENABLE = 1 << 8;
        const FOCUS_DISABLE = 1 << 9;
        const SUPPRESS_EOI_BROADCAST = 1 << 12;
    }

    /// SPEC: intel-sdm-vol3 :: 12.5.1 Local Vector Table -> the fields of an entry
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Lvt: u32 {
        const VECTOR = 0xff;
        const DELIVERY = 7 << 8;
        const STATUS = 1 << 12;
        const POLARITY = 1 << 13;
        const REMOTE_IRR = 1 << 14;
        const LEVEL = 1 << 15;
        const MASKED = 1 << 16;
        const TIMER_MODE = 3 << 17;
    }

    /// SPEC: intel-sdm-vol3 :: 12.5.3 Error Handling -> the bits of the error status register
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Esr: u32 {
        const SEND_ILLEGAL_VECTOR = 1 << 5;
        const RECEIVE_ILLEGAL_VECTOR = 1 << 6;
        const ILLEGAL_REGISTER = 1 << 7;
    }

    /// SPEC: intel-sdm-vol3 :: 12.6.1 Interrupt Command Register (ICR) -> the fields of the low doubleword
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Icr: u32 {
        const VECTOR = 0xff;
        const DELIVERY = 7 << 8;
        const LOGICAL = 1 << 11;
        const STATUS = 1 << 12;
        const ASSERT = 1 << 14;
        const LEVEL = 1 << 15;
        const SHORTHAND = 3 << 18;
    }
}

/// Entries of the local vector table, in the order of their registers.
pub mod lvt {
    pub const TIMER: usize = 0;
    pub const LINT0: usize = 3;
    pub const ERROR: usize = 5;
    pub const COUNT: usize = 6;
}

/// Writable bits of each entry.
///
/// SPEC: intel-sdm-vol3 :: 12.5.1 Local Vector Table -> Figure 12-8: which entry has which fields
pub const LVT_WRITABLE: [Lvt; lvt::COUNT] = {
    let base = Lvt::VECTOR.union(Lvt::MASKED);
    let sensor = base.union(Lvt::DELIVERY);
    let pin = sensor.union(Lvt::POLARITY).union(Lvt::LEVEL);
    [base.union(Lvt::TIMER_MODE), sensor, sensor, pin, pin, base]
};

/// Read-only bits that software may write back.
pub const LVT_IGNORED: Lvt = Lvt::STATUS.union(Lvt::REMOTE_IRR);
