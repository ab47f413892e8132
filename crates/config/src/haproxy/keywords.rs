//! The one table of directives: which exist, in which sections, and what becomes of them.

use super::directive::Directive;
use super::directives;
use super::draft::{Draft, GlobalDraft, Place};

/// A set of [`Place`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places(u8);

/// `global`.
pub(crate) const G: Places = Places(1);
/// `defaults`, `frontend`, `listen` and `backend`.
pub(crate) const DFLB: Places = Places(2 | 4 | 8 | 16);
/// `defaults`, `frontend`, `listen`: the client side.
pub(crate) const DFL: Places = Places(2 | 4 | 8);
/// `defaults`, `listen`, `backend`: the server side.
pub(crate) const DLB: Places = Places(2 | 8 | 16);
/// `frontend`, `listen`, `backend`.
pub(crate) const FLB: Places = Places(4 | 8 | 16);
/// `frontend`, `listen`.
pub(crate) const FL: Places = Places(4 | 8);
/// `listen`, `backend`.
pub(crate) const LB: Places = Places(8 | 16);

impl Places {
    pub(crate) fn contains(self, place: Place) -> bool {
        let bit = match place {
            Place::Global => 1,
            Place::Defaults => 2,
            Place::Frontend => 4,
            Place::Listen => 8,
            Place::Backend => 16,
        };
        self.0 & bit != 0
    }

    /// The section keywords, for messages.
    pub(crate) fn names(self) -> String {
        let all = [Place::Global, Place::Defaults, Place::Frontend, Place::Listen, Place::Backend];
        let names: Vec<_> = all.into_iter().filter(|p| self.contains(*p)).map(Place::keyword).collect();
        names.join(", ")
    }
}

/// What becomes of a directive.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    /// Read into the `global` section.
    Global(fn(&mut GlobalDraft, &mut Directive<'_>) -> Option<()>),
    /// Read into a `defaults` or proxy section.
    Proxy(fn(&mut Draft, &mut Directive<'_>) -> Option<()>),
    /// A switch that `no` turns off and `default` puts back.
    Flag(fn(&mut Draft) -> &mut bool),
    /// Accepted without a word: part of the distributions' stock files, or only says what is the case anyway.
    Silent,
    /// Accepted with a warning that says why it does nothing here.
    NoEffect(&'static str),
    /// An error that says what is supported instead.
    NotYet(&'static str),
    /// An error that names the replacement.
    Removed(&'static str),
}

/// One directive.
#[derive(Clone, Copy)]
pub(crate) struct Keyword {
    /// One or two words.
    pub(crate) name: &'static str,
    pub(crate) places: Places,
    pub(crate) action: Action,
}

/// A table entry.
pub(crate) const fn keyword(name: &'static str, places: Places, action: Action) -> Keyword {
    Keyword { name, places, action }
}

/// First words whose second word is part of the name.
pub(crate) const GROUPS: [&str; 4] = ["option", "timeout", "stats", "http-check"];

/// Every directive. A name may occur once for `global` and once for the other sections.
pub(crate) fn all() -> impl Iterator<Item = &'static Keyword> {
    directives::TABLES.iter().flat_map(|table| table.iter())
}

/// The entries of that name.
pub(crate) fn named(name: &str) -> impl Iterator<Item = &'static Keyword> {
    all().filter(move |k| k.name == name)
}

/// Whether `no` may stand before it.
pub(crate) fn negatable(name: &str) -> bool {
    const OTHERS: [&str; 7] = [
        "log",
        "heartbeat",
        "busy-polling",
        "set-dumpable",
        "strict-limits",
        "insecure-fork-wanted",
        "numa-cpu-mapping",
    ];
    name.starts_with("option ") || OTHERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_thing_in_a_section() {
        for place in [Place::Global, Place::Defaults, Place::Frontend, Place::Listen, Place::Backend] {
            let mut names: Vec<_> = all().filter(|k| k.places.contains(place)).map(|k| k.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{place:?}");
        }
    }

    #[test]
    fn two_word_names_start_with_a_group() {
        for keyword in all() {
            let mut words = keyword.name.split(' ');
            let first = words.next().unwrap_or_default();
            assert_eq!(words.next().is_some(), GROUPS.contains(&first), "{}", keyword.name);
        }
    }

    #[test]
    fn actions_fit_their_sections() {
        for keyword in all() {
            let global = keyword.places.contains(Place::Global);
            match keyword.action {
                Action::Global(_) => assert!(global, "{}", keyword.name),
                Action::Proxy(_) | Action::Flag(_) => assert!(!global, "{}", keyword.name),
                Action::Silent | Action::NoEffect(_) | Action::NotYet(_) | Action::Removed(_) => {}
            }
        }
    }
}
