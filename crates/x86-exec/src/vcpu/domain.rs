//! The [`Domain`] of concrete values: semantics over it execute.

use super::arith::{arith, divide};
use super::{Raised, Vcpu};
use crate::vector::{Pair, VecOp};
use crate::{Bin, Cmp, Domain, Flag, FlagDef, Flow, MemRef, Step, Un};
use x86_decode::Instruction;
use x86_state::{Cr0, Cr4, F80, Mxcsr, RFlags, Selector, Shadow, Xcr0, gpr};
use x86_types::{CodeSize, Exception, LinearAddr, Seg, Width};

impl Domain for Vcpu {
    type V = u64;
    type X = u128;
    type Fault = Raised;

    const BY_SHAPE: bool = true;

    #[inline(always)]
    fn code_size(&self) -> CodeSize {
        self.cpu.code_size
    }

    #[inline(always)]
    fn stack_width(&self) -> Width {
        self.mem.stack_width
    }

    #[inline(always)]
    fn has_paragraphs(&self) -> bool {
        self.cpu.code_size != CodeSize::Bits64 && self.cpu.mode().is_real_like()
    }

    #[inline(always)]
    fn imm(&mut self, value: u64) -> u64 {
        value
    }

    #[inline(always)]
    fn bin(&mut self, op: Bin, w: Width, a: u64, b: u64) -> u64 {
        let bits = w.bits();
        let n = b as u32 & 63;
        w.trunc(match op {
            Bin::Add => a.wrapping_add(b),
            Bin::Sub => a.wrapping_sub(b),
            Bin::And => a & b,
            Bin::Or => a | b,
            Bin::Xor => a ^ b,
            Bin::Mul => a.wrapping_mul(b),
            Bin::Shl => a << n,
            Bin::Shr => a >> n,
            Bin::Sar => ((w.sext(a) as i64) >> n) as u64,
            Bin::Rol => a << (n & (bits - 1)) | w.trunc(a) >> (bits.wrapping_sub(n) & (bits - 1)),
            Bin::Ror => w.trunc(a) >> (n & (bits - 1)) | a << (bits.wrapping_sub(n) & (bits - 1)),
        })
    }

    #[inline(always)]
    fn un(&mut self, op: Un, w: Width, a: u64) -> u64 {
        let bits = w.bits();
        match op {
            Un::Not => w.trunc(!a),
            Un::Neg => w.trunc(a.wrapping_neg()),
            Un::Ctz => u64::from(a.trailing_zeros().min(bits)),
            Un::Clz => u64::from(a.leading_zeros() - (64 - bits)),
            Un::Popcnt => u64::from(a.count_ones()),
            Un::Bswap => a.swap_bytes() >> (64 - bits),
        }
    }

    #[inline(always)]
    fn cmp(&mut self, op: Cmp, w: Width, a: u64, b: u64) -> u64 {
        let (sa, sb) = (w.sext(a) as i64, w.sext(b) as i64);
        u64::from(match op {
            Cmp::Eq => a == b,
            Cmp::Ne => a != b,
            Cmp::Ltu => a < b,
            Cmp::Leu => a <= b,
            Cmp::Lts => sa < sb,
            Cmp::Les => sa <= sb,
        })
    }

    #[inline(always)]
    fn select(&mut self, c: u64, yes: u64, no: u64) -> u64 {
        if c != 0 { yes } else { no }
    }

    #[inline(always)]
    fn sext(&mut self, from: Width, to: Width, a: u64) -> u64 {
        to.trunc(from.sext(a))
    }

    #[inline(always)]
    fn trunc(&mut self, to: Width, a: u64) -> u64 {
        to.trunc(a)
    }

    #[inline(always)]
    fn mul_wide(&mut self, signed: bool, w: Width, a: u64, b: u64) -> (u64, u64) {
        if w == Width::B8 {
            let product = if signed {
                (i128::from(a as i64) * i128::from(b as i64)) as u128
            } else {
                u128::from(a) * u128::from(b)
            };
            return (product as u64, (product >> 64) as u64);
        }
        let product = if signed { w.sext(a).wrapping_mul(w.sext(b)) } else { a.wrapping_mul(b) };
        (w.trunc(product), w.trunc(product >> w.bits()))
    }

    #[inline(always)]
    fn div_wide(
        &mut self,
        signed: bool,
        w: Width,
        hi: u64,
        lo: u64,
        divisor: u64,
    ) -> Result<(u64, u64), Raised> {
        divide(signed, w, hi, lo, divisor).ok_or_else(|| Raised::from(Exception::DivideError))
    }

