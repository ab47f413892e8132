//! `user` and `group`: what the process may do once its sockets are bound.

use nix::unistd::{Gid, Group, Uid, User, geteuid, setgid, setgroups, setuid};

/// Becomes `user` and `group`. Does nothing when not root: then there is nothing to give up.
///
/// A name that does not exist is a warning, because distributions' stock files name users of a package that need not be
/// installed.
pub(crate) fn drop_to(user: Option<&str>, group: Option<&str>) -> Result<(), Box<dyn std::error::Error>> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let gid = match group {
        Some(name) => found("group", name, group_id(name)?),
        None => None,
    };
    let account = match user {
        Some(name) => found("user", name, user_ids(name)?),
        None => None,
    };
    let gid = gid.or(account.and_then(|(_, gid)| gid));
    if let Some(gid) = gid {
        setgroups(&[gid])?;
        setgid(gid)?;
    }
    if let Some((uid, _)) = account {
        setuid(uid)?;
    }
    Ok(())
}

fn found<T>(kind: &str, name: &str, id: Option<T>) -> Option<T> {
    if id.is_none() {
        tracing::warn!("the {kind} {name} does not exist; going on with the privileges of the caller");
    }
    id
}

fn group_id(name: &str) -> nix::Result<Option<Gid>> {
    if let Ok(number) = name.parse() {
        return Ok(Some(Gid::from_raw(number)));
    }
    Ok(Group::from_name(name)?.map(|g| g.gid))
}

fn user_ids(name: &str) -> nix::Result<Option<(Uid, Option<Gid>)>> {
    if let Ok(number) = name.parse() {
        return Ok(Some((Uid::from_raw(number), None)));
    }
    Ok(User::from_name(name)?.map(|u| (u.uid, Some(u.gid))))
}
