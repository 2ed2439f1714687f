//! Assembles the guests. Their sources are in `guest/`, a file a topic.

#[path = "guest/mod.rs"]
mod guest;

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=guest");
    let image = guest::demo()?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("demo.bin"), &image.bytes)?;
    fs::write(out.join("memory.bin"), &guest::memory()?.bytes)?;
    let constants = format!(
        "/// How many checks the demo makes (one of them may be skipped, see the list it prints).\npub const CHECKS: u32 = {};\n",
        image.checks
    );
    fs::write(out.join("constants.rs"), constants)?;
    Ok(())
}
