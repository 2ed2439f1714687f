//! The processor's architectural state as bytes.

use crate::{
    Activity, Cpu, CpuMode, Cr0, Cr4, DescriptorTable, Efer, F80, Msrs, Mxcsr, RFlags, SegAttr, Segment,
    Selector, Shadow, Vector256, X87, Xcr0, cpuid::CpuModel,
};
use snapshot::{Bytes, Codec, codec_enum, codec_struct};

macro_rules! codec_bits {
    ($($name:ident),*) => {$(
        impl Codec for $name {
            fn put(&self, out: &mut Bytes) {
                self.bits().put(out);
            }
            fn get(bytes: &mut &[u8]) -> Option<Self> {
                Codec::get(bytes).map(Self::from_bits_retain)
            }
        }
    )*};
}
codec_bits!(Cr0, Cr4, Efer, RFlags, SegAttr, Xcr0);

impl Codec for Mxcsr {
    fn put(&self, out: &mut Bytes) {
        self.bits().put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        // No instruction could have set another bit.
        u32::get(bytes).filter(|bits| bits & !Self::MASK == 0).map(Self::from_bits_retain)
    }
}

impl Codec for Selector {
    fn put(&self, out: &mut Bytes) {
        self.0.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        u16::get(bytes).map(Self)
    }
}

impl Codec for DescriptorTable {
    fn put(&self, out: &mut Bytes) {
        // The rest is padding.
        let Self { base, limit, reserved: _ } = self;
        base.put(out);
        limit.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { base: Codec::get(bytes)?, limit: Codec::get(bytes)?, reserved: [0; 3] })
    }
}

impl Codec for F80 {
    fn put(&self, out: &mut Bytes) {
        // The rest is padding.
        let Self { significand, sign_exponent, reserved: _ } = self;
        significand.put(out);
        sign_exponent.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { significand: Codec::get(bytes)?, sign_exponent: Codec::get(bytes)?, reserved: [0; 3] })
    }
}

impl Codec for X87 {
    fn put(&self, out: &mut Bytes) {
        // The rest is padding.
        let Self { r, fip, fdp, control, status, opcode, fcs, fds, tags, reserved: _ } = self;
        r.put(out);
        (*fip, *fdp).put(out);
        [*control, *status, *opcode, *fcs, *fds].put(out);
        tags.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let (r, (fip, fdp)) = (Codec::get(bytes)?, Codec::get(bytes)?);
        let [control, status, opcode, fcs, fds] = Codec::get(bytes)?;
        Some(Self {
            r,
            fip,
            fdp,
            control,
            status,
            opcode,
            fcs,
            fds,
            tags: Codec::get(bytes)?,
            reserved: [0; 5],
        })
    }
}

codec_struct!(Segment { base, limit, selector, attr });
codec_struct!(Vector256 { lo, hi });
codec_enum!(Activity { Running, Halted, WaitForSipi, Shutdown });
codec_enum!(Shadow { None, Sti, MovSs });
codec_struct!(Msrs {
    star,
    lstar,
    cstar,
    sfmask,
    kernel_gs_base,
    sysenter_cs,
    sysenter_esp,
    sysenter_eip,
    tsc_aux,
    tsc_adjust,
    pat,
    misc_enable,
    mtrr_def_type,
    mtrr_fixed,
    mtrr_variable,
    debugctl,
    mcg_status,
    spec_ctrl,
});

impl Cpu {
    /// Version of the layout of [`Cpu::save`].
    pub const SAVED_VERSION: u16 = 1;

