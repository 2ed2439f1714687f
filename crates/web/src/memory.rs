//! Guest memory by its physical addresses.

use crate::vm::{Status, Vm};
use x86_types::GuestPhysAddr;

impl Vm {
    /// Writes the exchange buffer to guest-physical memory, as a bus master does.
    pub(crate) fn memory_write(&mut self, at: u64) -> Status {
        let bytes = std::mem::take(&mut self.exchange);
        let Some(machine) = &mut self.machine else { return self.fail("STATE", "there is no machine") };
        machine.poke(GuestPhysAddr(at), &bytes);
        Status::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::tests::started;

    #[test]
    fn what_is_written_is_there_and_what_falls_on_no_memory_is_lost() {
        let mut vm = started(&["run", "--memory=16M"]);
        let mut written = |at: u64, bytes: &[u8]| {
            vm.exchange = bytes.to_vec();
            assert_eq!(vm.memory_write(at), Status::Done);
            let mut read = [0; 4];
            vm.machine.as_mut().unwrap().peek(GuestPhysAddr(at), &mut read);
            read
        };
        assert_eq!(written(0x50_0001, &[1, 2, 3]), [1, 2, 3, 0]);
        assert_eq!(written((16 << 20) - 2, &[9; 4]), [9, 9, 255, 255]);
        assert_eq!(written(u64::MAX, &[9; 4])[0], 255);
    }

    /// Code that has run already runs as it is written from now on.
    #[test]
    fn code_that_is_written_to_is_decoded_anew() {
        const BASE: u32 = 1 << 20;
        let words =
            [0x1bad_b002, 1 << 16, 0u32.wrapping_sub(0x1bad_b002 + (1 << 16)), BASE, BASE, 0, 0, BASE + 32];
        let mut kernel: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        kernel.extend([0x40, 0xeb, 0xfd]); // again: inc eax; jmp again
        kernel.resize(64, 0);
        let words = ["run", "--clock=icount", "--memory=16M", "--kernel=k"];
        let mut vm =
            Vm { exchange: words.map(|word| format!("{word}\0")).concat().into_bytes(), ..Vm::default() };
        assert_eq!(vm.command(), Status::Done);
        vm.exchange = [kernel.as_slice(), b"kernel"].concat();
        vm.file(6);
        assert_eq!(vm.start(), Status::Done);
        drop(std::panic::take_hook());
        let run = |vm: &mut Vm| {
            let machine = vm.machine.as_mut().unwrap();
            let limit = machine.retired() + 1000;
            machine.run(limit);
            machine.vcpu().cpu.gpr[0]
        };
        let (first, second) = (run(&mut vm), run(&mut vm));
        assert_eq!(second, first + 500);
        vm.exchange = vec![0x90]; // nop
        assert_eq!(vm.memory_write(u64::from(BASE) + 32), Status::Done);
        assert_eq!(run(&mut vm), second);
    }
}
