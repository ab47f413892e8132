//! Prints the dashboard of a made-up report, to look at in a browser:
//! `cargo run -p stats --example sample_report > page.html`.

use std::io::Write;

use stats::html::{PageOptions, render};

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() -> std::io::Result<()> {
    let options = PageOptions {
        uri: "/stats".into(),
        metrics_uri: Some("/metrics".into()),
        show_node: Some("lb1".into()),
        show_modules: true,
        admin: true,
        ..PageOptions::default()
    };
    std::io::stdout().write_all(render(&sample::report(), &options).as_bytes())
}
