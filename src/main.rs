//! The `scim-bridge` command.

fn main() {}
