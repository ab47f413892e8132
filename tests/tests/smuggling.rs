//! Nothing smuggles: whatever bytes a client sends, the origin sees messages with one framing that `lbd` has read too, or
//! nothing at all.
//!
//! `lbd` marks every request it forwards (`x-via`). A request that reaches the origin without the mark has passed as part
//! of something else.

use e2e::Outcome::{Either, One, Refused};
use e2e::{Client, HIDDEN, Judge, hidden_chunk};
use proptest::collection::vec;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

#[test]
fn content_length_beside_transfer_encoding_has_one_reading() {
    let judge = Judge::new();
    let whole = HIDDEN.len() + 5;
    let rows = [
        // CL.TE: by Content-Length all is body, by chunks the body ends before the hidden request.
        (
            "CL.TE",
            format!(
                "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: {whole}\r\nTransfer-Encoding: chunked\r\n\r\n\
                 0\r\n\r\n{HIDDEN}"
            ),
        ),
        // TE.CL: by chunks all is body, by Content-Length the hidden request follows.
        (
            "TE.CL",
            format!(
                "POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{}",
                hidden_chunk()
            ),
        ),
        (
            "TE.CL with a length of nothing",
            format!(
                "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                hidden_chunk()
            ),
        ),
    ];
    for (name, payload) in rows {
        judge.judge(name, payload.as_bytes(), One);
        let request = judge.forwarded(name).remove(0);
        assert_eq!(
            (request.header("content-length"), request.header("transfer-encoding")),
            (None, Some("chunked"))
        );
    }
    judge.passes(
        "chunked",
        b"POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "hi",
    );
    judge.passes("length", b"POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", "hi");
}

#[test]
fn disguised_transfer_encodings_are_refused_or_read_once() {
    let judge = Judge::new();
    for (line, outcome) in [
        ("Transfer-Encoding: xchunked", Refused),
        ("Transfer-Encoding: chunked, chunked", Refused),
        ("Transfer-Encoding: chunked, identity", Refused),
        ("Transfer-Encoding: identity", Refused),
        ("Transfer-Encoding: gzip, chunked", Refused),
        ("Transfer-Encoding:", Refused),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", Refused),
        ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", Refused),
        ("Transfer-Encoding: \"chunked\"", Refused),
        ("Transfer-Encoding: chunked;q=1", Refused),
        ("Transfer-Encoding: chunked\x0b", Refused),
        ("Transfer-Encoding: \x0bchunked", Refused),
        ("Transfer-Encoding: chunked\0", Refused),
        ("Transfer-Encoding : chunked", Refused),
        ("Transfer-Encoding\t: chunked", Refused),
        ("Transfer\x00-Encoding: chunked", Refused),
        ("\x0bTransfer-Encoding: chunked", Refused),
        ("X: y\rTransfer-Encoding: chunked", Refused),
        ("Transfer-Encoding: chunked\rX: y", Refused),
        ("transfer-ENCODING: CHUNKED", One),
        ("Transfer-Encoding:\tchunked\t", One),
        ("Transfer-Encoding:\r\n chunked", Either),
        ("X: y\nTransfer-Encoding: chunked", Either),
        ("Transfer-Encoding: ,chunked,", Either),
    ] {
        let payload = format!(
            "POST /first HTTP/1.1\r\nHost: x\r\n{line}\r\nContent-Length: 4\r\n\r\n{}",
            hidden_chunk()
        );
        judge.judge(line, payload.as_bytes(), outcome);
    }
}

#[test]
fn odd_content_lengths_are_refused_or_read_once() {
    let judge = Judge::new();
    let n = HIDDEN.len();
    for (lines, outcome) in [
        ("Content-Length:".to_owned(), Refused),
        (format!("Content-Length: +{n}"), Refused),
        (format!("Content-Length: -{n}"), Refused),
        (format!("Content-Length: 0x{n:x}"), Refused),
        ("Content-Length: 4_7".to_owned(), Refused),
        (format!("Content-Length: {n}.0"), Refused),
        (format!("Content-Length: {n} {n}"), Refused),
        (format!("Content-Length: {n}a"), Refused),
        (format!("Content-Length: {n}\x0c"), Refused),
        (format!("Content-Length: {n}\0"), Refused),
        (format!("Content-Length: \"{n}\""), Refused),
        (format!("Content-Length: 0, {n}"), Refused),
        (format!("Content-Length: {n}, 0"), Refused),
        (format!("Content-Length: {n},"), Refused),
        (format!("Content-Length: {n}\r\nContent-Length: 0"), Refused),
        (format!("Content-Length: 0\r\nContent-Length: {n}"), Refused),
        (format!("Content-Length: {n}\r\ncontent-length: {}", n + 1), Refused),
        ("Content-Length: 18446744073709551616".to_owned(), Refused),
        (format!("Content-Length: 1844674407370955161{n}"), Refused),
        (format!("Content-Length : {n}"), Refused),
        (format!("Content-Length\x00: {n}"), Refused),
        (format!("Content-Length: {n}\rX: y"), Refused),
        (format!("Content-Length: {n}\r\nContent-Length: {n}"), One),
        (format!("Content-Length: {n}, {n}"), One),
        (format!("content-LENGTH: \t{n}\t "), One),
        (format!("Content-Length: 00{n}"), Either),
        (format!("Content-Length:\r\n {n}"), Either),
    ] {
        let payload = format!("POST /first HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n{HIDDEN}");
        judge.judge(&lines, payload.as_bytes(), outcome);
    }
    judge.passes("length", b"POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", "hi");
}

