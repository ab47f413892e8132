//! Which rows a reader wants to see.

use crate::{ObjectKind, Row};

/// The choice that the URL options `;scope=` and `;up` express, and Prometheus's `no-maint`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    /// Only proxies whose name contains this.
    pub scope: Option<String>,
    /// Leave out servers that are not up.
    pub up_only: bool,
    /// Leave out servers in maintenance.
    pub no_maint: bool,
}

impl Filter {
    /// Whether to show the proxy of this name.
    pub fn proxy(&self, name: &str) -> bool {
        self.scope.as_ref().is_none_or(|scope| name.contains(scope.as_str()))
    }

    /// Whether to show this row.
    pub fn row(&self, row: &Row) -> bool {
        if row.kind() != ObjectKind::Server {
            return true;
        }
        match row.state() {
            "MAINT" => !self.no_maint && !self.up_only,
            "DOWN" => !self.up_only,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    #[test]
    fn up_only_hides_servers_that_are_down_but_never_a_backend() {
        let filter = Filter { up_only: true, ..Filter::default() };
        let mut server = Row::server("b", "s", 2, 1);
        let mut backend = Row::backend("b", 2);
        for (status, shown) in [("UP 1/3", true), ("no check", true), ("DOWN", false), ("MAINT", false)] {
            server.set(Field::Status, status);
            assert_eq!(filter.row(&server), shown, "{status}");
        }
        backend.set(Field::Status, "DOWN");
        assert!(filter.row(&backend));
    }

    #[test]
    fn scope_is_a_substring() {
        let filter = Filter { scope: Some("api".into()), ..Filter::default() };
        assert!(filter.proxy("docapi_front"));
        assert!(!filter.proxy("stats"));
    }
}
