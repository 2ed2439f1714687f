//! Delivery of one event.

use crate::segments::descriptor::{check_code_offset, gp, null_segment, read_system, set_code};
use crate::segments::gate::{available_tss, inner_stack, is_tss_32, ist_stack, target};
use crate::stack::Stack;
use crate::task::{Cause, switch};
use crate::{DeliveryFailure, Event, SoftwareKind, SystemContext};
use x86_state::{
    Activity, CpuMode, DEBUGCTL_BTF, DEBUGCTL_LBR, DescriptorKind, Dr6, Dr7, RFlags, RawDescriptor, Segment,
    Selector, Shadow,
};
use x86_types::{Exception, Seg, Width};

/// Delivers `event` through the interrupt table of the current mode; `Cpu::rip` is the instruction pointer to save.
///
/// # Errors
/// The exception that delivery itself raised, with the EXT bit in place; the processor is as before, but for CR2 and DR6.
pub fn deliver<C: SystemContext>(ctx: &mut C, event: Event) -> Result<(), DeliveryFailure> {
    latch(ctx, event);
    match ctx.cpu().mode() {
        CpuMode::Real => real(ctx, event)?,
        CpuMode::Protected | CpuMode::Virtual8086 => protected(ctx, event)?,
        CpuMode::Compatibility | CpuMode::Long64 => long(ctx, event)?,
    }
    finish_delivery(ctx, event);
    Ok(())
}

/// What an event that was delivered changes beside the registers of its handler.
fn finish_delivery<C: SystemContext>(ctx: &mut C, event: Event) {
    let cpu = ctx.cpu_mut();
    match event {
        // SPEC: intel-sdm-vol3 :: 7.7.1 Handling Multiple NMIs -> further NMIs are blocked until the next IRET
        Event::Nmi => cpu.nmi_blocked = true,
        // SPEC: intel-sdm-vol3 :: 19.2.4 Debug Control Register (DR7) -> GD is cleared on entry to the #DB handler, so that the handler reaches the debug registers
        // SPEC: intel-sdm-vol3 :: 19.4.2 Monitoring Branches, Exceptions, and Interrupts -> a debug exception clears LBR before its handler runs
        // SPEC: intel-sdm-vol3 :: 19.4.3 Single-Stepping on Branches -> and BTF
        Event::Exception(Exception::Debug { .. }) => {
            cpu.dr[7] &= !Dr7::GD.bits();
            cpu.msr.debugctl &= !(DEBUGCTL_LBR | DEBUGCTL_BTF);
        }
        _ => {}
    }
    cpu.shadow = Shadow::None;
    cpu.activity = Activity::Running;
    ctx.mode_changed();
}

/// Stores the information of an exception beside its error code: CR2 and DR6.
fn latch<C: SystemContext>(ctx: &mut C, event: Event) {
    match event {
        Event::Exception(Exception::PageFault { address, .. }) => ctx.cpu_mut().cr2 = address.0,
        // SPEC: intel-sdm-vol3 :: 19.2.3 Debug Status Register (DR6) -> B3 to B0 tell of this exception alone; the other bits are left for software to clear
        Event::Exception(Exception::Debug { dr6, .. }) => {
            let status = &mut ctx.cpu_mut().dr[6];
            *status = *status & !(Dr6::B0 | Dr6::B1 | Dr6::B2 | Dr6::B3).bits() | dr6;
        }
        _ => {}
    }
}

/// RFLAGS as delivery saves it.
///
/// SPEC: intel-sdm-vol3 :: 19.3.1.1 Instruction-Breakpoint Exception Condition -> RF is saved as 1 for faults other than instruction breakpoints, so that the instruction's breakpoint does not hit again; for interrupts as it is
/// SPEC: intel-sdm-vol3 :: 2.3 System Flags and Fields in the EFLAGS Register -> RF is clear once an instruction is past its breakpoint check, hence for software interrupts
fn flags_image<C: SystemContext>(ctx: &C, event: Event) -> u64 {
    let flags = ctx.cpu().rflags();
    let image = match event {
        Event::Exception(Exception::Debug { fault: true, dr6 }) if dr6 & Dr6::BD.bits() == 0 => flags,
        Event::Exception(exception) if !exception.is_trap() => flags | RFlags::RF,
        Event::Software { .. } => flags - RFlags::RF,
        _ => flags,
    };
    image.bits()
}

