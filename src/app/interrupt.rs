//! Ctrl-C: the first asks the work to stop, the second ends the program at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);
static SET: OnceLock<()> = OnceLock::new();

/// Listens to Ctrl-C from now on.
pub fn listen() {
    SET.get_or_init(|| {
        // Without a handler Ctrl-C ends the program as it always does, which is no reason to fail.
        let _ = ctrlc::set_handler(|| {
            if ASKED.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
    });
}

/// Whether Ctrl-C was pressed.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
