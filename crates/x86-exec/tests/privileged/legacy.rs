//! 16- and 32-bit deliveries, gates, returns and tasks.

use crate::machine::{
    CODE, CS16, CS32, DATA, DS, DS16, HANDLERS, HANDLERS16, Machine, OWN, RSP0, STACK, TSS,
};
use crate::machine::{USER_CS32, USER_DS};
use x86_state::{RFlags, Segment, Selector, gpr};
use x86_types::{GuestPhysAddr, Seg};

/// FLAGS as pushed, the status flags left out.
fn system(image: u64) -> u64 {
    image & !RFlags::STATUS.bits()
}

/// SPEC: intel-sdm-vol3 :: 22.1.4 Interrupt and Exception Handling -> FLAGS, CS and IP on the stack, no error code; IF and TF cleared
#[test]
fn real_mode_vectors() {
    // int 21h; div cl; ud2; mov ax, [ffffh]; into; bound ax, [bx]; aam 0, then vector and the IP saved
    let cases: &[(&[u8], u8, u64)] = &[
        (&[0xcd, 0x21], 0x21, CODE + 2),
        (&[0xf6, 0xf1], 0, CODE),
        (&[0x0f, 0x0b], 6, CODE),
        (&[0xa1, 0xff, 0xff], 13, CODE),
        (&[0xce], 4, CODE + 1),
        (&[0x62, 0x07], 5, CODE),
        (&[0xd4, 0x00], 0, CODE),
    ];
    for &(code, vector, ip) in cases {
        let mut m = Machine::real(code);
        m.set_flags(RFlags::IF | RFlags::OF);
        m.vcpu.cpu.gpr[gpr::RBX] = 0x4000;
        m.vcpu.cpu.gpr[gpr::RAX] = 0x7fff;
        let (taken, [saved, cs, flags]) = m.delivered(2);
        assert_eq!((taken, saved, cs), (vector, ip, 0), "{code:x?}");
        assert_eq!(system(flags), 0x202);
        assert!(!m.vcpu.cpu.system_flags.intersects(RFlags::IF | RFlags::TF));
        assert_eq!(m.vcpu.cpu.gpr[gpr::RSP], 0xff00 - 6);
    }
}

#[test]
fn real_mode_interrupts_and_the_tables_limit() {
    let mut m = Machine::real(&[0x90, 0xf4]);
    m.set_flags(RFlags::IF);
    m.lines.irq.set(Some(0x70));
    let (vector, [ip, cs]) = m.delivered(2);
    assert_eq!((vector, ip, cs), (0x70, CODE, 0));
    // SPEC: intel-sdm-vol2 :: INT n/INTO/INT3/INT1—Call to Interrupt Procedure -> in real mode a vector beyond the IDT's limit is #GP
    let mut m = Machine::real(&[0xcd, 0x21]);
    m.vcpu.cpu.idtr.limit = 0x3f;
    let (vector, [ip, cs]) = m.delivered(2);
    assert_eq!((vector, ip, cs), (13, CODE, 0));
    // Neither #GP nor #DF has a place.
    let mut m = Machine::real(&[0xcd, 0x21]);
    m.vcpu.cpu.idtr.limit = 3;
    assert_eq!(m.step(10), x86_exec::Exit::Shutdown);
}

