//! What is booted, kept so that a reset can load it anew.

use crate::RunArgs;
use anyhow::Result;
use machine::Machine;
use machine::boot::{BootImage, load};

/// A guest's files.
pub struct Guest {
    kernel: Vec<u8>,
    initrd: Option<Vec<u8>>,
    command_line: String,
}

impl Guest {
    /// A guest of these files; one of the project's own where `kernel` is absent.
    pub fn new(args: &RunArgs, kernel: Option<Vec<u8>>, initrd: Option<Vec<u8>>) -> Self {
        let kernel = kernel.unwrap_or_else(|| {
            let name = args.guest.as_deref().unwrap_or(demo_guest::NAMES[0]);
            demo_guest::by_name(name).unwrap_or(demo_guest::IMAGE).to_vec()
        });
        Self { kernel, initrd, command_line: args.append.clone() }
    }

    /// Writes the guest and its tables into RAM and puts the processor at its entry.
    ///
    /// # Errors
    /// Where the image is none, or does not fit.
    pub fn load(&self, machine: &mut Machine) -> Result<()> {
        let rsdp = machine::acpi::write_tables(machine.memory(), machine.vcpus().len() as u32);
        let image = BootImage {
            kernel: &self.kernel,
            initrd: self.initrd.as_deref(),
            command_line: &self.command_line,
            rsdp,
        };
        let state = load(machine.memory(), &image)?;
        machine.invalidate_all_code();
        let vcpu = machine.vcpu_mut();
        state.apply(&mut vcpu.cpu);
        vcpu.state_changed();
        Ok(())
    }
}
