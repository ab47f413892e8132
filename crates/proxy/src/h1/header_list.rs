//! The header fields of one message, in order, without copying them out of the received bytes.

use bytes::Bytes;

/// Field names that the proxy itself acts on. Recognised once, when the head is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Known {
    /// `connection`
    Connection,
    /// `content-length`
    ContentLength,
    /// `expect`
    Expect,
    /// `host`
    Host,
    /// `keep-alive`
    KeepAlive,
    /// `proxy-connection`
    ProxyConnection,
    /// `te`
    Te,
    /// `transfer-encoding`
    TransferEncoding,
    /// `upgrade`
    Upgrade,
    /// Any other name.
    Other,
}

impl Known {
    /// Recognises a field name, whatever its case.
    pub fn of(name: &[u8]) -> Self {
        let Some(first) = name.first() else { return Self::Other };
        // Most fields are none of these, and told apart by length and first letter.
        let (candidate, known): (&[u8], _) = match (name.len(), first | 0x20) {
            (2, b't') => (b"te", Self::Te),
            (4, b'h') => (b"host", Self::Host),
            (6, b'e') => (b"expect", Self::Expect),
            (7, b'u') => (b"upgrade", Self::Upgrade),
            (10, b'c') => (b"connection", Self::Connection),
            (10, b'k') => (b"keep-alive", Self::KeepAlive),
            (14, b'c') => (b"content-length", Self::ContentLength),
            (16, b'p') => (b"proxy-connection", Self::ProxyConnection),
            (17, b't') => (b"transfer-encoding", Self::TransferEncoding),
            _ => return Self::Other,
        };
        // Not one octet that may stand in a name becomes a letter or a hyphen by this bit but the same letter.
        let differs = name.iter().zip(candidate).fold(0, |differs, (a, b)| differs | ((a | 0x20) ^ b));
        if differs == 0 { known } else { Self::Other }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A piece of text in one of the two buffers of a [`HeaderList`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    at: u32,
    len: u32,
    /// In what the proxy added, not in what was received.
    own: bool,
}

impl Text {
    /// The octets `from..to` of the received head.
    pub(super) fn received(from: usize, to: usize) -> Self {
        let at = u32::try_from(from).unwrap_or(u32::MAX);
        Self { at, len: u32::try_from(to - from).unwrap_or(0), own: false }
    }

    fn start(self) -> usize {
        self.at as usize
    }

    fn end(self) -> usize {
        self.at as usize + self.len as usize
    }
}

#[derive(Debug, Clone, Copy)]
struct Field {
    known: Known,
    name: Text,
    value: Text,
    /// The line stands in the received head as it is to be written: `name: value`, CR, LF.
    plain: bool,
}

/// An ordered list of header fields over the bytes they were received in.
#[derive(Debug, Clone, Default)]
pub struct HeaderList {
    head: Bytes,
    /// Text that the proxy added.
    own: Vec<u8>,
    fields: Vec<Field>,
    /// A bit for each [`Known`] that has been put in: most questions are about fields that are not there.
    seen: u16,
}

impl HeaderList {
    /// An empty list over no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty list with room for the fields of an ordinary head.
    pub(super) fn with_room() -> Self {
        Self { fields: Vec::with_capacity(16), ..Self::default() }
    }

    /// Says in which bytes the received fields stand.
    pub(super) fn found_in(&mut self, head: Bytes) {
        self.head = head;
    }

    /// The received bytes.
    pub(super) fn head(&self) -> &Bytes {
        &self.head
    }

    /// Appends a field of the received head. `plain`: its line is in the form that is written.
    pub(super) fn push_received(&mut self, known: Known, name: Text, value: Text, plain: bool) {
        self.seen |= known.bit();
        self.fields.push(Field { known, name, value, plain });
    }

    /// Keeps `text` for as long as the list.
    pub(super) fn keep(&mut self, text: &[u8]) -> Text {
        const ROOM: usize = 128;
        if self.own.capacity() == 0 {
            self.own.reserve(ROOM.max(text.len()));
        }
        let at = u32::try_from(self.own.len()).unwrap_or(u32::MAX);
        self.own.extend_from_slice(text);
        Text { at, len: u32::try_from(text.len()).unwrap_or(0), own: true }
    }

    /// The octets of a text of this list.
    pub(super) fn text(&self, text: Text) -> &[u8] {
        let buffer: &[u8] = if text.own { &self.own } else { &self.head };
        buffer.get(text.start()..text.end()).unwrap_or_default()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Every field in order: what it is, its name as received, its value.
    pub fn iter(&self) -> impl Iterator<Item = (Known, &[u8], &[u8])> {
        self.fields.iter().map(|f| (f.known, self.text(f.name), self.text(f.value)))
    }

    /// Whether a field recognised as one of `known` may be there; false is certain.
    pub(super) fn may_have(&self, known: &[Known]) -> bool {
        known.iter().any(|k| self.seen & k.bit() != 0)
    }

    /// The values of every field recognised as `known`, in order.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        let fields: &[Field] = if self.may_have(&[known]) { &self.fields } else { &[] };
        fields.iter().filter(move |f| f.known == known).map(|f| self.text(f.value))
    }

    /// The first value of `known`.
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        self.all(known).next()
    }

    /// The first value of the field called `name`, whatever its case.
    pub fn get_named(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(_, n, _)| n.eq_ignore_ascii_case(name)).map(|(_, _, value)| value)
    }

