//! The part of the page for one proxy: its heading, charts, table and form.

use super::PageOptions;
use super::format::{Text, emit, seconds};
use super::{sparkline, table};
use crate::{Field, ProxyReport};

pub(super) fn section(out: &mut String, proxy: &ProxyReport, options: &PageOptions) {
    let name = Text(&proxy.name);
    let down = proxy.backend.as_ref().filter(|row| row.text(Field::Status) == Some("DOWN"));
    let class = if down.is_some() { "proxy is-down" } else { "proxy" };
    emit!(out, "<section class=\"{class}\" id=\"{name}\" aria-label=\"{name}\">\n<div class=\"title\">\n");
    emit!(out, "<h2><a href=\"#{name}\">{name}</a></h2>\n");
    if !proxy.mode.is_empty() {
        emit!(out, "<span class=\"mode\">{}</span>\n", Text(&proxy.mode));
    }
    let algorithm = proxy.backend.as_ref().and_then(|row| row.text(Field::Algo));
    if let Some(algorithm) = algorithm.filter(|_| options.show_legends) {
        emit!(out, "<span class=\"mode\">{}</span>\n", Text(algorithm));
    }
    if let Some(description) = &proxy.description {
        emit!(out, "<p class=\"soft\">{}</p>\n", Text(description));
    }
    if let Some(row) = down {
        let since = seconds(row.u64(Field::Lastchg).unwrap_or(0));
        emit!(out, "<p class=\"alert\">No server available for {since}</p>\n");
    }
    if let Some(history) = &proxy.history {
        sparkline::sparklines(out, history);
    }
    emit!(out, "</div>\n");

    let form = options.admin && !proxy.servers.is_empty();
    if form {
        emit!(
            out,
            "<form method=\"post\" action=\"{}\">\n",
            Text(&options.link(options.filter.up_only, options.norefresh))
        );
    }
    table::table(out, proxy, options, form);
    if form {
        apply(out, proxy.iid);
    }
    emit!(out, "</section>\n");
}

fn apply(out: &mut String, iid: u32) {
    emit!(
        out,
        "<div class=\"apply\">\n<label class=\"soft\" for=\"action-{iid}\">For the selected servers:</label>\n"
    );
    emit!(out, "<select name=\"action\" id=\"action-{iid}\"><option value=\"\">Choose an action</option>");
    for (action, meaning) in
        [("ready", "Set state to READY"), ("drain", "Set state to DRAIN"), ("maint", "Set state to MAINT")]
    {
        emit!(out, "<option value=\"{action}\">{meaning}</option>");
    }
    emit!(out, "</select>\n<input type=\"hidden\" name=\"b\" value=\"#{iid}\">\n");
    emit!(out, "<button type=\"submit\">Apply</button>\n</div>\n</form>\n");
}
