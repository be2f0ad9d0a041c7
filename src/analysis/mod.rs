//! What the figures mean: how sure they are, what gives way first, what to do about it, whether promises are kept.

pub mod advice;
pub mod assessment;
pub mod assumed;
pub mod check;
pub mod growth;
pub mod sensitivity;
pub mod slo;

pub use assessment::{Assessment, ResourceAssessment, assess};
