//! One logical processor.

use crate::{
    ArithFlags, CpuMode, Cr0, Cr4, DescriptorTable, Efer, Mxcsr, RFlags, SegAttr, Segment, Selector,
    Vector256, X87, Xcr0,
    cpuid::{CpuModel, Features},
};
use x86_types::{CodeSize, Seg};

/// Numbers of the general registers, as encoded.
#[allow(missing_docs, reason = "the names are the manual's own")]
pub mod gpr {
    pub const RAX: usize = 0;
    pub const RCX: usize = 1;
    pub const RDX: usize = 2;
    pub const RBX: usize = 3;
    pub const RSP: usize = 4;
    pub const RBP: usize = 5;
    pub const RSI: usize = 6;
    pub const RDI: usize = 7;
    pub const R11: usize = 11;
}

/// IA32_DEBUGCTL: last-branch records
pub const DEBUGCTL_LBR: u64 = 1;
/// IA32_DEBUGCTL: RFLAGS.TF steps to the next branch that is taken.
pub const DEBUGCTL_BTF: u64 = 1 << 1;
/// IA32_MISC_ENABLE: CPUID's highest basic leaf is 2.
pub const LIMIT_CPUID_MAXVAL: u64 = 1 << 22;
/// IA32_MISC_ENABLE: the execute-disable bit of page tables is taken away.
pub const XD_BIT_DISABLE: u64 = 1 << 34;

/// What the processor is doing between instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Activity {
    /// Fetching and executing
    #[default]
    Running = 0,
    /// After HLT, waiting for an interrupt
    Halted = 1,
    /// After INIT, waiting for a start-up message
    WaitForSipi = 2,
    /// After a triple fault
    Shutdown = 3,
}

/// Events held off until after the next instruction.
///
/// SPEC: intel-sdm-vol3 :: 7.8.3 Masking Exceptions and Interrupts When Switching Stacks -> MOV SS and POP SS inhibit interrupts and debug traps for one instruction
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Shadow {
    /// Nothing is held off
    #[default]
    None = 0,
    /// The previous instruction was an STI that set IF
    Sti = 1,
    /// The previous instruction loaded SS
    MovSs = 2,
}

/// Model-specific registers that are plain state. The crate `msr` checks accesses to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
#[allow(missing_docs, reason = "the names are those of the registers, without IA32_")]
pub struct Msrs {
    pub star: u64,
    pub lstar: u64,
    pub cstar: u64,
    pub sfmask: u64,
    pub kernel_gs_base: u64,
    pub sysenter_cs: u64,
    pub sysenter_esp: u64,
    pub sysenter_eip: u64,
    pub tsc_aux: u64,
    /// IA32_TSC_ADJUST; what WRMSR to IA32_TSC changes too
    pub tsc_adjust: u64,
    pub pat: u64,
    pub misc_enable: u64,
    pub mtrr_def_type: u64,
    pub mtrr_fixed: [u64; 11],
    /// Base and mask of the eight variable ranges
    pub mtrr_variable: [[u64; 2]; 8],
    pub debugctl: u64,
    pub mcg_status: u64,
    pub spec_ctrl: u64,
}

/// The state of one processor. Layout is fixed; the fields compiled code reaches most come first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Cpu {
    /// General registers in encoding order
    pub gpr: [u64; 16],
    /// Instruction pointer (while an instruction executes: of the next one)
    pub rip: u64,
    /// Status flags in lazy form
    pub arith: ArithFlags,
    /// RFLAGS without its status flags (those bits are 0 here; bit 1 is set)
    pub system_flags: RFlags,
    /// ES, CS, SS, DS, FS, GS
    pub seg: [Segment; 6],
    /// Local descriptor table
    pub ldtr: Segment,
    /// Task register
    pub tr: Segment,
    /// Global descriptor table
    pub gdtr: DescriptorTable,
    /// Interrupt descriptor table
    pub idtr: DescriptorTable,
    /// CR0
    pub cr0: Cr0,
    /// CR2: page-fault linear address
    pub cr2: u64,
    /// CR3, with PCID or PWT/PCD in its low bits; bit 63 is never stored
    pub cr3: u64,
    /// CR4
    pub cr4: Cr4,
    /// EFER
    pub efer: Efer,
    /// XCR0
    pub xcr0: Xcr0,
    /// DR0 to DR3, two unused, DR6, DR7
    pub dr: [u64; 8],
    /// PDPTE registers of PAE paging
    pub pdpte: [u64; 4],
    /// Vector registers
    pub vector: [Vector256; 16],
    /// MXCSR
    pub mxcsr: Mxcsr,
    /// Current privilege level (always equal to SS.DPL, or 0 in real mode and 3 in virtual-8086 mode)
    pub cpl: u8,
    /// Default sizes of the current code segment
    pub code_size: CodeSize,
    /// Interrupt shadow
    pub shadow: Shadow,
    /// Running, halted...
    pub activity: Activity,
    /// An NMI is being handled: others wait for IRET
    pub nmi_blocked: bool,
    /// x87 and MMX
    pub x87: X87,
    /// Plain-state MSRs
    pub msr: Msrs,
    /// The processor model: CPUID and instruction set extensions
    pub model: CpuModel,
}

