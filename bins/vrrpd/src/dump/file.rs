//! Files that others read while they are written anew.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Puts `bytes` into a file of this name: readers see the old contents or the new, whole. A link of this name is replaced,
/// not followed, and so nobody who may write to the directory can send the contents elsewhere. A directory that is missing
/// is made, one level deep.
pub(super) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let (temporary, mut file) = temporary(path, mode)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What is half written is of no use to anybody.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A new file beside `path`: made here, never one that was there.
fn temporary(path: &Path, mode: u32) -> io::Result<(PathBuf, fs::File)> {
    const ATTEMPTS: u32 = 100;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    for attempt in 0..ATTEMPTS {
        let candidate = path.with_file_name(format!(".{name}.{}.{attempt}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&candidate) {
            Ok(file) => return Ok((candidate, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn a_link_is_replaced_and_not_followed() {
        let directory = std::env::temp_dir().join(format!("vrrpd-dump-test-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        let (file, victim) = (directory.join("keepalived.json"), directory.join("victim"));
        replace(&file, b"old", 0o600).unwrap();
        fs::write(&victim, "precious").unwrap();
        fs::remove_file(&file).unwrap();
        symlink(&victim, &file).unwrap();
        // And one where the temporary file would be.
        let first = directory.join(format!(".keepalived.json.{}.0", std::process::id()));
        symlink(&victim, &first).unwrap();

        replace(&file, b"new", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        let metadata = fs::symlink_metadata(&file).unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.mode() & 0o777, 0o600);
        let left: Vec<_> =
            fs::read_dir(&directory).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left.len(), 3, "{left:?}");
        fs::remove_dir_all(directory).unwrap();
    }
}
