//! Bytes to x86 instructions, 16/32/64 bit, total, no_std, one opcode table.
