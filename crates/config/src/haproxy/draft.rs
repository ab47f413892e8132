//! Sections while they are being read: what `defaults` hands down, and where things were said.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::model::{
    Balance, ConnectionMode, Expect, Global, HttpReuse, LogFormat, LogTarget, Mode, Proxy, ProxyKind,
    Redispatch, StatsPage, Timeouts,
};
use crate::source::Span;

/// The kind of section a directive stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Global,
    Defaults,
    Frontend,
    Listen,
    Backend,
}

impl Place {
    /// The section keyword.
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Defaults => "defaults",
            Self::Frontend => "frontend",
            Self::Listen => "listen",
            Self::Backend => "backend",
        }
    }
}

/// Where a directive was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) span: Span,
    /// In the proxy's own section rather than in the `defaults` it inherits.
    pub(crate) own: bool,
}

/// The `global` sections so far.
#[derive(Debug, Default)]
pub(crate) struct GlobalDraft {
    pub(crate) global: Global,
    /// `setenv`, `presetenv`, `unsetenv`, `resetenv`: `None` hides a variable of the process.
    pub(crate) variables: BTreeMap<String, Option<String>>,
    /// A `log` line had an error, so that the lack of targets is not reported too.
    pub(crate) failed_log: bool,
    /// `resetenv`: only these variables of the process are still seen.
    pub(crate) kept_variables: Option<BTreeSet<String>>,
}

/// One `log` line of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogEntry {
    /// `log global`: the lines of the `global` section.
    Global,
    To(LogTarget),
}

/// What `default-server` and `server` lines set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerSettings {
    pub(crate) weight: u16,
    pub(crate) backup: bool,
    pub(crate) disabled: bool,
    pub(crate) maxconn: Option<u32>,
    pub(crate) maxqueue: Option<u32>,
    pub(crate) check: bool,
    pub(crate) inter: Duration,
    pub(crate) fastinter: Option<Duration>,
    pub(crate) downinter: Option<Duration>,
    pub(crate) fall: u32,
    pub(crate) rise: u32,
    pub(crate) port: Option<u16>,
    pub(crate) addr: Option<IpAddr>,
    pub(crate) cookie: Option<String>,
    /// `id`; 0 is not given.
    pub(crate) id: u32,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            weight: 1,
            backup: false,
            disabled: false,
            maxconn: None,
            maxqueue: None,
            check: false,
            inter: Duration::from_secs(2),
            fastinter: None,
            downinter: None,
            fall: 3,
            rise: 2,
            port: None,
            addr: None,
            cookie: None,
            id: 0,
        }
    }
}

/// The parts of a check request, as far as given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CheckRequest {
    pub(crate) method: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// `option httpchk` and the `http-check` lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CheckDraft {
    /// `option httpchk` is on.
    pub(crate) enabled: bool,
    /// What the option line says.
    pub(crate) option: CheckRequest,
    /// What `http-check send` says; it goes over the option line.
    pub(crate) send: CheckRequest,
    pub(crate) expect: Option<Expect>,
    pub(crate) disable_on_404: bool,
}

/// A `defaults`, `frontend`, `listen` or `backend` section.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) place: Place,
    pub(crate) proxy: Proxy,
    /// `log` lines, inherited ones first.
    pub(crate) log: Vec<LogEntry>,
    pub(crate) server: ServerSettings,
    pub(crate) check: CheckDraft,
    /// Where the name in `default_backend NAME` stands.
    pub(crate) default_backend_at: Option<Span>,
    /// The last place each directive was written at, by its full name.
    marks: BTreeMap<&'static str, Mark>,
    /// Directives with a line that had an error, so that their absence is not reported too.
    failed: BTreeSet<String>,
}

