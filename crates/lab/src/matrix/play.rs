//! One run of one line: a network, a pair, a fault, and what was seen of it.

use super::event::Event;
use super::measure::{Measured, Recorded};
use super::{Cell, Conf};
use crate::clock::Stamp;
use crate::error::Error;
use crate::knock::{Reply, answer, knock};
use crate::lab::{Cancel, Lab, Setup};
use crate::node::{Signal, Target};
use crate::peers::{Balancer, Router, Software};
use crate::record::Record;
use crate::watch::{Frame, FrameKind, watch};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a pair may take to come to rest: a down interval of 3.6 s, and a slow machine.
const SETTLE: Duration = Duration::from_secs(20);

/// At rest is what has been so for this long: more than an interval, and two rises of a script that begins at once.
const REST: Duration = Duration::from_millis(1_200);

/// Between two looks at a record.
const LOOK: Duration = Duration::from_millis(2);

/// The nodes and the client in the subnet of the IPv6 address.
const IPV6: [&str; 3] = ["2001:db8:87::6", "2001:db8:87::7", "2001:db8:87::100"];

/// Plays a line once, with `lbd` and `vrrpd` from `bin_dir`. `program` is an executable that calls
/// [`crate::node_main`], if this one does not. The event falls after the part `phase` (0 to 1) of an advertisement interval.
pub fn play(
    cell: &Cell,
    phase: f64,
    bin_dir: &Path,
    program: Option<&Path>,
    cancel: &Cancel,
) -> Result<Measured, Error> {
    play_pair(cell.conf, cell.event, [cell.router; 2], phase, bin_dir, program, cancel)
}

/// The same with a daemon on each node that may be another one.
pub fn play_pair(
    conf: Conf,
    event: Event,
    routers: [Router; 2],
    phase: f64,
    bin_dir: &Path,
    program: Option<&Path>,
    cancel: &Cancel,
) -> Result<Measured, Error> {
    let software = routers.map(|router| Software { balancer: Balancer::Lbd, router });
    let setup = Setup { software, ..Setup::default() };
    let mut builder = Lab::builder(bin_dir).setup(setup).files(conf.files()).cancel(cancel.clone());
    if let Some(program) = program {
        builder = builder.program(program);
    }
    Pair::start(Cell { conf, event, router: routers[0] }, builder.start_network()?)?.play(phase)
}

struct Pair {
    cell: Cell,
    lab: Lab,
    /// The cables of node 1 and node 2.
    frames: [Record<Frame>; 2],
    replies: Record<Reply>,
}

impl Pair {
    fn start(cell: Cell, lab: Lab) -> Result<Self, Error> {
        let vip = cell.conf.vip();
        if vip.is_ipv6() {
            for (node, address) in [lab.node(1), lab.node(2), lab.client()].into_iter().zip(IPV6) {
                node.add_address(address.parse::<IpAddr>().expect("an address"), 64)?;
            }
        }
        let frames = [watch(lab.node(1))?, watch(lab.node(2))?];
        let replies = knock(lab.client(), vip)?;
        for number in [1, 2] {
            answer(lab.node(number))?;
            lab.start_balancer(number)?;
        }
        Ok(Self { cell, lab, frames, replies })
    }

    fn play(mut self, phase: f64) -> Result<Measured, Error> {
        let Cell { conf, event, .. } = self.cell;
        if event != Event::Start {
            self.lab.start_router(2)?;
            self.lab.start_router(1)?;
            self.wait("node 1 alone in charge", |pair| pair.is_held_by_node_1_alone())?;
        }
        match event {
            Event::Heal => {
                self.lab.network().set_reachable(self.lab.node(1), false)?;
                self.wait("node 2 in charge as well", |pair| pair.is_served_by(2))?;
                self.lab.pause(conf.interval())?;
            }
            Event::Return => {
                self.lab.stop_router(1)?;
                self.wait("node 2 in charge", |pair| pair.is_served_by(2))?;
                self.lab.pause(REST)?;
            }
            _ => {}
        }
        if event != Event::Start {
            self.wait_for_phase(phase)?;
        }
        let at = Stamp::now();
        self.happen()?;
        self.lab.pause(event.watch(conf))?;
        let until = Stamp::now();
        let vip_left = self.lab.node(1).addresses()?.contains(&conf.vip());
        let [first, second] = &mut self.frames;
        let (first, second) = (first.read()?, second.read()?);
        let recorded = Recorded {
            event: at,
            until,
            first,
            winner: [first, second][event.winner() - 1],
            name: self.lab.node(event.winner()).name(),
            replies: self.replies.read()?,
            vip_left,
        };
        Ok(recorded.measure())
    }

