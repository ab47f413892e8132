//! How advertisements prove where they come from.

use std::fmt;
use std::time::Duration;

use crate::source::Span;

/// `authentication` of version 2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `auth_type PASS`: the first eight bytes of `auth_pass`, zero padded (RFC 2338 §5.3.6, type 1).
    Pass([u8; 8]),
}

/// A dumped configuration shows no password.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(_) => f.write_str("Pass(********)"),
        }
    }
}

/// `auth_hmac`: keepalived's HMAC-SHA256 trailer, in both versions and families.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthHmac {
    /// `key ID VALUE`: at least one, each id once.
    pub keys: Vec<HmacKey>,
    /// `active_key`: the id that signs; one of [`Self::keys`]. The only key there is needs no such line.
    pub active_key: u8,
    /// `anti_replay` with `time_window`.
    pub anti_replay: AntiReplay,
    /// `mode`, default enforce.
    pub mode: HmacMode,
    /// Where it is written.
    pub span: Span,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HmacKey {
    /// 1 to 255.
    pub id: u8,
    /// What it is.
    pub secret: Secret,
}

/// A key's bytes: 32 to 64 of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

/// A dumped configuration shows no key.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("********")
    }
}

/// What keeps an old advertisement from being taken for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AntiReplay {
    /// `time` (the default): sequences grow, and are no further from the clock than `window`; the clocks of all routers
    /// agree. Default: three advertisement intervals, at least 5 s.
    Time {
        /// 1 to 300 s.
        window: Duration,
    },
    /// `monotonic`: sequences grow.
    Monotonic,
}

/// What is signed and what is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HmacMode {
    /// Signs, and hears signed advertisements alone.
    Enforce,
    /// Signs, and hears unsigned ones too.
    Permissive,
    /// Does not sign, and hears both.
    ReceiveOnly,
}
