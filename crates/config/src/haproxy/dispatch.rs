//! One line in a section to the handler of its directive, or to what is wrong with it.

use super::directive::{Directive, Prefix};
use super::draft::{Draft, GlobalDraft, Place};
use super::environment::Environment;
use super::keywords::{Action, GROUPS, Keyword, all, named, negatable};
use super::lexer::Word;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::source::Span;

/// The section that a directive is for.
pub(super) enum Target<'a> {
    Global(&'a mut GlobalDraft),
    Draft(&'a mut Draft),
}

impl Target<'_> {
    fn place(&self) -> Place {
        match self {
            Self::Global(_) => Place::Global,
            Self::Draft(draft) => draft.place,
        }
    }
}

/// Finds the directive that the words are, and carries it out.
pub(super) fn directive(
    words: &[Word],
    mut target: Target<'_>,
    env: &dyn Environment,
    diagnostics: &mut Diagnostics,
) {
    let place = target.place();
    let (prefix, first) = match words[0].text.as_str() {
        "no" if words.len() > 1 => (Prefix::No, 1),
        "default" if words.len() > 1 => (Prefix::Default, 1),
        _ => (Prefix::None, 0),
    };
    let word = &words[first];
    let second = words.get(first + 1).filter(|_| GROUPS.contains(&word.text.as_str()));
    let name = second.map_or_else(
        || word.text.clone(),
        |second| {
            // `http-check set-var(check.x)`: arguments in parentheses are no part of the name.
            let second = second.text.split('(').next().unwrap_or_default();
            format!("{} {second}", word.text)
        },
    );
    let arguments = first + 1 + usize::from(second.is_some());

    let here = named(&name).find(|k| k.places.contains(place));
    let errors = diagnostics.0.len();
    if let Some(keyword) = here {
        let at = (first, arguments);
        let mut directive = Directive::new(words, at, keyword.name, prefix, env, diagnostics);
        act(keyword, &mut directive, &mut target);
    } else if let Some(keyword) = elsewhere(&name, place) {
        misplaced(keyword, words, &target, diagnostics);
    } else {
        unknown(word, second, place, diagnostics);
    }
    let failed = diagnostics.0[errors..].iter().any(|d| d.severity == Severity::Error);
    let draft = match target {
        Target::Draft(draft) => draft,
        Target::Global(global) => {
            global.failed_log |= failed && word.text == "log";
            return;
        }
    };
    if failed {
        draft.mark_failed(&word.text);
    } else if let Some(keyword) = here {
        draft.mark(keyword.name, words[0].span.to(words[words.len() - 1].span));
    }
}

/// The entry of that name for other sections; one for proxies rather than for `global` when there are both.
fn elsewhere(name: &str, place: Place) -> Option<&'static Keyword> {
    let proxies = |k: &&Keyword| place != Place::Global && !k.places.contains(Place::Global);
    named(name).find(proxies).or_else(|| named(name).next())
}

/// A directive that exists, in a section that does not know it.
fn misplaced(keyword: &Keyword, words: &[Word], target: &Target<'_>, diagnostics: &mut Diagnostics) {
    let span = words[0].span.to(words[words.len() - 1].span);
    let name = keyword.name;
    let half = match target.place() {
        Place::Backend if keyword.places.contains(Place::Listen) => Some("frontend"),
        // A server that is ignored is an outage; HAProxy refuses these too.
        Place::Frontend if keyword.places.contains(Place::Listen) && !name.contains("server") => {
            Some("backend")
        }
        _ => None,
    };
    if let (Some(half), Target::Draft(draft)) = (half, target) {
        let message = format!("'{name}' is ignored because {} has no {half} side", draft.title());
        diagnostics.push(
            Diagnostic::warning(message, span)
                .label("ignored")
                .help(format!("it belongs in {}", keyword.places.names())),
        );
        return;
    }
    let place = target.place();
    diagnostics.push(
        Diagnostic::error(format!("'{name}' does not belong in '{}'", place.keyword()), span)
            .label(format!("it belongs in {}", keyword.places.names())),
    );
}

