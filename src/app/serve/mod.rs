//! `plimsoll serve`.

mod place;
mod show;

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, input};
use crate::cli::Serve;
use crate::diagnostic::{Diagnostic, Diagnostics, option_figure};
use crate::live::server::{Log, LogSettings, Server, Settings};
use crate::scenario::{Document, Scenario};
use crate::units::parse::Quantity;

/// Serves until a signal ends it.
pub fn run(options: &Serve) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let scenario = document.resolve()?;
    let mut settings = settings(options, &document, &scenario)?;
    let address = place::address(&options.listen)?;
    if let Some(cpus) = &options.cpus {
        place::pin(cpus)?;
    }
    place::descriptors(connections(&scenario))?;
    settings.log = log(options, &scenario)?;
    let log = settings.log.clone().map(open_log).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().context("no event loop")?;
    // Before anybody is told that it listens.
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    let listener = place::listen(address, false)?;
    let address = listener.local_addr().context("the address of the socket")?;
    let server = Server::start(settings, listener, log).context("the server can't be started")?;
    show::listening(options.format, &[url(address)], &[std::process::id()])?;
    runtime.block_on(signals.any());
    show::totals(options.format, &server.end())
}

fn settings(options: &Serve, document: &Document, scenario: &Scenario) -> Result<Settings, Failure> {
    let _ = options;
    Ok(Settings::of(scenario, document.is_given("servers.cpu.per_message")))
}

/// Connections that the scenario's users open to one server.
fn connections(scenario: &Scenario) -> u64 {
    let all = scenario.users.saturating_mul(scenario.workload.connections_per_user);
    scenario.servers.connection_limit.map_or(all, |limit| all.min(limit))
}

fn log(options: &Serve, scenario: &Scenario) -> Result<Option<LogSettings>, Failure> {
    let Some(folder) = options.log_dir.clone() else { return Ok(None) };
    let Some(logs) = &scenario.logs else {
        let error = Diagnostic::new("`--log-dir` needs `logs` in the scenario, which says none")
            .help("add such as `logs: {bytes_per_message: 1 KB}`");
        return Err(Diagnostics::from(error).into());
    };
    let rotate = option_figure("--log-rotate", &options.log_rotate, Quantity::Bytes).map_err(Diagnostics::from)?;
    if rotate < 1.0 {
        return Err(Diagnostics::from(Diagnostic::new("`--log-rotate` must be at least 1 B")).into());
    }
    Ok(Some(LogSettings {
        folder,
        name: "messages".to_owned(),
        bytes_per_message: logs.bytes_per_message.get(),
        rotate: rotate as u64,
        keep: usize::from(options.log_keep),
    }))
}

fn open_log(settings: LogSettings) -> Result<Log, Failure> {
    let folder = settings.folder.clone();
    std::fs::create_dir_all(&folder)
        .and_then(|()| Log::open(settings))
        .with_context(|| format!("the log can't be written to `{}`", folder.display()))
        .map_err(Failure::from)
}

fn url(address: SocketAddr) -> String {
    format!("ws://{address}")
}

/// What ends a server.
struct Signals([Signal; 2]);

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("signals can't be listened to");
        Ok(Self([listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?]))
    }

    /// Waits for one of them.
    async fn any(&mut self) {
        std::future::poll_fn(|context| {
            if self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
}

