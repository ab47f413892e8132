//! How many retries the traffic can afford.

use std::time::Instant;

/// Seconds after which an unused deposit expires.
const WINDOW: usize = 10;

/// What one retry costs; a deposit is a percentage of it.
const RETRY: u64 = 100;

/// Keeps retries from multiplying the load of a backend in trouble: every request pays in a fraction of a
/// retry, every retry takes out a whole one. A floor of retries per second is always there, so that a
/// backend with little traffic can retry too. Deposits expire after ten seconds.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    percent: u64,
    floor_per_second: u32,
    origin: Instant,
    second: u64,
    deposits: [u64; WINDOW],
    floor_used: u32,
}

impl RetryBudget {
    /// Retries for 20 % of the requests, and 10 per second whatever the traffic.
    pub fn new(now: Instant) -> Self {
        Self::with_limits(now, 20, 10)
    }

    /// Retries for `percent` of the requests, and `floor_per_second` whatever the traffic.
    pub fn with_limits(now: Instant, percent: u8, floor_per_second: u32) -> Self {
        Self {
            percent: u64::from(percent),
            floor_per_second,
            origin: now,
            second: 0,
            deposits: [0; WINDOW],
            floor_used: 0,
        }
    }

    /// A request came in (its first attempt, not a retry).
    pub fn deposit(&mut self, now: Instant) {
        self.advance(now);
        let slot = self.slot(self.second);
        self.deposits[slot] = self.deposits[slot].saturating_add(self.percent);
    }

    /// Whether a retry may be made; if so, it is paid for. Oldest deposits go first, the floor last.
    pub fn withdraw(&mut self, now: Instant) -> bool {
        self.advance(now);
        if self.deposits.iter().fold(0, |sum: u64, &slot| sum.saturating_add(slot)) >= RETRY {
            let mut due = RETRY;
            for age in 1..=WINDOW as u64 {
                // The slot after the current second's is the oldest one.
                let slot = self.slot(self.second + age);
                let paid = due.min(self.deposits[slot]);
                self.deposits[slot] -= paid;
                due -= paid;
            }
            return true;
        }
        let allowed = self.floor_used < self.floor_per_second;
        self.floor_used += u32::from(allowed);
        allowed
    }

    fn advance(&mut self, now: Instant) {
        let second = now.saturating_duration_since(self.origin).as_secs();
        if second <= self.second {
            return;
        }
        let passed = (second - self.second).min(WINDOW as u64);
        for step in 1..=passed {
            let slot = self.slot(self.second + step);
            self.deposits[slot] = 0;
        }
        self.second = second;
        self.floor_used = 0;
    }

    fn slot(&self, second: u64) -> usize {
        (second % WINDOW as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn retries(budget: &mut RetryBudget, now: Instant) -> usize {
        (0..100_000).take_while(|_| budget.withdraw(now)).count()
    }

    #[test]
    fn floor_is_there_without_traffic_and_every_second_anew() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(start);
        assert_eq!(retries(&mut budget, start), 10);
        assert_eq!(retries(&mut budget, start + Duration::from_millis(999)), 0);
        assert_eq!(retries(&mut budget, start + Duration::from_secs(1)), 10);
        assert_eq!(retries(&mut budget, start + Duration::from_secs(3600)), 10);
    }

    #[test]
    fn a_fifth_of_the_requests_may_be_retried() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(start);
        for k in 0..1000 {
            budget.deposit(start + Duration::from_millis(k * 5));
        }
        assert_eq!(retries(&mut budget, start + Duration::from_secs(5)), 200 + 10);
    }

    #[test]
    fn deposits_expire() {
        let start = Instant::now();
        let mut budget = RetryBudget::with_limits(start, 20, 0);
        for _ in 0..50 {
            budget.deposit(start);
        }
        let mut later = budget.clone();
        assert_eq!(retries(&mut budget, start + Duration::from_secs(9)), 10);
        assert_eq!(retries(&mut later, start + Duration::from_secs(10)), 0);
    }
}
