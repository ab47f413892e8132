//! A configuration file, checked, or its errors as text.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use config::diagnostic::{Diagnostic, Diagnostics, render};
use config::keepalived::{self, Config, Loaded, Options};

use crate::cli::Cli;
use crate::firewall;

/// Where the configuration is and what it depends on; the same at the start and at each reload.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    path: PathBuf,
    options: Options,
    /// In place of the file's `net_namespace`.
    namespace: Option<String>,
}

impl Source {
    pub(crate) fn new(cli: &Cli) -> Self {
        let config_id = cli.config_id.clone().or_else(host_label);
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        // The same numbers at each reload: nothing changes that the file does not change.
        let random_seed = u64::from(std::process::id());
        let options = Options { config_id, environment, random_seed };
        Self { path: cli.file.clone(), options, namespace: cli.namespace.clone() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and checks everything. The text is empty when there is nothing to say.
    pub(crate) fn load(&self) -> (Option<Config>, String) {
        let Loaded { mut config, sources, mut diagnostics } = keepalived::load(&self.path, &self.options);
        if let Some(config) = &mut config {
            diagnostics.0.extend(lacking(config).0);
            if self.namespace.is_some() {
                config.global.net_namespace.clone_from(&self.namespace);
            }
        }
        let config = config.filter(|_| !diagnostics.has_errors());
        (config, render(&diagnostics, &sources, std::io::stderr().is_terminal()))
    }
}

/// The first label of the host name, which keepalived compares `@id` lines with.
fn host_label() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    name.split('.').next().filter(|label| !label.is_empty()).map(str::to_owned)
}

/// What this machine lacks for it.
fn lacking(config: &Config) -> Diagnostics {
    let mut found = Diagnostics::default();
    if !firewall::suffices(config) {
        for instance in config.instances.iter().filter(|instance| firewall::refuses(instance)) {
            found.push(
                Diagnostic::warning(
                    format!("`{}`: packets to the virtual addresses are not dropped", instance.name),
                    instance.span,
                )
                .label("`no_accept` or `vrrp_strict` asks for it, and the program nft is not there")
                .help("install the package nftables, or add `accept`"),
            );
        }
    }
    found
}
