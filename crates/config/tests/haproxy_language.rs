//! The language itself: lines, variables, conditions, sections, inheritance, references.

mod support;

use config::diagnostic::Severity;
use config::haproxy::{FixedEnvironment, Mode, parse};
use config::source::Sources;
use support::{config, errors, messages, parse_in, warnings};

/// Timeouts, so that a test about something else has no warnings.
const QUIET: &str = "defaults\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n";

#[test]
fn line_ends_may_be_crlf_and_the_last_may_be_missing() {
    let text = "listen a\r\n\tmode http # comment\r\n\r\n  maxconn 5";
    let proxy = config(text).proxies.remove(0);
    assert_eq!((proxy.mode, proxy.maxconn), (Mode::Http, Some(5)));
    assert_eq!(
        errors("listen a\n mode http\r maxconn 5\n"),
        ["2:11 a carriage return in the middle of a line hides what follows it"]
    );
}

#[test]
fn a_byte_that_cannot_be_there_costs_its_line_only() {
    assert_eq!(
        errors("listen a\n mode\0http\n maxconn x\n description \"a\n retries y\n"),
        [
            "2:6 a NUL byte cannot be part of a configuration",
            "3:10 'maxconn' does not take 'x'",
            "4:14 this \" is never closed",
            "5:10 'retries' does not take 'y'",
        ]
    );
}

#[test]
fn very_long_lines_are_read() {
    let text = format!("listen a\n description {}\n maxconn 5\n", "word ".repeat(100_000));
    let proxy = config(&text).proxies.remove(0);
    assert_eq!(proxy.description.map(|text| text.len()), Some(499_999));
    assert_eq!(proxy.maxconn, Some(5));
}

#[test]
fn variables_come_from_the_process_from_global_and_from_the_place() {
    let env = FixedEnvironment::new().with_variable("PORT", "8080").with_variable("KEEP", "1");
    let text = "global\n setenv NAME web\n presetenv PORT 99\n presetenv OTHER 98\n unsetenv KEEP\n\
                frontend \"$NAME\"\n bind \":$PORT\"\n bind \":${OTHER}\"\n bind \":${NOPE-97}\"\n\
                \x20description \"$HAPROXY_BRANCH ${.SECTION} ${.LINE} ${.FILE} ${KEEP-gone}\"\n";
    let (parsed, _) = parse_in(text, &env);
    let proxy = parsed.config.unwrap().proxies.remove(0);
    assert_eq!(proxy.name, "web");
    let ports: Vec<_> = proxy.binds.iter().map(|bind| format!("{:?}", bind.address)).collect();
    assert_eq!(ports, ["Tcp(0.0.0.0:8080)", "Tcp(0.0.0.0:98)", "Tcp(0.0.0.0:97)"]);
    assert_eq!(proxy.description.as_deref(), Some("3.2 web 10 test.cfg gone"));
}

#[test]
fn a_variable_outside_quotes_is_not_expanded_and_the_error_says_so() {
    let env = FixedEnvironment::new().with_variable("PORT", "8080");
    let (parsed, _) = parse_in("frontend f\n bind :$PORT\n", &env);
    let error = parsed.diagnostics.iter().find(|d| d.severity == Severity::Error).unwrap();
    assert_eq!(error.help.as_deref(), Some("variables are expanded inside double quotes only: \":$PORT\""));
}

#[test]
fn conditions_choose_lines_sections_and_nest() {
    let env = FixedEnvironment::new().with_variable("STAGE", "test");
    let text = "listen a\n\
                .if defined(STAGE) && !feature(OPENSSL)\n maxconn 1\n.else\n maxconn 2\n nonsense \"\n.endif\n\
                .if streq(\"$STAGE\",live)\n backlog 1\n\
                .elif version_atleast(3.3)\n backlog 2\n\
                .elif version_atleast(2.0)\n backlog 3\n.if 1\n fullconn 1\n.else\n fullconn 2\n.endif\n\
                .else\n backlog 4\n.endif\n\
                .if 0\nlisten b\n.endif\n";
    let (parsed, _) = parse_in(text, &env);
    assert_eq!(messages(&parsed.diagnostics, Severity::Error), [""; 0]);
    let config = parsed.config.unwrap();
    assert_eq!(config.proxies.len(), 1);
    let proxy = &config.proxies[0];
    assert_eq!((proxy.maxconn, proxy.backlog, proxy.fullconn), (Some(1), Some(3), Some(1)));
}

