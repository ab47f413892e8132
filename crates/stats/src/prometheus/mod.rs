//! Prometheus text, format 0.0.4, with the names and labels of HAProxy's exporter. The content type is
//! `text/plain; version=0.0.4`.
//!
//! All samples of a metric stand together below its `HELP` and `TYPE` lines, as the format demands.

mod options;
mod process;
mod tables;

use std::fmt::{Display, Write};

pub use options::Options;
use tables::{Source, Table};

use crate::names::Metric;
use crate::{Field, ProxyReport, Report, Row, Value};

/// The check codes that `check_status` and `agg_check_status` have a sample for.
const CHECK_CODES: [&str; 16] = [
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK",
    "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

/// The states of a server that `status` and `agg_server_status` have a sample for.
const SERVER_STATES: [&str; 5] = ["DOWN", "UP", "MAINT", "DRAIN", "NOLB"];

/// The classes of HTTP responses, as values of the label `code`.
const CLASSES: [(&str, Field); 6] = [
    ("1xx", Field::Hrsp1xx),
    ("2xx", Field::Hrsp2xx),
    ("3xx", Field::Hrsp3xx),
    ("4xx", Field::Hrsp4xx),
    ("5xx", Field::Hrsp5xx),
    ("other", Field::HrspOther),
];

/// The whole report, as far as the options ask for it.
pub fn render(report: &Report, options: &Options) -> String {
    let mut out = Exposition { out: String::with_capacity(16 * 1024) };
    if options.global {
        process::render(&mut out, &report.process);
    }
    for table in tables::ALL {
        if !options.wants(table.object) {
            continue;
        }
        for (metric, source) in table.metrics {
            out.family(metric, table, *source, report, options);
        }
    }
    out.out
}

/// Text under construction.
#[derive(Default)]
pub(crate) struct Exposition {
    out: String,
}

impl Exposition {
    /// One metric of all objects. Nothing is written, not even the `HELP` line, when no object has a value.
    fn family(&mut self, metric: &Metric, table: &Table, source: Source, report: &Report, options: &Options) {
        let before = self.out.len();
        self.head(metric);
        let head = self.out.len();
        for proxy in &report.proxies {
            for row in proxy.rows().filter(|row| row.kind() == table.object && options.filter.row(row)) {
                self.samples(metric, table, source, proxy, row);
            }
        }
        if self.out.len() == head {
            self.out.truncate(before);
        }
    }

    fn samples(&mut self, metric: &Metric, table: &Table, source: Source, proxy: &ProxyReport, row: &Row) {
        let mut labels = vec![("proxy", row.proxy())];
        labels.extend(table.name_label.map(|label| (label, row.name())));
        match source {
            Source::Number(field) => match row.value(field) {
                Some(Value::U64(number)) => self.sample(metric, &labels, None, number),
                Some(Value::I64(number)) => self.sample(metric, &labels, None, number),
                Some(Value::Str(_)) | None => {}
            },
            Source::Millis(field) => {
                if let Some(millis) = row.u64(field) {
                    self.sample(metric, &labels, None, millis as f64 / 1000.0);
                }
            }
            Source::Classes => {
                for (code, field) in CLASSES {
                    if let Some(count) = row.u64(field) {
                        self.sample(metric, &labels, Some(("code", code)), count);
                    }
                }
            }
            Source::State(states) => {
                let now = table.state(row);
                for state in states {
                    self.sample(metric, &labels, Some(("state", *state)), u8::from(now == *state));
                }
            }
            Source::CheckStatus => {
                if let Some(now) = check_code(row) {
                    for code in CHECK_CODES {
                        self.sample(metric, &labels, Some(("state", code)), u8::from(now == code));
                    }
                }
            }
            Source::ServersByState => {
                for state in SERVER_STATES {
                    let count = proxy.servers.iter().filter(|server| server.row.state() == state).count();
                    self.sample(metric, &labels, Some(("state", state)), count);
                }
            }
            Source::ServersByCheck => {
                for code in CHECK_CODES {
                    let count =
                        proxy.servers.iter().filter(|server| check_code(&server.row) == Some(code)).count();
                    self.sample(metric, &labels, Some(("state", code)), count);
                }
            }
        }
    }

    pub(crate) fn head(&mut self, metric: &Metric) {
        self.described(metric, metric.help);
    }

    /// The same with a help text that is made when it is needed.
    pub(crate) fn described(&mut self, Metric { name, kind, .. }: &Metric, help: &str) {
        let _ = writeln!(self.out, "# HELP {name} {help}");
        let _ = writeln!(self.out, "# TYPE {name} {}", kind.as_str());
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    pub(crate) fn sample(
        &mut self,
        metric: &Metric,
        labels: &[(&str, &str)],
        extra: Option<(&str, &str)>,
        value: impl Display,
    ) {
        self.out.push_str(metric.name);
        let mut before = '{';
        for (label, text) in labels.iter().copied().chain(extra) {
            let _ = write!(self.out, "{before}{label}=\"");
            escape(&mut self.out, text);
            self.out.push('"');
            before = ',';
        }
        if before == ',' {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }
}

/// The code of the last check. `* ` before it says that a check is running; the code is then that of the
/// check before.
fn check_code(row: &Row) -> Option<&str> {
    let text = row.text(Field::CheckStatus)?;
    Some(text.strip_prefix("* ").unwrap_or(text))
}

/// A label's value, escaped as the format asks: backslash, double quote and line feed.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}
