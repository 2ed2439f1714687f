//! IEEE and x87 arithmetic with x86 rules: MXCSR, control word, NaNs, exception flags.
