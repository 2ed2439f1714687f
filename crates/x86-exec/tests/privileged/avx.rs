//! AVX behaviour that recorded vectors do not cover: availability, faults in the middle of an instruction, saved state.

use crate::machine::{CODE, DATA, Machine};
use x86_state::cpuid::CpuModel;
use x86_state::{Cr0, Cr4, Mxcsr, Vector256, Xcr0, gpr};
use x86_types::GuestPhysAddr;

const ALL: Xcr0 = Xcr0::X87.union(Xcr0::SSE).union(Xcr0::AVX);

/// 64-bit mode at CPL 0 with AVX enabled, RBX at the data
fn long(code: &[u8]) -> Machine {
    enabled(Machine::long(&[code, &[0xf4]].concat()))
}

fn enabled(mut m: Machine) -> Machine {
    m.vcpu.cpu.cr4 |= Cr4::OSFXSR | Cr4::OSXMMEXCPT | Cr4::OSXSAVE;
    m.vcpu.cpu.xcr0 = ALL;
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.vcpu.state_changed();
    m
}

/// vaddps ymm0, ymm1, ymm2
const ADD: &[u8] = &[0xc5, 0xf4, 0x58, 0xc2];
/// andn eax, ecx, edx
const ANDN: &[u8] = &[0xc4, 0xe2, 0x70, 0xf2, 0xc2];

/// SPEC: intel-sdm-vol2 :: 2.5 Intel® AVX and Intel® SSE Instruction Exception Specification -> #UD without CR4.OSXSAVE or AVX in XCR0, before #NM by CR0.TS; CR0.EM and CR4.OSFXSR do not matter
#[test]
fn avx_is_available_by_xcr0_and_task_switched() {
    type Change = fn(&mut x86_state::Cpu);
    let cases: [(Change, Option<u8>); 9] = [
        (|_| {}, None),
        (|cpu| cpu.cr0 |= Cr0::EM, None),
        (|cpu| cpu.cr4 -= Cr4::OSFXSR, None),
        (|cpu| cpu.cr0 |= Cr0::TS, Some(7)),
        (|cpu| cpu.cr4 -= Cr4::OSXSAVE, Some(6)),
        (|cpu| cpu.xcr0 = Xcr0::X87 | Xcr0::SSE, Some(6)),
        (
            |cpu| {
                cpu.xcr0 = Xcr0::X87;
                cpu.cr0 |= Cr0::TS;
            },
            Some(6),
        ),
        (|cpu| cpu.model = CpuModel::X86_64_V2, Some(6)),
        (|cpu| cpu.model = CpuModel::X86_64_V3, None),
    ];
    for (n, (change, want)) in cases.into_iter().enumerate() {
        // vaddps; vldmxcsr [rbx]; vpcmpistri xmm0, xmm1, 0; vmaskmovps ymm0, ymm1, [rbx]; vzeroupper
        for code in [
            ADD,
            &[0xc5, 0xf8, 0xae, 0x13],
            &[0xc4, 0xe3, 0x79, 0x63, 0xc1, 0],
            &[0xc4, 0xe2, 0x75, 0x2c, 0x03],
            &[0xc5, 0xf8, 0x77],
        ] {
            let mut m = long(code);
            change(&mut m.vcpu.cpu);
            m.vcpu.state_changed();
            match want {
                None => m.run_to_halt(),
                Some(vector) => assert_eq!(m.caught().vector, vector, "{n} {code:x?}"),
            }
        }
    }
}

/// SPEC: intel-sdm-vol2 :: 2.3.5 The VEX Prefix -> in real-address mode no VEX-encoded instruction exists, on general registers neither; protected mode has them
#[test]
fn real_mode_has_no_vex() {
    for code in [ADD, ANDN] {
        let real = |code: &[u8]| enabled(Machine::real(code));
        assert_eq!(real(code).delivered::<1>(2).0, 6, "{code:x?}");
        enabled(Machine::protected(&[code, &[0xf4]].concat())).run_to_halt();
    }
}