impl Cpu {
    /// State after power-on.
    ///
    /// SPEC: intel-sdm-vol3 :: 11.1.1 Processor State After Reset -> register values; execution starts at FFFFFFF0H
    pub fn new(model: CpuModel) -> Self {
        let mut cpu = Cpu {
            gpr: [0; 16],
            rip: 0xfff0,
            arith: ArithFlags::unpack(0),
            system_flags: RFlags::FIXED,
            seg: [Segment::REAL; 6],
            ldtr: Segment { attr: SegAttr::from_bits_retain(0x82), ..Segment::REAL },
            tr: Segment { attr: SegAttr::from_bits_retain(0x8b), ..Segment::REAL },
            gdtr: DescriptorTable { base: 0, limit: 0xffff, reserved: [0; 3] },
            idtr: DescriptorTable { base: 0, limit: 0xffff, reserved: [0; 3] },
            cr0: Cr0::RESET,
            cr2: 0,
            cr3: 0,
            cr4: Cr4::empty(),
            efer: Efer::empty(),
            xcr0: Xcr0::X87,
            dr: [0, 0, 0, 0, 0, 0, 0xffff_0ff0, 0x400],
            pdpte: [0; 4],
            vector: [Vector256::default(); 16],
            mxcsr: Mxcsr::RESET,
            cpl: 0,
            code_size: CodeSize::Bits16,
            shadow: Shadow::None,
            activity: Activity::Running,
            nmi_blocked: false,
            x87: X87 { control: 0x40, ..X87::INIT },
            msr: Msrs { pat: 0x0007_0406_0007_0406, misc_enable: 0x1801, ..Msrs::default() },
            model,
        };
        cpu.seg[Seg::Cs as usize] = Segment {
            base: 0xffff_0000,
            selector: Selector(0xf000),
            attr: SegAttr::from_bits_retain(0x9b),
            limit: 0xffff,
        };
        cpu.gpr[gpr::RDX] = u64::from(cpu.model.signature());
        cpu
    }

    /// RFLAGS as PUSHFQ would store it (RF and VM included).
    #[inline]
    pub fn rflags(&self) -> RFlags {
        RFlags::from_bits_retain(self.system_flags.bits() | self.arith.pack())
    }

    /// Replaces RFLAGS whole. The caller has applied the write masks.
    #[inline]
    pub fn set_rflags(&mut self, rflags: RFlags) {
        self.arith = ArithFlags::unpack(rflags.bits());
        self.system_flags = rflags.difference(RFlags::STATUS).union(RFlags::FIXED);
    }

    /// Returns a segment register.
    #[inline(always)]
    pub fn segment(&self, seg: Seg) -> &Segment {
        &self.seg[seg as usize]
    }

    /// Returns the state components that are not in their initial configuration. MXCSR does not count.
    ///
    /// SPEC: intel-sdm-vol1 :: 13.6 Processor Tracking of XSAVE-Managed State -> XINUSE: a component is in use unless x87 is as FNINIT leaves it with all registers 0, the XMM registers are 0, the upper halves are 0
    pub fn xinuse(&self) -> Xcr0 {
        let mut used = Xcr0::empty();
        used.set(Xcr0::X87, self.x87 != X87::INIT);
        used.set(Xcr0::SSE, self.vector.iter().any(|vector| vector.lo != 0));
        used.set(Xcr0::AVX, self.vector.iter().any(|vector| vector.hi != 0));
        used
    }

    /// Returns the operating mode.
    #[inline]
    pub fn mode(&self) -> CpuMode {
        if !self.cr0.contains(Cr0::PE) {
            CpuMode::Real
        } else if self.efer.contains(Efer::LMA) {
            if self.segment(Seg::Cs).attr.contains(SegAttr::L) {
                CpuMode::Long64
            } else {
                CpuMode::Compatibility
            }
        } else if self.system_flags.contains(RFlags::VM) {
            CpuMode::Virtual8086
        } else {
            CpuMode::Protected
        }
    }

    /// Recomputes `code_size` after CS, CR0, EFER or RFLAGS.VM changed.
    pub fn update_code_size(&mut self) {
        let attr = self.segment(Seg::Cs).attr;
        self.code_size = match self.mode() {
            CpuMode::Long64 => CodeSize::Bits64,
            CpuMode::Virtual8086 => CodeSize::Bits16,
            _ if attr.contains(SegAttr::DB) => CodeSize::Bits32,
            _ => CodeSize::Bits16,
        };
    }

    /// Bits of a canonical address in a register that holds one (a base in a descriptor table register, a hidden
    /// segment base, an MSR) and in TLB invalidation: as many as the processor supports, 57 or 48, independently of
    /// CR4.LA57.
    ///
    /// SPEC: intel-sdm-vol2 :: WRMSR—Write to Model Specific Register -> canonical is meant for the linear-address width the processor supports
    #[inline]
    pub fn supported_linear_bits(&self) -> u32 {
        if self.model.features.contains(Features::LA57) { 57 } else { 48 }
    }

    /// Bits of a canonical linear address: 57 with CR4.LA57, else 48.
    #[inline]
    pub fn linear_bits(&self) -> u32 {
        if self.cr4.contains(Cr4::LA57) { 57 } else { 48 }
    }
}