/// SPEC: intel-sdm-vol3 :: 22.1.1 Address Translation in Real-Address Mode -> far transfers load CS with a paragraph; limit and rights stay
#[test]
fn real_mode_far_transfers() {
    // call 200h:10h; there: retf 6
    let mut m = Machine::real(&[0x9a, 0x10, 0x00, 0x00, 0x02]);
    m.ram.write(GuestPhysAddr(0x2010), &[0xca, 0x06, 0x00]);
    let cs = |m: &Machine| *m.vcpu.cpu.segment(Seg::Cs);
    let limit = cs(&m).limit;
    assert_eq!(m.step(1), x86_exec::Exit::Budget);
    assert_eq!((m.vcpu.cpu.rip, cs(&m).base, cs(&m).selector.0, cs(&m).limit), (0x10, 0x2000, 0x200, limit));
    assert_eq!(
        (m.vcpu.cpu.gpr[gpr::RSP], m.ram.read_u32(GuestPhysAddr(0xff00 - 4))),
        (0xff00 - 4, CODE as u32 + 5)
    );
    assert_eq!(m.step(1), x86_exec::Exit::Budget);
    assert_eq!((m.vcpu.cpu.rip, cs(&m).base, m.vcpu.cpu.gpr[gpr::RSP]), (CODE + 5, 0, 0xff00 + 6));
    // jmp far [4000h], with an operand size of 32 bits too: an offset beyond the limit faults with nothing changed.
    for (code, offset, good) in
        [(&[0xff, 0x2e, 0, 0x40][..], 0xffff, true), (&[0x66, 0xff, 0x2e, 0, 0x40], 0x1_0000, false)]
    {
        let mut m = Machine::real(code);
        let at = 0x4000 + if good { 2 } else { 4 };
        m.ram.write_u32(GuestPhysAddr(0x4000), offset);
        m.ram.write(GuestPhysAddr(at), &[0x34, 0x12]);
        if good {
            assert_eq!(m.step(1), x86_exec::Exit::Budget);
            assert_eq!((m.vcpu.cpu.rip, cs(&m).base), (offset.into(), 0x12340));
        } else {
            let (vector, [ip, saved]) = m.delivered(2);
            assert_eq!((vector, ip, saved), (13, CODE, 0));
        }
    }
    // call 0:0 with room for one word below the stack's end: neither is pushed.
    let mut m = Machine::real(&[0x9a, 0, 0, 0, 0]);
    m.vcpu.cpu.gpr[gpr::RSP] = 3;
    m.ram.write_u32(GuestPhysAddr(0), 0x5555_5555);
    assert_eq!(m.step(2), x86_exec::Exit::Shutdown);
    assert_eq!(m.ram.read_u32(GuestPhysAddr(0)), 0x5555_5555);
}

#[test]
fn real_mode_iret_opens_to_a_pending_interrupt() {
    // int 21h; hlt, the handler: iret
    let mut m = Machine::real(&[0xcd, 0x21, 0xf4]);
    m.ram.write(GuestPhysAddr(HANDLERS + 0x210), &[0xcf]);
    m.set_flags(RFlags::IF);
    assert_eq!(m.step(1), x86_exec::Exit::Budget);
    m.lines.irq.set(Some(0x71));
    m.vcpu.poll_bus();
    let (vector, [ip, _, flags]) = m.delivered(2);
    assert_eq!((vector, ip, system(flags)), (0x71, CODE + 2, 0x202));
}

/// Words of 2 or 4 bytes, IF by kind of gate, 16-bit targets by their own segment.
///
/// SPEC: intel-sdm-vol3 :: 7.12.1 Exception- or Interrupt-Handler Procedures -> a frame of the gate's size: EFLAGS, CS, EIP, error code
/// SPEC: intel-sdm-vol3 :: 7.12.1.3 Flag Usage By Exception- or Interrupt-Handler Procedure -> interrupt gates clear IF, trap gates leave it
#[test]
fn gates_of_either_size() {
    for (kind, width, masks) in [(0x8e00, 4, true), (0x8f00, 4, false), (0x8600, 2, true), (0x8700, 2, false)]
    {
        let (selector, base) = if width == 4 { (CS32, HANDLERS) } else { (HANDLERS16, 0) };
        // int 50h
        let mut m = Machine::protected(&[0xcd, 0x50]);
        m.set_gate8(0x50, selector, (base + 0x500) as u32, kind);
        m.set_flags(RFlags::IF | RFlags::NT);
        let (vector, [ip, cs, flags]) = m.delivered(width);
        assert_eq!((vector, ip, cs), (0x50, CODE + 2, CS32.into()), "{kind:#x}");
        assert_eq!(system(flags), 0x4202);
        let cpu = &m.vcpu.cpu;
        assert_eq!(cpu.system_flags, if masks { RFlags::FIXED } else { RFlags::FIXED | RFlags::IF });
        assert_eq!(cpu.gpr[gpr::RSP], STACK - 3 * width);
        assert_eq!(cpu.segment(Seg::Cs).selector, Selector(selector));
        // mov ds, ebx with a selector beyond the table: an error code
        let mut m = Machine::protected(&[0x8e, 0xdb]);
        m.set_gate8(13, selector, (base + 0xd0) as u32, kind);
        m.vcpu.cpu.gpr[gpr::RBX] = 0x0103;
        let (vector, [error, ip, cs]) = m.delivered(width);
        assert_eq!((vector, error, ip, cs), (13, 0x100, CODE, CS32.into()), "{kind:#x}");
    }
}

