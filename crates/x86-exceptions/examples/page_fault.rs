//! Delivers a page fault through an IDT built here, from level 3 to a handler at level 0, and returns from it:
//! `cargo run -p x86-exceptions --example page_fault`.

use std::error::Error;
use x86_exceptions::{Event, Privilege, SystemContext, deliver, iret};
use x86_state::cpuid::CpuModel;
use x86_state::{Cpu, Cr0, DescriptorTable, RFlags, RawDescriptor, Segment, Selector, gpr};
use x86_types::{Exception, LinearAddr, PageFaultCode, Seg, Width};

const GDT: u64 = 0x1000;
const IDT: u64 = 0x2000;
const TSS: u64 = 0x3000;
const KERNEL_STACK: u64 = 0x5000;
const HANDLER: u64 = 0x12_3456;

/// A processor, and linear memory without paging.
struct Machine {
    cpu: Cpu,
    memory: Vec<u8>,
}

impl Machine {
    fn bytes(&mut self, at: LinearAddr, width: Width) -> Result<&mut [u8], Exception> {
        let start = usize::try_from(at.0).unwrap_or(usize::MAX);
        let end = start.saturating_add(width.bytes() as usize);
        self.memory.get_mut(start..end).ok_or(Exception::GP0)
    }

    fn put(&mut self, at: u64, value: u64) -> Result<(), Exception> {
        self.write_linear(LinearAddr(at), Width::B8, value, Privilege::Supervisor)
    }

    fn load(&mut self, seg: Seg, selector: u16) -> Result<(), Exception> {
        let at = LinearAddr(GDT + u64::from(selector & !7));
        let raw = RawDescriptor(self.read_linear(at, Width::B8, Privilege::Supervisor)?);
        self.cpu.seg[seg as usize] = Segment::from_descriptor(Selector(selector), raw);
        Ok(())
    }

    fn print(&self, what: &str) {
        let Cpu { rip, cpl, cr2, .. } = self.cpu;
        let esp = self.cpu.gpr[gpr::RSP];
        let cs = self.cpu.segment(Seg::Cs).selector.0;
        println!("{what}: CS:EIP {cs:02x}:{rip:08x}, ESP {esp:08x}, level {cpl}, CR2 {cr2:x}");
    }
}

impl SystemContext for Machine {
    fn cpu(&self) -> &Cpu {
        &self.cpu
    }
    fn cpu_mut(&mut self) -> &mut Cpu {
        &mut self.cpu
    }
    fn read_linear(&mut self, at: LinearAddr, width: Width, _: Privilege) -> Result<u64, Exception> {
        let mut value = [0; 8];
        let bytes = self.bytes(at, width)?;
        value[..bytes.len()].copy_from_slice(bytes);
        Ok(u64::from_le_bytes(value))
    }
    fn write_linear(
        &mut self,
        at: LinearAddr,
        width: Width,
        value: u64,
        _: Privilege,
    ) -> Result<(), Exception> {
        let bytes = self.bytes(at, width)?;
        let count = bytes.len();
        bytes.copy_from_slice(&value.to_le_bytes()[..count]);
        Ok(())
    }
    fn mode_changed(&mut self) {}
    fn load_cr3(&mut self, cr3: u64) -> Result<(), Exception> {
        self.cpu.cr3 = cr3;
        Ok(())
    }
}

/// Builds tables in memory, and has the processor execute at level 3.
fn machine() -> Result<Machine, Exception> {
    let mut machine = Machine { cpu: Cpu::new(CpuModel::X86_64_V2), memory: vec![0; 0x1_0000] };
    // Flat segments: code and data of levels 0 and 3; then an available 32-bit TSS.
    for (selector, descriptor) in [
        (0x08, 0x00cf_9b00_0000_ffff),
        (0x10, 0x00cf_9300_0000_ffff),
        (0x18, 0x00cf_fb00_0000_ffff),
        (0x20, 0x00cf_f300_0000_ffff),
        (0x28, 0x0000_8b00_3000_0067),
    ] {
        machine.put(GDT + selector, descriptor)?;
    }
    // Vector 14: an interrupt gate, present, to HANDLER in the code segment of level 0
    machine.put(IDT + 14 * 8, HANDLER & 0xffff | 0x08 << 16 | 0x8e << 40 | HANDLER >> 16 << 48)?;
    // ESP0 and SS0
    machine.put(TSS + 4, KERNEL_STACK | 0x10 << 32)?;

    let table = |base, limit| DescriptorTable { base, limit, reserved: [0; 3] };
    machine.cpu.cr0 |= Cr0::PE;
    machine.cpu.gdtr = table(GDT, 0x2f);
    machine.cpu.idtr = table(IDT, 0xff);
    machine.cpu.tr = Segment::from_descriptor(Selector(0x28), RawDescriptor(0x0000_8b00_3000_0067));
    machine.load(Seg::Cs, 0x1b)?;
    machine.load(Seg::Ss, 0x23)?;
    machine.cpu.cpl = 3;
    machine.cpu.rip = 0x40_1000;
    machine.cpu.gpr[gpr::RSP] = 0xf000;
    machine.cpu.set_rflags(RFlags::FIXED | RFlags::IF);
    machine.cpu.update_code_size();
    Ok(machine)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut machine = machine().map_err(|exception| format!("the tables cannot be built: {exception:?}"))?;
    machine.print("before the fault   ");

    let code = PageFaultCode::W | PageFaultCode::U;
    let fault = Exception::PageFault { address: LinearAddr(0xdead_b000), code };
    deliver(&mut machine, Event::Exception(fault)).map_err(|failure| format!("{:?}", failure.exception))?;
    machine.print("in the handler     ");
    for (i, name) in ["error code", "EIP", "CS", "EFLAGS", "ESP", "SS"].into_iter().enumerate() {
        let at = LinearAddr(machine.cpu.gpr[gpr::RSP] + 4 * i as u64);
        let word = machine.read_linear(at, Width::B4, Privilege::Level(0));
        println!("  {name:10} {:08x}", word.map_err(|exception| format!("{exception:?}"))?);
    }

    // The handler removes the error code and returns.
    machine.cpu.gpr[gpr::RSP] += 4;
    iret(&mut machine, Width::B4).map_err(|exception| format!("{exception:?}"))?;
    machine.print("behind its return  ");
    Ok(())
}