    /// Appends the state. Equal states give equal bytes: status flags are written as RFLAGS has them, whatever
    /// instruction left them.
    pub fn save(&self, out: &mut Bytes) {
        let Self {
            gpr,
            rip,
            // Both are in RFLAGS.
            arith: _,
            system_flags: _,
            seg,
            ldtr,
            tr,
            gdtr,
            idtr,
            cr0,
            cr2,
            cr3,
            cr4,
            efer,
            xcr0,
            dr,
            pdpte,
            vector,
            mxcsr,
            cpl,
            // Follows from CS, CR0, EFER and RFLAGS.VM.
            code_size: _,
            shadow,
            activity,
            nmi_blocked,
            x87,
            msr,
            // How the machine was built, not what its guest did.
            model: _,
        } = self;
        gpr.put(out);
        rip.put(out);
        self.rflags().put(out);
        seg.put(out);
        (*ldtr, *tr).put(out);
        (*gdtr, *idtr).put(out);
        cr0.put(out);
        (*cr2, *cr3).put(out);
        cr4.put(out);
        efer.put(out);
        xcr0.put(out);
        dr.put(out);
        pdpte.put(out);
        vector.put(out);
        mxcsr.put(out);
        cpl.put(out);
        shadow.put(out);
        activity.put(out);
        nmi_blocked.put(out);
        x87.put(out);
        msr.put(out);
    }

    /// Reads back what [`Cpu::save`] wrote, for a processor of this model, and moves `bytes` behind it. Returns `None` when
    /// the bytes are no state that a processor can be in.
    pub fn restored(model: CpuModel, bytes: &mut &[u8]) -> Option<Self> {
        let mut cpu = Self::new(model);
        cpu.gpr = Codec::get(bytes)?;
        cpu.rip = Codec::get(bytes)?;
        cpu.set_rflags(Codec::get(bytes)?);
        cpu.seg = Codec::get(bytes)?;
        (cpu.ldtr, cpu.tr) = Codec::get(bytes)?;
        (cpu.gdtr, cpu.idtr) = Codec::get(bytes)?;
        cpu.cr0 = Codec::get(bytes)?;
        (cpu.cr2, cpu.cr3) = Codec::get(bytes)?;
        cpu.cr4 = Codec::get(bytes)?;
        cpu.efer = Codec::get(bytes)?;
        cpu.xcr0 = Codec::get(bytes)?;
        cpu.dr = Codec::get(bytes)?;
        cpu.pdpte = Codec::get(bytes)?;
        cpu.vector = Codec::get(bytes)?;
        cpu.mxcsr = Codec::get(bytes)?;
        cpu.cpl = Codec::get(bytes)?;
        cpu.shadow = Codec::get(bytes)?;
        cpu.activity = Codec::get(bytes)?;
        cpu.nmi_blocked = Codec::get(bytes)?;
        cpu.x87 = Codec::get(bytes)?;
        cpu.msr = Codec::get(bytes)?;
        cpu.update_code_size();
        cpu.is_possible().then_some(cpu)
    }

