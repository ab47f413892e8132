//! How findings look. Read each snapshot as the operator who has to act on it.

mod support;

use config::diagnostic::{Severity, render, render_short};
use config::haproxy::FixedEnvironment;
use support::{parse_in, parse_text};

/// Renders all findings of a text but the notices.
fn shown(text: &str) -> String {
    let (parsed, sources) = parse_text(text);
    render(&parsed.diagnostics.at_least(Severity::Warning), &sources, false)
}

#[test]
fn a_misspelt_word_is_answered_with_the_one_that_was_meant() {
    insta::assert_snapshot!(shown(
        "backend shop\n    balance roundrobbin\n    server a 192.0.2.1:80 chekc\n    optoin httpchk\n    timeout conect 5s\n"
    ));
}

#[test]
fn times_and_numbers_are_shown_with_what_was_expected() {
    insta::assert_snapshot!(shown(
        "listen shop\n    timeout client 5q\n    timeout server 50 s\n    retries -1\n    maxconn 4k\n\
         \x20   server a 192.0.2.1:80 check inter 1.5s weight 300\n"
    ));
}

#[test]
fn addresses_are_shown_with_their_wrong_part() {
    insta::assert_snapshot!(shown(
        "frontend shop\n    bind 192.0.2.300:80\n    bind :80,:http\n    bind $ADDRESS:80\n    timeout client 1s\n"
    ));
}

#[test]
fn what_is_not_there_yet_names_what_is() {
    insta::assert_snapshot!(shown(
        "userlist people\n    user a insecure-password b\nfrontend shop\n    bind :443 ssl crt /etc/shop.pem\n\
         \x20   acl static path_beg /static\n    use_backend static if static\n    http-request redirect scheme https\n\
         \x20   http-request set-header X-Proto https if { ssl_fc }\n    timeout client 1s\n"
    ));
}

#[test]
fn what_was_removed_names_its_successor() {
    insta::assert_snapshot!(shown(
        "global\n    nbproc 2\nlisten shop\n    clitimeout 5s\n    reqadd X-A:\\ b\n"
    ));
}

#[test]
fn references_point_at_both_places() {
    insta::assert_snapshot!(shown(
        "defaults\n    timeout client 1s\n    timeout connect 1s\n    timeout server 1s\n\
         frontend web\n    mode http\n    bind :80\n    default_backend shop\n\
         frontend web\n    bind :81\n    default_backend shpo\n\
         backend shop\n    server a 192.0.2.1:80\n    server a 192.0.2.2:80\n"
    ));
}

#[test]
fn lexical_mistakes_point_into_the_line() {
    insta::assert_snapshot!(shown(
        "listen shop\n\tdescription \"the shop\n\tbind \"${PORT:80\"\n\tbind\u{a0}:80\n\tmaxconn \\x4\n.if defind(PORT)\n.endif\n"
    ));
}

#[test]
fn lines_without_effect_say_why() {
    insta::assert_snapshot!(shown(
        "global\n    cpu-map 1 0\nbackend shop\n    bind :80\n    option splice-auto\nfrontend web\n"
    ));
}

#[test]
fn very_long_lines_are_cut_around_the_place() {
    let text = format!(
        "backend shop\n    server a 192.0.2.1:80 {}chekc {}\n",
        "check ".repeat(400),
        "check ".repeat(400)
    );
    let text = shown(&text);
    assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn stock_error_pages_that_are_missing_are_a_warning() {
    let (parsed, sources) = parse_in(
        "defaults\n    errorfile 503 /etc/haproxy/errors/503.http\n    errorfile 504 /srv/504.http\n",
        &FixedEnvironment::new(),
    );
    insta::assert_snapshot!(render(&parsed.diagnostics, &sources, false));
}

#[test]
fn notices_are_short() {
    let (parsed, sources) = parse_text(
        "defaults\n    mode http\n    timeout client 1s\n    timeout connect 1s\n    timeout server 1s\n\
         frontend web\n    bind :80\n    stats enable\n    default_backend shop\n\
         backend shop\n    option httpchk GET /\n    server a 192.0.2.1:80 check inter 5s\n",
    );
    insta::assert_snapshot!(render(&parsed.diagnostics, &sources, false));
    assert!(parsed.diagnostics.at_least(Severity::Warning).0.is_empty());
}

#[test]
fn tools_find_haproxys_console_shape() {
    let (parsed, sources) =
        parse_text("global\n nbtread 2\nfrontend web\n bind :80\n mode http\n default_backend web2\n");
    let text = render_short(&parsed.diagnostics, &sources, 42);
    assert!(text.starts_with("[ALERT]    (42) : config : parsing [test.cfg:2] : 'nbtread'"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn colour_adds_escapes_and_nothing_else() {
    let (parsed, sources) = parse_text("global\n nbtread 2\n");
    let coloured = render(&parsed.diagnostics, &sources, true);
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    assert_eq!(plain, render(&parsed.diagnostics, &sources, false));
}

#[test]
fn control_characters_of_a_configuration_do_not_reach_the_terminal() {
    let (parsed, sources) = parse_text("listen a\n mode \"\u{1b}[31mred\"\n balance '\u{7}'\n");
    for text in [render(&parsed.diagnostics, &sources, false), render_short(&parsed.diagnostics, &sources, 1)]
    {
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
}
