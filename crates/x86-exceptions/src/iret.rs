//! IRET, IRETD and IRETQ.

use crate::SystemContext;
use crate::segments::descriptor::{
    check_code_offset, lookup, np, read_system, set_code, stack_segment, ts, virtual_8086_segment,
};
use crate::segments::far_ret::{ReturnCode, check_return_code};
use crate::segments::query::drop_inaccessible;
use crate::stack::Stack;
use crate::task::{Cause, switch_and_raise};
use x86_state::{Cpu, CpuMode, DescriptorKind, RFlags, Selector, gpr};
use x86_types::{Exception, Seg, Width};

/// Executes IRET with an operand size of 16, 32 or 64 bits. `Cpu::rip` is that of the next instruction.
///
/// An exception that a task return raises in the task it returned to has been delivered there, and the result is `Ok`.
///
/// # Errors
/// What the instruction raises; the processor is as before, save that NMIs are no longer blocked.
pub fn iret<C: SystemContext>(ctx: &mut C, opsize: Width) -> Result<(), Exception> {
    let mode = ctx.cpu().mode();
    let flags = ctx.cpu().rflags();
    // SPEC: intel-sdm-vol3 :: 22.2.7 Sensitive Instructions -> IRET in virtual-8086 mode is #GP(0) with IOPL below 3
    if mode == CpuMode::Virtual8086 && flags.iopl() < 3 {
        return Err(Exception::GP0);
    }
    // SPEC: intel-sdm-vol3 :: 7.7.1 Handling Multiple NMIs -> IRET ends the blocking of NMIs, even if it then faults
    ctx.cpu_mut().nmi_blocked = false;
    match mode {
        CpuMode::Real | CpuMode::Virtual8086 => real(ctx, opsize),
        _ if flags.contains(RFlags::NT) => nested(ctx),
        _ => protected(ctx, opsize),
    }
}

/// RFLAGS after an IRET of this operand size executed at the current privilege level.
///
/// SPEC: intel-sdm-vol2 :: IRET/IRETD/IRETQ—Interrupt Return -> IF changes only with CPL at most IOPL, IOPL, VIF and VIP only at CPL 0; a 16-bit return leaves the upper half, RF included
fn merged_flags(cpu: &Cpu, image: u64, opsize: Width) -> RFlags {
    let old = cpu.rflags();
    let mut mask = RFlags::STATUS | RFlags::TF | RFlags::DF | RFlags::NT;
    if opsize != Width::B2 {
        mask |= RFlags::RF | RFlags::AC | RFlags::ID;
        if cpu.cpl == 0 && cpu.mode() != CpuMode::Real {
            mask |= RFlags::VIF | RFlags::VIP;
        }
    }
    if cpu.cpl <= old.iopl() {
        mask |= RFlags::IF;
    }
    if cpu.cpl == 0 {
        mask |= RFlags::IOPL;
    }
    RFlags::from_bits_retain(old.bits() & !mask.bits() | image & mask.bits())
}

/// Real mode, and virtual-8086 mode with IOPL 3.
fn real<C: SystemContext>(ctx: &mut C, opsize: Width) -> Result<(), Exception> {
    let mut stack = Stack::current(ctx.cpu(), 0);
    let rip = stack.pop(ctx, opsize)?;
    let selector = stack.pop(ctx, opsize)?;
    let image = stack.pop(ctx, opsize)?;
    let mut cs = *ctx.cpu().segment(Seg::Cs);
    if rip > u64::from(cs.limit) {
        return Err(Exception::GP0);
    }
    let cpu = ctx.cpu_mut();
    let flags = merged_flags(cpu, image, opsize);
    stack.commit(cpu);
    cs.load_real(selector as u16);
    cpu.seg[Seg::Cs as usize] = cs;
    cpu.rip = rip;
    cpu.set_rflags(flags);
    ctx.mode_changed();
    Ok(())
}

