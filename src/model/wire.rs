//! What a message costs on the wire: WebSocket frame, TLS records, TCP/IP packets, what is below IP, acknowledgements.
//!
//! | layer | bytes | source |
//! |---|---|---|
//! | WebSocket header | 2, 4 or 10 for payloads up to 125, 65,535 or more; 4 more for the mask of a client | RFC 6455, 5.2 |
//! | TLS 1.3 record | 5 header + 1 content type + 16 tag, for each 16,384 bytes | RFC 8446, 5.1 and 5.2 |
//! | TCP and IPv4 | 20 + 20, and 12 for the timestamps option | RFC 9293, 791, 7323 |
//! | TLS 1.3 handshake | [`Wire::handshake`] has its parts | RFC 8446, 4 |
//! | Ethernet | 14 header + 4 check sequence + 8 preamble + 12 gap | IEEE 802.3 |
//! | pure acknowledgement | an empty packet; one for every second packet at once, for a single one after 40 ms unless data go back first | RFC 5681, 4.2; Linux's `TCP_DELACK_MIN` |

use super::compression::Compression;
use crate::random::{Distribution, Purpose, Stream};
use crate::scenario::{Arrivals, FanOut, Link, LinkKind, Scenario, Tls};
use crate::stats::queueing::stationary;

const TLS_RECORD: f64 = 16_384.0;
const TLS_OVERHEAD: f64 = 5.0 + 1.0 + 16.0;
const TCP_IP: f64 = 20.0 + 20.0 + 12.0;
const ETHERNET: f64 = 14.0 + 4.0 + 8.0 + 12.0;
const MASK: f64 = 4.0;
/// A `ClientHello` with the extensions of a browser, in a plain record.
const CLIENT_HELLO: f64 = 5.0 + 517.0;
/// What a `ClientHello` that would resume a session has on top: a ticket and its binder.
const TICKET_OFFERED: f64 = 280.0;
/// A `ServerHello`, in a plain record, and `ChangeCipherSpec`, which is sent for the sake of middleboxes.
const SERVER_HELLO: f64 = 5.0 + 122.0 + 6.0;
/// `EncryptedExtensions` and `Finished`, in a record.
const SERVER_FINISHED: f64 = TLS_OVERHEAD + 10.0 + 36.0;
/// `Certificate` (two of ECDSA P-256, 1,200 B each) and `CertificateVerify`, where no session is resumed.
const CERTIFICATES: f64 = 2.0 * 1_200.0 + 79.0;
/// The client's `ChangeCipherSpec` and `Finished`.
const CLIENT_FINISHED: f64 = 6.0 + TLS_OVERHEAD + 36.0;
/// Two `NewSessionTicket`s, as OpenSSL sends them.
const TICKETS: f64 = 2.0 * (TLS_OVERHEAD + 230.0);
/// How many draws a mean over sizes is of.
const DRAWS: u32 = 512;
/// What Redis's protocol, NATS's or Kafka's record adds to a payload: lengths, the channel's name, a timestamp. An
/// assumption; theirs vary with the length of names.
pub const BACKPLANE_HEADER: f64 = 64.0;
/// How long an acknowledgement waits for data to ride on, in seconds.
pub const DELAYED_ACK_SECONDS: f64 = 0.040;

/// Bytes and packets of something sent one way.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sent {
    /// Bytes as the line carries them.
    pub bytes: f64,
    /// Packets.
    pub packets: f64,
}

/// Bytes and packets of one exchange, into the server and out of it, acknowledgements included.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Exchange {
    /// Into the server.
    pub ingress: Sent,
    /// Out of the server.
    pub egress: Sent,
}

/// The arithmetic of the wire, for one scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wire {
    tls: bool,
    segment: f64,
    per_packet: f64,
    /// Chance that an acknowledgement of the server's data travels alone.
    client_acks_alone: f64,
    echo: bool,
    compression: Option<Compression>,
}

