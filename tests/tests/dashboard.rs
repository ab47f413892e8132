//! The dashboard as a browser shows it: headless Chromium loads it, with a server up and with one down.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{DEFAULTS, Lbd, Origin, STATS, eventually, free_port, get};

#[test]
fn a_browser_shows_a_server_that_is_up_green_and_one_that_is_down_red() {
    let Some(browser) = chromium() else { return };
    let origin = Origin::named("up");
    let dead = free_port();
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}{STATS}
frontend web
    bind 127.0.0.1:%web%
    default_backend app
backend app
    server alive 127.0.0.1:{} check inter 100ms
    server dead 127.0.0.1:{dead} check inter 100ms
",
        origin.port()
    ));
    let stats = lbd.port("stats");
    eventually("the dead server to be down", || {
        get(stats, "/stats;csv")
            .text()
            .lines()
            .any(|l| l.starts_with("app,dead") && l.contains(",DOWN,"))
            .then_some(())
    });
    for _ in 0..20 {
        get(lbd.port("web"), "/");
    }
    let url = format!("http://127.0.0.1:{stats}/stats");

    let page = browse(&browser, &["--virtual-time-budget=3000", "--dump-dom", &url]);
    let row = |name: &str| {
        let at = page.find(&format!(">{name}<")).unwrap_or_else(|| panic!("no {name} in {page}"));
        let from = page[..at].rfind("<tr").unwrap();
        page[from..at].split('>').next().unwrap().to_owned()
    };
    assert!(row("alive").contains("active_up"), "{}", row("alive"));
    assert!(row("dead").contains("active_down"), "{}", row("dead"));

    let picture = lbd.dir().path().join("dashboard.png");
    browse(&browser, &["--window-size=1400,900", &format!("--screenshot={}", picture.display()), &url]);
    let (red, green) = coloured_pixels(&picture);
    assert!(red > 5_000, "a DOWN row is red: {red} such pixels");
    assert!(green > 5_000, "an UP row is green: {green} such pixels");
}

/// The browser; `None` says on standard error that the machine has none, which only its owner can change.
fn chromium() -> Option<PathBuf> {
    let found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .iter()
        .map(PathBuf::from)
        .find(|p| p.exists());
    if found.is_none() {
        eprintln!("NOT TESTED: no Chromium on this machine (Debian: apt-get install chromium)");
    }
    found
}

fn browse(browser: &Path, arguments: &[&str]) -> String {
    let profile = e2e::TempDir::new();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Pixels near the colours of a row that is down, and of one that is up, in light or dark dress.
fn coloured_pixels(picture: &Path) -> (usize, usize) {
    let file = std::io::BufReader::new(std::fs::File::open(picture).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let step = info.color_type.samples();
    let count = |wanted: fn(i32, i32, i32) -> bool| {
        pixels.chunks_exact(step).filter(|p| wanted(p[0].into(), p[1].into(), p[2].into())).count()
    };
    let red = count(|r, g, b| r - g > 60 && r - b > 60);
    let green = count(|r, g, b| g - r > 20 && g - b > 20);
    (red, green)
}
