//! Two daemons on a network: each case in namespaces of its own.
//!
//! No test harness: a process must be single-threaded to enter a user namespace, so each case runs in a new process
//! of this binary. Cases are chosen as with the usual harness: by a part of their name.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test and its own harness"
)]

mod accept;
mod announce;
mod client;
mod daemon;
mod faults;
mod groups;
mod guardian;
mod health;
mod ipvlan;
mod keepalived;
mod lan;
mod lints;
mod many;
mod namespace;
mod neighbours;
mod notify;
mod real_time;
mod routes;
mod secondaries;
mod split;
mod telling;
mod unicast;
mod vmac;

use std::process::{Command, ExitCode};

type Case = (&'static str, fn());

const CASES: &[Case] = &[
    ("a_node_that_is_stopped_hands_over_within_its_peer_s_skew", faults::stopped),
    ("a_node_that_is_killed_loses_its_address_by_itself", guardian::both_killed),
    ("a_node_that_is_frozen_lets_go_and_listens_before_it_speaks", guardian::both_frozen),
    ("a_killed_worker_is_resigned_for_and_started_again", guardian::worker_killed),
    ("a_killed_worker_is_resigned_for_under_load_too", guardian::worker_killed_under_load),
    ("a_killed_worker_with_much_to_close_is_resigned_for_at_once", guardian::worker_slow_to_close),
    ("a_hung_worker_is_killed_and_resigned_for", guardian::worker_hung),
    ("a_worker_that_has_to_wait_for_a_cpu_is_not_hung", guardian::worker_starved),
    ("a_worker_without_a_guardian_resigns", guardian::guardian_killed),
    ("a_hung_worker_is_stopped_too", guardian::hung_and_stopped),
    ("a_stale_pid_file_is_no_obstacle", guardian::stale_pid_file),
    ("a_node_whose_cable_is_cut_is_replaced_and_comes_back", faults::unplugged),
    ("an_address_removed_by_hand_is_back_at_once", faults::removed_by_hand),
    ("an_address_that_an_earlier_run_left_is_cleared", faults::left_over),
    ("a_point_to_point_address_is_held_put_back_and_taken_away", faults::point_to_point),
    ("a_reload_changes_addresses_without_a_flap", faults::reloaded),
    ("an_interface_that_is_down_for_a_moment_has_not_changed", faults::flapped),
    ("packets_to_addresses_that_are_not_accepted_are_dropped", accept::refused),
    ("packets_to_ipv6_addresses_that_are_not_accepted_are_dropped", accept::refused_ipv6),
    ("ipv6_addresses_are_handed_over_too", faults::ipv6),
    ("a_virtual_mac_goes_down_with_its_worker", vmac::killed),
    ("a_virtual_mac_follows_the_active_within_50_ms", vmac::moved),
    ("a_virtual_mac_comes_back_from_keepalived_within_50_ms", vmac::preempts_keepalived),
    ("a_virtual_mac_goes_to_keepalived_and_back", vmac::yields_to_keepalived),
    ("a_virtual_mac_that_a_crash_left_is_cleared", vmac::left_over),
    ("a_virtual_mac_is_in_the_group_of_its_parent_unless_told_another", vmac::grouped),
    ("whoever_listens_hears_of_the_interface_below_if_told_so", vmac::notified),
    ("advertisements_leave_by_the_virtual_mac_unless_told_not_to", vmac::transmits_below),
    ("a_kernel_without_ipvlan_is_named_and_one_with_it_has_the_addresses_there", ipvlan::held),
    ("announcements_are_no_closer_than_their_interval", announce::spaced),
    ("a_virtual_mac_that_sends_no_advertisements_is_announced_again_and_again", announce::repeated),
    ("two_daemons_do_not_share_a_virtual_router", neighbours::second_daemon),
    ("a_second_daemon_leaves_the_first_its_virtual_mac", neighbours::second_daemon_leaves_the_virtual_mac),
    ("whoever_removes_an_address_again_and_again_makes_no_storm", neighbours::fight),
    ("a_daemon_goes_to_the_network_namespace_that_it_is_told", namespace::entered),
    ("capabilities_that_are_not_needed_are_given_up", neighbours::capabilities),
    ("in_real_time_nothing_fails_over_on_a_busy_machine", real_time::busy),
    ("a_worker_that_was_run_late_goes_over_to_real_time", real_time::raised),
    ("whoever_asks_is_told_the_state", telling::status),
    ("a_change_of_state_is_an_object_in_a_structured_log", telling::structured_log),
    ("dumps_have_keepalived_s_names", telling::dumps),
    ("after_a_split_heals_clients_are_back_at_once", split::healed),
    ("another_that_answers_for_the_address_is_seen_and_said", split::answered),
    ("after_a_split_from_keepalived_clients_are_back_at_once", split::healed_beside_keepalived),
    ("each_of_65_virtual_routers_fails_over_in_its_band", many::dozens),
    ("each_of_hundreds_of_virtual_routers_fails_over_in_its_band", many::hundreds),
    ("other_addresses_of_a_subnet_stay_when_the_virtual_one_goes", secondaries::stay),
    ("routes_and_rules_come_and_go_with_the_role", routes::with_the_role),
    ("an_instance_follows_the_static_addresses_of_its_group", routes::follows_a_static_address),
    ("a_dead_lbd_hands_the_address_over", health::dead_lbd),
    ("a_hung_lbd_hands_the_address_over", health::hung_lbd),
    ("a_failing_script_hands_the_address_over", health::failing_script),
    ("the_number_in_a_file_hands_the_address_over", health::tracked_file),
    ("a_sync_group_moves_as_one_and_is_told_of", groups::follows_a_file),
    ("another_multicast_group_is_another_network", groups::other_multicast_group),
    ("an_instance_without_its_source_address_is_in_fault", unicast::source_tracked),
    ("an_instance_without_a_peer_is_in_fault_where_it_is_told_so", unicast::no_peer),
    ("a_peer_with_the_old_checksum_is_sent_the_old_checksum", unicast::old_checksum),
    ("signed_advertisements_are_heard_and_others_are_not", groups::signed),
    ("what_does_not_fit_the_machine_or_the_peer_is_said_with_the_way_out", lints::said),
    ("fifos_and_scripts_are_told_in_order", notify::told),
    ("a_dead_process_hands_the_address_over", health::dead_process),
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
        lan::enter();
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
