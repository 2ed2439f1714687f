//! Statistics of a translator.

/// Totals of translation and compilation, for `--stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TranslationCounts {
    /// Regions translated, and instructions in them
    pub regions: u64,
    #[allow(missing_docs)]
    pub instructions: u64,
    /// Modules that regions were written to, and their bytes
    pub modules: u64,
    #[allow(missing_docs)]
    pub bytes: u64,
    /// Modules that are kept, and their bytes
    pub kept_modules: u64,
    #[allow(missing_docs)]
    pub kept_bytes: u64,
    /// Regions that were dropped: their code was written, the cache was full, the host refused the module
    pub written: u64,
    #[allow(missing_docs)]
    pub evicted: u64,
    #[allow(missing_docs)]
    pub refused: u64,
    /// Nanoseconds that translating took, and compiling in the host; 0 where they are not measured
    pub translating_ns: u64,
    #[allow(missing_docs)]
    pub compiling_ns: u64,
}

impl std::ops::AddAssign for TranslationCounts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            regions,
            instructions,
            modules,
            bytes,
            kept_modules,
            kept_bytes,
            written,
            evicted,
            refused,
            translating_ns,
            compiling_ns,
        } = other;
        self.regions += regions;
        self.instructions += instructions;
        self.modules += modules;
        self.bytes += bytes;
        self.kept_modules += kept_modules;
        self.kept_bytes += kept_bytes;
        self.written += written;
        self.evicted += evicted;
        self.refused += refused;
        self.translating_ns += translating_ns;
        self.compiling_ns += compiling_ns;
    }
}
