//! `gpupci`, still without a command.
fn main() {}
