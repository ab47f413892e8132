//! `errorfile`: a raw response that is sent instead of the built-in page.

use std::path::PathBuf;

use crate::diagnostic::Diagnostic;
use crate::haproxy::directive::Directive;
use crate::haproxy::draft::Draft;
use crate::haproxy::keywords::{Action, DFLB, Keyword, keyword};
use crate::haproxy::model::ErrorFile;

pub(super) static TABLE: &[Keyword] = &[keyword("errorfile", DFLB, Action::Proxy(error_file))];

const CODES: &[u16] = &[
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504,
];
/// HAProxy's buffer, which a response has to fit in.
const MAX_BYTES: usize = 16_384;
/// Where Debian's haproxy package puts the pages that its stock configuration names.
const STOCK_DIRECTORY: &str = "/etc/haproxy/errors/";

fn error_file(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let code = line.expect("a status code and a file")?;
    let status = line.integer_in(code, "errorfile", 100..=599)?;
    if !CODES.contains(&status) {
        let codes: Vec<_> = CODES.iter().map(u16::to_string).collect();
        let diagnostic = Diagnostic::error(format!("there is no page for status {status}"), code.span);
        return line.fail(diagnostic.label("never sent").help(format!("the codes are {}", codes.join(", "))));
    }
    let word = line.expect("a file")?;
    line.finish()?;
    let path = PathBuf::from(&word.text);
    let response = match line.env.read_file(&path) {
        Ok(response) => response,
        Err(error) => {
            let message = format!("cannot read '{}': {error}", word.text);
            if error.kind() == std::io::ErrorKind::NotFound && word.text.starts_with(STOCK_DIRECTORY) {
                line.diagnostics.push(
                    Diagnostic::warning(message, word.span)
                        .label("the built-in page is used")
                        .help("these files come with Debian's haproxy package; copy them or remove the line"),
                );
                draft.proxy.error_files.retain(|file| file.status != status);
                return Some(());
            }
            return line.fail(Diagnostic::error(message, word.span).label("a readable file is needed"));
        }
    };
    if let Err(why) = check_response(&response) {
        let message = format!("'{}' is not a raw HTTP response", word.text);
        let help =
            "the file holds a status line, headers, an empty line and a body; an empty file sends nothing";
        return line.fail(Diagnostic::error(message, word.span).label(why).help(help));
    }
    draft.proxy.error_files.retain(|file| file.status != status);
    draft.proxy.error_files.push(ErrorFile { status, path, response });
    Some(())
}

/// Lines may end in LF or CRLF. An empty file closes the connection without a word.
fn check_response(response: &[u8]) -> Result<(), &'static str> {
    if response.is_empty() {
        return Ok(());
    }
    if response.len() > MAX_BYTES {
        return Err("longer than 16384 bytes");
    }
    let mut lines = response.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\n")?;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    });
    let status = lines.next().flatten().unwrap_or_default();
    let well_formed = status.starts_with(b"HTTP/1.")
        && status.get(8) == Some(&b' ')
        && status.get(9..12).is_some_and(|code| code.iter().all(u8::is_ascii_digit))
        && status.get(12).is_none_or(|byte| *byte == b' ');
    if !well_formed {
        return Err("the first line is not a status line, such as HTTP/1.0 503 Service Unavailable");
    }
    // The headers end with an empty line, and every line before that with a line end.
    for line in lines.map_while(|line| line) {
        if line.is_empty() {
            return Ok(());
        }
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        if name.len() == line.len() || name.is_empty() || !name.iter().all(token) {
            return Err("a header is malformed");
        }
    }
    Err("no empty line ends the headers")
}

#[cfg(test)]
mod tests {
    use super::check_response;

    #[test]
    fn raw_responses_are_recognised() {
        for good in [
            &b""[..],
            b"HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/html\r\n\r\n<html>",
            b"HTTP/1.1 400 Bad request\nCache-Control: no-cache\n\nbody\n",
            b"HTTP/1.0 204\n\n",
        ] {
            assert_eq!(check_response(good), Ok(()));
        }
        for bad in [
            &b"<html>not a response</html>"[..],
            b"HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/html\r\n",
            b"HTTP/1.0 503 x\r\nno colon\r\n\r\n",
            b"HTTP/1.0 503 x\r\nna me: x\r\n\r\n",
            b"HTTP/1.0 5x3 x\r\n\r\n",
            b"HTTP/2 503\r\n\r\n",
        ] {
            assert!(check_response(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert!(
            check_response(&[b"HTTP/1.0 503 x\r\n\r\n", vec![b'x'; 17_000].as_slice()].concat()).is_err()
        );
    }
}