    /// Returns whether mode bits and privilege level fit together as instructions keep them.
    ///
    /// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> paging needs protection; with PAE and EFER.LME it is IA-32e paging, which EFER.LMA tells
    fn is_possible(&self) -> bool {
        let paging = self.cr0.contains(Cr0::PG);
        let long = self.efer.contains(Efer::LMA);
        let modes = (!paging || self.cr0.contains(Cr0::PE))
            && long == (paging && self.efer.contains(Efer::LME))
            && (!long || self.cr4.contains(Cr4::PAE));
        modes
            && match self.mode() {
                CpuMode::Real => self.cpl == 0,
                CpuMode::Virtual8086 => self.cpl == 3,
                _ => self.cpl <= 3,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArithFlags;
    use alloc::vec::Vec;

    /// Returns a state in which no field is what it is after RESET#.
    fn lived() -> Cpu {
        let mut cpu = Cpu::new(CpuModel::X86_64_V2);
        for (n, register) in cpu.gpr.iter_mut().enumerate() {
            *register = 0x0101_0101_0101_0101 * n as u64 + 7;
        }
        cpu.rip = 0xffff_ffff_8100_0001;
        cpu.set_rflags(RFlags::CF | RFlags::PF | RFlags::OF | RFlags::IF | RFlags::AC);
        let code = Segment {
            base: 0,
            limit: u32::MAX,
            selector: Selector(0x10),
            attr: SegAttr::from_bits_retain(0xa09b),
        };
        cpu.seg = [code; 6];
        (cpu.ldtr.base, cpu.tr.selector.0) = (5, 0x40);
        (cpu.gdtr.base, cpu.idtr.limit) = (0xffff_fe00_0000_1000, 0xfff);
        cpu.cr0 = Cr0::PE | Cr0::PG | Cr0::WP | Cr0::TS;
        (cpu.cr2, cpu.cr3) = (0x1234, 0x5000_0001);
        cpu.cr4 = Cr4::PAE | Cr4::OSFXSR;
        cpu.efer = Efer::LME | Efer::LMA | Efer::NXE;
        cpu.xcr0 = Xcr0::X87 | Xcr0::SSE;
        cpu.dr = [1, 2, 3, 4, 0, 0, 0xffff_0ff1, 0x401];
        cpu.pdpte = [0x1001, 0x2001, 0x3001, 0x4001];
        cpu.vector[3] = Vector256 { lo: 1 << 100, hi: 3 };
        cpu.mxcsr = Mxcsr::from_bits_retain(0x9fc1);
        cpu.cpl = 3;
        cpu.shadow = Shadow::MovSs;
        cpu.activity = Activity::Halted;
        cpu.nmi_blocked = true;
        cpu.x87.r[2] = F80 { significand: 9, sign_exponent: 0x8001, reserved: [0; 3] };
        (cpu.x87.fip, cpu.x87.fdp, cpu.x87.opcode, cpu.x87.fcs, cpu.x87.fds) = (1, 2, 3, 4, 5);
        (cpu.x87.control, cpu.x87.status, cpu.x87.tags) = (0x27f, 0x3800, 0x80);
        cpu.msr.lstar = 0xffff_ffff_8180_0000;
        cpu.msr.mtrr_variable[7][1] = 8;
        cpu.msr.spec_ctrl = 1;
        cpu.update_code_size();
        cpu
    }

    fn saved(cpu: &Cpu) -> Vec<u8> {
        let mut bytes = Vec::new();
        cpu.save(&mut bytes);
        bytes
    }

    #[test]
    fn a_state_comes_back_and_its_truncations_are_refused() {
        let cpu = lived();
        let bytes = saved(&cpu);
        assert_eq!(Cpu::restored(cpu.model, &mut &bytes[..]), Some(cpu.clone()));
        for cut in 0..bytes.len() {
            assert_eq!(Cpu::restored(cpu.model, &mut &bytes[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn equal_flags_are_equal_bytes() {
        let mut cpu = lived();
        cpu.set_rflags(RFlags::FIXED | RFlags::ZF | RFlags::PF);
        let bytes = saved(&cpu);
        // As a subtraction of two equal numbers leaves them
        cpu.arith = ArithFlags { result: 0, aux: 0 };
        assert_eq!(saved(&cpu), bytes);
    }

    #[test]
    fn impossible_states_are_refused() {
        let change: [fn(&mut Cpu); 7] = [
            |cpu| cpu.cpl = 4,
            |cpu| cpu.cr0.remove(Cr0::PE),
            |cpu| cpu.cr0.remove(Cr0::PG),
            |cpu| cpu.efer.remove(Efer::LME),
            |cpu| cpu.cr4.remove(Cr4::PAE),
            |cpu| cpu.mxcsr = Mxcsr::from_bits_retain(1 << 16),
            |cpu| {
                cpu.cr0 = Cr0::RESET;
                cpu.efer = Efer::empty();
            },
        ];
        for (n, change) in change.into_iter().enumerate() {
            let mut cpu = lived();
            change(&mut cpu);
            assert_eq!(Cpu::restored(cpu.model, &mut &saved(&cpu)[..]), None, "{n}");
        }
    }
}
