//! `plimsoll broker`: the embedded broker by itself.

use anyhow::Context as _;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, output};
use crate::cli::{self, Format};
use crate::live::link::EmbeddedBroker;

/// Serves until it is told to stop by SIGTERM or Ctrl-C, then says what went through it.
pub fn run(options: &cli::Broker) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("the broker can't start")?.block_on(serve(options))
}

async fn serve(options: &cli::Broker) -> Result<(), Failure> {
    // Before the line that tells others they may come, and stop it.
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be listened to")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("Ctrl-C can't be listened to")?;
    let broker = EmbeddedBroker::start(options.listen).await.map_err(anyhow::Error::from)?;
    let address = broker.address().to_string();
    match options.format {
        Format::Terminal => output::print_plain(&format!("listening on {address}\n"))?,
        Format::Json => output::print_plain(&format!("{}\n", json!({ "listening": [address] })))?,
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let totals = broker.counters();
    match options.format {
        Format::Terminal => output::print_plain(&format!(
            "{} letters came, {} went, {} were dropped since a server took them too slowly\n",
            totals.published, totals.delivered, totals.dropped
        )),
        Format::Json => output::print_plain(&format!("{}\n", json!({ "broker": totals }))),
    }
}