impl Draft {
    /// A section with HAProxy's built-in values.
    pub(crate) fn built_in(place: Place, name: &str, span: Span) -> Self {
        let kind = match place {
            Place::Frontend => ProxyKind::Frontend,
            Place::Listen | Place::Defaults | Place::Global => ProxyKind::Listen,
            Place::Backend => ProxyKind::Backend,
        };
        let proxy = Proxy {
            name: name.to_owned(),
            kind,
            span,
            id: 0,
            mode: Mode::Tcp,
            disabled: false,
            description: None,
            binds: Vec::new(),
            maxconn: None,
            backlog: None,
            default_backend: None,
            timeouts: Timeouts::default(),
            balance: Balance::RoundRobin,
            servers: Vec::new(),
            http_check: None,
            retries: 3,
            redispatch: Redispatch::Default,
            forwardfor: None,
            log: Vec::new(),
            log_format: LogFormat::Basic,
            dontlognull: false,
            dontlog_normal: false,
            log_health_checks: false,
            http_reuse: HttpReuse::Safe,
            connection: ConnectionMode::KeepAlive,
            keep_header_case: false,
            http_ignore_probes: false,
            abortonclose: false,
            allbackups: false,
            fullconn: None,
            request_rules: Vec::new(),
            response_rules: Vec::new(),
            stats: None,
            error_files: Vec::new(),
            monitor_uri: None,
        };
        Self {
            place,
            proxy,
            log: Vec::new(),
            server: ServerSettings::default(),
            check: CheckDraft::default(),
            default_backend_at: None,
            marks: BTreeMap::new(),
            failed: BTreeSet::new(),
        }
    }

    /// A new section that starts from this `defaults` section.
    pub(crate) fn inherit(&self, place: Place, name: &str, span: Span) -> Self {
        let fresh = Self::built_in(place, name, span);
        let mut draft = self.clone();
        draft.place = place;
        draft.proxy.name = fresh.proxy.name;
        draft.proxy.kind = fresh.proxy.kind;
        draft.proxy.span = span;
        for mark in draft.marks.values_mut() {
            mark.own = false;
        }
        draft
    }

    /// Remembers that `name` was written at `span`.
    pub(crate) fn mark(&mut self, name: &'static str, span: Span) {
        self.marks.insert(name, Mark { span, own: true });
    }

    /// Where `name` was last written.
    pub(crate) fn marked(&self, name: &str) -> Option<Mark> {
        self.marks.get(name).copied()
    }

    /// Whether this section itself, not its `defaults`, has a line `name` before the current one.
    pub(crate) fn is_own(&self, name: &str) -> bool {
        self.marked(name).is_some_and(|mark| mark.own)
    }

    /// Whether a directive whose name starts with `prefix` was written in this section itself.
    pub(crate) fn has_own_with_prefix(&self, prefix: &str) -> bool {
        self.marks.iter().any(|(name, mark)| mark.own && name.starts_with(prefix))
    }

    /// The last place in the file where a directive whose name starts with `prefix` was written.
    pub(crate) fn marked_with_prefix(&self, prefix: &str) -> Option<Mark> {
        let marks = self.marks.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, mark)| *mark);
        marks.max_by_key(|mark| mark.span)
    }

    /// Remembers that a line of `name` had an error.
    pub(crate) fn mark_failed(&mut self, name: &str) {
        self.failed.insert(name.to_owned());
    }

    /// Whether a line whose first word is `keyword`, or an old name that ends in it, had an error.
    pub(crate) fn has_failed(&self, keyword: &str) -> bool {
        self.failed.iter().any(|failed| failed.ends_with(keyword))
    }

    /// `backend 'app'`.
    pub(crate) fn title(&self) -> String {
        format!("{} '{}'", self.place.keyword(), self.proxy.name)
    }

    /// The statistics page, made on first use. One that came from `defaults` is not extended but replaced.
    pub(crate) fn stats(&mut self) -> &mut StatsPage {
        if !self.has_own_with_prefix("stats ") {
            self.proxy.stats = None;
        }
        self.proxy.stats.get_or_insert_with(|| StatsPage {
            uri: "/haproxy?stats".to_owned(),
            refresh: None,
            hide_version: false,
            show_legends: false,
            show_node: None,
            show_desc: None,
            show_modules: false,
            auth: Vec::new(),
            realm: "HAProxy Statistics".to_owned(),
            admin: false,
            scope: Vec::new(),
        })
    }
}
