//! Access rights: U/S, R/W, XD, WP, SMEP, SMAP and AC.

use crate::tables::*;
use x86_paging::AccessKind::{Execute, Read, Write};
use x86_paging::{Access, PageSize};
use x86_state::{Cr0, Cr4, Efer};

/// Registers that bear on rights.
#[derive(Clone, Copy, Default)]
struct Mods {
    wp: bool,
    smep: bool,
    smap: bool,
    ac: bool,
}

const WP: Mods = Mods { wp: true, smep: false, smap: false, ac: false };

fn with(mut m: Mapping, mods: Mods) -> Mapping {
    m.regs.cr0.set(Cr0::WP, mods.wp);
    m.regs.cr4.set(Cr4::SMEP, mods.smep);
    m.regs.cr4.set(Cr4::SMAP, mods.smap);
    m.regs.rflags_ac = mods.ac;
    m
}

#[test]
fn one_entry_is_enough_to_take_a_right_away() {
    for fresh in every_shape() {
        let fetch_code = |code: u32| if fresh.kind == Kind::Bits32 { code & !0x10 } else { code };
        for step in 0..fresh.path.len() {
            let mut m = with(fresh.clone(), WP);
            m.change(step, 0, US);
            for (kind, code) in [(Read, 5), (Write, 7), (Execute, fetch_code(0x15))] {
                assert_eq!(m.code(user(kind)), Some(code), "supervisor page {step}");
                assert_eq!(m.code(kernel(kind)), None);
                assert_eq!(m.code(Access::implicit(kind)), None);
            }
            let mut m = with(fresh.clone(), WP);
            m.change(step, 0, RW);
            for (access, code) in [
                (user(Read), None),
                (user(Write), Some(7)),
                (user(Execute), None),
                (kernel(Read), None),
                (kernel(Write), Some(3)),
                (Access::implicit(Write), Some(3)),
            ] {
                assert_eq!(m.code(access), code, "read-only page {step}");
            }
            let mut m = with(m, Mods::default());
            assert_eq!(m.code(kernel(Write)), None, "WP clear");
            assert_eq!(m.code(user(Write)), Some(7), "WP clear");
            if fresh.kind != Kind::Bits32 {
                let mut m = with(fresh.clone(), WP);
                m.change(step, XD, 0);
                for (access, code) in [
                    (user(Execute), Some(0x15)),
                    (kernel(Execute), Some(0x11)),
                    (user(Read), None),
                    (user(Write), None),
                    (kernel(Write), None),
                ] {
                    assert_eq!(m.code(access), code, "execute-disable page {step}");
                }
            }
        }
    }
}

#[test]
fn smep_and_smap_close_user_pages_to_the_supervisor() {
    let implicit = Access::implicit;
    // SMEP, SMAP, AC, page is user, access, error code
    for (smep, smap, ac, user_page, access, code) in [
        (true, false, false, true, kernel(Execute), Some(0x11)),
        (true, false, false, false, kernel(Execute), None),
        (true, false, false, true, user(Execute), None),
        (true, false, false, true, kernel(Read), None),
        (true, false, true, true, kernel(Execute), Some(0x11)),
        (false, true, false, true, kernel(Read), Some(1)),
        (false, true, false, true, kernel(Write), Some(3)),
        (false, true, false, true, kernel(Execute), None),
        (false, true, false, false, kernel(Write), None),
        (false, true, false, true, user(Write), None),
        (false, true, true, true, kernel(Read), None),
        (false, true, true, true, kernel(Write), None),
        (false, true, true, true, implicit(Read), Some(1)),
        (false, true, true, true, implicit(Write), Some(3)),
        (false, true, true, false, implicit(Read), None),
        (false, false, false, true, implicit(Read), None),
        (false, false, false, true, kernel(Write), None),
    ] {
        for fresh in every_shape() {
            let mut m = with(fresh, Mods { wp: true, smep, smap, ac });
            if !user_page {
                m.change(0, 0, US);
            }
            assert_eq!(m.code(access), code, "{:?} SMEP {smep} SMAP {smap} AC {ac} {access:?}", m.kind);
        }
    }
}

#[test]
fn smap_holds_whatever_wp_says() {
    let mut m = with(Mapping::new(Kind::Pae, PageSize::Size2M), Mods { smap: true, ..Mods::default() });
    m.change(0, 0, RW);
    assert_eq!(m.code(kernel(Write)), Some(3));
    m.regs.rflags_ac = true;
    assert_eq!(m.code(kernel(Write)), None, "AC opens it, and WP = 0 the rest");
    m.regs.cr0 |= Cr0::WP;
    assert_eq!(m.code(kernel(Write)), Some(3));
}

#[test]
fn fetches_are_told_only_with_nxe_under_pae_or_smep() {
    for (kind, nxe, smep, told) in [
        (Kind::Bits32, false, false, false),
        (Kind::Bits32, true, false, false),
        (Kind::Bits32, false, true, true),
        (Kind::Pae, false, false, false),
        (Kind::Pae, true, false, true),
        (Kind::Pae, false, true, true),
        (Kind::Level4, false, false, false),
        (Kind::Level4, true, false, true),
        (Kind::Level5, false, true, true),
    ] {
        let mut m = Mapping::new(kind, PageSize::Size4K);
        m.regs.efer.set(Efer::NXE, nxe);
        m.regs.cr4.set(Cr4::SMEP, smep);
        m.change(0, 0, US);
        let code = if told { 0x15 } else { 5 };
        assert_eq!(m.code(user(Execute)), Some(code), "{kind:?} {nxe} {smep}");
        assert_eq!(m.code(user(Read)), Some(5));
    }
}

#[test]
fn rights_found_are_those_of_the_class_that_asked() {
    let found = |m: &mut Mapping, access| {
        let t = m.access(access).unwrap();
        (t.user, t.readable, t.writable, t.executable)
    };
    let mut m = with(Mapping::new(Kind::Level4, PageSize::Size4K), Mods { smap: true, smep: true, ..WP });
    assert_eq!(found(&mut m, user(Read)), (true, true, true, true));
    m.regs.rflags_ac = true;
    assert_eq!(found(&mut m, kernel(Read)), (true, true, true, false));
    m.regs.rflags_ac = false;
    m.regs.cr4 -= Cr4::SMEP;
    assert_eq!(found(&mut m, kernel(Execute)), (true, false, false, true));
    m.change(2, 0, US);
    m.change(1, 0, RW);
    m.change(3, XD, 0);
    assert_eq!(found(&mut m, kernel(Read)), (false, true, false, false));
    m.regs.cr0 -= Cr0::WP;
    assert_eq!(found(&mut m, kernel(Read)), (false, true, true, false));
}
