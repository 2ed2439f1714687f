//! The figures as Markdown, and their place in a page.

use super::boot::{Booted, INSTRUCTIONS, Speed};
use super::engines::Engine;
use super::programs::{Measured, Program};
use super::set::{Outcome, Taken};
use anyhow::{Context, Result};

/// Which time the columns show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Clock {
    /// The host's clock
    Elapsed,
    /// Processor time of the engine with all its threads; says more where the machine has other work
    Processor,
}

impl Clock {
    fn seconds(self, taken: &Taken) -> Option<f64> {
        match self {
            Self::Elapsed => Some(taken.elapsed),
            Self::Processor => taken.processor,
        }
    }
}

/// Turns a measurement with a wrong checksum into a failure. The reference is the native result, or that of the first
/// engine with a result.
pub(super) fn check(all: &mut [Measured]) {
    let count = all.iter().map(|measured| measured.outcomes.len()).max().unwrap_or(0);
    for n in 0..count {
        let sums = all.iter().filter_map(|measured| measured.outcomes.get(n)?.as_ref().ok());
        let Some(right) = sums.map(|taken| taken.sum).next() else { continue };
        for outcome in all.iter_mut().filter_map(|measured| measured.outcomes.get_mut(n)) {
            if let Ok(Taken { sum, .. }) = *outcome
                && sum != right
            {
                *outcome = Err(format!("WRONG checksum {sum:016x} instead of {right:016x}"));
            }
        }
    }
}

/// One engine's ratios to another's.
#[derive(Debug, PartialEq)]
struct Ratios {
    /// Of programs that both ran
    count: usize,
    geometric_mean: f64,
    worst: f64,
    /// Which program is the worst, by number
    worst_at: usize,
}

fn ratios(ours: &[Outcome], theirs: &[Outcome], clock: Clock) -> Option<Ratios> {
    let mut all: Vec<(usize, f64)> = Vec::new();
    for (n, pair) in ours.iter().zip(theirs).enumerate() {
        let (Ok(ours), Ok(theirs)) = pair else { continue };
        if let (Some(ours), Some(theirs)) = (clock.seconds(ours), clock.seconds(theirs))
            && ours > 0.0
            && theirs > 0.0
        {
            all.push((n, ours / theirs));
        }
    }
    let (worst_at, worst) = all.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let mean = all.iter().map(|(_, ratio)| ratio.ln()).sum::<f64>() / all.len() as f64;
    Some(Ratios { count: all.len(), geometric_mean: mean.exp(), worst, worst_at })
}

