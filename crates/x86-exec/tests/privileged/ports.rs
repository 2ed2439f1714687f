//! REP INS and REP OUTS: blocks of one port.

use crate::machine::{CODE, DATA, HANDLERS, Machine};
use x86_exec::{Exit, Pending, VcpuBus};
use x86_state::gpr;
use x86_types::GuestPhysAddr;

const PORT: u64 = 0x1f0;

/// A data port that counts, and that moves up to `most` elements a call. An interrupt is due behind element `interrupt`.
struct Data {
    most: usize,
    calls: usize,
    moved: u32,
    written: Vec<u8>,
    interrupt: Option<u32>,
}

impl Data {
    fn new(most: usize) -> Data {
        Data { most, calls: 0, moved: 0, written: Vec::new(), interrupt: None }
    }

    /// How many of `len` elements may go at once.
    fn take(&mut self, len: usize) -> usize {
        self.calls += 1;
        let until = self.interrupt.map_or(usize::MAX, |at| (at - self.moved.min(at)) as usize);
        len.min(self.most).min(until.max(1))
    }
}

impl VcpuBus for Data {
    fn port_read_block(&mut self, _: u64, port: u16, size: u8, data: &mut [u8]) -> usize {
        assert_eq!(u64::from(port), PORT);
        let count = self.take(data.len() / usize::from(size));
        for element in data.chunks_exact_mut(size.into()).take(count) {
            self.moved += 1;
            element.copy_from_slice(&self.moved.to_le_bytes()[..size.into()]);
        }
        count
    }
    fn port_read(&mut self, _: u64, _: u16, _: u8) -> u32 {
        self.calls += 1;
        self.moved += 1;
        self.moved
    }
    fn port_write_block(&mut self, _: u64, _: u16, size: u8, data: &[u8]) -> usize {
        let count = self.take(data.len() / usize::from(size));
        self.moved += count as u32;
        self.written.extend(&data[..count * usize::from(size)]);
        count
    }
    fn port_write(&mut self, _: u64, _: u16, size: u8, value: u32) {
        self.written.extend(&value.to_le_bytes()[..size.into()]);
    }
    fn pending(&mut self) -> Pending {
        Pending { interrupt: self.interrupt == Some(self.moved), ..Pending::default() }
    }
    fn acknowledge(&mut self, _: u64) -> Option<u8> {
        self.interrupt.take().map(|_| 0x40)
    }
}

/// Code at CPL 0 in 64-bit mode with RDX, RCX, RDI and RSI set.
fn machine(code: &[u8], count: u64, at: u64) -> Machine {
    let mut m = Machine::long(code);
    let gpr = &mut m.vcpu.cpu.gpr;
    (gpr[gpr::RDX], gpr[gpr::RCX], gpr[gpr::RDI], gpr[gpr::RSI]) = (PORT, count, at, at);
    m
}

