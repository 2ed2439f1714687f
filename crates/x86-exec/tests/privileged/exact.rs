//! Which exception an instruction raises, where several might be meant.

use crate::machine::{CODE, Caught, DATA, Machine, OWN};
use x86_state::cpuid::{CpuModel, Features};
use x86_state::{Cr0, Cr4, RFlags, gpr};
use x86_types::GuestPhysAddr;

/// SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> interrupt 6: an encoding that is no instruction, or that the processor does not have, is #UD; #NM is for x87, MMX and SSE instructions
#[test]
fn what_is_no_instruction_is_undefined_whatever_cr0_says() {
    // ud2; ud0; ud1; 0f 04; vaddps ymm0, ymm1, ymm2; vmovaps xmm0, xmm1; lock add eax, eax; lock fld1; 0f 38 ff; rdrand
    let cases: &[&[u8]] = &[
        &[0x0f, 0x0b],
        &[0x0f, 0xff, 0xc0],
        &[0x0f, 0xb9, 0xc0],
        &[0x0f, 0x04],
        &[0xc5, 0xf4, 0x58, 0xc2],
        &[0xc5, 0xf8, 0x28, 0xc1],
        &[0xf0, 0x01, 0xc0],
        &[0xf0, 0xd9, 0xe8],
        &[0x0f, 0x38, 0xff, 0xc0],
        &[0xd9, 0xd1],
        &[0x0f, 0x01, 0xc8],
    ];
    for bits in [Cr0::empty(), Cr0::TS, Cr0::EM, Cr0::TS | Cr0::EM | Cr0::MP] {
        for &code in cases {
            let mut m = Machine::long(code);
            m.vcpu.cpu.cr0 |= bits;
            m.vcpu.cpu.cr4 |= Cr4::OSFXSR | Cr4::OSXSAVE;
            m.vcpu.state_changed();
            assert_eq!(m.caught(), Caught { vector: 6, error: 0, rip: CODE }, "{code:x?} with {bits:?}");
        }
    }
}

/// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> CR0.TS: #NM of x87, MMX and SSE instructions; CR0.EM: #NM of x87 ones, #UD of MMX and SSE ones; neither concerns those that touch no such register
/// SPEC: intel-sdm-vol3 :: 7.9 Prioritization of Concurrent Events -> faults of decoding (#UD, #NM) come before those of executing (#GP, #PF)
#[test]
fn device_not_available_by_kind_of_instruction() {
    const NONE: Option<u8> = None;
    // Bytes, with TS, with EM, with CR4.OSFXSR clear. RBX is not canonical.
    type Case = (&'static [u8], Option<u8>, Option<u8>, Option<u8>);
    let cases: &[Case] = &[
        // fld dword [rbx]; fxsave [rbx]; fninit; pxor mm0, [rbx]; emms
        (&[0xd9, 0x03], Some(7), Some(7), Some(12)),
        (&[0x0f, 0xae, 0x03], Some(7), Some(7), Some(13)),
        (&[0xdb, 0xe3], Some(7), Some(7), NONE),
        (&[0x0f, 0xef, 0x03], Some(7), Some(6), Some(13)),
        (&[0x0f, 0x77], Some(7), Some(6), NONE),
        // addps xmm0, [rbx]; pcmpistri xmm0, [rbx], 0; aesenc xmm0, [rbx]; ldmxcsr [rbx]; maskmovdqu xmm0, xmm1
        (&[0x0f, 0x58, 0x03], Some(7), Some(6), Some(6)),
        (&[0x66, 0x0f, 0x3a, 0x63, 0x03, 0], Some(7), Some(6), Some(6)),
        (&[0x66, 0x0f, 0x38, 0xdc, 0x03], Some(7), Some(6), Some(6)),
        (&[0x0f, 0xae, 0x13], Some(7), Some(6), Some(6)),
        (&[0x66, 0x0f, 0xf7, 0xc1], Some(7), Some(6), Some(6)),
        // crc32 eax, al; popcnt eax, ecx; sfence; pause; prefetcht0 [rbx]
        (&[0xf2, 0x0f, 0x38, 0xf0, 0xc0], NONE, NONE, NONE),
        (&[0xf3, 0x0f, 0xb8, 0xc1], NONE, NONE, NONE),
        (&[0x0f, 0xae, 0xf8], NONE, NONE, NONE),
        (&[0xf3, 0x90], NONE, NONE, NONE),
        (&[0x0f, 0x18, 0x0b], NONE, NONE, NONE),
        // movnti [rbx], eax; clflush [rbx]
        (&[0x0f, 0xc3, 0x03], Some(13), Some(13), Some(13)),
        (&[0x0f, 0xae, 0x3b], Some(13), Some(13), Some(13)),
    ];
    for &(code, ts, em, osfxsr) in cases {
        for (n, want) in [ts, em, osfxsr].into_iter().enumerate() {
            let mut m = Machine::long(&[code, &[0xf4]].concat());
            m.vcpu.cpu.cr0 |= [Cr0::TS, Cr0::EM, Cr0::empty()][n];
            m.vcpu.cpu.cr4.set(Cr4::OSFXSR, n != 2);
            m.vcpu.cpu.gpr[gpr::RBX] = 1 << 60;
            m.vcpu.state_changed();
            match want {
                // A load by RBX is one through DS: #GP, never #SS.
                Some(vector) => {
                    let vector = if vector == 12 { 13 } else { vector };
                    assert_eq!(m.caught().vector, vector, "{code:x?} {n}");
                }
                None => m.run_to_halt(),
            }
        }
    }
}

/// SPEC: intel-sdm-vol2 :: STAC—Set AC Flag in EFLAGS Register -> #UD for CPL above 0 and without CPUID's SMAP, whatever CR4.SMAP; CLAC likewise
#[test]
fn stac_and_clac_need_no_smap_in_cr4() {
    for smap in [false, true] {
        // stac; hlt
        let mut m = Machine::long(&[0x0f, 0x01, 0xcb, 0xf4]);
        m.vcpu.cpu.cr4.set(Cr4::SMAP, smap);
        m.vcpu.state_changed();
        m.run_to_halt();
        assert!(m.vcpu.cpu.system_flags.contains(RFlags::AC));
        // clac; hlt
        let mut m = Machine::long(&[0x0f, 0x01, 0xca, 0xf4]);
        m.set_flags(RFlags::AC);
        m.run_to_halt();
        assert!(!m.vcpu.cpu.system_flags.contains(RFlags::AC));
        for code in [[0x0f, 0x01, 0xca], [0x0f, 0x01, 0xcb]] {
            let mut m = Machine::user(&code);
            m.vcpu.cpu.cr4.set(Cr4::SMAP, smap);
            assert_eq!(m.caught().vector, 6);
            let mut m = Machine::long(&code);
            m.vcpu.cpu.model.features -= Features::SMAP;
            assert_eq!(m.caught().vector, 6);
        }
    }
}

/// SPEC: intel-sdm-vol2 :: RDPMC—Read Performance-Monitoring Counters -> #GP(0) for a counter that does not exist, in every mode
#[test]
fn there_are_no_performance_counters() {
    let code = [0x0f, 0x33];
    for ecx in [0, 1, 1 << 30, 0xffff_ffff] {
        for pce in [false, true] {
            for mut m in [Machine::long(&code), Machine::user(&code)] {
                m.vcpu.cpu.cr4.set(Cr4::PCE, pce);
                m.vcpu.cpu.gpr[gpr::RCX] = ecx;
                assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE });
            }
        }
        let mut m = Machine::real(&code);
        let (vector, [ip]) = m.delivered(2);
        assert_eq!((vector, ip), (13, CODE));
    }
}

