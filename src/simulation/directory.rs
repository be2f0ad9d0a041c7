//! Who is where: which server a recipient is on, which servers have members of a room, which node of the broker a message
//! goes to.
//!
//! Nothing is kept for a user. A recipient is drawn; the members of a room follow from the room's number, by hashing, so
//! they are the same whenever it is asked.

use std::ops::Range;

use crate::model::fanout::rooms;
use crate::random::{Distribution, Purpose, Stream, Zipf, mix};
use crate::scenario::{FanOut, FaultKind, Room, Scenario};

/// With up to so many members of all rooms together they are listed once, instead of hashed each time.
const LISTED_MEMBERS: f64 = 8e6;

const MOST_RELAYS: u64 = 32;

/// Some members of a room on one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy {
    /// The server, counted within its shard; in a sample of the servers it stands for all that are alike.
    pub place: u32,
    /// How many members are there.
    pub members: u32,
}

/// The servers, shards, rooms and nodes of one run.
#[derive(Debug)]
pub struct Directory {
    shards: Vec<Shard>,
    shard_of: Vec<u32>,
    locality: f64,
    nodes_each_stands_for: f64,
    /// Which part of the broker each node is worked on in, and the shard where it stands.
    relay_of: Vec<u32>,
    home_of_node: Vec<u32>,
    /// Upper ends of each server's share of its shard's connections, where those are uneven.
    ends: Option<Vec<f64>>,
    rooms: Option<Rooms>,
}

/// Servers and nodes of one shard.
#[derive(Debug, Clone, Copy)]
pub struct Shard {
    /// Its first server.
    pub first: u32,
    /// Servers that are simulated.
    pub servers: u32,
    /// Servers that there are.
    pub fleet: u32,
    /// Its first node.
    pub first_node: u32,
    /// Its nodes.
    pub nodes: u32,
    /// Upper end of its share of all users.
    end: f64,
}

#[derive(Debug)]
struct Rooms {
    count: u64,
    popularity: Zipf,
    size: Distribution,
    /// Nobody is in a room twice.
    most: u64,
    seed: u64,
    replication: u64,
    list: Option<List>,
}

/// The copies of all rooms, one after the other.
#[derive(Debug)]
struct List {
    starts: Vec<u32>,
    copies: Vec<Copy>,
}

/// How large a run's fleet is, and how much of it is simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Servers of each shard that are simulated.
    pub simulated: Vec<u64>,
    /// Servers of each shard.
    pub fleet: Vec<u64>,
    /// Nodes simulated.
    pub nodes: u64,
    /// Nodes there are.
    pub fleet_nodes: u64,
}

impl Directory {
    /// The directory of a run; `connections` are those of each simulated server at the start.
    pub fn new(scenario: &Scenario, extent: &Extent, connections: &[u64], seed: u64, replication: u64) -> Self {
        let count = extent.fleet.len() as u64;
        let shares = scenario.sharding.as_ref().map_or_else(|| vec![1.0], crate::scenario::Sharding::shares);
        let (mut first, mut end) = (0, 0.0);
        let mut shards = Vec::new();
        let mut shard_of = Vec::new();
        for shard in 0..count {
            let servers = extent.simulated[shard as usize] as u32;
            // With fewer nodes than shards, neighbours share one.
            let first_node = shard * extent.nodes / count;
            let nodes = ((shard + 1) * extent.nodes / count).max(first_node + 1) - first_node;
            end += shares[shard as usize];
            shards.push(Shard {
                first,
                servers,
                fleet: extent.fleet[shard as usize] as u32,
                first_node: first_node as u32,
                nodes: nodes as u32,
                end,
            });
            shard_of.extend((0..servers).map(|_| shard as u32));
            first += servers;
        }
        let mut directory = Self {
            shards,
            shard_of,
            locality: scenario.sharding.as_ref().map_or(1.0, |sharding| sharding.locality.get()),
            relay_of: Vec::new(),
            home_of_node: Vec::new(),
            nodes_each_stands_for: extent.fleet_nodes as f64 / extent.nodes as f64,
            ends: None,
            rooms: None,
        };
        directory.relay_of = directory.relays(extent.nodes, scenario);
        for (number, shard) in directory.shards.iter().enumerate() {
            // A node that several shards share stands in the first of them.
            directory.home_of_node.resize((shard.first_node + shard.nodes) as usize, number as u32);
        }
        let uneven = directory.shards.iter().any(|shard| {
            let counts = &connections[shard.first as usize..(shard.first + shard.servers) as usize];
            let (least, most) = (counts.iter().min(), counts.iter().max());
            least.zip(most).is_some_and(|(least, most)| most - least > 1)
        });
        if uneven {
            directory.ends = Some(directory.cumulated(connections));
        }
        if let FanOut::Room(room) = &scenario.workload.fan_out {
            let all = scenario.users as f64 * scenario.workload.connections_per_user as f64;
            directory.rooms = Some(directory.furnish(room, all, seed, replication));
        }
        directory
    }