/// SPEC: intel-sdm-vol2 :: 2.3.10 Intel® AVX Instructions and the Upper 128-bits of YMM registers -> VEX.128 zeroes them, legacy SSE keeps them
#[test]
fn upper_halves_are_zeroed_by_vex_alone() {
    let full = Vector256 { lo: 1, hi: 2 };
    // addps xmm0, xmm1; vaddps xmm0, xmm0, xmm1; vmovss xmm0, [rbx]; vmovd xmm0, eax
    for (code, high) in [
        (&[0x0f, 0x58, 0xc1][..], 2),
        (&[0xc5, 0xf8, 0x58, 0xc1], 0),
        (&[0xc5, 0xfa, 0x10, 0x03], 0),
        (&[0xc5, 0xf9, 0x6e, 0xc0], 0),
    ] {
        let mut m = long(code);
        m.vcpu.cpu.vector = [full; 16];
        m.run_to_halt();
        assert_eq!(m.vcpu.cpu.vector[0].hi, high, "{code:x?}");
        assert_eq!(m.vcpu.cpu.vector[1], full);
    }
}

/// SPEC: intel-sdm-vol2 :: VPGATHERDD/VPGATHERQD—Gather Packed Dword Values Using Signed Dword/Qword Indices -> what lies below the lane that faults is complete, and its mask is cleared
#[test]
fn a_gather_keeps_what_it_had_before_a_fault() {
    // vpgatherdd ymm0, [rbx + 4 * ymm1], ymm2
    let mut m = long(&[0xc4, 0xe2, 0x6d, 0x90, 0x04, 0x8b]);
    for n in 0..8 {
        m.ram.write_u32(GuestPhysAddr(DATA + 4 * n), 0x100 + n as u32);
    }
    m.set_pte(DATA + 0x1000, 0);
    // Indices 3, 2, 1, -4096 / 4 (not chosen), 1024 (faults), 0, 0, 0
    let index = |list: [i32; 4]| list.iter().rev().fold(0, |all, &n| all << 32 | u128::from(n as u32));
    let cpu = &mut m.vcpu.cpu;
    cpu.vector[0] = Vector256 { lo: 0, hi: u128::MAX };
    cpu.vector[1] = Vector256 { lo: index([3, 2, 1, -1024]), hi: index([1024, 0, 0, 0]) };
    // The sign of each lane counts.
    cpu.vector[2] =
        Vector256 { lo: index([i32::MIN, -1, i32::MIN, 1]), hi: index([i32::MIN, -1, i32::MIN, 0]) };
    let caught = m.caught();
    assert_eq!((caught.vector, caught.rip, m.vcpu.cpu.cr2), (14, CODE, DATA + 0x1000));
    assert_eq!(m.vcpu.cpu.vector[0], Vector256 { lo: index([0x103, 0x102, 0x101, 0]), hi: u128::MAX });
    assert_eq!(m.vcpu.cpu.vector[2], Vector256 { lo: 0, hi: index([-1, -1, -1, 0]) });
}

/// SPEC: intel-sdm-vol2 :: VMASKMOV—Conditional SIMD Packed Loads and Stores -> lanes that are not chosen do not fault; of a store that does fault nothing is written
#[test]
fn masked_moves_touch_what_the_mask_chooses() {
    let at = DATA + 0x1000 - 16;
    let run = |code: &[u8], mask: Vector256| {
        let mut m = long(code);
        m.ram.write_u32(GuestPhysAddr(at), 0x1234);
        m.set_pte(DATA + 0x1000, 0);
        m.vcpu.cpu.gpr[gpr::RBX] = at;
        m.vcpu.cpu.vector[0] = Vector256 { lo: u128::MAX, hi: u128::MAX };
        m.vcpu.cpu.vector[1] = mask;
        m
    };
    // vpmaskmovd ymm0, ymm1, [rbx]; vpmaskmovd [rbx], ymm1, ymm0
    let (load, store) = (&[0xc4, 0xe2, 0x75, 0x8c, 0x03], &[0xc4, 0xe2, 0x75, 0x8e, 0x03]);
    let (low, both) = (Vector256 { lo: 1 << 31, hi: 0 }, Vector256 { lo: 1 << 31, hi: 1 << 127 });
    let mut m = run(load, low);
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.vector[0], Vector256 { lo: 0x1234, hi: 0 });
    let mut m = run(store, low);
    m.run_to_halt();
    assert_eq!((m.ram.read_u32(GuestPhysAddr(at)), m.read(at + 4)), (u32::MAX, 0));
    let mut m = run(load, both);
    assert_eq!((m.caught().vector, m.vcpu.cpu.cr2), (14, at + 28));
    let mut m = run(store, both);
    assert_eq!((m.caught().vector, m.vcpu.cpu.cr2), (14, at + 28));
    assert_eq!(m.ram.read_u32(GuestPhysAddr(at)), 0x1234);
}

