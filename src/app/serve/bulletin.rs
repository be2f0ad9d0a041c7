//! What several processes say of their broker, told once for all.
//!
//! It is lost when the first of them says so, and back when all have it back.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::app::output;

/// How many are without the broker.
#[derive(Debug, Default)]
pub struct Bulletin(Mutex<u32>);

impl Bulletin {
    /// Takes in a line of a process; false if it isn't about the broker.
    pub fn hear(&self, line: &Value) -> bool {
        let Some(event) = line["broker"].as_str() else { return false };
        if let Some(news) = self.news(event == "lost") {
            let reason = line["said"].as_str().unwrap_or(event);
            output::complain(if news { reason } else { "the broker is back" });
        }
        true
    }

    /// One lost it, or has it back: whether that is news for all.
    fn news(&self, lost: bool) -> Option<bool> {
        let mut without = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *without > 0;
        *without = if lost { *without + 1 } else { without.saturating_sub(1) };
        let after = *without > 0;
        (before != after).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_loss_and_the_last_return_are_news() {
        let bulletin = Bulletin::default();
        let said = [true, true, false, true, false, false].map(|lost| bulletin.news(lost));
        assert_eq!(said, [Some(true), None, None, None, None, Some(false)]);
        assert!(!bulletin.hear(&serde_json::json!({"totals": {}})));
    }
}
