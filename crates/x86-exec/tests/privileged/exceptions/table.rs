//! The cases: an instruction, what is enabled, and the exception in each mode.

use x86_state::cpuid::Features;
use x86_state::{Cpu, Cr0, Cr4, Efer, RFlags, gpr};

/// One instruction under one setting.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) code: &'static [u8],
    pub(super) setup: fn(&mut Cpu),
    /// A letter for each of: real mode; virtual-8086 mode with IOPL 0 and 3; protected mode at CPL 0 and 3;
    /// compatibility mode at CPL 0 and 3; 64-bit mode at CPL 0 and 3. `.` none, D #DB, B #BR, U #UD, N #NM, S #SS(0), G
    /// #GP(0), `?` not tested here.
    pub(super) expected: &'static str,
}

const fn case(name: &'static str, code: &'static [u8], setup: fn(&mut Cpu), expected: &'static str) -> Case {
    Case { name, code, setup, expected }
}

/// No exception in any mode
const NONE: &str = ".........";
/// #UD in every mode
const UD: &str = "UUUUUUUUU";
/// #NM in every mode
const NM: &str = "NNNNNNNNN";
/// #GP(0) in every mode
const GP: &str = "GGGGGGGGG";
/// For CPL 0, and real mode: above it #GP(0), in virtual-8086 mode likewise
const CPL0: &str = ".GG.G.G.G";
/// Instructions for which the check of the mode comes before that of CPL
const PROTECTED_ONLY: &str = "UUU......";
const PROTECTED_CPL0: &str = "UUU.G.G.G";
const LONG_ONLY: &str = "UUUUUUU..";
const LONG_CPL0: &str = "UUUUUUU.G";
/// #UD above CPL 0
const UD_ABOVE_0: &str = ".UU.U.U.U";
/// By IOPL
const IOPL: &str = ".G..G.G.G";
const NOT_LONG: &str = ".......UU";

fn plain(_: &mut Cpu) {}
fn without(cpu: &mut Cpu, features: Features) {
    cpu.model.features -= features;
}
fn umip(cpu: &mut Cpu) {
    cpu.cr4 |= Cr4::UMIP;
}
fn tsd(cpu: &mut Cpu) {
    cpu.cr4 |= Cr4::TSD;
}
fn ts(cpu: &mut Cpu) {
    cpu.cr0 |= Cr0::TS;
}
fn em(cpu: &mut Cpu) {
    cpu.cr0 |= Cr0::EM;
}
fn ts_mp(cpu: &mut Cpu) {
    cpu.cr0 |= Cr0::TS | Cr0::MP;
}
fn no_osxsave(cpu: &mut Cpu) {
    cpu.cr4 -= Cr4::OSXSAVE;
}
fn no_osfxsr(cpu: &mut Cpu) {
    cpu.cr4 -= Cr4::OSFXSR;
}
/// MOV CR0 and LMSW of what CR0 is, by EAX
fn eax_is_cr0(cpu: &mut Cpu) {
    cpu.gpr[gpr::RAX] = cpu.cr0.bits();
}
fn eax_is_cr3(cpu: &mut Cpu) {
    cpu.gpr[gpr::RAX] = cpu.cr3;
}
fn eax_is_cr4(cpu: &mut Cpu) {
    cpu.gpr[gpr::RAX] = cpu.cr4.bits();
}
fn ecx(cpu: &mut Cpu, number: u64, value: u64) {
    cpu.gpr[gpr::RCX] = number;
    cpu.gpr[gpr::RAX] = value;
}