/// A store of 32 bytes into two pages writes all of it or nothing; one that need not be aligned may lie anywhere.
#[test]
fn a_store_in_two_pages_is_whole() {
    let at = DATA + 0x1000 - 8;
    // vmovups [rbx], ymm0; vmovaps [rbx], ymm0; vaddps ymm0, ymm0, [rbx]
    for (code, present, want) in [
        (&[0xc5, 0xfc, 0x11, 0x03][..], true, None),
        (&[0xc5, 0xfc, 0x11, 0x03], false, Some(14)),
        (&[0xc5, 0xfc, 0x29, 0x03], true, Some(13)),
        (&[0xc5, 0xfc, 0x58, 0x03], true, None),
    ] {
        let mut m = long(code);
        if !present {
            m.set_pte(DATA + 0x1000, 0);
        }
        m.vcpu.cpu.gpr[gpr::RBX] = at;
        m.vcpu.cpu.vector[0] = Vector256 { lo: u128::MAX, hi: u128::MAX };
        match want {
            None => m.run_to_halt(),
            Some(vector) => {
                assert_eq!(m.caught().vector, vector, "{code:x?}");
                assert_eq!(m.read(at), 0);
            }
        }
    }
}

/// An unmasked exception of either half leaves the whole destination; flags of both halves are set.
#[test]
fn exceptions_of_both_halves_are_one() {
    // vdivps ymm0, ymm1, ymm2
    let code = &[0xc5, 0xf4, 0x5e, 0xc2];
    let (one, zero, denormal) = (0x3f80_0000_u128, 0_u128, 1_u128);
    let mut m = long(code);
    m.vcpu.cpu.vector[1] = Vector256 { lo: one, hi: one };
    m.vcpu.cpu.vector[2] = Vector256 { lo: denormal, hi: zero };
    m.vcpu.cpu.mxcsr = Mxcsr::RESET - Mxcsr::ZM;
    let before = m.vcpu.cpu.vector[0];
    assert_eq!(m.caught().vector, 19);
    assert_eq!(m.vcpu.cpu.vector[0], before);
    // Lanes of 0 / 0 are invalid; the overflow of 1 / denormal is not looked for.
    let flags = m.vcpu.cpu.mxcsr & Mxcsr::from_bits_retain(0x3f);
    assert_eq!(flags, Mxcsr::IE | Mxcsr::DE | Mxcsr::ZE);
}

const XSAVE: &[u8] = &[0x0f, 0xae, 0x23];
const XSAVEOPT: &[u8] = &[0x0f, 0xae, 0x33];
const XSAVEC: &[u8] = &[0x0f, 0xc7, 0x23];
const XRSTOR: &[u8] = &[0x0f, 0xae, 0x2b];
// Offsets of XSTATE_BV, XCOMP_BV and the AVX component
const STATE: u64 = 512;
const COMPONENTS: u64 = 520;
const UPPER: u64 = 576;

/// A save with this EDX:EAX = EAX over memory that is all ones
fn save(code: &[u8], eax: u64, upper: u128) -> Machine {
    let mut m = long(code);
    m.ram.write(GuestPhysAddr(DATA), &[0xff; 1024]);
    m.vcpu.cpu.gpr[gpr::RAX] = eax;
    m.vcpu.cpu.gpr[gpr::RDX] = 0;
    m.vcpu.cpu.x87 = x86_state::X87::INIT;
    m.vcpu.cpu.vector = [Vector256 { lo: 0, hi: upper }; 16];
    m.run_to_halt();
    m
}

