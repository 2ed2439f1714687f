//! Comparing an outcome with the recorded one.

use super::case::{Case, State, number};
use std::collections::BTreeMap;
use std::fmt;

/// CF, PF, AF, ZF, SF, DF and OF
const COMPARED_FLAGS: u64 = 0xcd5;

/// What differs, in words; `None` when nothing does.
pub(super) fn compare(case: &Case, got: &State) -> Option<String> {
    let want = case.output.as_ref()?;
    if want.fault != got.fault {
        return Some(format!("fault: want {:?}, got {:?}", want.fault, got.fault));
    }
    let undefined = case.undefined.as_deref().and_then(|text| number(text).ok()).unwrap_or(0);
    let mut text = String::new();
    for (name, value) in &want.regs {
        let Some(mine) = got.regs.get(name) else { continue };
        let equal = if name == "rflags" {
            let mask = COMPARED_FLAGS & !undefined;
            matches!((number(value), number(mine)), (Ok(a), Ok(b)) if a & mask == b & mask)
        } else if value.starts_with("0x") {
            matches!((number(value), number(mine)), (Ok(a), Ok(b)) if a == b)
        } else {
            value == mine
        };
        if !equal {
            text += &format!(" {name}: want {value}, got {mine};");
        }
    }
    for (want, got) in want.mem.iter().zip(&got.mem) {
        if want != got {
            text += &format!(" memory at {}: want {}, got {};", want.at, want.bytes, got.bytes);
        }
    }
    (!text.is_empty()).then_some(text)
}

/// Passed and all, by feature.
#[derive(Default)]
pub(super) struct Table(BTreeMap<String, (usize, usize)>);

impl Table {
    pub(super) fn add(&mut self, feature: &str, passed: bool) {
        let row = self.0.entry(feature.to_owned()).or_default();
        row.0 += usize::from(passed);
        row.1 += 1;
    }

    pub(super) fn failed(&self) -> usize {
        self.0.values().map(|(passed, all)| all - passed).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, passed: usize, all: usize| {
            let share = 100.0 * passed as f64 / all.max(1) as f64;
            writeln!(f, "{name:<16} {passed:>6} of {all:>6}  {share:6.2} %")
        };
        let (mut passed, mut all) = (0, 0);
        for (name, &(p, a)) in &self.0 {
            row(name, p, a)?;
            passed += p;
            all += a;
        }
        row("all", passed, all)
    }
}
