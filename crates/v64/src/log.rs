//! What the program reports while it runs: warnings, and the events of `--trace` and `-d`.

use crate::input::Shared;
use anyhow::{Context, Result, bail};
use session::RunArgs;
use std::fmt::{self, Write};
use std::fs::File;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Enables output of warnings and of the requested events.
///
/// # Errors
/// Events that cannot be traced, or a file that cannot be written.
pub(crate) fn start(args: &RunArgs, shared: Arc<Shared>) -> Result<()> {
    let mut filter = Vec::new();
    for target in args.trace.iter().map(String::as_str).chain(args.log.iter().copied()) {
        match target {
            "exceptions" | "io" | "msr" => filter.push(format!("{target}=trace")),
            other => bail!("cannot trace {other}; there are exceptions, io and msr"),
        }
    }
    let mut layers: Vec<Box<dyn Layer<_> + Send + Sync>> = Vec::new();
    layers.push(
        Warnings(shared).with_filter(filter_fn(is_warning).with_max_level_hint(LevelFilter::WARN)).boxed(),
    );
    if !filter.is_empty() {
        // Output that cannot be written is lost without an error.
        let events = tracing_subscriber::fmt::layer().log_internal_errors(false).without_time();
        let filter = EnvFilter::new(filter.join(","));
        layers.push(match &args.log_file {
            None => events.with_writer(std::io::stderr).with_filter(filter).boxed(),
            Some(path) => {
                let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
                events.with_ansi(false).with_writer(file).with_filter(filter).boxed()
            }
        });
    }
    tracing_subscriber::registry().with(layers).init();
    Ok(())
}

/// Crates of this workspace whose warnings concern the user. Other libraries, as those of the window, warn of what their caller
/// handles; code that is not compiled (target `jit`) is interpreted.
const OWN_CRATES: [&str; 6] = ["block", "machine", "net", "pc_devices", "session", "v64"];

/// Returns whether an event concerns the user.
fn is_warning(metadata: &Metadata<'_>) -> bool {
    let source = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= LevelFilter::WARN && OWN_CRATES.contains(&source)
}

/// Prints warnings, one line each.
struct Warnings(Arc<Shared>);

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.say(&format!("v64: {}\n", line.0));
    }
}

/// The text of an event, without line ends.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // A string takes all that is written.
        let _ = match field.name() {
            "message" => write!(text, "{value:?}"),
            name => write!(text, ", {name}={value:?}"),
        };
        self.0.push_str(&text.replace(['\r', '\n'], " "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_message_and_the_fields() {
        #[derive(Default)]
        struct Lines(std::sync::Mutex<Vec<String>>);
        impl<S: Subscriber> Layer<S> for &'static Lines {
            fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
                let mut line = Line(String::new());
                event.record(&mut line);
                self.0.lock().unwrap().push(line.0);
            }
        }
        let lines: &'static Lines = Box::leak(Box::default());
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter_fn(is_warning)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("ide0-hd0: {}", "no\nspace");
            tracing::info!("nothing");
            tracing::warn!(target: "jit", "nothing");
            tracing::warn!(target: "winit::platform", "nothing");
            tracing::error!(target: "pc_devices::ide", "a drive");
            tracing::warn!(unit = 1, "gone");
        });
        assert_eq!(*lines.0.lock().unwrap(), ["ide0-hd0: no space", "a drive", "gone, unit=1"]);
    }
}
