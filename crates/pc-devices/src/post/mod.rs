//! The POST code port, 80h: a latch of one byte. There is no data sheet for it.

use crate::codec::codec_struct;
use crate::ports::{OnPorts, PortChip};
use device_api::{Ctx, DeviceDecl, PortRange, Stage, VmTime, declare_device};

const ID: &str = "port-80";
const POST: u16 = 0x80;

/// The last code.
#[derive(Debug, Default)]
struct Post {
    code: u8,
}
codec_struct!(Post { code });

impl PortChip for Post {
    const ID: &'static str = ID;

    fn reset(&mut self, _now: VmTime) {
        *self = Self::default();
    }
    /// SPEC: intel-ich9 :: DMA I/O Registers -> 80h is a reserved page register that reads back what was written
    fn read(&mut self, _ctx: &mut Ctx<'_>, port: u16) -> u8 {
        if port == POST { self.code } else { 0xff }
    }
    fn write(&mut self, _ctx: &mut Ctx<'_>, port: u16, value: u8) {
        if port == POST {
            self.code = value;
            // Linux delays by writing here, so this is the least of the levels.
            tracing::trace!(code = self.code, "POST");
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "POST code port",
    stage: Stage::Peripherals,
    ports: &[PortRange { start: POST, len: 1 }],
    build: |_| Ok(Box::new(OnPorts::<Post>::default())),
    ..DeviceDecl::DEFAULT
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;
    use device_api::{Device, Pio};

    #[test]
    fn the_last_code_is_read_back() {
        let mut bench = Bench::new();
        let mut post = OnPorts::<Post>::default();
        for value in [0x55, 0x1aa] {
            post.port_write(&mut bench.ctx(), POST, 1, value);
            assert_eq!(post.port_read(&mut bench.ctx(), POST, 1), value & 0xff);
        }
        post.reset(&mut bench.ctx());
        assert_eq!(post.port_read(&mut bench.ctx(), POST, 2), 0xff00);
    }
}
