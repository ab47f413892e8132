//! The dashboard: what it shows, and that data stays data.

use proptest::prelude::*;
use stats::html::{Banner, PageOptions, render};
use stats::{CheckRecord, Field, Filter, ProcessInfo, ProxyReport, Report, Row, ServerReport};

mod sample;

fn options() -> PageOptions {
    PageOptions { uri: "/stats".into(), ..PageOptions::default() }
}

fn row_of<'a>(page: &'a str, id: &str) -> &'a str {
    let at = page.find(&format!("id=\"{id}\"")).expect("the row is there");
    let start = page[..at].rfind("<tr").expect("it is a row");
    let end = page[at..].find("</tr>").expect("the row ends");
    &page[start..at + end]
}

#[test]
fn a_server_that_is_down_has_the_class_of_its_colour() {
    let page = render(&sample::report(), &options());
    assert!(row_of(&page, "docapi_backend/backend-1").starts_with("<tr class=\"active_up\""));
    assert!(row_of(&page, "docapi_backend/backend-3").starts_with("<tr class=\"active_down\""));
    assert!(row_of(&page, "docapi_backend/backend-4").starts_with("<tr class=\"active_going_down\""));
    assert!(row_of(&page, "docapi_backend/backend-5").starts_with("<tr class=\"maintain\""));
    assert!(row_of(&page, "docapi_backend/spare").starts_with("<tr class=\"backup_up\""));
    assert!(page.contains("1 of 6 servers down"));
    assert!(row_of(&page, "docapi_backend/backend-3").contains("L7STS/503 in 2ms"));
}

#[test]
fn every_row_has_a_cell_for_every_column() {
    let with_all = PageOptions { show_modules: true, admin: true, show_legends: true, ..options() };
    for options in [options(), with_all] {
        let page = render(&sample::report(), &options);
        for table in page.split("<table>").skip(1) {
            let table = table.split("</table>").next().expect("a table ends");
            let (head, body) = table.split_once("</thead>").expect("a table has a head");
            let columns = head.matches("scope=\"col\"").count();
            for row in body.split("<tr ").skip(1) {
                assert_eq!(row.matches("<td").count() + row.matches("<th").count(), columns, "{row}");
            }
        }
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = render(&sample::report(), &options());
    for address in page.split("href=\"").chain(page.split("src=\"")).skip(1) {
        assert!(
            address.starts_with(['/', '#'])
                || address.starts_with("data:")
                || address.starts_with("<!DOCTYPE"),
            "{address:.60}"
        );
    }
    assert!(!page.contains("@import") && !page.contains("url("));
}

#[test]
fn the_page_refreshes_unless_the_reader_turned_it_off() {
    let options = PageOptions { refresh: Some(10), ..options() };
    assert!(render(&sample::report(), &options).contains("<body data-refresh=\"10\">"));
    let off = options.with_url_options(";norefresh;st=DENY");
    let page = render(&sample::report(), &off);
    assert!(page.contains("<body data-refresh=\"0\">"));
    assert!(page.contains("Action denied."));
    assert_eq!(off.banner, Some(Banner::Denied));
}

#[test]
fn filters_hide_what_they_name() {
    let filter = Filter { scope: Some("backend".into()), up_only: true, ..Filter::default() };
    let page = render(&sample::report(), &PageOptions { filter, ..options() });
    assert!(!page.contains("id=\"docapi_front\""));
    assert!(!page.contains("docapi_backend/backend-3"));
    assert!(page.contains("docapi_backend/backend-4"));
}

#[test]
fn forms_are_there_only_for_an_administrator() {
    assert!(!render(&sample::report(), &options()).contains("method=\"post\""));
    let page = render(&sample::report(), &PageOptions { admin: true, ..options() });
    assert!(page.contains("<input type=\"checkbox\" name=\"s\" value=\"backend-1\""));
    assert!(page.contains("<input type=\"hidden\" name=\"b\" value=\"#4\">"));
    for action in ["ready", "drain", "maint"] {
        assert!(page.contains(&format!("<option value=\"{action}\">")));
    }
}

#[test]
fn the_version_can_be_hidden() {
    assert!(render(&sample::report(), &options()).contains("0.1.0"));
    assert!(!render(&sample::report(), &PageOptions { hide_version: true, ..options() }).contains("0.1.0"));
}

/// A report with this text wherever the configuration or the network can put text.
fn report_with(text: &str) -> Report {
    let name = text.to_owned();
    let mut server = Row::server(text, text, 2, 1);
    for field in [Field::Status, Field::Addr, Field::CheckStatus, Field::CheckDesc, Field::LastChk] {
        server.set(field, name.clone());
    }
    server.set(Field::CheckCode, 200_u16);
    let check = CheckRecord { code: name.clone(), text: name.clone(), ..CheckRecord::default() };
    let mut backend = Row::backend(text, 2);
    backend.set(Field::Status, "DOWN").set(Field::Algo, name.clone());
    let proxy = ProxyReport {
        name: name.clone(),
        iid: 2,
        mode: name.clone(),
        description: Some(name.clone()),
        frontend: Some(Row::frontend(text, 2)),
        listeners: vec![Row::listener(text, text, 2, 1)],
        servers: vec![ServerReport { row: server, checks: vec![check] }],
        backend: Some(backend),
        history: None,
    };
    let process = ProcessInfo { name: name.clone(), version: name, ..ProcessInfo::default() };
    Report { process, proxies: vec![proxy] }
}

fn options_with(text: &str) -> PageOptions {
    PageOptions {
        uri: format!("/{text}"),
        metrics_uri: Some(format!("/{text}")),
        show_legends: true,
        show_modules: true,
        admin: true,
        show_node: Some(text.to_owned()),
        show_desc: Some(text.to_owned()),
        filter: Filter { scope: Some(text.to_owned()), ..Filter::default() },
        ..PageOptions::default()
    }
}

/// The markup of a page with everything that is not a tag or an attribute's name taken out.
fn skeleton(page: &str) -> String {
    let mut skeleton = String::new();
    let (mut in_tag, mut in_value) = (false, false);
    for character in page.chars() {
        match character {
            '<' if !in_value => in_tag = true,
            '"' if in_tag => in_value = !in_value,
            _ => {}
        }
        if in_tag && !in_value {
            skeleton.push(character);
        }
        if character == '>' && !in_value {
            in_tag = false;
        }
    }
    skeleton
}

proptest! {
    #[test]
    fn text_from_data_never_becomes_markup(text in "[<>&\"' a-z/=;\\PC]{1,24}") {
        let plain = skeleton(&render(&report_with("x"), &options_with("x")));
        let page = skeleton(&render(&report_with(&text), &options_with(&text)));
        prop_assert_eq!(page, plain);
    }
}

#[test]
fn a_script_as_a_name_is_text() {
    let name = "<script>alert(1)</script>";
    let page = render(&report_with(name), &options_with(name));
    assert!(!page.contains("<script>alert"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}
