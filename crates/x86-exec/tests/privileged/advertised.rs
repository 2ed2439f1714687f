//! What CPUID advertises executes: each feature bit with an instruction that needs it.

use crate::machine::{CODE, CS64, DATA, Machine, PML4, RANDOM, STACK};
use std::collections::HashSet;
use x86_decode::{Op, decode};
use x86_state::cpuid::{CpuModel, CpuidState, Features, Register};
use x86_state::{ArithFlags, Cr4, RFlags, Xcr0, gpr};
use x86_types::{CodeSize, GuestPhysAddr};

/// How a row's instruction is run.
#[derive(Clone, Copy)]
enum Way {
    /// 64-bit mode at CPL 0, everything enabled that the model has, RBX pointing to data
    Plain,
    /// MOV to CR4 of its old value and these bits
    Cr4(u64),
    /// The same in 32-bit protected mode
    Cr4Unpaged(u64),
    /// RDMSR or WRMSR with this ECX and EDX:EAX
    Msr(u32, u64),
    /// SYSCALL or SYSENTER: the entry point is a HLT at `ENTRY`
    Entry,
    /// The instruction accesses memory through a page of 1 GiB
    HugePage,
}

struct Row {
    place: (u32, u32, Register, u8),
    op: Op,
    code: &'static [u8],
    way: Way,
}

const ENTRY: u64 = CODE + 0x100;
const HUGE: u64 = 0x4000_0000;

const fn row(
    leaf: u32,
    subleaf: u32,
    register: Register,
    bit: u8,
    op: Op,
    code: &'static [u8],
    way: Way,
) -> Row {
    Row { place: (leaf, subleaf, register, bit), op, code, way }
}

const MOV_CR4: &[u8] = &[0x0f, 0x22, 0xe0];
const RDMSR: &[u8] = &[0x0f, 0x32];
const WRMSR: &[u8] = &[0x0f, 0x30];

