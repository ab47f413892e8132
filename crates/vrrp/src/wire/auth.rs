//! VRRPv2 authentication (RFC 2338 §5.3.6). RFC 3768 removed it and keepalived kept it: it tells configurations apart and
//! protects from nobody, for the password is in every packet.

use std::fmt;

use super::AUTH_LEN;

/// How VRRPv2 advertisements are authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Authentication {
    /// Type 0. The eight bytes are sent as zeros and ignored on receive.
    #[default]
    None,
    /// Type 1, keepalived's `auth_type PASS`.
    Password(Password),
}

impl Authentication {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const SIMPLE_TEXT: u8 = 1;

    pub(crate) fn type_number(self) -> u8 {
        match self {
            Self::None => Self::NONE,
            Self::Password(_) => Self::SIMPLE_TEXT,
        }
    }

    pub(crate) fn data(self) -> [u8; AUTH_LEN] {
        match self {
            Self::None => [0; AUTH_LEN],
            Self::Password(Password(bytes)) => bytes,
        }
    }
}

/// Eight bytes, padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Password([u8; AUTH_LEN]);

impl Password {
    /// The first eight bytes of `text`, as keepalived cuts `auth_pass`.
    pub fn new(text: &[u8]) -> Self {
        let mut bytes = [0; AUTH_LEN];
        for (to, from) in bytes.iter_mut().zip(text) {
            *to = *from;
        }
        Self(bytes)
    }
}

/// Hides the password: configurations end up in logs.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_cut_and_padded_to_eight_bytes() {
        assert_eq!(Password::new(b"1111").0, *b"1111\0\0\0\0");
        assert_eq!(Password::new(b"correct horse"), Password::new(b"correct "));
        assert_eq!(format!("{:?}", Password::new(b"1111")), "Password(****)");
    }
}
