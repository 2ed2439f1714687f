//! An interpreter and a machine with compiled code, in lockstep.

use super::machine::{Machine, Start};
use wasm_jit::Settings;
use x86_exec::vcpu::compiled::CodeMode;
use x86_types::CodeSize;

/// More than any snippet takes.
pub const MOST: u64 = 100_000;

/// The two engines.
pub struct Pair {
    pub plain: Machine,
    pub compiled: Machine,
}

impl Pair {
    pub fn new(size: CodeSize) -> Pair {
        Pair { plain: Machine::new(size), compiled: Machine::compiling(size) }
    }

    /// The same, where code becomes hot by `settings`.
    pub fn with(size: CodeSize, settings: Settings) -> Pair {
        Pair { plain: Machine::new(size), compiled: Machine::with(size, settings) }
    }

    /// Runs code in both, twice, since the first run only shows that it is hot. Gives the instructions that compiled code
    /// executed the second time.
    pub fn compare(&mut self, id: &str, start: &Start, most: u64) -> u64 {
        let mut compiled = 0;
        for _ in 0..2 {
            self.plain.set_up(start);
            self.compiled.set_up(start);
            let before = self.compiled.vcpu.statistics.compiled;
            let (a, b) = (self.plain.run(most), self.compiled.run(most));
            compiled = self.compiled.vcpu.statistics.compiled - before;
            assert_eq!(
                self.plain.state(),
                self.compiled.state(),
                "{id} {:02x?}: interpreted, compiled",
                start.code
            );
            assert_eq!(a, b, "{id}: instructions");
            for (at, data) in
                start.mem.iter().chain(&[(0x18_0f00, vec![0; 0x200]), (0x20_0000, vec![0; 0x2000])])
            {
                let (a, b) = (self.plain.read(*at, data.len()), self.compiled.read(*at, data.len()));
                let differs = a.iter().zip(&b).position(|(a, b)| a != b);
                assert_eq!(differs, None, "{id} {:02x?}: behind {at:#x} memory differs", start.code);
            }
        }
        compiled
    }

    /// What code at the start would be compiled for.
    pub fn code_mode(&mut self, start: &Start) -> Option<CodeMode> {
        self.plain.set_up(start);
        self.compiled.set_up(start);
        self.compiled.vcpu.code_mode()
    }

    pub fn same_memory(&self) {
        assert!(self.plain.memory() == self.compiled.memory(), "memory differs");
    }
}