/// SPEC: intel-sdm-vol2 :: CPUID—CPU Identification -> the instruction, control bit or MSR that each flag stands for
#[rustfmt::skip]
fn rows() -> Vec<Row> {
    use Register::{Eax, Ebx, Ecx, Edx};
    use Way::{Cr4, Cr4Unpaged, Entry, HugePage, Msr, Plain};
    vec![
        row(0x1, 0, Ecx, 0, Op::Movddup, &[0xf2, 0x0f, 0x12, 0xc1], Plain),
        row(0x1, 0, Ecx, 1, Op::Pclmulqdq, &[0x66, 0x0f, 0x3a, 0x44, 0xc1, 0], Plain),
        row(0x1, 0, Ecx, 9, Op::Pshufb, &[0x66, 0x0f, 0x38, 0x00, 0xc1], Plain),
        row(0x1, 0, Ecx, 12, Op::Vfmadd132ps, &[0xc4, 0xe2, 0x75, 0x98, 0xc2], Plain),
        row(0x1, 0, Ecx, 13, Op::Cmpxchg16b, &[0x48, 0x0f, 0xc7, 0x0b], Plain),
        row(0x1, 0, Ecx, 17, Op::MovCr, MOV_CR4, Cr4(1 << 17)),
        row(0x1, 0, Ecx, 19, Op::Pmulld, &[0x66, 0x0f, 0x38, 0x40, 0xc1], Plain),
        row(0x1, 0, Ecx, 20, Op::Pcmpgtq, &[0x66, 0x0f, 0x38, 0x37, 0xc1], Plain),
        row(0x1, 0, Ecx, 20, Op::Crc32, &[0xf2, 0x0f, 0x38, 0xf0, 0xc1], Plain),
        row(0x1, 0, Ecx, 21, Op::Rdmsr, RDMSR, Msr(0x802, 0)),
        row(0x1, 0, Ecx, 22, Op::Movbe, &[0x0f, 0x38, 0xf0, 0x03], Plain),
        row(0x1, 0, Ecx, 23, Op::Popcnt, &[0xf3, 0x0f, 0xb8, 0xc1], Plain),
        row(0x1, 0, Ecx, 24, Op::Rdmsr, RDMSR, Msr(0x6e0, 0)),
        row(0x1, 0, Ecx, 25, Op::Aesenc, &[0x66, 0x0f, 0x38, 0xdc, 0xc1], Plain),
        row(0x1, 0, Ecx, 26, Op::Xsave, &[0x0f, 0xae, 0x23], Plain),
        row(0x1, 0, Ecx, 26, Op::Xrstor, &[0x0f, 0xae, 0x2b], Plain),
        row(0x1, 0, Ecx, 27, Op::Xgetbv, &[0x0f, 0x01, 0xd0], Plain),
        row(0x1, 0, Ecx, 28, Op::Vaddps, &[0xc5, 0xf4, 0x58, 0xc2], Plain),
        row(0x1, 0, Ecx, 29, Op::Vcvtph2ps, &[0xc4, 0xe2, 0x7d, 0x13, 0xc1], Plain),
        row(0x1, 0, Ecx, 30, Op::Rdrand, &[0x0f, 0xc7, 0xf0], Plain),
        row(0x1, 0, Edx, 0, Op::Fld1, &[0xd9, 0xe8], Plain),
        row(0x1, 0, Edx, 2, Op::MovCr, MOV_CR4, Cr4(1 << 3)),
        row(0x1, 0, Edx, 3, Op::MovCr, MOV_CR4, Cr4(1 << 4)),
        row(0x1, 0, Edx, 4, Op::Rdtsc, &[0x0f, 0x31], Plain),
        row(0x1, 0, Edx, 5, Op::Rdmsr, RDMSR, Msr(0x10, 0)),
        row(0x1, 0, Edx, 6, Op::MovCr, MOV_CR4, Cr4Unpaged(1 << 5)),
        row(0x1, 0, Edx, 7, Op::MovCr, MOV_CR4, Cr4(1 << 6)),
        row(0x1, 0, Edx, 8, Op::Cmpxchg8b, &[0x0f, 0xc7, 0x0b], Plain),
        row(0x1, 0, Edx, 9, Op::Rdmsr, RDMSR, Msr(0x1b, 0)),
        row(0x1, 0, Edx, 11, Op::Sysenter, &[0x0f, 0x34], Entry),
        row(0x1, 0, Edx, 12, Op::Rdmsr, RDMSR, Msr(0xfe, 0)),
        row(0x1, 0, Edx, 13, Op::MovCr, MOV_CR4, Cr4(1 << 7)),
        row(0x1, 0, Edx, 14, Op::Rdmsr, RDMSR, Msr(0x179, 0)),
        row(0x1, 0, Edx, 15, Op::Cmovcc, &[0x0f, 0x44, 0xc1], Plain),
        row(0x1, 0, Edx, 16, Op::Rdmsr, RDMSR, Msr(0x277, 0)),
        row(0x1, 0, Edx, 17, Op::MovCr, MOV_CR4, Cr4Unpaged(1 << 4)),
        row(0x1, 0, Edx, 19, Op::Clflush, &[0x0f, 0xae, 0x3b], Plain),
        row(0x1, 0, Edx, 23, Op::Pxor, &[0x0f, 0xef, 0xc1], Plain),
        row(0x1, 0, Edx, 24, Op::Fxsave, &[0x0f, 0xae, 0x03], Plain),
        row(0x1, 0, Edx, 25, Op::Addps, &[0x0f, 0x58, 0xc1], Plain),
        row(0x1, 0, Edx, 26, Op::Addpd, &[0x66, 0x0f, 0x58, 0xc1], Plain),
        row(0x7, 0, Ebx, 0, Op::Rdfsbase, &[0xf3, 0x48, 0x0f, 0xae, 0xc0], Plain),
        row(0x7, 0, Ebx, 1, Op::Wrmsr, WRMSR, Msr(0x3b, 1)),
        row(0x7, 0, Ebx, 3, Op::Andn, &[0xc4, 0xe2, 0x70, 0xf2, 0xc2], Plain),
        row(0x7, 0, Ebx, 3, Op::Tzcnt, &[0xf3, 0x0f, 0xbc, 0xc1], Plain),
        row(0x7, 0, Ebx, 5, Op::Vpaddb, &[0xc5, 0xf5, 0xfc, 0xc2], Plain),
        row(0x7, 0, Ebx, 5, Op::Vpgatherdd, &[0xc4, 0xe2, 0x75, 0x90, 0x04, 0x13], Plain),
        row(0x7, 0, Ebx, 7, Op::MovCr, MOV_CR4, Cr4(1 << 20)),
        row(0x7, 0, Ebx, 8, Op::Mulx, &[0xc4, 0xe2, 0x73, 0xf6, 0xc2], Plain),
        row(0x7, 0, Ebx, 8, Op::Pdep, &[0xc4, 0xe2, 0x73, 0xf5, 0xc2], Plain),
        row(0x7, 0, Ebx, 9, Op::Movs, &[0xf3, 0xa4], Plain),
        row(0x7, 0, Ebx, 10, Op::Invpcid, &[0x66, 0x0f, 0x38, 0x82, 0x03], Plain),
        row(0x7, 0, Ebx, 18, Op::Rdseed, &[0x0f, 0xc7, 0xf8], Plain),
        row(0x7, 0, Ebx, 19, Op::Adcx, &[0x66, 0x0f, 0x38, 0xf6, 0xc1], Plain),
        row(0x7, 0, Ebx, 20, Op::Stac, &[0x0f, 0x01, 0xcb], Plain),
        row(0x7, 0, Ebx, 23, Op::Clflushopt, &[0x66, 0x0f, 0xae, 0x3b], Plain),
        row(0x7, 0, Ebx, 24, Op::Clwb, &[0x66, 0x0f, 0xae, 0x33], Plain),
        row(0x7, 0, Ebx, 29, Op::Sha1nexte, &[0x0f, 0x38, 0xc8, 0xc1], Plain),
        row(0x7, 0, Ecx, 2, Op::MovCr, MOV_CR4, Cr4(1 << 11)),
        row(0x7, 0, Ecx, 8, Op::Gf2p8mulb, &[0x66, 0x0f, 0x38, 0xcf, 0xc1], Plain),
        row(0x7, 0, Ecx, 9, Op::Vaesenc, &[0xc4, 0xe2, 0x75, 0xdc, 0xc2], Plain),
        row(0x7, 0, Ecx, 10, Op::Vpclmulqdq, &[0xc4, 0xe3, 0x75, 0x44, 0xc2, 0x00], Plain),
        row(0x7, 0, Ecx, 16, Op::MovCr, MOV_CR4, Cr4Unpaged(1 << 12)),
        row(0x7, 0, Ecx, 22, Op::Rdpid, &[0xf3, 0x0f, 0xc7, 0xf8], Plain),
        row(0x7, 0, Edx, 26, Op::Rdmsr, RDMSR, Msr(0x48, 0)),
        row(0x7, 0, Edx, 26, Op::Wrmsr, WRMSR, Msr(0x49, 1)),
        row(0x7, 0, Edx, 29, Op::Rdmsr, RDMSR, Msr(0x10a, 0)),
        row(0x7, 2, Edx, 4, Op::Wrmsr, WRMSR, Msr(0x48, 1 << 10)),
        row(0xd, 1, Eax, 0, Op::Xsaveopt, &[0x0f, 0xae, 0x33], Plain),
        row(0xd, 1, Eax, 1, Op::Xsavec, &[0x0f, 0xc7, 0x23], Plain),
        row(0xd, 1, Eax, 2, Op::Xgetbv, &[0x0f, 0x01, 0xd0], Plain),
        row(0x8000_0001, 0, Ecx, 0, Op::Lahf, &[0x9f], Plain),
        row(0x8000_0001, 0, Ecx, 5, Op::Lzcnt, &[0xf3, 0x0f, 0xbd, 0xc1], Plain),
        row(0x8000_0001, 0, Ecx, 8, Op::Prefetchw, &[0x0f, 0x0d, 0x0b], Plain),
        row(0x8000_0001, 0, Edx, 11, Op::Syscall, &[0x0f, 0x05], Entry),
        row(0x8000_0001, 0, Edx, 20, Op::Wrmsr, WRMSR, Msr(0xc000_0080, 0xd01)),
        row(0x8000_0001, 0, Edx, 26, Op::Mov, &[0x8a, 0x01], HugePage),
        row(0x8000_0001, 0, Edx, 27, Op::Rdtscp, &[0x0f, 0x01, 0xf9], Plain),
        row(0x8000_0001, 0, Edx, 29, Op::Add, &[0x4d, 0x01, 0xc1], Plain),
        row(0x8000_0007, 0, Edx, 8, Op::Rdtsc, &[0x0f, 0x31], Plain),
    ]
}