fn clear_flags<C: SystemContext>(ctx: &mut C, flags: RFlags) {
    let kept = ctx.cpu().rflags() - flags;
    ctx.cpu_mut().set_rflags(kept);
}

/// SPEC: intel-sdm-vol3 :: 22.1.4 Interrupt and Exception Handling -> the vector is an index into a table of far pointers; FLAGS, CS and IP are pushed, no error code, and IF, TF, AC and RF cleared
fn real<C: SystemContext>(ctx: &mut C, event: Event) -> Result<(), Exception> {
    let idtr = ctx.cpu().idtr;
    let at = u64::from(event.vector()) * 4;
    if at + 3 > u64::from(idtr.limit) {
        return Err(Exception::GP0);
    }
    let pointer = read_system(ctx, idtr.base.wrapping_add(at), Width::B4)?;
    let image = flags_image(ctx, event);
    let cpu = ctx.cpu();
    let (mut stack, mut cs) = (Stack::current(cpu, 0), *cpu.segment(Seg::Cs));
    let words = [image, u64::from(cs.selector.0), cpu.rip];
    stack.push_all(ctx, Width::B2, &words)?;
    clear_flags(ctx, RFlags::IF | RFlags::TF | RFlags::AC | RFlags::RF);
    let cpu = ctx.cpu_mut();
    stack.commit(cpu);
    cs.load_real((pointer >> 16) as u16);
    cpu.seg[Seg::Cs as usize] = cs;
    cpu.rip = pointer & 0xffff;
    Ok(())
}

/// Returns the error code that names the event's own gate.
///
/// SPEC: intel-sdm-vol3 :: 7.13 Error Code -> IDT flag (bit 1) with the vector number as index
fn gate_code(event: Event) -> u16 {
    u16::from(event.vector()) << 3 | 2 | event.ext()
}

/// Checks a gate's DPL and presence for the event.
///
/// SPEC: intel-sdm-vol3 :: 7.12.1.2 Protection of Exception- and Interrupt-Handler Procedures -> DPL of the gate is checked for INT n, INT3 and INTO only; hardware events and INT1 pass
fn check_gate<C: SystemContext>(ctx: &C, event: Event, gate: RawDescriptor) -> Result<(), Exception> {
    let checked = matches!(
        event,
        Event::Software { kind: SoftwareKind::IntN | SoftwareKind::Int3 | SoftwareKind::Into, .. }
    );
    if checked && gate.attr().dpl() < ctx.cpu().cpl {
        return Err(Exception::GeneralProtection(gate_code(event)));
    }
    if !gate.attr().contains(x86_state::SegAttr::P) {
        return Err(Exception::SegmentNotPresent(gate_code(event)));
    }
    Ok(())
}

fn error_code(event: Event) -> Option<u64> {
    match event {
        Event::Exception(exception) => exception.error_code().map(u64::from),
        _ => None,
    }
}

/// Delivery through the IDT of protected mode, from virtual-8086 mode too. CR4.VME and CR4.PVI are not implemented, as
/// no CPU model reports VME.
///
/// SPEC: intel-sdm-vol3 :: 7.11 IDT Descriptors -> task, interrupt and trap gates of 8 bytes; anything else is #GP(vector * 8 + 2 + EXT)
fn protected<C: SystemContext>(ctx: &mut C, event: Event) -> Result<(), DeliveryFailure> {
    let cpu = ctx.cpu();
    let is_v86 = cpu.mode() == CpuMode::Virtual8086;
    let int_n = matches!(event, Event::Software { kind: SoftwareKind::IntN, .. });
    // SPEC: intel-sdm-vol3 :: 22.2.7 Sensitive Instructions -> INT n in virtual-8086 mode is #GP(0) with IOPL below 3; INT3, INTO and INT1 are not sensitive
    if is_v86 && int_n && cpu.rflags().iopl() < 3 {
        return Err(Exception::GP0.into());
    }
    let idtr = cpu.idtr;
    let at = u64::from(event.vector()) * 8;
    if at + 7 > u64::from(idtr.limit) {
        return Err(Exception::GeneralProtection(gate_code(event)).into());
    }
    let gate = RawDescriptor(read_system(ctx, idtr.base.wrapping_add(at), Width::B8)?);
    let kind = gate.kind();
    let size = match kind {
        DescriptorKind::InterruptGate16 | DescriptorKind::TrapGate16 => Width::B2,
        DescriptorKind::InterruptGate32 | DescriptorKind::TrapGate32 => Width::B4,
        DescriptorKind::TaskGate => Width::B4,
        _ => return Err(Exception::GeneralProtection(gate_code(event)).into()),
    };
    check_gate(ctx, event, gate)?;
    if kind == DescriptorKind::TaskGate {
        return task_gate(ctx, event, gate.gate_selector());
    }
    let masks = matches!(kind, DescriptorKind::InterruptGate16 | DescriptorKind::InterruptGate32);
    Ok(procedure(ctx, event, gate, size, masks)?)
}