    fn happen(&self) -> Result<(), Error> {
        let (lab, node) = (&self.lab, self.lab.node(1));
        match self.cell.event {
            Event::Carrier => lab.network().set_carrier(node, false),
            Event::Kill9All => lab.signal_router(1, Signal::Kill),
            Event::Kill9Child => self.kill(|pids| pids.last().copied()),
            Event::Kill9Main => self.kill(|pids| pids.first().copied()),
            Event::Kill9Node => {
                // A machine without power sees no loss of carrier.
                lab.network().set_reachable(node, false)?;
                lab.signal_router(1, Signal::Kill)?;
                lab.network().set_carrier(node, false)
            }
            Event::LinkdownLocal => node.set_link(false),
            Event::Partition => lab.network().set_reachable(node, false),
            Event::Heal => lab.network().set_reachable(node, true),
            Event::ScriptFail => lab.signal_balancer(1, Signal::Kill),
            Event::Sigstop => lab.signal_router(1, Signal::Stop),
            Event::Term => lab.stop_router(1),
            Event::Return | Event::Start => lab.start_router(1).map(drop),
            Event::Vipdel => {
                let vip = self.cell.conf.vip();
                node.remove_address(vip, if vip.is_ipv4() { 32 } else { 128 })
            }
        }
    }

    /// Kills one process of node 1's daemon, picked from their pids in the order of their starts.
    fn kill(&self, pick: impl Fn(&[i32]) -> Option<i32>) -> Result<(), Error> {
        let node = self.lab.node(1);
        let name = self.cell.router.process();
        let all = node.processes()?;
        let pids: Vec<i32> = all.iter().filter(|(_, comm)| comm == name).map(|(pid, _)| *pid).collect();
        match pick(&pids) {
            Some(pid) => node.signal(&Target::Pid(pid), Signal::Kill).map(drop),
            None => Err(Error::Node { node: node.name().to_owned(), reason: format!("{name} does not run") }),
        }
    }

    /// For [`REST`], nobody but node 1 advertised, always with its whole priority, and nobody else answered.
    fn is_held_by_node_1_alone(&mut self) -> Result<bool, Error> {
        let since = Stamp::now() - REST;
        let name = self.lab.node(1).name();
        let recent = |frame: &&Frame| frame.sent && frame.at >= since;
        let rested = self.frames[0].read()?.iter().any(|frame| frame.sent && frame.at < since);
        let own: Vec<FrameKind> =
            self.frames[0].read()?.iter().filter(recent).map(|frame| frame.kind).collect();
        let others = self.frames[1].read()?.iter().filter(recent).count();
        let replies = self.replies.read()?.iter().rev().take_while(|reply| reply.at >= since);
        let (good, bad): (Vec<&Reply>, Vec<&Reply>) = replies.partition(|reply| reply.by == name);
        let full = own.contains(&FrameKind::Advert(100))
            && !own.iter().any(|kind| matches!(kind, FrameKind::Advert(0..100)));
        Ok(rested && full && others == 0 && bad.is_empty() && !good.is_empty())
    }

    /// The node advertises, and during a partition the client need not reach it alone.
    fn is_served_by(&mut self, number: usize) -> Result<bool, Error> {
        let name = self.lab.node(number).name();
        let adverts = self.frames[number - 1].read()?.iter();
        let advertises =
            adverts.filter(|frame| frame.sent).any(|frame| matches!(frame.kind, FrameKind::Advert(1..)));
        Ok(advertises && self.replies.read()?.last().is_some_and(|reply| reply.by == name))
    }

    /// Waits for the next advertisement of the node in charge, and then for a part of the interval.
    fn wait_for_phase(&mut self, phase: f64) -> Result<(), Error> {
        let number = if self.cell.event == Event::Return { 2 } else { 1 };
        let from = Stamp::now();
        let next = |pair: &mut Self| -> Result<Option<Stamp>, Error> {
            let frames = pair.frames[number - 1].read()?.iter();
            let advert = |frame: &&Frame| frame.sent && matches!(frame.kind, FrameKind::Advert(_));
            Ok(frames.filter(advert).map(|frame| frame.at).find(|at| *at >= from))
        };
        self.wait("an advertisement", |pair| next(pair).map(|at| at.is_some()))?;
        let Some(advert) = next(self)? else { return Ok(()) };
        let due = advert + self.cell.conf.interval().mul_f64(phase);
        self.lab.pause(due.since(Stamp::now()))
    }

    fn wait(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&mut Self) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + SETTLE;
        while !holds(self)? {
            if Instant::now() > deadline {
                return Err(Error::NotSettled {
                    seconds: SETTLE.as_secs(),
                    missing: what.to_owned(),
                    logs: self.lab.logs(12),
                });
            }
            self.lab.pause(LOOK)?;
        }
        Ok(())
    }
}
