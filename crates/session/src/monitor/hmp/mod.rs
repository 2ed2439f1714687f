//! The human monitor: commands as lines, answers as text.

mod arguments;
mod dump;
mod expression;
mod info;
mod line;
mod registers;
mod tables;

use super::command::{ChangeMedium, Eject, Memsave, ReadOnlyMode, Screendump};
use super::error::MonitorError;
use super::memory::View;
use super::{Monitor, PictureFormat, Target, keys};
use arguments::Arguments;
pub use line::{HumanSession, PROMPT, Typed};
use x86_state::Cpu;
use x86_types::CodeSize;

/// State of the human monitor between two commands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    format: dump::Format,
    /// The processor that commands are about
    cpu: usize,
    /// Buttons of the mouse that are down, as `mouse_button` has them
    pub(super) buttons: u64,
}

/// Why a command failed.
enum Failure {
    /// It is not written as it should be
    Usage(String),
    /// It could not be carried out
    Error(MonitorError),
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Usage(text)
    }
}

impl From<MonitorError> for Failure {
    fn from(error: MonitorError) -> Self {
        Self::Error(error)
    }
}

/// A command that is being carried out.
struct Call<'a, 't> {
    monitor: &'a mut Monitor,
    target: &'a mut Target<'t>,
    arguments: Arguments<'a>,
    out: String,
}

impl Call<'_, '_> {
    fn line(&mut self, text: &str) {
        self.out += text;
        self.out.push('\n');
    }

    /// Returns the processor that commands are about.
    fn cpu(&self) -> &Cpu {
        let machine = &self.target.machine;
        machine.vcpus().get(self.monitor.human.cpu).map_or(&machine.vcpu().cpu, |vcpu| &vcpu.cpu)
    }

    fn expression(&mut self) -> Result<u64, Failure> {
        let machine = &self.target.machine;
        let vcpu = machine.vcpus().get(self.monitor.human.cpu).unwrap_or(machine.vcpu());
        Ok(self.arguments.expression(&vcpu.cpu)?)
    }
}

/// A command.
struct HumanCommand {
    /// Its name, and a shorter one
    names: &'static [&'static str],
    parameters: &'static str,
    help: &'static str,
    run: fn(&mut Call<'_, '_>) -> Result<(), Failure>,
}

macro_rules! human_commands {
    ($($names:expr, $parameters:literal, $help:literal, $run:expr;)*) => {
        /// All commands, by name.
        static COMMANDS: &[HumanCommand] =
            &[$(HumanCommand { names: &$names, parameters: $parameters, help: $help, run: $run }),*];
    };
}

human_commands! {
    ["change"], "device [-f] filename [format [read-only-mode]]", "change a removable medium (-f: even if it is locked)", change;
    ["cont", "c"], "", "resume emulation", |call| Ok(call.monitor.cont(call.target.machine)?);
    ["cpu"], "index", "set the default CPU", cpu;
    ["eject"], "[-f] device", "eject a removable medium (use -f to force it)", eject;
    ["help", "?"], "[cmd]", "show the help", help;
    ["info"], "[subcommand]", "show various information about the system state", info::info;
    ["loadvm"], "file", "load the machine's state from a file that savevm wrote", loadvm;
    ["memsave"], "addr size file", "save to disk virtual memory dump starting at 'addr' of size 'size'", |call| memsave(call, false);
    ["mouse_button"], "state", "change mouse button state (1=L, 2=R, 4=M)", mouse_button;
    ["mouse_move"], "dx dy [dz]", "send mouse move events", mouse_move;
    ["pmemsave"], "addr size file", "save to disk physical memory dump starting at 'addr' of size 'size'", |call| memsave(call, true);
    ["print", "p"], "/fmt expr", "print expression value (use $reg for CPU register access)", print;
    ["quit", "q"], "", "quit the emulator", quit;
    ["savevm"], "file", "save the machine's state to a file", savevm;
    ["screendump"], "filename [-f format]", "save the screen as a picture: ppm, or png", screendump;
    ["sendkey"], "keys [hold_ms]", "send keys to the VM (e.g. 'sendkey ctrl-alt-f1', default hold time=100 ms)", sendkey;
    ["stop", "s"], "", "stop emulation", stop;
    ["system_powerdown"], "", "send system power down event", powerdown;
    ["system_reset"], "", "reset the system", |call| Ok(call.monitor.system_reset(call.target)?);
    ["x"], "/fmt addr", "virtual memory dump starting at 'addr'", |call| dump_memory(call, false);
    ["xp"], "/fmt addr", "physical memory dump starting at 'addr'", |call| dump_memory(call, true);
}

