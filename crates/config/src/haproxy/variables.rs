//! What variables mean on one line: pseudo variables, `setenv`, HAProxy's own, the process environment.

use super::draft::GlobalDraft;
use super::environment::Environment;

/// What `option httplog` writes, in HAProxy's notation.
const HTTP_LOG_FORMAT: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
/// What `option tcplog` writes.
const TCP_LOG_FORMAT: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

/// The place a variable is used at.
pub(super) struct Scope<'a> {
    pub(super) global: &'a GlobalDraft,
    pub(super) env: &'a dyn Environment,
    pub(super) cfgfiles: &'a str,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) section: &'a str,
}

impl Scope<'_> {
    /// The value of a variable or pseudo variable.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        if let Some(set) = self.global.variables.get(name) {
            return set.clone();
        }
        match name {
            ".FILE" => Some(self.file.clone()),
            ".LINE" => Some(self.line.to_string()),
            ".SECTION" => Some(self.section.to_owned()),
            "HAPROXY_BRANCH" => Some(super::LANGUAGE_VERSION.to_owned()),
            "HAPROXY_CFGFILES" => Some(self.cfgfiles.to_owned()),
            "HAPROXY_HTTP_LOG_FMT" => Some(HTTP_LOG_FORMAT.to_owned()),
            "HAPROXY_TCP_LOG_FMT" => Some(TCP_LOG_FORMAT.to_owned()),
            _ if self.global.kept_variables.as_ref().is_some_and(|kept| !kept.contains(name)) => None,
            _ => self.env.variable(name),
        }
    }
}
