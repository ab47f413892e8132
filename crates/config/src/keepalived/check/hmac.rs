//! `auth_hmac`.

use std::path::Path;
use std::time::Duration;

use super::super::keywords;
use super::super::lexer::Word;
use super::super::model::{AntiReplay, AuthHmac, HmacKey, HmacMode, Secret};
use super::super::tree::Block;
use super::{Findings, statements, value};
use crate::diagnostic::Diagnostic;

/// A key has this many bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 32..=64;
const MIN_WINDOW: Duration = Duration::from_secs(1);
const MAX_WINDOW: Duration = Duration::from_secs(300);
const SHORTEST_DEFAULT_WINDOW: Duration = Duration::from_secs(5);

/// Reads the block of an instance that advertises every `interval`.
pub(super) fn hmac(block: &Block, interval: Duration, findings: &mut Findings<'_>) -> Option<AuthHmac> {
    let mut keys: Vec<HmacKey> = Vec::new();
    let (mut active, mut window, mut monotonic) = (None, None, false);
    let mut mode = HmacMode::Enforce;
    let before = findings.errors();
    for s in &statements(block.body.as_deref().unwrap_or_default(), &keywords::HMAC, findings) {
        match s.keyword.text.as_str() {
            "key" => keys.extend(key(s, &keys, findings)),
            "active_key" => active = value::integer::<u8>(s, 0, 1..=255, findings),
            "anti_replay" => match s.arg(0) {
                Some("time") => monotonic = false,
                Some("monotonic") => monotonic = true,
                other => value::wrong(s, other.unwrap_or_default(), "time or monotonic", s.span, findings),
            },
            "time_window" => window = value::seconds(s, 0, MIN_WINDOW..=MAX_WINDOW, findings),
            "mode" => match s.arg(0) {
                Some("enforce") => mode = HmacMode::Enforce,
                Some("permissive") => mode = HmacMode::Permissive,
                Some("receive-only") => mode = HmacMode::ReceiveOnly,
                other => {
                    let expected = "enforce, permissive or receive-only";
                    value::wrong(s, other.unwrap_or_default(), expected, s.span, findings);
                }
            },
            _ => {}
        }
    }
    if findings.errors() > before {
        return None;
    }
    let active_key = match (active, keys.as_slice()) {
        (Some(id), keys) if keys.iter().any(|key| key.id == id) => id,
        (None, [only]) => only.id,
        (_, []) => {
            return fail(
                block,
                "`auth_hmac` has no key",
                "add `key 1 hex:...` with 32 to 64 bytes",
                findings,
            );
        }
        (Some(id), _) => {
            let message = format!("`active_key {id}` is none of the keys");
            return fail(block, &message, "name the id of a `key` line", findings);
        }
        (None, _) => {
            return fail(block, "`auth_hmac` has several keys", "add `active_key ID`: it signs", findings);
        }
    };
    let window = window.unwrap_or_else(|| (interval * 3).clamp(SHORTEST_DEFAULT_WINDOW, MAX_WINDOW));
    Some(AuthHmac {
        keys,
        active_key,
        anti_replay: if monotonic { AntiReplay::Monotonic } else { AntiReplay::Time { window } },
        mode,
        span: block.span,
    })
}

fn fail<T>(block: &Block, message: &str, help: &str, findings: &mut Findings<'_>) -> Option<T> {
    findings.push(Diagnostic::error(message, block.span).help(help));
    None
}

/// `key ID VALUE`, VALUE being text, `hex:DIGITS` or `file:PATH`.
fn key(statement: &Block, earlier: &[HmacKey], findings: &mut Findings<'_>) -> Option<HmacKey> {
    let id = value::integer::<u8>(statement, 0, 1..=255, findings)?;
    let word = statement.args.get(1)?;
    if earlier.iter().any(|key| key.id == id) {
        findings.push(
            Diagnostic::error(format!("there are two keys {id}"), statement.span)
                .help("give each key its own id, the same on all nodes"),
        );
        return None;
    }
    let bytes = bytes(word, findings)?;
    if !KEY_BYTES.contains(&bytes.len()) {
        findings.push(
            Diagnostic::error(format!("key {id} has {} bytes", bytes.len()), word.span)
                .label("expected 32 to 64 bytes")
                .help("`openssl rand -hex 32` makes one; write it after `hex:`"),
        );
        return None;
    }
    Some(HmacKey { id, secret: Secret(bytes) })
}

/// The bytes of a key. They are in no message.
fn bytes(word: &Word, findings: &mut Findings<'_>) -> Option<Vec<u8>> {
    let Some(path) = word.text.strip_prefix("file:") else {
        return literal(word.text.as_bytes(), word, findings);
    };
    match (findings.read_file)(Path::new(path)) {
        Ok(content) => literal(content.trim_ascii(), word, findings),
        Err(error) => {
            findings.push(
                Diagnostic::error(format!("cannot read the key file {path}: {error}"), word.span)
                    .help("name a file that this user may read, with the key in it"),
            );
            None
        }
    }
}

fn literal(text: &[u8], word: &Word, findings: &mut Findings<'_>) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix(b"hex:") else { return Some(text.to_vec()) };
    let decoded = hex(digits);
    if decoded.is_none() {
        findings.push(
            Diagnostic::error("this key is not hexadecimal", word.span)
                .label("expected an even number of digits 0-9 and a-f after `hex:`"),
        );
    }
    decoded
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
