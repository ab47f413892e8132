//! `stats …` of proxies. Any of them turns the page on.

use crate::diagnostic::Diagnostic;
use crate::haproxy::directive::Directive;
use crate::haproxy::draft::Draft;
use crate::haproxy::keywords::{Action, DFLB, FLB, Keyword, keyword};
use crate::haproxy::units::TimeUnit;

pub(super) static TABLE: &[Keyword] = &[
    keyword("stats admin", FLB, Action::Proxy(admin)),
    keyword("stats auth", DFLB, Action::Proxy(auth)),
    keyword("stats enable", DFLB, Action::Proxy(switch)),
    keyword("stats hide-version", DFLB, Action::Proxy(switch)),
    keyword("stats http-request", FLB, Action::NotYet("'stats auth USER:PASSWORD' protects the page")),
    keyword("stats realm", DFLB, Action::Proxy(realm)),
    keyword("stats refresh", DFLB, Action::Proxy(refresh)),
    keyword("stats scope", DFLB, Action::Proxy(scope)),
    keyword("stats show-desc", DFLB, Action::Proxy(show_desc)),
    keyword("stats show-legends", DFLB, Action::Proxy(switch)),
    keyword("stats show-modules", DFLB, Action::Proxy(switch)),
    keyword("stats show-node", DFLB, Action::Proxy(show_node)),
    keyword("stats show-version", DFLB, Action::Proxy(switch)),
    keyword("stats uri", DFLB, Action::Proxy(uri)),
];

fn switch(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    line.finish()?;
    let stats = draft.stats();
    match line.name {
        "stats hide-version" => stats.hide_version = true,
        "stats show-version" => stats.hide_version = false,
        "stats show-legends" => stats.show_legends = true,
        "stats show-modules" => stats.show_modules = true,
        _ => {}
    }
    Some(())
}

fn uri(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let word = line.expect("a path")?;
    line.finish()?;
    draft.stats().uri.clone_from(&word.text);
    Some(())
}

fn realm(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let word = line.expect("a text")?;
    if line.peek().is_some() {
        let rest = line.rest();
        let span = rest[0].span.to(rest[rest.len() - 1].span);
        let diagnostic = Diagnostic::error("'stats realm' takes one word", span);
        return line.fail(diagnostic.label("not part of the realm").help("put the realm in quotes"));
    }
    draft.stats().realm.clone_from(&word.text);
    Some(())
}

fn refresh(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let time = line.time("a time", TimeUnit::Seconds)?;
    line.finish()?;
    draft.stats().refresh = Some(time).filter(|time| !time.is_zero());
    Some(())
}

fn auth(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let word = line.expect("USER:PASSWORD")?;
    line.finish()?;
    let Some((user, password)) = word.text.split_once(':').filter(|(user, _)| !user.is_empty()) else {
        let diagnostic = Diagnostic::error("'stats auth' needs a user and a password", word.span);
        return line.fail(diagnostic.label("USER:PASSWORD expected"));
    };
    draft.stats().auth.push((user.to_owned(), password.to_owned()));
    Some(())
}

fn admin(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let word = line.expect("'if TRUE'")?;
    if word.text != "if" && word.text != "unless" {
        let diagnostic = Diagnostic::error(format!("'stats admin' does not take '{}'", word.text), word.span);
        return line.fail(diagnostic.label("'if TRUE' expected"));
    }
    let condition = line.rest();
    let Some((first, last)) = condition.first().zip(condition.last()) else {
        return line.expect("a condition").map(|_| ());
    };
    let literal: Vec<_> = condition.iter().map(|word| word.text.as_str()).collect();
    draft.stats().admin = match (word.text.as_str(), literal.as_slice()) {
        ("if", ["TRUE"]) | ("unless", ["FALSE"]) => true,
        ("if", ["FALSE"]) | ("unless", ["TRUE"]) => false,
        _ => {
            let help = "'stats admin if TRUE' allows changes to whoever may see the page: add 'stats auth'";
            return line.not_yet(
                "a condition of 'stats admin'",
                word.span.to(first.span.to(last.span)),
                help,
            );
        }
    };
    Some(())
}

fn scope(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let word = line.expect("the name of a proxy, or '.' for this one")?;
    line.finish()?;
    draft.stats().scope.push(word.text.clone());
    Some(())
}

fn show_node(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let name = line.next().map(|word| word.text.clone());
    line.finish()?;
    // Without a name it is the node's own, which is filled in when `global` is complete.
    draft.stats().show_node = Some(name.unwrap_or_default());
    Some(())
}

fn show_desc(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let words: Vec<_> = line.rest().iter().map(|word| word.text.as_str()).collect();
    draft.stats().show_desc = Some(words.join(" "));
    Some(())
}
