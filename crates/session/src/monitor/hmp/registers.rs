//! `info registers`, as QEMU prints it.

use std::fmt::Write;
use x86_state::{Activity, Cpu, Cr0, Efer, RFlags, SegAttr, Segment, Shadow};
use x86_types::{CodeSize, Seg};

/// General registers in the order in which they are printed.
const ORDER: [usize; 8] = [0, 3, 1, 2, 6, 7, 5, 4];
const NAMES: [&str; 8] = ["AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI"];

/// Names of system descriptors by type, outside of long mode.
const SYSTEM32: [&str; 16] = [
    "Reserved",
    "TSS16-avl",
    "LDT",
    "TSS16-busy",
    "CallGate16",
    "TaskGate",
    "IntGate16",
    "TrapGate16",
    "Reserved",
    "TSS32-avl",
    "Reserved",
    "TSS32-busy",
    "CallGate32",
    "Reserved",
    "IntGate32",
    "TrapGate32",
];

/// The same in long mode.
const SYSTEM64: [&str; 16] = [
    "<hiword>",
    "Reserved",
    "LDT",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "TSS64-avl",
    "Reserved",
    "TSS64-busy",
    "CallGate64",
    "Reserved",
    "IntGate64",
    "TrapGate64",
];

/// Returns the registers of a processor as lines.
pub(super) fn registers(index: usize, cpu: &Cpu, a20: bool) -> String {
    let mut out = format!("\nCPU#{index}\n");
    general(&mut out, cpu, a20);
    let long = cpu.efer.contains(Efer::LMA);
    for (name, seg) in
        [("ES", Seg::Es), ("CS", Seg::Cs), ("SS", Seg::Ss), ("DS", Seg::Ds), ("FS", Seg::Fs), ("GS", Seg::Gs)]
    {
        segment(&mut out, cpu, name, cpu.segment(seg));
    }
    segment(&mut out, cpu, "LDT", &cpu.ldtr);
    segment(&mut out, cpu, "TR", &cpu.tr);
    let wide = if long { 16 } else { 8 };
    for (name, table) in [("GDT", &cpu.gdtr), ("IDT", &cpu.idtr)] {
        let _ = writeln!(out, "{name}=     {:0wide$x} {:08x}", table.base, table.limit);
    }
    let _ = writeln!(
        out,
        "CR0={:08x} CR2={:0wide$x} CR3={:0wide$x} CR4={:08x}",
        cpu.cr0.bits(),
        cpu.cr2,
        cpu.cr3,
        cpu.cr4.bits()
    );
    for (n, value) in cpu.dr.iter().take(4).enumerate() {
        let _ = write!(out, "DR{n}={value:016x} ");
    }
    let _ = writeln!(out, "\nDR6={:016x} DR7={:016x}", cpu.dr[6], cpu.dr[7]);
    let _ = writeln!(out, "EFER={:016x}", cpu.efer.bits());
    vectors(&mut out, cpu);
    out
}

fn is_64(cpu: &Cpu) -> bool {
    cpu.code_size == CodeSize::Bits64
}

fn general(out: &mut String, cpu: &Cpu, a20: bool) {
    let (letter, digits) = if is_64(cpu) { ('R', 16) } else { ('E', 8) };
    let cut = |value: u64| if is_64(cpu) { value } else { value & 0xffff_ffff };
    for row in ORDER.chunks(4) {
        let row: Vec<_> =
            row.iter().map(|&n| format!("{letter}{}={:02$x}", NAMES[n], cut(cpu.gpr[n]), digits)).collect();
        *out += &(row.join(" ") + "\n");
    }
    if is_64(cpu) {
        for first in [8, 12] {
            let row: Vec<_> =
                (first..first + 4).map(|n| format!("{:<3}={:016x}", format!("R{n}"), cpu.gpr[n])).collect();
            *out += &(row.join(" ") + "\n");
        }
    }
    let flags = cpu.rflags();
    let letters = [
        (RFlags::DF, 'D'),
        (RFlags::OF, 'O'),
        (RFlags::SF, 'S'),
        (RFlags::ZF, 'Z'),
        (RFlags::AF, 'A'),
        (RFlags::PF, 'P'),
        (RFlags::CF, 'C'),
    ];
    let shown: String =
        letters.into_iter().map(|(flag, letter)| if flags.contains(flag) { letter } else { '-' }).collect();
    let _ = writeln!(
        out,
        "{letter}IP={:0digits$x} {letter}FL={:08x} [{shown}] CPL={} II={} A20={} SMM=0 HLT={}",
        cut(cpu.rip),
        flags.bits(),
        cpu.cpl,
        u8::from(cpu.shadow != Shadow::None),
        u8::from(a20),
        u8::from(cpu.activity == Activity::Halted)
    );
}