/// The offset of a 16-bit gate has 16 bits, whatever lies in its last word.
#[test]
fn a_16_bit_gate_ignores_its_last_word() {
    let mut m = Machine::protected(&[0xcd, 0x50]);
    m.set_gate8(0x50, HANDLERS16, 0xdead_0500, 0x8600);
    let (vector, [ip]) = m.delivered(2);
    assert_eq!((vector, ip), (0x50, CODE + 2));
}

/// SPEC: intel-sdm-vol3 :: 7.12.1 Exception- or Interrupt-Handler Procedures -> to an inner level SS and ESP come from the TSS, and the old ones are pushed first
#[test]
fn a_change_of_level_takes_its_stack_from_the_tss() {
    // ud2 and `mov ds, ebx`, the second with an error code
    for (code, vector, coded) in [(&[0x0f, 0x0b], 6, false), (&[0x8e, 0xdb], 13, true)] {
        for (kind, width) in [(0x8e00, 4), (0x8600, 2)] {
            let (selector, base) = if width == 4 { (CS32, HANDLERS) } else { (HANDLERS16, 0) };
            let mut m = Machine::protected_user(code);
            m.set_gate8(vector, selector, (base + 16 * vector) as u32, kind);
            m.vcpu.cpu.gpr[gpr::RBX] = 0x0103;
            m.vcpu.cpu.gpr[gpr::RSP] = 0x8_8000;
            m.set_flags(RFlags::IF);
            let (taken, words) = m.delivered::<6>(width);
            assert_eq!(u64::from(taken), vector);
            let frame = &words[usize::from(coded)..];
            let cut = if width == 4 { u64::MAX } else { 0xffff };
            // Faults save RF, which a 16-bit frame has no room for.
            let flags = 0x1_0202 & cut;
            assert_eq!((frame[0], frame[1], system(frame[2])), (CODE, USER_CS32.into(), flags), "{kind:#x}");
            assert_eq!((frame[3], frame[4]), (0x8_8000 & cut, USER_DS.into()));
            assert!(!coded || words[0] == 0x100);
            let cpu = &m.vcpu.cpu;
            assert_eq!(cpu.gpr[gpr::RSP], RSP0 - width * (5 + u64::from(coded)));
            assert_eq!((cpu.segment(Seg::Ss).selector.0, cpu.cpl), (DS, 0));
        }
    }
}

/// SPEC: intel-sdm-vol3 :: 7.12.1 Exception- or Interrupt-Handler Procedures -> a 16-bit TSS holds SP0 and SS0 in words at 2 and 4
#[test]
fn a_16_bit_tss_gives_a_16_bit_stack_pointer() {
    let mut m = Machine::protected_user(&[0x0f, 0x0b]);
    m.ram.write_u64(GuestPhysAddr(TSS), u64::from(DS) << 32 | 0x9000 << 16);
    m.vcpu.cpu.tr.attr = x86_state::SegAttr::from_bits_retain(0x83);
    m.vcpu.cpu.tr.limit = 0x2b;
    let (vector, [eip, cs]) = m.delivered(4);
    assert_eq!((vector, eip, cs), (6, CODE, USER_CS32.into()));
    assert_eq!(m.vcpu.cpu.gpr[gpr::RSP], 0x9000 - 20);
}

/// SPEC: intel-sdm-vol2 :: INT n/INTO/INT3/INT1—Call to Interrupt Procedure -> INTO traps with OF set; above the gate's DPL #GP(4 * 8 + 2); in 64-bit mode #UD
#[test]
fn into_traps_on_overflow() {
    // into; hlt
    let code = [0xce, 0xf4];
    let mut m = Machine::protected(&code);
    m.run_to_halt();
    let mut m = Machine::protected(&code);
    m.set_flags(RFlags::OF);
    let (vector, [eip]) = m.delivered(4);
    assert_eq!((vector, eip), (4, CODE + 1));
    for (kind, want) in [(0xee00, (4, CODE + 1)), (0x8e00, (13, 4 * 8 + 2))] {
        let mut m = Machine::protected_user(&code);
        m.set_gate8(4, CS32, (HANDLERS + 0x40) as u32, kind);
        m.set_flags(RFlags::OF);
        let (vector, [first]) = m.delivered(4);
        assert_eq!((vector, first), want);
    }
    let mut m = Machine::long(&code);
    m.set_flags(RFlags::OF);
    assert_eq!(m.caught().vector, 6);
    // From compatibility mode through a 64-bit gate.
    let mut m = Machine::compat(&code);
    m.set_flags(RFlags::OF);
    let caught = m.caught();
    assert_eq!((caught.vector, caught.rip), (4, CODE + 1));
    assert_eq!(m.read(m.vcpu.cpu.gpr[gpr::RSP] + 8), CS32.into());
}