/// A base that is canonical in 57 bits and not in 48 may be held where the processor supports 57, whatever CR4.LA57.
///
/// SPEC: intel-sdm-vol2 :: WRMSR—Write to Model Specific Register -> canonical is meant for the linear-address width the processor supports
#[test]
fn bases_may_have_as_many_bits_as_the_processor_supports() {
    // lgdt [rbx]; lidt [rbx]; lldt cx; ltr cx; invpcid rax, [rbx]; wrfsbase rdx; wrmsr
    let cases: &[&[u8]] = &[
        &[0x0f, 0x01, 0x13],
        &[0x0f, 0x01, 0x1b],
        &[0x0f, 0x00, 0xd1],
        &[0x0f, 0x00, 0xd9],
        &[0x66, 0x0f, 0x38, 0x82, 0x03],
        &[0xf3, 0x48, 0x0f, 0xae, 0xd2],
        &[0x0f, 0x30],
    ];
    for (model, base, held) in [
        (CpuModel::MAX, 1_u64 << 50, true),
        (CpuModel::MAX, 1 << 56, false),
        (CpuModel::MAX, !0 << 56, true),
        (CpuModel::X86_64_V2, 1 << 50, false),
        (CpuModel::X86_64_V2, 1 << 46, true),
    ] {
        for (n, &code) in cases.iter().enumerate() {
            let mut m = Machine::long(&[code, &[0xf4]].concat());
            m.vcpu.cpu.model = model;
            m.vcpu.cpu.cr4 |= Cr4::FSGSBASE;
            let (limit, kind) = (0x67, if n == 2 { 0x82 } else { 0x89 });
            m.set_descriptor(OWN, limit | (base & 0xff_ffff) << 16 | kind << 40 | (base >> 24 & 0xff) << 56);
            m.set_descriptor(OWN + 8, base >> 32);
            // A pseudo-descriptor, or INVPCID's with PCID 0 (its first eight bytes)
            let (at, first) = if n == 4 { (8, 0) } else { (2, 0xff) };
            m.ram.write_u64(GuestPhysAddr(DATA), first);
            m.ram.write_u64(GuestPhysAddr(DATA + at), base);
            let gpr = &mut m.vcpu.cpu.gpr;
            gpr[gpr::RBX] = DATA;
            gpr[gpr::RCX] = if n == 6 { 0xc000_0100 } else { OWN.into() };
            (gpr[gpr::RAX], gpr[gpr::RDX]) =
                if n == 6 { (base & 0xffff_ffff, base >> 32) } else { (0, base) };
            m.vcpu.state_changed();
            if held {
                m.run_to_halt();
            } else {
                // Selectors are named where it is the descriptor that is wrong.
                let error = if matches!(n, 2 | 3) { OWN.into() } else { 0 };
                assert_eq!(m.caught(), Caught { vector: 13, error, rip: CODE }, "{code:x?} {base:x}");
            }
        }
    }
}
