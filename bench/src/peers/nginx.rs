//! nginx as Debian packages it.

use std::path::Path;

use super::{Ports, Setup};
use crate::scenario::Mode;

pub(super) const PROGRAM: &str = "/usr/sbin/nginx";

/// A dynamic module in Debian (package libnginx-mod-stream).
const STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

pub(super) fn config(setup: &Setup<'_>, ports: Ports) -> String {
    let dir = setup.dir.display();
    let module = if Path::new(STREAM).exists() { format!("load_module {STREAM};\n") } else { String::new() };
    // Workers of a master that root starts change to an unprivileged user, who cannot use our directory.
    let user = if nix::unistd::geteuid().is_root() { "user root;\n" } else { "" };
    let connections = setup.clients + 2048;
    let servers: String = setup.servers.iter().map(|server| format!("        server {server};\n")).collect();
    let stats = format!(
        "    server {{
        listen 127.0.0.1:{};
        access_log off;
        location /stats {{ stub_status; }}
    }}
",
        ports.stats
    );
    let proxying = match setup.scenario.mode {
        Mode::Tcp => {
            format!("{}http {{\n    access_log off;\n{stats}}}\n", stream(&servers, ports.traffic))
        }
        Mode::Http => http(setup, &servers, ports.traffic, &stats),
    };
    format!(
        "{module}{user}daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log stderr crit;
events {{
    worker_connections {connections};
}}
{proxying}"
    )
}

fn stream(servers: &str, port: u16) -> String {
    format!(
        "stream {{
    upstream origins {{
{servers}    }}
    server {{
        listen 127.0.0.1:{port};
        proxy_pass origins;
        proxy_connect_timeout 5s;
        proxy_timeout 5m;
    }}
}}
"
    )
}

/// Buffers hold uploads, and no response touches the disk: the others have no disk to use.
fn http(setup: &Setup<'_>, servers: &str, port: u16, stats: &str) -> String {
    let dir = setup.dir.display();
    let log = match setup.syslog {
        Some(syslog) => format!("syslog:server={syslog},facility=local0 combined"),
        None => "off".into(),
    };
    let idle = setup.servers.len().max(128);
    format!(
        "http {{
    access_log {log};
    keepalive_timeout 5m;
    keepalive_requests 1000000000;
    client_body_buffer_size 64k;
    client_body_temp_path {dir}/nginx-body;
    proxy_temp_path {dir}/nginx-proxy;
    proxy_max_temp_file_size 0;
    proxy_http_version 1.1;
    proxy_set_header Connection \"\";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_connect_timeout 5s;
    proxy_read_timeout 5m;
    proxy_send_timeout 5m;
    upstream origins {{
{servers}        keepalive {idle};
        keepalive_requests 1000000000;
        keepalive_timeout 5m;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://origins; }}
    }}
{stats}}}
"
    )
}
