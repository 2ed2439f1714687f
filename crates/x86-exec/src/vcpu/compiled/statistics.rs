//! Statistics of a translator.

/// Totals of translation and compilation, for `--stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TranslationCounts {
    /// Regions translated
    pub regions: u64,
    /// Instructions in them
    pub instructions: u64,
    /// Modules emitted
    pub modules: u64,
    /// Bytes of these modules
    pub bytes: u64,
    /// Modules in the cache
    pub kept_modules: u64,
    /// Bytes of the modules in the cache
    pub kept_bytes: u64,
    /// Regions dropped because their code was written
    pub written: u64,
    /// Regions dropped because the cache was full
    pub evicted: u64,
    /// Regions dropped because the host refused their module
    pub refused: u64,
    /// Nanoseconds of translation; 0 where they are not measured
    pub translating_ns: u64,
    /// Nanoseconds of compilation by the host; 0 where they are not measured
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
