//! `cargo xtask guide`: prints the files, tasks and checks of a topic.

mod find;
mod page;
mod print;

use crate::task::task;
use crate::{project, spec};
use anyhow::Result;
use clap::Subcommand;

/// Print anchors, plan, risks, tests and next steps for the roadmap, a milestone, a topic or a file
#[derive(clap::Args)]
struct GuideArgs {
    #[command(subcommand)]
    subject: Option<Subject>,
}

#[derive(Subcommand)]
enum Subject {
    /// The way from M0 on (this is the default)
    Roadmap,
    /// A milestone
    Milestone {
        /// M0, M1, ...
        name: String,
    },
    /// A topic, such as "4-level paging"
    Topic {
        /// In the manuals' words
        words: Vec<String>,
    },
    /// A source file
    File {
        /// From the top of the work tree
        path: String,
    },
}

task!("guide", GuideArgs, run);

fn run(args: GuideArgs) -> Result<()> {
    let root = project::root();
    let pages = page::load(&root)?;
    let (cited, _) = spec::collect(&root)?;
    let library = find::Library { root: &root, pages: &pages, cited: &cited };
    let guide = match args.subject {
        None | Some(Subject::Roadmap) => library.page("roadmap"),
        Some(Subject::Milestone { name }) => library.milestone(&name),
        Some(Subject::Topic { words }) => library.topic(&words.join(" ")),
        Some(Subject::File { path }) => library.file(&path),
    }?;
    print!("{}", print::markdown(&guide, &cited));
    Ok(())
}