impl Wire {
    /// The wire of this scenario.
    pub fn of(scenario: &Scenario) -> Self {
        let Link { kind, mtu } = scenario.link;
        let connections = scenario.workload.connections_per_user as f64;
        let rate = scenario.workload.message_rate.get() / connections;
        // The user's next message carries the acknowledgement if it comes in time.
        let client_acks_alone = match &scenario.workload.arrivals {
            Arrivals::Periodic => f64::from(u8::from(rate * DELAYED_ACK_SECONDS < 1.0)),
            // Of messages: a state with more of them counts for more.
            Arrivals::Mmpp { rates, switch } => {
                let share = |rate: f64| rate * (-rate / connections * DELAYED_ACK_SECONDS).exp();
                let mean: f64 = rates.iter().zip(stationary(switch)).map(|(rate, time)| share(*rate) * time).sum();
                mean / scenario.workload.message_rate.get()
            }
            Arrivals::Poisson | Arrivals::Batch(_) | Arrivals::Trace { .. } => (-rate * DELAYED_ACK_SECONDS).exp(),
        };
        Self {
            tls: scenario.protocol.tls.is_some(),
            segment: mtu.get() - TCP_IP,
            per_packet: TCP_IP
                + match kind {
                    LinkKind::Ethernet => ETHERNET,
                    LinkKind::Loopback => 0.0,
                },
            client_acks_alone,
            echo: scenario.workload.fan_out == FanOut::Echo,
            compression: Compression::of(scenario),
        }
    }

    /// What a frame carries of a payload of this size: what compression leaves of it.
    fn carried(&self, payload: f64) -> f64 {
        self.compression.map_or(payload, |compression| compression.compressed(payload))
    }

    /// A frame of this payload, masked when a client sends it.
    pub fn frame(&self, payload: f64, masked: bool) -> Sent {
        let payload = payload.round();
        let header = if payload <= 125.0 {
            2.0
        } else if payload <= 65_535.0 {
            4.0
        } else {
            10.0
        };
        let mut stream = payload + header + if masked { MASK } else { 0.0 };
        if self.tls {
            stream += (stream / TLS_RECORD).ceil() * TLS_OVERHEAD;
        }
        let packets = (stream / self.segment).ceil();
        Sent { bytes: stream + packets * self.per_packet, packets }
    }

    /// Acknowledgements that answer so many packets: one for each pair, and one for an odd one that travels alone with
    /// this chance.
    fn acks(&self, packets: f64, alone: f64) -> Sent {
        let acks = (packets / 2.0).floor() + (packets % 2.0) * alone;
        Sent { bytes: acks * self.per_packet, packets: acks }
    }

    /// A copy handed to a user: the frame out, its acknowledgement in.
    pub fn delivery(&self, payload: f64) -> Exchange {
        let outgoing = self.frame(self.carried(payload), false);
        Exchange { ingress: self.acks(outgoing.packets, self.client_acks_alone), egress: outgoing }
    }

    /// A message between a server and a broker, inside the service: no TLS and no WebSocket, but the broker's own header
    /// and, for each second packet, an acknowledgement (which rides on the traffic the other way).
    pub fn backplane(&self, payload: f64) -> Sent {
        let stream = payload.round() + BACKPLANE_HEADER;
        let packets = (stream / self.segment).ceil();
        Sent { bytes: stream + packets * self.per_packet, packets }
    }

    /// A message taken in and, in an echo, answered.
    pub fn message(&self, payload: f64) -> Exchange {
        let payload = self.carried(payload);
        let incoming = self.frame(payload, true);
        if !self.echo {
            return Exchange { ingress: incoming, egress: self.acks(incoming.packets, 1.0) };
        }
        let outgoing = self.frame(payload, false);
        Exchange {
            ingress: incoming + self.acks(outgoing.packets, self.client_acks_alone),
            // The answer itself carries the acknowledgement of an odd packet.
            egress: outgoing + self.acks(incoming.packets, 0.0),
        }
    }

    /// What an echo sends besides when its answer comes too late to carry the acknowledgement of the message.
    pub fn late_answer(&self, payload: f64) -> Sent {
        let packets = self.frame(self.carried(payload), true).packets;
        self.acks(packets % 2.0, if self.echo { 1.0 } else { 0.0 })
    }

    /// A heartbeat: an empty ping in, an empty pong out.
    pub fn heartbeat(&self) -> Exchange {
        let pong = self.frame(0.0, false);
        Exchange { ingress: self.frame(0.0, true) + self.acks(pong.packets, self.client_acks_alone), egress: pong }
    }