/// SPEC: intel-sdm-vol3 :: 9.4 Task Linking -> with NT set IRET returns to the task that the TSS links to; in IA-32e mode it is #GP(0)
fn nested<C: SystemContext>(ctx: &mut C) -> Result<(), Exception> {
    let cpu = ctx.cpu();
    if cpu.mode().is_long() {
        return Err(Exception::GP0);
    }
    let image = (cpu.rflags() - RFlags::NT).bits();
    let base = cpu.tr.base;
    let link = Selector(read_system(ctx, base, Width::B2)? as u16);
    if link.is_local() {
        return Err(ts(link, 0));
    }
    let tss = lookup(ctx, link)?.ok_or(ts(link, 0))?;
    if !matches!(tss.raw.kind(), DescriptorKind::Tss16Busy | DescriptorKind::Tss32Busy) {
        return Err(ts(link, 0));
    }
    if !tss.is_present() {
        return Err(np(link, 0));
    }
    switch_and_raise(ctx, &tss, Cause::Return, image)
}

fn protected<C: SystemContext>(ctx: &mut C, opsize: Width) -> Result<(), Exception> {
    let mode = ctx.cpu().mode();
    let mut stack = Stack::current(ctx.cpu(), 0);
    let rip = stack.pop(ctx, opsize)?;
    let selector = Selector(stack.pop(ctx, opsize)? as u16);
    let image = stack.pop(ctx, opsize)?;
    let to_v86 = opsize == Width::B4 && image & RFlags::VM.bits() != 0 && ctx.cpu().cpl == 0;
    if to_v86 && mode == CpuMode::Protected {
        return to_virtual_8086(ctx, stack, rip, selector, image);
    }
    let ReturnCode { entry, outer, is_64 } = check_return_code(ctx, selector)?;
    let level = selector.rpl();
    // SPEC: intel-sdm-vol3 :: 7.14.3 IRET in IA-32e Mode -> in 64-bit mode SS and RSP are popped always, elsewhere only with a change of level
    let new_stack = if outer || mode == CpuMode::Long64 {
        let pointer = stack.pop(ctx, opsize)?;
        let ss = Selector(stack.pop(ctx, opsize)? as u16);
        let segment = stack_segment(ctx, ss, level, is_64)?;
        Stack::new(ctx.cpu(), segment, pointer, is_64, level, 0)
    } else {
        stack
    };
    check_code_offset(ctx.cpu(), &entry, rip, 0)?;
    let segment = entry.load(ctx, level)?;

    let flags = merged_flags(ctx.cpu(), image, opsize);
    let cpu = ctx.cpu_mut();
    cpu.seg[Seg::Ss as usize] = new_stack.segment;
    new_stack.commit(cpu);
    set_code(cpu, segment, rip);
    cpu.set_rflags(flags);
    if outer {
        drop_inaccessible(ctx);
    }
    ctx.mode_changed();
    Ok(())
}

/// SPEC: intel-sdm-vol3 :: 22.2.5 Entering Virtual-8086 Mode -> IRETD at CPL 0 with VM set in the image pops ESP, SS, ES, DS, FS and GS as well, all without checks
fn to_virtual_8086<C: SystemContext>(
    ctx: &mut C,
    mut stack: Stack,
    rip: u64,
    cs: Selector,
    image: u64,
) -> Result<(), Exception> {
    let esp = stack.pop(ctx, Width::B4)?;
    let mut selectors = [(Seg::Ss, 0), (Seg::Es, 0), (Seg::Ds, 0), (Seg::Fs, 0), (Seg::Gs, 0)];
    for (_, selector) in &mut selectors {
        *selector = stack.pop(ctx, Width::B4)? as u16;
    }
    if rip > 0xffff {
        return Err(Exception::GP0);
    }
    let cpu = ctx.cpu_mut();
    for (seg, selector) in selectors {
        cpu.seg[seg as usize] = virtual_8086_segment(selector);
    }
    cpu.gpr[gpr::RSP] = esp;
    cpu.set_rflags(RFlags::from_bits_retain(image & FLAGS_OF_TASK));
    set_code(cpu, virtual_8086_segment(cs.0), rip);
    cpu.cpl = 3;
    ctx.mode_changed();
    Ok(())
}

/// The flags that exist, as a return to virtual-8086 mode or a task switch loads them.
pub(crate) const FLAGS_OF_TASK: u64 = 0x003f_7fd5;