    #[inline(always)]
    fn read_gpr(&mut self, r: u8, w: Width) -> u64 {
        let v = self.cpu.gpr[usize::from(r & 15)];
        if w == Width::B1 { v >> ((r >> 4 & 1) * 8) & 0xff } else { w.trunc(v) }
    }

    #[inline(always)]
    fn write_gpr(&mut self, r: u8, w: Width, v: u64) {
        let place = &mut self.cpu.gpr[usize::from(r & 15)];
        match w {
            Width::B8 | Width::B4 => *place = w.trunc(v),
            Width::B2 => *place = *place & !0xffff | v & 0xffff,
            Width::B1 => {
                let shift = (r >> 4 & 1) * 8;
                *place = *place & !(0xff << shift) | (v & 0xff) << shift;
            }
        }
    }

    #[inline(always)]
    fn set_flags(&mut self, def: FlagDef<u64>) {
        self.cpu.arith = arith(self.cpu.arith, def);
    }

    #[inline(always)]
    fn set_flags_if(&mut self, c: u64, def: FlagDef<u64>) {
        if c != 0 {
            self.cpu.arith = arith(self.cpu.arith, def);
        }
    }

    #[inline(always)]
    fn flag(&mut self, flag: Flag) -> u64 {
        let flags = self.cpu.arith;
        u64::from(match flag {
            Flag::Cf => flags.cf(),
            Flag::Pf => flags.pf(),
            Flag::Af => flags.af(),
            Flag::Zf => flags.zf(),
            Flag::Sf => flags.sf(),
            Flag::Of => flags.of(),
        })
    }

    #[inline(always)]
    fn flags_image(&mut self) -> u64 {
        self.cpu.arith.pack()
    }

    #[inline(always)]
    fn direction(&mut self) -> u64 {
        u64::from(self.cpu.system_flags.contains(RFlags::DF))
    }

    #[inline(always)]
    fn load(&mut self, m: &MemRef<u64>, w: Width) -> Result<u64, Raised> {
        self.load_ref(m, w)
    }

    #[inline(always)]
    fn load_for_write(&mut self, m: &MemRef<u64>, w: Width) -> Result<u64, Raised> {
        self.load_for_write_ref(m, w)
    }

    #[inline(always)]
    fn store(&mut self, m: &MemRef<u64>, w: Width, v: u64) -> Result<(), Raised> {
        self.store_ref(m, w, v)
    }

    fn load128(&mut self, m: &MemRef<u64>, aligned: bool) -> Result<u128, Raised> {
        self.check_alignment(m, 16, aligned)?;
        let lo = self.load_ref(m, Width::B8)?;
        let hi = self.load_ref(&self.high_half(m), Width::B8)?;
        Ok(u128::from(lo) | u128::from(hi) << 64)
    }

    fn store128(&mut self, m: &MemRef<u64>, aligned: bool, x: u128) -> Result<(), Raised> {
        self.check_alignment(m, 16, aligned)?;
        let high = self.high_half(m);
        // The upper half is checked first: nothing may be stored when part of it faults.
        self.check_write_ref(&high, Width::B8)?;
        self.store_ref(m, Width::B8, x as u64)?;
        self.store_ref(&high, Width::B8, (x >> 64) as u64)
    }

    #[inline(always)]
    fn read_xmm(&mut self, r: u8) -> u128 {
        self.cpu.vector[usize::from(r & 15)].lo
    }

    #[inline(always)]
    fn write_xmm(&mut self, r: u8, x: u128) {
        self.cpu.vector[usize::from(r & 15)].lo = x;
    }

    #[inline(always)]
    fn extract(&mut self, x: u128, w: Width, lane: u8) -> u64 {
        w.trunc((x >> ((u32::from(lane) * w.bits()) & 127)) as u64)
    }

    #[inline(always)]
    fn insert(&mut self, x: u128, w: Width, lane: u8, v: u64) -> u128 {
        let shift = (u32::from(lane) * w.bits()) & 127;
        x & !(u128::from(w.mask()) << shift) | u128::from(w.trunc(v)) << shift
    }

    #[inline(always)]
    fn zero128(&mut self) -> u128 {
        0
    }

    #[inline(always)]
    fn read_ymm_high(&mut self, r: u8) -> u128 {
        self.cpu.vector[usize::from(r & 15)].hi
    }

    #[inline(always)]
    fn write_ymm_high(&mut self, r: u8, x: u128) {
        self.cpu.vector[usize::from(r & 15)].hi = x;
    }

