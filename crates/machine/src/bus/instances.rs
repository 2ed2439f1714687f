//! The devices of a machine: those that every machine has, and those that the specification requests.

use super::set::BusError;
use device_api::{Attached, DeviceDecl, DeviceError, DeviceSpec, PciAddress, Presence, Properties};

/// A device that is to be built.
pub(super) struct Instance {
    pub(super) decl: &'static DeviceDecl,
    pub(super) id: String,
    pub(super) properties: Properties,
    pub(super) attached: Vec<Attached>,
    /// The processor to which it belongs
    pub(super) processor: u32,
    /// Requested PCI address, if any
    pub(super) address: Option<PciAddress>,
    /// Position of its request; free slots are assigned in this order
    pub(super) order: Option<usize>,
}

/// Returns the place that `addr=` names: `3`, `03.0` or `0x3`.
fn parse_address(text: &str) -> Option<PciAddress> {
    let (slot, function) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| u8::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let at = PciAddress { slot: digits(slot)?, function: digits(function)? };
    (at.slot < 32 && at.function < 8).then_some(at)
}

fn error(id: &str, reason: impl Into<String>) -> BusError {
    BusError::Device(DeviceError { id: id.to_owned(), reason: reason.into() })
}

/// Properties of an instance, apart from its place on the PCI bus.
fn properties(
    decl: &DeviceDecl,
    id: &str,
    spec: Option<&DeviceSpec>,
) -> Result<(Properties, Option<PciAddress>), BusError> {
    let mut address = None;
    let mut given = Vec::new();
    let known = |name: &str| decl.properties.iter().any(|property| property.name == name);
    for (name, value) in spec.map_or(&[][..], |spec| &spec.properties) {
        match name.as_str() {
            "addr" if !known(name) => {
                address = Some(parse_address(value).ok_or_else(|| {
                    error(id, format!("addr={value} is no slot and function of a PCI bus; write 03.0"))
                })?);
            }
            "bus" if !known(name) && value == "pci.0" => {}
            _ => given.push((name.clone(), value.clone())),
        }
    }
    let properties = Properties::new(decl.properties, &given).map_err(|reason| error(id, reason))?;
    Ok((properties, address))
}

/// Names of instances: the given one, or the model's, with a number from the second on.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn give(&mut self, decl: &DeviceDecl, spec: Option<&DeviceSpec>) -> Result<String, BusError> {
        let id = match spec.and_then(|spec| spec.id.clone()) {
            Some(id) if self.0.contains(&id) => return Err(error(&id, "two devices have this id")),
            Some(id) => id,
            None => (0..)
                .map(|n| if n == 0 { decl.id.to_owned() } else { format!("{}.{n}", decl.id) })
                .find(|id| !self.0.contains(id))
                .unwrap_or_default(),
        };
        self.0.push(id.clone());
        Ok(id)
    }
}

/// Returns the devices of a machine in building order.
pub(super) fn instances(
    decls: &[&'static DeviceDecl],
    specs: &[DeviceSpec],
    left_out: &[&str],
    processors: u32,
) -> Result<Vec<Instance>, BusError> {
    for spec in specs {
        if !decls.iter().any(|decl| decl.id == spec.model) {
            return Err(BusError::Unknown { model: spec.model.clone(), models: models(decls) });
        }
    }
    let of = |decl: &DeviceDecl| {
        let id = decl.id;
        specs.iter().enumerate().filter(move |(_, spec)| spec.model == id)
    };
    let mut names = Names::default();
    let mut attached: Vec<(&'static str, usize, Attached)> = Vec::new();
    for decl in decls {
        let Presence::AttachedTo(parent) = decl.presence else { continue };
        if of(decl).next().is_some() && !decls.iter().any(|decl| decl.id == parent) {
            return Err(error(decl.id, format!("it is part of {parent}, which this program lacks")));
        }
        for (order, spec) in of(decl) {
            let id = names.give(decl, Some(spec))?;
            let (properties, _) = properties(decl, &id, Some(spec))?;
            attached.push((parent, order, Attached { decl, id, properties }));
        }
    }
    attached.sort_by_key(|(_, order, _)| *order);
    let mut all = Vec::new();
    for decl in decls {
        let asked: Vec<_> = match decl.presence {
            Presence::AttachedTo(_) => continue,
            Presence::OnRequest => of(decl).map(|(order, spec)| (0, Some((order, spec)))).collect(),
            Presence::Always | Presence::PerProcessor if of(decl).count() > 1 => {
                return Err(error(decl.id, "every machine has one, and one only"));
            }
            Presence::Always | Presence::PerProcessor if left_out.contains(&decl.id) => continue,
            Presence::Always => vec![(0, of(decl).next())],
            Presence::PerProcessor => (0..processors).map(|n| (n, of(decl).next())).collect(),
        };
        for (processor, spec) in asked {
            let id = names.give(decl, spec.map(|(_, spec)| spec))?;
            let (properties, address) = properties(decl, &id, spec.map(|(_, spec)| spec))?;
            let attached =
                attached.iter().filter(|(parent, ..)| *parent == decl.id).map(|(_, _, part)| part.clone());
            all.push(Instance {
                decl,
                id,
                properties,
                attached: attached.collect(),
                processor,
                address: address.or(decl.pci),
                order: spec.map(|(order, _)| order),
            });
        }
    }
    Ok(all)
}

/// Returns the models that can be requested.
fn models(decls: &[&'static DeviceDecl]) -> Vec<&'static str> {
    let on_request =
        |decl: &&&'static DeviceDecl| matches!(decl.presence, Presence::OnRequest | Presence::AttachedTo(_));
    decls.iter().filter(on_request).map(|decl| decl.id).collect()
}
