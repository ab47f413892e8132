//! The proxy inside another program: that program's own metrics recorder gets the counters.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use config::haproxy::{FixedEnvironment, parse};
use config::source::Sources;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use proxy::{Instance, Stop};

/// Remembers counters by name and labels.
#[derive(Debug, Clone, Default)]
struct Notebook(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

impl Notebook {
    fn count(&self, name: &str, label: &str) -> u64 {
        let counters = self.0.lock().unwrap();
        let found = counters.iter().filter(|(key, _)| key.contains(name) && key.contains(label));
        found.map(|(_, counter)| counter.load(Ordering::SeqCst)).sum()
    }
}

impl Recorder for Notebook {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let counter = Arc::clone(self.0.lock().unwrap().entry(key.to_string()).or_default());
        Counter::from_arc(counter)
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_recorder_of_the_embedding_program_counts_requests() {
    let notebook = Notebook::default();
    metrics::set_global_recorder(notebook.clone()).unwrap();
    let place = std::env::temp_dir().join(format!("proxy-embedded-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let (front, back) = (place.join("front.sock"), place.join("back.sock"));
    let origin = UnixListener::bind(&back).unwrap();
    thread::spawn(move || {
        for stream in origin.incoming() {
            let mut stream = stream.unwrap();
            // One request fits in one read on a local socket.
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi").unwrap();
        }
    });

    let mut sources = Sources::new();
    let text = format!(
        "global\n nbthread 2\n no heartbeat\nlisten web\n mode http\n bind unix@{}\n timeout connect 1s\n \
         timeout client 5s\n timeout server 5s\n server a unix@{}\n",
        front.display(),
        back.display()
    );
    let file = sources.add("embedded.cfg", text);
    let parsed = parse(&sources, &[file], &FixedEnvironment::new());
    let instance =
        Instance::start(&parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))).unwrap();
    for _ in 0..3 {
        let mut client = UnixStream::connect(&front).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hi"), "{answer}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A graceful stop ends when the last connection has: everything is counted then.
    runtime.block_on(instance.run(async || Stop::Graceful));

    assert_eq!(notebook.count("haproxy_frontend_http_requests_total", "web"), 3);
    assert_eq!(notebook.count("haproxy_server_http_responses_total", "2xx"), 3);
    std::fs::remove_dir_all(place).unwrap();
}
