//! The register stack, stack faults, condition codes and pending exceptions, without a processor around them.

use super::stack::Stack;
use super::{control, math, no_pending_exception, status, summarize};
use crate::Vcpu;
use x86_decode::Op;
use x86_float::F80;
use x86_state::{Cr0, X87, cpuid::CpuModel};
use x86_types::{CodeSize, Exception, Width};

/// A stack with the values pushed in turn: the last is ST(0).
fn with(values: &[i64]) -> X87 {
    let mut x87 = X87::INIT;
    for value in values {
        Stack::new(&mut x87).push(F80::from_integer(*value));
    }
    x87
}

fn st(x87: &mut X87, i: u8) -> i64 {
    let stack = Stack::new(x87);
    assert!(!stack.is_empty(i), "ST({i}) is empty");
    stack.get(i).to_integer(&mut stack.env(), 64, false)
}

/// FSQRT
fn sqrt(x87: &mut X87) {
    let ram = std::rc::Rc::new(guest_memory::GuestMemory::new(1 << 20).expect("RAM"));
    let mut vm = Vcpu::new(CpuModel::MAX, ram);
    vm.cpu.x87 = *x87;
    let insn = x86_decode::decode(CodeSize::Bits64, &[0xd9, 0xfa]).unwrap();
    math::simple(&mut vm, &insn, None, insn.op).unwrap();
    *x87 = vm.cpu.x87;
}

#[test]
fn pushes_turn_top_downward() {
    let mut x87 = with(&[1, 2, 3]);
    assert_eq!((x87.top(), x87.tags), (5, 0xe0));
    assert_eq!([0, 1, 2].map(|i| st(&mut x87, i)), [3, 2, 1]);
    Stack::new(&mut x87).pop();
    assert_eq!((x87.top(), x87.tags), (6, 0xc0));
    assert_eq!(st(&mut x87, 0), 2);
}

#[test]
fn functions_use_and_pop_what_the_manual_says() {
    let mut x87 = with(&[5, 8]);
    math::exec(&mut Stack::new(&mut x87), Op::Fyl2x);
    assert_eq!((x87.tags, st(&mut x87, 0)), (0x80, 15));
    let mut x87 = with(&[4, 29]);
    math::exec(&mut Stack::new(&mut x87), Op::Fprem);
    assert_eq!((st(&mut x87, 0), st(&mut x87, 1)), (1, 4));
    let conditions = status::C3 | status::C2 | status::C1 | status::C0;
    assert_eq!(x87.status & conditions, status::C3 | status::C1 | status::C0, "quotient 7");
    let mut x87 = with(&[24]);
    math::exec(&mut Stack::new(&mut x87), Op::Fxtract);
    assert_eq!(st(&mut x87, 1), 4);
    assert!(math::exec(&mut Stack::new(&mut x87), Op::Fadd).is_none());
}

#[test]
fn stack_faults_give_the_indefinite_or_pend() {
    let indefinite = |x87: &mut X87, i| Stack::new(x87).get(i) == F80::INDEFINITE;
    let mut x87 = with(&[]);
    sqrt(&mut x87);
    assert!(indefinite(&mut x87, 0));
    assert_eq!(x87.status, status::IE | status::SF, "underflow: C1 is clear");
    let mut x87 = with(&[1; 8]);
    math::exec(&mut Stack::new(&mut x87), Op::Fsincos);
    assert!(indefinite(&mut x87, 0) && indefinite(&mut x87, 1));
    assert_ne!(x87.status & status::C1, 0, "overflow");
    let mut x87 = X87 { control: 0x37e, ..with(&[]) };
    sqrt(&mut x87);
    assert_eq!(x87.tags, 0, "unmasked: no result");
    assert_eq!(x87.status, status::IE | status::SF | status::ES | status::B);
}

#[test]
fn unmasked_exceptions_keep_operands_and_pend() {
    let mut x87 = X87 { control: 0x37e, ..with(&[-4]) };
    sqrt(&mut x87);
    assert_eq!(st(&mut x87, 0), -4);
    let ram = std::rc::Rc::new(guest_memory::GuestMemory::new(1 << 20).expect("RAM"));
    let mut vm = Vcpu::new(CpuModel::MAX, ram);
    vm.cpu.x87 = x87;
    assert_eq!(no_pending_exception(&mut vm), Ok(()), "IGNNE#");
    vm.cpu.cr0.insert(Cr0::NE);
    assert_eq!(no_pending_exception(&mut vm), Err(Exception::X87FloatingPoint));
    vm.cpu.x87.control = 0x37f;
    summarize(&mut vm.cpu.x87);
    assert_eq!(no_pending_exception(&mut vm), Ok(()));
    // An unmasked inexact result is written all the same.
    let mut x87 = X87 { control: 0x35f, ..with(&[2]) };
    sqrt(&mut x87);
    assert_eq!(st(&mut x87, 0), 1);
    assert_ne!(x87.status & status::ES, 0);
}

#[test]
fn environments_have_four_layouts() {
    let mut x87 = with(&[7, 0]);
    (x87.fip, x87.fdp, x87.fcs, x87.fds, x87.opcode) = (0x0012_3456, 0x0065_4321, 0x10, 0x18, 0x5d9);
    let tags = 0x1fff; // R7 valid, R6 zero
    assert_eq!(
        control::environment(&x87, Width::B4, false),
        [0xffff_037f, 0xffff_3000, 0xffff_1fff, 0x12_3456, 0x5d9_0010, 0x65_4321, 0xffff_0018]
    );
    assert_eq!(
        control::environment(&x87, Width::B2, false),
        [0x37f, 0x3000, tags, 0x3456, 0x10, 0x4321, 0x18]
    );
    assert_eq!(
        control::environment(&x87, Width::B2, true),
        [0x37f, 0x3000, tags, 0x3456, 0x25d9, 0x4321, 0x5000]
    );
    assert_eq!(
        control::environment(&x87, Width::B4, true)[3..],
        [0xffff_3456, 0x1_25d9, 0xffff_4321, 0x6_5000]
    );
}
