//! Reading descriptor tables, and the checks that several operations make of what they find there.

use crate::{Privilege, SystemContext};
use x86_state::{Cpu, RawDescriptor, SegAttr, Segment, Selector};
use x86_types::{Exception, LinearAddr, Seg, Width};

pub(crate) const fn gp(selector: Selector, ext: u16) -> Exception {
    Exception::GeneralProtection(selector.error_code() | ext)
}
pub(crate) const fn np(selector: Selector, ext: u16) -> Exception {
    Exception::SegmentNotPresent(selector.error_code() | ext)
}
pub(crate) const fn ss(selector: Selector, ext: u16) -> Exception {
    Exception::StackFault(selector.error_code() | ext)
}
pub(crate) const fn ts(selector: Selector, ext: u16) -> Exception {
    Exception::InvalidTss(selector.error_code() | ext)
}

/// A descriptor and where it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) selector: Selector,
    pub(crate) raw: RawDescriptor,
    address: u64,
}

impl Entry {
    pub(crate) const fn attr(&self) -> SegAttr {
        self.raw.attr()
    }
    pub(crate) const fn is_present(&self) -> bool {
        self.raw.attr().contains(SegAttr::P)
    }

    /// Sets the accessed flag in memory, where it is not set yet, and gives what the segment register will hold.
    ///
    /// SPEC: intel-sdm-vol3 :: 3.4.5.1 Code- and Data-Segment Descriptor Types -> the processor sets the accessed bit when it loads the segment's selector into a register
    pub(crate) fn load<C: SystemContext>(&self, ctx: &mut C, rpl: u8) -> Result<Segment, Exception> {
        let mut raw = self.raw;
        if !self.attr().contains(SegAttr::ACCESSED) {
            raw.0 |= 1 << 40;
            write_system(ctx, self.address.wrapping_add(5), Width::B1, raw.0 >> 40 & 0xff)?;
        }
        Ok(Segment::from_descriptor(self.selector.with_rpl(rpl), raw))
    }

    /// Sets or clears the busy flag of a TSS descriptor in memory.
    pub(crate) fn write_busy<C: SystemContext>(&self, ctx: &mut C, busy: bool) -> Result<(), Exception> {
        let byte = self.raw.0 >> 40 & 0xfd | u64::from(busy) << 1;
        write_system(ctx, self.address.wrapping_add(5), Width::B1, byte)
    }

    /// Returns the upper half of a 16-byte descriptor.
    pub(crate) fn upper_half<C: SystemContext>(&self, ctx: &mut C) -> Result<Option<u64>, Exception> {
        let (_, limit) = table(ctx.cpu(), self.selector);
        if self.selector.offset() + 15 > limit {
            return Ok(None);
        }
        read_system(ctx, self.address.wrapping_add(8), Width::B8).map(Some)
    }
}

/// Returns a linear address as implicit accesses use it: canonical in IA-32e mode, else 32 bits.
fn system_address(cpu: &Cpu, address: u64) -> Result<LinearAddr, Exception> {
    if !cpu.efer.contains(x86_state::Efer::LMA) {
        return Ok(LinearAddr(address & 0xffff_ffff));
    }
    let at = LinearAddr(address);
    if at.is_canonical(cpu.linear_bits()) { Ok(at) } else { Err(Exception::GP0) }
}

/// Reads a system data structure.
pub(crate) fn read_system<C: SystemContext>(
    ctx: &mut C,
    address: u64,
    width: Width,
) -> Result<u64, Exception> {
    let at = system_address(ctx.cpu(), address)?;
    ctx.read_linear(at, width, Privilege::Supervisor)
}

/// Writes a system data structure.
pub(crate) fn write_system<C: SystemContext>(
    ctx: &mut C,
    address: u64,
    width: Width,
    value: u64,
) -> Result<(), Exception> {
    let at = system_address(ctx.cpu(), address)?;
    ctx.write_linear(at, width, value, Privilege::Supervisor)
}

/// Base and limit of the table that a selector indexes; the limit of an unusable LDT admits nothing.
fn table(cpu: &Cpu, selector: Selector) -> (u64, u64) {
    if !selector.is_local() {
        (cpu.gdtr.base, u64::from(cpu.gdtr.limit))
    } else if cpu.ldtr.attr.contains(SegAttr::P) {
        (cpu.ldtr.base, u64::from(cpu.ldtr.limit))
    } else {
        (0, 0)
    }
}

