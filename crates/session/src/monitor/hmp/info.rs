//! `info`.

use super::{Call, Failure, registers, tables};
use crate::monitor::query::package;
use device_api::pci::{ConfigSpace, Window, offset};
use guest_memory::{Backing, DeviceId};
use machine::PciFunctionInfo;
use std::fmt::Write;

/// A topic.
pub(super) struct Topic {
    pub(super) name: &'static str,
    pub(super) parameters: &'static str,
    pub(super) help: &'static str,
    show: fn(&mut Call<'_, '_>) -> Result<(), Failure>,
}

macro_rules! topics {
    ($($name:literal $parameters:literal $help:literal $show:ident,)*) => {
        /// All topics, by name.
        pub(super) static TOPICS: &[Topic] =
            &[$(Topic { name: $name, parameters: $parameters, help: $help, show: $show }),*];
    };
}

topics! {
    "block" "" "show the drives and their media" block,
    "cpus" "" "show the processors" cpus,
    "kvm" "" "show KVM information" kvm,
    "lapic" "[apic-id]" "show local APIC state (of the current cpu)" lapic,
    "mem" "" "show the active virtual memory mappings" mem,
    "mtree" "" "show the map of guest-physical addresses" mtree,
    "name" "" "show the current VM name" name,
    "network" "" "show the network cards" network,
    "pci" "" "show PCI info" pci,
    "pic" "" "show PIC state" pic,
    "registers" "[-a|vcpu]" "show the cpu registers (-a: of all cpus)" show_registers,
    "roms" "" "show ROM images" roms,
    "status" "" "show the current VM status (running|paused)" status,
    "tlb" "" "show virtual to physical memory mappings" tlb,
    "uuid" "" "show the current VM UUID" uuid,
    "version" "" "show the version" version,
}

/// `info TOPIC`, or a list of topics.
pub(super) fn info(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let Some(name) = call.arguments.word()? else {
        for topic in TOPICS {
            call.line(&format!("info {} {} -- {}", topic.name, topic.parameters, topic.help));
        }
        return Ok(());
    };
    match TOPICS.iter().find(|topic| topic.name == name) {
        Some(topic) => (topic.show)(call),
        None => {
            call.line(&format!("unknown command: 'info {name}'"));
            Ok(())
        }
    }
}

fn block(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    for drive in call.target.machine.drives() {
        let medium = match drive.medium {
            None => "[not inserted]".to_owned(),
            Some(medium) => {
                let (file, format) = call.monitor.file_of(&drive.id);
                format!("{file} ({format}{})", if medium.read_only { ", read-only" } else { "" })
            }
        };
        call.line(&format!("{}: {medium}", drive.id));
        if drive.removable {
            let (locked, tray) = (
                if drive.locked { "locked" } else { "not locked" },
                if drive.open { "open" } else { "closed" },
            );
            call.line(&format!("    Removable device: {locked}, tray {tray}"));
        }
        call.line("");
    }
    Ok(())
}

fn cpus(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    for n in 0..call.target.machine.vcpus().len() {
        let mark = if n == call.monitor.human.cpu { '*' } else { ' ' };
        call.line(&format!("{mark} CPU #{n}: thread_id=0"));
    }
    Ok(())
}

fn kvm(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    call.line("kvm support: disabled");
    Ok(())
}

fn device_topic(call: &mut Call<'_, '_>, topic: &str) {
    let text = call.target.machine.device_info(topic);
    call.out += if text.is_empty() { "no device shows any of it\n" } else { &text };
}

fn lapic(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let id =
        if call.arguments.is_empty() { call.monitor.human.cpu as i64 } else { call.expression()? as i64 };
    device_topic(call, &format!("lapic {id}"));
    Ok(())
}

fn pic(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    device_topic(call, "pic");
    Ok(())
}

fn network(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    device_topic(call, "network");
    Ok(())
}

fn mem(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let text = tables::mem(call.target.machine.memory(), call.cpu());
    call.out += &text;
    Ok(())
}

