#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aml;
#[cfg(test)]
mod bench;
mod codec;
mod lanes;
mod media_errors;
mod ports;
mod reset_vector;

pub mod adlib;
pub mod cfi_pflash01;
pub mod coprocessor_error;
pub mod debug_exit;
pub mod debugcon;
pub mod dma;
pub mod e1000;
pub mod edu;
pub mod fdc;
pub mod fw_cfg;
pub mod hpet;
pub mod i440fx;
pub mod ide;
pub mod ioapic;
pub mod kbc;
pub mod kernel_boot;
pub mod lapic;
pub mod parallel;
pub mod pc_testdev;
pub mod pic;
pub mod piix3;
pub mod pit;
pub mod pm;
pub mod port92;
pub mod post;
pub mod reset_control;
pub mod rtc;
pub mod sb16;
pub mod system_rom;
pub mod uart16550;
pub mod vga;

/// The one list of link anchors: linkers (wasm64's above all) drop what nothing refers to, and with it the registration.
#[used]
pub static ANCHORS: &[fn()] = &[
    adlib::link,
    cfi_pflash01::link,
    coprocessor_error::link,
    debug_exit::link,
    debugcon::link,
    dma::link,
    e1000::link,
    edu::link,
    fdc::link,
    fw_cfg::link,
    hpet::link,
    i440fx::link,
    ide::link,
    ioapic::link,
    kbc::link,
    kernel_boot::link,
    lapic::link,
    parallel::link,
    pc_testdev::link,
    pic::link,
    piix3::link,
    pit::link,
    pm::link,
    port92::link,
    post::link,
    reset_control::link,
    rtc::link,
    sb16::link,
    system_rom::link,
    uart16550::link,
    vga::link,
];

/// Keeps every device of this crate in the program. Call it once before `device_api::declarations()`.
pub fn link() {
    for anchor in std::hint::black_box(ANCHORS) {
        anchor();
    }
}

/// Returns the declaration of a model.
#[cfg(test)]
fn declaration(id: &str) -> &'static device_api::DeviceDecl {
    device_api::declarations().into_iter().find(|decl| decl.id == id).expect("it is declared")
}
