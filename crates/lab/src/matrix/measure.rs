//! From what was recorded to the numbers of the table.

use crate::clock::Stamp;
use crate::knock::Reply;
use crate::watch::{Frame, FrameKind};
use serde::{Deserialize, Serialize};

/// One run of a line. All times are milliseconds from the event; `None` where it did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The new holder's first advertisement.
    pub advert_ms: Option<f64>,
    /// Its first gratuitous ARP or unsolicited neighbour advertisement.
    pub announce_ms: Option<f64>,
    /// The client's first answer from it.
    pub service_ms: Option<f64>,
    /// The longest time between two answers to the client, whoever gave them.
    pub outage_ms: f64,
    /// Node 1 sent an advertisement of priority 0.
    pub prio0: bool,
    /// Node 1 had the virtual address at the end.
    pub vip_left: bool,
}

/// What was recorded of one run.
pub(crate) struct Recorded<'a> {
    pub(crate) event: Stamp,
    pub(crate) until: Stamp,
    /// Node 1's cable.
    pub(crate) first: &'a [Frame],
    /// The cable of the node that is to serve.
    pub(crate) winner: &'a [Frame],
    /// That node's name.
    pub(crate) name: &'a str,
    pub(crate) replies: &'a [Reply],
    pub(crate) vip_left: bool,
}

impl Recorded<'_> {
    pub(crate) fn measure(&self) -> Measured {
        let sent = |wanted: fn(FrameKind) -> bool| {
            let mut own = self.winner.iter().filter(|frame| frame.sent && frame.at >= self.event);
            own.find(|frame| wanted(frame.kind)).map(|frame| frame.at.millis_from(self.event))
        };
        let service = self.replies.iter().find(|reply| reply.at >= self.event && reply.by == self.name);
        Measured {
            advert_ms: sent(|kind| matches!(kind, FrameKind::Advert(1..))),
            announce_ms: sent(|kind| matches!(kind, FrameKind::Announcement(_))),
            service_ms: service.map(|reply| reply.at.millis_from(self.event)),
            outage_ms: self.outage(),
            prio0: self
                .first
                .iter()
                .any(|frame| frame.sent && frame.at >= self.event && frame.kind == FrameKind::Advert(0)),
            vip_left: self.vip_left,
        }
    }

    /// From the last answer before the event on, and to the end of the watch if nobody answers any more.
    fn outage(&self) -> f64 {
        let before = self.replies.iter().map(|reply| reply.at).take_while(|at| *at < self.event).last();
        let mut last = before.unwrap_or(self.event);
        let after =
            self.replies.iter().map(|reply| reply.at).filter(|at| *at >= self.event && *at < self.until);
        let mut longest = 0.0_f64;
        for at in after.chain([self.until]) {
            longest = longest.max(at.millis_from(last));
            last = at;
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(at: u64) -> Stamp {
        Stamp::from_nanos(at * 1_000_000)
    }

    fn frame(at: u64, sent: bool, kind: FrameKind) -> Frame {
        Frame { at: ms(at), sent, kind }
    }

    fn reply(at: u64, by: &str) -> Reply {
        Reply { at: ms(at), by: by.to_owned() }
    }

    #[test]
    fn a_takeover_is_measured_from_the_event() {
        let vip = "192.168.87.10".parse().unwrap();
        let first = [frame(900, true, FrameKind::Advert(100)), frame(1_001, true, FrameKind::Advert(0))];
        let winner = [
            frame(1_001, false, FrameKind::Advert(0)),
            frame(1_651, true, FrameKind::Advert(90)),
            frame(1_652, true, FrameKind::Announcement(vip)),
        ];
        let mut replies: Vec<Reply> = (0..200).map(|n| reply(n * 5, "node1")).collect();
        replies.extend((331..600).map(|n| reply(n * 5, "node2")));
        let recorded = Recorded {
            event: ms(1_000),
            until: ms(3_000),
            first: &first,
            winner: &winner,
            name: "node2",
            replies: &replies,
            vip_left: false,
        };
        let expected = Measured {
            advert_ms: Some(651.0),
            announce_ms: Some(652.0),
            service_ms: Some(655.0),
            outage_ms: 660.0,
            prio0: true,
            vip_left: false,
        };
        assert_eq!(recorded.measure(), expected);
    }

    #[test]
    fn an_outage_without_an_end_lasts_to_the_end_of_the_watch() {
        let replies = [reply(990, "node1")];
        let recorded = Recorded {
            event: ms(1_000),
            until: ms(3_000),
            first: &[],
            winner: &[],
            name: "node2",
            replies: &replies,
            vip_left: true,
        };
        let measured = recorded.measure();
        assert_eq!((measured.outage_ms, measured.service_ms, measured.advert_ms), (2_010.0, None, None));
    }
}