    fn load256(&mut self, m: &MemRef<u64>, addrsize: Width, aligned: bool) -> Result<Pair<u128>, Raised> {
        self.check_alignment(m, 32, aligned)?;
        let low = self.load128(m, false)?;
        Ok([low, self.load128(&m.behind(16, addrsize), false)?])
    }

    fn store256(
        &mut self,
        m: &MemRef<u64>,
        addrsize: Width,
        aligned: bool,
        x: Pair<u128>,
    ) -> Result<(), Raised> {
        self.check_alignment(m, 32, aligned)?;
        // Nothing may be stored when part of it faults; the lowest part that does is reported.
        for offset in [0, 8, 16, 24] {
            self.check_write_ref(&m.behind(offset, addrsize), Width::B8)?;
        }
        self.store128(m, false, x[0])?;
        self.store128(&m.behind(16, addrsize), false, x[1])
    }

    fn vector_pair(
        &mut self,
        op: VecOp,
        a: Pair<u128>,
        b: Pair<u128>,
        imm: Pair<u8>,
    ) -> Result<Pair<u128>, Raised> {
        let before = self.cpu.mxcsr;
        let result = crate::vector::execute_pair(&mut self.cpu, op, a, b, imm);
        self.note_mxcsr(before);
        result.map_err(Raised::from)
    }

    fn vector(&mut self, op: VecOp, a: u128, b: u128, imm: u8) -> Result<u128, Raised> {
        let before = self.cpu.mxcsr;
        let result = crate::vector::execute(&mut self.cpu, op, a, b, imm);
        self.note_mxcsr(before);
        result.map_err(Raised::from)
    }

    /// SPEC: intel-sdm-vol2 :: 2.5 Intel® AVX and Intel® SSE Instruction Exception Specification -> #UD in real-address and virtual-8086 mode, without CR4.OSXSAVE, or without SSE and AVX in XCR0; then #NM with CR0.TS; CR0.EM does not matter
    #[inline(always)]
    fn check_avx(&mut self) -> Result<(), Raised> {
        let enabled = self.cpu.cr4.contains(Cr4::OSXSAVE) && self.cpu.xcr0.contains(Xcr0::SSE | Xcr0::AVX);
        if enabled && !self.cpu.cr0.contains(Cr0::TS) {
            return self.check_vex();
        }
        let unavailable = !enabled || self.cpu.mode().is_real_like();
        let exception = if unavailable { Exception::InvalidOpcode } else { Exception::DeviceNotAvailable };
        Err(Raised::from(exception))
    }

    #[inline(always)]
    fn check_vex(&mut self) -> Result<(), Raised> {
        if self.cpu.code_size != CodeSize::Bits64 && self.cpu.mode().is_real_like() {
            return Err(Raised::from(Exception::InvalidOpcode));
        }
        Ok(())
    }

    /// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> CR0.EM or a clear CR4.OSFXSR make SSE #UD, CR0.TS makes it #NM
    #[inline(always)]
    fn check_sse(&mut self) -> Result<(), Raised> {
        if self.cpu.cr0.intersects(Cr0::EM | Cr0::TS) || !self.cpu.cr4.contains(Cr4::OSFXSR) {
            let unavailable = self.cpu.cr0.contains(Cr0::EM) || !self.cpu.cr4.contains(Cr4::OSFXSR);
            let exception =
                if unavailable { Exception::InvalidOpcode } else { Exception::DeviceNotAvailable };
            return Err(Raised::from(exception));
        }
        Ok(())
    }

    #[inline(always)]
    fn read_mmx(&mut self, r: u8) -> u64 {
        self.cpu.x87.r[usize::from(r & 7)].significand
    }

    /// SPEC: intel-sdm-vol3 :: 14.2 The MMX State and MMX Register Aliasing -> a write to an MMX register sets bits 79:64 of the x87 register to ones
    #[inline(always)]
    fn write_mmx(&mut self, r: u8, v: u64) {
        self.cpu.x87.r[usize::from(r & 7)] = F80 { significand: v, sign_exponent: 0xffff, reserved: [0; 3] };
    }

    fn check_mmx(&mut self) -> Result<(), Raised> {
        crate::x87::mmx_available(self).map_err(Raised::from)
    }

    #[inline(always)]
    fn enter_mmx(&mut self) {
        crate::x87::mmx_transition(&mut self.cpu.x87);
    }

    fn leave_mmx(&mut self) {
        self.cpu.x87.tags = 0;
    }

    #[inline(always)]
    fn selector(&mut self, seg: Seg) -> u64 {
        u64::from(self.cpu.segment(seg).selector.0)
    }

    fn load_segment(&mut self, seg: Seg, selector: u64) -> Result<(), Raised> {
        self.load_segment_register(seg, Selector(selector as u16)).map_err(Raised::from)
    }

