//! `v64 jit-dump`: what the translator makes of the code at an address.

use crate::jit::{describe, disassembly};
use anyhow::{Result, bail};
use clap::Args;
use machine::Machine;
use session::{Guest, MachineSpec, Outcome, RunArgs, drive};
use wasm_jit::{CodeHost, HostError, Installed, Settings, Translator};

/// Options of `v64 jit-dump`.
#[derive(Args)]
pub(crate) struct JitDumpArgs {
    /// A linear address in hexadecimal, or `rip`
    #[arg(value_parser = parse_place)]
    address: Place,
    /// Run so many instructions first, interpreting: where the guest has been often enough is what a region is made of
    #[arg(long, value_name = "N", default_value = "0")]
    after: u64,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Clone, Copy)]
enum Place {
    Rip,
    At(u64),
}

fn parse_place(text: &str) -> Result<Place, String> {
    if text.eq_ignore_ascii_case("rip") {
        return Ok(Place::Rip);
    }
    let digits = text.strip_prefix("0x").unwrap_or(text).replace('_', "");
    let address = u64::from_str_radix(&digits, 16);
    address.map(Place::At).map_err(|_| format!("{text} is no address; write ffffffff81000000, or rip"))
}

/// Runs nothing: the interpreter alone is at work.
struct NoHost;

impl CodeHost for NoHost {
    fn install(&mut self, _: Vec<u8>, _: u32, _: u32) -> Result<Installed, HostError> {
        Err(HostError::Full)
    }
    fn retire(&mut self, _: u32, _: u32) {}
    fn enter(&mut self, _: u32, _: u64, budget: u64) -> u64 {
        budget
    }
}

/// Runs the guest, then prints the region at the address. Gives the exit code.
pub(crate) fn main(args: &JitDumpArgs) -> Result<u8> {
    pc_devices::link();
    let run = &args.run;
    let guest = crate::files::guest(run, &MachineSpec::new(run)?)?;
    Ok(crate::output::print((text(run, &guest, args.address, args.after)?, 0)))
}

fn text(args: &RunArgs, guest: &Guest, place: Place, after: u64) -> Result<String> {
    // Standard output is for what this command prints.
    let mut machine = Machine::new(args.silent_config()?)?;
    guest.load(&mut machine)?;
    // Never hot: it only has the processor count how often blocks run, and forms the region.
    let settings = Settings { hot: u32::MAX, ..Settings::default() };
    let translator = Translator::new(Box::new(NoHost), settings, machine.vcpu_mut());
    let counter = Translator::new(Box::new(NoHost), settings, machine.vcpu_mut());
    machine.vcpu_mut().set_compiled(Box::new(counter));
    while machine.retired() < after {
        let message = match drive(args, guest, &mut machine, after)? {
            Outcome::More | Outcome::Idle(_) => continue,
            Outcome::Waiting => session::WAITS.to_owned(),
            Outcome::Ended { message, .. } => message,
        };
        let retired = machine.retired();
        bail!("the guest ended after {retired} instructions, before {after}\n{message}");
    }
    let vcpu = machine.vcpu_mut();
    if let Place::At(address) = place {
        vcpu.cpu.rip = address;
    }
    let rip = vcpu.cpu.rip;
    if vcpu.peek_code(rip).is_none() {
        bail!("{rip:016x} is not mapped, or not for code, after {} instructions", vcpu.retired());
    }
    let Some(mode) = vcpu.code_mode() else {
        bail!(
            "in the mode after {} instructions code can only be interpreted: its segments are not flat",
            vcpu.retired()
        );
    };
    let Some((region, _)) = translator.select_region(vcpu) else {
        bail!("the instruction at {rip:016x} can only be interpreted");
    };
    let (blocks, instructions) = (region.blocks(), region.instructions());
    Ok(format!(
        "{rip:016x}: {instructions} instructions in {blocks} blocks, {:?}\n\n{}{region}\n{}",
        mode.code_size,
        disassembly(&region, vcpu, rip),
        describe(&region, vcpu, rip)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(place: Place, after: u64) -> Result<String> {
        pc_devices::link();
        let args = RunArgs { memory: 64 << 20, ..RunArgs::default() };
        text(&args, &Guest::new(&args, &MachineSpec::default(), None, None), place, after)
    }

    #[test]
    fn a_region_is_shown_in_all_its_forms() {
        let text = dump(Place::Rip, 150_000).unwrap();
        for part in ["instructions in", "block 0: +0x0 to ", "  end ", "(module", "i64.store"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn what_cannot_be_shown_is_told() {
        let error = dump(Place::At(0xffff_ffff_ffff_0000), 150_000).unwrap_err().to_string();
        assert_eq!(error, "ffffffffffff0000 is not mapped, or not for code, after 150000 instructions");
    }

    #[test]
    fn addresses_are_hexadecimal() {
        assert!(matches!(parse_place("0x1_000"), Ok(Place::At(0x1000))));
        assert!(matches!(parse_place("RIP"), Ok(Place::Rip)));
        assert!(parse_place("main").is_err());
    }
}
