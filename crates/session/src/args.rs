//! Options of a run.

use crate::display::parse_display;
use crate::processors::{Model, Processors, parse_model, parse_smp};
use crate::size::parse_memory;
use crate::{Display, Given, MachineOptions, MachineSpec, WindowOptions};
use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use device_api::Backends;
use machine::time::Clock;
use machine::{MachineConfig, Seed};
use std::path::PathBuf;
use x86_state::cpuid::CpuModel;

/// 2024-01-01: the date of machines with an instruction clock.
pub const ICOUNT_EPOCH: u64 = 1_704_067_200;

/// Options of `v64 run`.
#[derive(Args, Debug, Default)]
pub struct RunArgs {
    /// Guest memory from 1M to 64G, also 1.5G; M where there is no unit
    #[arg(short = 'm', long = "memory", value_name = "SIZE", default_value = "512M", value_parser = parse_memory)]
    pub memory: u64,
    /// The machine, pc, with switches: pc,acpi=off,hpet=off; also pflash0=NODE and pflash1=NODE of -blockdev
    #[arg(short = 'M', long, value_name = "pc,NAME=VALUE", default_value = "pc", value_parser = crate::machine_options::parse)]
    pub machine: MachineOptions,
    /// No ACPI: neither tables nor power management, as -M acpi=off
    #[arg(long)]
    pub no_acpi: bool,
    /// No HPET, as -M hpet=off
    #[arg(long)]
    pub no_hpet: bool,
    /// No serial port, adapter, drive or monitor but those given by options
    #[arg(long)]
    pub nodefaults: bool,
    /// Processors, 1 to 8; also as sockets=, cores= and threads= whose product it is
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_smp)]
    pub smp: Processors,
    /// A Linux bzImage or a multiboot image; one of the project's own guests if absent
    #[arg(long, value_name = "FILE")]
    pub kernel: Option<PathBuf>,
    /// Which of the project's own guests: the demo, or one that fills and checks all of its memory
    #[arg(long, value_name = "NAME", conflicts_with = "kernel", value_parser = demo_guest::NAMES)]
    pub guest: Option<String>,
    /// Initial RAM disk, or the module of a multiboot image
    #[arg(long, value_name = "FILE")]
    pub initrd: Option<PathBuf>,
    /// Kernel command line; a multiboot image gets it behind the kernel's path
    #[arg(
        long,
        value_name = "LINE",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    #[arg(value_parser = parse_command_line)]
    pub append: String,
    /// Processor model: x86-64-v1, x86-64-v2, x86-64-v3, max or one of QEMU's (-cpu help), with features as +NAME and -NAME
    #[arg(long, value_name = "MODEL", value_parser = parse_model)]
    pub cpu: Option<Model>,
    /// Firmware, a ROM image [default: SeaBIOS, if a drive but no kernel is given]
    #[arg(long, value_name = "FILE")]
    pub bios: Option<PathBuf>,
    /// Where firmware is looked for before the usual places; -L help lists all
    #[arg(short = 'L', long = "L", value_name = "DIR")]
    pub data_dirs: Vec<PathBuf>,
    /// A ROM that firmware runs as those of cards, with bootindex=N one that it boots from
    #[arg(long, value_name = "FILE,bootindex=N", conflicts_with = "load_state")]
    pub option_rom: Vec<String>,
    /// A file for firmware and guest in fw_cfg: name=opt/NAME,file=FILE or name=opt/NAME,string=TEXT
    #[arg(long = "fw_cfg", value_name = "name=NAME,...", conflicts_with = "load_state")]
    pub fw_cfg: Vec<String>,
    /// The first hard disk, as -hda
    #[arg(value_name = "IMAGE", conflicts_with = "hda")]
    pub image: Option<PathBuf>,
    /// First hard disk: a raw or qcow2 image
    #[arg(long, value_name = "FILE")]
    pub hda: Option<PathBuf>,
    /// Second hard disk
    #[arg(long, value_name = "FILE")]
    pub hdb: Option<PathBuf>,
    /// Third hard disk
    #[arg(long, value_name = "FILE")]
    pub hdc: Option<PathBuf>,
    /// Fourth hard disk
    #[arg(long, value_name = "FILE")]
    pub hdd: Option<PathBuf>,
    /// A CD or DVD image, in place of the third hard disk
    #[arg(long, value_name = "FILE")]
    pub cdrom: Option<PathBuf>,
    /// First floppy
    #[arg(long, value_name = "FILE")]
    pub fda: Option<PathBuf>,
    /// Second floppy
    #[arg(long, value_name = "FILE")]
    pub fdb: Option<PathBuf>,
    /// Flash memory with firmware, a raw image; given again, the second one
    #[arg(long, value_name = "FILE")]
    pub pflash: Vec<PathBuf>,
    /// A drive: file=FILE,if=ide|floppy|pflash|none,index=N,media=disk|cdrom,format=raw|qcow2,readonly=on,snapshot=on,id=ID
    #[arg(long, value_name = "NAME=VALUE")]
    pub drive: Vec<String>,
    /// An image with a name, for -device ide-hd,drive=NAME, ide-cd, floppy or -machine pflash0=NAME:
    /// driver=raw|qcow2|vmdk,node-name=NAME,file.driver=file,file.filename=FILE,read-only=on; also driver=file, or JSON
    #[arg(long, value_name = "driver=...")]
    pub blockdev: Vec<String>,
    /// What drives are written is kept in memory, and lost at the end
    #[arg(long)]
    pub snapshot: bool,
    /// What firmware boots from, in order: a floppy, c disk, d CD; as order=dc,menu=on too
    #[arg(long, value_name = "ORDER", value_parser = crate::spec::parse_boot)]
    pub boot: Option<crate::spec::Boot>,
    /// Graphics adapter: std or none [default: std with firmware, none without]
    #[arg(long, value_name = "KIND", value_parser = ["std", "none"])]
    pub vga: Option<String>,
    /// Where the screen is shown: window (in programs that are built with it; also window,full-screen=on,window-close=off),
    /// terminal (text modes, in this one; also called curses) or none [default: none; the monitor's screendump takes pictures]
    #[arg(long, value_name = "KIND", value_parser = parse_display)]
    pub display: Option<Display>,
    /// The window takes the whole screen at the start, as -display window,full-screen=on
    #[arg(long)]
    pub full_screen: bool,
    /// Where COM1 goes: stdio, file:PATH, unix:PATH, tcp:HOST:PORT, chardev:ID, null or none [default: stdio]; given
    /// again, COM2 to COM4
    #[arg(long, value_name = "WHERE")]
    pub serial: Vec<String>,
    /// Back end of a parallel port, likewise; without it there is none
    #[arg(long, value_name = "WHERE")]
    pub parallel: Vec<String>,
    /// Back end of the debug port at E9h, likewise; without it there is none
    #[arg(long, value_name = "WHERE")]
    pub debugcon: Option<String>,
    /// A stream with a name, for -serial chardev:ID, -mon and devices: stdio,id=ID or file,id=ID,path=PATH or
    /// socket,id=ID,path=PATH,server=on,wait=off or null,id=ID
    #[arg(long, value_name = "KIND,id=ID")]
    pub chardev: Vec<String>,
    /// Adds a device, with properties; -device help lists them, -device MODEL,help its properties
    #[arg(long, value_name = "MODEL,NAME=VALUE")]
    pub device: Vec<String>,
    /// Where sound goes, with a name for -device sb16,audiodev=ID and -machine pcspk-audiodev=ID, the speaker:
    /// wav,id=ID,path=FILE.wav or none,id=ID
    #[arg(long, value_name = "KIND,id=ID")]
    pub audiodev: Vec<String>,
    /// A network card with its network: user,model=e1000,mac=ADDRESS,id=ID,hostfwd=tcp::2222-:22,net=10.0.2.0/24,
    /// hostname=NAME,restrict=on;
    /// or none, as without it
    #[arg(long, value_name = "user|none")]
    pub nic: Vec<String>,
    /// A network for -device e1000,netdev=ID: user,id=ID, with the properties of -nic
    #[arg(long, value_name = "user,id=ID")]
    pub netdev: Vec<String>,
    /// The same in QEMU's older form: nic,model=e1000,macaddr=ADDRESS and user, or none
    #[arg(long, value_name = "nic|user|none")]
    pub net: Vec<String>,
    /// Records the frames of a network in a file, for Wireshark: filter-dump,id=ID,netdev=ID,file=FILE
    #[arg(long, value_name = "filter-dump,...")]
    pub object: Vec<String>,
    /// QMP server, for tools: unix:PATH,server=on,wait=off or tcp:HOST:PORT,server=on,wait=off or stdio
    #[arg(long, value_name = "WHERE")]
    pub qmp: Vec<String>,
    /// The same with answers spread over lines
    #[arg(long, value_name = "WHERE")]
    pub qmp_pretty: Vec<String>,
    /// Where the human monitor is, likewise; also none [default: the terminal of COM1, where Ctrl-A C opens it]
    #[arg(long, value_name = "WHERE")]
    pub monitor: Vec<String>,
    /// A monitor on a -chardev: chardev=ID,mode=readline|control,pretty=on
    #[arg(long, value_name = "chardev=ID")]
    pub mon: Vec<String>,
    /// Do not start until the monitor says cont
    #[arg(short = 'S', long = "S")]
    pub stopped: bool,
    /// COM1 and the monitor on the terminal, as without it
    #[arg(long)]
    pub nographic: bool,
    /// A name for the machine, which query-name gives
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub name: Option<String>,
    /// The machine's UUID, as firmware and query-uuid give it
    #[arg(long, value_name = "UUID", value_parser = crate::identity::parse_uuid)]
    pub uuid: Option<[u8; 16]>,
    /// The date at power-on: base=utc, or base=2006-06-17T16:01:21
    #[arg(long, value_name = "base=DATE", value_parser = crate::identity::parse_rtc)]
    pub rtc: Option<crate::identity::Rtc>,
    /// Source of time: the host's clock, or retired instructions (exactly repeatable; implied by --engine lockstep)
    #[arg(long, value_enum, default_value = "real", default_value_if("engine", "lockstep", "icount"))]
    pub clock: ClockKind,
    /// Seed of the generator behind RDRAND and RDSEED, a number: the same seed gives the same numbers [default: the
    /// host's entropy; 0 with --clock icount]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How guest code is executed: interpreted, translated to WebAssembly where it is hot, or both ways in two machines
    /// that are compared as they run (a difference is located and explained: exit code 1)
    #[arg(long, value_enum, default_value = "jit")]
    pub engine: EngineKind,
    /// Stop after so many instructions (exit code 3)
    #[arg(long, value_name = "N")]
    pub max_instructions: Option<u64>,
    /// End at a reset (exit code 0) or triple fault (exit code 1) rather than start over
    #[arg(long)]
    pub no_reboot: bool,
    /// Stop at a power-off (or a reset, with --no-reboot) rather than end; the monitor's quit ends
    #[arg(long)]
    pub no_shutdown: bool,
    /// Port of isa-debug-exit: a write of `value` ends with exit code (value << 1) | 1
    #[arg(long, value_name = "PORT", value_parser = parse_port)]
    pub debug_exit: Option<u16>,
    /// Print events to standard error: exceptions, io, msr (comma-separated)
    #[arg(long, value_delimiter = ',')]
    pub trace: Vec<String>,
    /// Print events as --trace does, by QEMU's names: int (exceptions)
    #[arg(short = 'd', long = "d", value_name = "ITEMS", value_delimiter = ',', value_parser = parse_log_item)]
    pub log: Vec<&'static str>,
    /// Where events are printed instead of standard error
    #[arg(short = 'D', long = "D", value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Print instructions, seconds, MIPS and exits by cause at the end
    #[arg(long)]
    pub stats: bool,
    /// Print the guest code that was interpreted most at the end (with --engine jit)
    #[arg(long)]
    pub profile: bool,
    /// Print a hash of the whole machine's state at the end
    #[arg(long)]
    pub state_hash: bool,
    /// Save the whole machine to a file when the run ends; Ctrl-A S saves it in between
    #[arg(long, value_name = "FILE")]
    pub save_state: Option<PathBuf>,
    /// Start from a file that --save-state wrote. Of the machine's options -m, -smp, --cpu and --clock are as they were
    /// where they are not given; the guest is in the file (--guest NAME: no firmware, also where drives would bring one)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kernel", "initrd", "append"])]
    pub load_state: Option<PathBuf>,
    /// Options that the command line gives, which a saved state does not replace; not an option itself
    #[arg(skip)]
    pub given: Given,
}