fn tlb(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let text = tables::tlb(call.target.machine.memory(), call.cpu());
    call.out += &text;
    Ok(())
}

fn mtree(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let models = call.target.machine.device_models();
    let device = |DeviceId(n): DeviceId| models.get(usize::from(n)).copied().unwrap_or("?");
    let text = |backing| match backing {
        Backing::Ram(at) => format!("ram {:#x}", at.0),
        Backing::Mmio(id) => format!("i/o {}", device(id)),
        Backing::Unassigned | Backing::Beneath => "unassigned".to_owned(),
    };
    call.line("address-space: memory");
    for (start, len, region) in call.target.machine.memory().regions() {
        let what = match (region.read, region.write) {
            (Backing::Unassigned, Backing::Unassigned) => continue,
            (read, write) if read == write => text(read),
            (read, write) => format!("read {}, write {}", text(read), text(write)),
        };
        let last = start.0.wrapping_add(len.wrapping_sub(1));
        call.line(&format!("  {:016x}-{last:016x}: {what}", start.0));
    }
    Ok(())
}

fn name(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if let Some(name) = call.monitor.setup.name.clone() {
        call.line(&name);
    }
    Ok(())
}

fn show_registers(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let all = call.arguments.switch('a');
    let mut wanted = call.monitor.human.cpu;
    if !all && !call.arguments.is_empty() {
        wanted = call.expression()? as usize;
    }
    let machine = &*call.target.machine;
    let memory = machine.memory();
    let bit = x86_types::GuestPhysAddr(1 << 20);
    let a20 = memory.through_a20(bit) == bit;
    let chosen = machine.vcpus().iter().enumerate().filter(|&(n, _)| all || n == wanted);
    let text: String = chosen.map(|(n, vcpu)| registers::registers(n, &vcpu.cpu, a20)).collect();
    if text.is_empty() {
        call.line("CPU#{wanted} not available".replace("{wanted}", &wanted.to_string()).as_str());
    }
    call.out += &text;
    Ok(())
}

fn roms(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    for (id, source) in call.monitor.setup.roms.clone() {
        call.line(&format!("{id}: {source}"));
    }
    Ok(())
}

fn status(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let text = match (call.monitor.is_running(), call.monitor.state) {
        (true, _) => "running".to_owned(),
        (false, crate::monitor::RunState::Paused) => "paused".to_owned(),
        (false, state) => format!("paused ({})", state.name()),
    };
    call.line(&format!("VM status: {text}"));
    Ok(())
}

fn uuid(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let uuid = call.monitor.uuid();
    call.line(&uuid);
    Ok(())
}

fn version(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    call.line(&format!("7.2.0 ({})", package()));
    Ok(())
}

fn pci(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    for function in call.target.machine.pci_functions() {
        call.out += &pci_function(&function);
    }
    Ok(())
}

/// Names of classes: base class and subclass.
fn class(code: u16) -> String {
    let name = match code {
        0x0101 => "IDE controller",
        0x0106 => "SATA controller",
        0x0200 => "Ethernet controller",
        0x0300 => "VGA controller",
        0x0401 => "Audio controller",
        0x0600 => "Host bridge",
        0x0601 => "ISA bridge",
        0x0604 => "PCI bridge",
        0x0680 => "Bridge",
        0x0c03 => "USB controller",
        _ => return format!("Class {code:04x}"),
    };
    name.to_owned()
}

fn pci_function(PciFunctionInfo { address, id, config }: &PciFunctionInfo) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "  Bus  0, device {:3}, function {}:", address.slot, address.function);
    let (vendor, device) = (config.u16(offset::VENDOR), config.u16(offset::DEVICE));
    let _ =
        writeln!(out, "    {}: PCI device {vendor:04x}:{device:04x}", class(config.u16(offset::CLASS + 1)));
    let subsystem = (config.u16(offset::SUBSYSTEM_VENDOR), config.u16(offset::SUBSYSTEM));
    if subsystem.0 != 0 {
        let _ = writeln!(out, "      PCI subsystem {:04x}:{:04x}", subsystem.0, subsystem.1);
    }
    let pin = config.u8(offset::INTERRUPT_PIN);
    if pin != 0 {
        let letter = char::from(b'A' + (pin - 1) % 4);
        let _ = writeln!(out, "      IRQ {}, pin {letter}", config.u8(offset::INTERRUPT_LINE));
    }
    let mut windows = Vec::new();
    config.windows(&mut windows);
    let mut index = 0;
    while index < 7 {
        let (text, next) = base_address(config, index, &windows);
        out += &text;
        index = next;
    }
    let _ = writeln!(out, "      id \"{id}\"");
    out
}