fn segment(out: &mut String, cpu: &Cpu, name: &str, segment: &Segment) {
    let digits = if is_64(cpu) { 16 } else { 8 };
    let attr = segment.attr;
    let limit = if attr.contains(SegAttr::G) { segment.limit >> 12 } else { segment.limit };
    let flags = u32::from(attr.bits() & 0xf0ff) << 8 | limit & 0xf_0000;
    let _ = write!(
        out,
        "{name:<3}={:04x} {:0digits$x} {:08x} {flags:08x}",
        segment.selector.0, segment.base, segment.limit
    );
    if cpu.cr0.contains(Cr0::PE) && attr.contains(SegAttr::P) {
        let _ = write!(out, " DPL={} {}", attr.dpl(), kind(cpu, attr));
    }
    out.push('\n');
}

fn kind(cpu: &Cpu, attr: SegAttr) -> String {
    let long = cpu.efer.contains(Efer::LMA);
    let mark = |flag, letter| if attr.contains(flag) { letter } else { '-' };
    let accessed = mark(SegAttr::ACCESSED, 'A');
    if attr.is_code() {
        let size = match (attr.contains(SegAttr::L), attr.contains(SegAttr::DB)) {
            (true, _) => "CS64",
            (false, true) => "CS32",
            (false, false) => "CS16",
        };
        format!("{size} [{}{}{accessed}]", mark(SegAttr::EC, 'C'), mark(SegAttr::RW, 'R'))
    } else if attr.is_data() {
        let size = if attr.contains(SegAttr::DB) || long { "DS  " } else { "DS16" };
        format!("{size} [{}{}{accessed}]", mark(SegAttr::EC, 'E'), mark(SegAttr::RW, 'W'))
    } else {
        let names = if long { SYSTEM64 } else { SYSTEM32 };
        names[usize::from(attr.kind())].to_owned()
    }
}

fn vectors(out: &mut String, cpu: &Cpu) {
    let x87 = &cpu.x87;
    let _ = writeln!(
        out,
        "FCW={:04x} FSW={:04x} [ST={}] FTW={:02x} MXCSR={:08x}",
        x87.control,
        x87.status,
        x87.top(),
        x87.tags,
        cpu.mxcsr.bits()
    );
    let end = |n: usize| if n % 2 == 1 { '\n' } else { ' ' };
    for (n, register) in x87.r.iter().enumerate() {
        let _ = write!(out, "FPR{n}={:016x} {:04x}{}", register.significand, register.sign_exponent, end(n));
    }
    let count = if is_64(cpu) { 16 } else { 8 };
    for (n, register) in cpu.vector.iter().take(count).enumerate() {
        let (high, low) = ((register.lo >> 64) as u64, register.lo as u64);
        let _ = write!(out, "XMM{n:02}={high:016x} {low:016x}{}", end(n));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x86_state::cpuid::CpuModel;

    #[test]
    fn lines_are_qemus() {
        let mut cpu = Cpu::new(CpuModel::X86_64_V2);
        cpu.cr0 |= Cr0::PE;
        cpu.code_size = CodeSize::Bits32;
        let code = &mut cpu.seg[Seg::Cs as usize];
        (code.base, code.limit) = (0, 0xffff_ffff);
        code.attr = SegAttr::from_bits_retain(0xc09b);
        let text = registers(0, &cpu, true);
        let line = |n: usize| text.lines().nth(n).unwrap_or_default();
        assert_eq!((line(0), line(1)), ("", "CPU#0"));
        assert!(line(2).starts_with("EAX=00000000 EBX=00000000 ECX=00000000 EDX="), "{text}");
        assert_eq!(line(4), "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0");
        assert_eq!(line(6), "CS =f000 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]");
        assert!(text.ends_with("XMM07=0000000000000000 0000000000000000\n"), "{text}");
        cpu.code_size = CodeSize::Bits64;
        let text = registers(1, &cpu, true);
        assert!(text.contains("\nR8 =0000000000000000 R9 ="), "{text}");
        assert!(text.contains("XMM15="), "{text}");
    }
}
