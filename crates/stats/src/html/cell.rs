//! The cells of a table's row.

use super::format::{Text, count, emit, seconds, short_bytes};
use crate::{Field, ObjectKind, Row};

/// What a column shows.
#[derive(Clone, Copy)]
pub(super) enum Cell {
    /// A number.
    Count(Field),
    /// A limit; 0 and absent are none.
    Limit(Field),
    /// An amount of data.
    Bytes(Field),
    /// Sessions per second, with connections and requests per second in the tooltip.
    Rate,
    /// Sessions, with their breakdown in the tooltip.
    Sessions,
    /// Time since the last session.
    LastSession,
    /// State and since when.
    Status,
    /// Code and duration of the last check.
    LastCheck,
    /// Effective weight, with the user's weight in the tooltip.
    Weight,
    /// Whether a server is active or a backup; how many on a backend.
    Role(Field),
    /// Failed checks.
    CheckFailures,
    /// Total time down.
    Downtime,
    /// Percentage of slow start.
    Throttle,
    /// Sessions of a protocol, with requests in the tooltip.
    Module(Field, Field),
}

/// How a row is called: HAProxy writes `Frontend` and `Backend` rather than the names in the CSV.
pub(super) fn title(row: &Row) -> &str {
    match row.kind() {
        ObjectKind::Frontend => "Frontend",
        ObjectKind::Backend => "Backend",
        ObjectKind::Server | ObjectKind::Listener => row.name(),
    }
}

impl Cell {
    /// The classes of the column; `first` of its group.
    pub(super) fn class(self, first: bool) -> &'static str {
        match (self, first) {
            (Self::Status | Self::LastCheck, true) => "first left",
            (Self::Status | Self::LastCheck, false) => "left",
            (_, true) => "first",
            (_, false) => "",
        }
    }

    pub(super) fn write(self, out: &mut String, row: &Row, first: bool) {
        let Content { text, tooltip, class } = self.content(row).unwrap_or_default();
        let column = self.class(first);
        let tip = if tooltip.contains('\n') { "tip" } else { "" };
        let classes: Vec<&str> = [column, class, tip].into_iter().filter(|class| !class.is_empty()).collect();
        emit!(out, "<td");
        if !classes.is_empty() {
            emit!(out, " class=\"{}\"", classes.join(" "));
        }
        if !tooltip.is_empty() {
            emit!(out, " title=\"{}\"", Text(&tooltip));
        }
        emit!(out, ">");
        if matches!(self, Self::Status) {
            // The state stands out, the time does not.
            let (state, since) = text.split_once('\n').unwrap_or((text.as_str(), ""));
            emit!(out, "<span class=\"state\">{}</span> {}", Text(state), Text(since));
        } else {
            emit!(out, "{}", Text(&text));
        }
        emit!(out, "</td>");
    }

    /// Nothing where the field does not apply to the row.
    fn content(self, row: &Row) -> Option<Content> {
        Some(match self {
            Self::Count(field) => Content::number(row.u64(field)?),
            Self::Limit(field) => match row.u64(field) {
                Some(limit) if limit > 0 => Content::number(limit),
                Some(_) | None => Content::plain("-"),
            },
            Self::Bytes(field) => {
                let amount = row.u64(field)?;
                let class = if amount == 0 { "zero" } else { "" };
                Content { text: short_bytes(amount), tooltip: format!("{amount} bytes"), class }
            }
            Self::Rate => Content { tooltip: rates(row), ..Content::number(row.u64(Field::Rate)?) },
            Self::Sessions => Content { tooltip: sessions(row), ..Content::number(row.u64(Field::Stot)?) },
            Self::LastSession => match row.u64(Field::Lastsess) {
                Some(ago) => Content::plain(seconds(ago)),
                None => Content::plain(if row.value(Field::Lastsess).is_some() { "?" } else { "" }),
            },
            Self::Status => status(row),
            Self::LastCheck => last_check(row)?,
            Self::Weight => weight(row)?,
            Self::Role(field) => match (row.kind(), row.u64(field)?) {
                (ObjectKind::Server, 0) => Content::plain("-"),
                (ObjectKind::Server, _) => Content::plain("Y"),
                (ObjectKind::Frontend | ObjectKind::Backend | ObjectKind::Listener, servers) => {
                    Content::number(servers)
                }
            },
            Self::CheckFailures => {
                let failures = Content::number(row.u64(Field::Chkfail)?);
                match row.u64(Field::Hanafail) {
                    Some(seen) if seen > 0 => Content {
                        text: format!("{}/{}", failures.text, count(seen)),
                        tooltip: "failed checks / failures seen in traffic".to_owned(),
                        class: "",
                    },
                    Some(_) | None => failures,
                }
            }
            Self::Downtime => {
                let total = row.u64(Field::Downtime)?;
                Content {
                    text: seconds(total),
                    tooltip: format!("{total} s"),
                    class: if total == 0 { "zero" } else { "" },
                }
            }
            Self::Throttle => match row.u64(Field::Throttle) {
                Some(percent) => Content::plain(format!("{percent}%")),
                None => Content::plain(if row.kind() == ObjectKind::Server { "-" } else { "" }),
            },
            Self::Module(sessions, requests) => Content {
                tooltip: lines([("sessions", row.u64(sessions)), ("requests", row.u64(requests))]),
                ..Content::number(row.u64(sessions)?)
            },
        })
    }
}

#[derive(Default)]
struct Content {
    text: String,
    /// With the exact value where `text` is rounded.
    tooltip: String,
    class: &'static str,
}