/// An interrupt or trap gate of protected mode.
///
/// SPEC: intel-sdm-vol3 :: 7.12.1 Exception- or Interrupt-Handler Procedures -> with a change of level the old SS and ESP are pushed on the new stack first; then EFLAGS, CS, EIP and the error code
/// SPEC: intel-sdm-vol3 :: 22.3.1.1 Handling an Interrupt or Exception Through a Protected-Mode Trap or Interrupt Gate -> from virtual-8086 mode the handler must be nonconforming at level 0; GS, FS, DS and ES are pushed first and made null
fn procedure<C: SystemContext>(
    ctx: &mut C,
    event: Event,
    gate: RawDescriptor,
    size: Width,
    masks: bool,
) -> Result<(), Exception> {
    let ext = event.ext();
    let is_v86 = ctx.cpu().mode() == CpuMode::Virtual8086;
    let selector = gate.gate_selector();
    let code = target(ctx, selector, true, ext)?;
    let cpl = ctx.cpu().cpl;
    let conforming = code.attr().is_conforming();
    if is_v86 && (conforming || code.attr().dpl() != 0) {
        return Err(gp(selector, ext));
    }
    let level = if conforming { cpl } else { code.attr().dpl() };
    let mut stack = if level < cpl { inner_stack(ctx, level, ext)? } else { Stack::current(ctx.cpu(), ext) };
    let mut words = Words::default();
    let cpu = ctx.cpu();
    let selector_of = |seg| u64::from(cpu.segment(seg).selector.0);
    if is_v86 {
        for seg in [Seg::Gs, Seg::Fs, Seg::Ds, Seg::Es] {
            words.push(selector_of(seg));
        }
    }
    if level < cpl {
        words.push(selector_of(Seg::Ss));
        words.push(cpu.gpr[x86_state::gpr::RSP]);
    }
    words.push(flags_image(ctx, event));
    words.push(selector_of(Seg::Cs));
    words.push(cpu.rip);
    if let Some(code) = error_code(event) {
        words.push(code);
    }
    let offset = size.trunc(u64::from(gate.gate_offset()));
    stack.check_room(size, words.count)?;
    check_code_offset(ctx.cpu(), &code, offset, ext)?;
    let segment = code.load(ctx, level)?;
    stack.push_all(ctx, size, words.as_slice())?;

    enter(ctx, &stack, segment, offset, masks);
    if is_v86 {
        for seg in [Seg::Gs, Seg::Fs, Seg::Ds, Seg::Es] {
            ctx.cpu_mut().seg[seg as usize] = null_segment(Selector(0), 0);
        }
    }
    Ok(())
}

/// Puts a handler in force.
///
/// SPEC: intel-sdm-vol3 :: 7.12.1.3 Flag Usage By Exception- or Interrupt-Handler Procedure -> TF, VM, RF and NT are cleared, and IF by interrupt gates
fn enter<C: SystemContext>(ctx: &mut C, stack: &Stack, code: Segment, offset: u64, masks: bool) {
    let always = RFlags::TF | RFlags::VM | RFlags::RF | RFlags::NT;
    clear_flags(ctx, if masks { always | RFlags::IF } else { always });
    let cpu = ctx.cpu_mut();
    cpu.seg[Seg::Ss as usize] = stack.segment;
    stack.commit(cpu);
    set_code(cpu, code, offset);
}

