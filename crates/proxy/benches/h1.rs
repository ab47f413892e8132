//! What it costs to read, rewrite and write HTTP/1 heads, and to decode a chunked body.

use bytes::BytesMut;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use proxy::h1::{self, BodyDecoder, BodyLength, ConnectionOptions, NameCase};

/// What a load generator sends.
const SMALL: &[u8] = b"GET / HTTP/1.1\r\nHost: bench.test\r\n\r\n";

/// What a browser sends.
const BROWSER: &[u8] = b"GET /articles/2024/index.html?page=2 HTTP/1.1\r\nHost: www.example.org\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n\
Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef; theme=dark\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Mon, 02 Jan 2023 03:04:05 GMT\r\n\
Content-Type: text/html; charset=utf-8\r\nContent-Length: 128\r\nCache-Control: max-age=60\r\n\
Etag: \"5f3c-1a2b\"\r\nConnection: keep-alive\r\n\r\n";

/// A request, by the name under which it is reported.
#[derive(Debug, Clone, Copy)]
enum Sample {
    Small,
    Browser,
}

impl Sample {
    const ALL: [Self; 2] = [Self::Small, Self::Browser];

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Small => SMALL,
            Self::Browser => BROWSER,
        }
    }
}

fn main() {
    divan::main();
}

#[divan::bench(args = Sample::ALL)]
fn parse_request(bencher: Bencher<'_, '_>, sample: Sample) {
    let bytes = sample.bytes();
    bencher
        .counter(BytesCount::of_slice(bytes))
        .with_inputs(|| BytesMut::from(bytes))
        .bench_local_values(|mut buffer| h1::parse_request(black_box(&mut buffer)));
}

#[divan::bench]
fn parse_response(bencher: Bencher<'_, '_>) {
    bencher
        .counter(BytesCount::of_slice(RESPONSE))
        .with_inputs(|| BytesMut::from(RESPONSE))
        .bench_local_values(|mut buffer| h1::parse_response(black_box(&mut buffer)));
}

/// Framing, hop-by-hop fields, one field more, and the bytes for the server.
#[divan::bench(args = Sample::ALL)]
fn rewrite_request(bencher: Bencher<'_, '_>, sample: Sample) {
    let parsed =
        h1::parse_request(&mut BytesMut::from(sample.bytes())).ok().flatten().expect("the request is whole");
    let mut out = Vec::with_capacity(1024);
    bencher.with_inputs(|| parsed.clone()).bench_local_values(|mut head| {
        let framing = h1::request_framing(&mut head);
        let options = ConnectionOptions::read(&head.headers);
        h1::strip(&mut head.headers);
        out.clear();
        h1::write_request(&mut out, &head, NameCase::Lower, &[("x-forwarded-for", b"192.0.2.7")]);
        black_box((framing.is_ok(), options.close, out.len()))
    });
}

/// Framing, hop-by-hop fields, and the bytes for the client.
#[divan::bench(args = [NameCase::Lower, NameCase::AsReceived])]
fn rewrite_response(bencher: Bencher<'_, '_>, case: NameCase) {
    let parsed =
        h1::parse_response(&mut BytesMut::from(RESPONSE)).ok().flatten().expect("the response is whole");
    let mut out = Vec::with_capacity(1024);
    bencher.with_inputs(|| parsed.clone()).bench_local_values(|mut head| {
        let framing = h1::response_framing(&mut head, b"GET");
        h1::strip(&mut head.headers);
        out.clear();
        h1::write_response(&mut out, &head, case);
        black_box((framing.is_ok(), out.len()))
    });
}

/// A body of 8 chunks of that size; decoding copies nothing.
#[divan::bench(args = [64, 1024, 16 * 1024])]
fn decode_chunks(bencher: Bencher<'_, '_>, size: usize) {
    let mut coded = Vec::new();
    for _ in 0..8 {
        h1::write_chunk_size(&mut coded, size);
        coded.resize(coded.len() + size, b'x');
        coded.extend_from_slice(b"\r\n");
    }
    h1::write_last_chunk(&mut coded, None, NameCase::Lower);
    bencher
        .counter(BytesCount::of_slice(&coded))
        .with_inputs(|| BytesMut::from(&coded[..]))
        .bench_local_values(|mut buffer| {
            let mut decoder = BodyDecoder::new(BodyLength::Chunked);
            while !decoder.is_done() {
                if black_box(decoder.decode(&mut buffer)).is_err() {
                    break;
                }
            }
            decoder
        });
}
