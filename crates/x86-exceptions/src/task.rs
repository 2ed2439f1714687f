//! Task switches.

use crate::iret::FLAGS_OF_TASK;
use crate::segments::descriptor::{
    Entry, lookup, np, null_segment, read_system, set_code, ss, ts, virtual_8086_segment, write_system,
};
use crate::segments::gate::is_tss_32;
use crate::segments::load::{BUSY, local_table, task_data_segment};
use crate::{Event, SystemContext, raise};
use x86_state::{Cr0, Dr6, RFlags, Segment, Selector};
use x86_types::{Exception, Seg, Width};

/// What switches tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// JMP
    Jump,
    /// CALL, interrupts and exceptions: the new task is nested in the old one
    Call,
    /// IRET with NT set
    Return,
}

/// Where a TSS keeps what.
///
/// SPEC: intel-sdm-vol3 :: 9.2.1 Task-State Segment (TSS) -> the 32-bit layout
/// SPEC: intel-sdm-vol3 :: 9.6 16-Bit Task-State Segment (TSS) -> the 16-bit layout: no CR3, FS, GS or T flag
struct Layout {
    width: Width,
    /// The lowest limit a TSS may have
    limit: u32,
    cr3: Option<u64>,
    ip: u64,
    flags: u64,
    /// Eight registers in encoding order, each `width` bytes
    gpr: u64,
    /// ES, CS, SS, DS and, in 32 bits, FS and GS, each `width` bytes apart
    segments: u64,
    segment_count: usize,
    ldt: u64,
    trap: Option<u64>,
}

const TSS32: Layout = Layout {
    width: Width::B4,
    limit: 0x67,
    cr3: Some(0x1c),
    ip: 0x20,
    flags: 0x24,
    gpr: 0x28,
    segments: 0x48,
    segment_count: 6,
    ldt: 0x60,
    trap: Some(0x64),
};
const TSS16: Layout = Layout {
    width: Width::B2,
    limit: 0x2b,
    cr3: None,
    ip: 0x0e,
    flags: 0x10,
    gpr: 0x12,
    segments: 0x22,
    segment_count: 4,
    ldt: 0x2a,
    trap: None,
};

const fn layout(tss: &Segment) -> &'static Layout {
    if is_tss_32(tss) { &TSS32 } else { &TSS16 }
}

/// The state of a task in a TSS.
struct Image {
    cr3: Option<u64>,
    ip: u64,
    flags: u64,
    gpr: [u64; 8],
    selectors: [Selector; 6],
    ldt: Selector,
    trap: bool,
}

/// Switches tasks on behalf of an instruction, which is then complete: an exception in the new task is delivered there.
pub(crate) fn switch_and_raise<C: SystemContext>(
    ctx: &mut C,
    tss: &Entry,
    cause: Cause,
    image: u64,
) -> Result<(), Exception> {
    if let Some(exception) = switch(ctx, tss, cause, image, 0)? {
        raise(ctx, Event::Exception(exception));
    }
    Ok(())
}

/// Switches to the task of `tss`, which the caller found available (for a return: busy) and present. `image` is the
/// RFLAGS value to save in the old task. `Ok(Some(_))` is an exception of the new task, after the switch.
///
/// SPEC: intel-sdm-vol3 :: 9.3 Task Switching -> old state saved, new state loaded, then segment descriptors loaded and checked in the new task, whose first instruction has not begun
pub(crate) fn switch<C: SystemContext>(
    ctx: &mut C,
    tss: &Entry,
    cause: Cause,
    image: u64,
    ext: u16,
) -> Result<Option<Exception>, Exception> {
    let mut new = Segment::from_descriptor(tss.selector, tss.raw);
    let old = ctx.cpu().tr;
    let (from, to) = (layout(&old), layout(&new));
    if new.limit < to.limit {
        return Err(ts(tss.selector, ext));
    }
    if old.limit < from.limit {
        return Err(ts(old.selector, ext));
    }
    let mut task = read_task(ctx, new.base, to)?;
    save_task(ctx, old.base, from, image)?;
    // SPEC: intel-sdm-vol3 :: 9.4 Task Linking -> CALL and events link back to the old task and set NT; JMP and IRET leave the old task available
    match cause {
        Cause::Call => {
            write_system(ctx, new.base, Width::B2, u64::from(old.selector.0))?;
            task.flags |= RFlags::NT.bits();
        }
        Cause::Jump | Cause::Return => {
            if let Some(entry) = lookup(ctx, old.selector)? {
                entry.write_busy(ctx, false)?;
            }
        }
    }
    if cause != Cause::Return {
        tss.write_busy(ctx, true)?;
    }
    if let Some(cr3) = task.cr3.filter(|_| ctx.cpu().cr0.contains(Cr0::PG)) {
        ctx.load_cr3(cr3)?;
    }
    new.attr |= BUSY;
    commit(ctx, new, &task);
    let result = load_descriptors(ctx, &task, ext);
    ctx.cpu_mut().update_code_size();
    ctx.mode_changed();
    let trap = Exception::Debug { dr6: Dr6::BT.bits(), fault: false };
    Ok(result.err().or(task.trap.then_some(trap)))
}