/// The source of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClockKind {
    /// The host's clock
    #[default]
    Real,
    /// Retired instructions
    Icount,
}

fn parse_command_line(text: &str) -> Result<String, String> {
    match text.contains(['\n', '\r', '\0']) {
        true => Err("a kernel's command line is one line; take the line break out".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// Returns the events of `--trace` that an item of `-d` means.
fn parse_log_item(text: &str) -> Result<&'static str, String> {
    match text {
        "int" => Ok("exceptions"),
        _ => {
            Err(format!("the log item {text} is not there; possible: int (--trace has exceptions, io, msr)"))
        }
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text} is no port; write 0xf4"))
}

/// What executes guest code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// The interpreter
    #[default]
    Interp,
    /// The interpreter, and compiled code where it is hot
    Jit,
    /// Two machines, one interpreted, one compiled, compared as they run
    Lockstep,
}

impl RunArgs {
    /// Checks combinations of options.
    ///
    /// # Errors
    /// Options that do nothing without a kernel.
    pub fn check(&self) -> Result<()> {
        let without = |option: &str| {
            format!("{option} is for a kernel given with --kernel; the built-in guests take none")
        };
        ensure!(self.kernel.is_some() || self.append.is_empty(), without("--append"));
        ensure!(self.kernel.is_some() || self.initrd.is_none(), without("--initrd"));
        Ok(())
    }

    /// Where the serial ports go, from COM1 on. The terminal is COM1's unless a monitor or the screen was given it.
    pub fn serial(&self) -> Vec<&str> {
        let monitors = self.qmp.iter().chain(&self.qmp_pretty).chain(&self.monitor);
        let has_stdio = monitors.into_iter().any(|text| text == "stdio");
        match self.serial[..] {
            [] if !self.nographic && (has_stdio || self.has_display()) => vec!["null"],
            [] if self.nodefaults && !self.nographic => Vec::new(),
            // As with QEMU, ports of -device are there instead of the usual one.
            [] if self.has_device("isa-serial") => Vec::new(),
            [] => vec!["stdio"],
            _ => self.serial.iter().map(String::as_str).collect(),
        }
    }

    /// Returns whether commands may come from elsewhere than the terminal's Ctrl-A C.
    pub fn has_monitor(&self) -> bool {
        let none = |text: &String| matches!(text.as_str(), "none" | "null");
        let given = self.qmp.iter().chain(&self.qmp_pretty).chain(&self.monitor);
        given.into_iter().any(|text| !none(text)) || !self.mon.is_empty()
    }

    /// Returns whether there is a display.
    pub fn has_display(&self) -> bool {
        self.is_in_terminal() || self.window().is_some()
    }

    /// Returns whether the display is the terminal.
    pub fn is_in_terminal(&self) -> bool {
        self.display == Some(Display::Terminal)
    }

    /// Returns how the window behaves that shows the screen; `None` where there is none.
    pub fn window(&self) -> Option<WindowOptions> {
        match self.display {
            Some(Display::Window(options)) => {
                Some(WindowOptions { is_full_screen: options.is_full_screen || self.full_screen, ..options })
            }
            _ => None,
        }
    }

    /// Returns whether keys and commands may come while no guest runs: from a monitor, or from a display.
    pub fn is_attended(&self) -> bool {
        self.has_monitor() || self.has_display()
    }

    /// Returns what `-name` calls the machine.
    pub fn machine_name(&self) -> Option<String> {
        let text = self.name.as_deref()?;
        let first = text.split(',').next().unwrap_or(text);
        let named = text.split(',').find_map(|part| part.strip_prefix("guest="));
        Some(named.unwrap_or(first).to_owned())
    }

    /// Whether `-device` adds one of these.
    fn has_device(&self, model: &str) -> bool {
        self.device.iter().any(|text| text.split(',').next() == Some(model))
    }

    /// Whether a network card is asked for, beside those of `-device`.
    fn has_card(&self) -> bool {
        self.nic.iter().chain(&self.net).any(|text| text != "none")
    }

    /// Returns whether something may come by a network.
    pub fn has_network(&self) -> bool {
        self.has_card() || !self.netdev.is_empty()
    }

    /// Returns whether firmware is needed: there is something that it can boot, or an option requests it.
    pub fn boots_drives(&self) -> bool {
        let files =
            [&self.image, &self.hda, &self.hdb, &self.hdc, &self.hdd, &self.cdrom, &self.fda, &self.fdb];
        let named =
            files.into_iter().any(Option::is_some) || !self.drive.is_empty() || !self.pflash.is_empty();
        let named = named || !self.blockdev.is_empty() || !self.option_rom.is_empty();
        named || self.has_card() || self.boot.is_some() || !self.device.is_empty() || self.shows_screen()
    }

    /// Returns whether the screen is used, so that the display adapter has to be initialized as by firmware: an option
    /// requests an adapter or a display, or there is a monitor, which has screendump and sendkey.
    pub fn shows_screen(&self) -> bool {
        let asked = self.vga.as_deref() == Some("std") || self.has_device("VGA");
        let is_none = |text: &String| matches!(text.as_str(), "none" | "null");
        let monitored = [&self.qmp, &self.qmp_pretty, &self.mon, &self.monitor];
        let looked_at = monitored.into_iter().flatten().any(|text| !is_none(text));
        asked || self.has_display() || looked_at && self.vga.as_deref() != Some("none") && !self.nographic
    }

    /// Returns whether COM1 is the terminal's.
    pub fn uses_stdio(&self) -> bool {
        self.serial()
            .iter()
            .chain(&self.chardev.iter().map(String::as_str).collect::<Vec<_>>())
            .any(|text| matches!(*text, "stdio" | "mon:stdio") || text.starts_with("stdio,"))
    }

    /// Returns what a machine is built of: these options, with `spec`'s devices and the back ends that were opened for them.
    pub fn machine_config(
        &self,
        spec: &MachineSpec,
        backends: Backends,
        (clock, epoch_seconds): (Clock, u64),
        seed: Seed,
    ) -> MachineConfig {
        MachineConfig {
            ram_bytes: self.memory,
            model: self.model(),
            clock,
            epoch_seconds,
            devices: spec.devices.clone(),
            left_out: self.left_out(),
            backends,
            processors: self.smp.0,
            seed,
        }
    }

    /// Returns the devices of every machine that this one is to lack, by model.
    fn left_out(&self) -> Vec<&'static str> {
        let off = [
            (self.no_acpi || !self.machine.acpi, pc_devices::pm::MODEL),
            (self.no_hpet || !self.machine.hpet, pc_devices::hpet::MODEL),
        ];
        off.into_iter().filter(|(off, _)| *off).map(|(_, model)| model).collect()
    }

    /// Returns the configuration of a machine with an instruction clock and null character devices.
    ///
    /// # Errors
    /// Options that contradict each other.
    pub fn silent_config(&self) -> Result<MachineConfig> {
        let spec = MachineSpec::new(self)?;
        let time = (Clock::instructions(), ICOUNT_EPOCH);
        Ok(self.machine_config(&spec, spec.null_chars(), time, self.fixed_seed()))
    }

    /// Returns the requested processor model.
    pub fn model(&self) -> CpuModel {
        match self.cpu {
            Some(Model::Of(model)) => model,
            Some(Model::Help) | None => CpuModel::X86_64_V2,
        }
    }

    /// Returns the seed of the generator behind RDRAND and RDSEED: that of `--seed`, a constant where time is made of
    /// instructions, else what the host gives.
    ///
    /// # Errors
    /// Those of `host`.
    pub fn seed<E>(&self, host: impl FnOnce() -> Result<Seed, E>) -> Result<Seed, E> {
        if self.seed.is_some() || self.clock == ClockKind::Icount { Ok(self.fixed_seed()) } else { host() }
    }

    /// Returns the seed for an instruction clock, independently of `--clock`.
    pub fn fixed_seed(&self) -> Seed {
        let mut seed = Seed::default();
        seed[..8].copy_from_slice(&self.seed.unwrap_or(0).to_le_bytes());
        seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_is_com1s_unless_a_monitor_has_it() {
        let stdio = || vec!["stdio".to_owned()];
        let plain = RunArgs::default();
        assert_eq!((plain.serial(), plain.has_monitor()), (vec!["stdio"], false));
        let monitor = RunArgs { monitor: stdio(), ..RunArgs::default() };
        assert_eq!((monitor.serial(), monitor.has_monitor()), (vec!["null"], true));
        let none = RunArgs { monitor: vec!["none".into()], ..RunArgs::default() };
        assert_eq!((none.serial(), none.has_monitor()), (vec!["stdio"], false));
    }

    #[test]
    fn the_name_is_that_of_the_guest() {
        let name = |text: &str| RunArgs { name: Some(text.into()), ..RunArgs::default() }.machine_name();
        assert_eq!(name("box"), Some("box".into()));
        assert_eq!(name("guest=box,debug-threads=on"), Some("box".into()));
        assert_eq!(name("box,process=x"), Some("box".into()));
    }

    #[test]
    fn the_hosts_entropy_is_asked_for_only_where_a_run_need_not_repeat() {
        let host = || Ok::<_, ()>([9; 32]);
        let (real, icount) = (ClockKind::Real, ClockKind::Icount);
        let mut five = Seed::default();
        five[0] = 5;
        for (clock, seed, want) in
            [(real, None, [9; 32]), (icount, None, [0; 32]), (real, Some(5), five), (icount, Some(5), five)]
        {
            let args = RunArgs { clock, seed, ..RunArgs::default() };
            assert_eq!(args.seed(host), Ok(want), "{clock:?} {seed:?}");
        }
    }
}
