//! What only a kernel can show: each case in a network namespace of its own.
//!
//! No test harness: a process must be single-threaded to enter a user namespace, so each case runs in a new process
//! of this binary. Cases are chosen as with the usual harness: by a part of their name.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test and its own harness"
)]

mod addresses;
mod links;
mod packets;
mod sandbox;

use std::process::{Command, ExitCode};

type Case = (&'static str, fn());

const CASES: &[Case] = &[
    (
        "an_address_that_is_not_renewed_goes_by_itself",
        addresses::an_address_that_is_not_renewed_goes_by_itself,
    ),
    ("an_address_that_is_renewed_stays", addresses::an_address_that_is_renewed_stays),
    ("adding_and_removing_twice_is_harmless", addresses::adding_and_removing_twice_is_harmless),
    (
        "an_address_removed_by_hand_is_seen_and_added_again",
        addresses::an_address_removed_by_hand_is_seen_and_added_again,
    ),
    (
        "a_plan_clears_leftovers_and_leaves_other_addresses",
        addresses::a_plan_clears_leftovers_and_leaves_other_addresses,
    ),
    (
        "a_point_to_point_address_is_renewed_and_removed_with_its_peer",
        addresses::a_point_to_point_address_is_renewed_and_removed_with_its_peer,
    ),
    ("a_monitor_that_falls_behind_catches_up", addresses::a_monitor_that_falls_behind_catches_up),
    ("a_refusal_says_why", addresses::a_refusal_says_why),
    ("both_ends_of_a_cable_go_up_and_down_together", links::both_ends_of_a_cable_go_up_and_down_together),
    (
        "a_bridge_carries_frames_and_gives_its_ports_back",
        links::a_bridge_carries_frames_and_gives_its_ports_back,
    ),
    ("a_macvlan_has_the_address_it_was_given", links::a_macvlan_has_the_address_it_was_given),
    (
        "an_ipvlan_has_the_address_of_its_parent_where_the_kernel_has_it",
        links::an_ipvlan_has_the_address_of_its_parent,
    ),
    (
        "a_link_keeps_the_rules_and_the_note_it_is_given",
        links::a_link_keeps_the_rules_and_the_note_it_is_given,
    ),
    ("an_announcement_arrives_at_the_other_end", packets::an_announcement_arrives_at_the_other_end),
    (
        "advertisements_to_the_group_arrive_and_own_ones_do_not",
        packets::advertisements_to_the_group_arrive_and_own_ones_do_not,
    ),
    ("unicast_advertisements_arrive_with_their_ttl", packets::unicast_advertisements_arrive_with_their_ttl),
    ("a_socket_on_a_missing_interface_is_an_error", packets::a_socket_on_a_missing_interface_is_an_error),
];

/// First argument of the process that runs one case.
const INSIDE: &str = "--inside";
/// Arguments of the usual harness that take a value.
const WITH_VALUE: [&str; 5] = ["--test-threads", "--skip", "--format", "--color", "--logfile"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, name] = &arguments[..]
        && first == INSIDE
    {
        let (_, case) = CASES.iter().find(|(known, _)| known == name).expect("a known case");
        sandbox::enter();
        case();
        return ExitCode::SUCCESS;
    }
    let filters = filters(&arguments);
    let exact = arguments.iter().any(|argument| argument == "--exact");
    let chosen = CASES.iter().map(|(name, _)| *name).filter(|name| {
        let fits = |filter: &&str| if exact { name == filter } else { name.contains(filter) };
        filters.is_empty() || filters.iter().any(fits)
    });
    if arguments.iter().any(|argument| argument == "--list") {
        chosen.for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let failed: Vec<&str> = chosen.filter(|name| !passes(name)).collect();
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("failed: {}", failed.join(", "));
    ExitCode::FAILURE
}

fn passes(name: &str) -> bool {
    let this = std::env::current_exe().expect("a process has a binary");
    let status = Command::new(this).args([INSIDE, name]).status().expect("the binary runs again");
    println!("test {name} ... {}", if status.success() { "ok" } else { "FAILED" });
    status.success()
}

fn filters(arguments: &[String]) -> Vec<&str> {
    let mut filters = Vec::new();
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        if WITH_VALUE.contains(&argument) {
            rest.next();
        } else if !argument.starts_with('-') {
            filters.push(argument);
        }
    }
    filters
}