/// Returns the descriptor that a selector names; `None` for a null selector and beyond the table's limit.
///
/// SPEC: intel-sdm-vol3 :: 3.5.1 Segment Descriptor Tables -> the first GDT descriptor is not used, and a descriptor must lie within the limit whole
pub(crate) fn lookup<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<Option<Entry>, Exception> {
    let (base, limit) = table(ctx.cpu(), selector);
    if selector.is_null() || selector.offset() + 7 > limit {
        return Ok(None);
    }
    let address = base.wrapping_add(selector.offset());
    let raw = RawDescriptor(read_system(ctx, address, Width::B8)?);
    Ok(Some(Entry { selector, raw, address }))
}

/// Returns the eight bytes that a selector names.
///
/// # Errors
/// #GP(selector) beyond the table's limit (and always for a null selector); #PF.
pub fn read_descriptor<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
) -> Result<RawDescriptor, Exception> {
    lookup(ctx, selector)?.map(|entry| entry.raw).ok_or(gp(selector, 0))
}

/// Returns whether the code segment is 64-bit code, now that EFER.LMA is as it is.
pub(crate) fn is_64_bit(cpu: &Cpu, code: &Entry) -> bool {
    cpu.efer.contains(x86_state::Efer::LMA) && code.attr().contains(SegAttr::L)
}

/// Checks that control may land at `offset` of a code segment.
///
/// SPEC: intel-sdm-vol3 :: 6.3.1 Limit Checking in 64-bit Mode -> 64-bit code has no limit, but its instruction pointer must be canonical; elsewhere the offset must be within the limit
pub(crate) fn check_code_offset(cpu: &Cpu, code: &Entry, offset: u64, ext: u16) -> Result<(), Exception> {
    let good = if is_64_bit(cpu, code) {
        LinearAddr(offset).is_canonical(cpu.linear_bits())
    } else {
        offset <= u64::from(code.raw.limit())
    };
    if good { Ok(()) } else { Err(Exception::GeneralProtection(ext)) }
}

/// In IA-32e mode L and D are not set together.
///
/// SPEC: intel-sdm-vol3 :: 3.4.5 Segment Descriptors -> if L is set, D must be clear; far transfers to such a segment are #GP(selector)
pub(crate) fn check_long_and_default(cpu: &Cpu, code: &Entry, ext: u16) -> Result<(), Exception> {
    if is_64_bit(cpu, code) && code.attr().contains(SegAttr::DB) {
        return Err(gp(code.selector, ext));
    }
    Ok(())
}

/// Returns a null segment register. DPL stays meaningful in SS.
pub(crate) fn null_segment(selector: Selector, dpl: u8) -> Segment {
    Segment { base: 0, limit: 0, selector, attr: SegAttr::from_bits_retain(u16::from(dpl & 3) << 5) }
}

/// Returns a segment register in virtual-8086 mode.
///
/// SPEC: intel-sdm-vol3 :: 22.2.1 Enabling Virtual-8086 Mode -> segments are 64 KiB at sixteen times the selector, at privilege level 3
pub(crate) fn virtual_8086_segment(selector: u16) -> Segment {
    Segment {
        base: u64::from(selector) << 4,
        limit: 0xffff,
        selector: Selector(selector),
        attr: SegAttr::from_bits_retain(0xf3),
    }
}

/// Checks a selector for SS at privilege `level`, as MOV and POP do and as returns to an outer level do.
///
/// SPEC: intel-sdm-vol3 :: 6.7 Privilege Level Checking When Loading the SS Register -> RPL, DPL and the privilege level must be one, the segment writable data
/// SPEC: intel-sdm-vol3 :: 6.7 Privilege Level Checking When Loading the SS Register -> a null selector is #GP(0), save in 64-bit mode at level 0, 1 or 2
pub(crate) fn stack_segment<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
    level: u8,
    is_64: bool,
) -> Result<Segment, Exception> {
    if selector.is_null() {
        let allowed = is_64 && level < 3 && selector.rpl() == level;
        return if allowed { Ok(null_segment(selector, level)) } else { Err(Exception::GP0) };
    }
    let entry = lookup(ctx, selector)?.ok_or(gp(selector, 0))?;
    let attr = entry.attr();
    if selector.rpl() != level || attr.dpl() != level || !attr.is_writable() {
        return Err(gp(selector, 0));
    }
    if !entry.is_present() {
        return Err(ss(selector, 0));
    }
    entry.load(ctx, level)
}

/// Puts CS in force. RPL of the loaded selector is the new CPL.
pub(crate) fn set_code(cpu: &mut Cpu, segment: Segment, rip: u64) {
    cpu.cpl = segment.selector.rpl();
    cpu.seg[Seg::Cs as usize] = segment;
    cpu.rip = rip;
    cpu.update_code_size();
}
