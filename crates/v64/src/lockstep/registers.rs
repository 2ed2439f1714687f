//! What a processor holds, by names, so that two of them can be compared and shown side by side.

use machine::Machine;
use std::fmt::Write;
use x86_types::Seg;

const GENERAL: [&str; 16] = [
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14",
    "R15",
];

/// A register's name and its content, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Register {
    name: String,
    text: String,
    /// Shown even where both sides agree
    always: bool,
}

/// Everything that the program running in a machine has in its processor.
///
/// State that depends on the way there is not part of it: the interrupt shadow of STI, flags in lazy form, TLB entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registers(Vec<Register>);

impl Registers {
    /// Those of a machine's processor.
    pub(super) fn of(machine: &Machine) -> Self {
        let (vcpu, cpu) = (machine.vcpu(), &machine.vcpu().cpu);
        let mut list = Vec::with_capacity(128);
        let mut add = |always, name: String, text: String| list.push(Register { name, text, always });
        add(true, "instructions".into(), vcpu.retired().to_string());
        add(true, "RIP".into(), format!("{:016x}", cpu.rip));
        add(true, "RFLAGS".into(), format!("{:08x}", cpu.rflags().bits()));
        for (name, value) in GENERAL.iter().zip(cpu.gpr) {
            add(true, (*name).into(), format!("{value:016x}"));
        }
        let segments = Seg::ALL.map(|seg| (format!("{seg:?}").to_uppercase(), *cpu.segment(seg)));
        for (name, s) in segments.into_iter().chain([("LDTR".into(), cpu.ldtr), ("TR".into(), cpu.tr)]) {
            let attr = s.attr.bits();
            add(false, name, format!("{:04x} {:016x} {:08x} {attr:04x}", s.selector.0, s.base, s.limit));
        }
        for (name, table) in [("GDTR", cpu.gdtr), ("IDTR", cpu.idtr)] {
            add(false, name.into(), format!("{:016x} {:04x}", table.base, table.limit));
        }
        let control = [
            ("CR0", cpu.cr0.bits()),
            ("CR2", cpu.cr2),
            ("CR3", cpu.cr3),
            ("CR4", cpu.cr4.bits()),
            ("EFER", cpu.efer.bits()),
            ("XCR0", cpu.xcr0.bits()),
        ];
        for (name, value) in control {
            add(true, name.into(), format!("{value:016x}"));
        }
        add(true, "CPL".into(), cpu.cpl.to_string());
        add(true, "MXCSR".into(), format!("{:08x}", cpu.mxcsr.bits()));
        add(false, "activity".into(), format!("{:?}", cpu.activity));
        add(false, "NMI blocked".into(), cpu.nmi_blocked.to_string());
        for (n, value) in cpu.dr.iter().enumerate() {
            add(false, format!("DR{n}"), format!("{value:016x}"));
        }
        for (n, value) in cpu.pdpte.iter().enumerate() {
            add(false, format!("PDPTE{n}"), format!("{value:016x}"));
        }
        for (n, value) in cpu.vector.iter().enumerate() {
            add(false, format!("YMM{n} low"), format!("{:032x}", value.lo));
            add(false, format!("YMM{n} high"), format!("{:032x}", value.hi));
        }
        let x87 = &cpu.x87;
        for (n, value) in x87.r.iter().enumerate() {
            add(
                false,
                format!("x87 R{n}"),
                format!("{:04x} {:016x}", value.sign_exponent, value.significand),
            );
        }
        add(false, "x87 words".into(), format!("{:04x} {:04x} {:02x}", x87.control, x87.status, x87.tags));
        add(false, "MSRs".into(), format!("{:x?}", cpu.msr));
        Self(list)
    }

    /// Names of the registers that two processors differ in.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.iter().zip(&other.0);
        pairs.filter(|(a, b)| a.text != b.text).map(|(a, _)| a.name.as_str())
    }

    /// Both, line by line; what differs is marked.
    pub(super) fn beside(&self, other: &Self) -> String {
        let mut out = format!("  {:<14}{:<34}compiled\n", "", "interpreted");
        for (a, b) in self.0.iter().zip(&other.0) {
            let differs = a.text != b.text;
            if differs || a.always {
                let mark = if differs { '*' } else { ' ' };
                let _ = writeln!(out, "{mark} {:<14}{:<34}{}", a.name, a.text, b.text);
            }
        }
        out
    }
}
