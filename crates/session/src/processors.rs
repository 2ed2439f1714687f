//! `-smp` and `-cpu`.

use machine::MAX_PROCESSORS;
use x86_state::cpuid::{self, CpuModel};

/// The value of `-cpu`.
#[derive(Clone, Copy, Debug)]
pub enum Model {
    /// A processor model
    Of(CpuModel),
    /// The list of models is to be printed
    Help,
}

/// The number of processors, 1 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processors(pub u32);

impl Default for Processors {
    fn default() -> Self {
        Self(1)
    }
}

/// Returns the number of processors in QEMU's form: `4`, `cpus=4`, `4,sockets=2,cores=2`. The topology is not visible
/// to the guest, but its product has to be that number.
pub(crate) fn parse_smp(text: &str) -> Result<Processors, String> {
    let bad = || format!("{text} is no number of processors; give 1 to {MAX_PROCESSORS}");
    let (mut count, mut product) = (None, None);
    for part in text.split(',') {
        let (name, number) = part.split_once('=').unwrap_or(("cpus", part));
        let number: u32 = number.parse().map_err(|_| bad())?;
        match name {
            "cpus" => count = Some(number),
            "sockets" | "dies" | "clusters" | "cores" | "threads" => {
                product = Some(u32::checked_mul(product.unwrap_or(1), number).ok_or_else(bad)?);
            }
            "maxcpus" if count.or(product) == Some(number) => {}
            "maxcpus" => return Err("processors cannot be added later; leave maxcpus out".to_owned()),
            _ => return Err(format!("{name} is none of cpus, sockets, dies, clusters, cores and threads")),
        }
    }
    let count = match (count, product) {
        (Some(count), Some(product)) if count != product => {
            return Err(format!("{text}: sockets, cores and threads give {product} processors, not {count}"));
        }
        (count, product) => count.or(product).ok_or_else(bad)?,
    };
    if (1..=MAX_PROCESSORS).contains(&count) { Ok(Processors(count)) } else { Err(bad()) }
}

/// `Nehalem`, or with changes: `Nehalem,+movbe,-sse4.2,aes=off`.
pub(crate) fn parse_model(text: &str) -> Result<Model, String> {
    if matches!(text, "help" | "?") {
        return Ok(Model::Help);
    }
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    let names = || CpuModel::names().collect::<Vec<_>>().join(", ");
    let mut model = CpuModel::from_name(name)
        .ok_or_else(|| format!("no processor is called {name}; there are {}", names()))?;
    for part in parts {
        let (name, has) = match (part.strip_prefix('+'), part.strip_prefix('-'), part.split_once('=')) {
            (Some(name), ..) => (name, true),
            (_, Some(name), _) => (name, false),
            (_, _, Some((name, "on"))) => (name, true),
            (_, _, Some((name, "off"))) => (name, false),
            (_, _, None) if matches!(part, "check" | "enforce") => continue,
            _ => return Err(format!("{part} is no change to a processor; write +NAME or -NAME")),
        };
        // What is not there cannot be taken away either.
        match cpuid::feature(name) {
            Some(feature) => model = model.with(feature, has),
            None if !has => {}
            None => return Err(format!("the processor feature {name} is not there; leave it out")),
        }
    }
    Ok(Model::Of(model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_models_with_changes() {
        use x86_state::cpuid::Features;
        let model = |text: &str| match parse_model(text) {
            Ok(Model::Of(model)) => Ok(model),
            Ok(Model::Help) => Err("the list".to_owned()),
            Err(error) => Err(error),
        };
        let nehalem = CpuModel::from_name("Nehalem").unwrap();
        assert_eq!(model("Nehalem,check"), Ok(nehalem));
        let changed = nehalem.with(Features::MOVBE, true).with(Features::SSE4_2, false);
        assert_eq!(model("Nehalem,+movbe,-sse4.2,svm=off"), Ok(changed));
        for (text, says) in [
            ("help", "the list"),
            ("Z80", "486, pentium"),
            ("max,+svm", "feature svm is not there"),
            ("max,fast", "write +NAME"),
        ] {
            let error = model(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