#[test]
fn bound_is_a_fault() {
    // bound eax, [ebx]
    for (index, inside) in [(-5_i32, true), (7, true), (-6, false), (8, false)] {
        let mut m = Machine::protected(&[0x62, 0x03, 0xf4]);
        m.ram.write_u32(GuestPhysAddr(DATA), -5_i32 as u32);
        m.ram.write_u32(GuestPhysAddr(DATA + 4), 7);
        m.vcpu.cpu.gpr[gpr::RBX] = DATA;
        m.vcpu.cpu.gpr[gpr::RAX] = u64::from(index as u32);
        if inside {
            m.run_to_halt();
        } else {
            let (vector, [eip]) = m.delivered(4);
            assert_eq!((vector, eip), (5, CODE), "{index}");
        }
    }
}

/// No instruction runs between an IRET that sets IF and an interrupt that waits.
#[test]
fn iret_opens_to_a_pending_interrupt() {
    // push ebx; push 30h; push 1100h; iretd
    let mut m = Machine::protected(&[0x53, 0x6a, 0x30, 0x68, 0, 0x11, 0, 0, 0xcf]);
    m.vcpu.cpu.gpr[gpr::RBX] = 0x202;
    m.lines.irq.set(Some(0x40));
    let (vector, [eip, cs, flags]) = m.delivered(4);
    assert_eq!((vector, eip, cs, system(flags)), (0x40, 0x1100, CS32.into(), 0x202));
    // push 10h; push rsp; push rbx; push 8; push 1100h; iretq
    let mut m = Machine::long(&[0x6a, 0x10, 0x54, 0x53, 0x6a, 8, 0x68, 0, 0x11, 0, 0, 0x48, 0xcf]);
    m.vcpu.cpu.gpr[gpr::RBX] = 0x202;
    m.lines.irq.set(Some(0x40));
    let caught = m.caught();
    assert_eq!((caught.vector, caught.rip), (0x40, 0x1100));
    // Without IF it waits on.
    let mut m = Machine::long(&[0x6a, 0x10, 0x54, 0x53, 0x6a, 8, 0x68, 0, 0x11, 0, 0, 0x48, 0xcf]);
    m.ram.write(GuestPhysAddr(0x1100), &[0xf4]);
    m.vcpu.cpu.gpr[gpr::RBX] = 2;
    m.lines.irq.set(Some(0x40));
    m.run_to_halt();
    assert_eq!(m.lines.irq.get(), Some(0x40));
}

/// SPEC: intel-sdm-vol3 :: 6.8.4 Accessing a Code Segment Through a Call Gate -> CPL and RPL at most the gate's DPL
/// SPEC: intel-sdm-vol3 :: 6.8.5 Stack Switching -> SS and ESP of the TSS, the caller's SS and ESP, the parameters, CS and EIP
/// SPEC: intel-sdm-vol3 :: 6.8.6 Returning from a Called Procedure -> RET n releases the parameters on both stacks
#[test]
fn a_32_bit_call_gate_and_back() {
    // push 11223344h; push 55667788h; call 63h:0; pause; hlt (#GP at CPL 3)
    let code = [
        0x68, 0x44, 0x33, 0x22, 0x11, 0x68, 0x88, 0x77, 0x66, 0x55, 0x9a, 0, 0, 0, 0, 0x63, 0, 0xf3, 0x90,
        0xf4,
    ];
    let mut m = Machine::protected_user(&code);
    // Two parameters; to CS32:1100h: mov ecx, [esp+8]; mov edx, [esp+12]; retf 8
    m.set_descriptor(OWN, u64::from(CS32) << 16 | 0x1100 | 0xec02 << 32);
    m.ram.write(GuestPhysAddr(0x1100), &[0x8b, 0x4c, 0x24, 8, 0x8b, 0x54, 0x24, 12, 0xca, 8, 0]);
    assert_eq!(m.step(3), x86_exec::Exit::Budget);
    let cpu = &m.vcpu.cpu;
    assert_eq!((cpu.rip, cpu.cpl, cpu.gpr[gpr::RSP]), (0x1100, 0, RSP0 - 24));
    let pairs: [u64; 3] = std::array::from_fn(|n| m.read(RSP0 - 24 + 8 * n as u64));
    let (user_cs, user_ss) = (u64::from(USER_CS32), u64::from(USER_DS));
    assert_eq!(pairs[0], user_cs << 32 | (CODE + 17));
    assert_eq!(pairs[1], 0x1122_3344_5566_7788);
    assert_eq!(pairs[2], user_ss << 32 | (STACK - 8));
    let (vector, [error, eip, cs, _, esp, ss]) = m.delivered(4);
    assert_eq!((vector, error, eip, cs), (13, 0, CODE + 19, user_cs));
    assert_eq!((esp, ss), (STACK, user_ss), "both parameters are gone");
    assert_eq!((m.vcpu.cpu.gpr[gpr::RCX], m.vcpu.cpu.gpr[gpr::RDX]), (0x5566_7788, 0x1122_3344));
}

