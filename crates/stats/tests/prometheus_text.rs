//! The Prometheus text, read back by a parser that knows the format and nothing of the writer.

use std::collections::{BTreeMap, HashSet};

use stats::prometheus::{Options, render};
use stats::{Field, ProxyReport, Report, Row, ServerReport};

mod sample;

type Labels = BTreeMap<String, String>;

/// Samples by name and labels. Fails on anything that format 0.0.4 does not allow: a sample whose family has
/// no `TYPE`, families that are not in one block, samples that are there twice.
fn parse(text: &str) -> BTreeMap<(String, Labels), f64> {
    let mut samples = BTreeMap::new();
    let (mut helped, mut typed) = (HashSet::new(), HashSet::new());
    let mut family = String::new();
    assert!(text.is_empty() || text.ends_with('\n'));
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').expect("a help text");
            assert!(!text.is_empty() && helped.insert(name.to_owned()), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            assert!(["counter", "gauge"].contains(&kind) && typed.insert(name.to_owned()), "{line}");
            assert!(helped.contains(name), "{line}");
            family = name.to_owned();
        } else {
            let (name, labels, value) = sample_line(line);
            assert_eq!(name, family, "{line}");
            assert!(samples.insert((name, labels), value).is_none(), "twice: {line}");
        }
    }
    samples
}

fn sample_line(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).expect("a name ends");
    let name = line[..end].to_owned();
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
    let mut labels = Labels::new();
    let mut rest = &line[end..];
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").expect("a label has a quoted value");
            let mut value = String::new();
            let mut characters = after.char_indices();
            let close = loop {
                match characters.next().expect("a closing quote") {
                    (at, '"') => break at,
                    (_, '\\') => match characters.next().expect("an escaped character").1 {
                        'n' => value.push('\n'),
                        other @ ('\\' | '"') => value.push(other),
                        other => panic!("\\{other} is no escape"),
                    },
                    (_, other) => value.push(other),
                }
            };
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = &after[close + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').expect("labels are closed");
    }
    (name, labels, rest.trim_start().parse().expect("a number"))
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_whole_report_parses() {
    let samples = parse(&render(&sample::report(), &Options::default()));
    let value = |name: &str, pairs: &[(&str, &str)]| samples.get(&(name.to_owned(), labels(pairs))).copied();
    assert_eq!(value("haproxy_process_nbthread", &[]), Some(4.0));
    assert_eq!(value("haproxy_process_build_info", &[("version", "0.1.0")]), Some(1.0));
    assert_eq!(value("haproxy_frontend_status", &[("proxy", "stats"), ("state", "UP")]), Some(1.0));
    assert_eq!(
        value("haproxy_frontend_http_responses_total", &[("proxy", "docapi_front"), ("code", "5xx")]),
        Some(9.0)
    );
    let down = [("proxy", "docapi_backend"), ("server", "backend-3")];
    assert_eq!(value("haproxy_server_check_duration_seconds", &down), Some(0.002));
    assert_eq!(value("haproxy_server_check_code", &down), Some(503.0));
    let servers =
        |state| value("haproxy_backend_agg_server_status", &[("proxy", "docapi_backend"), ("state", state)]);
    assert_eq!([servers("UP"), servers("DOWN"), servers("MAINT")], [Some(4.0), Some(1.0), Some(1.0)]);
}

#[test]
fn every_status_is_one_hot() {
    let samples = parse(&render(&sample::report(), &Options::default()));
    let mut sums: BTreeMap<(String, Labels), f64> = BTreeMap::new();
    for ((name, labels), value) in &samples {
        if name.ends_with("_status") && !name.contains("_agg_") {
            let mut object = labels.clone();
            object.remove("state").expect("a status has a state");
            *sums.entry((name.clone(), object)).or_default() += value;
        }
    }
    // Three proxies' sides, six servers, five of them checked.
    assert_eq!(sums.len(), 3 + 6 + 5);
    assert!(sums.values().all(|sum| *sum == 1.0), "{sums:?}");
}

#[test]
fn scopes_choose_what_is_exported() {
    let render = |query| parse(&render(&sample::report(), &Options::from_query(query)));
    assert!(render("scope=").is_empty());
    assert!(render("scope=server").keys().all(|(name, _)| name.starts_with("haproxy_server_")));
    let maintained = |query| {
        render(query).keys().any(|(_, labels)| labels.get("server").is_some_and(|s| s == "backend-5"))
    };
    assert!(maintained("scope=server"));
    assert!(!maintained("scope=server&no-maint"));
}

#[test]
fn labels_survive_quotes_backslashes_and_line_feeds() {
    let name = "a\"b\\c\nd,e}f";
    let mut row = Row::server("p", name, 2, 1);
    row.set(Field::Status, "UP");
    let server = ServerReport { row, checks: Vec::new() };
    let proxy = ProxyReport { name: "p".into(), servers: vec![server], ..ProxyReport::default() };
    let report = Report { proxies: vec![proxy], ..Report::default() };
    let samples = parse(&render(&report, &Options::from_query("scope=server")));
    assert_eq!(
        samples.get(&(
            "haproxy_server_status".to_owned(),
            labels(&[("proxy", "p"), ("server", name), ("state", "UP")])
        )),
        Some(&1.0)
    );
}
