//! What any run yields.
pub mod tally;
