//! M3: four-level paging, its faults and the TLB.

use super::asm::{Guest, R, at};
use super::layout::*;
use iced_x86::code_asm::*;

const P: u64 = 1;
const W: u64 = 2;
const U: u64 = 4;
const A: u64 = 1 << 5;
const D: u64 = 1 << 6;
const PS: u64 = 1 << 7;
const NX: u64 = 1 << 63;
const PAGE_FAULT: u64 = 14;

/// The linear address of a test page.
const fn page(index: u64) -> u64 {
    TEST + index * 0x1000
}

const fn entry(index: u64) -> u64 {
    TEST_PT + index * 8
}

impl Guest {
    /// Four levels at `TEST`, user pages included; INVLPG is not needed for what was never present.
    pub(crate) fn test_area_init(&mut self) -> R {
        for (address, value) in [
            (PML4 + 8 * (TEST >> 39), TEST_PDPT | P | W | U),
            (TEST_PDPT, TEST_PD | P | W | U),
            (TEST_PD, TEST_PT | P | W | U),
            (TEST_PD + 8, 0x20_0000 | P | W | PS),
            (entry((USER_CODE - TEST) >> 12), USER_CODE_PAGE | P | U),
            (entry((USER_STACK - TEST) / 0x1000 - 1), USER_STACK_PAGE | P | W | U | NX),
        ] {
            self.poke(address, value)?;
        }
        Ok(())
    }

    fn map(&mut self, index: u64, value: u64) -> R {
        self.poke(entry(index), value)?;
        self.a.mov(rax, page(index))?;
        self.a.invlpg(byte_ptr(rax))
    }

    fn page_fault(
        &mut self,
        fail: CodeLabel,
        error: u64,
        address: u64,
        body: impl FnOnce(&mut Self) -> R,
    ) -> R {
        self.raises(fail, PAGE_FAULT, error, body)?;
        self.expect_at(fail, var::CR2, address)
    }

    pub(crate) fn paging(&mut self) -> R {
        self.translation()?;
        self.missing_pages()?;
        self.permissions()
    }

    fn translation(&mut self) -> R {
        self.check("a 4 KiB page at 512 GiB reaches its frame", |g, fail| {
            g.map(0, PAGE1 | P | W)?;
            g.poke(page(0) + 0x123, 0xabcd)?;
            g.expect_at(fail, PAGE1 + 0x123, 0xabcd)
        })?;
        self.check("accessed and dirty bits are set by reads and writes", |g, fail| {
            g.map(1, PAGE1 | P | W)?;
            g.expect_at(fail, entry(1), PAGE1 | P | W)?;
            g.a.mov(rax, page(1))?;
            g.a.mov(rbx, qword_ptr(rax))?;
            g.expect_at(fail, entry(1), PAGE1 | P | W | A)?;
            g.poke(page(1), 1)?;
            g.expect_at(fail, entry(1), PAGE1 | P | W | A | D)
        })?;
        self.check("INVLPG and reloading CR3 make remapping visible", |g, fail| {
            g.poke(PAGE1, 0x1111)?;
            g.poke(PAGE2, 0x2222)?;
            g.map(2, PAGE1 | P | W)?;
            g.expect_at(fail, page(2), 0x1111)?;
            g.map(2, PAGE2 | P | W)?;
            g.expect_at(fail, page(2), 0x2222)?;
            g.poke(entry(2), PAGE1 | P | W)?;
            g.a.mov(rax, cr3)?;
            g.a.mov(cr3, rax)?;
            g.expect_at(fail, page(2), 0x1111)
        })?;
        self.check("a 2 MiB page keeps 21 bits of offset", |g, fail| {
            g.poke(PAGE2 + 0x458, 0x5678)?;
            g.expect_at(fail, TEST + 0x20_0000 + (PAGE2 + 0x458 - 0x20_0000), 0x5678)
        })
    }

    /// SPEC: intel-sdm-vol3 :: 5.7 Page-Fault Exceptions -> the error code's P, W/R, U/S, RSVD and I/D; CR2
    fn missing_pages(&mut self) -> R {
        self.check("#PF for reading and writing a page that is not there", |g, fail| {
            g.map(3, 0)?;
            g.page_fault(fail, 0, page(3) + 0x234, |g| {
                g.a.mov(rbx, page(3) + 0x234)?;
                g.a.mov(cl, byte_ptr(rbx))
            })?;
            g.page_fault(fail, 2, page(3) + 0x238, |g| {
                g.a.mov(rbx, page(3) + 0x238)?;
                g.a.mov(byte_ptr(rbx), cl)
            })
        })?;
        self.check("#PF in the second page of a crossing store leaves the first alone", |g, fail| {
            g.map(4, PAGE1 | P | W)?;
            g.map(5, 0)?;
            g.poke(PAGE1 + 0xff8, 0x0102_0304_0506_0708)?;
            g.page_fault(fail, 2, page(5), |g| {
                g.a.mov(rbx, page(5) - 3)?;
                g.a.mov(qword_ptr(rbx), rcx)
            })?;
            g.expect_at(fail, PAGE1 + 0xff8, 0x0102_0304_0506_0708)
        })?;
        self.check("#PF for a reserved bit", |g, fail| {
            g.map(6, PAGE1 | P | W | 1 << 51)?;
            g.faults(fail, |g| {
                g.a.mov(rbx, page(6))?;
                g.a.mov(rcx, qword_ptr(rbx))
            })?;
            g.expect_at(fail, var::VECTOR, PAGE_FAULT)?;
            g.expect_at(fail, var::CR2, page(6))?;
            // P goes with RSVD; TCG leaves it out.
            g.unless_tcg(|g| g.expect_at(fail, var::ERROR, 9))
        })
    }

    fn permissions(&mut self) -> R {
        self.check("#PF for fetching from a no-execute page", |g, fail| {
            // RET
            g.poke(PAGE1, 0xc3)?;
            g.map(7, PAGE1 | P | W | NX)?;
            g.page_fault(fail, 0x11, page(7), |g| {
                g.a.mov(rbx, page(7))?;
                g.a.call(rbx)
            })?;
            g.expect_at(fail, var::RIP, page(7))?;
            g.map(7, PAGE1 | P | W)?;
            g.a.mov(rbx, page(7))?;
            g.a.call(rbx)
        })?;
        self.check("CR0.WP decides whether the kernel may write read-only pages", |g, fail| {
            g.poke(PAGE1, 0)?;
            g.map(8, PAGE1 | P)?;
            g.page_fault(fail, 3, page(8), |g| {
                g.a.mov(rbx, page(8))?;
                g.a.mov(qword_ptr(rbx), rbx)
            })?;
            g.a.mov(rax, cr0)?;
            g.a.btr(rax, 16u32)?;
            g.a.mov(cr0, rax)?;
            g.a.mov(rbx, page(8))?;
            g.a.mov(qword_ptr(rbx), rbx)?;
            g.a.bts(rax, 16u32)?;
            g.a.mov(cr0, rax)?;
            g.expect_at(fail, PAGE1, page(8))
        })?;
        self.check("#PF when user code writes a kernel page", |g, fail| {
            g.map(9, PAGE1 | P | W)?;
            let touch = g.blobs.user.touch;
            g.page_fault(fail, 7, page(9) + 0x10, |g| {
                g.a.mov(rbx, page(9) + 0x10)?;
                g.enter_user(touch, 0x202)
            })?;
            g.expect_at(fail, var::CS, sel::USER_CODE64.into())?;
            g.a.mov(rbx, at(var::RIP))?;
            g.expect(fail, rbx, touch)
        })
    }
}
