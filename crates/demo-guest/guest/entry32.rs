//! The 32-bit part: the multiboot header, the way into long mode, and the code that runs when long mode is left.

use super::asm::R;
use super::layout::*;
use iced_x86::code_asm::*;
use iced_x86::{Code, IcedError, Instruction};

/// What the 32-bit part offers.
pub(crate) struct Entry32 {
    pub(crate) bytes: Vec<u8>,
    pub(crate) compat: u64,
    pub(crate) leave: u64,
    pub(crate) back: u64,
}

pub(crate) const EFER: u32 = 0xc000_0080;
pub(crate) const EFER_SCE: u32 = 1;
pub(crate) const EFER_LME: u32 = 1 << 8;
pub(crate) const EFER_NXE: u32 = 1 << 11;
const CR4_PAE: u32 = 1 << 5;
const CR4_OSFXSR: u32 = 1 << 9;
const CR0_PG: u32 = 1 << 31;
const CR0_WP: u32 = 1 << 16;
const CR0_NE: u32 = 1 << 5;
const CR0_MP: u32 = 1 << 1;

/// The header; `image_end` is 0 until the size of everything is known.
///
/// SPEC: multiboot-1 :: 3.1 OS image format -> magic, flags (bit 1: memory sizes, bit 16: load addresses), checksum, addresses
pub(crate) fn header(image_end: u64) -> Vec<u8> {
    let magic = 0x1bad_b002_u32;
    let flags = 1 << 16 | 1 << 1;
    let checksum = 0u32.wrapping_sub(magic).wrapping_sub(flags);
    let words =
        [magic, flags, checksum, LOAD as u32, LOAD as u32, image_end as u32, BSS_END as u32, ENTRY as u32];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Eight bytes of a descriptor: base, limit in pages or bytes, type and attributes (bits 55:52 and 47:40).
const fn descriptor(base: u32, limit: u32, attributes: u16) -> u64 {
    let (base, limit, attributes) = (base as u64, limit as u64, attributes as u64);
    (limit & 0xffff)
        | (base & 0xff_ffff) << 16
        | attributes << 40
        | (limit >> 16 & 0xf) << 48
        | base >> 24 << 56
}

/// SPEC: intel-sdm-vol3 :: 3.4.5 Segment Descriptors -> G, D/B, L, P, DPL, S and type
const GDT: [u64; 11] = [
    0,
    descriptor(0, 0xf_ffff, 0xa09b),
    descriptor(0, 0xf_ffff, 0xc093),
    descriptor(0, 0xf_ffff, 0xc0fb),
    descriptor(0, 0xf_ffff, 0xc0f3),
    descriptor(0, 0xf_ffff, 0xa0fb),
    descriptor(0, 0xf_ffff, 0xc09b),
    descriptor(0, 0xffff, 0x009b),
    descriptor(0, 0xffff, 0x0093),
    descriptor(TSS as u32, 0x67, 0x0089),
    0,
];

/// The GDT lies behind the code, then limit and base for LGDT.
const GDT_ADDRESS: u64 = LOAD + 0xf00;
const GDT_POINTER: u64 = GDT_ADDRESS + 8 * GDT.len() as u64;

fn far_jump(a: &mut CodeAssembler, selector: u16, offset: u64) -> R {
    a.add_instruction(Instruction::with_far_branch(Code::Jmp_ptr1632, selector, offset as u32)?)
}

fn flat_segments(a: &mut CodeAssembler) -> R {
    a.mov(eax, u32::from(sel::DATA))?;
    a.mov(ds, eax)?;
    a.mov(es, eax)?;
    a.mov(ss, eax)
}

/// Changes EFER. EAX, ECX and EDX are used.
fn efer(a: &mut CodeAssembler, set: u32, clear: u32) -> R {
    a.mov(ecx, EFER)?;
    a.rdmsr()?;
    a.or(eax, set)?;
    a.and(eax, !clear)?;
    a.wrmsr()
}

/// Turns long mode on: PAE, CR3, EFER.LME, then paging.
///
/// SPEC: intel-sdm-vol3 :: 11.8.5 Initializing IA-32e Mode -> the order of the steps
fn enter_long_mode(a: &mut CodeAssembler) -> R {
    a.mov(eax, cr4)?;
    a.or(eax, CR4_PAE | CR4_OSFXSR)?;
    a.mov(cr4, eax)?;
    a.mov(eax, PML4 as u32)?;
    a.mov(cr3, eax)?;
    efer(a, EFER_LME | EFER_NXE | EFER_SCE, 0)?;
    a.mov(eax, cr0)?;
    a.or(eax, CR0_PG | CR0_WP | CR0_NE | CR0_MP)?;
    a.and(eax, !0x6000_000cu32)?;
    a.mov(cr0, eax)
}

/// Clears the variables and tables, and keeps what the loader said about memory.
fn clear_and_remember(a: &mut CodeAssembler) -> R {
    let mut unknown = a.create_label();
    a.mov(ebp, eax)?;
    a.mov(edi, BSS as u32)?;
    a.mov(ecx, ((BSS_END - BSS) / 4) as u32)?;
    a.xor(eax, eax)?;
    a.rep().stosd()?;
    a.cmp(ebp, 0x2bad_b002u32)?;
    a.jne(unknown)?;
    a.mov(dword_ptr(var::INFO as u32), ebx)?;
    // SPEC: multiboot-1 :: 3.3 Boot information format -> flags bit 0: mem_lower and mem_upper in KiB
    a.test(dword_ptr(ebx), 1)?;
    a.jz(unknown)?;
    a.mov(eax, dword_ptr(ebx + 4))?;
    a.mov(dword_ptr(var::MEM_LOWER as u32), eax)?;
    a.mov(eax, dword_ptr(ebx + 8))?;
    a.mov(dword_ptr(var::MEM_UPPER as u32), eax)?;
    a.set_label(&mut unknown)?;
    a.zero_bytes()
}

/// 4 GiB one to one in pages of 2 MiB, uncached from FE000000h on.
fn page_tables(a: &mut CodeAssembler) -> R {
    let (mut directory, mut page, mut cached) = (a.create_label(), a.create_label(), a.create_label());
    a.mov(dword_ptr(PML4 as u32), PDPT as u32 | 3)?;
    a.mov(edi, PDPT as u32)?;
    a.mov(eax, PD as u32 | 3)?;
    a.set_label(&mut directory)?;
    a.mov(dword_ptr(edi), eax)?;
    a.add(edi, 8)?;
    a.add(eax, 0x1000)?;
    a.cmp(edi, PDPT as u32 + 32)?;
    a.jb(directory)?;
    a.mov(edi, PD as u32)?;
    a.mov(eax, 0x83)?;
    a.set_label(&mut page)?;
    a.cmp(eax, 0xfe00_0000u32)?;
    a.jb(cached)?;
    a.or(eax, 0x18)?;
    a.set_label(&mut cached)?;
    a.mov(dword_ptr(edi), eax)?;
    a.add(edi, 8)?;
    a.add(eax, 0x20_0000)?;
    a.jnc(page)
}

/// Runs in compatibility mode: 32-bit operand and stack sizes, and an opcode that 64-bit mode has as a REX prefix.
fn compat(a: &mut CodeAssembler, bad: CodeLabel) -> R {
    a.mov(ebx, esp)?;
    a.push(0x1122_3344)?;
    a.sub(ebx, esp)?;
    a.pop(ecx)?;
    a.cmp(ebx, 4)?;
    a.jne(bad)?;
    a.mov(eax, 0x7fff_fffe)?;
    // INC EAX in one byte
    a.db(&[0x40])?;
    a.add(eax, ecx)?;
    a.mov(dword_ptr(var::COMPAT as u32), eax)?;
    a.retf()
}

/// From compatibility mode to real mode by way of 16-bit protected mode.
///
/// SPEC: intel-sdm-vol3 :: 11.8.5.4 Switching Out of IA-32e Mode Operation -> clear CR0.PG in compatibility mode, then EFER.LME
fn leave(a: &mut CodeAssembler) -> R {
    flat_segments(a)?;
    a.mov(esp, REAL_STACK as u32)?;
    a.mov(eax, cr0)?;
    a.and(eax, !CR0_PG)?;
    a.mov(cr0, eax)?;
    efer(a, 0, EFER_LME)?;
    a.rdmsr()?;
    a.mov(dword_ptr(var::EFER_OFF as u32), eax)?;
    a.mov(eax, cr4)?;
    a.and(eax, !CR4_PAE)?;
    a.mov(cr4, eax)?;
    far_jump(a, sel::CODE16, REAL)
}

/// Assembles the part at `LOAD` up to `CODE64`.
pub(crate) fn assemble() -> Result<Entry32, IcedError> {
    let mut asm = CodeAssembler::new(32)?;
    let a = &mut asm;
    let (mut compat_label, mut leave_label, mut back_label) =
        (a.create_label(), a.create_label(), a.create_label());
    let mut bad = a.create_label();

    a.cli()?;
    a.cld()?;
    a.mov(esp, STACK as u32)?;
    clear_and_remember(a)?;
    page_tables(a)?;
    a.lgdt(fword_ptr(GDT_POINTER as u32))?;
    flat_segments(a)?;
    enter_long_mode(a)?;
    far_jump(a, sel::CODE64, CODE64)?;

    a.set_label(&mut compat_label)?;
    compat(a, bad)?;
    a.set_label(&mut bad)?;
    a.retf()?;

    a.set_label(&mut leave_label)?;
    leave(a)?;

    a.set_label(&mut back_label)?;
    flat_segments(a)?;
    enter_long_mode(a)?;
    a.jmp(fword_ptr(var::WAY_BACK as u32))?;

    let result =
        asm.assemble_options(ENTRY, iced_x86::BlockEncoderOptions::RETURN_NEW_INSTRUCTION_OFFSETS)?;
    let mut bytes = header(0);
    bytes.extend_from_slice(&result.inner.code_buffer);
    assert!(bytes.len() <= (GDT_ADDRESS - LOAD) as usize, "the 32-bit part has grown into the GDT");
    bytes.resize((GDT_ADDRESS - LOAD) as usize, 0);
    bytes.extend(GDT.iter().flat_map(|descriptor| descriptor.to_le_bytes()));
    bytes.extend((8 * GDT.len() as u16 - 1).to_le_bytes());
    bytes.extend((GDT_ADDRESS as u32).to_le_bytes());
    Ok(Entry32 {
        bytes,
        compat: result.label_ip(&compat_label)?,
        leave: result.label_ip(&leave_label)?,
        back: result.label_ip(&back_label)?,
    })
}