impl HumanCommand {
    fn usage(&self) -> String {
        format!("{} {} -- {}\n", self.names.join("|"), self.parameters, self.help)
    }
}

fn find(name: &str) -> Option<&'static HumanCommand> {
    COMMANDS.iter().find(|command| command.names.contains(&name))
}

/// Executes a line. Returns its output. `cpu` is the processor it applies to, if given.
///
/// # Errors
/// There is no such processor. What else fails is printed.
pub(super) fn run(
    monitor: &mut Monitor,
    target: &mut Target<'_>,
    line: &str,
    cpu: Option<usize>,
) -> Result<String, MonitorError> {
    if let Some(cpu) = cpu.filter(|&cpu| cpu >= target.machine.vcpus().len()) {
        return Err(MonitorError::new(format!("there is no processor {cpu}")));
    }
    let before = monitor.human.cpu;
    monitor.human.cpu = cpu.unwrap_or(before);
    let out = run_here(monitor, target, line);
    if cpu.is_some() {
        monitor.human.cpu = before;
    }
    Ok(out)
}

fn run_here(monitor: &mut Monitor, target: &mut Target<'_>, line: &str) -> String {
    let arguments = Arguments::new(line);
    let name = arguments.command;
    if name.is_empty() {
        return String::new();
    }
    let Some(command) = find(name) else { return format!("unknown command: '{name}'\n") };
    if !arguments.format.is_empty() && !command.parameters.contains("/fmt") {
        return format!("unknown command: '{name}/{}'\n", arguments.format);
    }
    let mut call = Call { monitor, target, arguments, out: String::new() };
    let result = (command.run)(&mut call);
    let text = call.out;
    match result {
        Ok(()) => text,
        Err(Failure::Usage(why)) => {
            let name = command.names[0];
            format!("{text}{why}\nTry \"help {name}\" for more information\n")
        }
        Err(Failure::Error(error)) => format!("{text}Error: {error}\n"),
    }
}

fn help(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    match call.arguments.word()? {
        None => call.out = COMMANDS.iter().map(HumanCommand::usage).collect(),
        Some(name) if name == "info" => return info::info(call),
        Some(name) => call.out = find(&name).map(HumanCommand::usage).unwrap_or_default(),
    }
    Ok(())
}

fn change(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let device = call.arguments.needed("block device name")?;
    let force = call.arguments.switch('f');
    let filename = call.arguments.needed("filename")?;
    let format = call.arguments.word()?;
    let mode = call.arguments.word()?;
    let read_only_mode = match mode.as_deref() {
        None | Some("retain") => ReadOnlyMode::Retain,
        Some("read-only") => ReadOnlyMode::ReadOnly,
        Some("read-write") => ReadOnlyMode::ReadWrite,
        Some(mode) => {
            return Err(MonitorError::new(format!(
                "Parameter 'read-only-mode' does not accept value '{mode}'"
            ))
            .into());
        }
    };
    call.arguments.end()?;
    let device = Some(device);
    let change = ChangeMedium { device, id: None, filename, format, force, read_only_mode };
    Ok(call.monitor.change_medium(&change, call.target)?)
}

fn eject(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let force = call.arguments.switch('f');
    let device = Some(call.arguments.needed("block device name")?);
    call.arguments.end()?;
    Ok(call.monitor.eject(&Eject { device, id: None, force }, call.target)?)
}

fn cpu(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let index = usize::try_from(call.expression()?).unwrap_or(usize::MAX);
    call.arguments.end()?;
    if index >= call.target.machine.vcpus().len() {
        return Err(MonitorError::new("invalid CPU index").into());
    }
    call.monitor.human.cpu = index;
    Ok(())
}

fn stop(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    call.monitor.stop(call.target.machine);
    Ok(())
}

fn powerdown(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    call.monitor.system_powerdown(call.target.machine);
    Ok(())
}

