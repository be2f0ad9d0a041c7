//! `plimsoll explore`: a page on this machine that turns a scenario's knobs.
//!
//! The page sends what it changed (`--set` assignments), and gets what `estimate` and `simulate` say of it: there is one
//! model, and the page works nothing out. Only this machine's browsers are served (`guard`).

mod answers;
mod guard;
mod http;
mod runs;
mod turns;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rayon::ThreadPool;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use self::answers::Base;
use self::guard::Guard;
use self::turns::Turns;
use super::serve::place;
use super::{Failure, input, output};
use crate::analysis::assess;
use crate::cli::Explore;
use crate::diagnostic::{Diagnostic, Diagnostics, quoted, visible};

/// Browsers open a handful each.
const MOST_CONNECTIONS: usize = 100;
/// How long a request's head may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What all connections share.
#[derive(Debug)]
struct Site {
    guard: Guard,
    base: Base,
    turns: Arc<Turns>,
    /// Seats of closed forms: one for each core, roughly.
    answering: Arc<Semaphore>,
    /// Seats of simulations.
    simulating: Arc<Semaphore>,
    /// The threads of simulations.
    pool: ThreadPool,
}

/// Serves the page until a signal ends it.
pub fn run(options: &Explore) -> Result<(), Failure> {
    let address = loopback(&options.listen)?;
    let document = input::document(&options.input)?;
    // What is wrong with the file is said here, not in the browser.
    let name = assess(&document)?.scenario.name;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let listener = place::listen(address, false)?;
    let address = listener.local_addr().context("the address of the socket")?;
    let site = Arc::new(Site {
        guard: Guard::new(address),
        base: Base::new(&options.input.scenario, document),
        turns: Arc::default(),
        answering: Arc::new(Semaphore::new(rayon::current_num_threads().max(1))),
        simulating: Arc::new(Semaphore::new(runs::AT_ONCE)),
        pool: runs::pool()?,
    });
    let served = runtime.block_on(async {
        let (mut end, mut interrupt) = (listen_to(SignalKind::terminate())?, listen_to(SignalKind::interrupt())?);
        listener.set_nonblocking(true).context("the socket")?;
        let listener = TcpListener::from_std(listener).context("the socket")?;
        output::print_plain(&format!("exploring {} on http://{address}/\n", visible(&name)))?;
        tokio::select! {
            () = serve(&listener, &site) => {}
            _ = end.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    });
    site.turns.end();
    // What is being computed for a page is of no use to anybody now.
    runtime.shutdown_background();
    served
}

fn listen_to(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Failure> {
    signal(kind).context("signals can't be listened to").map_err(Failure::from)
}

/// The address that is typed, if it is this machine's own.
fn loopback(text: &str) -> Result<SocketAddr, Failure> {
    let address = place::address(text)?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let error = Diagnostic::new(format!("`--listen` {} can be reached from other machines", quoted(text)))
        .help("the page is for this machine only: choose an address such as `127.0.0.1:8080` or `[::1]:0`");
    Err(Diagnostics::from(error).into())
}

async fn serve(listener: &TcpListener, site: &Arc<Site>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(seat) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, perhaps: others end, and it goes on.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let site = Arc::clone(site);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let site = Arc::clone(&site);
                async move { Ok::<_, std::convert::Infallible>(http::answer(&site, request).await) }
            });
            // A browser that goes away is none of our business.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(seat);
        });
    }
}