fn words(m: &Machine, at: u64, count: usize) -> Vec<u16> {
    let mut bytes = vec![0; 2 * count];
    m.ram.read(GuestPhysAddr(at), &mut bytes);
    bytes.chunks(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect()
}

const REP_INSW: &[u8] = &[0x66, 0xf3, 0x6d, 0xf4];
const REP_OUTSD: &[u8] = &[0xf3, 0x6f, 0xf4];

/// SPEC: intel-sdm-vol2 :: INS/INSB/INSW/INSD—Input from Port to String -> RDI goes up by the operand size for each of RCX elements
#[test]
fn a_sector_is_one_call_where_the_device_moves_blocks() {
    for (most, calls) in [(usize::MAX, 1), (100, 3), (1, 256)] {
        let mut m = machine(REP_INSW, 256, DATA);
        let mut bus = Data::new(most);
        assert_eq!(m.vcpu.run(&mut bus, 100), Exit::Halted);
        assert_eq!(bus.calls, calls);
        assert_eq!(words(&m, DATA, 256), (1..=256).collect::<Vec<u16>>());
        let gpr = &m.vcpu.cpu.gpr;
        assert_eq!((gpr[gpr::RCX], gpr[gpr::RDI]), (0, DATA + 512));
        assert_eq!(m.vcpu.retired(), 2, "a block counts as one instruction, then HLT");
    }
}

/// SPEC: intel-sdm-vol2 :: OUTS/OUTSB/OUTSW/OUTSD—Output String to Port -> RSI goes up by the operand size for each of RCX elements
#[test]
fn blocks_are_written_across_pages() {
    let mut m = machine(REP_OUTSD, 100, DATA + 0xff2);
    let bytes: Vec<u8> = (0..400).map(|n| n as u8).collect();
    m.ram.write(GuestPhysAddr(DATA + 0xff2), &bytes);
    let mut bus = Data::new(usize::MAX);
    assert_eq!(m.vcpu.run(&mut bus, 100), Exit::Halted);
    assert_eq!(m.vcpu.cpu.gpr[gpr::RCX], 0);
    assert_eq!(bus.written, bytes);
    assert_eq!(bus.calls, 2, "the element that lies in two pages goes alone");
}

/// SPEC: intel-sdm-vol2 :: REP/REPE/REPZ/REPNE/REPNZ—Repeat String Operation Prefix -> a page fault leaves the registers at the iteration that faults; those before it have taken effect, and the port was not read for it
#[test]
fn a_fault_in_the_middle_leaves_the_iterations_before_it() {
    let mut m = machine(REP_INSW, 20, DATA + 0xff8);
    m.set_pte(DATA + 0x1000, 0);
    let mut bus = Data::new(usize::MAX);
    assert_eq!(m.vcpu.run(&mut bus, 100), Exit::Halted);
    assert_eq!(m.vcpu.cpu.rip & !0xf, HANDLERS + 16 * 14, "#PF");
    let gpr = &m.vcpu.cpu.gpr;
    assert_eq!((gpr[gpr::RCX], gpr[gpr::RDI], m.vcpu.cpu.cr2), (16, DATA + 0x1000, DATA + 0x1000));
    assert_eq!((bus.moved, words(&m, DATA + 0xff8, 4)), (4, vec![1, 2, 3, 4]));
    assert_eq!(m.read(m.vcpu.cpu.gpr[4] + 8), CODE, "the instruction starts over");
}

/// SPEC: intel-sdm-vol2 :: REP/REPE/REPZ/REPNE/REPNZ—Repeat String Operation Prefix -> an interrupt is taken behind the iteration that made it due; the instruction goes on after it
#[test]
fn an_interrupt_is_taken_behind_its_element() {
    for most in [usize::MAX, 7, 1] {
        let mut m = machine(REP_INSW, 64, DATA);
        m.set_flags(x86_state::RFlags::IF);
        // mov rbx, rcx; iretq
        m.ram.write(GuestPhysAddr(HANDLERS + 16 * 0x40), &[0x48, 0x89, 0xcb, 0x48, 0xcf]);
        let mut bus = Data { interrupt: Some(50), ..Data::new(most) };
        assert_eq!(m.vcpu.run(&mut bus, 1000), Exit::Halted);
        assert_eq!(m.vcpu.cpu.gpr[gpr::RBX], 14, "{most} a call");
        assert_eq!(words(&m, DATA, 64), (1..=64).collect::<Vec<u16>>());
    }
}

/// Going down, and elements of a device: one after the other.
#[test]
fn other_directions_and_places_go_by_single_elements() {
    let mut m = machine(&[0xfd, 0x66, 0xf3, 0x6d, 0xf4], 5, DATA + 8);
    let mut bus = Data::new(usize::MAX);
    assert_eq!(m.vcpu.run(&mut bus, 100), Exit::Halted);
    assert_eq!((words(&m, DATA, 5), bus.calls), (vec![5, 4, 3, 2, 1], 5));
    assert_eq!(m.vcpu.cpu.gpr[gpr::RDI], DATA.wrapping_sub(2));
}
