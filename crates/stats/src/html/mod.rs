//! The dashboard: one self-contained HTML page with HAProxy's tables and colours.
//!
//! The page needs no script: the proxy sends `Refresh: N` with it and the browser reloads. With script the
//! page fetches its own address at the same interval and changes only the nodes that differ, so that nothing
//! flickers and what the reader scrolled to, selected or ticked stays. A `Refresh` header reloads a page
//! whether or not it has script, and a `<noscript>` tag instead of the header would hide the interval from
//! tools that look for it. So the script takes the scheduled reload back with `window.stop()` once the page
//! has loaded; Chromium then does not reload (checked against a server that logs requests), and a browser
//! that does all the same shows the page as it would without script.

mod cell;
mod format;
mod head;
mod legend;
mod options;
mod proxy;
mod sparkline;
mod state;
mod table;
mod ticks;

pub use options::{Banner, PageOptions};

use crate::Report;
use format::{Text, emit};

/// The whole page. Names, addresses and texts of the report appear as text, whatever characters they hold.
pub fn render(report: &Report, options: &PageOptions) -> String {
    let mut page = String::with_capacity(64 * 1024);
    let out = &mut page;
    let health = state::Health::of(report, &options.filter);
    emit!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    emit!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    emit!(out, "<meta name=\"color-scheme\" content=\"light dark\">\n");
    emit!(out, "<title>{} {}</title>\n", Text(&health.title()), Text(&report.process.name));
    head::icon(out, &health);
    emit!(out, "<style>\n{}</style>\n</head>\n", include_str!("style.css"));
    emit!(out, "<body data-refresh=\"{}\">\n", options.active_refresh().unwrap_or(0));
    head::header(out, report, options, &health);
    if let Some(banner) = options.banner {
        let class = if banner.is_success() { "banner" } else { "banner bad" };
        emit!(out, "<p class=\"{class}\" role=\"status\">{}</p>\n", Text(banner.text()));
    }
    emit!(out, "<main id=\"live\">\n");
    head::facts(out, &report.process);
    for section in report.proxies.iter().filter(|proxy| options.filter.proxy(&proxy.name)) {
        proxy::section(out, section, options);
    }
    emit!(out, "</main>\n");
    legend::legend(out);
    emit!(out, "<script>\n{}</script>\n</body>\n</html>\n", include_str!("script.js"));
    page
}
