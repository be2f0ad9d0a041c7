//! A server as far as its link goes: it notes what arrives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll::live::link::{
    Arrivals, BrokerAddress, Channel, Letter, Link, LinkCounters, LinkEvent, LinkOptions, Namespace, Published,
};
use tokio::time::sleep;

use crate::brokers::BOUND;
use crate::common;

/// A linked server.
#[derive(Debug)]
pub struct Server {
    pub link: Link,
    letters: Arc<Mutex<Vec<Letter>>>,
    events: Arc<Mutex<Vec<LinkEvent>>>,
}

/// How a server differs from others.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub system: &'static str,
    pub queue_bytes: usize,
    pub patience: Duration,
}

pub const USUAL: Setting = Setting { system: "test", queue_bytes: 32 << 20, patience: Duration::from_secs(10) };

impl Server {
    pub async fn new(address: BrokerAddress) -> Self {
        Self::with(address, USUAL).await
    }

    pub async fn with(address: BrokerAddress, setting: Setting) -> Self {
        let mut options = LinkOptions::new(address, Namespace::new(setting.system));
        options.queue_bytes = setting.queue_bytes;
        options.patience = setting.patience;
        let events = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&events);
        options.listener = Some(Box::new(move |event| noted.lock().unwrap().push(event)));
        let (link, arrivals) = Link::connect(options).await.unwrap();
        let letters = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(note(arrivals, Arc::clone(&letters)));
        Self { link, letters, events }
    }

    /// Joins, and waits until the broker knows.
    pub async fn join(&self, channels: &[Channel]) {
        for channel in channels {
            self.link.join(*channel);
        }
        assert!(self.link.settled().await);
    }

    pub fn publish(&self, channel: Channel, contents: &str) {
        assert_eq!(self.link.publish(channel, contents.as_bytes()), Published::Queued);
    }

    /// What has arrived.
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }

    /// The contents of what has arrived on each channel, in order.
    pub fn texts(&self) -> HashMap<Channel, Vec<String>> {
        let mut texts: HashMap<Channel, Vec<String>> = HashMap::new();
        for letter in self.letters() {
            let text = String::from_utf8(letter.bytes.to_vec()).unwrap();
            texts.entry(letter.channel).or_default().push(text);
        }
        texts
    }

    pub fn events(&self) -> Vec<LinkEvent> {
        self.events.lock().unwrap().clone()
    }

    /// Waits until this many letters have arrived, and a little longer for some too many.
    pub async fn receives(&self, count: usize) {
        self.until(|server| server.letters.lock().unwrap().len() >= count).await;
        sleep(Duration::from_millis(50)).await;
        let letters = self.letters();
        assert_eq!(letters.len(), count, "{letters:?}");
    }

    /// Waits for what the counters must come to say.
    pub async fn counts(&self, reached: impl Fn(LinkCounters) -> bool) {
        self.until(|server| reached(server.link.counters())).await;
    }

    async fn until(&self, reached: impl Fn(&Self) -> bool) {
        let start = common::now();
        while !reached(self) {
            let letters = self.letters.lock().unwrap().len();
            assert!(start.elapsed() < BOUND, "{letters} letters; {:?}", self.link.counters());
            sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn note(mut arrivals: Arrivals, letters: Arc<Mutex<Vec<Letter>>>) {
    let mut batch = Vec::new();
    while arrivals.take(&mut batch).await {
        letters.lock().unwrap().append(&mut batch);
    }
}
