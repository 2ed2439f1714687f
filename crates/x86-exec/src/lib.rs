//! What each instruction means, once, over a Domain; and the interpreter.
