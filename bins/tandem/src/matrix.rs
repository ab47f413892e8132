//! `tandem lab --matrix`.

use crate::progress::Progress;
use lab::matrix::{Cell, Matrix, Run, cells, play};
use lab::report::Machine;
use lab::{Cancel, Error};
use std::collections::VecDeque;
use std::fs;
use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// What was asked for.
pub(crate) struct Order<'a> {
    /// Cells, configurations or events; empty for all.
    pub(crate) only: &'a [String],
    /// Runs of each cell.
    pub(crate) runs: u32,
    /// Networks at a time.
    pub(crate) jobs: u32,
    pub(crate) json: bool,
    pub(crate) markdown: Option<&'a Path>,
}

/// One run that is to be played.
struct Turn {
    cell: Cell,
    phase: f64,
}

/// Plays the matrix; the exit code tells whether every median of ours is at most keepalived's.
pub(crate) fn run(order: &Order<'_>, bin_dir: &Path, cancel: &Cancel) -> Result<ExitCode, Error> {
    let cells = order.cells()?;
    let phases: Vec<f64> =
        (0..order.runs).map(|run| (f64::from(run) + 0.5) / f64::from(order.runs)).collect();
    let turns = cells.iter().flat_map(|&cell| phases.iter().map(move |&phase| Turn { cell, phase }));
    let turns: VecDeque<Turn> = turns.collect();
    let all = turns.len();
    let (turns, runs) = (Mutex::new(turns), Mutex::new(Vec::new()));
    let progress = Progress::start();
    progress.doing(&format!("plays {all} runs, {} at a time", order.jobs));
    thread::scope(|scope| {
        for _ in 0..order.jobs {
            scope.spawn(|| {
                loop {
                    // In a statement of its own: the others must not wait for this run's end.
                    let turn = lock(&turns).pop_front();
                    let Some(Turn { cell, phase }) = turn.filter(|_| !cancel.is_cancelled()) else { return };
                    let result = play(&cell, phase, bin_dir, None, cancel).map_err(|error| error.to_string());
                    let mut runs = lock(&runs);
                    runs.push(Run { cell, result });
                    let (done, name) = (runs.len(), cell.name());
                    progress.doing(&format!("[{done}/{all}] {name} ({})", cell.router.process()));
                }
            });
        }
    });
    drop(progress);
    if cancel.is_cancelled() {
        return Err(Error::Interrupted);
    }
    let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Runs end in any order; the table has one.
    runs.sort_by_key(|run| cells.iter().position(|cell| *cell == run.cell));
    let matrix = Matrix { machine: Machine::here(), runs };
    order.show(&matrix)
}

impl Order<'_> {
    fn cells(&self) -> Result<Vec<Cell>, Error> {
        for word in self.only {
            if !cells().iter().any(|cell| cell.is_called(word)) {
                return Err(Error::UnknownScenario(word.clone()));
            }
        }
        let wanted = |cell: &Cell| self.only.is_empty() || self.only.iter().any(|word| cell.is_called(word));
        Ok(cells().into_iter().filter(wanted).collect())
    }

    fn show(&self, matrix: &Matrix) -> Result<ExitCode, Error> {
        let markdown = matrix.markdown();
        if let Some(path) = self.markdown {
            let path = PathBuf::from(path);
            fs::write(&path, &markdown).map_err(|source| Error::File { path, source })?;
        }
        let mut out = stdout().lock();
        if self.json {
            writeln!(out, "{}", matrix.json()?)?;
        } else {
            write!(out, "{markdown}")?;
            for complaint in matrix.complaints() {
                writeln!(out, "{complaint}")?;
            }
        }
        Ok(if matrix.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
