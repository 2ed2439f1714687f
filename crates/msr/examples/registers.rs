//! Prints the model-specific registers of a processor model, as after reset: `cargo run -p msr --example registers [MODEL]`.

use msr::{MsrAccess, name, read, write};
use x86_state::Cpu;
use x86_state::cpuid::CpuModel;

fn main() -> Result<(), String> {
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "x86-64-v2".to_owned());
    let model = CpuModel::from_name(&wanted).ok_or_else(|| {
        let names: Vec<_> = CpuModel::names().collect();
        format!("there is no model {wanted}; there are {}", names.join(", "))
    })?;
    let cpu = Cpu::new(model);
    println!("{wanted}");
    println!("{:>8}  {:24} {:18} written", "number", "name", "after reset");
    let architectural = 0..0x2000;
    let extended = 0xc000_0000..0xc000_2000;
    for number in architectural.chain(extended) {
        let text = name(number).unwrap_or("");
        match read(&cpu, number, 0) {
            MsrAccess::Handled(value) => {
                let taken = [0, value, u64::MAX]
                    .map(|new| write(&mut cpu.clone(), number, new, 0).0.value().is_some());
                let written = match taken {
                    [_, _, true] => "any value",
                    [_, true, _] | [true, _, _] => "without reserved bits",
                    _ => "never: #GP(0)",
                };
                println!("{number:>8x}  {text:24} {value:#018x} {written}");
            }
            MsrAccess::NotHandled => println!("{number:>8x}  {text:24} {:18} there", "the local APIC's"),
            MsrAccess::GeneralProtection => {}
        }
    }
    Ok(())
}
