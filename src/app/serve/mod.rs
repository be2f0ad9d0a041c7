//! `plimsoll serve`.

mod bulletin;
mod fleet;
mod links;
pub mod place;
mod show;

use std::net::SocketAddr;
use std::path::Path;
use std::task::{Context, Poll};

use anyhow::{Context as _, anyhow};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, input};
use crate::cli::{Format, Serve, Workers};
use crate::diagnostic::{Diagnostic, Diagnostics, option_figure};
use crate::live::server::{Log, LogSettings, Means, Server, Settings, StartError, Tls};
use crate::scenario::{Document, Scenario};
use crate::units::parse::Quantity;
use fleet::Plan;

/// Serves until a signal ends it.
pub fn run(options: &Serve) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let scenario = document.resolve()?;
    let address = place::address(&options.listen)?;
    if let Some(cpus) = &options.cpus {
        place::pin(cpus)?;
    }
    let plan = plan(options, &scenario, address)?;
    let settings = settings(options, &document, &scenario)?;
    match options.part {
        None if plan.servers * plan.workers > 1 => {
            fleet::run(options, &scenario, &plan, |address| url(options, address))
        }
        _ => alone(options, &scenario, settings, address),
    }
}

/// How many processes it takes, if they can be had.
fn plan(options: &Serve, scenario: &Scenario, address: SocketAddr) -> Result<Plan, Failure> {
    let all = scenario.users.saturating_mul(scenario.workload.connections_per_user);
    let each = all.div_ceil(u64::from(options.servers));
    let limit = scenario.servers.connection_limit;
    let connections = limit.map_or(each, |limit| each.min(limit));
    let workers = match options.workers {
        Workers::Count(count) => count,
        Workers::Auto => u32::try_from(place::workers(connections)).unwrap_or(u32::MAX),
    };
    place::descriptors(connections, u64::from(workers))?;
    let plan = Plan { servers: options.servers, workers, limit, address };
    if plan.servers.saturating_mul(plan.workers) > MOST_PROCESSES {
        return Err(wrong(
            &format!("{} servers of {workers} processes are too many for one machine", plan.servers),
            &format!("{MOST_PROCESSES} processes is the most; start with fewer users"),
        ));
    }
    if plan.servers * plan.workers > 1 && options.input.scenario == "-" {
        return Err(wrong(
            "several processes can't all read the scenario from standard input",
            "write it to a file and name that",
        ));
    }
    Ok(plan)
}

/// Processes that one command starts at most.
const MOST_PROCESSES: u32 = 1_000;

fn wrong(message: &str, help: &str) -> Failure {
    Diagnostics::from(Diagnostic::new(message).help(help)).into()
}

/// Serves in this process.
fn alone(options: &Serve, scenario: &Scenario, settings: Settings, mut address: SocketAddr) -> Result<(), Failure> {
    if let Some(part) = &options.part {
        address = part.address;
        // Should the parent be killed, nobody else would end this process.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
            .map_err(std::io::Error::from)
            .context("can't be told of the parent's end")?;
    }
    let log = settings.log.clone().map(open_log).transpose()?;
    let tls = if options.tls { Some(tls(options, address)?) } else { None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().context("no event loop")?;
    // Before anybody is told that it listens.
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    let listener = place::listen(address, options.part.is_some())?;
    let address = listener.local_addr().context("the address of the socket")?;
    let format = if options.part.is_some() { Format::Json } else { options.format };
    let common = options.part.is_some_and(|part| part.limited).then(|| rustix::io::dup(rustix::stdio::stdin()));
    let common = common.transpose().map_err(std::io::Error::from).context("the connection limit")?;
    let means = Means { log, tls, common, link: links::of(options, scenario) };
    let server = Server::start(settings, listener, means).map_err(|error| match error {
        StartError::System(_) => Failure::from(anyhow::Error::from(error)),
        StartError::Link(_) => anyhow!("{error}").into(),
    })?;
    show::listening(format, &[url(options, address)], &[std::process::id()])?;
    runtime.block_on(std::future::poll_fn(|context| signals.poll(context)));
    show::totals(format, &server.end())
}

fn settings(options: &Serve, document: &Document, scenario: &Scenario) -> Result<Settings, Failure> {
    let mut settings = Settings::of(scenario, document.is_given("servers.cpu.per_message"));
    settings.log = log(options, scenario)?;
    if let Some(part) = &options.part {
        settings.worker = (part.worker, part.workers);
        // The server's cores are dealt out to its processes.
        let (threads, workers) = (settings.threads, part.workers as usize);
        settings.threads = threads / workers + usize::from((part.worker as usize) < threads % workers);
        settings.threads = settings.threads.max(1);
    }
    Ok(settings)
}

fn tls(options: &Serve, address: SocketAddr) -> Result<Tls, Failure> {
    let Some((certificate, key)) = options.cert.as_ref().zip(options.key.as_ref()) else {
        let names = vec!["localhost".to_owned(), address.ip().to_string()];
        return Tls::self_made(names).context("no encryption").map_err(Failure::from);
    };
    let read = |file: &Path| std::fs::read(file).with_context(|| format!("`{}` can't be read", file.display()));
    Tls::of(&read(certificate)?, &read(key)?)
        .with_context(|| format!("no encryption with `{}` and `{}`", certificate.display(), key.display()))
        .map_err(Failure::from)
}

fn log(options: &Serve, scenario: &Scenario) -> Result<Option<LogSettings>, Failure> {
    let Some(folder) = options.log_dir.clone() else { return Ok(None) };
    let Some(logs) = &scenario.logs else {
        return Err(wrong(
            "`--log-dir` needs `logs` in the scenario, which says none",
            "add such as `logs: {bytes_per_message: 1 KB}`",
        ));
    };
    let rotate = option_figure("--log-rotate", &options.log_rotate, Quantity::Bytes).map_err(Diagnostics::from)?;
    if rotate < 1.0 {
        return Err(wrong("`--log-rotate` must be at least 1 B", "write a size such as `64 MB`"));
    }
    let name =
        options.part.map_or_else(|| "messages".to_owned(), |part| format!("messages-{}-{}", part.server, part.worker));
    Ok(Some(LogSettings {
        folder,
        name,
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

fn url(options: &Serve, address: SocketAddr) -> String {
    format!("{}://{address}", if options.tls { "wss" } else { "ws" })
}

/// What ends a server.
struct Signals([Signal; 2]);

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("signals can't be listened to");
        Ok(Self([listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?]))
    }

    /// Whether one of them has come.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
