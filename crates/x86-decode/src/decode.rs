//! From bytes to an [`Instruction`]: find the form, then read its operands.
//!
//! Programs mix forms as they like, so what differs from one instruction to the next is looked up in tables or computed for
//! all, not branched on: a wrong guess of the host's branch prediction costs more than all the rest.

use crate::memory::{self, FORMS_16, FORMS_32, SP};
use crate::prefix::{Opcode, Prefixes};
use crate::table::form::{Form, OPSIZES, flag};
use crate::table::immediate::{self, IMMEDIATES};
use crate::table::index::Entry;
use crate::table::{FORMS, INDEX, TEMPLATES, key};
use crate::window::{MAX_LEN, WINDOW, Window};
use crate::{DecodeError, InsnFlags, Instruction, NO_REG};
use x86_types::{CodeSize, Seg, Width};

/// Decodes the instruction at the start of `bytes`; what follows it is not looked at.
///
/// # Errors
/// [`DecodeError::NeedMore`] if `bytes` is a proper prefix of an instruction, [`DecodeError::TooLong`] if the
/// instruction is longer than 15 bytes, [`DecodeError::Undefined`] if no instruction has this encoding.
#[inline]
pub fn decode(size: CodeSize, bytes: &[u8]) -> Result<Instruction, DecodeError> {
    let mut result = Ok(Instruction::default());
    if let Ok(insn) = &mut result
        && let Err(error) = decode_into(size, bytes, insn)
    {
        result = Err(error);
    }
    result
}

/// As [`decode`], into an instruction that is there already: the faster way through much code. Returns the length in bytes.
/// After an error `insn` means nothing.
///
/// # Errors
/// As [`decode`].
#[inline]
pub fn decode_into(size: CodeSize, bytes: &[u8], insn: &mut Instruction) -> Result<u8, DecodeError> {
    match bytes.first_chunk() {
        Some(window) => decode_window(size, Window(window), insn),
        None => decode_short(size, bytes, insn),
    }
}

/// Decodes from fewer bytes than a window has.
#[inline(never)]
fn decode_short(size: CodeSize, bytes: &[u8], insn: &mut Instruction) -> Result<u8, DecodeError> {
    let mut window = [0; WINDOW];
    for (to, from) in window.iter_mut().zip(bytes) {
        *to = *from;
    }
    let result = decode_window(size, Window(&window), insn);
    // With an error too, the length is that of what was looked at.
    if usize::from(insn.len) <= bytes.len() || bytes.len() >= MAX_LEN {
        return result;
    }
    if lacks_modrm_in_vain(size, Window(&window), bytes.len()) {
        return Err(DecodeError::Undefined);
    }
    Err(DecodeError::NeedMore)
}

/// Returns whether `len` bytes end before a ModRM byte, and no ModRM byte would make an instruction of them.
fn lacks_modrm_in_vain(size: CodeSize, window: Window<'_>, len: usize) -> bool {
    let Ok(Opcode { p, map, opcode, at }) = Prefixes::read(size, &window) else { return false };
    let entry = INDEX.entries[usize::from(map & 7)][usize::from(opcode)];
    if at != len || entry.modrm() == 0 {
        return false;
    }
    let (first, count) = entry.slots();
    !INDEX.slots.iter().skip(first).take(count).into_iter().any(|&slot| {
        let mut forms = FORMS.iter().skip(usize::from(slot));
        let mut form = forms.next();
        while let Some(one) = form {
            if one.matches(p.key, !key::MODRM) {
                return true;
            }
            form = if one.has(flag::MORE) { forms.next() } else { None };
        }
        false
    })
}

/// Decodes the instruction at the start of a window. With an error, `insn.len` is the number of bytes examined.
#[inline(never)]
fn decode_window(size: CodeSize, window: Window<'_>, insn: &mut Instruction) -> Result<u8, DecodeError> {
    let bytes = window.u64(0);
    let has_rex = bytes as u8 & 0xf0 == 0x40;
    let code = bytes >> (u32::from(has_rex) * 8);
    let escaped = code as u8 == 0x0f;
    let code = code >> (u32::from(escaped) * 8);
    let entry = INDEX.entries[usize::from(escaped)][usize::from(code as u8)];
    if !matches!(size, CodeSize::Bits64) || entry.is_prefix() {
        return decode_prefixed(size, window, insn);
    }
    // All ones if there is a REX prefix
    let rex = bytes as u8 & 15 & u8::from(has_rex).wrapping_neg();
    let p = Prefixes::rex(CodeSize::Bits64, rex, has_rex);
    let at = 1 + usize::from(has_rex) + usize::from(escaped);
    Decoder { size: CodeSize::Bits64, window, p, entry, opcode: code as u8 }.finish::<true>(
        (code >> 8) as u8,
        at,
        insn,
    )
}

/// As [`decode_window`], with other prefixes than REX, or VEX, in a three-byte map, or outside 64-bit mode.
#[inline(never)]
fn decode_prefixed(size: CodeSize, window: Window<'_>, insn: &mut Instruction) -> Result<u8, DecodeError> {
    match Prefixes::read(size, &window) {
        Ok(Opcode { p, map, opcode, at }) => {
            let entry = INDEX.entries[usize::from(map & 7)][usize::from(opcode)];
            Decoder { size, window, p, entry, opcode }.finish::<false>(window.u8(at), at, insn)
        }
        Err((error, at)) => fail(error, at, insn),
    }
}