#[test]
fn odd_chunks_are_refused() {
    let judge = Judge::new();
    let n = HIDDEN.len();
    for (name, body, outcome) in [
        ("no size", format!("\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("plus", format!("+{n:x}\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("minus", format!("-{n:x}\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("0x", format!("0x{n:x}\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("underscore", format!("2_f\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("space before the size", format!(" {n:x}\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("huge size", format!("ffffffffffffffff{n:x}\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("size that wraps 64 bits", format!("10000000000000000\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("size over 2 GB", format!("80000000\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("NUL in the size", format!("{n:x}\0\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("CR in an extension", format!("2;\rxx\r\nhi\r\n0\r\n\r\n{HIDDEN}"), Refused),
        ("CR X instead of CRLF", format!("{n:x}\rX{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("chunk without its end", format!("1\r\n{HIDDEN}\r\n0\r\n\r\n"), Refused),
        ("chunk that ends with CR X", format!("2\r\nhi\rX0\r\n\r\n{HIDDEN}"), Refused),
        ("field without a name in the trailers", format!("0\r\n: x\r\n\r\n{HIDDEN}"), Refused),
        ("space before a trailer's colon", format!("0\r\nX : x\r\n\r\n{HIDDEN}"), Refused),
    ] {
        let payload = format!("POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        judge.judge(name, payload.as_bytes(), outcome);
    }
    for (name, body) in [
        ("LF after the size", format!("{n:x}\n{HIDDEN}\r\n0\r\n\r\n")),
        ("LF in an extension", format!("{n:x};a\n{HIDDEN}\r\n0\r\n\r\n")),
        ("LF after the data", format!("{n:x}\r\n{HIDDEN}\n0\r\n\r\n")),
        ("space after the size", format!("{n:x} \r\n{HIDDEN}\r\n0\r\n\r\n")),
        ("zeros before the size", format!("000{n:x}\r\n{HIDDEN}\r\n0\r\n\r\n")),
    ] {
        let payload = format!("POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let mut client = Client::connect(judge.lbd.port("web"));
        client.send_in_vain(&payload).finish();
        let responses = client.responses();
        judge.sentinel(name);
        // Refused when the data has been forwarded already, or read as one body: in no reading a second request.
        assert!(judge.forwarded(name).iter().all(|r| r.target() == "/first"), "{name}");
        assert_eq!(responses.len(), 1, "{name}: {responses:?}");
    }
    judge.passes(
        "extension",
        b"POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\n\r\n",
        "hi",
    );
}

#[test]
fn lines_that_end_oddly_have_one_reading() {
    let judge = Judge::new();
    let n = HIDDEN.len();
    let body = format!("Content-Length: {n}\r\n\r\n{HIDDEN}");
    for (name, payload, outcome) in [
        ("bare LF", format!("POST /first HTTP/1.1\nHost: x\nContent-Length: {n}\n\n{HIDDEN}"), Either),
        (
            "LF CR LF as the empty line",
            format!("POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\n\r\n{HIDDEN}"),
            Either,
        ),
        ("folded field", format!("POST /first HTTP/1.1\r\nHost: x\r\nX: a\r\n\tb\r\n{body}"), Either),
        ("folded first field", format!("POST /first HTTP/1.1\r\n X: a\r\nHost: x\r\n{body}"), Refused),
        ("folded framing", format!("POST /first HTTP/1.1\r\nHost: x\r\nX: a\r\n {body}"), Either),
        (
            "CR X as a line end",
            format!("POST /first HTTP/1.1\r\nHost: x\rXContent-Length: {n}\r\n\r\n{HIDDEN}"),
            Refused,
        ),
        ("CR CR LF", format!("POST /first HTTP/1.1\r\nHost: x\r\nX: a\r\r\n{body}"), Refused),
        ("CR in the request line", format!("POST /first\rHTTP/1.1\r\nHost: x\r\n{body}"), Refused),
        ("NUL in a value", format!("POST /first HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n{body}"), Refused),
        ("NUL in a name", format!("POST /first HTTP/1.1\r\nHost: x\r\nX\0: a\r\n{body}"), Refused),
        ("space before a colon", format!("POST /first HTTP/1.1\r\nHost: x\r\nX : a\r\n{body}"), Refused),
        ("empty name", format!("POST /first HTTP/1.1\r\nHost: x\r\n: a\r\n{body}"), Refused),
        ("no colon", format!("POST /first HTTP/1.1\r\nHost: x\r\nX\r\n{body}"), Refused),
        ("space in a name", format!("POST /first HTTP/1.1\r\nHost: x\r\nX Y: a\r\n{body}"), Refused),
        ("empty lines before", format!("\r\n\r\nPOST /first HTTP/1.1\r\nHost: x\r\n{body}"), Either),
    ] {
        // Where a fold takes the length into another field, the body is a request like any other; it must carry the mark.
        if name == "folded framing" {
            judge.origin.clear();
            let mut client = Client::connect(judge.lbd.port("web"));
            client.send_in_vain(&payload).finish();
            let responses = client.responses();
            let requests = judge.forwarded(name);
            assert_eq!(
                responses.iter().filter(|r| r.status() == 200).count(),
                requests.len(),
                "{responses:?}"
            );
        } else {
            judge.judge(name, payload.as_bytes(), outcome);
        }
    }
    judge.passes("plain", b"POST /first HTTP/1.1\r\nHost: x\r\nX: a\tb\r\nContent-Length: 2\r\n\r\nhi", "hi");
}

#[test]
fn http_1_0_with_a_transfer_encoding_has_one_reading_and_ends_the_connection() {
    let judge = Judge::new();
    let rows = [
        ("chunked", format!("POST /first HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n{}", hidden_chunk())),
        (
            "chunked, kept alive",
            format!(
                "POST /first HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"
            ),
        ),
        (
            "chunked with a length",
            format!(
                "POST /first HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                hidden_chunk()
            ),
        ),
    ];
    for (name, payload) in rows {
        judge.judge(name, payload.as_bytes(), Either);
    }
    judge.passes("length", b"POST /first HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", "hi");
}

#[test]
fn a_request_body_never_ends_with_the_connection() {
    let judge = Judge::new();
    // Without framing there is no body, so what follows is the next request or garbage: never the first one's body.
    judge.judge("garbage behind", b"POST /first HTTP/1.1\r\nHost: x\r\n\r\nsmuggled=1&a=b", One);
    assert_eq!(judge.forwarded("garbage behind")[0].text(), "");
    // HTTP/1.0 ends after one request, whatever follows.
    let payload = format!("POST /first HTTP/1.0\r\n\r\n{HIDDEN}");
    judge.judge("HTTP/1.0", payload.as_bytes(), One);
    assert_eq!(judge.forwarded("HTTP/1.0")[0].text(), "");
}

/// Pieces of framing, good and bad, to be combined.
const PIECES: [&str; 14] = [
    "Content-Length: 0\r\n",
    "Content-Length: 4\r\n",
    "Content-Length: 4, 4\r\n",
    "Content-Length: 04\r\n",
    "Content-Length:\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: CHUNKED\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Connection: keep-alive\r\n",
    "Connection: Transfer-Encoding, Content-Length\r\n",
    "Expect: 100-continue\r\n",
    "X: y\n",
];

#[test]
fn every_request_that_any_mix_of_framings_brings_to_the_origin_was_answered_as_one() {
    let judge = Judge::new();
    let bodies =
        Vec::from([HIDDEN.to_owned(), hidden_chunk(), format!("0\r\n\r\n{HIDDEN}"), format!("body{HIDDEN}")]);
    let mixes = (select(Vec::from(["1.0", "1.1"])), vec(select(PIECES.to_vec()), 0..4), select(bodies));
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&mixes, |(version, fields, body)| {
        judge.origin.clear();
        let payload = format!("POST /first HTTP/{version}\r\nHost: x\r\n{}\r\n{body}", fields.concat());
        let mut client = Client::connect(judge.lbd.port("web"));
        client.send_in_vain(&payload).finish();
        let answered = client.responses().iter().filter(|r| r.status() == 200).count();
        judge.sentinel(&payload);
        assert_eq!(judge.forwarded(&payload).len(), answered, "{payload:?}");
        Ok(())
    });
    outcome.expect("no mix smuggles");
}
