//! One line of statistics: a frontend, a listener, a server or a backend.

use std::borrow::Cow;

use crate::Field;

/// The value of a field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// A count, a gauge, seconds or milliseconds, as the field says.
    U64(u64),
    /// A number that may be negative: `lastsess` is -1 for never.
    I64(i64),
    /// Text.
    Str(Cow<'static, str>),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::U64(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::U64(u64::from(value))
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::U64(u64::from(value))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Str(Cow::Borrowed(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Str(Cow::Owned(value))
    }
}

/// What a row describes: the CSV `type` field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ObjectKind {
    /// `FRONTEND`, type 0.
    Frontend,
    /// `BACKEND`, type 1.
    Backend,
    /// A server, type 2.
    Server,
    /// A listening socket, type 3.
    Listener,
}

impl ObjectKind {
    /// The number in the `type` field.
    pub fn code(self) -> u32 {
        match self {
            Self::Frontend => 0,
            Self::Backend => 1,
            Self::Server => 2,
            Self::Listener => 3,
        }
    }
}

/// The values of one object. A field that does not apply to the object is absent, and empty in the CSV.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    fields: Vec<Option<Value>>,
    kind: ObjectKind,
}

impl Row {
    /// A frontend's row with its names, `iid` and `type` set.
    pub fn frontend(proxy: &str, iid: u32) -> Self {
        Self::of(ObjectKind::Frontend, proxy, "FRONTEND", iid, 0)
    }

    /// A backend's row with its names, `iid` and `type` set.
    pub fn backend(proxy: &str, iid: u32) -> Self {
        Self::of(ObjectKind::Backend, proxy, "BACKEND", iid, 0)
    }

    /// A server's row with its names, `iid`, `sid` (from 1) and `type` set.
    pub fn server(proxy: &str, name: &str, iid: u32, sid: u32) -> Self {
        Self::of(ObjectKind::Server, proxy, name, iid, sid)
    }

    /// A listening socket's row with its names, `iid`, `sid` (from 1) and `type` set.
    pub fn listener(proxy: &str, name: &str, iid: u32, sid: u32) -> Self {
        Self::of(ObjectKind::Listener, proxy, name, iid, sid)
    }

    fn of(kind: ObjectKind, proxy: &str, name: &str, iid: u32, sid: u32) -> Self {
        let mut row = Self { fields: vec![None; Field::COUNT], kind };
        row.set(Field::Pxname, proxy.to_owned())
            .set(Field::Svname, name.to_owned())
            .set(Field::Pid, 1_u32)
            .set(Field::Iid, iid)
            .set(Field::Sid, sid)
            .set(Field::Type, kind.code());
        row
    }

    /// Sets a field.
    pub fn set(&mut self, field: Field, value: impl Into<Value>) -> &mut Self {
        self.fields[field as usize] = Some(value.into());
        self
    }

    /// The value of a field, if it applies to this object.
    pub fn value(&self, field: Field) -> Option<&Value> {
        self.fields[field as usize].as_ref()
    }

    /// The value of a field that holds a number which is not negative.
    pub fn u64(&self, field: Field) -> Option<u64> {
        match self.value(field)? {
            Value::U64(number) => Some(*number),
            Value::I64(number) => u64::try_from(*number).ok(),
            Value::Str(_) => None,
        }
    }

    /// The value of a field that holds text.
    pub fn text(&self, field: Field) -> Option<&str> {
        match self.value(field)? {
            Value::Str(text) => Some(text),
            Value::U64(_) | Value::I64(_) => None,
        }
    }

    /// What the row describes.
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// The proxy's name.
    pub fn proxy(&self) -> &str {
        self.text(Field::Pxname).unwrap_or_default()
    }

    /// The object's name within its proxy.
    pub fn name(&self) -> &str {
        self.text(Field::Svname).unwrap_or_default()
    }

    /// The status as text, such as `UP 2/3`; empty when not set.
    pub fn status(&self) -> &str {
        self.text(Field::Status).unwrap_or_default()
    }

    /// The first word of the status: `UP 2/3` is `UP`, `MAINT (via b/s)` is `MAINT`, `no check` is `UP`.
    pub fn state(&self) -> &str {
        match self.status().split(' ').next().unwrap_or_default() {
            "no" => "UP",
            word => word,
        }
    }

    /// Whether this is a backup server: its `bck` field counts it.
    pub fn is_backup(&self) -> bool {
        self.kind == ObjectKind::Server && self.u64(Field::Bck).unwrap_or(0) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_the_status_without_its_progress() {
        let mut row = Row::server("b", "s", 2, 1);
        for (status, state) in [
            ("UP", "UP"),
            ("UP 2/3", "UP"),
            ("DOWN 1/2", "DOWN"),
            ("DOWN (agent)", "DOWN"),
            ("MAINT (via b/s)", "MAINT"),
            ("no check", "UP"),
            ("NOLB 1/2", "NOLB"),
            ("DRAIN", "DRAIN"),
        ] {
            row.set(Field::Status, status);
            assert_eq!(row.state(), state, "{status}");
        }
    }

    #[test]
    fn an_unset_field_is_absent_and_a_negative_number_is_no_count() {
        let mut row = Row::frontend("f", 2);
        assert_eq!(row.value(Field::Weight), None);
        row.set(Field::Lastsess, -1_i64);
        assert_eq!(row.u64(Field::Lastsess), None);
        assert_eq!(row.value(Field::Lastsess), Some(&Value::I64(-1)));
    }
}
