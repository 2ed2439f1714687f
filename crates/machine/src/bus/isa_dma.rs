//! DMA over the ISA bus: transfers between peripherals and memory, as the controller is programmed.

use super::DeviceSet;
use super::env::BusCall;
use device_api::{DmaDirection, DmaTransfer};
use x86_types::GuestPhysAddr;

/// Bytes moved in one call of a peripheral.
const CHUNK: usize = 4096;

impl DeviceSet {
    /// Moves what is requested. Returns whether anything was.
    ///
    /// SPEC: intel-8237a :: DMA Operation -> a request of a channel that is not masked is served until the peripheral lets go or the terminal count
    pub(super) fn move_dma(&mut self, call: &mut BusCall<'_>) -> bool {
        let Some(controller) = self.dma_controller else { return false };
        let mut requests = call.env.lines.dma_requests();
        let mut any = false;
        while requests != 0 {
            let device = self.devices[controller].dma_controller();
            let Some(transfer) = device.and_then(|device| device.transfer(requests)) else { break };
            requests &= !(1 << (transfer.channel & 7));
            any |= self.move_channel(call, controller, &transfer);
        }
        any
    }

    fn move_channel(&mut self, call: &mut BusCall<'_>, controller: usize, transfer: &DmaTransfer) -> bool {
        let channel = transfer.channel;
        let of_channel = |&n: &usize| {
            let device = &mut self.devices[n];
            device.dma_peripheral().is_some_and(|peripheral| peripheral.channel() == channel)
        };
        let Some(index) = (0..self.names.len()).find(of_channel) else { return false };
        let mut moved = 0;
        while moved < transfer.len && call.env.lines.dma_requests() >> (channel & 7) & 1 != 0 {
            let mut buffer = [0; CHUNK];
            let want = CHUNK.min((transfer.len - moved) as usize);
            let Some(peripheral) = self.devices[index].dma_peripheral() else { break };
            let got = match transfer.direction {
                DmaDirection::ToMemory => {
                    let got = peripheral.to_memory(&mut call.ctx(index), &mut buffer[..want]).min(want);
                    store(call, transfer, moved, &mut buffer[..got]);
                    got
                }
                DmaDirection::FromMemory => {
                    fetch(call, transfer, moved, &mut buffer[..want]);
                    peripheral.from_memory(&mut call.ctx(index), &buffer[..want]).min(want)
                }
                DmaDirection::Verify => {
                    peripheral.to_memory(&mut call.ctx(index), &mut buffer[..want]).min(want)
                }
            };
            if got == 0 {
                break;
            }
            moved += got as u32;
            let device = self.devices[controller].dma_controller();
            if device.is_some_and(|device| device.moved(channel, got as u32))
                && let Some(peripheral) = self.devices[index].dma_peripheral()
            {
                peripheral.terminal_count(&mut call.ctx(index));
                break;
            }
        }
        moved > 0
    }
}

/// Address of the lowest of `len` bytes, the first of which is `moved` bytes into the transfer.
fn lowest(transfer: &DmaTransfer, moved: u32, len: usize) -> GuestPhysAddr {
    let moved = u64::from(moved);
    GuestPhysAddr(match transfer.decrement {
        false => transfer.address.0.wrapping_add(moved),
        true => transfer.address.0.wrapping_sub(moved + len as u64 - 1),
    })
}

fn store(call: &mut BusCall<'_>, transfer: &DmaTransfer, moved: u32, bytes: &mut [u8]) {
    if bytes.is_empty() {
        return;
    }
    let at = lowest(transfer, moved, bytes.len());
    if transfer.decrement {
        bytes.reverse();
    }
    call.dma.write(at, bytes);
}

fn fetch(call: &mut BusCall<'_>, transfer: &DmaTransfer, moved: u32, bytes: &mut [u8]) {
    call.dma.read(lowest(transfer, moved, bytes.len()), bytes);
    if transfer.decrement {
        bytes.reverse();
    }
}