    /// A TLS handshake: one flight each way, the client's end and the server's tickets. All acknowledgements but those
    /// within the server's flight ride on what is sent anyway.
    pub fn handshake(&self, tls: Tls) -> Exchange {
        let sent = |bytes: f64| {
            let packets = (bytes / self.segment).ceil();
            Sent { bytes: bytes + packets * self.per_packet, packets }
        };
        let with = |offered: f64, certificates: f64| {
            let flight = sent(SERVER_HELLO + SERVER_FINISHED + certificates);
            Exchange {
                ingress: sent(CLIENT_HELLO + offered) + sent(CLIENT_FINISHED) + self.acks(flight.packets, 0.0),
                egress: flight + sent(TICKETS),
            }
        };
        let (full, resumed) = (with(0.0, CERTIFICATES), with(TICKET_OFFERED, 0.0));
        let share = tls.resumption.get();
        let mean = |full: Sent, resumed: Sent| Sent {
            bytes: full.bytes + share * (resumed.bytes - full.bytes),
            packets: full.packets + share * (resumed.packets - full.packets),
        };
        Exchange { ingress: mean(full.ingress, resumed.ingress), egress: mean(full.egress, resumed.egress) }
    }

    /// What a frame carries of a payload on average, in bytes. Exact without compression and for a constant; otherwise
    /// the mean payload over the ratio of 512 fixed draws.
    pub fn mean_carried(&self, payload: &Distribution) -> f64 {
        match (payload.constant(), self.compression) {
            (_, None) => payload.mean(),
            (Some(constant), _) => self.carried(constant),
            (None, Some(_)) => {
                let mut stream = Stream::named(0, 0, 0, Purpose::Size);
                let (mut carried, mut payloads) = (0.0, 0.0);
                for _ in 0..DRAWS {
                    let size = payload.sample(&mut stream);
                    payloads += size;
                    carried += self.carried(size);
                }
                if payloads > 0.0 { payload.mean() * carried / payloads } else { 0.0 }
            }
        }
    }

    /// The mean exchange of a message whose payload varies. Exact for a constant; otherwise the mean payload and, for
    /// what comes on top (which depends on it in steps only), the mean over 512 fixed draws.
    pub fn mean_message(&self, payload: &Distribution) -> Exchange {
        self.mean_exchange(payload, if self.echo { [1.0, 1.0] } else { [1.0, 0.0] }, true, |size| self.message(size))
    }

    /// The mean exchange of a copy handed to a user.
    pub fn mean_delivery(&self, payload: &Distribution) -> Exchange {
        self.mean_exchange(payload, [0.0, 1.0], true, |size| self.delivery(size))
    }

    /// The mean of a message between a server and a broker.
    pub fn mean_backplane(&self, payload: &Distribution) -> Sent {
        let both = |size| Exchange { ingress: self.backplane(size), egress: Sent::default() };
        self.mean_exchange(payload, [1.0, 0.0], false, both).ingress
    }

    /// `carried`: how many times the payload itself is in what goes in, and in what goes out; `compressed`: whether it is
    /// then what compression leaves of it.
    fn mean_exchange(
        &self,
        payload: &Distribution,
        carried: [f64; 2],
        compressed: bool,
        of_size: impl Fn(f64) -> Exchange,
    ) -> Exchange {
        if let Some(constant) = payload.constant() {
            return of_size(constant);
        }
        let in_frame = |size: f64| if compressed { self.carried(size) } else { size };
        let mut stream = Stream::named(0, 0, 0, Purpose::Size);
        let (mut total, mut payloads) = (Exchange::default(), 0.0);
        for _ in 0..DRAWS {
            let size = payload.sample(&mut stream);
            payloads += in_frame(size).round();
            let one = of_size(size);
            total = Exchange { ingress: total.ingress + one.ingress, egress: total.egress + one.egress };
        }
        let n = f64::from(DRAWS);
        let correct = if compressed { self.mean_carried(payload) } else { payload.mean() } - payloads / n;
        let mean = |sent: Sent, correction: f64| Sent {
            bytes: (sent.bytes / n + correction).max(0.0),
            packets: sent.packets / n,
        };
        Exchange {
            ingress: mean(total.ingress, correct * carried[0]),
            egress: mean(total.egress, correct * carried[1]),
        }
    }
}