/// SPEC: intel-sdm-vol3 :: 6.8.3.1 IA-32e Mode Call Gates -> 16 bytes, a 64-bit offset, no parameters; SS becomes null with the new CPL
#[test]
fn a_64_bit_call_gate_and_back() {
    // call far [rbx]; ud2
    let mut m = Machine::user(&[0xff, 0x1b, 0x0f, 0x0b]);
    let (gate, target) = (u64::from(OWN), 0x1100);
    m.set_descriptor(OWN, u64::from(crate::machine::CS64) << 16 | target | 0xec00 << 32);
    m.set_descriptor(OWN + 8, 0);
    // retfq
    m.ram.write(GuestPhysAddr(target), &[0x48, 0xcb]);
    m.ram.write_u64(GuestPhysAddr(DATA), gate << 32);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    assert_eq!(m.step(1), x86_exec::Exit::Budget);
    let cpu = &m.vcpu.cpu;
    assert_eq!((cpu.rip, cpu.cpl, cpu.gpr[gpr::RSP]), (target, 0, RSP0 - 32));
    assert_eq!(cpu.segment(Seg::Ss).selector.0, 0);
    let frame: [u64; 4] = std::array::from_fn(|n| m.read(RSP0 - 32 + 8 * n as u64));
    let user = (crate::machine::USER_CS64, USER_DS);
    assert_eq!(frame, [CODE + 2, user.0.into(), STACK, user.1.into()]);
    let caught = m.caught();
    assert_eq!((caught.vector, caught.rip), (6, CODE + 2));
    // Type 12 with 8 bytes only: what would be its upper half is another descriptor, whose type is not 0.
    let mut m = Machine::user(&[0xff, 0x1b, 0x0f, 0x0b]);
    m.set_descriptor(OWN, u64::from(crate::machine::CS64) << 16 | target | 0xec00 << 32);
    m.set_descriptor(OWN + 8, 0x00cf_9300_0000_ffff);
    m.ram.write_u64(GuestPhysAddr(DATA), gate << 32);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    let caught = m.caught();
    assert_eq!((caught.vector, caught.error, caught.rip), (13, OWN.into(), CODE));
}

/// The second task of the tests below: its TSS, with a stack and code of its own.
const TASK2: u64 = 0x11_4000;

fn two_tasks(code: &[u8]) -> Machine {
    let mut m = Machine::protected(code);
    // An available 32-bit TSS.
    m.set_descriptor(OWN, (TASK2 & 0xff_ffff) << 16 | 0x0000_8900_0000_0067);
    let word = |at: u64, v: u64| m.ram.write_u32(GuestPhysAddr(TASK2 + at), v as u32);
    word(0x20, 0x1100);
    word(0x24, 0x0202);
    for r in 0..8 {
        word(0x28 + 4 * r, 0x100 + r);
    }
    word(0x38, 0x9000);
    for (n, selector) in [DS, CS32, DS, DS, 0, 0].into_iter().enumerate() {
        word(0x48 + 4 * n as u64, selector.into());
    }
    word(0x60, 0);
    word(0x64, 0x68 << 16);
    m
}

