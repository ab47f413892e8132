//! The announcement keywords that an instance and `global_defs` share.

use std::time::Duration;

use super::super::model::{Garp, GarpExtra};
use super::super::tree::Block;
use super::Findings;
use super::value;

/// The longest delay; keepalived allows more, and nobody waits for it.
const MAX_DELAY: Duration = Duration::from_secs(86_400);

/// What was written; `None` is not written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GarpDraft {
    master_delay: Option<Duration>,
    master_repeat: Option<u32>,
    lower_prio_delay: Option<Duration>,
    lower_prio_repeat: Option<u32>,
    master_refresh: Option<Duration>,
    master_refresh_repeat: Option<u32>,
    /// `Some(None)`: turned off.
    extra_if: Option<Option<GarpExtra>>,
}

impl GarpDraft {
    /// `vrrp_min_garp`: one announcement, never repeated.
    pub(super) fn minimal() -> Self {
        Self {
            master_delay: Some(Duration::ZERO),
            master_repeat: Some(1),
            master_refresh: Some(Duration::ZERO),
            master_refresh_repeat: Some(1),
            ..Self::default()
        }
    }

    /// Takes the value of a statement called `keyword` (without `vrrp_`); whether it was one of ours.
    pub(super) fn take(&mut self, keyword: &str, block: &Block, findings: &mut Findings<'_>) -> bool {
        let delay = |findings: &mut Findings| value::seconds(block, 0, Duration::ZERO..=MAX_DELAY, findings);
        let count = |findings: &mut Findings| value::integer::<u32>(block, 0, 0..=u32::MAX, findings);
        match keyword {
            "garp_master_delay" => self.master_delay = delay(findings).or(self.master_delay),
            "garp_master_repeat" => self.master_repeat = count(findings).or(self.master_repeat),
            "garp_lower_prio_delay" => self.lower_prio_delay = delay(findings).or(self.lower_prio_delay),
            "garp_lower_prio_repeat" => self.lower_prio_repeat = count(findings).or(self.lower_prio_repeat),
            "garp_extra_if" | "vmac_garp_intvl" => self.extra_if = extra(block, findings).or(self.extra_if),
            "garp_master_refresh" => self.master_refresh = delay(findings).or(self.master_refresh),
            "garp_master_refresh_repeat" => {
                self.master_refresh_repeat = count(findings).or(self.master_refresh_repeat);
            }
            _ => return false,
        }
        true
    }

    /// The values in force: the instance's own, else the global ones, else keepalived's defaults.
    pub(super) fn resolve(self, global: Self) -> Garp {
        let own = self;
        let master_delay = own.master_delay.or(global.master_delay).unwrap_or(Duration::from_secs(5));
        let master_repeat = own.master_repeat.or(global.master_repeat).unwrap_or(5);
        Garp {
            master_delay,
            master_repeat,
            lower_prio_delay: own.lower_prio_delay.or(global.lower_prio_delay).unwrap_or(master_delay),
            lower_prio_repeat: own.lower_prio_repeat.or(global.lower_prio_repeat).unwrap_or(master_repeat),
            extra_if: own.extra_if.or(global.extra_if).flatten(),
            master_refresh: own.master_refresh.or(global.master_refresh).unwrap_or(Duration::ZERO),
            master_refresh_repeat: own.master_refresh_repeat.or(global.master_refresh_repeat).unwrap_or(1),
        }
    }
}

/// `garp_extra_if [all] SECONDS`; 0 turns it off.
fn extra(block: &Block, findings: &mut Findings<'_>) -> Option<Option<GarpExtra>> {
    let all = block.arg(0) == Some("all");
    let index = usize::from(all);
    if block.args.get(index).is_none() {
        value::wrong(block, "all", "seconds after it", block.span, findings);
        return None;
    }
    let period = value::seconds(block, index, Duration::ZERO..=MAX_DELAY, findings)?;
    Some((!period.is_zero()).then_some(GarpExtra { period, all }))
}