/// Returns the line of a base address register, with the number of the next. Its size is found as firmware finds it: by
/// the bits that keep ones.
fn base_address(config: &ConfigSpace, index: u8, windows: &[Window]) -> (String, u8) {
    let at = if index == 6 { offset::ROM } else { offset::BAR0 + 4 * index };
    let mut probe = config.clone();
    probe.write(at, 4, u32::MAX);
    let low = probe.u32(at);
    let is_io = index != 6 && low & 1 != 0;
    let is_wide = index < 5 && !is_io && low & 6 == 4;
    let next = index + if is_wide { 2 } else { 1 };
    let mask = match (is_io, index) {
        (true, _) => !3,
        (false, 6) => !0x7ff,
        _ => !0xf,
    };
    let mut size = u64::from(low & mask) | 0xffff_ffff_0000_0000;
    if is_wide {
        probe.write(at + 4, 4, u32::MAX);
        size = u64::from(low & mask) | u64::from(probe.u32(at + 4)) << 32;
    }
    if low & mask == 0 && !is_wide {
        return (String::new(), next);
    }
    let len = size.wrapping_neg();
    let window = windows.iter().find(|window| window.bar == index);
    let start = window.map_or(u64::MAX, |window| window.start);
    let last = start.wrapping_add(len).wrapping_sub(1);
    let text = if is_io {
        format!("      BAR{index}: I/O at {start:#06x} [{last:#06x}].\n")
    } else {
        let bits = if is_wide { 64 } else { 32 };
        let prefetchable = if index != 6 && low & 8 != 0 { " prefetchable" } else { "" };
        format!("      BAR{index}: {bits} bit{prefetchable} memory at {start:#010x} [{last:#010x}].\n")
    };
    (text, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use device_api::PciAddress;
    use device_api::pci::{Bar, Identity};

    /// What QEMU 7.2 prints for its VGA, before and after firmware has given it addresses.
    #[test]
    fn functions_are_listed_as_by_qemu() {
        let identity = Identity {
            vendor: 0x1234,
            device: 0x1111,
            revision: 2,
            class: 0x03_00_00,
            subsystem: (0x1af4, 0x1100),
            multifunction: false,
        };
        let mut config = ConfigSpace::new(identity)
            .with_bar(0, Bar::Memory32 { len: 1 << 24, prefetchable: true })
            .with_bar(2, Bar::Memory32 { len: 4096, prefetchable: false })
            .with_bar(6, Bar::Rom { len: 1 << 16 })
            .built();
        let address = PciAddress { slot: 2, function: 0 };
        let text = |config: &ConfigSpace| {
            pci_function(&PciFunctionInfo { address, id: "vga".into(), config: config.clone() })
        };
        assert_eq!(
            text(&config),
            "  Bus  0, device   2, function 0:\n    VGA controller: PCI device 1234:1111\n      \
             PCI subsystem 1af4:1100\n      \
             BAR0: 32 bit prefetchable memory at 0xffffffffffffffff [0x00fffffe].\n      \
             BAR2: 32 bit memory at 0xffffffffffffffff [0x00000ffe].\n      \
             BAR6: 32 bit memory at 0xffffffffffffffff [0x0000fffe].\n      id \"vga\"\n"
        );
        config.write(offset::BAR0, 4, 0xfd00_0000);
        config.write(offset::COMMAND, 2, 3);
        assert!(text(&config).contains("BAR0: 32 bit prefetchable memory at 0xfd000000 [0xfdffffff]."));
    }
}
