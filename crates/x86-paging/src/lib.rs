//! Page walks (none, 32-bit, PAE, 4-level, 5-level), permissions, A/D bits and the TLB.
