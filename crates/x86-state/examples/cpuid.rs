//! Prints what CPUID returns on a processor model: `cargo run -p x86-state --example cpuid [MODEL]`.

use x86_state::cpuid::{CpuModel, CpuidState};

fn main() -> Result<(), String> {
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "x86-64-v2".to_owned());
    let model = CpuModel::from_name(&wanted).ok_or_else(|| {
        let names: Vec<_> = CpuModel::names().collect();
        format!("there is no model {wanted}; there are {}", names.join(", "))
    })?;
    let state = CpuidState { apic_id: 0, cr4_osxsave: false, xcr0: 1, apic_enabled: true, misc_enable: 0 };
    println!("{wanted}: {} bits of physical address", model.physical_bits);
    println!("    leaf      EAX      EBX      ECX      EDX");
    for first in [0, 0x8000_0000] {
        let [last, ..] = model.cpuid(first, 0, &state);
        for leaf in first..=last {
            let [eax, ebx, ecx, edx] = model.cpuid(leaf, 0, &state);
            println!("{leaf:8x} {eax:08x} {ebx:08x} {ecx:08x} {edx:08x}");
        }
    }
    let names: Vec<_> = model.features.iter_names().map(|(name, _)| name).collect();
    println!("features: {}", names.join(" "));
    Ok(())
}