/// The leaves with registers that consist of feature flags, and those registers.
const FLAGS: &[(u32, u32, &[Register])] = &[
    (0x1, 0, &[Register::Ecx, Register::Edx]),
    (0x7, 0, &[Register::Ebx, Register::Ecx, Register::Edx]),
    (0x7, 1, &[Register::Eax, Register::Ebx, Register::Ecx, Register::Edx]),
    (0x7, 2, &[Register::Ebx, Register::Ecx, Register::Edx]),
    (0xd, 1, &[Register::Eax]),
    (0x8000_0001, 0, &[Register::Ecx, Register::Edx]),
    (0x8000_0007, 0, &[Register::Ebx, Register::Ecx, Register::Edx]),
    (0x8000_0008, 0, &[Register::Ebx]),
];

fn advertised(model: CpuModel) -> HashSet<(u32, u32, Register, u8)> {
    let xsave = model.features.contains(Features::XSAVE);
    let state = CpuidState { apic_id: 0, cr4_osxsave: xsave, xcr0: 3, apic_enabled: true, misc_enable: 1 };
    let mut places = HashSet::new();
    for &(leaf, subleaf, registers) in FLAGS {
        for &register in registers {
            let word = model.cpuid(leaf, subleaf, &state)[register as usize];
            places
                .extend((0..32).filter(|bit| word >> bit & 1 != 0).map(|bit| (leaf, subleaf, register, bit)));
        }
    }
    places
}

