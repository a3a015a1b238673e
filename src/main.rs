//! The command `lineage`.
fn main() {}
