//! `option httpchk` and `http-check …`.

use crate::diagnostic::Diagnostic;
use crate::haproxy::directive::{Directive, Prefix};
use crate::haproxy::draft::{CheckRequest, Draft};
use crate::haproxy::keywords::{Action, DLB, Keyword, keyword};
use crate::haproxy::lexer::Word;
use crate::haproxy::model::Expect;

const STEPS: &str =
    "a check is one request: 'option httpchk', 'http-check send' and 'http-check expect status'";

pub(super) static TABLE: &[Keyword] = &[
    keyword("option httpchk", DLB, Action::Proxy(httpchk)),
    keyword("option tcp-check", DLB, Action::Proxy(tcp_check)),
    keyword("http-check comment", DLB, Action::Silent),
    keyword("http-check connect", DLB, Action::NotYet(STEPS)),
    keyword("http-check disable-on-404", DLB, Action::Proxy(disable_on_404)),
    keyword("http-check expect", DLB, Action::Proxy(expect)),
    keyword("http-check send", DLB, Action::Proxy(send)),
    keyword("http-check send-state", DLB, Action::NotYet(STEPS)),
    keyword("http-check set-var", DLB, Action::NotYet(STEPS)),
    keyword("http-check set-var-fmt", DLB, Action::NotYet(STEPS)),
    keyword("http-check unset-var", DLB, Action::NotYet(STEPS)),
];

/// `option httpchk [[METHOD] URI [VERSION [HOST]]]`
fn httpchk(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    if line.prefix != Prefix::None {
        draft.check.enabled = false;
        return line.finish();
    }
    let words = [line.next(), line.next(), line.next(), line.next()];
    line.finish()?;
    let mut request = CheckRequest::default();
    match words {
        [None, ..] => {}
        [Some(uri), None, ..] => request.uri = Some(visible(uri, "a URI", line)?),
        [Some(method), Some(uri), version, host] => {
            request.method = Some(token(method, line)?);
            request.uri = Some(visible(uri, "a URI", line)?);
            if let Some(word) = version {
                version_with_headers(word, &mut request, line)?;
            }
            if let Some(host) = host {
                request.headers.push(("host".to_owned(), visible(host, "a host", line)?));
            }
        }
    }
    if !draft.has_own_with_prefix("http-check send") {
        draft.check.send = CheckRequest::default();
    }
    draft.check.enabled = true;
    draft.check.option = request;
    Some(())
}