fn machine(row: &Row, model: CpuModel) -> Machine {
    let mut code = row.code.to_vec();
    code.push(0xf4);
    let mut m =
        if matches!(row.way, Way::Cr4Unpaged(_)) { Machine::protected(&code) } else { Machine::long(&code) };
    m.ram.write(GuestPhysAddr(ENTRY), &[0xf4]);
    let has = |feature| model.features.contains(feature);
    let cpu = &mut m.vcpu.cpu;
    cpu.model = model;
    cpu.cr4 |= Cr4::OSFXSR | Cr4::OSXMMEXCPT;
    cpu.cr4.set(Cr4::FSGSBASE, has(Features::FSGSBASE));
    if has(Features::XSAVE) {
        cpu.cr4 |= Cr4::OSXSAVE;
        cpu.xcr0 = Xcr0::X87 | Xcr0::SSE;
        cpu.xcr0.set(Xcr0::AVX, has(Features::AVX));
    }
    cpu.gpr[gpr::RAX] = 2; // INVPCID: all contexts
    cpu.gpr[gpr::RBX] = DATA;
    match row.way {
        Way::Plain => {}
        Way::Cr4(bits) | Way::Cr4Unpaged(bits) => cpu.gpr[gpr::RAX] = cpu.cr4.bits() | bits,
        Way::Msr(number, value) => {
            cpu.gpr[gpr::RCX] = number.into();
            cpu.gpr[gpr::RAX] = value;
        }
        Way::Entry => {
            cpu.msr.lstar = ENTRY;
            cpu.msr.star = u64::from(CS64) << 32;
            (cpu.msr.sysenter_cs, cpu.msr.sysenter_eip, cpu.msr.sysenter_esp) = (CS64.into(), ENTRY, STACK);
        }
        Way::HugePage => {
            cpu.gpr[gpr::RCX] = HUGE;
            m.ram.write_u64(GuestPhysAddr(PML4 + 0x1000 + 8), 0x83);
        }
    }
    m.vcpu.state_changed();
    m
}

#[test]
fn every_advertised_feature_executes() {
    let rows = rows();
    for name in CpuModel::NAMES {
        let model = CpuModel::from_name(name).expect(name);
        for place in advertised(model) {
            let mut tried = 0;
            for row in rows.iter().filter(|row| row.place == place) {
                let size =
                    if matches!(row.way, Way::Cr4Unpaged(_)) { CodeSize::Bits32 } else { CodeSize::Bits64 };
                let insn = decode(size, row.code).map(|insn| (insn.op, usize::from(insn.len)));
                assert_eq!(insn, Ok((row.op, row.code.len())), "{place:x?}");
                // It ends at a HLT that is no exception's handler.
                machine(row, model).run_to_halt();
                tried += 1;
            }
            assert!(tried > 0, "{name} advertises {place:x?}, for which there is no instruction here");
        }
    }
}

/// SPEC: intel-sdm-vol2 :: RDRAND—Read Random Number -> the destination has the operand size; CF = 1, OF, SF, ZF, AF and PF are 0
#[test]
fn random_numbers_of_each_size() {
    // rdrand and rdseed of ax, eax, rax; r9
    for (code, r, want) in [
        (&[0x66, 0x0f, 0xc7, 0xf0][..], 0, 0x1111_1111_1111_ba98),
        (&[0x0f, 0xc7, 0xf0], 0, RANDOM & 0xffff_ffff),
        (&[0x48, 0x0f, 0xc7, 0xf0], 0, RANDOM),
        (&[0x49, 0x0f, 0xc7, 0xf1], 9, RANDOM),
        (&[0x66, 0x0f, 0xc7, 0xf8], 0, 0x1111_1111_1111_ba98),
        (&[0x0f, 0xc7, 0xf8], 0, RANDOM & 0xffff_ffff),
        (&[0x49, 0x0f, 0xc7, 0xf9], 9, RANDOM),
    ] {
        let mut m = Machine::long(code);
        m.vcpu.cpu.gpr[r] = 0x1111_1111_1111_1111;
        m.vcpu.cpu.arith = ArithFlags::unpack(0x8d4);
        m.step(1);
        assert_eq!(m.vcpu.cpu.gpr[r], want, "{code:x?}");
        assert_eq!(m.vcpu.cpu.rflags() & RFlags::STATUS, RFlags::CF);
        // Without the feature #UD.
        let mut m = Machine::long(code);
        m.vcpu.cpu.model.features -= Features::RDRAND | Features::RDSEED;
        assert_eq!(m.caught().vector, 6);
    }
}
