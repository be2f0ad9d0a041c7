//! What users ask of the service, before any server is counted.

use super::balancer::idle_cuts_per_second;
use super::wire::Wire;
use crate::scenario::{FanOut, Scenario};

/// The load on the whole service. Messages are the application's; heartbeats count apart, and in the wire bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Users online.
    pub users: f64,
    /// Connections open.
    pub connections: f64,
    /// Messages published per second.
    pub messages_in_per_second: f64,
    /// Messages delivered per second.
    pub messages_out_per_second: f64,
    /// Payload published, bytes per second.
    pub ingress_bytes_per_second: f64,
    /// Payload delivered, bytes per second.
    pub egress_bytes_per_second: f64,
    /// All that enters the servers, bytes per second on the wire.
    pub ingress_wire_bytes_per_second: f64,
    /// All that leaves the servers, bytes per second on the wire.
    pub egress_wire_bytes_per_second: f64,
    /// Packets that enter and leave per second.
    pub packets_per_second: f64,
    /// Heartbeats (a ping and its pong) per second.
    pub heartbeats_per_second: f64,
    /// Connections opened per second, where they don't last for ever: sessions that begin, and users who were cut.
    pub connects_per_second: f64,
    /// Log bytes per hour, after compression and before replication: what there is to keep.
    pub log_bytes_per_hour: f64,
    /// Mean payload of a message, bytes.
    pub message_bytes: f64,
    /// Wire bytes of one message into the server, and out of it.
    pub message_wire_bytes: (f64, f64),
    /// Wire bytes of one heartbeat into the server, and out of it.
    pub heartbeat_wire_bytes: (f64, f64),
}

impl Load {
    /// The load of this scenario.
    pub fn of(scenario: &Scenario) -> Self {
        let workload = &scenario.workload;
        let users = scenario.users as f64;
        let connections = users * workload.connections_per_user as f64;
        let messages_in = users * workload.message_rate.get();
        let copies = match workload.fan_out {
            FanOut::Echo => 1.0,
            FanOut::None => 0.0,
        };
        let size = workload.message_size.mean();
        let heartbeats = workload.heartbeat.map_or(0.0, |every| connections / every.get());
        let wire = Wire::of(scenario);
        let message = wire.mean_message(&workload.message_size);
        let beat = wire.heartbeat();
        let connects = workload.session.as_ref().map_or(0.0, |length| connections / length.mean())
            + idle_cuts_per_second(scenario);
        let log =
            scenario.logs.map_or(0.0, |logs| messages_in * 3_600.0 * logs.bytes_per_message.get() / logs.compression);
        Self {
            users,
            connections,
            messages_in_per_second: messages_in,
            messages_out_per_second: messages_in * copies,
            ingress_bytes_per_second: messages_in * size,
            egress_bytes_per_second: messages_in * copies * size,
            ingress_wire_bytes_per_second: messages_in * message.ingress.bytes + heartbeats * beat.ingress.bytes,
            egress_wire_bytes_per_second: messages_in * message.egress.bytes + heartbeats * beat.egress.bytes,
            packets_per_second: messages_in * (message.ingress.packets + message.egress.packets)
                + heartbeats * (beat.ingress.packets + beat.egress.packets),
            heartbeats_per_second: heartbeats,
            connects_per_second: connects,
            log_bytes_per_hour: log,
            message_bytes: size,
            message_wire_bytes: (message.ingress.bytes, message.egress.bytes),
            heartbeat_wire_bytes: (beat.ingress.bytes, beat.egress.bytes),
        }
    }

    /// The same service with this many times the users.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self {
            users: self.users * factor,
            connections: self.connections * factor,
            messages_in_per_second: self.messages_in_per_second * factor,
            messages_out_per_second: self.messages_out_per_second * factor,
            ingress_bytes_per_second: self.ingress_bytes_per_second * factor,
            egress_bytes_per_second: self.egress_bytes_per_second * factor,
            ingress_wire_bytes_per_second: self.ingress_wire_bytes_per_second * factor,
            egress_wire_bytes_per_second: self.egress_wire_bytes_per_second * factor,
            packets_per_second: self.packets_per_second * factor,
            heartbeats_per_second: self.heartbeats_per_second * factor,
            connects_per_second: self.connects_per_second * factor,
            log_bytes_per_hour: self.log_bytes_per_hour * factor,
            ..*self
        }
    }
}
