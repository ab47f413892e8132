//! The table of a proxy: HAProxy's groups and columns, in its order.

use super::PageOptions;
use super::cell::{self, Cell};
use super::format::{Text, emit};
use super::state::row_class;
use super::ticks::ticks;
use crate::{CheckRecord, Field, ObjectKind, ProxyReport, Row};

struct Group {
    name: &'static str,
    columns: &'static [(&'static str, Cell)],
}

const GROUPS: &[Group] = &[
    Group {
        name: "Queue",
        columns: &[
            ("Cur", Cell::Count(Field::Qcur)),
            ("Max", Cell::Count(Field::Qmax)),
            ("Limit", Cell::Limit(Field::Qlimit)),
        ],
    },
    Group {
        name: "Session rate",
        columns: &[
            ("Cur", Cell::Rate),
            ("Max", Cell::Count(Field::RateMax)),
            ("Limit", Cell::Limit(Field::RateLim)),
        ],
    },
    Group {
        name: "Sessions",
        columns: &[
            ("Cur", Cell::Count(Field::Scur)),
            ("Max", Cell::Count(Field::Smax)),
            ("Limit", Cell::Limit(Field::Slim)),
            ("Total", Cell::Sessions),
            ("LbTot", Cell::Count(Field::Lbtot)),
            ("Last", Cell::LastSession),
        ],
    },
    Group { name: "Bytes", columns: &[("In", Cell::Bytes(Field::Bin)), ("Out", Cell::Bytes(Field::Bout))] },
    Group {
        name: "Denied",
        columns: &[("Req", Cell::Count(Field::Dreq)), ("Resp", Cell::Count(Field::Dresp))],
    },
    Group {
        name: "Errors",
        columns: &[
            ("Req", Cell::Count(Field::Ereq)),
            ("Conn", Cell::Count(Field::Econ)),
            ("Resp", Cell::Count(Field::Eresp)),
        ],
    },
    Group {
        name: "Warnings",
        columns: &[("Retr", Cell::Count(Field::Wretr)), ("Redis", Cell::Count(Field::Wredis))],
    },
    Group {
        name: "Server",
        columns: &[
            ("Status", Cell::Status),
            ("LastChk", Cell::LastCheck),
            ("Wght", Cell::Weight),
            ("Act", Cell::Role(Field::Act)),
            ("Bck", Cell::Role(Field::Bck)),
            ("Chk", Cell::CheckFailures),
            ("Dwn", Cell::Count(Field::Chkdown)),
            ("Dwntme", Cell::Downtime),
            ("Thrtle", Cell::Throttle),
        ],
    },
];

const MODULES: Group = Group {
    name: "Extra modules",
    columns: &[
        ("h1", Cell::Module(Field::H1sess, Field::H1req)),
        ("h2", Cell::Module(Field::H2sess, Field::H2req)),
    ],
};

pub(super) fn table(out: &mut String, proxy: &ProxyReport, options: &PageOptions, form: bool) {
    let name = Text(&proxy.name);
    emit!(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of {name}\">\n");
    emit!(out, "<table>\n<caption class=\"sr\">{name}</caption>\n");
    head(out, options, form);
    emit!(out, "<tbody>\n");
    if let Some(row) = &proxy.frontend {
        body_row(out, row, &[], options, form);
    }
    for row in &proxy.listeners {
        body_row(out, row, &[], options, form);
    }
    for server in proxy.servers.iter().filter(|server| options.filter.row(&server.row)) {
        body_row(out, &server.row, &server.checks, options, form);
    }
    if let Some(row) = &proxy.backend {
        body_row(out, row, &[], options, form);
    }
    emit!(out, "</tbody>\n</table>\n</div>\n");
}

fn groups(options: &PageOptions) -> impl Iterator<Item = &'static Group> {
    GROUPS.iter().chain(options.show_modules.then_some(&MODULES))
}

fn head(out: &mut String, options: &PageOptions, form: bool) {
    emit!(out, "<thead>\n<tr><th class=\"corner\" rowspan=\"2\" scope=\"col\">Name</th>");
    if form {
        emit!(
            out,
            "<th class=\"pick\" rowspan=\"2\" scope=\"col\"><input type=\"checkbox\" class=\"js\" data-all "
        );
        emit!(out, "aria-label=\"Select all servers\"></th>");
    }
    for group in groups(options) {
        emit!(out, "<th colspan=\"{}\" scope=\"colgroup\">{}</th>", group.columns.len(), group.name);
    }
    emit!(out, "</tr>\n<tr>");
    for group in groups(options) {
        for (index, (label, cell)) in group.columns.iter().enumerate() {
            emit!(out, "<th class=\"{}\" scope=\"col\">{label}</th>", cell.class(index == 0));
        }
    }
    emit!(out, "</tr>\n</thead>\n");
}

fn body_row(out: &mut String, row: &Row, checks: &[CheckRecord], options: &PageOptions, form: bool) {
    let (proxy, name) = (Text(row.proxy()), Text(row.name()));
    emit!(out, "<tr class=\"{}\" id=\"{proxy}/{name}\">", row_class(row));
    emit!(out, "<th scope=\"row\"><a href=\"#{proxy}/{name}\">{}</a>", Text(cell::title(row)));
    if let Some(address) = row.text(Field::Addr).filter(|_| options.show_legends) {
        emit!(out, " <span class=\"addr\">{}</span>", Text(address));
    }
    // On a narrow screen the status column is out of sight.
    emit!(out, "<span class=\"brief\" aria-hidden=\"true\">{}</span>", Text(row.status()));
    ticks(out, checks);
    emit!(out, "</th>");
    if form {
        emit!(out, "<td class=\"pick\">");
        if row.kind() == ObjectKind::Server {
            emit!(out, "<input type=\"checkbox\" name=\"s\" value=\"{name}\" aria-label=\"Select {name}\">");
        }
        emit!(out, "</td>");
    }
    for group in groups(options) {
        for (index, (_, cell)) in group.columns.iter().enumerate() {
            cell.write(out, row, index == 0);
        }
    }
    emit!(out, "</tr>\n");
}
