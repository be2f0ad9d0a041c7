//! A YAML file becomes a [`Scenario`].

mod types;

pub use types::*;