    fn hold_interrupts(&mut self) {
        self.cpu.shadow = Shadow::MovSs;
        self.flags_changed();
    }

    fn push_two(&mut self, w: Width, first: u64, second: u64) -> Result<(), Raised> {
        let (sw, size) = (self.mem.stack_width, u64::from(w.bytes()));
        let sp = self.read_gpr(gpr::RSP as u8, sw);
        let [high, low] =
            [size, 2 * size].map(|down| MemRef { seg: Seg::Ss, offset: sw.trunc(sp.wrapping_sub(down)) });
        self.check_write_ref(&high, w)?;
        self.check_write_ref(&low, w)?;
        self.store_ref(&high, w, w.trunc(first))?;
        self.store_ref(&low, w, w.trunc(second))?;
        self.write_gpr(gpr::RSP as u8, sw, low.offset);
        Ok(())
    }

    fn jump_to_paragraph(&mut self, selector: u64, offset: u64) -> Result<(), Raised> {
        self.check_target(offset)?;
        self.load_paragraph(Seg::Cs, selector as u16);
        self.cpu.rip = offset;
        Ok(())
    }

    #[inline(always)]
    fn next_rip(&mut self) -> u64 {
        self.cpu.rip
    }

    #[inline(always)]
    fn check_target(&mut self, target: u64) -> Result<(), Raised> {
        let bad = if self.cpu.code_size == CodeSize::Bits64 {
            !LinearAddr(target).is_canonical(48) && !LinearAddr(target).is_canonical(self.cpu.linear_bits())
        } else {
            target > u64::from(self.cpu.segment(Seg::Cs).limit)
        };
        if bad {
            return Err(Raised::from(Exception::GP0));
        }
        Ok(())
    }

    #[inline(always)]
    fn jump(&mut self, target: u64) -> Result<(), Raised> {
        self.check_target(target)?;
        self.cpu.rip = target;
        Ok(())
    }

    #[inline(always)]
    fn branch(&mut self, c: u64, target: u64) -> Result<(), Raised> {
        if c != 0 { self.jump(target) } else { Ok(()) }
    }

    fn raise(&mut self, exception: Exception) -> Raised {
        Raised::from(exception)
    }

    fn concrete(&mut self, insn: &Instruction) -> Step<Self> {
        crate::system::exec(self, insn).map_err(Raised::from)
    }

    fn concrete_handler(insn: &Instruction) -> crate::Handler<Self> {
        crate::x87::concrete_handler(insn).unwrap_or(|vm, i| vm.concrete(i))
    }

    fn repeat(
        &mut self,
        insn: &Instruction,
        body: fn(&mut Self, &Instruction) -> Result<(), Raised>,
    ) -> Result<Flow, Raised> {
        self.repeat_string(insn, body)
    }
}

impl Vcpu {
    /// SPEC: intel-sdm-vol3 :: 22.1.1 Address Translation in Real-Address Mode -> the base is sixteen times the selector; limit and rights stay what they were
    fn load_paragraph(&mut self, seg: Seg, selector: u16) {
        if let Some(segment) = self.cpu.seg.get_mut(seg as usize) {
            segment.load_real(selector);
            self.mem.seg_base[seg as usize] = segment.base;
        }
    }

    fn load_segment_register(&mut self, seg: Seg, selector: Selector) -> Result<(), Exception> {
        let before = *self.cpu.segment(seg);
        x86_exceptions::segments::load_segment(self, seg, selector)?;
        let now = *self.cpu.segment(seg);
        if self.has_paragraphs() && (now.limit, now.attr) == (before.limit, before.attr) {
            // Nothing else follows from it.
            self.mem.seg_base[seg as usize] = now.base;
        } else {
            self.segments_changed();
        }
        Ok(())
    }

    fn high_half(&self, m: &MemRef<u64>) -> MemRef<u64> {
        MemRef { seg: m.seg, offset: m.offset.wrapping_add(8) & self.mem.linear_mask }
    }

    fn check_alignment(&mut self, m: &MemRef<u64>, to: u64, aligned: bool) -> Result<(), Raised> {
        let linear = m.offset.wrapping_add(self.mem.seg_base[m.seg as usize]);
        if aligned && linear & (to - 1) != 0 { Err(Raised::from(Exception::GP0)) } else { Ok(()) }
    }

    /// Compiled code depends on MXCSR: says so where it is not what it was.
    #[inline(always)]
    pub(crate) fn note_mxcsr(&mut self, before: Mxcsr) {
        if self.cpu.mxcsr != before {
            self.code_mode_changed();
        }
    }
}