/// SPEC: intel-sdm-vol1 :: 13.7 Operation of XSAVE -> XSTATE_BV tells what is in use, all requested components are written, XCOMP_BV is not
/// SPEC: intel-sdm-vol1 :: 13.9 Operation of XSAVEOPT -> what is not in use is not written
/// SPEC: intel-sdm-vol1 :: 13.10 Operation of XSAVEC -> XSTATE_BV and XCOMP_BV whole
#[test]
fn saves_tell_what_is_in_use() {
    const ONES: u64 = u64::MAX;
    for (code, eax, upper, state, components, written) in [
        (XSAVE, 7, 5, ONES & !7 | 4, ONES, 5),
        (XSAVE, 7, 0, ONES & !7, ONES, 0),
        (XSAVE, 3, 5, ONES & !3, ONES, ONES),
        (XSAVEOPT, 7, 0, ONES & !7, ONES, ONES),
        (XSAVEOPT, 7, 5, ONES & !7 | 4, ONES, 5),
        (XSAVEC, 7, 0, 0, 1 << 63 | 7, ONES),
        (XSAVEC, 6, 5, 4, 1 << 63 | 6, 5),
    ] {
        let m = save(code, eax, upper);
        let got = [STATE, COMPONENTS, UPPER].map(|at| m.read(DATA + at));
        assert_eq!(got, [state, components, written], "{code:x?} {eax} {upper}");
    }
    // With XSAVEC MXCSR belongs to SSE, which it keeps in use.
    let mut m = long(XSAVEC);
    m.vcpu.cpu.gpr[gpr::RAX] = 7;
    m.vcpu.cpu.mxcsr = Mxcsr::RESET | Mxcsr::PE;
    m.vcpu.cpu.x87 = x86_state::X87::INIT;
    m.run_to_halt();
    assert_eq!((m.read(DATA + STATE), m.ram.read_u32(GuestPhysAddr(DATA + 24))), (2, 0x1fa0));
}

/// SPEC: intel-sdm-vol1 :: 13.8 Operation of XRSTOR -> both formats; what is absent is initialised; what contradicts itself is #GP(0)
#[test]
fn what_was_saved_comes_back() {
    for code in [XSAVE, XSAVEOPT, XSAVEC] {
        let mut m = long(&[code, XRSTOR].concat());
        let full = core::array::from_fn(|n| Vector256 { lo: 3 << n, hi: 7 << n });
        m.vcpu.cpu.gpr[gpr::RAX] = 7;
        m.vcpu.cpu.vector = full;
        assert_eq!(m.step(1), x86_exec::Exit::Budget);
        m.vcpu.cpu.vector = [Vector256 { lo: 9, hi: 9 }; 16];
        m.run_to_halt();
        assert_eq!(m.vcpu.cpu.vector, full, "{code:x?}");
    }
    // XSTATE_BV, XCOMP_BV, the word behind them, and whether that is an area
    for (state, components, rest, good) in [
        (0, 0, 0, true),
        (0, 1 << 63 | 7, 0, true),
        (4, 1 << 63 | 3, 0, false),
        (0, 1 << 63 | 8, 0, false),
        (8, 0, 0, false),
        (0, 4, 0, false),
        (0, 0, 1, false),
        (0, 1 << 63, 1, false),
    ] {
        let mut m = long(XRSTOR);
        for (n, word) in [state, components, rest].into_iter().enumerate() {
            m.ram.write_u64(GuestPhysAddr(DATA + STATE + 8 * n as u64), word);
        }
        m.ram.write_u32(GuestPhysAddr(DATA + 24), 0x1f80);
        m.vcpu.cpu.gpr[gpr::RAX] = 7;
        m.vcpu.cpu.vector = [Vector256 { lo: 9, hi: 9 }; 16];
        if good {
            m.run_to_halt();
            assert_eq!(m.vcpu.cpu.vector, [Vector256::default(); 16]);
        } else {
            assert_eq!(m.caught().vector, 13, "{state:x} {components:x} {rest:x}");
        }
    }
    // A model without XSAVEC does not support the compacted format.
    let mut m = long(XRSTOR);
    m.ram.write_u64(GuestPhysAddr(DATA + COMPONENTS), 1 << 63 | 7);
    m.vcpu.cpu.model = CpuModel::X86_64_V3;
    assert_eq!(m.caught().vector, 13);
}

/// SPEC: intel-sdm-vol2 :: XGETBV—Get Value of Extended Control Register -> ECX = 1 gives what of XCR0 is in use
#[test]
fn xgetbv_tells_what_is_in_use() {
    for (upper, want) in [(0, 0), (1, 4)] {
        let mut m = long(&[0x0f, 0x01, 0xd0]);
        m.vcpu.cpu.gpr[gpr::RCX] = 1;
        m.vcpu.cpu.x87 = x86_state::X87::INIT;
        m.vcpu.cpu.vector = [Vector256 { lo: 0, hi: upper }; 16];
        m.run_to_halt();
        assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], want);
    }
}

/// EVEX is #UD: no model has AVX-512.
#[test]
fn evex_is_undefined() {
    // vaddps zmm0, zmm1, zmm2
    assert_eq!(long(&[0x62, 0xf1, 0x74, 0x48, 0x58, 0xc2]).caught().vector, 6);
}
