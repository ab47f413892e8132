//! How large a request head may be, to the byte.

use e2e::Outcome::Refused;
use e2e::{Client, HIDDEN, Judge};

#[test]
fn a_head_of_15360_bytes_passes_and_one_more_byte_is_431() {
    let judge = Judge::new();
    let head = |size: usize| {
        let frame = "GET /first HTTP/1.1\r\nHost: x\r\nX-Long: \r\n\r\n";
        frame.replace("X-Long: ", &format!("X-Long: {}", "a".repeat(size - frame.len())))
    };
    judge.passes("15360", head(15_360).as_bytes(), "");
    for size in [15_361, 16_384, 40_000] {
        judge.judge(&format!("{size} bytes"), format!("{}{HIDDEN}", head(size)).as_bytes(), Refused);
        let mut client = Client::connect(judge.lbd.port("web"));
        assert_eq!(client.send_in_vain(head(size)).response().status(), 431, "{size}");
    }
}

#[test]
fn a_target_that_fits_passes_and_one_that_does_not_is_414() {
    let judge = Judge::new();
    let head = |size: usize| {
        let frame = "GET /?q= HTTP/1.1\r\nHost: x\r\n\r\n";
        frame.replace("q=", &format!("q={}", "a".repeat(size - frame.len())))
    };
    let mut client = Client::connect(judge.lbd.port("web"));
    let fits = head(15_360);
    let response = client.send(&fits).response();
    assert_eq!(response.status(), 200);
    assert_eq!(Some(judge.forwarded("target")[0].target()), fits.split(' ').nth(1));
    let refused = Client::connect(judge.lbd.port("web")).send_in_vain(head(15_361)).response();
    assert!([414, 431].contains(&refused.status()), "{refused:?}");
    for size in [16_384, 40_000] {
        let mut client = Client::connect(judge.lbd.port("web"));
        assert_eq!(client.send_in_vain(head(size)).response().status(), 414, "{size}");
    }
}

#[test]
fn a_hundred_fields_pass_and_one_more_is_refused() {
    let judge = Judge::new();
    let head = |fields: usize| {
        let lines: String = (1..fields).map(|n| format!("X-{n}: {n}\r\n")).collect();
        format!("GET /first HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
    };
    judge.passes("100 fields", head(100).as_bytes(), "");
    judge.judge("101 fields", format!("{}{HIDDEN}", head(101)).as_bytes(), Refused);
}
