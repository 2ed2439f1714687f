//! Which exception each system instruction raises, by mode, privilege level and what the processor has enabled.
//!
//! Executes, in every mode, the manual's tables of exceptions as [`table`] lists them.

mod table;

use crate::machine::{CODE, CS16, CS32, DS16, Machine, STACK, TSS, USER_CS32, USER_CS64, USER_DS};
use table::{Case, cases};
use x86_state::cpuid::Features;
use x86_state::{Cr4, RFlags, SegAttr, Segment, Selector, Xcr0, gpr};
use x86_types::{GuestPhysAddr, Seg};

/// Zeros that BX, EBX and EDI point to, reachable by 16 bits.
const ZEROS: u64 = 0x4000;

/// A mode and a privilege level, in the order of the letters of [`Case::expected`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Real,
    Virtual8086,
    Virtual8086Iopl3,
    Protected,
    ProtectedUser,
    Compatibility,
    CompatibilityUser,
    Long,
    LongUser,
    // As `Protected` and `ProtectedUser`
    Protected16,
    Protected16User,
}

impl At {
    const ALL: [At; 11] = [
        At::Real,
        At::Virtual8086,
        At::Virtual8086Iopl3,
        At::Protected,
        At::ProtectedUser,
        At::Compatibility,
        At::CompatibilityUser,
        At::Long,
        At::LongUser,
        At::Protected16,
        At::Protected16User,
    ];

    fn column(self) -> usize {
        match self {
            At::Protected16 => At::Protected as usize,
            At::Protected16User => At::ProtectedUser as usize,
            other => other as usize,
        }
    }

    fn machine(self, code: &[u8]) -> Machine {
        let mut m = match self {
            At::Real => Machine::real(code),
            At::Virtual8086 | At::Virtual8086Iopl3 => virtual_8086(code),
            At::Protected => Machine::protected(code),
            At::ProtectedUser => Machine::protected_user(code),
            At::Compatibility => Machine::compat(code),
            At::CompatibilityUser | At::LongUser => Machine::user(code),
            At::Long => Machine::long(code),
            At::Protected16 => sixteen_bit(Machine::protected(code), CS16, DS16, 0),
            At::Protected16User => sixteen_bit(Machine::protected_user(code), USER_CS32, USER_DS, 3),
        };
        match self {
            At::CompatibilityUser => {
                let attr = SegAttr::from_bits_retain(0xc0fb);
                set(&mut m, Seg::Cs, USER_CS32, u32::MAX, attr);
            }
            At::LongUser => assert_eq!(m.vcpu.cpu.segment(Seg::Cs).selector.0, USER_CS64),
            At::Virtual8086Iopl3 => m.set_flags(RFlags::IOPL),
            _ => {}
        }
        m.set_pte(ZEROS, ZEROS | 7);
        m
    }
}

fn set(m: &mut Machine, seg: Seg, selector: u16, limit: u32, attr: SegAttr) {
    m.vcpu.cpu.seg[seg as usize] = Segment { base: 0, limit, selector: Selector(selector), attr };
}

fn sixteen_bit(mut m: Machine, code: u16, data: u16, dpl: u16) -> Machine {
    for seg in Seg::ALL {
        let kind = if seg == Seg::Cs { 0x9b } else { 0x93 };
        let attr = SegAttr::from_bits_retain(kind | dpl << 5);
        set(&mut m, seg, if seg == Seg::Cs { code } else { data }, 0xffff, attr);
    }
    m.vcpu.cpu.gpr[gpr::RSP] = 0xff00;
    m
}

/// Virtual-8086 mode with IOPL 0 and all segments at 0.
fn virtual_8086(code: &[u8]) -> Machine {
    let mut m = Machine::protected(code);
    for seg in Seg::ALL {
        set(&mut m, seg, 0, 0xffff, SegAttr::from_bits_retain(0x00f3));
    }
    m.vcpu.cpu.cpl = 3;
    m.vcpu.cpu.gpr[gpr::RSP] = 0xff00;
    m.set_flags(RFlags::VM);
    m
}

/// Executes the first instruction. Returns the vector of the exception that it raised, and the error code.
fn execute(case: &Case, at: At) -> Option<(u8, Option<u32>)> {
    let mut m = at.machine(case.code);
    for n in 0..16 {
        m.ram.write_u64(GuestPhysAddr(ZEROS + 8 * n), 0);
    }
    let cpu = &mut m.vcpu.cpu;
    cpu.model.features |= Features::MONITOR;
    cpu.cr4 |= Cr4::OSFXSR | Cr4::OSXSAVE | Cr4::FSGSBASE;
    cpu.xcr0 = Xcr0::X87 | Xcr0::SSE;
    for r in [gpr::RBX, gpr::RDI, gpr::RSI, gpr::RBP] {
        cpu.gpr[r] = ZEROS;
    }
    // SYSENTER and SYSEXIT go to flat segments and to the zeros.
    cpu.msr.sysenter_cs = CS32.into();
    (cpu.msr.sysenter_eip, cpu.msr.sysenter_esp) = (CODE, STACK);
    cpu.gpr[gpr::RSP] -= 0x100;
    // The I/O map lies beyond the limit.
    m.ram.write_u32(GuestPhysAddr(TSS + 0x64), 0x68 << 16);
    (case.setup)(&mut m.vcpu.cpu);
    m.vcpu.state_changed();
    let before = m.vcpu.statistics.exceptions;
    m.step(1);
    let vector = (0..32u8).find(|&n| {
        let n = usize::from(n);
        m.vcpu.statistics.exceptions[n] != before[n]
    })?;
    let coded = at != At::Real && matches!(vector, 8 | 10..=14 | 17);
    let cpu = &m.vcpu.cpu;
    let sp = if cpu.seg[Seg::Ss as usize].attr.contains(SegAttr::DB) || cpu.efer.bits() & 0x400 != 0 {
        cpu.gpr[gpr::RSP]
    } else {
        cpu.gpr[gpr::RSP] & 0xffff
    };
    Some((vector, coded.then(|| m.ram.read_u32(GuestPhysAddr(sp)))))
}

/// Every case in every mode, all at once: what differs is one list.
#[test]
fn exceptions_are_those_of_the_manual() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases() {
        assert_eq!(case.expected.len(), 9, "{}", case.name);
        for at in At::ALL {
            let expected = match case.expected.as_bytes()[at.column()] {
                b'.' => None,
                b'D' => Some((1, None)),
                b'B' => Some((5, None)),
                b'U' => Some((6, None)),
                b'N' => Some((7, None)),
                b'S' => Some((12, Some(0))),
                b'G' => Some((13, Some(0))),
                b'?' => continue,
                other => panic!("{}: {other}", case.name),
            };
            let expected = expected.map(|(vector, error)| (vector, error.filter(|_| at != At::Real)));
            let got = execute(&case, at);
            count += 1;
            if got != expected {
                wrong.push(format!("{} {at:?}: {got:?}, not {expected:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 1500, "{count}");
}
