//! Every keyword of keepalived's VRRP part, block by block, and what it is to us.

mod global;
mod instance;
mod top;
mod words;

pub(super) use global::GLOBAL;
pub(super) use instance::{AUTHENTICATION, HMAC, INSTANCE, TRACK_LBD};
pub(super) use top::{FILE, GARP_GROUP, GROUP, ONLY_AT_TOP, PROCESS, SCRIPT, TOP, TRACK_GROUP};
pub(super) use words::{ADDRESS, ROUTE, RULE};

/// What a keyword does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    /// What it does in keepalived.
    Full,
    /// Nothing, for this reason; it stands in distributions' stock files, so only a notice says so.
    Stock(&'static str),
    /// Nothing, for this reason.
    NoEffect(&'static str),
    /// It would change behaviour and is not there yet; the way out.
    Missing(&'static str),
    /// The same, but it is read and checked: its behaviour is all that is missing.
    Planned(&'static str),
    /// Nothing yet, which does no harm: it is read and checked, and a warning gives this reason.
    Idle(&'static str),
}

/// Whether braces follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Never.
    Line,
    /// Always.
    Block,
    /// As the user likes.
    Either,
}

/// One keyword.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// Its values: optional ones in `[]`; `...` for any number.
    pub(super) usage: &'static str,
    pub(super) support: Support,
}

impl Keyword {
    /// How many values it must have.
    pub(super) fn min(&self) -> usize {
        self.usage.split_whitespace().filter(|word| !word.starts_with('[') && *word != "...").count()
    }

    /// How many values it may have; `None`: any number.
    pub(super) fn max(&self) -> Option<usize> {
        let words = self.usage.split_whitespace();
        (!self.usage.ends_with("...")).then(|| words.count())
    }
}

/// The keywords of one kind of block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// Where that is, for messages: `in BLOCK`.
    pub(super) place: &'static str,
    pub(super) keywords: &'static [Keyword],
    /// Beginnings of keywords for the parts of keepalived that are not ours, and why they have no effect.
    pub(super) foreign: &'static [(&'static str, &'static str)],
}

impl Context {
    /// The keyword called `name`.
    pub(super) fn find(&self, name: &str) -> Option<&'static Keyword> {
        self.keywords.iter().find(|keyword| keyword.name == name)
    }
}

const fn keyword(name: &'static str, shape: Shape, usage: &'static str, support: Support) -> Keyword {
    Keyword { name, shape, usage, support }
}

const fn line(name: &'static str, usage: &'static str) -> Keyword {
    keyword(name, Shape::Line, usage, Support::Full)
}

const fn block(name: &'static str, usage: &'static str) -> Keyword {
    keyword(name, Shape::Block, usage, Support::Full)
}

const fn stock(name: &'static str, why: &'static str) -> Keyword {
    keyword(name, Shape::Either, "...", Support::Stock(why))
}

const fn no_effect(name: &'static str, why: &'static str) -> Keyword {
    keyword(name, Shape::Either, "...", Support::NoEffect(why))
}

/// What `keyword` says, read and checked, and refused: it has no behaviour yet. Whoever adds that takes this away.
const fn planned(keyword: Keyword, way_out: &'static str) -> Keyword {
    Keyword { support: Support::Planned(way_out), ..keyword }
}

/// What `keyword` says, read and checked, with a warning that it does nothing yet.
const fn idle(keyword: Keyword, why: &'static str) -> Keyword {
    Keyword { support: Support::Idle(why), ..keyword }
}

const fn missing(name: &'static str, way_out: &'static str) -> Keyword {
    keyword(name, Shape::Either, "...", Support::Missing(way_out))
}

const LVS: &str = "vrrpd has no LVS; lbd balances the load";
const BFD: &str =
    "vrrpd has no BFD; sub-second `advert_int` with `version 3` and `track_lbd` find failures as fast";
