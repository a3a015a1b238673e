//! The command `book`.

fn main() {}
