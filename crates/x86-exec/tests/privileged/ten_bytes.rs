//! FLD and FSTP of ten bytes where they are not in one page, or not in a row, and the pointers they leave.

use crate::machine::{CODE, Caught, DATA, Machine};
use x86_state::gpr;
use x86_types::GuestPhysAddr;

const SIGNIFICAND: u64 = 0x8123_4567_89ab_cdef;

/// A place of each number of bytes before the end of a page: loaded and stored again, over both ways.
#[test]
fn ten_bytes_go_by_any_place() {
    for before in 0..=12 {
        // fld tbyte [rbx]; fstp tbyte [rcx]; hlt
        let mut m = Machine::long(&[0xdb, 0x2b, 0xdb, 0x39, 0xf4]);
        let (from, to) = (DATA + 0x1000 - before, DATA + 0x3000 - before);
        m.ram.write_u64(GuestPhysAddr(from), SIGNIFICAND);
        m.ram.write_u64(GuestPhysAddr(from + 8), 0xffff_ffff_ffff_c001);
        m.ram.write_u64(GuestPhysAddr(to + 8), 0x1111_1111_1111_1111);
        (m.vcpu.cpu.gpr[gpr::RBX], m.vcpu.cpu.gpr[gpr::RCX]) = (from, to);
        m.vcpu.cpu.x87.control = 0x37f;
        m.run_to_halt();
        assert_eq!((m.read(to), m.read(to + 8)), (SIGNIFICAND, 0x1111_1111_1111_c001), "{before}");
        let x87 = &m.vcpu.cpu.x87;
        assert_eq!((x87.tags, x87.fip, x87.fdp), (0, CODE + 2, to));
        assert_eq!((x87.fcs, x87.fds), (m.vcpu.cpu.seg[1].selector.0, m.vcpu.cpu.seg[3].selector.0));
    }
}

/// Nothing is stored, nothing is popped.
#[test]
fn a_fault_of_the_second_page_stores_nothing() {
    for before in [1, 8, 9] {
        // fldpi; fstp tbyte [rbx]
        let mut m = Machine::long(&[0xd9, 0xeb, 0xdb, 0x3b]);
        m.set_pte(DATA + 0x1000, 0);
        let at = DATA + 0x1000 - before;
        m.ram.write_u64(GuestPhysAddr(at), 0x2222_2222_2222_2222);
        m.vcpu.cpu.gpr[gpr::RBX] = at;
        m.vcpu.cpu.x87.control = 0x37f;
        assert_eq!(m.caught(), Caught { vector: 14, error: 2, rip: CODE + 2 });
        assert_eq!(m.vcpu.cpu.cr2 & !0xfff, DATA + 0x1000, "{before}");
        assert_eq!(m.read(at), 0x2222_2222_2222_2222);
        let x87 = &m.vcpu.cpu.x87;
        assert_eq!((x87.tags, x87.top(), x87.fip), (0x80, 7, CODE));
    }
}

/// In real-address mode offsets wrap at 64 KiB, and the pointers are linear.
#[test]
fn offsets_wrap_in_real_mode() {
    // fld tbyte [bx]; hlt
    let mut m = Machine::real(&[0xdb, 0x2f, 0xf4]);
    m.vcpu.cpu.seg[3].base = 0x1_0000;
    m.vcpu.cpu.seg[3].selector.0 = 0x1000;
    m.vcpu.state_changed();
    m.ram.write_u64(GuestPhysAddr(0x1_fff8), SIGNIFICAND);
    m.ram.write(GuestPhysAddr(0x1_0000), &[0x01, 0x40]);
    m.vcpu.cpu.gpr[gpr::RBX] = 0xfff8;
    m.vcpu.cpu.x87.control = 0x37f;
    m.run_to_halt();
    let x87 = &m.vcpu.cpu.x87;
    let st = x87.r[usize::from(x87.top())];
    assert_eq!((st.significand, st.sign_exponent), (SIGNIFICAND, 0x4001));
    assert_eq!((x87.fip, x87.fdp, x87.fds), (CODE, 0x1_fff8, 0x1000));
}
