//! The `provost` program: parse arguments, run, turn the outcome into an exit code.

fn main() {}
