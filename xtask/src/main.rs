//! The one way to build, test, fetch guests and check rules.

fn main() {}