/// SPEC: intel-sdm-vol3 :: 9.3 Task Switching -> the old state is saved in its TSS, the new is loaded; JMP makes the old TSS available and the new busy; TS is set
#[test]
fn a_jump_switches_tasks() {
    // jmp 60h:0
    let mut m = two_tasks(&[0xea, 0, 0, 0, 0, 0x60, 0]);
    m.ram.write(GuestPhysAddr(0x1100), &[0xf4]);
    m.vcpu.cpu.gpr[gpr::RBX] = 0xbbbb;
    m.run_to_halt();
    let cpu = &m.vcpu.cpu;
    assert_eq!(cpu.rip, 0x1101);
    assert_eq!(cpu.gpr[..8], [0x100, 0x101, 0x102, 0x103, 0x9000, 0x105, 0x106, 0x107]);
    assert_eq!((cpu.tr.selector, cpu.tr.base), (Selector(OWN), TASK2));
    assert!(cpu.cr0.contains(x86_state::Cr0::TS) && !cpu.system_flags.contains(RFlags::NT));
    // EIP behind the jump, EBX, ESP, ES and CS of the old task
    assert_eq!(m.read(TSS + 0x20) & 0xffff_ffff, CODE + 7);
    assert_eq!((m.read(TSS + 0x34) & 0xffff_ffff, m.read(TSS + 0x38) & 0xffff_ffff), (0xbbbb, STACK));
    assert_eq!(m.read(TSS + 0x48), u64::from(CS32) << 32 | u64::from(DS));
    let kind = |selector: u16| m.read(crate::machine::GDT + u64::from(selector)) >> 40 & 0xf;
    assert_eq!((kind(crate::machine::TASK), kind(OWN)), (9, 11));
}

/// SPEC: intel-sdm-vol3 :: 9.4 Task Linking -> CALL nests: NT, the back link, both TSSs busy; IRET returns and makes the nested one available
#[test]
fn a_call_nests_and_iret_comes_back() {
    // call 60h:0; hlt, the other task: inc eax; iretd
    let mut m = two_tasks(&[0x9a, 0, 0, 0, 0, 0x60, 0, 0xf4]);
    m.ram.write(GuestPhysAddr(0x1100), &[0x40, 0xcf]);
    m.vcpu.cpu.gpr[gpr::RAX] = 0xaaaa;
    let kind = |m: &Machine, selector: u16| m.read(crate::machine::GDT + u64::from(selector)) >> 40 & 0xf;
    assert_eq!(m.step(1), x86_exec::Exit::Budget);
    assert_eq!(m.vcpu.cpu.rip, 0x1100);
    assert!(m.vcpu.cpu.system_flags.contains(RFlags::NT));
    assert_eq!(m.read(TASK2) as u16, crate::machine::TASK);
    assert_eq!((kind(&m, crate::machine::TASK), kind(&m, OWN)), (11, 11));
    m.run_to_halt();
    let cpu = &m.vcpu.cpu;
    assert_eq!((cpu.rip, cpu.gpr[gpr::RAX], cpu.gpr[gpr::RSP]), (CODE + 8, 0xaaaa, STACK));
    assert_eq!(cpu.tr.selector.0, crate::machine::TASK);
    assert!(!cpu.system_flags.contains(RFlags::NT));
    assert_eq!((kind(&m, crate::machine::TASK), kind(&m, OWN)), (11, 9));
    // The nested task resumes after its IRET next time, with its own EAX.
    assert_eq!(m.read(TASK2 + 0x20) & 0xffff_ffff, 0x1102);
    assert_eq!(m.read(TASK2 + 0x28) & 0xffff_ffff, 0x101);
}