/// Instructions that the manual makes a matter of privilege.
///
/// SPEC: intel-sdm-vol3 :: 6.9 Privileged Instructions -> #GP(0) above CPL 0, hence in virtual-8086 mode
/// SPEC: intel-sdm-vol3 :: 22.1 Real-Address Mode -> real mode executes most system instructions, and the protected-mode ones are #UD
#[rustfmt::skip]
fn privileged() -> Vec<Case> {
    vec![
        case("lgdt", &[0x0f, 0x01, 0x17], plain, CPL0),
        case("lidt", &[0x0f, 0x01, 0x1f], plain, CPL0),
        case("lldt ax", &[0x0f, 0x00, 0xd0], plain, PROTECTED_CPL0),
        case("lldt [m]", &[0x0f, 0x00, 0x17], plain, PROTECTED_CPL0),
        case("ltr ax, null", &[0x0f, 0x00, 0xd8], plain, "UUUGGGGGG"),
        case("lmsw ax", &[0x0f, 0x01, 0xf0], eax_is_cr0, CPL0),
        case("lmsw [m]", &[0x0f, 0x01, 0x37], plain, CPL0),
        case("clts", &[0x0f, 0x06], plain, CPL0),
        case("mov eax, cr0", &[0x0f, 0x20, 0xc0], plain, CPL0),
        case("mov eax, cr2", &[0x0f, 0x20, 0xd0], plain, CPL0),
        case("mov eax, cr3", &[0x0f, 0x20, 0xd8], plain, CPL0),
        case("mov eax, cr4", &[0x0f, 0x20, 0xe0], plain, CPL0),
        case("mov cr0, eax", &[0x0f, 0x22, 0xc0], eax_is_cr0, CPL0),
        case("mov cr0, eax: PG without PE", &[0x0f, 0x22, 0xc0], |c| c.gpr[gpr::RAX] = 1 << 31, GP),
        case("mov cr0, eax: NW without CD", &[0x0f, 0x22, 0xc0], |c| c.gpr[gpr::RAX] = (c.cr0.difference(Cr0::CD) | Cr0::NW).bits(), GP),
        case("mov cr2, eax", &[0x0f, 0x22, 0xd0], plain, CPL0),
        case("mov cr3, eax", &[0x0f, 0x22, 0xd8], eax_is_cr3, CPL0),
        case("mov cr4, eax", &[0x0f, 0x22, 0xe0], eax_is_cr4, CPL0),
        case("mov cr4, eax: reserved", &[0x0f, 0x22, 0xe0], |c| c.gpr[gpr::RAX] = c.cr4.bits() | 1 << 15, GP),
        case("mov eax, cr1", &[0x0f, 0x20, 0xc8], plain, UD),
        case("mov cr5, eax", &[0x0f, 0x22, 0xe8], plain, UD),
        case("mov cr6, eax", &[0x0f, 0x22, 0xf0], plain, UD),
        case("mov cr7, eax", &[0x0f, 0x22, 0xf8], plain, UD),
        case("mov eax, dr0", &[0x0f, 0x21, 0xc0], plain, CPL0),
        case("mov eax, dr7", &[0x0f, 0x21, 0xf8], plain, CPL0),
        case("mov dr3, eax", &[0x0f, 0x23, 0xd8], plain, CPL0),
        case("mov dr6, eax", &[0x0f, 0x23, 0xf0], plain, CPL0),
        case("mov eax, dr4", &[0x0f, 0x21, 0xe0], plain, CPL0),
        case("mov eax, dr4: DE", &[0x0f, 0x21, 0xe0], |c| c.cr4 |= Cr4::DE, "U??UUUUUU"),
        case("mov dr5, eax: DE", &[0x0f, 0x23, 0xe8], |c| c.cr4 |= Cr4::DE, "U??UUUUUU"),
        case("mov eax, dr0: GD", &[0x0f, 0x21, 0xc0], |c| c.dr[7] |= 1 << 13, "DGGDGDGDG"),
        case("mov dr0, eax: GD", &[0x0f, 0x23, 0xc0], |c| c.dr[7] |= 1 << 13, "DGGDGDGDG"),
        case("invlpg", &[0x0f, 0x01, 0x3f], plain, CPL0),
        case("invpcid", &[0x66, 0x0f, 0x38, 0x82, 0x07], plain, CPL0),
        case("invpcid: type 4", &[0x66, 0x0f, 0x38, 0x82, 0x07], |c| c.gpr[gpr::RAX] = 4, GP),
        case("invpcid: no feature", &[0x66, 0x0f, 0x38, 0x82, 0x07], |c| without(c, Features::INVPCID), UD),
        case("invd", &[0x0f, 0x08], plain, CPL0),
        case("wbinvd", &[0x0f, 0x09], plain, CPL0),
        case("hlt", &[0xf4], plain, CPL0),
        case("rdmsr", &[0x0f, 0x32], |c| ecx(c, 0x277, 0), CPL0),
        case("rdmsr: none", &[0x0f, 0x32], |c| ecx(c, 0x1234, 0), GP),
        case("wrmsr", &[0x0f, 0x30], |c| ecx(c, 0x277, 0), CPL0),
        case("wrmsr: reserved", &[0x0f, 0x30], |c| ecx(c, 0x277, 2), GP),
        case("wrmsr: none", &[0x0f, 0x30], |c| ecx(c, 0x1234, 0), GP),
        case("xsetbv", &[0x0f, 0x01, 0xd1], |c| ecx(c, 0, 3), CPL0),
        case("xsetbv: no x87", &[0x0f, 0x01, 0xd1], |c| ecx(c, 0, 2), GP),
        case("xsetbv: XCR1", &[0x0f, 0x01, 0xd1], |c| ecx(c, 1, 3), GP),
        case("xsetbv: no OSXSAVE", &[0x0f, 0x01, 0xd1], |c| { ecx(c, 0, 3); no_osxsave(c) }, UD),
        case("xsetbv: no feature", &[0x0f, 0x01, 0xd1], |c| without(c, Features::XSAVE), UD),
        case("swapgs", &[0x0f, 0x01, 0xf8], plain, LONG_CPL0),
        case("sysret", &[0x0f, 0x07], |c| c.efer |= Efer::SCE, LONG_CPL0),
        case("sysret: no SCE", &[0x0f, 0x07], |c| c.efer -= Efer::SCE, UD),
        case("sysretq", &[0x48, 0x0f, 0x07], |c| c.efer |= Efer::SCE, "???????.G"),
        case("sysretq: not canonical", &[0x48, 0x0f, 0x07], |c| { c.efer |= Efer::SCE; c.gpr[gpr::RCX] = 1 << 60 }, "???????GG"),
        case("sysexit", &[0x0f, 0x35], plain, "GGG.G.G.G"),
        case("sysexit: no CS", &[0x0f, 0x35], |c| c.msr.sysenter_cs = 0, GP),
        case("sysexit: no feature", &[0x0f, 0x35], |c| without(c, Features::SEP), UD),
        case("monitor", &[0x0f, 0x01, 0xc8], plain, UD_ABOVE_0),
        case("monitor: ECX", &[0x0f, 0x01, 0xc8], |c| c.gpr[gpr::RCX] = 1, "GUUGUGUGU"),
        case("monitor: no feature", &[0x0f, 0x01, 0xc8], |c| without(c, Features::MONITOR), UD),
        case("mwait", &[0x0f, 0x01, 0xc9], plain, UD_ABOVE_0),
        case("mwait: ECX", &[0x0f, 0x01, 0xc9], |c| c.gpr[gpr::RCX] = 2, "GUUGUGUGU"),
        case("mwait: no feature", &[0x0f, 0x01, 0xc9], |c| without(c, Features::MONITOR), UD),
        case("clac", &[0x0f, 0x01, 0xca], plain, UD_ABOVE_0),
        case("stac", &[0x0f, 0x01, 0xcb], plain, UD_ABOVE_0),
        case("clac: no feature", &[0x0f, 0x01, 0xca], |c| without(c, Features::SMAP), UD),
    ]
}