    /// Nodes are worked on in up to so many parts, whatever the number of threads; where each shard has nodes of its own,
    /// as many for each.
    fn relays(&self, nodes: u64, scenario: &Scenario) -> Vec<u32> {
        // Where nodes take over from each other, they are worked on together.
        let together = scenario.faults.iter().any(|fault| matches!(fault.kind, FaultKind::LoseBroker { .. }));
        let shards = self.shards.len() as u64;
        if together || nodes < shards || shards > MOST_RELAYS {
            let relays = if together { 1 } else { nodes.min(MOST_RELAYS) };
            return (0..nodes).map(|node| (node * relays / nodes) as u32).collect();
        }
        let each = (MOST_RELAYS / shards).min(nodes / shards) as u32;
        let of_shard = |(i, shard): (usize, &Shard)| {
            let nodes = shard.nodes;
            (0..nodes).map(move |node| i as u32 * each + node * each / nodes)
        };
        self.shards.iter().enumerate().flat_map(of_shard).collect()
    }

    /// The servers of each shard, where each has relays of its own; else all servers.
    pub fn sites(&self) -> Vec<Range<usize>> {
        let relays_of = |shard: &Shard| {
            let nodes = shard.first_node as usize..(shard.first_node + shard.nodes) as usize;
            (self.relay_of[nodes.start], self.relay_of[nodes.end - 1])
        };
        let apart = self.shards.windows(2).all(|two| relays_of(&two[0]).1 < relays_of(&two[1]).0);
        if !apart {
            return std::iter::once(0..self.shard_of.len()).collect();
        }
        self.shards.iter().map(|shard| shard.first as usize..(shard.first + shard.servers) as usize).collect()
    }

    fn cumulated(&self, connections: &[u64]) -> Vec<f64> {
        let mut ends = Vec::with_capacity(connections.len());
        for shard in &self.shards {
            let counts = &connections[shard.first as usize..(shard.first + shard.servers) as usize];
            let total = counts.iter().sum::<u64>().max(1) as f64;
            let mut sum = 0.0;
            ends.extend(counts.iter().map(|count| {
                sum += *count as f64;
                sum / total
            }));
        }
        ends
    }

    fn furnish(&self, room: &Room, connections: f64, seed: u64, replication: u64) -> Rooms {
        let count = rooms(room, connections);
        let mut rooms = Rooms {
            count: count as u64,
            popularity: Zipf::new(count, room.zipf),
            size: room.size.clone(),
            most: connections.max(1.0) as u64,
            seed,
            replication,
            list: None,
        };
        if count * room.size.mean() <= LISTED_MEMBERS {
            let (mut starts, mut copies, mut one) = (vec![0], Vec::new(), Vec::new());
            for number in 0..rooms.count {
                self.seat(&rooms, number, &mut one);
                copies.extend_from_slice(&one);
                starts.push(copies.len() as u32);
            }
            rooms.list = Some(List { starts, copies });
        }
        rooms
    }

