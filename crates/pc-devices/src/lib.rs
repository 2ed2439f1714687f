//! The chips of a PC, each a pure state machine with an adapter that registers itself.