impl std::ops::Add for Sent {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, packets: self.packets + other.packets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(tls: bool, ethernet: bool, mtu: f64) -> Wire {
        Wire {
            tls,
            segment: mtu - TCP_IP,
            per_packet: TCP_IP + if ethernet { ETHERNET } else { 0.0 },
            client_acks_alone: 0.0,
            echo: true,
            compression: None,
        }
    }

    /// 1,000 B of payload over TLS 1.3 and Ethernet: 1,120 B in, 1,116 B out, an acknowledgement 90 B.
    #[test]
    fn a_kilobyte_over_tls_and_ethernet() {
        let wire = wire(true, true, 1_500.0);
        assert_eq!(wire.frame(1_000.0, true), Sent { bytes: 1_120.0, packets: 1.0 });
        assert_eq!(wire.frame(1_000.0, false), Sent { bytes: 1_116.0, packets: 1.0 });
        assert_eq!(wire.acks(1.0, 1.0).bytes, 90.0);
    }

    /// A 1,024 B echo over loopback without TLS was counted at 2,165 B in 2.02 packets, both ways together.
    #[test]
    fn a_plain_echo_over_loopback() {
        let echo = wire(false, false, 65_536.0).message(1_024.0);
        assert_eq!(echo.ingress.bytes + echo.egress.bytes, 2_164.0);
        assert_eq!(echo.ingress.packets + echo.egress.packets, 2.0);
    }

    /// A full handshake with ECDSA certificates takes some 4 KB, in 5 packets with data and an acknowledgement.
    #[test]
    fn a_handshake_takes_some_four_kilobytes() {
        let wire = wire(true, true, 1_500.0);
        let with = |resumption| {
            let share = crate::units::Ratio::new(resumption);
            wire.handshake(Tls { handshake_cpu: crate::units::Seconds::ZERO, resumption: share })
        };
        let (full, half, resumed) = (with(0.0), with(0.5), with(1.0));
        // 522 + 64 in two packets and an acknowledgement; 133 + 68 + 2,479 in two packets and 504 in one.
        assert_eq!(full.ingress, Sent { bytes: 586.0 + 3.0 * 90.0, packets: 3.0 });
        assert_eq!(full.egress, Sent { bytes: 3_184.0 + 3.0 * 90.0, packets: 3.0 });
        assert_eq!(resumed.ingress, Sent { bytes: 866.0 + 2.0 * 90.0, packets: 2.0 });
        assert_eq!(resumed.egress, Sent { bytes: 705.0 + 2.0 * 90.0, packets: 2.0 });
        assert_eq!(half.egress.bytes, f64::midpoint(full.egress.bytes, resumed.egress.bytes));
    }

    #[test]
    fn compression_shrinks_frames_but_not_heartbeats() {
        let plain = wire(true, true, 1_500.0);
        let compression = Compression::of_ratio(2.0);
        let packed = Wire { compression: Some(compression), ..plain };
        assert_eq!(packed.message(1_000.0), plain.message(500.0));
        assert_eq!(packed.heartbeat(), plain.heartbeat());
        let sizes = Distribution::exponential(1_000.0).unwrap();
        assert!((packed.mean_carried(&sizes) - 500.0).abs() < 1e-9);
        let (many, few) = (plain.mean_message(&sizes), packed.mean_message(&sizes));
        assert!((many.ingress.bytes - few.ingress.bytes - 500.0).abs() < 60.0, "{many:?} {few:?}");
    }

    #[test]
    fn large_messages_take_several_packets_and_acknowledgements() {
        let echo = wire(true, true, 1_500.0).message(16_000.0);
        // 16,000 + 8 + 22 = 16,030 in packets of 1,448: 12, acknowledged by 6.
        assert_eq!(echo.egress.packets, 12.0 + 6.0);
        assert_eq!(echo.ingress.bytes, 16_030.0 + 12.0 * 90.0 + 6.0 * 90.0);
    }
}