/// Instructions for every privilege level, or for which a control bit decides.
#[rustfmt::skip]
fn unprivileged() -> Vec<Case> {
    vec![
        case("sgdt", &[0x0f, 0x01, 0x07], plain, NONE),
        case("sgdt: UMIP", &[0x0f, 0x01, 0x07], umip, CPL0),
        case("sidt", &[0x0f, 0x01, 0x0f], plain, NONE),
        case("sidt: UMIP", &[0x0f, 0x01, 0x0f], umip, CPL0),
        case("smsw eax", &[0x0f, 0x01, 0xe0], plain, NONE),
        case("smsw eax: UMIP", &[0x0f, 0x01, 0xe0], umip, CPL0),
        case("smsw [m]: UMIP", &[0x0f, 0x01, 0x27], umip, CPL0),
        case("sldt ax", &[0x0f, 0x00, 0xc0], plain, PROTECTED_ONLY),
        case("sldt ax: UMIP", &[0x0f, 0x00, 0xc0], umip, PROTECTED_CPL0),
        case("str [m]", &[0x0f, 0x00, 0x0f], plain, PROTECTED_ONLY),
        case("str [m]: UMIP", &[0x0f, 0x00, 0x0f], umip, PROTECTED_CPL0),
        case("lar eax, cx", &[0x0f, 0x02, 0xc1], plain, PROTECTED_ONLY),
        case("lsl eax, [m]", &[0x0f, 0x03, 0x07], plain, PROTECTED_ONLY),
        case("verr ax", &[0x0f, 0x00, 0xe0], plain, PROTECTED_ONLY),
        case("verw [m]", &[0x0f, 0x00, 0x2f], plain, PROTECTED_ONLY),
        case("arpl ax, cx", &[0x63, 0xc8], plain, PROTECTED_ONLY),
        case("rdtsc", &[0x0f, 0x31], plain, NONE),
        case("rdtsc: TSD", &[0x0f, 0x31], tsd, CPL0),
        case("rdtsc: no feature", &[0x0f, 0x31], |c| without(c, Features::TSC), UD),
        case("rdtscp", &[0x0f, 0x01, 0xf9], plain, NONE),
        case("rdtscp: TSD", &[0x0f, 0x01, 0xf9], tsd, CPL0),
        case("rdtscp: no feature", &[0x0f, 0x01, 0xf9], |c| without(c, Features::RDTSCP), UD),
        case("rdpid eax", &[0xf3, 0x0f, 0xc7, 0xf8], tsd, NONE),
        case("rdpid eax: no feature", &[0xf3, 0x0f, 0xc7, 0xf8], |c| without(c, Features::RDPID), UD),
        case("rdpmc", &[0x0f, 0x33], plain, GP),
        case("rdpmc: PCE", &[0x0f, 0x33], |c| c.cr4 |= Cr4::PCE, GP),
        case("xgetbv", &[0x0f, 0x01, 0xd0], plain, NONE),
        case("xgetbv: XCR5", &[0x0f, 0x01, 0xd0], |c| c.gpr[gpr::RCX] = 5, GP),
        case("xgetbv: no OSXSAVE", &[0x0f, 0x01, 0xd0], no_osxsave, UD),
        case("syscall", &[0x0f, 0x05], |c| c.efer |= Efer::SCE, LONG_ONLY),
        case("syscall: no SCE", &[0x0f, 0x05], |c| c.efer -= Efer::SCE, UD),
        case("syscall: no feature", &[0x0f, 0x05], |c| { c.efer |= Efer::SCE; without(c, Features::SYSCALL) }, UD),
        case("sysenter", &[0x0f, 0x34], plain, "G........"),
        case("sysenter: no CS", &[0x0f, 0x34], |c| c.msr.sysenter_cs = 3, GP),
        case("sysenter: no feature", &[0x0f, 0x34], |c| without(c, Features::SEP), UD),
        case("rdfsbase eax", &[0xf3, 0x0f, 0xae, 0xc0], plain, LONG_ONLY),
        case("rdgsbase eax", &[0xf3, 0x0f, 0xae, 0xc8], plain, LONG_ONLY),
        case("wrfsbase eax", &[0xf3, 0x0f, 0xae, 0xd0], plain, LONG_ONLY),
        case("wrgsbase eax", &[0xf3, 0x0f, 0xae, 0xd8], plain, LONG_ONLY),
        case("wrgsbase rax: not canonical", &[0xf3, 0x48, 0x0f, 0xae, 0xd8], |c| c.gpr[gpr::RAX] = 1 << 60, "???????GG"),
        case("rdfsbase eax: no FSGSBASE", &[0xf3, 0x0f, 0xae, 0xc0], |c| c.cr4 -= Cr4::FSGSBASE, UD),
        case("wrgsbase eax: no feature", &[0xf3, 0x0f, 0xae, 0xd8], |c| without(c, Features::FSGSBASE), UD),
        case("cpuid", &[0x0f, 0xa2], plain, NONE),
        case("cli", &[0xfa], plain, IOPL),
        case("sti", &[0xfb], plain, IOPL),
        case("cli: IOPL 3", &[0xfa], |c| { let f = c.rflags() | RFlags::IOPL; c.set_rflags(f) }, NONE),
        case("pushf", &[0x9c], plain, ".G......."),
        case("popf", &[0x9d], plain, ".G......."),
        case("int 20h", &[0xcd, 0x20], plain, ".G??.????"),
        case("into", &[0xce], plain, NOT_LONG),
        case("bound", &[0x62, 0x07], plain, NOT_LONG),
        case("bound: out of it", &[0x62, 0x07], |c| c.gpr[gpr::RAX] = 1, "BBBBBBBUU"),
        case("bound of registers", &[0x62, 0xc0], plain, UD),
        case("in al, 80h", &[0xe4, 0x80], plain, CPL0),
        case("out 80h, al", &[0xe6, 0x80], plain, CPL0),
        case("in eax, dx", &[0xed], plain, CPL0),
        case("out dx, ax", &[0xef], plain, CPL0),
        case("insb", &[0x6c], plain, CPL0),
        case("outsd", &[0x6f], plain, CPL0),
        case("rep insb, none", &[0xf3, 0x6c], plain, "???.?.?.?"),
        case("in al, dx: IOPL 3", &[0xec], |c| { let f = c.rflags() | RFlags::IOPL; c.set_rflags(f) }, ".GG......"),
        case("mov ss, null", &[0x8e, 0xd0], plain, "...GGGG.G"),
        case("lss esp, null", &[0x0f, 0xb2, 0x27], plain, "...GGGG.G"),
        case("mov ds, null", &[0x8e, 0xd8], plain, NONE),
        case("lfs eax, null", &[0x0f, 0xb4, 0x07], plain, NONE),
        case("lgs eax, of registers", &[0x0f, 0xb5, 0xc0], plain, UD),
        case("mov cs, ax", &[0x8e, 0xc8], plain, UD),
        case("mov segment 6, ax", &[0x8e, 0xf0], plain, UD),
        case("mov ax, segment 7", &[0x8c, 0xf8], plain, UD),
        case("push cs", &[0x0e], plain, NOT_LONG),
        case("pop ds", &[0x1f], plain, NOT_LONG),
        case("pusha", &[0x60], plain, NOT_LONG),
        case("popa", &[0x61], plain, NOT_LONG),
        case("daa", &[0x27], plain, NOT_LONG),
        case("aas", &[0x3f], plain, NOT_LONG),
        case("aad", &[0xd5, 0x0a], plain, NOT_LONG),
        case("salc", &[0xd6], plain, NOT_LONG),
        case("call far", &[0x9a, 0, 0, 0, 0, 0, 0], plain, "???GGGGUU"),
        case("jmp far", &[0xea, 0, 0, 0, 0, 0, 0], plain, "???GGGGUU"),
        case("call far of a register", &[0xff, 0xd8], plain, UD),
        case("jmp far of a register", &[0xff, 0xe8], plain, UD),
        case("jmp far [m], null", &[0xff, 0x2f], plain, "???GGGGGG"),
        case("clflush", &[0x0f, 0xae, 0x3f], plain, NONE),
        case("pause", &[0xf3, 0x90], plain, NONE),
    ]
}