fn quit(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    call.monitor.quit();
    Ok(())
}

fn savevm(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let file = call.arguments.needed("filename")?;
    call.arguments.end()?;
    Ok(Monitor::save(call.target, &file)?)
}

fn loadvm(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let file = call.arguments.needed("filename")?;
    call.arguments.end()?;
    Ok(call.monitor.load(call.target, &file)?)
}

fn memsave(call: &mut Call<'_, '_>, physical: bool) -> Result<(), Failure> {
    let (val, size) = (call.expression()?, call.expression()?);
    let filename = call.arguments.needed("filename")?;
    call.arguments.end()?;
    let cpu_index = Some(call.monitor.human.cpu);
    Ok(Monitor::memsave(&Memsave { val, size, filename, cpu_index }, physical, call.target)?)
}

fn screendump(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let mut chosen = PictureFormat::default();
    let mut format = |call: &mut Call<'_, '_>| -> Result<(), Failure> {
        if call.arguments.switch('f') {
            let name = call.arguments.needed("format")?;
            let text = || format!("Parameter 'format' does not accept value '{name}'");
            chosen = PictureFormat::by_name(&name).ok_or_else(|| MonitorError::new(text()))?;
        }
        Ok(())
    };
    format(call)?;
    let filename = call.arguments.needed("filename")?;
    format(call)?;
    let device = call.arguments.word()?;
    let head = if call.arguments.is_empty() { None } else { Some(call.expression()? as u32) };
    let picture = Screendump { filename, device, head, format: chosen };
    Ok(Monitor::screendump(&picture, call.target)?)
}

fn sendkey(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let chord = call.arguments.needed("string")?;
    let hold = if call.arguments.is_empty() { super::input::HOLD_MS } else { call.expression()? };
    call.arguments.end()?;
    match keys::parse_chord(&chord) {
        Ok(keys) => call.monitor.hold_keys(&keys, hold, call.target.machine),
        Err(part) => call.line(&format!("invalid parameter: {part}")),
    }
    Ok(())
}

fn number(call: &mut Call<'_, '_>, what: &str) -> Result<i64, Failure> {
    let text = call.arguments.needed(what)?;
    Ok(text.parse().map_err(|_| format!("{text} is no number"))?)
}

fn mouse_move(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (dx, dy) = (number(call, "string")?, number(call, "string")?);
    let dz = if call.arguments.is_empty() { 0 } else { number(call, "string")? };
    call.arguments.end()?;
    call.monitor.mouse_move(dx, dy, dz, call.target.machine);
    Ok(())
}

fn mouse_button(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let buttons = call.expression()?;
    call.arguments.end()?;
    call.monitor.mouse_buttons(buttons, call.target.machine);
    Ok(())
}

fn dump_memory(call: &mut Call<'_, '_>, physical: bool) -> Result<(), Failure> {
    let count = call.monitor.human.format.parse(call.arguments.format)?;
    let at = call.expression()?;
    call.arguments.end()?;
    let format = call.monitor.human.format;
    let cpu = Box::new(call.cpu().clone());
    let code = cpu.code_size;
    let at = if physical || code == CodeSize::Bits64 { at } else { at & 0xffff_ffff };
    let view = View { memory: call.target.machine, cpu: (!physical).then_some(cpu) };
    let text = dump::dump(view, code, at, count, format);
    call.out += &text;
    Ok(())
}

fn print(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let mut format = dump::Format { letter: 'd', size: 8 };
    format.parse(call.arguments.format)?;
    let value = call.expression()?;
    call.arguments.end()?;
    let text = match format.letter {
        'o' => format!("0{value:o}"),
        'x' => format!("{value:#x}"),
        'u' => value.to_string(),
        'c' => format!("'{}'", char::from(value as u8).escape_default()),
        _ => value.cast_signed().to_string(),
    };
    call.line(&text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_there_once_and_in_order() {
        assert!(COMMANDS.is_sorted_by_key(|command| command.names[0]));
        assert!(info::TOPICS.is_sorted_by_key(|topic| topic.name));
        let names: Vec<_> = COMMANDS.iter().flat_map(|command| command.names).collect();
        for (n, name) in names.iter().enumerate() {
            assert!(!names[..n].contains(name), "{name}");
        }
    }
}