impl Content {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn number(number: u64) -> Self {
        let text = count(number);
        let exact = number.to_string();
        let tooltip = if exact == text { String::new() } else { exact };
        Self { text, tooltip, class: if number == 0 { "zero" } else { "" } }
    }
}

fn status(row: &Row) -> Content {
    let since = row.u64(Field::Lastchg);
    let text = match since {
        Some(since) => format!("{}\n{}", row.status(), seconds(since)),
        None => row.status().to_owned(),
    };
    let tooltip = since.map(|since| format!("for {since} s")).unwrap_or_default();
    let bad = row.kind() == ObjectKind::Backend && row.state() == "DOWN";
    Content { text, tooltip, class: if bad { "alert" } else { "" } }
}

fn last_check(row: &Row) -> Option<Content> {
    let code = row.text(Field::CheckStatus).filter(|code| !code.is_empty())?;
    let http = row.u64(Field::CheckCode).map(|code| format!("/{code}")).unwrap_or_default();
    let duration = row.u64(Field::CheckDuration).map(|ms| format!(" in {ms}ms")).unwrap_or_default();
    let texts = [row.text(Field::CheckDesc), row.text(Field::LastChk)];
    let tooltip: Vec<&str> = texts.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    Some(Content { text: format!("{code}{http}{duration}"), tooltip: tooltip.join(":\n"), class: "" })
}

fn weight(row: &Row) -> Option<Content> {
    let effective = row.u64(Field::Weight)?;
    let tooltip = match row.u64(Field::Uweight) {
        Some(set) if set != effective => format!("{effective} of {set}"),
        Some(_) | None => String::new(),
    };
    Some(Content { tooltip, ..Content::number(effective) })
}

fn rates(row: &Row) -> String {
    lines([
        ("connections a second", row.u64(Field::ConnRate)),
        ("sessions a second", row.u64(Field::Rate)),
        ("requests a second", row.u64(Field::ReqRate)),
    ])
}

fn sessions(row: &Row) -> String {
    let mut tooltip = lines([
        ("sessions", row.u64(Field::Stot)),
        ("HTTP requests", row.u64(Field::ReqTot)),
        ("1xx responses", row.u64(Field::Hrsp1xx)),
        ("2xx responses", row.u64(Field::Hrsp2xx)),
        ("3xx responses", row.u64(Field::Hrsp3xx)),
        ("4xx responses", row.u64(Field::Hrsp4xx)),
        ("5xx responses", row.u64(Field::Hrsp5xx)),
        ("other responses", row.u64(Field::HrspOther)),
        ("intercepted", row.u64(Field::Intercepted)),
        ("client aborts", row.u64(Field::CliAbrt)),
        ("server aborts", row.u64(Field::SrvAbrt)),
        ("failed rewrites", row.u64(Field::Wrew)),
        ("internal errors", row.u64(Field::Eint)),
        ("new connections", row.u64(Field::Connect)),
        ("reused connections", row.u64(Field::Reuse)),
    ]);
    for (name, average, max) in [
        ("queue time", Field::Qtime, Field::QtimeMax),
        ("connect time", Field::Ctime, Field::CtimeMax),
        ("response time", Field::Rtime, Field::RtimeMax),
        ("total time", Field::Ttime, Field::TtimeMax),
    ] {
        if let (Some(average), Some(max)) = (row.u64(average), row.u64(max)) {
            emit!(tooltip, "\n{name}: {average} ms on average of the last 1024, at most {max} ms");
        }
    }
    tooltip
}

/// One line for each value that there is.
fn lines<const N: usize>(values: [(&str, Option<u64>); N]) -> String {
    let lines: Vec<String> =
        values.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", value?))).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(cell: Cell, row: &Row) -> String {
        let mut out = String::new();
        cell.write(&mut out, row, false);
        out
    }

    #[test]
    fn a_cell_shows_what_applies_to_its_row() {
        let mut row = Row::server("b", "s", 2, 1);
        assert_eq!(html(Cell::Count(Field::Econ), &row), "<td></td>");
        assert_eq!(html(Cell::Limit(Field::Slim), &row), "<td>-</td>");
        row.set(Field::Econ, 1_234_567_u64).set(Field::Bck, 0_u32).set(Field::Act, 1_u32);
        assert_eq!(html(Cell::Count(Field::Econ), &row), "<td title=\"1234567\">1.23M</td>");
        assert_eq!(html(Cell::Role(Field::Act), &row), "<td>Y</td>");
        assert_eq!(html(Cell::Role(Field::Bck), &row), "<td>-</td>");
    }

    #[test]
    fn the_last_check_has_code_status_and_duration() {
        let mut row = Row::server("b", "s", 2, 1);
        row.set(Field::CheckStatus, "L7STS")
            .set(Field::CheckCode, 503_u16)
            .set(Field::CheckDuration, 2_u64)
            .set(Field::CheckDesc, "Layer7 wrong status")
            .set(Field::LastChk, "<b>sick</b>");
        assert_eq!(
            html(Cell::LastCheck, &row),
            "<td class=\"left tip\" title=\"Layer7 wrong status:\n&lt;b&gt;sick&lt;/b&gt;\">L7STS/503 in 2ms</td>"
        );
    }

    #[test]
    fn the_status_says_since_when() {
        let mut row = Row::server("b", "s", 2, 1);
        row.set(Field::Status, "DOWN").set(Field::Lastchg, 7980_u64);
        assert_eq!(
            html(Cell::Status, &row),
            "<td class=\"left\" title=\"for 7980 s\"><span class=\"state\">DOWN</span> 2h 13m</td>"
        );
    }
}
