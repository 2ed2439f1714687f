//! Accesses, deadlines and reset.

use super::env::{BusCall, BusEnv};
use super::set::{DeviceSet, PCI_BUS, UNASSIGNED};
use device_api::{HostEvent, Mmio, Pio, VmTime};
use guest_memory::{Backing, DeviceId, Region};
use x86_types::GuestPhysAddr;

fn ones(size: u8) -> u64 {
    u64::MAX >> (64 - 8 * u32::from(size.clamp(1, 8)))
}

impl DeviceSet {
    /// Returns the device that answers a port, with its index.
    fn port_owner(&mut self, port: u16) -> Option<(usize, &mut dyn Pio)> {
        let owner = self.ports[usize::from(port)];
        if matches!(owner, UNASSIGNED | PCI_BUS) {
            return None;
        }
        let owner = usize::from(owner);
        Some((owner, self.devices.get_mut(owner)?.pio()?))
    }

    /// Returns whether an access reaches into another device's ports: then it goes byte by byte, as on an 8-bit bus.
    ///
    /// An access whose last port is unassigned stays whole: a dword at CF8H is one access although CF9H belongs to
    /// another device.
    fn is_split(&self, port: u16, size: u8) -> bool {
        let Some(last) = port.checked_add(u16::from(size.saturating_sub(1))) else { return false };
        let (first, last) = (self.ports[usize::from(port)], self.ports[usize::from(last)]);
        first != last && last != UNASSIGNED
    }

    fn read_one(&mut self, call: &mut BusCall<'_>, port: u16, size: u8) -> u32 {
        if self.ports[usize::from(port)] == PCI_BUS {
            return self.config_port_read(call, port, size) & ones(size) as u32;
        }
        let value = match self.port_owner(port) {
            Some((owner, device)) => device.port_read(&mut call.ctx(owner), port, size),
            None => {
                tracing::debug!(port, size, "read of an unassigned port");
                u32::MAX
            }
        };
        value & ones(size) as u32
    }

    fn write_one(&mut self, call: &mut BusCall<'_>, port: u16, size: u8, value: u32) {
        if self.ports[usize::from(port)] == PCI_BUS {
            return self.config_port_write(call, port, size, value & ones(size) as u32);
        }
        match self.port_owner(port) {
            Some((owner, device)) => {
                device.port_write(&mut call.ctx(owner), port, size, value & ones(size) as u32);
            }
            None => tracing::debug!(port, size, value, "write to an unassigned port"),
        }
    }

    /// IN, to the owner of its first port. Unassigned ports read as ones.
    ///
    /// SPEC: intel-sdm-vol1 :: 19.3 I/O Address Space -> ports are bytes; words and doublewords are consecutive bytes, the lowest port first
    pub fn port_read(&mut self, call: &mut BusCall<'_>, port: u16, size: u8) -> u32 {
        let value = if self.is_split(port, size) {
            (0..size)
                .fold(0, |value, lane| value | self.read_one(call, port + u16::from(lane), 1) << (8 * lane))
        } else {
            self.read_one(call, port, size)
        };
        self.deliver_irqs(call);
        value
    }

    /// OUT, likewise. Writes to unassigned ports have no effect.
    pub fn port_write(&mut self, call: &mut BusCall<'_>, port: u16, size: u8, value: u32) {
        if self.is_split(port, size) {
            for lane in 0..size {
                self.write_one(call, port + u16::from(lane), 1, value >> (8 * lane));
            }
        } else {
            self.write_one(call, port, size, value);
        }
        self.deliver_irqs(call);
    }

    /// REP INS: reads elements of `size` bytes from a port into `data`. Returns how many, at least one.
    pub fn port_read_block(&mut self, call: &mut BusCall<'_>, port: u16, size: u8, data: &mut [u8]) -> usize {
        if !self.is_split(port, size)
            && let Some((owner, device)) = self.port_owner(port)
            && let Some(done) = device.port_read_block(&mut call.ctx(owner), port, size, data)
        {
            self.deliver_irqs(call);
            return done;
        }
        let value = self.port_read(call, port, size).to_le_bytes();
        data.iter_mut().zip(value).take(size.into()).for_each(|(to, byte)| *to = byte);
        1
    }

    /// REP OUTS, likewise.
    pub fn port_write_block(&mut self, call: &mut BusCall<'_>, port: u16, size: u8, data: &[u8]) -> usize {
        if !self.is_split(port, size)
            && let Some((owner, device)) = self.port_owner(port)
            && let Some(done) = device.port_write_block(&mut call.ctx(owner), port, size, data)
        {
            self.deliver_irqs(call);
            return done;
        }
        let mut value = [0; 4];
        value.iter_mut().zip(data).take(size.into()).for_each(|(to, &byte)| *to = byte);
        self.port_write(call, port, size, u32::from_le_bytes(value));
        1
    }

    /// Returns the device whose registers are at an address, with its index.
    fn mmio_owner(
        &mut self,
        processor: usize,
        address: GuestPhysAddr,
        chosen: fn(Region) -> Backing,
    ) -> Option<(usize, &mut dyn Mmio)> {
        // Each processor accesses its own local APIC, at the address in its IA32_APIC_BASE.
        // SPEC: intel-sdm-vol3 :: 12.4.5 Relocating the Local APIC Registers -> the base field of IA32_APIC_BASE
        let base = self.local(processor).filter(|apic| apic.enabled()).map(|apic| apic.base());
        if base.is_some_and(|base| address.0 & !0xfff == base & !0xfff) {
            let local = *self.locals.get(processor)?;
            return Some((local, self.devices.get_mut(local)?.mmio()?));
        }
        let Backing::Mmio(DeviceId(owner)) = chosen(self.memory.region(address).0) else { return None };
        let owner = usize::from(owner);
        if self.locals.contains(&owner) {
            return None;
        }
        Some((owner, self.devices.get_mut(owner)?.mmio()?))
    }