#[cold]
#[inline(never)]
fn fail(error: DecodeError, at: usize, insn: &mut Instruction) -> Result<u8, DecodeError> {
    insn.len = at as u8;
    Err(if at > MAX_LEN { DecodeError::TooLong } else { error })
}

/// An instruction whose opcode is known.
struct Decoder<'a> {
    size: CodeSize,
    window: Window<'a>,
    p: Prefixes,
    entry: Entry,
    opcode: u8,
}

impl Decoder<'_> {
    /// Decodes what follows the opcode, which ends at `at`, where `next` is. `PLAIN` means that there is no prefix but
    /// REX. Returns the length, which the start of the next instruction depends on; it is computed before the form is
    /// selected.
    #[inline(always)]
    fn finish<const PLAIN: bool>(
        self,
        next: u8,
        at: usize,
        insn: &mut Instruction,
    ) -> Result<u8, DecodeError> {
        let Self { size, window, p, entry, opcode } = self;
        let mode64 = matches!(size, CodeSize::Bits64);
        // Without ModRM, the register that the opcode may name stands in its place.
        let mask = u32::from(entry.modrm()).wrapping_neg();
        let mut modrm = u32::from(next) & mask | (0xc0 | u32::from(opcode) & 7) & !mask;
        let forms = if matches!(p.addrsize, Width::B2) { &FORMS_16 } else { &FORMS_32 };
        let mut address = forms[(modrm & 0xff) as usize];
        let mut end = at + (address.len() & mask as usize);
        let form = find(entry, p.key | address.key());
        let Some(form) = form else {
            return fail(DecodeError::Undefined, at + usize::from(entry.modrm()), insn);
        };
        let vex = !PLAIN && p.flags.contains(InsnFlags::VEX);
        if form.has(flag::CHECK) || !PLAIN && p.flags.intersects(InsnFlags::LOCK | InsnFlags::VEX) {
            if !check(p, form.flags, modrm as u8) {
                return fail(DecodeError::Undefined, at + usize::from(entry.modrm()), insn);
            }
            // These take ModRM.rm for a register in any case.
            if form.has(flag::CHECK_CR | flag::CHECK_DR) {
                modrm |= 0xc0;
                address = forms[(modrm & 0xff) as usize];
                end = at + address.len();
            }
        }

        let (r, b) = (u32::from(p.r()), u32::from(p.b()));
        let mut registers = address.registers() | b;
        let (mut disp_shift, mut disp_at) = (address.shift(), at + 1);
        if address.has_sib() {
            let sib = u32::from(window.u8(disp_at));
            disp_at += 1;
            let mut index = sib >> 3 & 7 | u32::from(p.x());
            if form.has(flag::VSIB) {
                if !gathers((modrm >> 3 & 7 | r) as u8, index as u8, vvvv(mode64, p.vvvv)) {
                    return fail(DecodeError::Undefined, disp_at, insn);
                }
                index |= sib >> 6 << 8;
            } else {
                index = if index == 4 { u32::from(NO_REG) } else { index | sib >> 6 << 8 };
            }
            registers = sib & 7 | b | index << 8;
            if sib & 7 == 5 && modrm < 0x40 {
                registers |= u32::from(NO_REG);
                disp_shift = memory::shift(4);
                end += 4;
            }
        }
        // The four lie side by side: one store.
        registers |= u32::from(opcode) << 24 & u32::from(form.flags & flag::CC) << 24;
        insn.base = registers as u8;
        insn.index = (registers >> 8) as u8;
        insn.scale = (registers >> 16) as u8;
        insn.cc = (registers >> 24) as u8;
        // SPEC: intel-sdm-vol1 :: 3.7.4 Specifying a Segment Selector -> SS is the default when the base is (E/R)SP or (E/R)BP
        let stack = registers & 0xfe == u32::from(SP);
        insn.seg = if stack & !p.flags.contains(InsnFlags::SEG_OVERRIDE) { Seg::Ss } else { p.seg };
        insn.disp = memory::sign_extend(window.u64(disp_at), disp_shift);
        let mut flags = form.insn | p.flags;
        if !PLAIN && !p.rep.is_empty() && form.has(flag::STR) {
            flags |= p.rep | InsnFlags::ENDS_BLOCK;
        }
        if mode64 {
            flags |= address.rip_relative();
        }
        insn.op = form.op;
        insn.flags = flags;

        let opsize = OPSIZES[usize::from(form.sizes & 15)][usize::from(p.opctx & 15)];
        insn.opsize = opsize;
        insn.addrsize = p.addrsize;
        let kind = form.sizes >> 4;
        let raw = window.u64(end);
        let mut imm_len = INDEX.lengths[entry.lengths()][usize::from(p.opctx & 15)];
        insn.imm = match IMMEDIATES.get(usize::from(kind)) {
            Some(sizes) => {
                let immediate = &sizes[opsize as usize];
                if imm_len == immediate::VARIES {
                    imm_len = immediate.len;
                }
                (raw & immediate.mask ^ immediate.sign).wrapping_sub(immediate.sign)
            }
            None => {
                let (len, value) = immediate::unusual(kind, opsize, p.addrsize, raw);
                imm_len = len;
                value
            }
        };
        let len = end + usize::from(imm_len);
        // Without prefixes no instruction is that long.
        if !PLAIN && len > MAX_LEN {
            return fail(DecodeError::TooLong, len, insn);
        }
        insn.len = len as u8;

        let memory = address.memory();
        let variant = if vex { opsize as u32 & 1 | u32::from(p.l()) } else { opsize as u32 };
        let template = u32::from(form.template) + ((variant << 1 | memory) & u32::from(form.choice));
        insn.operands = TEMPLATES[template as usize & (TEMPLATES.len() - 1)];
        // SPEC: intel-sdm-vol1 :: 3.7.2.1 Register Operands in 64-Bit Mode -> with REX, byte registers 4 to 7 are SPL to DIL, without AH to BH
        let no_rex = u32::from(!p.has_rex) << 2;
        let reg = (modrm >> 3 & 7 | r) & u32::from(form.numbers);
        let rm = (modrm & 7 | b) & u32::from(form.numbers) >> 4;
        let reg = reg + 3 * (reg & no_rex & form.byte_reg());
        let rm = rm + 3 * (rm & no_rex & form.byte_rm());
        let places = u32::from(form.places);
        insn.operands[(places & 3) as usize].reg = reg as u8;
        // With memory, the last place gets a zero in its stead.
        let place = places >> 2 | memory.wrapping_neg();
        insn.operands[(place & 3) as usize].reg = (rm & memory.wrapping_sub(1)) as u8;
        if vex {
            insn.operands[(places >> 4 & 3) as usize].reg =
                if form.has(flag::VVVV) { vvvv(mode64, p.vvvv) } else { 0 };
            if kind == immediate::REGISTER {
                insn.operands[3].reg = insn.imm as u8 >> 4 & if mode64 { 15 } else { 7 };
                insn.imm = 0;
            }
        }
        Ok(len as u8)
    }
}

