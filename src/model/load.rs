//! What users ask of the service, before any server is counted.

use super::balancer::idle_cuts_per_second;
use super::slow::SlowForm;
use super::wire::{Exchange, Wire};
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
    /// The load planned for, over the mean load of the profile.
    pub peak_to_mean: f64,
    /// Log bytes per hour, after compression and before replication: what there is to keep.
    pub log_bytes_per_hour: f64,
    /// Mean payload of a message as it is encoded, bytes.
    pub message_bytes: f64,
    /// Static files that users load per second, bytes; nothing where the scenario has no CDN.
    pub static_bytes_per_second: f64,
    /// What of them the origin serves, bytes per second.
    pub origin_bytes_per_second: f64,
    /// Mean payload that a message's frame carries: what compression leaves of it, bytes.
    pub carried_bytes: f64,
    /// One message on the wire: what is taken in, and for an echo the answer.
    pub message_wire: Exchange,
    /// One copy handed to another user.
    pub delivery_wire: Exchange,
    /// One message between a server and the broker, bytes; nothing where none goes to other users.
    pub backplane_bytes: f64,
    /// One heartbeat.
    pub heartbeat_wire: Exchange,
    /// Whether each message goes to all connections, so that deliveries grow with the square of the users.
    pub everyone: bool,
    /// One TLS handshake; nothing without TLS.
    pub handshake_wire: Exchange,
}

impl Load {
    /// The load of this scenario.
    pub fn of(scenario: &Scenario) -> Self {
        let workload = &scenario.workload;
        let users = scenario.users as f64;
        let connections = users * workload.connections_per_user as f64;
        let messages_in = users * workload.message_rate.get();
        let copies = match &workload.fan_out {
            FanOut::Echo | FanOut::Direct => 1.0,
            FanOut::None => 0.0,
            FanOut::Room(room) => room.size.mean(),
            FanOut::Broadcast => connections,
        };
        let wire = Wire::of(scenario);
        let size = &workload.message_size;
        let crosses = workload.fan_out.crosses();
        let sessions = workload.session.as_ref().map_or(0.0, |length| connections / length.mean());
        let slow = SlowForm::new(scenario, messages_in * copies / connections);
        let slow_cuts = slow.map_or(0.0, |form| connections * form.share * form.cuts_per_second);
        let connects = sessions + idle_cuts_per_second(scenario) + slow_cuts;
        let statics = scenario.cdn.map_or(0.0, |cdn| sessions * cdn.bytes_per_session.get());
        let log =
            scenario.logs.map_or(0.0, |logs| messages_in * 3_600.0 * logs.bytes_per_message.get() / logs.compression);
        let load = Self {
            users,
            connections,
            messages_in_per_second: messages_in,
            messages_out_per_second: messages_in * copies,
            ingress_bytes_per_second: 0.0,
            egress_bytes_per_second: 0.0,
            ingress_wire_bytes_per_second: 0.0,
            egress_wire_bytes_per_second: 0.0,
            packets_per_second: 0.0,
            heartbeats_per_second: workload.heartbeat.map_or(0.0, |every| connections / every.get()),
            connects_per_second: connects,
            peak_to_mean: workload
                .profile
                .as_ref()
                .map_or(1.0, |profile| profile.curve.peak_to_mean(scenario.simulation.duration.get())),
            log_bytes_per_hour: log,
            message_bytes: size.mean(),
            message_wire: wire.mean_message(size),
            delivery_wire: if crosses { wire.mean_delivery(size) } else { Exchange::default() },
            backplane_bytes: if crosses { wire.mean_backplane(size).bytes } else { 0.0 },
            heartbeat_wire: wire.heartbeat(),
            static_bytes_per_second: statics,
            origin_bytes_per_second: scenario.cdn.map_or(0.0, |cdn| statics * (1.0 - cdn.hit_ratio.get())),
            carried_bytes: wire.mean_carried(size),
            handshake_wire: scenario.protocol.tls.map_or_else(Exchange::default, |tls| wire.handshake(tls)),
            everyone: workload.fan_out == FanOut::Broadcast,
        };
        load.summed()
    }

    /// With the sums of bytes and packets that follow from the counts.
    fn summed(mut self) -> Self {
        let (messages, copies) = (self.messages_in_per_second, self.messages_out_per_second);
        let beats = self.heartbeats_per_second;
        let connects = self.connects_per_second;
        let sum = |pick: &dyn Fn(&Exchange) -> f64| {
            messages * pick(&self.message_wire)
                + copies * pick(&self.delivery_wire)
                + beats * pick(&self.heartbeat_wire)
                + connects * pick(&self.handshake_wire)
        };
        let ingress = sum(&|exchange| exchange.ingress.bytes);
        let egress = sum(&|exchange| exchange.egress.bytes);
        let packets = sum(&|exchange| exchange.ingress.packets + exchange.egress.packets);
        self.ingress_bytes_per_second = messages * self.message_bytes;
        self.egress_bytes_per_second = copies * self.message_bytes;
        self.ingress_wire_bytes_per_second = ingress;
        self.egress_wire_bytes_per_second = egress;
        self.packets_per_second = packets;
        self
    }

    /// The same service with this many times the users.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let copies = if self.everyone { factor * factor } else { factor };
        Self {
            users: self.users * factor,
            connections: self.connections * factor,
            messages_in_per_second: self.messages_in_per_second * factor,
            messages_out_per_second: self.messages_out_per_second * copies,
            heartbeats_per_second: self.heartbeats_per_second * factor,
            connects_per_second: self.connects_per_second * factor,
            log_bytes_per_hour: self.log_bytes_per_hour * factor,
            static_bytes_per_second: self.static_bytes_per_second * factor,
            origin_bytes_per_second: self.origin_bytes_per_second * factor,
            ..*self
        }
        .summed()
    }
}
