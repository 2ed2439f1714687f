//! Pictures of the standard VGA, by what a guest does at its ports and in its memory.

mod card;
mod damage;
mod font;
mod modes;
mod pictures;
mod random;
mod scenes;
