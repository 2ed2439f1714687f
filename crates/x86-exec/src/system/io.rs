//! IN, OUT, INS, OUTS and the I/O permission bitmap.

use crate::concrete_operand::ConcreteResult;
use crate::{Flow, GeneralRegisters, MemRef, Raised, Vcpu};
use x86_decode::{InsnFlags, Instruction, Op, OperandKind};
use x86_exceptions::{Privilege, SystemContext};
use x86_state::{Cr0, RFlags, gpr};
use x86_types::{Exception, LinearAddr, Seg, Width};

/// SPEC: intel-sdm-vol1 :: 19.5.2 I/O Permission Bit Map -> above IOPL (and always in virtual-8086 mode) each port's bit in the TSS must be clear
fn check_port(vm: &mut Vcpu, port: u16, w: Width) -> Result<(), Exception> {
    let v86 = vm.cpu.system_flags.contains(RFlags::VM);
    if !vm.cpu.cr0.contains(Cr0::PE) || !v86 && vm.cpu.cpl <= vm.cpu.system_flags.iopl() {
        return Ok(());
    }
    let tss = vm.cpu.tr;
    // A 16-bit TSS (types 1 and 3) has no bitmap.
    if tss.attr.kind() & 8 == 0 || tss.limit < 0x67 {
        return Err(Exception::GP0);
    }
    let map = vm.read_linear(LinearAddr(tss.base.wrapping_add(0x66)), Width::B2, Privilege::Supervisor)?;
    let at = map + u64::from(port / 8);
    if at + 1 > u64::from(tss.limit) {
        return Err(Exception::GP0);
    }
    let bits = vm.read_linear(LinearAddr(tss.base.wrapping_add(at)), Width::B2, Privilege::Supervisor)?;
    let mask = (1 << w.bytes()) - 1;
    if bits >> (port & 7) & mask != 0 { Err(Exception::GP0) } else { Ok(()) }
}

fn port_read(vm: &mut Vcpu, port: u16, w: Width) -> u64 {
    let now = vm.retired();
    let v = vm.bus_mut().port_read(now, port, w.bytes() as u8);
    tracing::trace!(target: "io", port, size = w.bytes(), value = v, "in");
    vm.statistics.port_io += 1;
    vm.watch_port(port, w);
    vm.bus_touched();
    w.trunc(u64::from(v))
}

fn port_write(vm: &mut Vcpu, port: u16, w: Width, v: u64) {
    let now = vm.retired();
    tracing::trace!(target: "io", port, size = w.bytes(), value = v, "out");
    vm.bus_mut().port_write(now, port, w.bytes() as u8, v as u32);
    vm.statistics.port_io += 1;
    vm.watch_port(port, w);
    vm.bus_touched();
}

/// IN and OUT: port by immediate or DX, data in AL, AX or EAX.
pub(super) fn in_out(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let operand = usize::from(i.op == Op::In);
    let port = if i.operands[operand].kind == OperandKind::Imm {
        (i.imm & 0xff) as u16
    } else {
        vm.cpu.gpr[gpr::RDX] as u16
    };
    let w = if i.opsize == Width::B8 { Width::B4 } else { i.opsize };
    check_port(vm, port, w)?;
    if i.op == Op::In {
        let v = port_read(vm, port, w);
        vm.write_gpr(gpr::RAX as u8, w, v);
    } else {
        let v = vm.read_gpr(gpr::RAX as u8, w);
        port_write(vm, port, w, v);
    }
    Ok(Flow::End)
}

/// One iteration of INS or OUTS.
fn string_once(vm: &mut Vcpu, i: &Instruction) -> Result<(), Raised> {
    let port = vm.cpu.gpr[gpr::RDX] as u16;
    let w = if i.opsize == Width::B8 { Width::B4 } else { i.opsize };
    let back = vm.cpu.system_flags.contains(RFlags::DF);
    let by = if back { u64::from(w.bytes()).wrapping_neg() } else { u64::from(w.bytes()) };
    let r = if i.op == Op::Ins { gpr::RDI } else { gpr::RSI };
    let offset = vm.read_gpr(r as u8, i.addrsize);
    if i.op == Op::Ins {
        let m = MemRef { seg: Seg::Es, offset };
        // The destination is checked before the port is read: reading may have an effect.
        vm.check_write_ref(&m, w)?;
        let v = port_read(vm, port, w);
        vm.store_ref(&m, w, v)?;
    } else {
        let m = MemRef { seg: i.seg, offset };
        let v = vm.load_ref(&m, w)?;
        port_write(vm, port, w, v);
    }
    vm.write_gpr(r as u8, i.addrsize, offset.wrapping_add(by));
    Ok(())
}

/// INS and OUTS. A repeated one goes to the end of a page, or until an access makes the run loop look up.
pub(super) fn string(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    let repeated = i.flags.intersects(InsnFlags::REP | InsnFlags::REPNE);
    if repeated && vm.read_gpr(gpr::RCX as u8, i.addrsize) == 0 {
        return Ok(Flow::End);
    }
    let w = if i.opsize == Width::B8 { Width::B4 } else { i.opsize };
    check_port(vm, vm.cpu.gpr[gpr::RDX] as u16, w)?;
    let done =
        if repeated { vm.repeat_string(i, string_once) } else { string_once(vm, i).map(|()| Flow::End) };
    done.map_err(Exception::from)
}
