//! IA32_APIC_BASE and the x2APIC registers.

use super::*;

#[test]
fn base_msr_allows_the_transitions_of_the_manual() {
    // From, to (EN | EXTD), allowed.
    for (from, to, allowed) in [
        (EN, EN, true),
        (EN, 0, true),
        (EN, EN | EXTD, true),
        (EN, EXTD, false),
        (EN | EXTD, EN, false),
        (EN | EXTD, 0, true),
        (EN | EXTD, EXTD, false),
        (EN | EXTD, EN | EXTD, true),
        (0, EN, true),
        (0, EN | EXTD, false),
        (0, EXTD, false),
        (0, 0, true),
    ] {
        let mut rig = Rig::new();
        assert_eq!(
            rig.wrmsr(msr::APIC_BASE, DEFAULT_BASE | BSP | from),
            MsrAccess::Handled(DEFAULT_BASE | BSP | from)
        );
        let value = DEFAULT_BASE | BSP | to;
        let expected = if allowed { MsrAccess::Handled(value) } else { MsrAccess::GeneralProtection };
        assert_eq!(rig.wrmsr(msr::APIC_BASE, value), expected, "{from:#x} -> {to:#x}");
        let now = DEFAULT_BASE | BSP | if allowed { to } else { from };
        assert_eq!(rig.rdmsr(msr::APIC_BASE), MsrAccess::Handled(now));
    }
    let mut rig = Rig::new();
    for reserved in [1, 1 << 7, 1 << 9, 1 << 40, 1 << 63] {
        assert_eq!(rig.wrmsr(msr::APIC_BASE, DEFAULT_BASE | EN | reserved), MsrAccess::GeneralProtection);
    }
    rig.wrmsr(msr::APIC_BASE, 0x12_3456_7000 | EN | BSP);
    assert_eq!(rig.apic.base(), 0x12_3456_7000);
}

#[test]
fn disabling_loses_the_registers_and_silences_the_page() {
    let mut rig = Rig::enabled();
    rig.fixed(0x55, false);
    rig.wrmsr(msr::APIC_BASE, DEFAULT_BASE | BSP);
    assert!(!rig.apic.enabled());
    assert_eq!(rig.read(reg::VERSION), u32::MAX);
    assert!(!rig.message(Delivery::Nmi, 0, false, 0, false));
    assert_eq!(rig.rdmsr(0x802), MsrAccess::GeneralProtection);
    rig.wrmsr(msr::APIC_BASE, DEFAULT_BASE | BSP | EN);
    assert_eq!((rig.read(reg::SVR), rig.apic.pending()), (0xff, None));
}

#[test]
fn x2apic_registers_are_msrs() {
    let mut rig = Rig::x2apic();
    assert_eq!(rig.read(reg::VERSION), u32::MAX, "the page is gone");
    let ok = MsrAccess::Handled;
    let gp = MsrAccess::GeneralProtection;
    for (number, value) in [
        (0x802, ok(0)),
        (0x803, ok(VERSION.into())),
        (0x808, ok(0)),
        (0x80a, ok(0)),
        (0x80d, ok(1)),
        (0x80f, ok(0x1ff)),
        (0x810, ok(0)),
        (0x827, ok(0)),
        (0x828, ok(0)),
        (0x830, ok(0)),
        (0x832, ok(MASKED.into())),
        (0x838, ok(0)),
        (0x839, ok(0)),
        (0x83e, ok(0)),
        (0x800, gp),
        (0x809, gp),
        (0x80b, gp),
        (0x80c, gp),
        (0x80e, gp),
        (0x82f, gp),
        (0x831, gp),
        (0x83f, gp),
        (0x840, gp),
        (0x8ff, gp),
        (0x900, MsrAccess::NotHandled),
        (0x10, MsrAccess::NotHandled),
    ] {
        assert_eq!(rig.rdmsr(number), value, "read {number:#x}");
    }
    for (number, value, allowed) in [
        (0x802, 0, false),
        (0x803, 0, false),
        (0x808, 0xff, true),
        (0x808, 0x100, false),
        (0x808, 0, true),
        (0x80a, 0, false),
        (0x80b, 1, false),
        (0x80b, 0, true),
        (0x80d, 0, false),
        (0x80f, 0x11ff, true),
        (0x80f, 0x400, false),
        (0x810, 0, false),
        (0x828, 0, true),
        (0x828, 1, false),
        (0x830, 1 << 20, false),
        (0x830, 1 << 13, false),
        (0x832, 1 << 32, false),
        (0x832, 0x6_00ff | 1 << 16, true),
        (0x832, 0x0100, false),
        (0x835, 0x1_a7ff, true),
        (0x837, 0x2000, false),
        (0x838, 1, true),
        (0x839, 0, false),
        (0x83e, 0xb, true),
        (0x83e, 4, false),
        (0x83f, 0x100, false),
    ] {
        let expected = if allowed { ok(value) } else { gp };
        assert_eq!(rig.wrmsr(number, value), expected, "write {number:#x} {value:#x}");
    }
}

#[test]
fn x2apic_sends_with_one_write() {
    let mut rig = Rig::x2apic();
    rig.wrmsr(0x83f, 0x61);
    assert_eq!(rig.take(), Some(0x61));
    assert!(rig.sent.is_empty());
    rig.wrmsr(0x830, 0x0000_0001_0000_0871);
    assert_eq!(rig.take(), Some(0x71), "logical id 1 is APIC 0");
    rig.wrmsr(0x830, 0x1234_5678_0000_0081);
    assert_eq!(rig.sent.last().map(|message| message.destination), Some(0x1234_5678));
    assert_eq!(rig.rdmsr(0x830), MsrAccess::Handled(0x1234_5678_0000_0081));
    assert_eq!(rig.take(), None);
}