/// SPEC: intel-sdm-vol3 :: 7.12.2 Interrupt Tasks -> a task gate's error code is pushed on the new task's stack
/// SPEC: intel-sdm-vol3 :: 9.3 Task Switching -> a busy TSS is #GP for JMP and CALL; in IA-32e mode there are no task switches: #GP(selector)
#[test]
fn task_gates_and_refusals() {
    // mov ds, ebx
    let mut m = two_tasks(&[0x8e, 0xdb]);
    m.set_gate8(13, OWN, 0, 0x8500);
    m.ram.write(GuestPhysAddr(0x1100), &[0xf4]);
    m.vcpu.cpu.gpr[gpr::RBX] = 0x0103;
    m.run_to_halt();
    assert_eq!((m.vcpu.cpu.rip, m.vcpu.cpu.gpr[gpr::RSP]), (0x1101, 0x9000 - 4));
    assert_eq!(m.read(0x9000 - 4) & 0xffff_ffff, 0x100);
    assert_eq!(m.read(TSS + 0x20) & 0xffff_ffff, CODE, "a fault: it happens again");
    // jmp 60h:0 with the busy TSS, and the same in compatibility mode with an available one
    let code = [0xea, 0, 0, 0, 0, 0x60, 0];
    let mut m = two_tasks(&code);
    m.set_descriptor(OWN, (TASK2 & 0xff_ffff) << 16 | 0x0000_8b00_0000_0067);
    let (vector, [error, eip]) = m.delivered(4);
    assert_eq!((vector, error, eip), (13, OWN.into(), CODE));
    let mut m = Machine::compat(&code);
    m.set_descriptor(OWN, (TASK2 & 0xff_ffff) << 16 | 0x0000_8900_0000_0067);
    m.set_descriptor(OWN + 8, 0);
    let caught = m.caught();
    assert_eq!((caught.vector, caught.error, caught.rip), (13, OWN.into(), CODE));
}

/// A 16-bit stack keeps the upper half of ESP, whatever the gate's size.
#[test]
fn frames_on_a_16_bit_stack() {
    let mut m = Machine::protected(&[0xcd, 0x50]);
    let old = *m.vcpu.cpu.segment(Seg::Ss);
    let attr = x86_state::SegAttr::from_bits_retain(0x0093);
    m.vcpu.cpu.seg[Seg::Ss as usize] = Segment { limit: 0xffff, selector: Selector(DS16), attr, ..old };
    m.vcpu.cpu.gpr[gpr::RSP] = 0xdead_8000;
    m.vcpu.state_changed();
    let (vector, [eip, cs]) = m.delivered(4);
    assert_eq!((vector, eip, cs), (0x50, CODE + 2, CS32.into()));
    assert_eq!(m.vcpu.cpu.gpr[gpr::RSP], 0xdead_8000 - 12);
    // From 16-bit code of the first 64 KiB the saved CS is its own.
    let mut m = Machine::protected(&[0xcd, 0x50]);
    let cs = m.vcpu.cpu.segment(Seg::Cs);
    let attr = x86_state::SegAttr::from_bits_retain(0x009b);
    m.vcpu.cpu.seg[Seg::Cs as usize] = Segment { limit: 0xffff, selector: Selector(CS16), attr, ..*cs };
    m.vcpu.state_changed();
    let (vector, [eip, cs]) = m.delivered(4);
    assert_eq!((vector, eip, cs), (0x50, CODE + 2, CS16.into()));
}

/// A processor with 32-bit code and a 16-bit stack, and RBP and RSP of its own.
fn on_a_16_bit_stack(code: &[u8], ebp: u64, esp: u64) -> Machine {
    let mut m = Machine::protected(code);
    let attr = x86_state::SegAttr::from_bits_retain(0x0093);
    let old = *m.vcpu.cpu.segment(Seg::Ss);
    m.vcpu.cpu.seg[Seg::Ss as usize] = Segment { limit: 0xffff, selector: Selector(DS16), attr, ..old };
    (m.vcpu.cpu.gpr[gpr::RBP], m.vcpu.cpu.gpr[gpr::RSP]) = (ebp, esp);
    m.vcpu.state_changed();
    m
}

