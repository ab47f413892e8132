//! A machine's clock, which runs a little fast or slow.

use std::time::Duration;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// Parts per million by which it runs fast.
    pub(crate) drift: i32,
}

impl Clock {
    const MILLION: u128 = 1_000_000;

    /// What it shows at this moment.
    pub(crate) fn local(self, global: Duration) -> Duration {
        nanos(global.as_nanos() * self.rate() / Self::MILLION)
    }

    /// The first moment at which it shows this.
    pub(crate) fn global(self, local: Duration) -> Duration {
        nanos((local.as_nanos() * Self::MILLION).div_ceil(self.rate()))
    }

    fn rate(self) -> u128 {
        u128::try_from(1_000_000 + self.drift).unwrap()
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(nanos.try_into().unwrap())
}
