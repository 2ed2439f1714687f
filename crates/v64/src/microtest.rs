//! `v64 microtest`: instruction vectors recorded on a real processor, run one by one.

use crate::output::failed;
use anyhow::{Context, Result};
use session::{EngineKind, MicrotestArgs, Microtests};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use wasm_jit::{Settings, Translator};

fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let mut file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut magic = [0; 4];
    let got = file.read(&mut magic)?;
    let file = std::fs::File::open(path)?;
    if magic[..got] == [0x28, 0xb5, 0x2f, 0xfd] {
        return Ok(Box::new(BufReader::new(zstd::Decoder::new(file)?)));
    }
    Ok(Box::new(BufReader::new(file)))
}

/// Runs the vectors. Gives the process's exit code.
pub(crate) fn main(args: &MicrotestArgs) -> Result<u8> {
    let mut tests = Microtests::new(args.clone())?;
    if args.engine == EngineKind::Jit {
        let vcpu = tests.vcpu_mut();
        let host = Box::new(wasmtime_host::WasmtimeHost::new()?);
        let translator = Translator::new(host, Settings::AT_ONCE, vcpu);
        vcpu.set_compiled(Box::new(translator));
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let file = open(&args.file)?;
    let mut write = |text: &str| out.write_all(text.as_bytes());
    for line in file.lines() {
        let line = line.with_context(|| format!("cannot read {}", args.file.display()))?;
        if let Err(error) = write(&tests.line(&line)?) {
            return Ok(failed(&error, "standard output", 0));
        }
    }
    let (text, code) = tests.end();
    match write(&text).and_then(|()| out.flush()) {
        Err(error) => Ok(failed(&error, "standard output", code)),
        Ok(()) => Ok(code),
    }
}
