//! Examples that help ends with. A test runs them, in order, in a folder that has what `plimsoll new chat` writes.

/// `plimsoll help`.
pub const PROGRAM: &str = "\
Examples:
  plimsoll new chat                                   write chat.yaml, to start from
  plimsoll estimate chat.yaml                         the arithmetic, step by step
  plimsoll simulate chat.yaml --users 50k             the same with 50,000 users, simulated too
  plimsoll check chat.yaml --servers 3                is my own estimate right?
  plimsoll compare chat.yaml --with broker=kafka      what does a change give, and take?
  plimsoll plan chat.yaml                             the fewest servers, the cheapest machines
  plimsoll line chat.yaml                             how many users does the fleet carry?

Exit codes: 0 done; 1 a negative answer (--fail-on, validate, check, plan, line); 2 wrong usage or a wrong scenario;
3 failure at run time; 4 inconclusive (--fail-on, and the run is no steady state; validate, and the measurement can't
tell); 130 interrupted, with what was finished kept.";

/// `plimsoll new`.
pub const NEW: &str = "\
Examples:
  plimsoll new chat                       the keys that most scenarios set
  plimsoll new all-keys --full            every key, its default, and where that comes from";

/// `plimsoll estimate`.
pub const ESTIMATE: &str = "\
Examples:
  plimsoll estimate chat.yaml
  plimsoll estimate chat.yaml --users 1M --set servers.cores=8
  plimsoll estimate chat.yaml --format json";

/// `plimsoll simulate`.
pub const SIMULATE: &str = "\
Examples:
  plimsoll simulate chat.yaml
  plimsoll simulate chat.yaml --users 20k --seed 7
  plimsoll simulate chat.yaml --set workload.message.rate=2/s --set protocol.compression=deflate
  plimsoll simulate chat.yaml --set \"slo.latency.p99=200 ms\" --fail-on slo --quiet --format json
  plimsoll simulate chat.yaml --report                 reports/chat: HTML, Markdown, CSV, SVG, PNG, JSON";

/// `plimsoll explore`.
pub const EXPLORE: &str = "\
Examples:
  plimsoll explore chat.yaml
  plimsoll explore chat.yaml --users 50k --set servers.cores=8";

/// `plimsoll sweep`.
pub const SWEEP: &str = "\
Examples:
  plimsoll sweep chat.yaml --vary users=100,10k,1M
  plimsoll sweep chat.yaml --vary \"users=1k..100k log 5\" --vary servers.cores=2,4 --estimate
  plimsoll sweep chat.yaml --vary users=1k,2k --out points.jsonl --resume";

/// `plimsoll merge`.
pub const MERGE: &str = "\
Example:
  plimsoll merge points.jsonl";

/// `plimsoll check`.
pub const CHECK: &str = "\
Example:
  plimsoll check chat.yaml --servers 3 --bandwidth \"10 MB/s\" --storage \"36 GB/hour\"

Exit codes: 0 all figures are right; 1 one is not.";

/// `plimsoll plan`.
pub const PLAN: &str = "\
Examples:
  plimsoll plan chat.yaml
  plimsoll plan chat.yaml --users 20k --shapes none

Exit codes: 0 a plan was found; 1 nothing keeps the SLO.";

/// `plimsoll compare`.
pub const COMPARE: &str = "\
Examples:
  plimsoll compare chat.yaml --with compression=deflate
  plimsoll compare chat.yaml --with \"encoding=binary; compression=deflate\" --shapes example
  plimsoll compare chat.yaml --with servers.cores=8 --fail-on \"latency_seconds.p99>10%\"";

/// `plimsoll line`.
pub const LINE: &str = "\
Examples:
  plimsoll line chat.yaml --set servers.count=3
  plimsoll line chat.yaml --set servers.count=1 --users 1k --of messages

Exit codes: 0 a line was found; 1 the fleet keeps its SLO at no load.";

/// `plimsoll calibrate`.
pub const CALIBRATE: &str = "\
Examples:
  plimsoll calibrate --out calibration.yaml
  plimsoll calibrate chat.yaml --quick --csv measured.csv
  plimsoll calibrate --from measured.csv --out calibration.yaml

Without --from, this program's own server is measured on this machine, with the driver on a core beside it:
some three minutes. A scenario says what kind of server: cores, dispatch, encoding, compression.";

/// `plimsoll validate`.
pub const VALIDATE: &str = "\
Examples:
  plimsoll validate chat.yaml
  plimsoll validate chat.yaml --calibration calibration.yaml --junit validate.xml
  plimsoll validate chat.yaml --measured metrics.csv

Exit codes: 0 every metric is within its tolerance (and has not drifted); 1 one is not;
4 the measurements can't tell. The scenario's `validation` has the tolerances.";

/// `plimsoll serve`.
pub const SERVE: &str = "\
Examples:
  plimsoll serve chat.yaml --listen 127.0.0.1:9001
  plimsoll serve chat.yaml --servers 2 --broker redis://127.0.0.1:6379";

/// `plimsoll drive`.
pub const DRIVE: &str = "\
Examples:
  plimsoll drive chat.yaml --url ws://127.0.0.1:9001 --users 500
  plimsoll drive chat.yaml --url wss://chat.example.com/socket --users 500 --ramp 100/s";

/// `plimsoll broker`.
pub const BROKER: &str = "\
Example:
  plimsoll broker --listen 127.0.0.1:7000";

/// `plimsoll schema`.
pub const SCHEMA: &str = "\
Examples:
  plimsoll schema > plimsoll.schema.json
  plimsoll schema result                              what `simulate --format json` prints";

/// `plimsoll completions`.
pub const COMPLETIONS: &str = "\
Examples:
  plimsoll completions bash > ~/.local/share/bash-completion/completions/plimsoll
  plimsoll completions zsh > \"${fpath[1]}/_plimsoll\"
  plimsoll completions fish > ~/.config/fish/completions/plimsoll.fish";

/// `plimsoll man`.
pub const MAN: &str = "\
Examples:
  plimsoll man | man -l -
  plimsoll man --out man1                             a page for each command";