const MAIL: &str = "vrrpd sends no mail; a `notify` script can";
const SOCKETS: &str = "vrrpd sizes its socket buffers itself";
const SNMP: &str = "vrrpd has no SNMP agent; it serves metrics instead";
const DBUS: &str = "vrrpd is not on D-Bus; it serves its state on a socket";
const FIREWALL: &str = "vrrpd makes no firewall tables of this name";
const YIELDS: &str = "a node that was not run for a down interval yields anyway";
const PROCESSES: &str = "vrrpd names its processes itself";
const RELOAD: &str = "every reload is checked first, and a broken file changes nothing";
const LINKS: &str = "link state comes from the kernel's netlink events";

/// Every kind of block, to find where a misplaced keyword belongs.
pub(super) const ALL: &[Context] = &[
    TOP,
    GLOBAL,
    SCRIPT,
    PROCESS,
    FILE,
    INSTANCE,
    AUTHENTICATION,
    HMAC,
    TRACK_LBD,
    GROUP,
    TRACK_GROUP,
    GARP_GROUP,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_keyword_is_listed_twice_in_a_block() {
        for context in ALL.iter().chain(&[ADDRESS, ROUTE, RULE]) {
            let names: BTreeSet<&str> = context.keywords.iter().map(|keyword| keyword.name).collect();
            assert_eq!(names.len(), context.keywords.len(), "{}", context.place);
        }
    }

    #[test]
    fn the_usage_says_how_many_values_there_are() {
        for (usage, min, max) in [
            ("", 0, Some(0)),
            ("NAME", 1, Some(1)),
            ("USER [GROUP]", 1, Some(2)),
            ("NAME ...", 1, None),
            ("...", 0, None),
        ] {
            let keyword = line("x", usage);
            assert_eq!((keyword.min(), keyword.max()), (min, max), "{usage}");
        }
    }

    /// A man page without its markup.
    fn man_page() -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/man/vrrpd.conf.5");
        let page = std::fs::read_to_string(path).expect("the man page is part of the repository");
        page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")
    }

    fn section<'a>(page: &'a str, name: &str) -> BTreeSet<&'a str> {
        let from = page.find(&format!(".SH \"{name}\"")).unwrap_or_else(|| panic!("no section {name}"));
        let text = &page[from + 4..];
        let text = &text[..text.find(".SH ").unwrap_or(text.len())];
        text.split([' ', ',', '\n', '.']).collect()
    }

    #[test]
    fn the_man_page_has_every_keyword() {
        let page = man_page();
        let entries: BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix(".BI \"").or_else(|| line.strip_prefix(".B ")))
            .filter_map(|line| line.split(['"', ' ']).next())
            .collect();
        let not_yet = section(&page, "NOT YET SUPPORTED");
        let without_effect = section(&page, "WITHOUT EFFECT");
        // Routes and rules have words of their own that are other things elsewhere.
        let elsewhere = [ROUTE, RULE];
        let everywhere = || ALL.iter().chain(&[ADDRESS]).chain(&elsewhere);
        let refused = |name: &str| {
            everywhere()
                .filter_map(|context| context.find(name))
                .any(|keyword| matches!(keyword.support, Support::Planned(_) | Support::Missing(_)))
        };
        for context in everywhere() {
            for keyword in context.keywords {
                let (name, place) = (keyword.name, context.place);
                match keyword.support {
                    Support::Full => {
                        assert!(entries.contains(name), "`{name}` {place} has no entry");
                        let listed = not_yet.contains(name) && !refused(name);
                        assert!(!listed, "`{name}` {place} is supported and is listed as not yet");
                    }
                    Support::Planned(_) | Support::Missing(_) => {
                        assert!(not_yet.contains(name), "`{name}` {place} is not listed as not yet");
                    }
                    Support::NoEffect(_) | Support::Stock(_) | Support::Idle(_) => {
                        assert!(without_effect.contains(name), "`{name}` {place} is not listed");
                    }
                }
            }
        }
    }
}
