//! The bodies of the fuzz targets, over what fuzzing has found worth keeping (`fuzz/corpus`), and over random bytes.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

mod node;
mod packet;

use std::path::Path;

use proptest::prelude::*;

fn replay(target: &str, play: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut played = 0;
    for entry in std::fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        play(&std::fs::read(&path).unwrap());
        played += 1;
    }
    assert!(played >= 40, "{} has {played} files", corpus.display());
}

#[test]
fn the_corpus_of_packets_plays() {
    replay("vrrp_packet", packet::play);
}

#[test]
fn the_corpus_of_operations_plays() {
    replay("vrrp_node", node::play);
}

proptest! {
    // What random bytes find is kept as a file of the corpus.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_packets_play(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        packet::play(&bytes);
    }

    #[test]
    fn random_operations_play(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        node::play(&bytes);
    }
}
