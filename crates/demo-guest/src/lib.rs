//! A small 64-bit guest that walks through the machine on the serial line.
