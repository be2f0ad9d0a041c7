//! What commands give that simulate more than once, or grade an estimate: sweeps, comparisons, plans, load lines, checks.

use super::{Field, Is, Table, field, figure, list, number, object, of, text, truth, whole, words};

pub(super) const TABLES: &[Table] = &[
    Table { name: "sweep", doc: "What `sweep` and `merge` give", fields: SWEEP, head: false },
    Table { name: "compare", doc: "What `compare` gives", fields: COMPARE, head: true },
    Table { name: "plan", doc: "What `plan` gives", fields: PLAN, head: true },
    Table { name: "line", doc: "What `line` gives", fields: LINE, head: true },
    Table { name: "load_point", doc: "The fleet at one load", fields: LOAD_POINT, head: false },
    Table { name: "check", doc: "What `check` gives", fields: CHECK, head: true },
];

/// Its head is missing where no point was finished.
const SWEEP: &[Field] = &[
    whole("schema_version", "", "The version of these names and meanings").optional(),
    object("program", "What printed it").optional(),
    text("program.name", "Its name"),
    text("program.version", "Its version"),
    object("scenario", "The scenario of the first point").optional(),
    text("scenario.name", "Its name"),
    text("scenario.hash", "Its hash"),
    whole("seed", "", "The seed of every random stream").optional(),
    object("partition", "Which part of a sweep in parts it is").optional(),
    whole("partition.part", "", "Which, from 1 on"),
    whole("partition.parts", "", "Of how many"),
    truth("complete", "Whether all points were finished"),
    list("points", "The points, the last key varying fastest"),
    field("points[].vary", Is::Values, "as the key", "What was varied: each key with its value here"),
    of("points[].result", "result", "The result, as `simulate` or `estimate` gives it"),
];

const COMPARE: &[Field] = &[
    list("variants", "The variants, the one that others are compared with first"),
    text("variants[].name", "What was typed: a file, or what differs"),
    of("variants[].result", "result", "Its result"),
    text("variants[].not_simulated", "Why it could not be simulated; null where it was").or_null(),
    list("differences", "Each figure that is compared, variant by variant"),
    text("differences[].variant", "The variant"),
    text("differences[].figure", "The figure, by its place in a result"),
    figure("differences[].from", "as the figure", "In the first; null where there is no such figure").or_null(),
    figure("differences[].to", "as the figure", "In the variant; likewise").or_null(),
    figure(
        "differences[].difference",
        "as the figure",
        "The variant's less the first's, pair by pair; null where one of them is",
    )
    .or_null(),
    figure("differences[].relative", "share", "The same over the first's; null where that is 0, or not there")
        .or_null(),
    of("differences[].intervals", "intervals", "What the intervals are"),
    words(
        "differences[].meaning",
        &["benefit", "price", "different", "nothing"],
        "What it means for whoever pays for the fleet and uses it",
    ),
    list("summary", "Each variant in a sentence"),
    text("summary[].variant", "The variant"),
    text("summary[].sentence", "What is gained, and at what price"),
    list("thresholds", "What `--fail-on` asked for"),
    text("thresholds[].threshold", "The threshold, as typed"),
    text("thresholds[].variant", "The variant it was held against"),
    words("thresholds[].outcome", &["kept", "passed", "unclear"], "Whether the figure moved further than it may"),
    object("catalogue", "The catalogue of machines, where prices were compared").optional(),
    text("catalogue.name", "Its name"),
    text("catalogue.currency", "Its currency"),
];

const PLAN: &[Field] = &[
    of("intervals", "intervals", "What the intervals are"),
    whole("worlds", "worlds", "Worlds drawn from what is uncertain; 0 where nothing is"),
    field("sensitivity", Is::ListOf("moved"), "", "What each uncertain input moves, the most important first"),
    list("plans", "Fleets that keep the SLO: the scenario's own machine, then those of the catalogue, cheapest first"),
    whole("plans[].rank", "", "Its place, from 1 on"),
    text("plans[].shape", "The machine; null for the scenario's own").or_null(),
    figure("plans[].servers", "servers", "The fewest that keep the SLO"),
    figure("plans[].spare", "servers", "Servers on top"),
    figure("plans[].zone_spare", "servers", "Of them, for lost zones"),
    figure("plans[].balancers", "nodes", "Load balancers"),
    figure("plans[].broker_nodes", "nodes", "Broker nodes"),
    figure("plans[].partitions", "partitions", "The broker's partitions; null where it has none").or_null(),
    figure("plans[].backend_nodes", "nodes", "Backend nodes"),
    figure("plans[].log_nodes", "nodes", "Log nodes"),
    figure("plans[].warm_log_nodes", "nodes", "Log nodes of the warm tier"),
    figure("plans[].origins", "nodes", "Origins of static files"),
    figure("plans[].price_per_hour", "currency", "The servers' price, spare ones included; null where it is not known")
        .or_null(),
    figure("plans[].price_per_month", "currency", "The same for 730 hours").or_null(),
    text("plans[].currency", "The currency").or_null(),
    text("plans[].source", "Where the price is from").optional(),
    text("plans[].date", "When it was read").optional().or_null(),
    text("plans[].bottleneck", "What gives way first"),
    list("plans[].confidence", "How many worlds keep the SLO, by servers"),
    whole("plans[].confidence[].servers", "servers", "With so many"),
    figure("plans[].confidence[].share_met", "share", "Share of the worlds"),
    text("plans[].confidence[].limited_by", "What stands in the way in the others; null if nothing").or_null(),
    truth("plans[].confidence[].past_target", "Whether that is past what is planned for, and not past the SLO"),
    truth("plans[].more_servers_do_worse", "Whether more servers than these did worse in some trial"),
    of("plans[].slo", "slo", "The objectives, on this fleet"),
    text("plans[].reason", "Why it has this place"),
    list("rejected", "What was not chosen"),
    text("rejected[].shape", "The machine; null for the scenario's own").or_null(),
    figure("rejected[].servers", "servers", "Servers it would take at least, or that were tried").or_null(),
    figure("rejected[].price_per_hour", "currency", "Their price").or_null(),
    text("rejected[].bottleneck", "What gives way first").or_null(),
    text("rejected[].reason", "Why not"),
    object("least_regret", "The fleet that is least wrong over all worlds; null where nothing is uncertain or priced")
        .or_null(),
    text("least_regret.shape", "The machine"),
    figure("least_regret.servers", "servers", "Servers"),
    figure("least_regret.spare", "servers", "Servers on top"),
    figure("least_regret.price_per_hour", "currency", "Their price"),
    figure("least_regret.regret_per_hour", "currency", "What they cost too much, on average over worlds"),
    figure("least_regret.share_met", "share", "Share of the worlds in which they suffice"),
    whole("least_regret.worlds", "worlds", "Worlds drawn for it"),
    text("least_regret.reason", "The same in words"),
    object("catalogue", "The catalogue of machines, where there is one").optional(),
    text("catalogue.name", "Its name"),
    text("catalogue.currency", "Its currency"),
];

