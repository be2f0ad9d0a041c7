//! What documents have from the table of keys: `cargo run --example defaults` prints the table that docs/model.md ends
//! with, `cargo run --example defaults -- reference` all of docs/scenario.md.

#[path = "../tests/docs/reference.rs"]
mod reference;
#[path = "../tests/docs/table.rs"]
mod table;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("reference") => print!("{}", reference::reference()),
        _ => print!("{}", table::table()),
    }
}