fn of(all: &[Measured], engine: Engine) -> Option<&[Outcome]> {
    all.iter().find(|measured| measured.engine == engine).map(|measured| measured.outcomes.as_slice())
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Returns the table of one width, with what it comes to and what failed.
pub(super) fn programs(
    list: &[Program],
    all: &[Measured],
    clock: Clock,
    title: impl Fn(Engine) -> String,
) -> String {
    let qemu = of(all, Engine::Qemu);
    let compared = |engine: Engine| !matches!(engine, Engine::Bare | Engine::Qemu) && qemu.is_some();
    let mut head = vec!["program".to_owned()];
    for Measured { engine, .. } in all {
        head.push(format!("{}, s", title(*engine)));
        if compared(*engine) {
            head.push("ratio".to_owned());
        }
    }
    head.push("what it does".to_owned());
    let mut text = row(&head) + &"|---".repeat(head.len()) + "|\n";
    for (n, program) in list.iter().enumerate() {
        let mut cells = vec![program.name.clone()];
        let seconds = |outcomes: &[Outcome], clock: Clock| clock.seconds(outcomes.get(n)?.as_ref().ok()?);
        for Measured { engine, outcomes } in all {
            // Natively each program is a separate process, and its time is not counted for the parent.
            let clock = if *engine == Engine::Bare { Clock::Elapsed } else { clock };
            let ours = seconds(outcomes, clock);
            cells.push(match (ours, outcomes.get(n)) {
                (Some(ours), _) => format!("{ours:.2}"),
                (None, Some(Ok(_))) => "-".to_owned(),
                _ => "FAILED".to_owned(),
            });
            if compared(*engine) {
                let pair =
                    ours.zip(qemu.and_then(|qemu| seconds(qemu, clock))).filter(|(_, theirs)| *theirs > 0.0);
                cells.push(pair.map_or("-".to_owned(), |(ours, theirs)| format!("{:.2}", ours / theirs)));
            }
        }
        cells.push(program.about.clone());
        text += &row(&cells);
    }
    text + "\n" + &summary(list, all, clock, &title) + &failures(list, all, &title)
}

fn summary(list: &[Program], all: &[Measured], clock: Clock, title: impl Fn(Engine) -> String) -> String {
    let (other, others) = match clock {
        Clock::Elapsed => (Clock::Processor, "by processor time"),
        Clock::Processor => (Clock::Elapsed, "by elapsed time"),
    };
    let engines = all.iter().map(|measured| measured.engine);
    let mut pairs: Vec<_> = engines
        .filter(|engine| !matches!(engine, Engine::Bare | Engine::Qemu))
        .map(|engine| (engine, Engine::Qemu))
        .collect();
    pairs.push((Engine::Node, Engine::V86));
    let mut text = String::new();
    for (ours, theirs) in pairs {
        let (Some(a), Some(b)) = (of(all, ours), of(all, theirs)) else { continue };
        let name = format!("{} to {}", title(ours), title(theirs));
        let Some(shown) = ratios(a, b, clock) else {
            text += &format!("- {name}: no program to compare.\n");
            continue;
        };
        let other = ratios(a, b, other)
            .map(|ratios| format!(" ({:.2} {others})", ratios.geometric_mean))
            .unwrap_or_default();
        text += &format!(
            "- {name}: geometric mean {:.2}{other}, worst {:.2} ({}); {} of {} programs.\n",
            shown.geometric_mean,
            shown.worst,
            list.get(shown.worst_at).map_or("", |program| &program.name),
            shown.count,
            list.len()
        );
    }
    text
}

fn failures(list: &[Program], all: &[Measured], title: impl Fn(Engine) -> String) -> String {
    let mut text = String::new();
    for Measured { engine, outcomes } in all {
        for (program, outcome) in list.iter().zip(outcomes) {
            if let Err(why) = outcome {
                text += &format!("- FAILED: {} under {}: {why}.\n", program.name, title(*engine));
            }
        }
    }
    if text.is_empty() && all.len() > 1 {
        text = "- All checksums are equal.\n".to_owned();
    }
    text
}

/// Boots to the prompt.
pub(super) fn boots(all: &[Booted], title: impl Fn(Engine) -> String) -> String {
    let mut text =
        "| guest | engine | seconds | ratio | most memory held |\n|---|---|---|---|---|\n".to_owned();
    for Booted { bits, engine, outcome } in all {
        let qemu = all.iter().find(|other| other.bits == *bits && other.engine == Engine::Qemu);
        let qemu = qemu.and_then(|qemu| qemu.outcome.as_ref().ok());
        let cells = match outcome {
            Ok(boot) => {
                let ratio = qemu
                    .map_or("-".to_owned(), |qemu| format!("{:.2}", boot.seconds / qemu.seconds.max(1e-9)));
                [format!("{:.2}", boot.seconds), ratio, format!("{:.0} MiB", boot.mib)]
            }
            Err(why) => [format!("FAILED: {why}"), "-".to_owned(), "-".to_owned()],
        };
        let guest = format!("{} bits", bits.number());
        text += &row(&[&[guest, title(*engine)][..], &cells[..]].concat());
    }
    text
}

/// Returns the interpreter in Node beside the one that runs natively.
pub(super) fn interpreters(native: Speed, node: Speed) -> String {
    let ratio = native.elapsed / node.elapsed.max(1e-9);
    let processor = native.processor.zip(node.processor);
    let processor =
        processor.map_or(String::new(), |(a, b)| format!(" ({:.2} by processor time, with V8's own)", a / b));
    format!(
        "The interpreter alone over the first {} million instructions of the boot: natively {:.1} million a second, in \
         Node {:.1}; ratio {ratio:.2}{processor}. 2.5 or less is asked for: {}.\n",
        INSTRUCTIONS / 1_000_000,
        native.elapsed,
        node.elapsed,
        if ratio <= 2.5 { "met" } else { "NOT met" }
    )
}

/// Returns the page with the text between the marks of a section replaced.
///
/// # Errors
/// The page has no such marks.
pub(super) fn insert(page: &str, section: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- begin {section} -->"), format!("<!-- end {section} -->"));
    let missing = |mark: &str| format!("the page has no line {mark}");
    let (before, rest) = page.split_once(&begin).with_context(|| missing(&begin))?;
    let (_, after) = rest.split_once(&end).with_context(|| missing(&end))?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::super::boot::Boot;
    use super::*;
    use crate::guests::Bits;

    fn took(elapsed: f64, sum: u64) -> Outcome {
        Ok(Taken { elapsed, processor: Some(elapsed / 2.0), sum })
    }

    fn measured() -> Vec<Measured> {
        vec![
            Measured { engine: Engine::Bare, outcomes: vec![took(0.1, 5), took(0.2, 6)] },
            Measured { engine: Engine::Qemu, outcomes: vec![took(1.0, 5), took(0.5, 6)] },
            Measured { engine: Engine::Node, outcomes: vec![took(2.0, 5), took(4.0, 6)] },
        ]
    }

    fn list() -> Vec<Program> {
        ["fib", "sieve"].map(|name| Program { name: name.to_owned(), about: format!("{name}!") }).to_vec()
    }

    fn title(engine: Engine) -> String {
        format!("{engine:?}")
    }

    #[test]
    fn ratios_come_to_a_geometric_mean() {
        let text = programs(&list(), &measured(), Clock::Elapsed, title);
        assert!(
            text.contains("| program | Bare, s | Qemu, s | Node, s | ratio | what it does |\n"),
            "{text}"
        );
        assert!(text.contains("| sieve | 0.20 | 0.50 | 4.00 | 8.00 | sieve! |\n"), "{text}");
        // The root of 2 times 8.
        let line = "- Node to Qemu: geometric mean 4.00 (4.00 by processor time), worst 8.00 (sieve); 2 of 2 programs.";
        assert!(text.contains(line) && text.contains("All checksums are equal"), "{text}");
    }

    #[test]
    fn processor_time_is_shown_where_it_is_known() {
        let mut all = measured();
        all[2].outcomes[0] = Ok(Taken { elapsed: 1.0, processor: None, sum: 5 });
        let text = programs(&list(), &all, Clock::Processor, title);
        assert!(text.contains("| fib | 0.10 | 0.50 | - | - | fib! |\n"), "{text}");
        assert!(text.contains("| sieve | 0.20 | 0.25 | 2.00 | 8.00 | sieve! |\n"), "{text}");
        assert!(text.contains("geometric mean 8.00 (2.83 by elapsed time)"), "{text}");
    }

    #[test]
    fn a_wrong_checksum_is_a_failure_and_is_told() {
        let mut all = measured();
        all[2].outcomes[1] = took(4.0, 7);
        check(&mut all);
        let text = programs(&list(), &all, Clock::Elapsed, title);
        assert!(text.contains("| sieve | 0.20 | 0.50 | FAILED | - | sieve! |\n"), "{text}");
        assert!(
            text.contains("FAILED: sieve under Node: WRONG checksum 0000000000000007 instead of"),
            "{text}"
        );
        assert!(text.contains("1 of 2 programs") && !text.contains("are equal"), "{text}");
    }

    #[test]
    fn without_the_bare_processor_the_first_engine_is_right() {
        let mut all = measured();
        all[0].outcomes = vec![Err("no".to_owned()), Err("no".to_owned())];
        all[2].outcomes[0] = took(1.0, 9);
        check(&mut all);
        assert!(all[1].outcomes[0].is_ok() && all[2].outcomes[0].is_err() && all[2].outcomes[1].is_ok());
    }

    #[test]
    fn boots_are_compared_within_their_width() {
        let boot = |bits, engine, seconds| Booted { bits, engine, outcome: Ok(Boot { seconds, mib: 3.0 }) };
        let all = [
            boot(Bits::B64, Engine::Qemu, 2.0),
            boot(Bits::B64, Engine::Native, 3.0),
            boot(Bits::B32, Engine::V86, 3.0),
        ];
        let text = boots(&all, title);
        assert!(text.contains("| 64 bits | Native | 3.00 | 1.50 | 3 MiB |\n"), "{text}");
        assert!(text.contains("| 32 bits | V86 | 3.00 | - | 3 MiB |\n"), "{text}");
    }

    #[test]
    fn the_interpreters_are_held_to_their_ratio() {
        let speed = |elapsed| Speed { elapsed, processor: None };
        assert!(
            interpreters(speed(100.0), speed(50.0)).contains("ratio 2.00. 2.5 or less is asked for: met.")
        );
        assert!(interpreters(speed(100.0), speed(25.0)).contains("NOT met"));
    }

    #[test]
    fn the_page_keeps_what_stands_around_the_figures() {
        let page = "# P\n\n<!-- begin a -->\nold\n<!-- end a -->\n\nMore.\n";
        let new = insert(page, "a", "new\n").unwrap();
        assert_eq!(new, "# P\n\n<!-- begin a -->\n\nnew\n\n<!-- end a -->\n\nMore.\n");
        assert!(insert(page, "b", "new").is_err());
    }
}
