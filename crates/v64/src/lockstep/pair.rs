//! Two machines that differ in their engine alone.

use super::registers::Registers;
use super::watch::{SharedNotes, Watched};
use crate::terminal::Terminal;
use anyhow::Result;
use machine::Machine;
use machine::time::Clock;
use session::{Guest, ICOUNT_EPOCH, MachineSpec, Outcome, RunArgs, drive};
use wasm_jit::{CodeHost, Settings, Translator};
use wasmtime_host::WasmtimeHost;

/// Compiles early and each region at once: what is to be found is wrong code, not the best time for compiling.
const SETTINGS: Settings =
    Settings { hot: 8, warm: 2, shared: 24, batch: 1, bytes: 48 << 20, count: false, fixed: false };

/// For tests: at an instruction count, something is done to the compiled machine.
pub(super) type Tamper = (u64, fn(&mut Machine));

/// What machines are made of.
pub(super) struct Recipe<'a> {
    pub(super) args: &'a RunArgs,
    pub(super) guest: &'a Guest,
    pub(super) tamper: Option<Tamper>,
    /// For tests: what modules are handed to, which may change them
    pub(super) host: fn(WasmtimeHost) -> Box<dyn CodeHost>,
}

/// A machine, and whether it has ended.
pub(super) struct Side {
    pub(super) machine: Machine,
    /// Exit code and message
    pub(super) ended: Option<(u8, String)>,
    tamper: Option<Tamper>,
}

impl Side {
    fn new(recipe: &Recipe<'_>, terminal: Option<&Terminal>) -> Result<Self> {
        let mut spec = MachineSpec::new(recipe.args)?;
        spec.fit_floppies(crate::backends::size);
        let backends = match terminal {
            Some(terminal) => {
                crate::backends::open(&spec, terminal, &crate::monitors::SocketFiles::default())?
            }
            None => crate::backends::silent(&spec)?,
        };
        let time = (Clock::instructions(), ICOUNT_EPOCH);
        let config = recipe.args.machine_config(&spec, backends, time, recipe.args.fixed_seed());
        let mut machine = Machine::new(config)?;
        recipe.guest.load(&mut machine)?;
        Ok(Self { machine, ended: None, tamper: None })
    }

    /// Runs until `to` instructions have retired since power-on, or the machine ends.
    pub(super) fn advance(&mut self, recipe: &Recipe<'_>, to: u64) -> Result<()> {
        if let Some((at, tamper)) = self.tamper
            && at <= to
        {
            self.tamper = None;
            self.advance(recipe, at)?;
            tamper(&mut self.machine);
        }
        while self.ended.is_none() && self.machine.retired() < to {
            match drive(recipe.args, recipe.guest, &mut self.machine, to)? {
                // The instruction clock skips what a guest waits for.
                Outcome::More | Outcome::Idle(_) => {}
                Outcome::Waiting => self.ended = Some((0, session::WAITS.into())),
                Outcome::Ended { code, message, .. } => self.ended = Some((code, message)),
            }
        }
        Ok(())
    }
}

/// The two.
pub(super) struct Pair {
    pub(super) plain: Side,
    pub(super) compiled: Side,
    pub(super) notes: SharedNotes,
}

impl Pair {
    /// Both at power-on, the guest loaded. What the interpreted one sends goes to `terminal`.
    pub(super) fn new(recipe: &Recipe<'_>, terminal: Option<&Terminal>) -> Result<Self> {
        let plain = Side::new(recipe, terminal)?;
        let mut compiled = Side::new(recipe, None)?;
        compiled.tamper = recipe.tamper;
        let notes = SharedNotes::default();
        let vcpu = compiled.machine.vcpu_mut();
        let translator = Translator::new((recipe.host)(WasmtimeHost::new()?), SETTINGS, vcpu);
        vcpu.set_compiled(Box::new(Watched { translator, notes: notes.clone() }));
        Ok(Self { plain, compiled, notes })
    }

    /// Runs both until `to` instructions have retired.
    pub(super) fn advance(&mut self, recipe: &Recipe<'_>, to: u64) -> Result<()> {
        self.plain.advance(recipe, to)?;
        self.compiled.advance(recipe, to)
    }

    pub(super) fn registers(&self) -> (Registers, Registers) {
        (Registers::of(&self.plain.machine), Registers::of(&self.compiled.machine))
    }

    /// Returns whether the processors, or the ways the machines ended, differ.
    pub(super) fn registers_differ(&self) -> bool {
        let (a, b) = self.registers();
        let code = |side: &Side| side.ended.as_ref().map(|ended| ended.0);
        a != b || code(&self.plain) != code(&self.compiled)
    }

    /// Returns whether anything differs: processors, RAM, devices.
    pub(super) fn differ(&mut self) -> bool {
        self.registers_differ() || self.plain.machine.state_hash() != self.compiled.machine.state_hash()
    }
}
