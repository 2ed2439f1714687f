//! M4: exceptions, their frames and stacks, and the way to ring 3 and back.

use super::asm::{Guest, R, at};
use super::layout::*;
use super::traps::gate;
use super::user::{GATE, GREETING, KERNEL_GATE};
use iced_x86::code_asm::*;

const DE: u64 = 0;
const DB: u64 = 1;
const BP: u64 = 3;
const UD: u64 = 6;
const DF: u64 = 8;
const NP: u64 = 11;
const SS: u64 = 12;
const GP: u64 = 13;

impl Guest {
    /// IRETQ to ring 3. RAX and the stack are used.
    pub(crate) fn enter_user(&mut self, entry: u64, flags: i32) -> R {
        self.a.push(i32::from(sel::USER_DATA))?;
        self.a.mov(rax, USER_STACK)?;
        self.a.push(rax)?;
        self.a.push(flags)?;
        self.a.push(i32::from(sel::USER_CODE64))?;
        self.a.mov(rax, entry)?;
        self.a.push(rax)?;
        self.a.iretq()
    }

    /// The saved RIP must be that of `label`. RBX is used.
    fn expect_rip(&mut self, fail: CodeLabel, label: CodeLabel) -> R {
        self.a.lea(rbx, ptr(label))?;
        self.a.cmp(rbx, at(var::RIP))?;
        self.a.jne(fail)
    }

    /// The error code that names a gate. TCG counts in units of 16 bytes.
    ///
    /// SPEC: intel-sdm-vol3 :: 7.13 Error Code -> the vector in bits 15:3, IDT in bit 1
    fn expect_gate_error(&mut self, fail: CodeLabel, vector: u64) -> R {
        self.unless_tcg(|g| g.expect_at(fail, var::ERROR, vector << 3 | 2))
    }

    pub(crate) fn exceptions(&mut self) -> R {
        self.faults_and_traps()?;
        self.protection()?;
        self.stacks()?;
        self.ring3()
    }

    fn faults_and_traps(&mut self) -> R {
        self.check("#DE points at the division", |g, fail| {
            let mut spot = g.a.create_label();
            g.raises(fail, DE, 0, |g| {
                g.a.xor(ecx, ecx)?;
                g.here(&mut spot)?;
                g.a.div(rcx)
            })?;
            g.expect_rip(fail, spot)
        })?;
        self.check("#UD for UD2, #GP for an instruction of 16 bytes", |g, fail| {
            g.raises(fail, UD, 0, |g| g.a.ud2())?;
            g.raises(fail, GP, 0, |g| {
                let mut long = [0x66; 16];
                long[15] = 0x90;
                g.a.db(&long)
            })
        })?;
        self.check("#BP points behind INT3, single-step #DB behind its instruction", |g, fail| {
            let (mut behind, mut stepped) = (g.a.create_label(), g.a.create_label());
            g.raises(fail, BP, 0, |g| {
                g.a.int3()?;
                g.here(&mut behind)
            })?;
            g.expect_rip(fail, behind)?;
            g.a.mov(eax, 0xffff_0ff0u32)?;
            g.a.mov(dr6, rax)?;
            g.raises(fail, DB, 0, |g| {
                g.a.pushfq()?;
                g.a.or(qword_ptr(rsp), 0x100)?;
                g.a.popfq()?;
                g.a.nop()?;
                g.here(&mut stepped)?;
                g.a.nop()
            })?;
            g.expect_rip(fail, stepped)?;
            g.a.mov(rbx, dr6)?;
            g.a.bt(rbx, 14u32)?;
            g.a.jnc(fail)
        })?;
        self.check("INT n and IRETQ keep stack and flags", |g, fail| {
            g.poke(var::SOFT_INTERRUPTS, 0)?;
            g.a.mov(rbp, rsp)?;
            g.a.stc()?;
            g.a.int(KERNEL_GATE)?;
            g.a.jnc(fail)?;
            g.a.cmp(rbp, rsp)?;
            g.a.jne(fail)?;
            g.expect_at(fail, var::SOFT_INTERRUPTS, 1)
        })
    }

    fn protection(&mut self) -> R {
        self.check("#GP names the selector beyond the GDT", |g, fail| {
            g.raises(fail, GP, 0x1000, |g| {
                g.a.mov(eax, 0x1001)?;
                g.a.mov(ds, eax)
            })
        })?;
        self.check("non-canonical addresses: #GP, and #SS by way of the stack", |g, fail| {
            g.raises(fail, GP, 0, |g| {
                g.a.mov(rbx, 1u64 << 47)?;
                g.a.mov(rcx, qword_ptr(rbx))
            })?;
            // TCG makes #GP of both.
            g.unless_tcg(|g| {
                g.raises(fail, SS, 0, |g| {
                    g.a.mov(rbp, 1u64 << 47)?;
                    g.a.mov(rcx, qword_ptr(rbp + 8))
                })
            })
        })?;
        self.check("#NP names the gate that is not present", |g, fail| {
            g.a.mov(byte_ptr(gate(0x60) + 5), 0x0e)?;
            g.faults(fail, |g| g.a.int(0x60))?;
            g.expect_at(fail, var::VECTOR, NP)?;
            g.expect_gate_error(fail, 0x60)
        })
    }

    fn stacks(&mut self) -> R {
        self.check("a gate with an IST switches stacks", |g, fail| {
            g.raises(fail, 2, 0, |g| {
                g.a.mov(rbx, rsp)?;
                g.a.int(2)
            })?;
            g.expect_at(fail, var::FRAME, IST1)?;
            g.a.cmp(rbx, at(var::RSP))?;
            g.a.jne(fail)
        })?;
        // SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> Table 7-5: a contributory exception while delivering #PF is #DF
        self.check("#PF without a gate becomes #DF on its own stack", |g, fail| {
            g.a.mov(byte_ptr(gate(14) + 5), 0x0e)?;
            g.faults(fail, |g| {
                g.a.mov(rbx, TEST + 0x40_0000)?;
                g.a.mov(rcx, qword_ptr(rbx))
            })?;
            g.a.mov(byte_ptr(gate(14) + 5), 0x8eu32)?;
            g.expect_at(fail, var::VECTOR, DF)?;
            g.expect_at(fail, var::ERROR, 0)?;
            g.expect_at(fail, var::FRAME, IST2)
        })
    }

    fn ring3(&mut self) -> R {
        self.check("IRETQ to ring 3, INT back to ring 0", |g, fail| {
            let entry = g.blobs.user.interrupt;
            g.raises(fail, GATE.into(), 0, |g| g.enter_user(entry, 0x202))?;
            for (address, value) in [
                (var::RAX, GREETING),
                (var::RBX, sel::USER_CODE64.into()),
                (var::CS, sel::USER_CODE64.into()),
                (var::SS, sel::USER_DATA.into()),
                (var::RSP, USER_STACK),
                (var::FRAME, RSP0),
            ] {
                g.expect_at(fail, address, value)?;
            }
            Ok(())
        })?;
        self.check("HLT and the kernel's gate are #GP in ring 3", |g, fail| {
            let (halt, closed) = (g.blobs.user.halt, g.blobs.user.gate);
            g.raises(fail, GP, 0, |g| g.enter_user(halt, 0x202))?;
            g.expect_at(fail, var::RIP, halt)?;
            g.faults(fail, |g| g.enter_user(closed, 0x202))?;
            g.expect_at(fail, var::VECTOR, GP)?;
            g.expect_gate_error(fail, KERNEL_GATE.into())?;
            g.expect_at(fail, var::RIP, closed)
        })
    }
}
