//! The body of the fuzz target, over what fuzzing has found worth keeping (`fuzz/corpus`), and over random bytes.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

mod http1;

use std::path::Path;

use proptest::prelude::*;

#[test]
fn the_corpus_plays() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/http1");
    let mut played = 0;
    for entry in std::fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        http1::play(&std::fs::read(&path).unwrap());
        played += 1;
    }
    assert!(played >= 40, "{} has {played} files", corpus.display());
}

/// Pieces from which messages are put together: right, odd, wrong.
const PIECES: [&[u8]; 34] = [
    b"GET / HTTP/1.1\r\n",
    b"POST /p?q HTTP/1.1\r\n",
    b"POST /p HTTP/1.0\r\n",
    b"GET http://a/ HTTP/1.1\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n",
    b"GET / HTTP/1.9\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 404 \r\n",
    b"HTTP/1.1 204\r\n",
    b"HTTP/1.1 100 Continue\r\n",
    b"Host: a\r\n",
    b"host: a\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 3, 3\r\n",
    b"Content-Length: 03\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: Chunked\t\r\n",
    b"Transfer-Encoding: identity, chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive, x-a\r\n",
    b"X-A: b\r\n\tc\r\n",
    b"X-A:\x80\xff\r\n",
    b"X-A: \r\n",
    b"\r\n",
    b"\n",
    b"3\r\nabc\r\n",
    b"3;e=1\r\nabc\r\n",
    b"0003\r\nabc\r\n",
    b"0\r\n\r\n",
    b"0\r\nT: v\r\n\r\n",
    b"abc",
    b"\r",
    b"\0",
];

proptest! {
    // What random bytes find is kept as a file of the corpus.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_messages_play(first in any::<u8>(), pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..14)) {
        http1::play(&[&[first], &pieces.concat()[..]].concat());
    }

    #[test]
    fn random_bytes_play(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        http1::play(&bytes);
    }
}
