//! Model-specific registers: numbers, write masks, reset values, routing.