/// x87, MMX and SSE by CR0 and CR4.
#[rustfmt::skip]
fn coprocessor() -> Vec<Case> {
    vec![
        case("fld1: TS", &[0xd9, 0xe8], ts, NM),
        case("fld1: EM", &[0xd9, 0xe8], em, NM),
        case("fwait: TS", &[0x9b], ts, NONE),
        case("fwait: TS and MP", &[0x9b], ts_mp, NM),
        case("fwait: EM", &[0x9b], em, NONE),
        case("fxsave: TS", &[0x0f, 0xae, 0x07], ts, NM),
        case("fxsave: no OSFXSR", &[0x0f, 0xae, 0x07], no_osfxsr, NONE),
        case("pxor mm0, mm1: EM", &[0x0f, 0xef, 0xc1], em, UD),
        case("pxor mm0, mm1: TS", &[0x0f, 0xef, 0xc1], ts, NM),
        case("addps: TS", &[0x0f, 0x58, 0xc1], ts, NM),
        case("addps: EM", &[0x0f, 0x58, 0xc1], em, UD),
        case("addps: EM and TS", &[0x0f, 0x58, 0xc1], |c| { em(c); ts(c) }, UD),
        case("addps: no OSFXSR", &[0x0f, 0x58, 0xc1], no_osfxsr, UD),
        case("addps: no feature", &[0x0f, 0x58, 0xc1], |c| { without(c, Features::SSE); ts(c) }, UD),
        case("stmxcsr: no OSFXSR", &[0x0f, 0xae, 0x1f], no_osfxsr, UD),
        case("xsave: no OSXSAVE", &[0x0f, 0xae, 0x27], |c| { no_osxsave(c); ts(c) }, UD),
        case("xsave: TS", &[0x0f, 0xae, 0x27], ts, NM),
        case("xrstor: TS", &[0x0f, 0xae, 0x2f], ts, NM),
    ]
}

