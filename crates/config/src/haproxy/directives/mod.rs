//! The directives, one table a subject.

mod bind;
mod error_file;
mod global;
mod http_check;
mod log;
mod options;
mod planned;
mod proxy;
mod rules;
mod server;
mod stats;
mod timeouts;

use super::keywords::Keyword;

/// Every table.
pub(super) static TABLES: [&[Keyword]; 13] = [
    bind::TABLE,
    error_file::TABLE,
    global::TABLE,
    http_check::TABLE,
    log::TABLE,
    options::TABLE,
    planned::GLOBAL,
    planned::PROXY,
    proxy::TABLE,
    rules::TABLE,
    server::TABLE,
    stats::TABLE,
    timeouts::TABLE,
];
