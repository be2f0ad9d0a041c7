//! The backend that messages read from, and the cache before it.

use super::draft::{Draft, World};
use super::types::{Backend, Cache};
use crate::random::Distribution;
use crate::stats::cache::LruForm;
use crate::units::display::{bytes, ratio};
use crate::units::{Bytes, Rate, Ratio, Seconds};

/// CPU of a look into a cache of the server's own: assumed, a hash table and a copy of a KB.
const LOOK_NEARBY: f64 = 1e-6;
/// … and into a shared one: assumed to be what a message to the broker and one from it cost together.
const LOOK_AFAR: f64 = 10e-6;
/// Most of the memory to plan for that caches may take: connections need some.
const MOST_OF_MEMORY: f64 = 0.9;

/// The backend of a world, if it has one.
pub(super) fn backend(world: &World) -> Option<Backend> {
    let latency = || world.random("backend.latency").or_else(|| world.random("latency.server"));
    world.is_section("backend").then(|| Backend {
        queries_per_message: world.figure("backend.queries_per_message").unwrap_or(1.0),
        per_query: world.random("backend.per_query").unwrap_or(Distribution::ZERO),
        cores: world.figure("backend.cores").unwrap_or(1.0) as u32,
        nodes: world.figure("backend.nodes").map(|nodes| nodes as u64),
        latency: latency().unwrap_or(Distribution::ZERO),
    })
}

/// The cache of a world, if it has one.
pub(super) fn cache(world: &World) -> Option<Cache> {
    if !world.is_section("cache") {
        return None;
    }
    let shared = is_shared(world);
    let objects = world.figure("cache.objects").unwrap_or(1.0);
    let zipf = if world.is_section("cache.popularity") { world.figure("cache.popularity.zipf") } else { None };
    let zipf = zipf.unwrap_or(0.0);
    // The middle leaves room for connections; the end of an interval may not, and then the room holds.
    let room = if shared { f64::INFINITY } else { memory_for_caches(world) / object_size(world) };
    let size = size(world)?.min(room).floor().max(1.0);
    let usual = Distribution::Constant(if shared { LOOK_AFAR } else { LOOK_NEARBY });
    Some(Cache {
        shared,
        objects: objects as u64,
        size: size as u64,
        object_size: Bytes::new(object_size(world)),
        zipf,
        ttl: world.figure("cache.ttl").map(Seconds::new),
        writes: Rate::new(world.figure("cache.writes").unwrap_or(0.0)),
        cold: world.word("cache.start") == Some("cold"),
        lookup_cpu: world.random("cache.lookup_cpu").unwrap_or(usual),
        form: LruForm::new(objects, zipf, size),
    })
}

fn is_shared(world: &World) -> bool {
    world.word("cache.where") == Some("shared")
}

fn object_size(world: &World) -> f64 {
    world.figure("cache.object_size").unwrap_or(1.0)
}

/// Objects that fit, as they are given: their number, or the memory they take.
fn size(world: &World) -> Option<f64> {
    world.figure("cache.size").or_else(|| world.figure("cache.memory").map(|all| all / object_size(world)))
}

/// What caches may take of a server's memory.
fn memory_for_caches(world: &World) -> f64 {
    let figure = |path| world.figure(path).unwrap_or(f64::INFINITY);
    MOST_OF_MEMORY * figure("servers.memory") * figure("servers.target_utilisation")
}

/// What of backend and cache can't be together with other keys.
pub(super) fn contradictions(
    draft: &Draft,
    world: &World,
    fan_out: Option<&str>,
    conflict: &mut dyn FnMut(&[&str], String, &str),
) {
    if let Some(fan_out) = fan_out
        && world.is_section("backend")
    {
        conflict(
            &["backend"],
            format!("`backend` together with `fan_out: {fan_out}` is not modelled yet"),
            "use `fan_out: echo` or `none`: then each message is answered when its reads are done",
        );
    }
    let waits = ["workload.timeout", "workload.retry", "faults"].into_iter().find(|path| draft.place(path).is_some());
    if let Some(path) = waits.filter(|path| world.word(path) != Some("none"))
        && world.is_section("backend")
    {
        conflict(
            &[path],
            format!("`backend` together with `{}` is not modelled yet", path.trim_start_matches("workload.")),
            "leave one of them out",
        );
    }
    if !world.is_section("cache") {
        return;
    }
    if !world.is_section("backend") {
        conflict(
            &["cache"],
            "`cache` needs a `backend`: it holds copies of what is read there".to_owned(),
            "say what is read, such as `backend: {queries_per_message: 1, per_query: 1 ms}`",
        );
    }
    let Some(fits) = size(world) else {
        conflict(
            &["cache"],
            "`cache` needs a `size`, or a `memory`".to_owned(),
            "say how many objects fit, such as `size: 100k`, or what it takes, such as `memory: 1 GB`",
        );
        return;
    };
    if draft.place("cache.size").is_some() && draft.place("cache.memory").is_some() {
        conflict(
            &["cache.memory"],
            "`size` and `memory` say the same, twice".to_owned(),
            "keep one of them: a cache of this memory holds memory / object_size objects",
        );
    }
    if fits < 1.0 {
        conflict(
            &["cache.memory", "cache.object_size"],
            format!("not even one object of {} fits into the cache", bytes(Bytes::new(object_size(world)))),
            "give it more memory",
        );
    }
    let takes = fits.min(world.figure("cache.objects").unwrap_or(fits)) * object_size(world);
    if !is_shared(world) && takes > memory_for_caches(world) {
        let target = world.figure("servers.target_utilisation").unwrap_or(1.0);
        conflict(
            &["cache.size", "cache.memory", "cache.object_size", "servers.memory"],
            format!(
                "a cache of {} leaves no room for connections: {} of a server's {} are planned for, and it may take 90 % of that",
                bytes(Bytes::new(takes)),
                ratio(Ratio::new(target)),
                bytes(Bytes::new(world.figure("servers.memory").unwrap_or(0.0)))
            ),
            "make it smaller, give servers more memory, or have one for all (`where: shared`)",
        );
    }
}