    /// Has the page of a local APIC seen where it was moved to, also in place of RAM. One such place is known: processors
    /// that move theirs to different ones see that of the last.
    pub(super) fn follow_apic(&mut self, processor: usize) {
        let base = self.local(processor).filter(|apic| apic.enabled()).map(|apic| apic.base() & !0xfff);
        let (Some(base), Some(&local), Some(moved)) = (base, self.locals.get(processor), self.moved_apic)
        else {
            return;
        };
        let region = Region::mmio(DeviceId(local as u8));
        // No address beyond the last page: that of a base register cannot.
        let _ = self.memory.remap(moved, (GuestPhysAddr(base), 0x1000), region);
    }

    /// A load outside RAM. Unassigned memory reads as ones.
    pub fn mmio_read(&mut self, call: &mut BusCall<'_>, address: GuestPhysAddr, size: u8) -> u64 {
        let processor = call.env.processor;
        let value = match self.mmio_owner(processor, address, |region| region.read) {
            Some((owner, device)) => device.mmio_read(&mut call.ctx(owner), address, size),
            None => {
                tracing::debug!(%address, size, "read of unassigned memory");
                u64::MAX
            }
        };
        self.deliver_irqs(call);
        value & ones(size)
    }

    /// A store outside RAM. Writes to unassigned memory have no effect.
    pub fn mmio_write(&mut self, call: &mut BusCall<'_>, address: GuestPhysAddr, size: u8, value: u64) {
        let processor = call.env.processor;
        match self.mmio_owner(processor, address, |region| region.write) {
            Some((owner, device)) => {
                device.mmio_write(&mut call.ctx(owner), address, size, value & ones(size));
            }
            None => tracing::debug!(%address, size, value, "write to unassigned memory"),
        }
        self.deliver_irqs(call);
    }

    /// Returns the earliest deadline of all devices.
    pub fn next_deadline(&self) -> Option<VmTime> {
        self.earliest
    }

    /// Queries the deadlines of all devices.
    pub(super) fn query_deadlines(&mut self) {
        let devices = &mut self.devices;
        self.deadlines =
            devices.iter_mut().map(|device| device.timed().and_then(|timed| timed.next_deadline())).collect();
        self.earliest = self.deadlines.iter().flatten().min().copied();
    }

    /// Queries the deadlines of devices called since the last query: only these can have changed.
    pub(super) fn update_deadlines(&mut self, env: &mut BusEnv) {
        let mut changed = false;
        for index in env.called.drain(..) {
            let (Some(device), Some(known)) = (self.devices.get_mut(index), self.deadlines.get_mut(index))
            else {
                continue;
            };
            let next = device.timed().and_then(|timed| timed.next_deadline());
            changed |= next != *known;
            *known = next;
        }
        if changed {
            self.earliest = self.deadlines.iter().flatten().min().copied();
        }
    }

    /// Calls each device with an expired deadline once. A deadline that expires again during the call waits for the
    /// next one: two periods are two edges only if the guest can observe the first.
    pub fn advance(&mut self, call: &mut BusCall<'_>) {
        for (n, device) in self.devices.iter_mut().enumerate() {
            if self.deadlines[n].is_none_or(|deadline| deadline > call.now) {
                continue;
            }
            if let Some(timed) = device.timed() {
                timed.advance(&mut call.ctx(n));
            }
        }
        self.deliver_irqs(call);
    }

    /// Hands a host event to every device.
    pub fn host_event(&mut self, call: &mut BusCall<'_>, event: HostEvent) {
        for (n, device) in self.devices.iter_mut().enumerate() {
            device.host_event(&mut call.ctx(n), event);
        }
        self.deliver_irqs(call);
    }

    /// RESET# to every device.
    pub fn reset(&mut self, call: &mut BusCall<'_>) {
        for (n, device) in self.devices.iter_mut().enumerate() {
            device.reset(&mut call.ctx(n));
        }
        if let Some(pci) = &mut self.pci {
            pci.reset();
        }
        self.map_windows();
        self.deliver_irqs(call);
        call.env.events.clear();
    }

    /// Has devices with requests at the host look for what has completed, and those that listen for what has arrived.
    pub fn poll_host(&mut self, call: &mut BusCall<'_>) {
        for &n in &self.host_io {
            if let Some(io) = self.devices[n].host_io().filter(|io| io.is_waiting() || io.is_listening()) {
                io.poll(&mut call.ctx(n));
            }
        }
        self.deliver_irqs(call);
    }

    /// Returns whether some device polls the host.
    pub fn polls_host(&mut self) -> bool {
        let devices = &mut self.devices;
        let polls = |io: &mut dyn device_api::HostIo| io.is_waiting() || io.is_listening();
        self.host_io.iter().any(|&n| devices[n].host_io().is_some_and(polls))
    }

    /// Returns whether a request of some device is on its way at the host.
    pub fn waits_for_host(&mut self) -> bool {
        let devices = &mut self.devices;
        self.host_io.iter().any(|&n| devices[n].host_io().is_some_and(|io| io.is_waiting()))
    }
}
