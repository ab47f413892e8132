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
        let candidates: &[(&[u8], Self)] = match name.len() {
            2 => &[(b"te", Self::Te)],
            4 => &[(b"host", Self::Host)],
            6 => &[(b"expect", Self::Expect)],
            7 => &[(b"upgrade", Self::Upgrade)],
            10 => &[(b"connection", Self::Connection), (b"keep-alive", Self::KeepAlive)],
            14 => &[(b"content-length", Self::ContentLength)],
            16 => &[(b"proxy-connection", Self::ProxyConnection)],
            17 => &[(b"transfer-encoding", Self::TransferEncoding)],
            _ => &[],
        };
        candidates.iter().find(|(n, _)| name.eq_ignore_ascii_case(n)).map_or(Self::Other, |(_, k)| *k)
    }
}

/// A piece of text: a range of the received head, or bytes of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// Offset and length in the head.
    Span(u32, u32),
    /// Bytes the proxy added.
    Literal(Bytes),
}

impl Text {
    fn resolve<'a>(&'a self, head: &'a Bytes) -> &'a [u8] {
        match self {
            Self::Span(at, len) => head.get(*at as usize..*at as usize + *len as usize).unwrap_or_default(),
            Self::Literal(bytes) => bytes,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    known: Known,
    name: Text,
    value: Text,
}

/// An ordered list of header fields over the bytes they were received in.
#[derive(Debug, Clone, Default)]
pub struct HeaderList {
    head: Bytes,
    fields: Vec<Field>,
}

impl HeaderList {
    /// An empty list over no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty list whose spans point into `head`.
    pub(crate) fn over(head: Bytes) -> Self {
        Self { head, fields: Vec::with_capacity(16) }
    }

    pub(crate) fn push_span(&mut self, known: Known, name: Text, value: Text) {
        self.fields.push(Field { known, name, value });
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
        self.fields.iter().map(|f| (f.known, f.name.resolve(&self.head), f.value.resolve(&self.head)))
    }

    /// The values of every field recognised as `known`, in order.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |f| f.known == known).map(|f| f.value.resolve(&self.head))
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
    pub fn push(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        let name = name.into();
        self.fields.push(Field {
            known: Known::of(&name),
            name: Text::Literal(name),
            value: Text::Literal(value.into()),
        });
    }

    /// Removes every field called `name`, whatever its case.
    pub fn remove_named(&mut self, name: &[u8]) {
        let head = &self.head;
        self.fields.retain(|f| !f.name.resolve(head).eq_ignore_ascii_case(name));
    }

    /// Keeps the fields for which `keep` holds, in order.
    pub fn retain(&mut self, mut keep: impl FnMut(Known, &[u8], &[u8]) -> bool) {
        let head = &self.head;
        self.fields.retain(|f| keep(f.known, f.name.resolve(head), f.value.resolve(head)));
    }

    /// Removes every field called `name` and appends one with `value`.
    pub fn set(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        let name = name.into();
        self.remove_named(&name);
        self.push(name, value);
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