/// SPEC: intel-sdm-vol3 :: 7.12.2 Interrupt Tasks -> a task gate switches tasks, nested; an error code is pushed on the new task's stack
fn task_gate<C: SystemContext>(ctx: &mut C, event: Event, selector: Selector) -> Result<(), DeliveryFailure> {
    let ext = event.ext();
    let tss = available_tss(ctx, selector, ext)?;
    let image = flags_image(ctx, event);
    let after = switch(ctx, &tss, Cause::Call, image, ext)?;
    finish_delivery(ctx, event);
    let switched = |exception| DeliveryFailure { exception, switched: true };
    // A debug trap of the new task waits: an error code is pushed before it.
    if let Some(exception) = after.filter(|exception| !exception.is_trap()) {
        return Err(switched(exception));
    }
    if let Some(code) = error_code(event) {
        let size = if is_tss_32(&ctx.cpu().tr) { Width::B4 } else { Width::B2 };
        let mut stack = Stack::current(ctx.cpu(), ext);
        stack.push_all(ctx, size, &[code]).map_err(switched)?;
        stack.commit(ctx.cpu_mut());
    }
    after.map_or(Ok(()), |exception| Err(switched(exception)))
}

/// Delivery in IA-32e mode.
///
/// SPEC: intel-sdm-vol3 :: 7.14.1 64-Bit Mode IDT -> gates have 16 bytes and a 64-bit offset; interrupt and trap gates only
/// SPEC: intel-sdm-vol3 :: 7.14.2 64-Bit Mode Stack Frame -> SS and RSP are pushed always, in words of 8 bytes, on a stack aligned to 16
fn long<C: SystemContext>(ctx: &mut C, event: Event) -> Result<(), Exception> {
    let ext = event.ext();
    let idtr = ctx.cpu().idtr;
    let at = u64::from(event.vector()) * 16;
    if at + 15 > u64::from(idtr.limit) {
        return Err(Exception::GeneralProtection(gate_code(event)));
    }
    let gate = RawDescriptor(read_system(ctx, idtr.base.wrapping_add(at), Width::B8)?);
    let high = read_system(ctx, idtr.base.wrapping_add(at + 8), Width::B8)?;
    let masks = match gate.kind() {
        DescriptorKind::InterruptGate32 => true,
        DescriptorKind::TrapGate32 => false,
        _ => return Err(Exception::GeneralProtection(gate_code(event))),
    };
    check_gate(ctx, event, gate)?;
    let code = target(ctx, gate.gate_selector(), true, ext)?;
    let cpl = ctx.cpu().cpl;
    let level = if code.attr().is_conforming() { cpl } else { code.attr().dpl() };
    let mut stack = match gate.gate_low5() & 7 {
        0 if level < cpl => inner_stack(ctx, level, ext)?,
        0 => {
            let cpu = ctx.cpu();
            Stack::new(cpu, *cpu.segment(Seg::Ss), cpu.gpr[x86_state::gpr::RSP], true, level, ext)
        }
        ist => ist_stack(ctx, ist, level, level < cpl, ext)?,
    };
    stack.pointer &= !15;
    let cpu = ctx.cpu();
    let mut words = Words::default();
    words.push(u64::from(cpu.segment(Seg::Ss).selector.0));
    words.push(cpu.gpr[x86_state::gpr::RSP]);
    words.push(flags_image(ctx, event));
    words.push(u64::from(cpu.segment(Seg::Cs).selector.0));
    words.push(cpu.rip);
    if let Some(code) = error_code(event) {
        words.push(code);
    }
    let offset = u64::from(gate.gate_offset()) | high << 32;
    stack.check_room(Width::B8, words.count)?;
    check_code_offset(ctx.cpu(), &code, offset, ext)?;
    let segment = code.load(ctx, level)?;
    stack.push_all(ctx, Width::B8, words.as_slice())?;
    enter(ctx, &stack, segment, offset, masks);
    Ok(())
}

/// The words of a stack frame, at most the ten of a fault in virtual-8086 mode.
#[derive(Default)]
struct Words {
    words: [u64; 10],
    count: usize,
}

impl Words {
    fn push(&mut self, word: u64) {
        if let Some(place) = self.words.get_mut(self.count) {
            *place = word;
            self.count += 1;
        }
    }
    fn as_slice(&self) -> &[u64] {
        self.words.get(..self.count).unwrap_or_default()
    }
}
