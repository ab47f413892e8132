//! What a process of the lab writes down: one JSON value a line, read while it grows.

use crate::error::Error;
use crate::node::Node;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The reader's side.
#[derive(Debug)]
pub struct Record<T> {
    path: PathBuf,
    offset: u64,
    items: Vec<T>,
}

impl<T: DeserializeOwned> Record<T> {
    /// An empty record in the lab's directory, for a process of `node` to fill.
    pub(crate) fn create(node: &Node, what: &str) -> Result<Self, Error> {
        let path = node.dir().join(format!("{}.{what}", node.name()));
        File::create(&path).map_err(Error::file(&path))?;
        Ok(Self { path, offset: 0, items: Vec::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All that was written so far.
    pub fn read(&mut self) -> Result<&[T], Error> {
        let fail = || Error::file(&self.path);
        let mut file = File::open(&self.path).map_err(fail())?;
        file.seek(SeekFrom::Start(self.offset)).map_err(fail())?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(fail())?;
        // The last line may be half written.
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..complete].lines() {
            self.items.push(serde_json::from_str(line).map_err(|error| fail()(error.into()))?);
        }
        self.offset += complete as u64;
        Ok(&self.items)
    }
}

/// The writer's side: each value goes out at once.
pub(crate) struct Recorder(File);

impl Recorder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        File::options().append(true).open(path).map(Self)
    }

    pub(crate) fn write<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}
