//! The closed form: a scenario's load and the demand on every resource.

pub mod wire;
