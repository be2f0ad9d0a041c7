//! The table of keys and defaults that docs/model.md ends with: `cargo run --example defaults`.

#[path = "../tests/docs/table.rs"]
mod table;

fn main() {
    print!("{}", table::table());
}