/// SPEC: intel-sdm-vol2 :: ENTER—Make Stack Frame for Procedure Parameters -> FrameTemp is ESP with a 32-bit operand and SP with a 16-bit one; frames are read by BP, EBP or RBP
/// SPEC: intel-sdm-vol2 :: LEAVE—High Level Procedure Exit -> SP, ESP or RSP from BP, EBP or RBP as the stack is wide; the operand size is that of the pop
#[test]
fn frames_with_operands_unlike_the_stack() {
    // Code, EBP and ESP before and after, words written from SS:(E)SP upwards
    type Case = (&'static [u8], (u64, u64), (u64, u64), &'static [(u64, u64, u64)]);
    let cases: &[Case] = &[
        // enter 16, 0
        (
            &[0xc8, 0x10, 0, 0],
            (0x5678_9abc, 0x1234_ff80),
            (0x1234_ff7c, 0x1234_ff6c),
            &[(0xff7c, 4, 0x5678_9abc)],
        ),
        // enter 16, 2: a copied frame pointer, then its own
        (
            &[0xc8, 0x10, 0, 2],
            (0x5678_9004, 0x1234_ff80),
            (0x1234_ff7c, 0x1234_ff64),
            &[(0xff7c, 4, 0x5678_9004), (0xff78, 4, 0xcafe_f00d), (0xff74, 4, 0x1234_ff7c)],
        ),
        // The pointer wraps within 16 bits.
        (
            &[0xc8, 0, 0, 0],
            (0x5678_9abc, 0x1234_0000),
            (0x1234_fffc, 0x1234_fffc),
            &[(0xfffc, 4, 0x5678_9abc)],
        ),
        // enter 16, 0 with a 16-bit operand
        (
            &[0x66, 0xc8, 0x10, 0, 0],
            (0x5678_9abc, 0x1234_ff80),
            (0x5678_ff7e, 0x1234_ff6e),
            &[(0xff7e, 2, 0x9abc)],
        ),
        // leave, of either size
        (&[0xc9], (0x5678_9000, 0x1234_ff80), (0xcafe_f00d, 0x1234_9004), &[]),
        (&[0x66, 0xc9], (0x5678_9000, 0x1234_ff80), (0x5678_f00d, 0x1234_9002), &[]),
        // push esp; pop ebp: all of it, by SP
        (&[0x54, 0x5d], (0, 0x1234_ff80), (0x1234_ff80, 0x1234_ff80), &[]),
        // pop esp
        (&[0x5c], (0, 0x1234_9000), (0, 0xcafe_f00d), &[]),
        (&[0x66, 0x5c], (0, 0x1234_9000), (0, 0x1234_f00d), &[]),
        // pusha; popa
        (&[0x60, 0x61], (0x5678_9abc, 0x1234_ff80), (0x5678_9abc, 0x1234_ff80), &[(0xff6c, 4, 0x1234_ff80)]),
        // call over nothing; a return address of 16 bits
        (&[0xe8, 0, 0, 0, 0], (0, 0x1234_ff80), (0, 0x1234_ff7c), &[(0xff7c, 4, CODE + 5)]),
        (&[0x66, 0xe8, 0, 0], (0, 0x1234_ff80), (0, 0x1234_ff7e), &[(0xff7e, 2, CODE + 4)]),
        // call; ret 8, which lead to the HLT: push 100ah; ret 8
        (&[0x68, 0x0a, 0x10, 0, 0, 0xc2, 8, 0, 0x90, 0x90], (0, 0x1234_fffc), (0, 0x1234_0004), &[]),
        // pushf; popf
        (&[0x9c, 0x9d], (0, 0x1234_0000), (0, 0x1234_0000), &[]),
    ];
    for &(code, (ebp, esp), after, words) in cases {
        let mut m = on_a_16_bit_stack(&[code, &[0xf4]].concat(), ebp, esp);
        m.ram.write_u32(GuestPhysAddr(0x9000), 0xcafe_f00d);
        m.run_to_halt();
        let cpu = &m.vcpu.cpu;
        assert_eq!((cpu.gpr[gpr::RBP], cpu.gpr[gpr::RSP]), after, "{code:x?}");
        for &(at, width, word) in words {
            assert_eq!(m.read(at) & (u64::MAX >> (64 - 8 * width)), word, "{code:x?} at {at:x}");
        }
    }
    // 16-bit operands on a 32- and a 64-bit stack: enter 16, 2; leave
    for long in [false, true] {
        let code = [0x66, 0xc8, 0x10, 0, 2, 0xf4];
        let mut m = if long { Machine::long(&code) } else { Machine::protected(&code) };
        m.ram.write_u32(GuestPhysAddr(0x2_9000), 0xf00d);
        (m.vcpu.cpu.gpr[gpr::RBP], m.vcpu.cpu.gpr[gpr::RSP]) = (0x2_9002, STACK);
        m.run_to_halt();
        let cpu = &m.vcpu.cpu;
        assert_eq!((cpu.gpr[gpr::RBP], cpu.gpr[gpr::RSP]), (0x2_fffe, STACK - 22));
        assert_eq!(m.read(STACK - 8) >> 16, 0x9002_f00d_fffe);
    }
}