/// Before `http-check send` existed, headers and a body were written behind the version, after `\r\n`.
fn version_with_headers(word: &Word, request: &mut CheckRequest, line: &mut Directive<'_>) -> Option<()> {
    let text = word.text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").map_or((text.as_str(), None), |(h, b)| (h, Some(b)));
    let mut lines = head.split('\n');
    let version = lines.next().unwrap_or_default();
    request.version = Some(check_version(version, word, line)?);
    for header in lines.filter(|header| !header.is_empty()) {
        let Some((name, value)) = header.split_once(':') else {
            let diagnostic = Diagnostic::error(format!("'{header}' is not a header"), word.span);
            return line.fail(diagnostic.label("NAME: VALUE expected behind each \\r\\n"));
        };
        request.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    request.body = body.filter(|body| !body.is_empty()).map(str::to_owned);
    if text.contains('\n') {
        line.diagnostics.push(
            Diagnostic::warning("headers hidden in the version of a check are out of date", word.span)
                .label("accepted")
                .help("write 'http-check send hdr NAME VALUE'"),
        );
    }
    Some(())
}

fn check_version(text: &str, word: &Word, line: &mut Directive<'_>) -> Option<String> {
    match text {
        "HTTP/1.0" | "HTTP/1.1" => Some(text.to_owned()),
        "HTTP/2" | "HTTP/2.0" => line.not_yet("HTTP/2 in checks", word.span, "write HTTP/1.1"),
        _ => {
            let diagnostic = Diagnostic::error(format!("'{text}' is not an HTTP version"), word.span);
            line.fail(diagnostic.label("HTTP/1.0 or HTTP/1.1 expected"))
        }
    }
}

/// Plain TCP connects, which is what checks are without `option httpchk`.
fn tcp_check(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    line.finish()?;
    draft.check.enabled = false;
    Some(())
}

fn disable_on_404(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    line.finish()?;
    draft.check.disable_on_404 = true;
    Some(())
}

/// `http-check send [meth M] [uri U] [ver V] [hdr N V]… [body B] [comment C]`
fn send(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    const ARGUMENTS: [&str; 6] = ["body", "comment", "hdr", "meth", "uri", "ver"];
    if let Some(earlier) = draft.marked("http-check send").filter(|mark| mark.own) {
        let span = line.line();
        let diagnostic = Diagnostic::error("a second 'http-check send' is not yet supported", span);
        return line
            .fail(diagnostic.label("not yet supported").related(earlier.span, "the first one").help(STEPS));
    }
    let mut request = CheckRequest::default();
    while let Some(word) = line.next() {
        match word.text.as_str() {
            "meth" => request.method = Some(token(line.value_of(word, "a method")?, line)?),
            "uri" => request.uri = Some(visible(line.value_of(word, "a URI")?, "a URI", line)?),
            "ver" => {
                let value = line.value_of(word, "a version")?;
                request.version = Some(check_version(&value.text, value, line)?);
            }
            "hdr" => {
                let name = line.value_of(word, "a header name and a value")?;
                let name = super::rules::header_name(name, line)?;
                let value = line.value_of(word, "a value")?;
                if value.text.contains('%') {
                    return line.not_yet(
                        "a log-format expression in a check",
                        value.span,
                        "headers are literal",
                    );
                }
                if value.text.contains(['\r', '\n']) {
                    let diagnostic = Diagnostic::error("a header value is one line", value.span);
                    return line.fail(diagnostic.label("has a line end"));
                }
                request.headers.push((name, value.text.clone()));
            }
            "body" => request.body = Some(line.value_of(word, "a text")?.text.clone()),
            "comment" => {
                line.value_of(word, "a text")?;
            }
            "uri-lf" | "body-lf" => {
                let help = "'uri' and 'body' take literal text";
                return line.not_yet(&format!("'{}'", word.text), word.span, help);
            }
            _ => return line.unknown(word, "an argument of 'http-check send'", &ARGUMENTS),
        }
    }
    draft.check.send = request;
    Some(())
}

/// `http-check expect [comment C] [!] status LIST`
fn expect(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    const SUPPORTED: &str = "'http-check expect [!] status LIST' is supported, as in status 200,204,300-399";
    const PLANNED: [&str; 11] = [
        "error-status",
        "fhdr",
        "hdr",
        "min-recv",
        "ok-status",
        "on-error",
        "on-success",
        "rstatus",
        "rstring",
        "status-code",
        "string",
    ];
    if let Some(earlier) = draft.marked("http-check expect").filter(|mark| mark.own) {
        let span = line.line();
        let diagnostic = Diagnostic::error("a second 'http-check expect' is not yet supported", span);
        return line.fail(
            diagnostic.label("not yet supported").related(earlier.span, "the first one").help(SUPPORTED),
        );
    }
    let mut negate = false;
    loop {
        let word = line.expect("what to expect")?;
        match word.text.as_str() {
            "!" => negate = !negate,
            "comment" => {
                line.value_of(word, "a text")?;
            }
            "status" => {
                let list = line.value_of(word, "a list of status codes")?;
                let ranges = status_list(list, line)?;
                line.finish()?;
                draft.check.expect = Some(Expect::Status { ranges, negate });
                return Some(());
            }
            "tout-status" => return line.not_yet("'tout-status'", word.span, SUPPORTED),
            other if PLANNED.contains(&other) => {
                return line.not_yet(&format!("'http-check expect {other}'"), word.span, SUPPORTED);
            }
            _ => return line.unknown(word, "something to expect", &["!", "comment", "status"]),
        }
    }
}

/// `200,204,300-399`
fn status_list(word: &Word, line: &mut Directive<'_>) -> Option<Vec<(u16, u16)>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    for item in word.text.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let code = |text: &str| text.parse::<u16>().ok().filter(|code| (100..=999).contains(code));
        match (code(first), code(last)) {
            (Some(first), Some(last)) if first <= last => ranges.push((first, last)),
            _ => {
                let span = word.part(at..at + item.len());
                let diagnostic = Diagnostic::error(format!("'{item}' is not a status code"), span);
                return line.fail(diagnostic.label("a code or a range expected, as in 200 or 300-399"));
            }
        }
        at += item.len() + 1;
    }
    Some(ranges)
}

fn token(word: &Word, line: &mut Directive<'_>) -> Option<String> {
    if !word.text.is_empty() && word.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
        return Some(word.text.clone());
    }
    let diagnostic = Diagnostic::error(format!("'{}' is not an HTTP method", word.text), word.span);
    line.fail(diagnostic.label("as in GET or HEAD"))
}

/// Text that can stand in a request line or a header: no blanks, no control characters.
fn visible(word: &Word, what: &str, line: &mut Directive<'_>) -> Option<String> {
    match word.text.char_indices().find(|(_, c)| c.is_whitespace() || c.is_control()) {
        None => Some(word.text.clone()),
        Some((at, c)) => {
            let message = format!("{what} cannot hold '{}'", c.escape_debug());
            line.fail(Diagnostic::error(message, word.part(at..at + c.len_utf8())).label("this character"))
        }
    }
}
