//! Building the machine of a command line and loading what it starts from.

use crate::code::EngineHost;
use crate::host::{self, FileOp};
use crate::serial::{FileLine, Port, Shared};
use crate::vm::{Status, Vm, code};
use crate::wanted::{block_name, image_name};
use anyhow::{Result, bail};
use device_api::Backends;
use guest_memory::MemoryError;
use machine::time::Clock;
use machine::{Machine, MachineError};
use session::monitor::Monitor;
use session::spec::{AudioTarget, CharTarget};
use session::{ClockKind, EngineKind, Guest, ICOUNT_EPOCH, MachineSpec, RunArgs};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasm_jit::{Settings, Translator};

/// Bytes of modules that are kept for all processors together; an engine's own code for them takes several times as much.
const MOST_CODE: u64 = 128 << 20;

/// Bytes of the largest ROM.
const LARGEST_ROM: usize = 16 << 20;

/// Code and message of a refusal.
pub(crate) type Refusal = (&'static str, String);

fn bad_option(error: &anyhow::Error) -> Refusal {
    ("BAD_OPTION", format!("{error:#}"))
}

/// Refuses options of the native command.
fn check(args: &RunArgs) -> Result<()> {
    if args.engine == EngineKind::Lockstep {
        bail!("--engine lockstep is for the native command");
    }
    if !args.trace.is_empty() {
        bail!("--trace is for the native command");
    }
    if !args.log.is_empty() || args.log_file.is_some() {
        bail!("-d and -D are for the native command");
    }
    if !args.data_dirs.is_empty() {
        bail!("-L is for the native command; give -bios FILE");
    }
    if args.has_display() {
        bail!("-display window and -display terminal are for the native command");
    }
    Ok(())
}

impl Vm {
    /// Builds the machine and loads the guest, or the saved state.
    pub(crate) fn start(&mut self) -> Status {
        match self.build() {
            Ok(()) => Status::Done,
            Err((code, message)) => self.fail(code, &message),
        }
    }

    fn build(&mut self) -> Result<(), Refusal> {
        if self.machine.is_some() {
            return Err(("STATE", "the machine has been started already".to_owned()));
        }
        let Some(mut args) = self.args.take() else {
            return Err(("STATE", "give a command first".to_owned()));
        };
        let state = self.files.remove("state");
        if let Some(state) = &state {
            args.follow_state(state).map_err(|error| ("BAD_STATE", error.to_string()))?;
        }
        check(&args).map_err(|error| bad_option(&error))?;
        pc_link();
        let mut spec = std::mem::take(&mut self.spec);
        if let Some(state) = &state {
            spec.follow_state(state).map_err(|error| ("BAD_STATE", error.to_string()))?;
        }
        self.fit_floppies(&mut spec);
        let mut backends = self.backends(&spec).map_err(|error| bad_option(&error))?;
        let (kernel, initrd) = (self.files.remove("kernel"), self.files.remove("initrd"));
        let mut guest = Guest::new(&args, &spec, kernel, initrd);
        guest.take_firmware_files(&spec, &mut backends.images);
        let icount = args.clock == ClockKind::Icount;
        let Ok(seed) = args.seed(|| Ok::<_, std::convert::Infallible>(host::seed()));
        let clock = if icount { Clock::instructions() } else { Clock::host(Box::new(host::Clock)) };
        let epoch = if icount { ICOUNT_EPOCH } else { host::epoch_seconds() };
        let epoch = args.rtc.and_then(|rtc| rtc.base).unwrap_or(epoch);
        let config = args.machine_config(&spec, backends, (clock, epoch), seed);
        let mut machine = Machine::new(config).map_err(|error| refusal(&error))?;
        match state {
            Some(state) => session::restore_state(&mut machine, &mut guest, &state)
                .map_err(|error| ("BAD_STATE", error.to_string()))?,
            None => guest.load(&mut machine).map_err(|error| (code(&error), format!("{error:#}")))?,
        }
        if args.engine == EngineKind::Jit {
            self.translate(&args, &mut machine);
        }
        let mut monitor = Monitor::new(&args, &spec);
        monitor.start(&mut machine);
        self.monitors.monitor = Some(monitor);
        (self.args, self.guest, self.machine) = (Some(args), Some(guest), Some(machine));
        Ok(())
    }

    /// Chooses the kinds of floppy drives by the sizes of their media.
    fn fit_floppies(&self, spec: &mut MachineSpec) {
        let size = |id: &str| self.disks.size(&block_name(id));
        let sizes: BTreeMap<_, _> =
            spec.blocks.iter().map(|block| (block.file.clone(), size(&block.id))).collect();
        spec.fit_floppies(|file| sizes.get(file).copied().flatten());
    }

    /// Connects what the machine's devices need of the host.
    fn backends(&mut self, spec: &MachineSpec) -> Result<Backends> {
        let (line, host_line, files) = (&self.line, spec.host_line(), &mut self.file_lines);
        let mut backends = spec.chars(|char| match &char.target {
            CharTarget::Null => Ok(None),
            // What goes to a file as well, the host writes.
            _ if Some(char) == host_line => Ok(Some(Box::new(Port(Arc::clone(line))))),
            CharTarget::Stdio => Ok(Some(Box::new(Port(Arc::clone(line))))),
            CharTarget::File(path) => {
                let path = path.to_string_lossy().into_owned();
                host::file(FileOp::Create, &path, &[]).map_err(anyhow::Error::msg)?;
                let line = Shared::default();
                files.push(FileLine { path, line: Arc::clone(&line) });
                Ok(Some(Box::new(Port(line))))
            }
            CharTarget::Socket(_) => {
                bail!("{}: sockets are for the native command; give stdio or null", char.id)
            }
        })?;
        if let Some(audio) = spec.audios.iter().find(|audio| audio.target != AudioTarget::None) {
            bail!("{}: sound files are for the native command; give none", audio.id);
        }
        match &self.sound {
            // All are heard as one.
            Some(mixer) => backends.sounds.extend(
                spec.audios.iter().map(|audio| (audio.id.clone(), Box::new(mixer.clone()) as Box<_>)),
            ),
            None => spec.null_sounds(&mut backends),
        }
        for block in &spec.blocks {
            let name = block_name(&block.id);
            match self.disks.take(&name, block.read_only, block.snapshot) {
                Some(disk) => backends.blocks.insert(block.id.clone(), disk),
                None => bail!("the image {} was not given", block.file.display()),
            };
        }
        if spec.nets.iter().any(|net| net.dump.is_some()) {
            bail!("-object filter-dump is for the native command; leave it out");
        }
        for image in &spec.images {
            let Some(content) = self.files.remove(&image_name(&image.id)) else {
                bail!("the ROM image {} was not given", image.source);
            };
            if content.len() > LARGEST_ROM {
                let len = content.len();
                bail!("{} has {len} bytes, which no ROM has; give an image of at most 16 MiB", image.source);
            }
            backends.images.insert(image.id.clone(), content);
        }
        Ok(backends)
    }

    /// Has hot code of the guest compiled.
    fn translate(&self, args: &RunArgs, machine: &mut Machine) {
        let bytes = MOST_CODE / u64::from(args.smp.0);
        let settings = Settings { count: args.stats, fixed: true, ..Settings::default() };
        let settings = Settings { bytes: settings.bytes.min(bytes), ..settings };
        for vcpu in machine.vcpus_mut() {
            let host = Box::new(EngineHost::new(&self.engine, true));
            let mut translator = Translator::new(host, settings, vcpu);
            if args.stats {
                translator.measure(Arc::new(|| (host::now_ms() * 1e6) as u64));
            }
            vcpu.set_compiled(Box::new(translator));
        }
    }
}

/// Code and message for a machine that could not be built.
fn refusal(error: &MachineError) -> Refusal {
    match error {
        // No host could grant it.
        MachineError::Ram(MemoryError::Size { .. }) => ("BAD_OPTION", error.to_string()),
        // Without `-m`, which only the command has.
        MachineError::Ram(MemoryError::Reserve { megabytes, source }) => (
            "NO_MEMORY",
            format!("the engine does not grant {megabytes} MiB of guest memory ({source}); give less"),
        ),
        // Options with impossible values, or an invalid ROM or medium.
        MachineError::Bus(_) => ("BAD_OPTION", error.to_string()),
        _ => ("TRAP", error.to_string()),
    }
}

/// Keeps the devices in the module, and panics' messages on the host's side.
fn pc_link() {
    let _ = session::devices();
    std::panic::set_hook(Box::new(|info| host::log(&info.to_string())));
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns the started machine of a command line.
    pub(crate) fn started(words: &[&str]) -> Vm {
        let exchange = words.iter().map(|word| format!("{word}\0")).collect::<String>().into_bytes();
        let mut vm = Vm { exchange, ..Vm::default() };
        assert_eq!(vm.command(), Status::Done);
        let started = vm.start();
        // The module's hook would hide what fails.
        drop(std::panic::take_hook());
        assert_eq!(started, Status::Done, "{}", String::from_utf8_lossy(&vm.reply));
        vm
    }

    /// Starts a machine with files, by their names; returns the code and the message of its failure.
    fn failure(words: &[&str], files: &[(&str, &[u8])]) -> (String, String) {
        let exchange = words.iter().map(|word| format!("{word}\0")).collect::<String>().into_bytes();
        let mut vm = Vm { exchange, ..Vm::default() };
        assert_eq!(vm.command(), Status::Done);
        for (name, bytes) in files {
            vm.exchange = [bytes, name.as_bytes()].concat();
            vm.file(name.len() as u64);
        }
        assert_eq!(vm.start(), Status::Failed);
        let reply: serde_json::Value = serde_json::from_slice(&vm.reply).unwrap();
        let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
        (text("code"), text("message"))
    }

    #[test]
    fn a_guest_that_is_not_loaded_tells_what_is_to_be_changed() {
        // A multiboot header of an image at 8 MiB.
        let base: u32 = 8 << 20;
        let words =
            [0x1bad_b002, 1 << 16, 0u32.wrapping_sub(0x1bad_b002 + (1 << 16)), base, base, 0, 0, base + 32];
        let mut kernel: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        kernel.resize(64, 0x90);
        let kernel = [("kernel", kernel.as_slice())];
        let (code, message) = failure(&["run", "--memory=4M", "--kernel=k"], &kernel);
        assert_eq!(code, "TOO_LITTLE_MEMORY", "{message}");
        let line = format!("--append={}", "x".repeat(70_000));
        let (code, message) = failure(&["run", "--kernel=k", &line], &kernel);
        assert_eq!(code, "BAD_OPTION", "{message}");
        for option in ["--engine=lockstep", "--trace=io", "--d=int"] {
            let (code, message) = failure(&["run", option], &[]);
            assert_eq!((code.as_str(), message.contains("native")), ("BAD_OPTION", true), "{message}");
        }
        let (code, message) = failure(&["run", "--kernel=k"], &[("kernel", b"no kernel at all")]);
        assert_eq!(code, "BAD_KERNEL", "{message}");
    }

    #[test]
    fn a_medium_that_was_not_opened_is_named() {
        let files = [("image:bios", &[0; 1 << 16][..]), ("image:vgabios", &[0; 512][..])];
        let (code, message) = failure(&["run", "--hda=disk.img"], &files);
        assert_eq!((code.as_str(), message.as_str()), ("BAD_OPTION", "the image disk.img was not given"));
    }

    #[test]
    fn firmware_that_is_none_is_a_bad_option() {
        let (code, message) = failure(&["run", "--bios=own.bin"], &[]);
        assert_eq!((code.as_str(), message.as_str()), ("BAD_OPTION", "the ROM image own.bin was not given"));
        let huge = vec![0; LARGEST_ROM + 1];
        for (bios, wanted) in [(&[1, 2, 3][..], "firmware has 64 KiB"), (&huge[..], "no ROM")] {
            let files = [("image:bios", bios), ("image:vgabios", &[0; 512][..])];
            let (code, message) = failure(&["run", "--bios=own.bin"], &files);
            assert_eq!((code.as_str(), message.contains(wanted)), ("BAD_OPTION", true), "{message}");
        }
    }

    #[test]
    fn impossible_sizes_are_bad_options_and_refusals_are_not() {
        let size = MachineError::Ram(MemoryError::Size { bytes: 0 });
        assert_eq!(refusal(&size).0, "BAD_OPTION");
        let source = std::io::ErrorKind::OutOfMemory.into();
        let (code, message) = refusal(&MachineError::Ram(MemoryError::Reserve { megabytes: 900, source }));
        assert_eq!(code, "NO_MEMORY");
        assert!(message.contains("900 MiB"), "{message}");
    }
}
