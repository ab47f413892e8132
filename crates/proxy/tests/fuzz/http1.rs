//! Bytes as what an HTTP/1 client or server sends: however they are cut into pieces they are read alike, and what is sent on
//! of them is read by the next one as it was read here.

use bytes::BytesMut;
use proxy::h1::{
    BodyDecoder, BodyLength, ConnectionOptions, Decoded, HeaderList, NameCase, parse_request, parse_response,
    request_framing, response_framing, write_chunk_size, write_last_chunk, write_request, write_response,
};

/// Names and values, in order.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A message as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    /// Its head as it is sent on.
    head: Vec<u8>,
    length: BodyLength,
    body: Vec<u8>,
    trailers: Fields,
    complete: bool,
}

/// What was read of a stream, and whether reading ended with a refusal.
type Read = (Vec<Message>, bool);

/// The first byte says who sends and how long the pieces are; the others are what is sent.
pub(crate) fn play(bytes: &[u8]) {
    let Some((first, stream)) = bytes.split_first() else { return };
    let (message, piece): (fn(&mut BytesMut) -> Head, usize) =
        (if first & 1 == 0 { request } else { response }, usize::from(first >> 1) % 8 + 1);
    let (whole, refused) = read(message, [stream].into_iter());
    assert_eq!(read(message, stream.chunks(piece)), (whole.clone(), refused), "in pieces of {piece}");

    let complete: Vec<Message> = whole.into_iter().filter(|message| message.complete).collect();
    let mut sent_on = Vec::new();
    for message in &complete {
        send_on(&mut sent_on, message);
    }
    let (again, refused) = read(message, [&sent_on[..]].into_iter());
    assert!(!refused, "what is sent on is refused: {:?}", String::from_utf8_lossy(&sent_on));
    assert_eq!(again, complete, "{:?}", String::from_utf8_lossy(&sent_on));
}

/// A head as it is sent on, what follows it, and whether anything may follow that.
enum Head {
    More,
    Refused,
    Read { head: Vec<u8>, length: BodyLength, ends: bool },
}

fn request(buffer: &mut BytesMut) -> Head {
    let mut head = match parse_request(buffer) {
        Ok(Some(head)) => head,
        Ok(None) => return Head::More,
        Err(_) => return Head::Refused,
    };
    let Ok(framing) = request_framing(&mut head) else { return Head::Refused };
    let persistent = ConnectionOptions::read(&head.headers).persistent(head.version);
    let mut out = Vec::new();
    write_request(&mut out, &head, NameCase::Lower, &[]);
    Head::Read { head: out, length: framing.body, ends: framing.must_close || !persistent }
}

fn response(buffer: &mut BytesMut) -> Head {
    let mut head = match parse_response(buffer) {
        Ok(Some(head)) => head,
        Ok(None) => return Head::More,
        Err(_) => return Head::Refused,
    };
    let Ok(length) = response_framing(&mut head, b"GET") else { return Head::Refused };
    let mut out = Vec::new();
    write_response(&mut out, &head, NameCase::Lower);
    Head::Read { head: out, length, ends: length == BodyLength::UntilClose }
}

fn read<'a>(message: fn(&mut BytesMut) -> Head, mut pieces: impl Iterator<Item = &'a [u8]>) -> Read {
    let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
    loop {
        let (head, length, ends) = match message(&mut buffer) {
            Head::Refused => return (read, true),
            Head::Read { head, length, ends } => (head, length, ends),
            Head::More => {
                let Some(piece) = pieces.next() else { return (read, false) };
                buffer.extend_from_slice(piece);
                continue;
            }
        };
        let mut message = Message { head, length, body: Vec::new(), trailers: Vec::new(), complete: false };
        let mut decoder = BodyDecoder::new(length);
        let refused = loop {
            match decoder.decode(&mut buffer) {
                Ok(Decoded::Data(data)) => message.body.extend_from_slice(&data),
                Ok(Decoded::End(trailers)) => {
                    message.trailers = trailers.as_ref().map(fields).unwrap_or_default();
                    message.complete = true;
                    break false;
                }
                Ok(Decoded::NeedMore) => match pieces.next() {
                    Some(piece) => buffer.extend_from_slice(piece),
                    None => {
                        message.complete = decoder.ends_with_connection();
                        break false;
                    }
                },
                Err(_) => break true,
            }
        };
        let over = refused || ends || !message.complete;
        read.push(message);
        if over {
            return (read, refused);
        }
    }
}

fn fields(headers: &HeaderList) -> Fields {
    headers.iter().map(|(_, name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect()
}

fn send_on(out: &mut Vec<u8>, message: &Message) {
    out.extend_from_slice(&message.head);
    if message.length != BodyLength::Chunked {
        out.extend_from_slice(&message.body);
        return;
    }
    // Cut anew: where chunks end means nothing.
    for chunk in message.body.chunks(3) {
        write_chunk_size(out, chunk.len());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    let mut trailers = HeaderList::new();
    for (name, value) in &message.trailers {
        trailers.push(name, value);
    }
    write_last_chunk(out, Some(&trailers), NameCase::Lower);
}