    /// Puts a room's members on servers.
    fn seat(&self, rooms: &Rooms, number: u64, copies: &mut Vec<Copy>) {
        copies.clear();
        let shard = &self.shards[self.home(number) as usize];
        let size = rooms.size.constant().unwrap_or_else(|| {
            let mut stream = Stream::named(rooms.seed, rooms.replication, number, Purpose::Rooms);
            rooms.size.sample(&mut stream)
        });
        let name = mix(mix(mix(rooms.seed) ^ rooms.replication) ^ number);
        for member in 0..(size.round().max(1.0) as u64).min(rooms.most) {
            let bits = mix(name ^ member.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            copies.push(Copy { place: self.place(shard, bits), members: 1 });
        }
        copies.sort_unstable();
        copies.dedup_by(|next, kept| {
            let same = next.place == kept.place;
            kept.members += if same { next.members } else { 0 };
            same
        });
    }

    /// A server of a shard, by random bits.
    fn place(&self, shard: &Shard, bits: u64) -> u32 {
        match &self.ends {
            Some(ends) if shard.fleet == shard.servers => {
                let ends = &ends[shard.first as usize..(shard.first + shard.servers) as usize];
                let draw = (bits >> 11) as f64 / 9_007_199_254_740_992.0;
                (ends.partition_point(|end| *end <= draw) as u32).min(shard.servers - 1)
            }
            _ => ((u128::from(bits) * u128::from(shard.fleet)) >> 64) as u32,
        }
    }

    /// The shard that a room lives in.
    pub fn home(&self, room: u64) -> u32 {
        (room % self.shards.len() as u64) as u32
    }

    /// A shard.
    pub fn shard(&self, number: u32) -> &Shard {
        &self.shards[number as usize]
    }

    /// The shard of a server.
    pub fn shard_of(&self, server: u32) -> u32 {
        self.shard_of[server as usize]
    }

    /// In a sample, how many nodes of the fleet one stands for: a server gathers batches for each of them.
    pub fn nodes_each_stands_for(&self) -> f64 {
        self.nodes_each_stands_for
    }

    /// Whether a node stands where a server does. With fewer nodes than shards, some shards have none.
    pub fn is_near(&self, server: u32, node: u32) -> bool {
        self.shard_of(server) == self.home_of_node[node as usize]
    }

    /// The part of the broker that a node belongs to.
    pub fn relay_of(&self, node: u32) -> usize {
        self.relay_of[node as usize] as usize
    }

    /// How many nodes each part of the broker has.
    pub fn relay_sizes(&self) -> Vec<u32> {
        let mut sizes = Vec::new();
        for &relay in &self.relay_of {
            sizes.resize(relay as usize + 1, 0);
            sizes[relay as usize] += 1;
        }
        sizes
    }

    /// Nodes simulated.
    pub fn nodes(&self) -> u32 {
        self.relay_of.len() as u32
    }

    /// Servers that there are.
    pub fn fleet(&self) -> u32 {
        self.shards.iter().map(|shard| shard.fleet).sum()
    }

    /// Shards.
    pub fn shards(&self) -> u32 {
        self.shards.len() as u32
    }

    /// Servers simulated.
    pub fn servers(&self) -> u32 {
        self.shard_of.len() as u32
    }

    /// The simulated server at a place of a shard: in a sample, one stands for several.
    pub fn server_at(&self, shard: &Shard, place: u32) -> u32 {
        shard.first + place % shard.servers
    }

    /// The place of a server in its shard.
    pub fn place_of(&self, server: u32) -> u32 {
        server - self.shards[self.shard_of[server as usize] as usize].first
    }

    /// The shard of a message's recipients: the sender's own, or another in proportion to its users.
    fn destination(&self, own: u32, stream: &mut Stream) -> u32 {
        if self.shards.len() == 1 || stream.unit() < self.locality {
            return own;
        }
        loop {
            let draw = stream.unit();
            let shard = self.shards.partition_point(|shard| shard.end <= draw).min(self.shards.len() - 1) as u32;
            if shard != own {
                return shard;
            }
        }
    }

    /// The server of a random user whom somebody on this server writes to.
    pub fn recipient(&self, from: u32, stream: &mut Stream) -> u32 {
        let shard = &self.shards[self.destination(self.shard_of(from), stream) as usize];
        match &self.ends {
            Some(_) if shard.fleet == shard.servers => shard.first + self.place(shard, stream.bits()),
            _ => shard.first + stream.below(u64::from(shard.servers)) as u32,
        }
    }

    /// The room that somebody on this server writes to.
    pub fn room(&self, from: u32, stream: &mut Stream) -> u64 {
        let Some(rooms) = &self.rooms else { return 0 };
        let number = rooms.popularity.sample(stream) - 1;
        let shards = self.shards.len() as u64;
        if shards == 1 {
            return number;
        }
        let home = u64::from(self.destination(self.shard_of(from), stream));
        let moved = number / shards * shards + home;
        if moved < rooms.count { moved } else { home.min(rooms.count - 1) }
    }

    /// Where a room's members are; `scratch` is used where they are not listed.
    pub fn copies<'a>(&'a self, room: u64, scratch: &'a mut Vec<Copy>) -> &'a [Copy] {
        let Some(rooms) = &self.rooms else { return &[] };
        if let Some(list) = &rooms.list {
            let at = |i: u64| list.starts[i as usize] as usize;
            return &list.copies[at(room)..at(room + 1)];
        }
        self.seat(rooms, room, scratch);
        scratch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(zipf: f64, room: f64, servers: u64) -> Directory {
        let extent = Extent { simulated: vec![servers], fleet: vec![servers], nodes: 1, fleet_nodes: 1 };
        let yaml = format!(
            "users: 10_000\nworkload: {{message: {{rate: 1/s}}, fan_out: {{room: {room}, popularity: {{zipf: {zipf}}}}}}}\n\
             broker: nats"
        );
        let scenario =
            crate::scenario::Document::parse("test", yaml.as_bytes(), &|_| Err(std::io::ErrorKind::NotFound.into()))
                .and_then(|document| document.resolve())
                .unwrap();
        Directory::new(&scenario, &extent, &vec![10_000 / servers; servers as usize], 1, 0)
    }

    #[test]
    fn a_room_has_its_members_spread_as_theory_says() {
        let directory = directory(0.0, 50.0, 40);
        let (mut scratch, mut members, mut servers) = (Vec::new(), 0, 0);
        for room in 0..200 {
            let copies = directory.copies(room, &mut scratch);
            members += copies.iter().map(|copy| copy.members).sum::<u32>();
            servers += copies.len();
        }
        assert_eq!(members, 200 * 50);
        // 40·(1 − (1 − 1/40)^50) = 28.7 servers a room.
        let expected = 40.0 * (1.0 - (1.0 - 1.0 / 40.0_f64).powi(50));
        assert!((servers as f64 / 200.0 - expected).abs() < 0.6, "{servers}");
    }

    #[test]
    fn popular_rooms_are_drawn_in_proportion() {
        let directory = directory(1.1, 50.0, 40);
        let mut stream = Stream::named(1, 0, 0, Purpose::Recipients);
        let first = (0..100_000).filter(|_| directory.room(0, &mut stream) == 0).count() as f64 / 100_000.0;
        let expected = 1.0 / crate::model::fanout::harmonics(200.0, 1.1).0;
        assert!((first / expected - 1.0).abs() < 0.03, "{first} {expected}");
    }
}