    /// Whether a field called `name` is present, whatever its case.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.get_named(name).is_some()
    }

    /// Appends a field.
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let known = Known::of(name.as_ref());
        self.seen |= known.bit();
        let (name, value) = (self.keep(name.as_ref()), self.keep(value.as_ref()));
        self.fields.push(Field { known, name, value, plain: false });
    }

    /// Removes every field called `name`, whatever its case.
    pub fn remove_named(&mut self, name: &[u8]) {
        self.retain(|_, n, _| !n.eq_ignore_ascii_case(name));
    }

    /// Keeps the fields for which `keep` holds, in order.
    pub fn retain(&mut self, mut keep: impl FnMut(Known, &[u8], &[u8]) -> bool) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.retain(|f| keep(f.known, self.text(f.name), self.text(f.value)));
        self.fields = fields;
    }

    /// Removes every field called `name` and appends one with `value`.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.remove_named(name.as_ref());
        self.push(name, value);
    }

    /// Appends the lines of all fields to `out`, names in lower case if `lower`. Lines that follow each other in the
    /// received head and are in normal form are copied at once.
    pub(super) fn write(&self, out: &mut Vec<u8>, lower: bool) {
        let mut rest = &self.fields[..];
        while let Some(first) = rest.first() {
            let run = self.run(rest);
            let start = out.len();
            if run == 0 {
                let name = self.text(first.name);
                out.extend_from_slice(name);
                lower_case(out, lower, start, start + name.len());
                out.extend_from_slice(b": ");
                out.extend_from_slice(self.text(first.value));
                out.extend_from_slice(b"\r\n");
                rest = &rest[1..];
                continue;
            }
            let (lines, after) = rest.split_at(run);
            let from = first.name.start();
            let to = lines.last().map_or(from, |last| last.value.end() + 2);
            out.extend_from_slice(&self.head[from..to]);
            for line in lines {
                lower_case(out, lower, start + line.name.start() - from, start + line.name.end() - from);
            }
            rest = after;
        }
    }

    /// How many fields at the front of `fields` are plain lines one after the other.
    fn run(&self, fields: &[Field]) -> usize {
        let mut expected = None;
        let joined = |f: &&Field| {
            let follows = expected.is_none_or(|at| at == f.name.start());
            expected = Some(f.value.end() + 2);
            f.plain && follows
        };
        fields.iter().take_while(joined).count()
    }
}

fn lower_case(out: &mut [u8], lower: bool, from: usize, to: usize) {
    if lower {
        out[from..to].make_ascii_lowercase();
    }
}

/// The comma-separated members of a field value, trimmed, empty ones left out.
pub fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|m| !m.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised_whatever_their_case() {
        assert_eq!(Known::of(b"Transfer-ENCODING"), Known::TransferEncoding);
        assert_eq!(Known::of(b"TE"), Known::Te);
        assert_eq!(Known::of(b"x-te"), Known::Other);
    }

    #[test]
    fn setting_a_field_replaces_all_of_its_name_and_keeps_the_order_of_the_rest() {
        let mut list = HeaderList::new();
        for (n, v) in [("A", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
            list.push(n, v);
        }
        list.set("a", "9");
        let seen: Vec<_> = list.iter().map(|(_, n, v)| (n.to_vec(), v.to_vec())).collect();
        let want =
            [("b", "2"), ("c", "4"), ("a", "9")].map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()));
        assert_eq!(seen, want);
    }

    #[test]
    fn members_are_trimmed_and_empty_ones_dropped() {
        let got: Vec<_> = members(b" close , ,keep-alive,").collect();
        assert_eq!(got, [b"close".as_slice(), b"keep-alive"]);
    }
}