#[test]
fn bad_blocks_and_messages_are_findings() {
    assert_eq!(
        errors(
            ".if 1\n.else\n.else\n.endif x\n.endif\n.if defind(X)\n.endif\n.fi\n.alert \"no way\"\n.if 1\n"
        ),
        [
            "3:1 '.else' after '.else'",
            "4:8 '.endif' takes no arguments",
            "5:1 '.endif' without '.if'",
            "6:5 there is no predicate 'defind'",
            "8:1 '.fi' is not a directive",
            "9:1 no way",
            "10:1 this '.if' has no '.endif'",
        ]
    );
    assert_eq!(
        warnings(".warning \"mind the\" gap\n.diag quiet\n.if 0\n.warning no\n.endif\n"),
        ["1:1 mind the gap"]
    );
}

#[test]
fn every_defaults_section_starts_from_the_built_in_values() {
    let text = "defaults one\n mode http\n retries 7\ndefaults two\n maxconn 5\n\
                listen a\nlisten b from one\ndefaults\nlisten c\nlisten d from two\n";
    let config = config(text);
    let found: Vec<_> = config.proxies.iter().map(|p| (p.mode, p.retries, p.maxconn)).collect();
    assert_eq!(
        found,
        [(Mode::Tcp, 3, Some(5)), (Mode::Http, 7, None), (Mode::Tcp, 3, None), (Mode::Tcp, 3, Some(5)),]
    );
}

#[test]
fn a_defaults_section_can_build_on_another() {
    let text = "defaults one\n mode http\n retries 7\ndefaults two from one\n retries 8\nlisten a\n";
    let proxy = config(text).proxies.remove(0);
    assert_eq!((proxy.mode, proxy.retries), (Mode::Http, 8));
}

#[test]
fn headers_are_checked() {
    assert_eq!(
        errors(
            "retries 3\nlisten\nlisten a/b\nlisten c :80\nlisten d from nope\nlisten e from\nglobal x\n\
             defaults two\ndefaults two\nlisten f from two\n"
        ),
        [
            "1:1 'retries' stands before any section",
            "2:7 a 'listen' section needs a name",
            "3:9 the character '/' cannot be in a name",
            "4:10 'listen' does not take ':80'",
            "5:15 there is no 'defaults' section 'nope'",
            "6:14 'from' needs the name of a 'defaults' section",
            "7:8 'global' does not take 'x'",
            "10:15 there are two 'defaults' sections 'two'",
        ]
    );
}

#[test]
fn a_misspelt_section_is_entered_so_that_only_its_header_is_wrong() {
    assert_eq!(
        errors("frontned a\n bind :80\n default_backend b\nbackned b\n server s 192.0.2.1:80 chekc\n"),
        [
            "1:1 'frontned' is not a section",
            "4:1 'backned' is not a section",
            "5:24 'chekc' is not an argument of a server",
        ]
    );
}

#[test]
fn sections_that_are_not_there_yet_are_one_error_each() {
    assert_eq!(
        errors(
            "peers p\n peer a 192.0.2.1:1\n anything \nresolvers r\n nameserver n 192.0.2.1:53\nlisten a\n retries x\n"
        ),
        [
            "1:1 'peers' sections are not yet supported",
            "4:1 'resolvers' sections are not yet supported",
            "7:10 'retries' does not take 'x'",
        ]
    );
}

#[test]
fn directives_in_the_wrong_half_are_ignored_with_a_warning_and_in_the_wrong_section_refused() {
    let text = format!("{QUIET}frontend f\n bind :80\n balance source\nbackend b\n bind :81\n maxconn 5\n");
    assert_eq!(
        warnings(&text),
        [
            "7:2 'balance' is ignored because frontend 'f' has no backend side",
            "9:2 'bind' is ignored because backend 'b' has no frontend side",
            "10:2 'maxconn' is ignored because backend 'b' has no frontend side",
        ]
    );
    assert_eq!(
        errors(
            "defaults\n bind :80\n server s 192.0.2.1:80\nfrontend f\n server s 192.0.2.1:80\nglobal\n bind :80\n"
        ),
        [
            "2:2 'bind' does not belong in 'defaults'",
            "3:2 'server' does not belong in 'defaults'",
            "5:2 'server' does not belong in 'frontend'",
            "7:2 'bind' does not belong in 'global'",
        ]
    );
}

