//! What a scrape asks for.

use crate::{Filter, ObjectKind};

/// The parameters of a scrape's query string. By default everything is exported.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Options {
    /// The process.
    pub global: bool,
    /// Frontends.
    pub frontend: bool,
    /// Listening sockets.
    pub listener: bool,
    /// Backends.
    pub backend: bool,
    /// Servers.
    pub server: bool,
    /// Which rows: only `no_maint` can be asked for.
    pub filter: Filter,
}

impl Default for Options {
    fn default() -> Self {
        Self::with_all(true)
    }
}

impl Options {
    /// Reads a query string, without the question mark: `scope=NAME`, repeatable, with `global`, `frontend`,
    /// `listener`, `backend`, `server` or `*` for all; an empty scope takes back those before it. `no-maint`
    /// leaves out servers in maintenance. Other parameters have no effect.
    pub fn from_query(query: &str) -> Self {
        let mut options = Self::default();
        let mut scoped = false;
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "scope" => {
                    // The first scope ends the default of all.
                    if !scoped {
                        options = Self { filter: options.filter, ..Self::with_all(false) };
                        scoped = true;
                    }
                    options.add_scope(value);
                }
                "no-maint" => options.filter.no_maint = true,
                _ => {}
            }
        }
        options
    }

    pub(super) fn wants(&self, object: ObjectKind) -> bool {
        match object {
            ObjectKind::Frontend => self.frontend,
            ObjectKind::Listener => self.listener,
            ObjectKind::Backend => self.backend,
            ObjectKind::Server => self.server,
        }
    }

    fn add_scope(&mut self, scope: &str) {
        match scope {
            "global" => self.global = true,
            "frontend" => self.frontend = true,
            "listener" => self.listener = true,
            "backend" => self.backend = true,
            "server" => self.server = true,
            "*" | "%2A" | "%2a" => *self = Self { filter: self.filter.clone(), ..Self::with_all(true) },
            "" => *self = Self { filter: self.filter.clone(), ..Self::with_all(false) },
            _ => {}
        }
    }

    fn with_all(on: bool) -> Self {
        Self { global: on, frontend: on, listener: on, backend: on, server: on, filter: Filter::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_in_order() {
        let none = Options::with_all(false);
        let cases = [
            ("", Options::default()),
            ("other=1", Options::default()),
            ("scope=server", Options { server: true, ..none.clone() }),
            ("scope=frontend&scope=backend", Options { frontend: true, backend: true, ..none.clone() }),
            ("scope=*&scope=", none.clone()),
            ("scope=&scope=global", Options { global: true, ..none.clone() }),
            ("scope=sticktable", none),
        ];
        for (query, expected) in cases {
            assert_eq!(Options::from_query(query), expected, "{query}");
        }
        assert!(Options::from_query("no-maint&scope=server").filter.no_maint);
    }
}