const LINE: &[Field] = &[
    of("intervals", "intervals", "What the intervals are"),
    words("of", &["users", "messages_in_per_second"], "What was made more of"),
    figure("line", "users, or 1/s", "The most that the fleet carries within its SLO; null if no load").or_null(),
    truth("complete", "Whether the line was found, and not only that it is further than was looked"),
    number("own_load", "users, or 1/s", "The load of the scenario itself"),
    whole("worlds", "worlds", "Worlds drawn from what is uncertain; 0 where nothing is"),
    object("fleet", "The fleet"),
    whole("fleet.servers", "servers", "Servers"),
    words(
        "fleet.servers_from",
        &["scenario", "required"],
        "Whether the scenario gives them, or they are what its load requires",
    ),
    whole("fleet.balancers", "nodes", "Load balancers"),
    whole("fleet.broker_nodes", "nodes", "Broker nodes"),
    whole("fleet.backend_nodes", "nodes", "Backend nodes"),
    whole("fleet.log_nodes", "nodes", "Log nodes"),
    text("gives_way", "What gives way at the line").or_null(),
    object("closed_form", "Where the closed form has it; null if nowhere, or it is of messages").or_null(),
    number("closed_form.users_at_limit", "users", "Users at which the first resource is full"),
    text("closed_form.resource", "That resource"),
    of("beyond", "load_point", "Just beyond the line; null if nothing was simulated there").or_null(),
    field("points", Is::ListOf("load_point"), "", "The fleet at shares of the line, for a curve"),
];

const LOAD_POINT: &[Field] = &[
    number("users", "users", "The load, where it is users").optional(),
    number("messages_in_per_second", "1/s", "The load, where it is messages").optional(),
    number("share_of_line", "share", "The load over that of the line; null without a line").or_null(),
    truth("met", "Whether the SLO is kept, as far as the run tells"),
    text("limited_by", "What stands in the way; null if nothing").or_null(),
    of("latency_seconds", "latency", "Latency; null where nothing was simulated or delivered").or_null(),
    figure("dropped_share", "share", "Messages lost, or not sent for want of a connection").or_null(),
    number("utilisation", "share", "The CPU's load").or_null(),
    number("busy", "share", "Share of time that it is busy").or_null(),
    of("slo", "slo", "The objectives"),
];

const QUANTITIES: &[&str] =
    &["servers", "connections", "messages", "deliveries", "bandwidth", "egress", "network", "storage", "storage_kept"];

const UNITS: &[&str] = &["servers", "connections", "messages_per_second", "bytes_per_second", "bytes"];

const COUNTED: &[&str] = &[
    "all",
    "required",
    "required_and_spare",
    "payload_in",
    "payload_out",
    "payload_in_and_out",
    "wire_in",
    "wire_out",
    "wire_in_and_out",
    "one_copy",
    "all_copies",
];

const CHECK: &[Field] = &[
    of("intervals", "intervals", "What the intervals are"),
    truth("right", "Whether all figures are"),
    list("verdicts", "Figure by figure"),
    words("verdicts[].quantity", QUANTITIES, "What was given"),
    words("verdicts[].unit", UNITS, "The unit of the figures"),
    figure("verdicts[].given", "`unit`", "The figure given"),
    figure("verdicts[].model", "`unit`", "The model's"),
    words("verdicts[].counted", COUNTED, "What of it the given figure was taken for"),
    truth("verdicts[].within", "Whether it is right"),
    text("verdicts[].likely_slip", "The slip that explains it; null where it is right, or none is known").or_null(),
    text("verdicts[].explanation", "The same in words").or_null(),
    list("verdicts[].left_out", "What the figure leaves out although it is right"),
    words("verdicts[].left_out[].counted", COUNTED, "What"),
    figure("verdicts[].left_out[].figure", "`unit`", "The model's figure for it"),
];