#[test]
fn default_backend_has_to_name_a_backend_of_the_same_mode() {
    let base = "backend tcp\nbackend web\n mode http\nfrontend other\n bind :1\n timeout client 1s\n";
    let case = |lines: &str| errors(&format!("{base}frontend f\n bind :2\n{lines}\n"));
    assert_eq!(case(" default_backend tcp"), [""; 0]);
    assert_eq!(case(" mode http\n default_backend web"), [""; 0]);
    assert_eq!(case(" default_backend tpc"), ["9:18 there is no backend 'tpc'"]);
    assert_eq!(case(" default_backend other"), ["9:18 there is no backend 'other'"]);
    assert_eq!(
        case(" mode http\n default_backend tcp"),
        ["10:18 frontend 'f' is in mode http, its backend 'tcp' in mode tcp"]
    );
    assert_eq!(
        case(" default_backend web"),
        ["9:18 frontend 'f' is in mode tcp, its backend 'web' in mode http, which is not yet supported"]
    );
}

#[test]
fn names_ids_and_addresses_are_used_once() {
    let text = format!(
        "{QUIET}listen a\n id 5\n bind :80\n server s 192.0.2.1:1 id 3\n server s 192.0.2.1:2 id 3\n\
         listen a\n id 5\n bind :80\nfrontend x\n bind :81\nbackend x\n"
    );
    assert_eq!(
        errors(&text),
        [
            "9:2 listen 'a' has two servers 's'",
            "9:2 the server id 3 is taken",
            "10:1 the name 'a' is taken",
            "11:2 the id 5 is taken",
        ]
    );
    assert_eq!(
        warnings(&text),
        ["12:2 0.0.0.0:80 is bound twice", "15:1 backend 'x' has the name of frontend 'x'"]
    );
}

#[test]
fn a_frontend_nobody_can_reach_and_lines_for_another_mode_are_warnings() {
    let text = format!(
        "{QUIET}frontend f\n option forwardfor\n http-request del-header X\n stats enable\n monitor-uri /a\n\
         backend b\n http-check expect status 200\n"
    );
    assert_eq!(
        warnings(&text),
        [
            "5:1 frontend 'f' has no 'bind' line",
            "6:2 'option forwardfor' needs mode http, frontend 'f' is in mode tcp",
            "7:2 'http-request' needs mode http, frontend 'f' is in mode tcp",
            "8:2 the statistics page needs mode http, frontend 'f' is in mode tcp",
            "9:2 'monitor-uri' needs mode http, frontend 'f' is in mode tcp",
            "11:2 'http-check' has no effect without 'option httpchk'",
        ]
    );
    let proxy = &config(&text).proxies[0];
    assert!(proxy.forwardfor.is_none() && proxy.stats.is_none() && proxy.request_rules.is_empty());
}

#[test]
fn one_mistake_is_not_reported_twice() {
    // The broken lines would also have been the timeouts, the bind line and the mode that cross checks miss.
    let text =
        "frontend f\n mode htp\n bind \":80\n timeout client 5x\n option httplog\n log 192.0.2.1 lcal0\n";
    let (parsed, _) = parse_in(text, &FixedEnvironment::new());
    assert_eq!(messages(&parsed.diagnostics, Severity::Warning), [""; 0]);
    assert_eq!(messages(&parsed.diagnostics, Severity::Error).len(), 4);
}

#[test]
fn several_files_are_one_configuration_and_each_starts_with_a_section() {
    let mut sources = Sources::new();
    let first = sources.add("1.cfg", "defaults\n mode http\n retries 9\n");
    let second = sources.add("2.cfg", " retries 4\nlisten a\n default_backend nope\n");
    let parsed = parse(&sources, &[first, second], &FixedEnvironment::new());
    assert_eq!(
        messages(&parsed.diagnostics, Severity::Error),
        ["'retries' stands before any section", "there is no backend 'nope'"]
    );
    let only = parse(&sources, &[first], &FixedEnvironment::new());
    assert!(!only.config.unwrap().has_listener(), "there is nothing to listen on");
}
