//! Vector and MMX registers of the processor.

use crate::vcpu::{Raised, Vcpu};
use crate::vector::{Pair, VecOp};
use crate::{MemRef, Mmx, Vectors};
use x86_state::{Cr0, Cr4, F80, Mxcsr, Xcr0};
use x86_types::{CodeSize, Exception, Width};

impl Vectors for Vcpu {
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

    #[inline(always)]
    fn read_xmm(&mut self, r: u8) -> u128 {
        self.cpu.vector[usize::from(r & 15)].lo
    }

    #[inline(always)]
    fn write_xmm(&mut self, r: u8, x: u128) {
        self.cpu.vector[usize::from(r & 15)].lo = x;
    }

    #[inline(always)]
    fn read_ymm_high(&mut self, r: u8) -> u128 {
        self.cpu.vector[usize::from(r & 15)].hi
    }

    #[inline(always)]
    fn write_ymm_high(&mut self, r: u8, x: u128) {
        self.cpu.vector[usize::from(r & 15)].hi = x;
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

    fn vector(&mut self, op: VecOp, a: u128, b: u128, imm: u8) -> Result<u128, Raised> {
        let before = self.cpu.mxcsr;
        let result = crate::vector::execute(&mut self.cpu, op, a, b, imm);
        self.note_mxcsr(before);
        result.map_err(Raised::from)
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
}

impl Mmx for Vcpu {
    fn check_mmx(&mut self) -> Result<(), Raised> {
        crate::x87::mmx_available(self).map_err(Raised::from)
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

    #[inline(always)]
    fn enter_mmx(&mut self) {
        crate::x87::mmx_transition(&mut self.cpu.x87);
    }

    fn leave_mmx(&mut self) {
        self.cpu.x87.tags = 0;
    }
}

impl Vcpu {
    fn high_half(&self, m: &MemRef<u64>) -> MemRef<u64> {
        MemRef { seg: m.seg, offset: m.offset.wrapping_add(8) & self.mem.linear_mask }
    }

    fn check_alignment(&mut self, m: &MemRef<u64>, to: u64, aligned: bool) -> Result<(), Raised> {
        let linear = m.offset.wrapping_add(self.mem.seg_base[m.seg as usize]);
        if aligned && linear & (to - 1) != 0 { Err(Raised::from(Exception::GP0)) } else { Ok(()) }
    }

    /// Recomputes the mode of compiled code, which depends on MXCSR, if MXCSR has changed.
    #[inline(always)]
    pub(crate) fn note_mxcsr(&mut self, before: Mxcsr) {
        if self.cpu.mxcsr != before {
            self.code_mode_changed();
        }
    }
}