fn read_task<C: SystemContext>(ctx: &mut C, base: u64, layout: &Layout) -> Result<Image, Exception> {
    let step = u64::from(layout.width.bytes());
    let mut read = |offset: u64, width| read_system(ctx, base.wrapping_add(offset), width);
    let mut image = Image {
        cr3: layout.cr3.map(|offset| read(offset, Width::B4)).transpose()?,
        ip: read(layout.ip, layout.width)?,
        flags: read(layout.flags, layout.width)? & FLAGS_OF_TASK,
        gpr: [0; 8],
        selectors: [Selector(0); 6],
        ldt: Selector(read(layout.ldt, Width::B2)? as u16),
        trap: layout.trap.map(|offset| read(offset, Width::B2)).transpose()?.unwrap_or(0) & 1 != 0,
    };
    for (value, index) in image.gpr.iter_mut().zip(0..) {
        *value = read(layout.gpr + step * index, layout.width)?;
    }
    for (selector, index) in image.selectors.iter_mut().zip(0..).take(layout.segment_count) {
        *selector = Selector(read(layout.segments + step * index, Width::B2)? as u16);
    }
    Ok(image)
}

fn save_task<C: SystemContext>(ctx: &mut C, base: u64, layout: &Layout, image: u64) -> Result<(), Exception> {
    let cpu = ctx.cpu();
    let (step, rip, gpr, segments) = (u64::from(layout.width.bytes()), cpu.rip, cpu.gpr, cpu.seg);
    let mut write =
        |offset: u64, width: Width, value| write_system(ctx, base.wrapping_add(offset), width, value);
    write(layout.ip, layout.width, rip)?;
    write(layout.flags, layout.width, image)?;
    for (value, index) in gpr.iter().take(8).zip(0..) {
        write(layout.gpr + step * index, layout.width, *value)?;
    }
    for (segment, index) in segments.iter().zip(0..).take(layout.segment_count) {
        write(layout.segments + step * index, Width::B2, u64::from(segment.selector.0))?;
    }
    Ok(())
}

/// Puts the new task in force, its segment registers not yet usable.
fn commit<C: SystemContext>(ctx: &mut C, tss: Segment, task: &Image) {
    let cpu = ctx.cpu_mut();
    cpu.tr = tss;
    // SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> TS is set on every task switch
    cpu.cr0 |= Cr0::TS;
    // SPEC: intel-sdm-vol3 :: 19.2.4 Debug Control Register (DR7) -> local breakpoint enables (L0 to L3, LE) are cleared on every task switch
    cpu.dr[7] &= !0x155;
    cpu.gpr[..8].copy_from_slice(&task.gpr);
    cpu.set_rflags(RFlags::from_bits_retain(task.flags));
    let is_v86 = task.flags & RFlags::VM.bits() != 0;
    let [_, cs, ..] = task.selectors;
    let level = if is_v86 { 3 } else { cs.rpl() };
    for (segment, selector) in cpu.seg.iter_mut().zip(task.selectors) {
        *segment = if is_v86 { virtual_8086_segment(selector.0) } else { null_segment(selector, level) };
    }
    cpu.ldtr = null_segment(task.ldt, 0);
    cpu.rip = task.ip;
    cpu.cpl = level;
    cpu.update_code_size();
}

/// SPEC: intel-sdm-vol3 :: 9.3 Task Switching -> LDT, CS, SS and data segments are checked in the new task: #TS(selector), or #NP and #SS where not present
fn load_descriptors<C: SystemContext>(ctx: &mut C, task: &Image, ext: u16) -> Result<(), Exception> {
    let cpl = ctx.cpu().cpl;
    if !task.ldt.is_null() {
        let invalid = ts(task.ldt, ext);
        ctx.cpu_mut().ldtr = local_table(ctx, task.ldt, invalid, invalid)?;
    }
    if task.flags & RFlags::VM.bits() != 0 {
        return if task.ip > 0xffff { Err(Exception::GeneralProtection(ext)) } else { Ok(()) };
    }
    let [_, cs, ss_selector, ..] = task.selectors;
    let code = task_entry(ctx, cs, ext)?;
    let attr = code.attr();
    let level_fits = if attr.is_conforming() { attr.dpl() <= cpl } else { attr.dpl() == cpl };
    if !attr.is_code() || !level_fits {
        return Err(ts(cs, ext));
    }
    if !code.is_present() {
        return Err(np(cs, ext));
    }
    let segment = code.load(ctx, cpl)?;
    set_code(ctx.cpu_mut(), segment, task.ip);

    let stack = task_entry(ctx, ss_selector, ext)?;
    let attr = stack.attr();
    if !attr.is_writable() || attr.dpl() != cpl || ss_selector.rpl() != cpl {
        return Err(ts(ss_selector, ext));
    }
    if !stack.is_present() {
        return Err(ss(ss_selector, ext));
    }
    let segment = stack.load(ctx, cpl)?;
    ctx.cpu_mut().seg[Seg::Ss as usize] = segment;

    for seg in [Seg::Ds, Seg::Es, Seg::Fs, Seg::Gs] {
        let selector = ctx.cpu().segment(seg).selector;
        let segment = task_data_segment(ctx, selector, cpl, ext)?;
        ctx.cpu_mut().seg[seg as usize] = segment;
    }
    if task.ip > u64::from(code.raw.limit()) {
        return Err(Exception::GeneralProtection(ext));
    }
    Ok(())
}

fn task_entry<C: SystemContext>(ctx: &mut C, selector: Selector, ext: u16) -> Result<Entry, Exception> {
    lookup(ctx, selector)?.ok_or(ts(selector, ext))
}
