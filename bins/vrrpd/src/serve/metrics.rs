//! The metrics over HTTP, for Prometheus.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{Asker, PATIENCE, PAUSE, places};

/// Between two attempts to listen at an address that is not there (yet), such as a virtual one.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

pub(super) async fn serve(address: SocketAddr, asker: Asker) {
    let listener = listen(address).await;
    let places = places();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.ok();
        match listener.accept().await {
            Ok((stream, _)) => {
                let asker = asker.clone();
                tokio::spawn(async move {
                    let answers = service_fn(|request| answer(request, asker.clone()));
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answers);
                    // A scrape is one request; who keeps the connection longer makes a new one.
                    let _ = timeout(PATIENCE, connection).await;
                    drop(place);
                });
            }
            Err(error) => {
                debug!("prometheus_listen {address}: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn listen(address: SocketAddr) -> TcpListener {
    let mut said = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => {
                if !said {
                    warn!("prometheus_listen {address}: {error}: it is tried again");
                }
                said = true;
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

async fn answer(request: Request<Incoming>, asker: Asker) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => match asker.ask().await {
            Some(report) => (StatusCode::OK, "text/plain; version=0.0.4", stats::router::render(&report)),
            None => (StatusCode::SERVICE_UNAVAILABLE, "text/plain", "vrrpd is about to end\n".to_owned()),
        },
        (&Method::GET, _) => (StatusCode::NOT_FOUND, "text/plain", "metrics are at /metrics\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use stats::router::NodeReport;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::mpsc;

    use super::super::Question;
    use super::*;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let request = format!("GET {path} HTTP/1.1\r\nhost: vrrpd\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn metrics_are_at_one_path_alone() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let (questions, mut inbox) = mpsc::channel::<Question>(1);
        let server = tokio::spawn(serve(address, Asker(questions)));
        let driver = tokio::spawn(async move {
            let report = NodeReport { packets: 42, ..NodeReport::default() };
            inbox.recv().await.unwrap().send(Arc::new(report)).unwrap();
        });
        let page = get(address, "/metrics").await;
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        assert!(page.contains("\ncontent-type: text/plain; version=0.0.4\r\n"), "{page}");
        assert!(page.contains("\nvrrp_packets_received_total 42\n"), "{page}");
        assert!(get(address, "/").await.starts_with("HTTP/1.1 404 "));
        driver.await.unwrap();
        server.abort();
    }
}
