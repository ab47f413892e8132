//! `lbd` as a process: arguments, files, signals.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use e2e::{
    Client, DEFAULTS, Gate, LIMIT, Lbd, Origin, Reply, Signal, TempDir, answer, eventually, get, run_lbd,
};

const VALID: &str = "defaults\n    mode http\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n\n\
                     listen web\n    bind 127.0.0.1:1\n    server a 127.0.0.1:2\n";

/// An origin that holds every answer until the gate opens.
fn held() -> (Arc<Gate>, Origin) {
    let gate = Arc::new(Gate::default());
    let closed = Arc::clone(&gate);
    let origin = Origin::scripted(move |_| {
        Reply::Held(Arc::clone(&closed), Box::new(Reply::Send(answer("200 OK", "", "late"))))
    });
    (gate, origin)
}

fn listen(origin: &Origin) -> String {
    format!("{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n    server a 127.0.0.1:{}\n", origin.port())
}

/// Exit code of `lbd -c` on this text, and what it said.
fn check(text: impl AsRef<[u8]>) -> (Option<i32>, String) {
    let dir = TempDir::new();
    let file = dir.write("lbd.cfg", text);
    let output = run_lbd(&["-c".as_ref(), "-f".as_ref(), file.as_os_str()]);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn check_says_0_for_a_valid_file_and_1_for_an_invalid_one() {
    let (code, said) = check(VALID);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = check(VALID.replace("timeout client", "timeout clinet"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("lbd.cfg:4") && said.contains("clinet") && said.contains("client"), "{said}");
}

#[test]
fn check_reports_every_error_of_the_file() {
    let text =
        VALID.replace("mode http", "mode htpp").replace("server a", "sevrer a").replace("bind", "bnid");
    let (code, said) = check(text);
    assert_eq!(code, Some(1));
    for word in ["htpp", "sevrer", "bnid"] {
        assert!(said.contains(word), "{word} is not in\n{said}");
    }
}

#[test]
fn check_with_capital_v_says_that_the_file_is_valid() {
    let dir = TempDir::new();
    let file = dir.write("lbd.cfg", VALID);
    let output = run_lbd(&["-c".as_ref(), "-V".as_ref(), "-f".as_ref(), file.as_os_str()]);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("Configuration file is valid"), "{said}");
}

#[test]
fn a_missing_file_is_an_error() {
    let dir = TempDir::new();
    let output = run_lbd(&["-c".as_ref(), "-f".as_ref(), dir.path().join("missing.cfg").as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.cfg"));
}

#[test]
fn an_invalid_file_does_not_start() {
    let dir = TempDir::new();
    let file = dir.write("lbd.cfg", "listen web\n    nonsense\n");
    let output = run_lbd(&["-f".as_ref(), file.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn versions_are_said_in_the_words_that_tools_look_for() {
    let short = run_lbd(&["-v"]);
    assert!(short.status.success() && String::from_utf8_lossy(&short.stdout).contains("version"));
    let long = run_lbd(&["-vv"]);
    let said = String::from_utf8_lossy(&long.stdout).into_owned();
    assert!(
        long.status.success() && said.contains("HAProxy version ") && said.contains("TARGET  = linux-glibc"),
        "{said}"
    );
}

#[test]
fn files_load_without_a_final_newline_and_with_crlf() {
    let origin = Origin::named("ok");
    let config = listen(&origin);
    for text in [config.trim_end().to_owned(), config.replace('\n', "\r\n")] {
        let lbd = Lbd::start(&text);
        assert_eq!(get(lbd.port("web"), "/").text(), "ok");
    }
}

#[test]
fn several_files_make_one_configuration() {
    let origin = Origin::named("ok");
    let dir = TempDir::new();
    let backend = dir.write("more.cfg", format!("backend app\n    server a 127.0.0.1:{}\n", origin.port()));
    let config = format!("{DEFAULTS}\nfrontend web\n    bind 127.0.0.1:%web%\n    default_backend app\n");
    let lbd = Lbd::start_with(&config, &["-f", &backend.display().to_string()]);
    assert_eq!(get(lbd.port("web"), "/").text(), "ok");
}

#[test]
fn a_directory_stands_for_its_cfg_files_in_order() {
    let origin = Origin::named("ok");
    let dir = TempDir::new();
    dir.write("20-backend.cfg", format!("backend app\n    server a 127.0.0.1:{}\n", origin.port()));
    dir.write("10-defaults.cfg", "defaults\n    mode http\n    timeout connect 1s\n    timeout server 5s\n");
    dir.write(".hidden.cfg", "nonsense\n");
    dir.write("notes.txt", "nonsense\n");
    let config = format!("{DEFAULTS}\nfrontend web\n    bind 127.0.0.1:%web%\n    default_backend app\n");
    let lbd = Lbd::start_with(&config, &["-f", &dir.path().display().to_string()]);
    assert_eq!(get(lbd.port("web"), "/").text(), "ok");
}

#[test]
fn a_pidfile_holds_the_process_id() {
    let origin = Origin::named("ok");
    let lbd = Lbd::start_with(&listen(&origin), &["-p", "%dir%/lbd.pid"]);
    let file = lbd.dir().path().join("lbd.pid");
    let text = eventually("the pidfile is written", || {
        std::fs::read_to_string(&file).ok().filter(|t| t.ends_with('\n'))
    });
    assert_eq!(text.trim(), lbd.pid().to_string());
}

#[test]
fn haproxy_s_debug_flags_are_accepted() {
    let origin = Origin::named("ok");
    for flags in [&["-db"][..], &["-d"], &["-dM", "-dI"], &["-q"]] {
        let lbd = Lbd::start_with(&listen(&origin), flags);
        assert_eq!(get(lbd.port("web"), "/").text(), "ok", "{flags:?}");
    }
}

#[test]
fn without_a_file_listen_and_server_make_a_balancer_with_a_dashboard() {
    let (a, b) = (Origin::named("a"), Origin::named("b"));
    let (first, second) = (format!("127.0.0.1:{}", a.port()), format!("127.0.0.1:{}", b.port()));
    let arguments = [
        "--listen",
        "127.0.0.1:%web%",
        "--server",
        &first,
        "--server",
        &second,
        "--stats",
        "127.0.0.1:%stats%",
    ];
    let lbd = Lbd::start_without_file(&arguments);
    let mut answers: Vec<String> = (0..2).map(|_| get(lbd.port("web"), "/").text()).collect();
    answers.sort();
    assert_eq!(answers, ["a", "b"]);
    assert_eq!(get(lbd.port("stats"), "/stats").status(), 200);
    a.kill();
    for _ in 0..6 {
        assert_eq!(get(lbd.port("web"), "/").text(), "b");
    }
}

#[test]
fn the_printed_configuration_is_accepted() {
    let arguments =
        ["--listen", "127.0.0.1:1", "--server", "127.0.0.1:2", "--stats", "127.0.0.1:3", "--print-config"];
    let printed = run_lbd(&arguments);
    assert!(printed.status.success());
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(text.contains("127.0.0.1:2") && text.contains("stats uri"), "{text}");
    let (code, said) = check(&text);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn sigterm_and_sigint_finish_what_is_in_flight_and_exit_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGUSR1] {
        let (gate, origin) = held();
        let mut lbd = Lbd::start(&listen(&origin));
        let mut idle = Client::connect(lbd.port("web"));
        let mut busy = Client::connect(lbd.port("web"));
        busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        eventually("the request is in flight", || (origin.requests().len() == 1).then_some(()));
        lbd.signal(signal);
        eventually("no new clients are taken", || (!lbd.is_listening("web")).then_some(()));
        idle.expect_end();
        assert!(lbd.is_running(), "{signal}: the request is still in flight");
        gate.open();
        let response = busy.response();
        assert_eq!(
            (response.text().as_str(), response.header("connection")),
            ("late", Some("close")),
            "{signal}"
        );
        busy.expect_end();
        assert_eq!(lbd.await_exit().code(), Some(0), "{signal}");
    }
}

#[test]
fn hard_stop_after_ends_what_does_not_end_by_itself() {
    let (gate, origin) = held();
    let mut lbd = Lbd::start(&format!("global\n    hard-stop-after 300ms\n{}", listen(&origin)));
    let mut busy = Client::connect(lbd.port("web"));
    busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("the request is in flight", || (origin.requests().len() == 1).then_some(()));
    lbd.signal(Signal::SIGTERM);
    let status = lbd.await_exit();
    assert!(status.code().is_some() && status.signal().is_none(), "{status:?}");
    busy.expect_end();
    gate.open();
}

#[test]
fn a_port_that_is_taken_is_said_and_ends_the_start() {
    let origin = Origin::named("taken");
    let dir = TempDir::new();
    let text = format!(
        "global\n    heartbeat {}/h.sock\n{DEFAULTS}\nlisten web\n    bind 127.0.0.1:{}\n    server a 127.0.0.1:1\n",
        dir.path().display(),
        origin.port()
    );
    let file = dir.write("lbd.cfg", text);
    let output = run_lbd(&["-f".as_ref(), file.as_os_str()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&origin.port().to_string()), "{said}");
}

/// Lines of the heartbeat socket.
fn beats(lbd: &Lbd) -> impl Iterator<Item = String> + use<> {
    let stream = UnixStream::connect(lbd.dir().path().join("heartbeat.sock")).expect("the socket is served");
    stream.set_read_timeout(Some(LIMIT)).expect("the limit is not zero");
    BufReader::new(stream).lines().map_while(Result::ok)
}

#[test]
fn every_worker_beats_on_the_heartbeat_socket() {
    let origin = Origin::named("ok");
    let lbd = Lbd::start(&listen(&origin));
    let start = std::time::Instant::now();
    let lines: Vec<String> = beats(&lbd).take(40).collect();
    for worker in ["beat 1 0/2 ready", "beat 1 1/2 ready"] {
        assert!(lines.iter().filter(|line| *line == worker).count() >= 10, "{worker}: {lines:?}");
    }
    // Two workers every 20 ms: 40 beats take 0.4 s; a beat is late long before this.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_process_that_stops_beats_draining_and_then_closes() {
    let (gate, origin) = held();
    let mut lbd = Lbd::start(&listen(&origin));
    let mut lines = beats(&lbd);
    let mut busy = Client::connect(lbd.port("web"));
    busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("the request is in flight", || (origin.requests().len() == 1).then_some(()));
    lbd.signal(Signal::SIGUSR1);
    assert!(lines.any(|line| line.ends_with(" draining")), "no beat said draining");
    gate.open();
    assert_eq!(busy.response().text(), "late");
    assert_eq!(lbd.await_exit().code(), Some(0));
    // The socket ends with the process, which is how a watcher learns of a death at once.
    assert!(lines.by_ref().count() < 10_000);
}

#[test]
fn a_killed_process_closes_the_heartbeat_at_once() {
    let origin = Origin::named("ok");
    let mut lbd = Lbd::start(&listen(&origin));
    let mut lines = beats(&lbd);
    assert!(lines.next().is_some_and(|line| line.starts_with("beat 1 ")));
    lbd.signal(Signal::SIGKILL);
    assert_eq!(lbd.await_exit().signal(), Some(9));
    assert!(lines.by_ref().count() < 10_000);
}
