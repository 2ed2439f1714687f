//! Lists the devices of a PC, and drives the 8254 timer: `cargo run -p pc-devices --example pit`.

use device_api::bench::Bench;
use device_api::{IrqLine, VmTime, declarations};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    pc_devices::link();
    for decl in declarations() {
        let ports: Vec<_> = decl
            .ports
            .iter()
            .map(|range| format!("{:x}-{:x}", range.start, range.start + (range.len - 1)))
            .collect();
        println!("{:22} {:44} {}", decl.id, decl.summary, ports.join(" "));
    }

    let decl = declarations().into_iter().find(|decl| decl.id == "pit-8254").ok_or("there is no timer")?;
    let mut bench = Bench::with_ram(1 << 20)?;
    let mut pit = bench.build(decl, &[], &[])?;
    pit.reset(&mut bench.ctx());
    let pio = pit.pio().ok_or("the timer has ports")?;
    // Counter 0: both bytes, mode 2, one interrupt in 11932 clocks, that is every 10 ms
    for (port, value) in [(0x43, 0x34), (0x40, 0x9c), (0x40, 0x2e)] {
        pio.port_write(&mut bench.ctx(), port, 1, value);
    }
    println!("\ncounter 0 of the 8254 at 100 Hz");
    for _ in 0..3 {
        let timed = pit.timed().ok_or("the timer has deadlines")?;
        let Some(deadline) = timed.next_deadline() else { break };
        bench.now = deadline;
        timed.advance(&mut bench.ctx());
        let level = bench.irq.level(IrqLine(0));
        println!("{:>10} ns: IRQ 0 is {}", deadline.0, if level { "high" } else { "low" });
    }
    bench.now = VmTime(bench.now.0 + 1_000_000);
    let pio = pit.pio().ok_or("the timer has ports")?;
    pio.port_write(&mut bench.ctx(), 0x43, 1, 0);
    let [low, high] = [0; 2].map(|_: i32| pio.port_read(&mut bench.ctx(), 0x40, 1));
    println!("{:>10} ns: the count is {}", bench.now.0, high << 8 | low);
    Ok(())
}