/// What is no instruction here, whatever the mode, the privilege level and CR0.TS.
#[rustfmt::skip]
fn undefined() -> Vec<Case> {
    vec![
        case("ud2", &[0x0f, 0x0b], ts, UD),
        case("ud1", &[0x0f, 0xb9, 0xc0], em, UD),
        case("ud0", &[0x0f, 0xff, 0xc0], ts, UD),
        case("rsm outside of SMM", &[0x0f, 0xaa], plain, UD),
        case("getsec", &[0x0f, 0x37], plain, UD),
        case("vmcall", &[0x0f, 0x01, 0xc1], plain, UD),
        case("vmlaunch", &[0x0f, 0x01, 0xc2], plain, UD),
        case("vmxoff", &[0x0f, 0x01, 0xc4], plain, UD),
        case("vmfunc", &[0x0f, 0x01, 0xd4], plain, UD),
        case("vmrun", &[0x0f, 0x01, 0xd8], plain, UD),
        case("vmmcall", &[0x0f, 0x01, 0xd9], plain, UD),
        case("vmread", &[0x0f, 0x78, 0xc0], plain, UD),
        case("vmwrite", &[0x0f, 0x79, 0xc0], plain, UD),
        case("vmxon", &[0xf3, 0x0f, 0xc7, 0x37], plain, UD),
        case("invept", &[0x66, 0x0f, 0x38, 0x80, 0x07], plain, UD),
        case("xend", &[0x0f, 0x01, 0xd5], plain, UD),
        case("xtest", &[0x0f, 0x01, 0xd6], plain, UD),
        case("enclu", &[0x0f, 0x01, 0xd7], plain, UD),
        case("encls", &[0x0f, 0x01, 0xcf], plain, UD),
        case("pconfig", &[0x0f, 0x01, 0xc5], plain, UD),
        case("rdpkru", &[0x0f, 0x01, 0xee], plain, UD),
        case("serialize", &[0x0f, 0x01, 0xe8], plain, UD),
        case("monitorx", &[0x0f, 0x01, 0xfa], plain, UD),
        case("clzero", &[0x0f, 0x01, 0xfc], plain, UD),
        case("rdpru", &[0x0f, 0x01, 0xfd], plain, UD),
        case("invlpg of a register", &[0x0f, 0x01, 0xff], plain, UD),
        case("66 clac", &[0x66, 0x0f, 0x01, 0xca], plain, UD),
        case("umonitor", &[0xf3, 0x0f, 0xae, 0xf0], plain, UD),
        case("tpause", &[0x66, 0x0f, 0xae, 0xf1], plain, UD),
        case("ptwrite", &[0xf3, 0x0f, 0xae, 0x27], plain, UD),
        case("incsspd", &[0xf3, 0x0f, 0xae, 0xe8], plain, UD),
        case("setssbsy", &[0xf3, 0x0f, 0x01, 0xe8], plain, UD),
        case("rstorssp", &[0xf3, 0x0f, 0x01, 0x2f], plain, UD),
        case("clrssbsy", &[0xf3, 0x0f, 0xae, 0x37], plain, UD),
        case("wrssd", &[0x0f, 0x38, 0xf6, 0x07], plain, UD),
        case("endbr64 and rdsspd, which are NOPs", &[0xf3, 0x0f, 0x1e, 0xfa], plain, NONE),
        case("rdsspd, a NOP", &[0xf3, 0x0f, 0x1e, 0xc8], plain, NONE),
        case("xsaves", &[0x0f, 0xc7, 0x2f], plain, UD),
        case("cmpxchg8b of a register", &[0x0f, 0xc7, 0xc8], plain, UD),
        case("lea of a register", &[0x8d, 0xc0], plain, UD),
        case("0f 00 /6", &[0x0f, 0x00, 0xf0], plain, UD),
        case("0f 01 /5", &[0x0f, 0x01, 0x2f], plain, UD),
        case("0f ba /0", &[0x0f, 0xba, 0xc0, 0], plain, UD),
        case("8f /1", &[0x8f, 0xc8], plain, UD),
        case("c6 /1", &[0xc6, 0xc8, 0], plain, UD),
        case("fe /2", &[0xfe, 0xd0], plain, UD),
        case("ff /7", &[0xff, 0xf8], plain, UD),
        case("lock lgdt", &[0xf0, 0x0f, 0x01, 0x17], plain, UD),
        case("lock mov cr0", &[0xf0, 0x0f, 0x22, 0xc0], plain, UD),
        case("lock wrmsr", &[0xf0, 0x0f, 0x30], plain, UD),
        case("lock hlt", &[0xf0, 0xf4], plain, UD),
        case("lock cli", &[0xf0, 0xfa], plain, UD),
        case("lock in", &[0xf0, 0xec], plain, UD),
        case("lock iret", &[0xf0, 0xcf], plain, UD),
        case("lock int3", &[0xf0, 0xcc], plain, UD),
        case("lock lock add eax, eax", &[0xf0, 0xf0, 0x01, 0xc0], plain, UD),
        case("lock cmp [m], eax", &[0xf0, 0x39, 0x07], plain, UD),
        case("lock mov [m], eax", &[0xf0, 0x89, 0x07], plain, UD),
        case("lock fld1", &[0xf0, 0xd9, 0xe8], ts, UD),
    ]
}

/// Every case.
pub(super) fn cases() -> Vec<Case> {
    [privileged(), unprivileged(), coprocessor(), undefined()].into_iter().flatten().collect()
}
