//! What the figures mean: how sure they are, what gives way first, what to do about it, whether promises are kept; and by
//! simulation what it takes, what a change does, and what a fleet carries.

pub mod advice;
pub mod assessment;
pub mod assumed;
pub mod check;
pub mod compare;
pub mod curve;
pub mod growth;
pub mod line;
pub mod plan;
pub mod price;
pub mod sensitivity;
pub mod slo;
pub mod trial;

pub use assessment::{Assessment, ResourceAssessment, assess, assess_priced};
