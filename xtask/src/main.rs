//! `cargo xtask`: the one way to build, test, fetch guests and check the rules of this project.

mod apt;
mod bench;
mod book;
mod cargo;
mod deps;
mod docs;
mod fetch;
mod fuzz;
mod guests;
mod guide;
mod linux;
mod metadata;
mod project;
mod report;
mod serve;
mod session;
mod shell;
mod spec;
mod steps;
mod system;
mod task;
mod test;
mod tidy;
mod wasm64;

fn main() -> std::process::ExitCode {
    task::main()
}
