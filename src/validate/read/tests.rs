//! On files that the tools themselves wrote (tests/data/README.md), and on wrong ones.

use super::*;

const SUMMARY: &str = include_str!("../../../tests/data/k6-summary.json");
const EXPORT: &str = include_str!("../../../tests/data/k6-export.json");
const SAMPLES: &str = include_str!("../../../tests/data/k6.csv");
const ARTILLERY: &str = include_str!("../../../tests/data/artillery.json");
const PROMETHEUS: &str = include_str!("../../../tests/data/prometheus.json");
const UNNAMED: &str = include_str!("../../../tests/data/prometheus-unnamed.json");
const REFUSED: &str = include_str!("../../../tests/data/prometheus-error.json");

#[track_caller]
fn table(text: &str) -> Table {
    read("x", text, None).unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
fn error(text: &str) -> String {
    read("x", text, None).map(|table| panic!("{table:?}")).unwrap_err().to_string()
}

#[track_caller]
fn near(found: Option<f64>, right: f64) {
    let found = found.unwrap();
    assert!((found - right).abs() <= 1e-6 * right.abs(), "{found} is not {right}");
}

#[test]
fn a_summary_of_k6_is_one_point() {
    let table = table(SUMMARY);
    assert_eq!((table.format, table.points.len()), (Format::K6Summary, 1));
    let point = &table.points[0];
    near(point.get(Column::Duration), 5.015_459_709);
    near(point.get(Column::Throughput), 27.913_692_487);
    near(point.get(Column::Offered), 29.907_527_665);
    near(point.get(Column::Connects), 1.993_835_178);
    near(point.get(Column::Concurrency), 4.0);
    near(point.get(Column::MessageSize), 234.0);
    near(point.get(Column::LatencyMean), 0.000_721_428_571);
    near(point.get(Column::LatencyP95), 0.001);
    assert_eq!(point.get(Column::LatencyP99), None);
    assert_eq!(
        table.notes,
        ["latency is what `message_latency` says", "k6's threshold `ws_msgs_received: count>1000000` was not met"]
    );
}

/// In this format `false` means that a threshold was kept.
#[test]
fn an_export_of_k6_turns_thresholds_round() {
    let table = table(EXPORT);
    assert_eq!((table.format, table.points.len()), (Format::K6Export, 1));
    near(table.points[0].get(Column::Throughput), 27.961_169_608);
    near(table.points[0].get(Column::LatencyP50), 0.0005);
    let missed: Vec<&String> = table.notes.iter().filter(|note| note.contains("threshold")).collect();
    assert_eq!(missed, ["k6's threshold `ws_msgs_received: count>1000000` was not met"]);
}

#[test]
fn samples_of_k6_become_a_point_a_second() {
    let table = table(SAMPLES);
    assert_eq!(table.format, Format::K6Csv);
    // As many messages as there are in the file, but for those of the first and the last second.
    let stamps = |metric: &str| -> Vec<f64> {
        let lines = SAMPLES.lines().filter(|line| line.split(',').next() == Some(metric));
        lines.map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect()
    };
    let (first, last) = (1_795_529_165.0, table.points.last().unwrap().get(Column::Time).unwrap());
    let inside = stamps("ws_msgs_received").into_iter().filter(|at| *at > first && *at <= last).count();
    let counted: f64 = table.points.iter().map(|point| point.get(Column::Throughput).unwrap()).sum();
    assert!(inside > 80 && (counted - inside as f64).abs() < 1e-9, "{counted} of {inside}");
    let users: Vec<f64> = table.points.iter().map(|point| point.get(Column::Concurrency).unwrap()).collect();
    assert!(users.starts_with(&[2.0]) && users.ends_with(&[4.0]), "{users:?}");
    assert!(table.points.iter().all(|point| point.get(Column::LatencyP99).is_some_and(|p99| p99 < 0.1)));
}

/// Seconds, milliseconds, … and dates are the same moments.
#[test]
fn samples_of_k6_in_any_time_format() {
    let right = table(SAMPLES).points;
    let stamped = |stamp: &dyn Fn(i64) -> String| {
        let lines = SAMPLES.lines().map(|line| {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            if let Ok(at) = cells[1].parse::<i64>() {
                cells[1] = stamp(at);
            }
            cells.join(",")
        });
        table(&lines.collect::<Vec<_>>().join("\n")).points
    };
    assert_eq!(stamped(&|at| format!("{at}000")), right);
    assert_eq!(stamped(&|at| format!("{at}000000000")), right);
    assert_eq!(stamped(&crate::validate::calendar::rfc3339), right);
}

#[test]
fn artillery_has_a_point_a_whole_period() {
    let table = table(ARTILLERY);
    assert_eq!((table.format, table.points.len()), (Format::Artillery, 2));
    let rates: Vec<f64> = table.points.iter().map(|point| point.get(Column::Throughput).unwrap()).collect();
    // 460 messages in 9.53 s, 800 in 9.777 s.
    assert!((rates[0] - 460.0 / 9.53).abs() < 1e-9 && (rates[1] - 800.0 / 9.777).abs() < 1e-9, "{rates:?}");
    near(table.points[0].get(Column::Connects), 23.0 / 9.53);
    assert_eq!(table.points[0].get(Column::LatencyP50), None);
    assert!(table.notes.iter().any(|note| note.contains("2 of 4 periods")), "{:?}", table.notes);
}

#[test]
fn a_short_run_of_artillery_is_one_point() {
    let mut value: Value = serde_json::from_str(ARTILLERY).unwrap();
    value["intermediate"].as_array_mut().unwrap().truncate(1);
    value["aggregate"]["summaries"]["message_rtt"] = serde_json::json!({ "mean": 2.5, "p99": 8 });
    value["aggregate"]["counters"]["vusers.failed"] = 3.into();
    let table = table(&value.to_string());
    near(table.points[0].get(Column::Throughput), 1_440.0 / 23.537);
    near(table.points[0].get(Column::LatencyMean), 0.0025);
    near(table.points[0].get(Column::LatencyP99), 0.008);
    assert!(table.notes.iter().any(|note| note.starts_with("3 of Artillery's virtual users failed")));
}

#[test]
fn series_of_prometheus_are_rows() {
    let table = table(PROMETHEUS);
    assert_eq!(table.format, Format::Prometheus);
    let point = table.points.iter().find(|point| point.get(Column::Time) == Some(1_795_530_602.0)).unwrap();
    near(point.get(Column::CoresBusy), 0.01);
    near(point.get(Column::Memory), 49_176_576.0);
    near(point.get(Column::Throughput), 6.4296);
    // The first moment has memory only.
    assert_eq!(table.points[0].get(Column::Throughput), None);
}

#[test]
fn series_without_a_name_need_one() {
    assert!(error(UNNAMED).contains("--from cpu_utilisation=x"), "{}", error(UNNAMED));
    let named = read("x", UNNAMED, Some(Column::CoresBusy)).unwrap();
    near(named.points[1].get(Column::CoresBusy), 0.007_282);
    // Files are joined where their times are the same.
    let only_memory = Table { points: table(PROMETHEUS).points[..1].to_vec(), ..table(PROMETHEUS) };
    let rows = together(&[only_memory, named]);
    assert_eq!(rows.len(), 14);
    assert!(rows[0].get(Column::Memory).is_some() && rows[0].get(Column::CoresBusy).is_some());
}

#[test]
fn several_servers_are_put_together() {
    let series = |name: &str, server: &str, value: &str| serde_json::json!({ "metric": { "__name__": name, "instance": server }, "values": [[60, value], [120, "NaN"]] });
    let result = serde_json::json!({ "status": "success", "data": { "resultType": "matrix", "result": [
        series("throughput_per_second", "a", "100"), series("throughput_per_second", "b", "50"),
        series("cpu_utilisation", "a", "0.5"), series("cpu_utilisation", "b", "0.3"),
        series("latency_p99_seconds", "a", "0.5"), series("latency_p99_seconds", "b", "0.3"),
        series("up", "a", "1"),
    ] } });
    let table = table(&result.to_string());
    assert_eq!(table.points.len(), 1, "what is not a number was not measured");
    near(table.points[0].get(Column::Throughput), 150.0);
    near(table.points[0].get(Column::CpuUtilisation), 0.4);
    near(table.points[0].get(Column::LatencyP99), 0.5);
    assert_eq!(table.notes, ["series left out: `up`"]);
}

#[test]
fn csv_has_plain_numbers_and_figures_with_units() {
    let table = table(
        "\u{feff}# by hand\n\ntime, throughput_per_second ,cpu_utilisation,latency_p99_seconds,memory_bytes,host\n\
         2026-01-01T00:00:00Z,1000,70 %,4 ms,1.5 GB,\"a, b\"\n\n0,\"2_000/s\",0.8,,,c\n",
    );
    assert_eq!((table.format, table.points.len()), (Format::Csv, 2));
    near(table.points[0].get(Column::Time), 1_767_225_600.0);
    near(table.points[0].get(Column::CpuUtilisation), 0.7);
    near(table.points[0].get(Column::LatencyP99), 0.004);
    near(table.points[0].get(Column::Memory), 1.5e9);
    near(table.points[1].get(Column::Throughput), 2_000.0);
    assert_eq!(table.points[1].get(Column::LatencyP99), None);
    assert_eq!(table.notes, ["not understood, and left out: `host`"]);
}

#[test]
fn what_is_wrong_in_csv_is_shown_where_it_is() {
    insta::assert_snapshot!(
        error(
            "throughput_per_second,cpu_utilisation,memory_bytes,latency_p99_seconds\n\
             1000,70,1 MB,4\n2000,-0.1,2 Mbit,x\n3000,0.5\n4000,0.5,4,inf\n"
        ),
        @r#"
        error: `cpu_utilisation` is a share of all cores
          --> x:2:6
           |
         2 | 1000,70,1 MB,4
           |      ^^ more than all
           = help: write `70 %`, or `0.7`

        error: `cpu_utilisation` must be a finite number that is not negative
          --> x:3:6
           |
         3 | 2000,-0.1,2 Mbit,x
           |      ^^^^

        error: `memory_bytes` needs bytes, not bits
          --> x:3:13
           |
         3 | 2000,-0.1,2 Mbit,x
           |             ^^^^ bits
           = help: 8 bits are a byte: this is `250 KB`

        error: `latency_p99_seconds` is not a number
          --> x:3:18
           |
         3 | 2000,-0.1,2 Mbit,x
           |                  ^ not a number
           = help: write a time, such as `250 us`, `20 ms`, `30 s`, `20 min` or `7 days`

        error: this line has 2 cells, the header 4
          --> x:4:1
           |
         4 | 3000,0.5
           | ^^^^^^^^
           = help: each line has as many commas as the first; an empty cell was not measured

        error: `latency_p99_seconds` must be a finite number that is not negative
          --> x:5:12
           |
         5 | 4000,0.5,4,inf
           |            ^^^
        "#
    );
    insta::assert_snapshot!(error("throughput_per_secnd,cpu_utilisation,cpu_utilisation\n1,2,3\n"), @r#"
    error: there is no column `throughput_per_secnd`
      --> x:1:1
       |
     1 | throughput_per_secnd,cpu_utilisation,cpu_utilisation
       | ^^^^^^^^^^^^^^^^^^^^
       = help: did you mean `throughput_per_second`?

    error: the column `cpu_utilisation` is there twice
      --> x:1:38
       |
     1 | throughput_per_secnd,cpu_utilisation,cpu_utilisation
       |                                      ^^^^^^^^^^^^^^^

    error: `cpu_utilisation` is a share of all cores
      --> x:2:3
       |
     2 | 1,2,3
       |   ^ more than all
       = help: write `2 %`, or `0.02`

    error: `cpu_utilisation` is a share of all cores
      --> x:2:5
       |
     2 | 1,2,3
       |     ^ more than all
       = help: write `3 %`, or `0.03`
    "#);
}

#[test]
fn what_is_in_no_format_is_told_what_is() {
    insta::assert_snapshot!(error("a,b\n1,2\n").lines().next().unwrap(), @"error: `x` has no column that is understood");
    insta::assert_snapshot!(error("hello\n"), @r#"
    error: `x` is in no format that is understood
       = help: these are read:
               - CSV whose first line names its columns, such as `throughput_per_second,cpu_utilisation`
               - k6: the data of `handleSummary` in JSON, `--summary-export=FILE`, `--out csv=FILE`
               - Artillery 2: `--output FILE`
               - Prometheus: the JSON of `/api/v1/query_range`
    "#);
    assert_eq!(error(""), error("hello\n"));
    assert_eq!(error("{\"a\": 1}"), error("hello\n"));
    assert_eq!(error("[]"), error("hello\n"));
    insta::assert_snapshot!(error(&SUMMARY[..300]), @r#"
    error: the file is not JSON: EOF while parsing a string
       --> x:19:5
        |
     19 |     "
        |     ^
        = help: it begins like JSON, but isn't; was it cut off?
    "#);
    insta::assert_snapshot!(error(REFUSED), @r#"
    error: the query whose result is `x` failed: 1:6: parse error: unclosed left parenthesis
    "#);
    assert!(error("throughput_per_second,cpu_utilisation\n").contains("holds no measurement"));
    let instant = PROMETHEUS.replace("matrix", "vector");
    assert!(error(&instant).contains("no series over time, but a `vector`"), "{}", error(&instant));
    let wrong = read("x", SUMMARY, Some(Column::CoresBusy)).unwrap_err().to_string();
    assert!(wrong.contains("leave out `cores_busy=`"), "{wrong}");
}

#[test]
fn runs_without_messages_are_told_so() {
    let silent = SUMMARY.replace("ws_msgs_received", "something_else");
    assert!(error(&silent).contains("counts no messages"), "{}", error(&silent));
    let silent = SAMPLES.replace("ws_msgs_received", "something_else");
    assert!(error(&silent).contains("counts no messages"), "{}", error(&silent));
    let silent =
        ARTILLERY.replace("websocket.messages_sent", "x").replace("\"vusers.failed\": 0", "\"vusers.failed\": 9");
    assert!(error(&silent).contains("virtual users failed: was the server there?"), "{}", error(&silent));
    let cut = &SAMPLES[..SAMPLES.len() * 2 / 3];
    let cut = &cut[..cut.rfind(',').unwrap()];
    assert!(read("x", cut, None).is_ok(), "a file that a run is still writing");
    let broken = format!("{}\nws_msgs_sent,1795529165\n", SAMPLES.trim_end());
    assert!(error(&broken).contains("this is no sample of k6"), "{}", error(&broken));
}