/// Returns the first of the entry's forms with satisfied constraints.
#[inline(always)]
fn find(entry: Entry, key: u16) -> Option<&'static Form> {
    let mut at = usize::from(INDEX.slots[entry.slot(key) & (INDEX.slots.len() - 1)]);
    loop {
        let form = FORMS.get(at)?;
        if form.matches(key, !0) {
            return Some(form);
        }
        if !form.has(flag::MORE) {
            return None;
        }
        at += 1;
    }
}

/// VEX.vvvv as a register.
#[inline(always)]
fn vvvv(mode64: bool, vvvv: u8) -> u8 {
    if mode64 { vvvv } else { vvvv & 7 }
}

/// Returns whether what has a form, with these flags, is defined.
///
/// SPEC: intel-sdm-vol2 :: LOCK—Assert LOCK# Signal Prefix -> only before a read-modify-write instruction whose destination is memory
/// SPEC: intel-sdm-vol2 :: 2.3.6 Instruction Operand Encoding and VEX.vvvv, ModR/M -> an unused vvvv must be 1111b
/// SPEC: intel-sdm-vol2 :: MOV—Move -> CS cannot be loaded, segment registers 6 and 7 do not exist
/// SPEC: intel-sdm-vol2 :: MOV—Move to/from Control Registers -> CR0, CR2, CR3, CR4 and CR8 exist
/// SPEC: intel-sdm-vol2 :: MOV—Move to/from Debug Registers -> REX.R is #UD
#[inline(never)]
fn check(p: Prefixes, form: u16, modrm: u8) -> bool {
    let has = |flags| form & flags != 0;
    let reg = modrm >> 3 & 7;
    let bad_lock = p.flags.contains(InsnFlags::LOCK) && !(has(flag::LOCK) && modrm < 0xc0);
    let bad_vvvv = p.flags.contains(InsnFlags::VEX) && p.vvvv != 0 && !has(flag::VVVV);
    let bad_segment = has(flag::CHECK_SEG) && reg > 5 || has(flag::CHECK_CS) && reg == 1;
    let bad_control = has(flag::CHECK_CR) && !matches!(reg | p.r(), 0 | 2 | 3 | 4 | 8);
    let bad_debug = has(flag::CHECK_DR) && p.r() != 0;
    let bad_gather = has(flag::VSIB) && (matches!(p.addrsize, Width::B2) || modrm & 7 != 4);
    !(bad_lock || bad_vvvv || bad_segment || bad_control || bad_debug || bad_gather)
}

/// Returns whether a gather's registers are allowed.
///
/// SPEC: intel-sdm-vol2 :: VPGATHERDD/VPGATHERQD—Gather Packed Dword Values Using Signed Dword/Qword Indices -> #UD if any two of destination, index and mask are the same register
fn gathers(destination: u8, index: u8, mask: u8) -> bool {
    destination != index && destination != mask && index != mask
}
