//! How the processes of `plimsoll serve` are linked: which broker, and who runs it.
//!
//! One that is named by its address is there already. The embedded one is run by the parent of several processes, which
//! tells them where it is; a process that is alone has nobody to be linked to by it.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::show;
use crate::app::{Failure, output};
use crate::cli::Serve;
use crate::live::link::{BrokerAddress, EmbeddedBroker, Link, LinkOptions, Namespace};
use crate::scenario::Scenario;

/// The link of a process that serves, if it has one.
pub fn of(options: &Serve, scenario: &Scenario) -> Option<LinkOptions> {
    let broker = options.link.as_ref().or_else(|| named(options))?;
    let mut link = through(broker, scenario);
    let is_child = options.part.is_some();
    link.listener = Some(Box::new(move |event| {
        if is_child {
            // The parent says it for all.
            let _ = show::link_event(&event);
        } else {
            output::complain(&event.to_string());
        }
    }));
    Some(link)
}

/// The broker for several processes: one that runs as long as this lives.
#[derive(Debug)]
pub struct Embedded {
    broker: EmbeddedBroker,
    _runtime: Runtime,
}

impl Embedded {
    /// Runs one, if these processes need it.
    pub fn start(options: &Serve, scenario: &Scenario) -> Result<Option<Self>, Failure> {
        if named(options).is_some() || !scenario.workload.fan_out.crosses() {
            return Ok(None);
        }
        // A thread of its own, since the parent's own sleeps until a signal comes.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("broker")
            .enable_all()
            .build()
            .context("the embedded broker can't be started")?;
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let broker = runtime.block_on(EmbeddedBroker::start(anywhere)).map_err(anyhow::Error::from)?;
        Ok(Some(Self { broker, _runtime: runtime }))
    }

    /// What the processes are told.
    pub fn argument(&self) -> String {
        format!("--link={}", self.broker.address().argument())
    }
}

/// Sees whether the broker that is named is there, so that it is said once if it isn't.
pub fn check(options: &Serve, scenario: &Scenario, runtime: &Runtime) -> Result<(), Failure> {
    let Some(broker) = named(options) else { return Ok(()) };
    runtime.block_on(async {
        let (link, _) = Link::connect(through(broker, scenario)).await.map_err(anyhow::Error::from)?;
        link.close().await;
        Ok(())
    })
}

fn named(options: &Serve) -> Option<&BrokerAddress> {
    options.broker.as_ref().filter(|broker| **broker != BrokerAddress::Embedded)
}

fn through(broker: &BrokerAddress, scenario: &Scenario) -> LinkOptions {
    LinkOptions::new(broker.clone(), Namespace::new(&scenario.name))
}