fn unknown(word: &Word, second: Option<&Word>, place: Place, diagnostics: &mut Diagnostics) {
    let here = all().filter(|k| k.places.contains(place));
    if GROUPS.contains(&word.text.as_str()) {
        diagnostics.push(unknown_in_group(word, second, place));
        return;
    }
    let names = here.map(|k| k.name).filter(|name| !name.contains(' '));
    let near = nearest(&word.text, names.chain(GROUPS));
    let message = format!("'{}' is not known in '{}'", word.text, place.keyword());
    let label = near.map_or_else(|| "unknown keyword".to_owned(), |near| format!("did you mean '{near}'?"));
    diagnostics.push(Diagnostic::error(message, word.span).label(label));
}

/// `option`, `timeout` and their like, with a second word that is unknown or missing.
fn unknown_in_group(word: &Word, second: Option<&Word>, place: Place) -> Diagnostic {
    let here = all().filter(|k| k.places.contains(place));
    let members: Vec<_> =
        here.filter_map(|k| Some((k.name.strip_prefix(&word.text)?.strip_prefix(' ')?, k.action))).collect();
    let supported: Vec<_> = members
        .iter()
        .filter(|(_, action)| matches!(action, Action::Proxy(_) | Action::Global(_) | Action::Flag(_)))
        .map(|(name, _)| *name)
        .collect();
    let help = |diagnostic: Diagnostic| match supported.is_empty() {
        true => diagnostic,
        false => diagnostic.help(format!("supported are {}", supported.join(", "))),
    };
    let Some(second) = second else {
        let end = Span { start: word.span.end, ..word.span };
        let message = format!("'{}' needs to say what", word.text);
        return help(Diagnostic::error(message, end).label("a word is expected here"));
    };
    let message = format!("there is no '{} {}' in '{}'", word.text, second.text, place.keyword());
    let diagnostic = Diagnostic::error(message, second.span);
    match nearest(&second.text, members.iter().map(|(name, _)| *name)) {
        Some(near) => diagnostic.label(format!("did you mean '{near}'?")),
        None => help(diagnostic.label("not known here")),
    }
}

fn act(keyword: &Keyword, directive: &mut Directive<'_>, target: &mut Target<'_>) {
    let name = keyword.name;
    if directive.prefix != Prefix::None && !negatable(name) {
        let word = if directive.prefix == Prefix::No { "no" } else { "default" };
        let message = format!("'{word}' cannot stand before '{name}'");
        let span = directive.line();
        directive.diagnostics.push(
            Diagnostic::error(message, span).label("only options and 'log' can be turned off this way"),
        );
        return;
    }
    match (keyword.action, target) {
        (Action::Global(handler), Target::Global(global)) => {
            handler(global, directive);
        }
        (Action::Proxy(handler), Target::Draft(draft)) => {
            handler(draft, directive);
        }
        (Action::Flag(flag), Target::Draft(draft)) => {
            if directive.finish().is_some() {
                *flag(draft) = directive.prefix == Prefix::None;
            }
        }
        (Action::NoEffect(why), _) => {
            let span = directive.line();
            directive.no_effect(&format!("'{name}'"), span, why);
        }
        (Action::NotYet(supported), _) => {
            // `no option x` asks for what is the case anyway.
            if directive.prefix == Prefix::None {
                let span = directive.span();
                directive.not_yet::<()>(&format!("'{name}'"), span, supported);
            }
        }
        (Action::Removed(replacement), _) => {
            let span = directive.span();
            directive.diagnostics.push(
                Diagnostic::error(format!("'{name}' was removed from HAProxy"), span)
                    .label("no longer exists")
                    .help(replacement),
            );
        }
        // The table's places keep global handlers in `global` and the others out of it; a test holds that.
        (Action::Silent | Action::Global(_) | Action::Proxy(_) | Action::Flag(_), _) => {}
    }
}
