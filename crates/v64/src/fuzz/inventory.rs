//! Every device that is linked into the program, with hostile back ends. What devices there are, which can be in a machine
//! together and what they need follows from their declarations.

use super::backends::{Chaos, Line, Medium, Network};
use anyhow::{Context, Result};
use block::Memory;
use device_api::{Backends, DeviceDecl, DeviceSpec, Presence, Property, PropertyKind, Role, declarations};
use machine::time::Clock;
use machine::{Machine, MachineConfig, Seed};
use x86_state::cpuid::CpuModel;

/// Bytes of every medium: a floppy that is also whole sectors of disks and CDs and whole blocks of flash.
const MEDIUM: usize = 1440 << 10;
/// Bytes of every ROM.
const ROM: usize = 64 << 10;
/// Instances of a device that is part of another.
const PARTS: usize = 2;

/// Returns whether a device is present only on request.
fn is_optional(decl: &DeviceDecl) -> bool {
    matches!(decl.presence, Presence::OnRequest | Presence::AttachedTo(_))
}

fn backends_of(decl: &DeviceDecl) -> impl Iterator<Item = (&'static Property, Role)> {
    decl.properties.iter().filter_map(|property| match property.kind {
        PropertyKind::Backend(role) => Some((property, role)),
        _ => None,
    })
}

/// Returns the instances of a device, and their back ends.
fn instances(decl: &DeviceDecl, chaos: &Chaos, backends: &mut Backends) -> Vec<DeviceSpec> {
    let count = if matches!(decl.presence, Presence::AttachedTo(_)) { PARTS } else { 1 };
    let instance = |n: usize| {
        backends_of(decl).fold(DeviceSpec::new(decl.id), |spec, (property, role)| {
            let name = format!("{}.{n}.{}", decl.id, property.name);
            match role {
                Role::Char => {
                    backends.chars.insert(name.clone(), Box::new(Line(chaos.clone())));
                }
                Role::Block => {
                    let bytes = (0..MEDIUM).map(|n| (n >> 9) as u8).collect();
                    let medium = Medium::new(Memory::new(bytes, false), chaos.clone());
                    backends.blocks.insert(name.clone(), Box::new(medium));
                }
                Role::Image => {
                    backends.images.insert(name.clone(), vec![0x90; ROM]);
                }
                Role::Sound => {
                    let mixer = session::sound::Mixer::new(session::sound::DEFAULT_RATE);
                    backends.sounds.insert(name.clone(), Box::new(mixer));
                }
                Role::Net => {
                    backends.nets.insert(name.clone(), Box::new(Network::new(chaos.clone())));
                }
            }
            spec.with(property.name, name)
        })
    };
    (0..count).map(instance).collect()
}

fn build(decls: &[&'static DeviceDecl], processors: u32, chaos: &Chaos) -> Result<Machine> {
    let mut backends = Backends::default();
    let devices = decls.iter().flat_map(|decl| instances(decl, chaos, &mut backends)).collect();
    Ok(Machine::new(MachineConfig {
        ram_bytes: super::RAM,
        model: CpuModel::X86_64_V2,
        clock: Clock::instructions(),
        epoch_seconds: 0,
        devices,
        left_out: Vec::new(),
        backends,
        processors,
        seed: Seed::default(),
    })?)
}

/// Devices that can be in one machine: all, but for those that are in the way of others, which are in the next.
#[derive(Clone, Debug)]
pub(super) struct Sets(Vec<Vec<&'static DeviceDecl>>);

impl Sets {
    /// Finds out which devices can be together.
    ///
    /// # Errors
    /// A device cannot be in a machine at all.
    pub(super) fn find() -> Result<Self> {
        let chaos = Chaos::default();
        let always: Vec<_> = declarations()
            .into_iter()
            .filter(|decl| !is_optional(decl) && backends_of(decl).next().is_some())
            .collect();
        let mut left: Vec<_> = declarations().into_iter().filter(|decl| is_optional(decl)).collect();
        let mut sets = Vec::new();
        while !left.is_empty() {
            let (mut set, mut later, mut refused) = (always.clone(), Vec::new(), None);
            for decl in left {
                set.push(decl);
                if let Err(error) = build(&set, 1, &chaos) {
                    later.extend(set.pop());
                    refused = Some(error);
                }
            }
            if let (true, Some(error)) = (set.len() == always.len(), refused) {
                return Err(error).context("a device that no machine can have");
            }
            sets.push(set);
            left = later;
        }
        Ok(Self(sets))
    }

    /// Returns a machine of each set. They differ in their number of processors, too.
    pub(super) fn machines(&self, chaos: &Chaos) -> Result<Vec<Machine>> {
        self.0.iter().zip(1..).map(|(set, processors)| build(set, processors, chaos)).collect()
    }

    /// Returns the requested models of each machine.
    #[cfg(test)]
    pub(super) fn models(&self) -> Vec<Vec<&'static str>> {
        self.0.iter().map(|set| set.iter().map(|decl| decl.id).collect()).collect()
    }
}
