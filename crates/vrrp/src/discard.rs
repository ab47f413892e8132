//! Why a received packet has no effect.

/// The receive check that a packet failed. The packet moved no timer and no state; it is counted here and nowhere else.
///
/// The variants stand in the order of the checks (RFC 9568 §7.1, RFC 3768 §7.1): the first that fails is the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Discard {
    /// Source and destination are of different families: no IP packet is like that.
    #[error("source and destination of different address families")]
    MixedFamilies,
    /// Shorter than its header, or than its own address count says.
    #[error("truncated")]
    Truncated,
    /// TTL or hop limit is not 255: it may come from another network.
    #[error("TTL or hop limit is not 255")]
    BadTtl,
    /// A version other than 2 and 3, version 2 over IPv6, or not the version of this virtual router.
    #[error("wrong version")]
    BadVersion,
    /// Not an advertisement (type 1).
    #[error("not an advertisement")]
    BadType,
    /// No virtual router with this VRID on the interface; not an error on a network that others share.
    #[error("VRID not configured here")]
    UnknownVrid,
    /// Bytes after the message. So is an `auth_hmac` trailer where that is not configured.
    #[error("longer than its address count says")]
    TrailingBytes,
    /// Wrong in every form that peers are known to use.
    #[error("wrong checksum")]
    BadChecksum,
    /// VRRPv2 authentication type that is neither "none" nor "simple text password".
    #[error("unknown authentication type")]
    InvalidAuthType,
    /// VRRPv2 authentication type differs from ours.
    #[error("authentication type differs from ours")]
    AuthTypeMismatch,
    /// VRRPv2 password differs from ours.
    #[error("wrong password")]
    AuthFailure,
    /// No `auth_hmac` trailer, where one is required.
    #[error("not signed")]
    AuthExtMissing,
    /// The `auth_hmac` trailer is of another type, or its reserved bits are set.
    #[error("malformed signature")]
    AuthExtMalformed,
    /// Signed at a time that is too far from ours. One of the clocks may be wrong.
    #[error("signed too long ago, or in the future")]
    AuthExtStale,
    /// Not later than the last one of its sender.
    #[error("signed message heard before")]
    AuthExtReplay,
    /// Signed with a key that is not configured here.
    #[error("signed with a key that we do not have")]
    AuthExtUnknownKey,
    /// Not signed by a holder of the key, or changed on the way.
    #[error("wrong signature")]
    AuthExtInvalidHmac,
    /// Interval 0 (RFC 9568 erratum 8301): it would make a backup take over at once.
    #[error("advertisement interval is zero")]
    ZeroInterval,
    /// VRRPv2 interval differs from ours (RFC 3768 §7.1). VRRPv3 learns it instead.
    #[error("advertisement interval differs from ours")]
    IntervalMismatch,
    /// No address (RFC 9568 erratum 8299).
    #[error("no virtual address")]
    ZeroCount,
    /// IPv6, and the first address is not link-local (RFC 9568 erratum 8300), where that is required.
    #[error("the first address is not link-local")]
    NotLinkLocal,
    /// Sent by ourselves, or by a twin with our address. Processing either makes a storm.
    #[error("source is our own address")]
    OwnAddress,
    /// We own the addresses and are told to hear nobody (`owner_ignore_adverts`, RFC 9568 §7.1 before erratum 8298).
    #[error("we own the addresses")]
    OwnerIgnores,
}

impl Discard {
    /// Every variant, in the order of the checks.
    pub const ALL: [Self; 23] = [
        Self::MixedFamilies,
        Self::Truncated,
        Self::BadTtl,
        Self::BadVersion,
        Self::BadType,
        Self::UnknownVrid,
        Self::TrailingBytes,
        Self::BadChecksum,
        Self::InvalidAuthType,
        Self::AuthTypeMismatch,
        Self::AuthFailure,
        Self::AuthExtMissing,
        Self::AuthExtMalformed,
        Self::AuthExtStale,
        Self::AuthExtReplay,
        Self::AuthExtUnknownKey,
        Self::AuthExtInvalidHmac,
        Self::ZeroInterval,
        Self::IntervalMismatch,
        Self::ZeroCount,
        Self::NotLinkLocal,
        Self::OwnAddress,
        Self::OwnerIgnores,
    ];
}

/// One counter for each [`Discard`], and the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscardCounters {
    counts: [u64; Discard::ALL.len()],
    protocol_error: Option<Discard>,
}

impl DiscardCounters {
    /// Packets that failed this check.
    pub fn get(&self, discard: Discard) -> u64 {
        self.counts[discard as usize]
    }

    /// All counters, in the order of the checks.
    pub fn iter(&self) -> impl Iterator<Item = (Discard, u64)> + '_ {
        Discard::ALL.iter().map(|&discard| (discard, self.get(discard)))
    }

    /// The last one of those that RFC 6527's `vrrpv3StatisticsProtoErrReason` knows: TTL, version, checksum, VRID.
    pub fn protocol_error(&self) -> Option<Discard> {
        self.protocol_error
    }

    /// Packets that failed any check.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(crate) fn count(&mut self, discard: Discard) {
        self.counts[discard as usize] += 1;
        if matches!(
            discard,
            Discard::BadTtl | Discard::BadVersion | Discard::BadChecksum | Discard::UnknownVrid
        ) {
            self.protocol_error = Some(discard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_discard_has_its_own_counter() {
        let mut counters = DiscardCounters::default();
        for discard in Discard::ALL {
            counters.count(discard);
        }
        assert!(counters.iter().all(|(_, count)| count == 1));
        assert!(Discard::ALL.is_sorted());
        assert_eq!(counters.protocol_error(), Some(Discard::BadChecksum));
    }
}
