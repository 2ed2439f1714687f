//! The POST code port, 80h: takes a byte and shows it. No data sheet has more to say about it than that.

use crate::{codec::codec_struct, codec::snapshot_of, lanes};
use device_api::{Ctx, Device, DeviceDecl, Pio, PortRange, Stage, declare_device};

const ID: &str = "port-80";
const POST: u16 = 0x80;

/// The port on the bus.
#[derive(Debug, Default)]
pub struct Post {
    state: State,
}

#[derive(Debug, Default)]
struct State {
    code: u8,
}
codec_struct!(State { code });
snapshot_of!(Post, state);

impl Device for Post {
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        self.state = State::default();
    }
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        Some(self)
    }
}

impl Pio for Post {
    /// SPEC: intel-ich9 :: DMA I/O Registers -> 80h is a reserved page register that reads back what was written
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        lanes::read(port, size, |port| if port == POST { self.state.code } else { 0xff })
    }
    fn port_write(&mut self, _ctx: &mut Ctx<'_>, port: u16, _size: u8, value: u32) {
        if port == POST {
            self.state.code = value as u8;
            // Linux delays by writing here, so this is the least of the levels.
            tracing::trace!(code = self.state.code, "POST");
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "POST code port",
    stage: Stage::Peripherals,
    ports: &[PortRange { start: POST, len: 1 }],
    mmio: &[],
    dynamic_ports: None,
    build: |_| Ok(Some(Box::new(Post::default()))),
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;

    #[test]
    fn the_last_code_is_read_back() {
        let mut bench = Bench::new();
        let mut post = Post::default();
        for value in [0x55, 0x1aa] {
            post.port_write(&mut bench.ctx(), POST, 1, value);
            assert_eq!(post.port_read(&mut bench.ctx(), POST, 1), value & 0xff);
        }
        post.reset(&mut bench.ctx());
        assert_eq!(post.port_read(&mut bench.ctx(), POST, 2), 0xff00);
    }
}
