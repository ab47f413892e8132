//! A configuration file, checked, or its errors as text.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use config::diagnostic::{Diagnostic, Diagnostics, render};
use config::keepalived::{self, Config, Loaded, Options};

use crate::firewall;

/// Where the configuration is and what it depends on; the same at the start and at each reload.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    path: PathBuf,
    options: Options,
}

impl Source {
    pub(crate) fn new(path: &Path, config_id: Option<String>) -> Self {
        let config_id = config_id.or_else(host_label);
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        // The same numbers at each reload: nothing changes that the file does not change.
        let random_seed = u64::from(std::process::id());
        Self { path: path.to_owned(), options: Options { config_id, environment, random_seed } }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and checks everything. The text is empty when there is nothing to say.
    pub(crate) fn load(&self) -> (Option<Config>, String) {
        let Loaded { config, sources, mut diagnostics } = keepalived::load(&self.path, &self.options);
        if let Some(config) = &config {
            diagnostics.0.extend(unsupported(config).0);
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

/// What the language has and this daemon does not do (yet).
fn unsupported(config: &Config) -> Diagnostics {
    let mut found = Diagnostics::default();
    for vmac in config.instances.iter().filter_map(|instance| instance.vmac.as_ref()) {
        if vmac.group.is_some() {
            found.push(
                Diagnostic::error("`use_vmac` with `group` is not there yet", vmac.span)
                    .label(format!("{} would be in the kernel's default group", vmac.name))
                    .help("remove `group NAME`, and choose the interface by its name where you chose it by its group"),
            );
        }
    }
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

#[cfg(test)]
mod tests {
    use config::keepalived::parse;
    use config::source::Sources;

    use super::*;

    #[test]
    fn a_group_for_a_virtual_mac_is_refused_and_not_passed_over() {
        let refused = |line: &str| {
            let text = format!(
                "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\n{line}\nvirtual_ipaddress {{\n192.0.2.10\n}}\n}}\n"
            );
            let mut sources = Sources::new();
            let file = sources.add("keepalived.conf", text.as_str());
            let no_includes =
                |_: &Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
            let (config, diagnostics) = parse(&mut sources, file, &Options::default(), &no_includes);
            unsupported(&config.unwrap_or_else(|| panic!("{diagnostics:?}"))).has_errors()
        };
        assert!(refused("use_vmac vrrp51 group 7"));
        assert!(!refused("use_vmac vrrp51"));
    }
}
