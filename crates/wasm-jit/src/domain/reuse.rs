//! Starting a recording, in the buffers of an earlier one.

use super::Recorder;
use super::exits::Checkpoint;
use crate::block::State;
use crate::flags::EntryFlags;
use crate::value::Values;
use x86_exec::vcpu::compiled::CodeMode;

impl Recorder {
    /// Returns a recorder for code at distance `offset` from the region's entry.
    pub(crate) fn new(mode: CodeMode, offset: i64, flags: EntryFlags) -> Recorder {
        let mut recorder = Recorder {
            mode,
            values: Values::default(),
            effects: Vec::new(),
            exits: Vec::new(),
            checkpoint: Checkpoint { state: State::default(), at: 0, retired: 0, exit: None },
            state: State::default(),
            versions: 0,
            retired: 0,
            start: 0,
            offset: 0,
            next_offset: 0,
            term: None,
            opened: None,
            stored: false,
            returns_to: None,
            excluded: Vec::new(),
            known_normal: Vec::new(),
            of_float_mode: false,
            unchecked: None,
            unsupported: false,
        };
        recorder.begin(offset, flags);
        recorder
    }

    /// Starts a new block at distance `offset` from the region's entry. Allocated memory is reused.
    pub(crate) fn begin(&mut self, offset: i64, flags: EntryFlags) {
        self.values.clear();
        self.effects.clear();
        self.exits.clear();
        self.excluded.clear();
        self.known_normal.clear();
        self.state = State { flags: flags.state(&mut self.values), ..State::default() };
        self.checkpoint = Checkpoint { state: self.state.clone(), at: offset, retired: 0, exit: None };
        self.versions = 0;
        self.retired = 0;
        (self.offset, self.next_offset) = (offset, offset);
        self.term = None;
        self.opened = None;
        self.stored = false;
        self.returns_to = None;
        self.of_float_mode = false;
        self.unchecked = None;
        self.unsupported = false;
    }

    /// Sets RIP of the region's entry, which 16-bit code needs for distances that wrap.
    pub(crate) fn starting_at(self, start: u64) -> Recorder {
        Recorder { start, ..self }
    }
}
