//! Damaged records. When the store opens they are set aside, with everything that is left of them; those found later stay where
//! they are. In neither case do they take down the server or other functions, and they are reported, never skipped in silence.

use std::{
    collections::{BTreeSet, VecDeque},
    num::NonZero,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use lambda_model::function::{FunctionKey, FunctionRecord};
use rusqlite::{Connection, params};

use crate::{
    StoreError,
    documents::{self, DocumentKey},
    functions::{COLUMNS, Row, decode},
    s3,
    transaction::Change,
};

/// Rows that a thread decodes: what one is worth while for, and few enough that several have something to do.
const PART: usize = 512;

/// Records that are damaged: ARNs of functions, names of documents.
#[derive(Default)]
pub(crate) struct Damaged {
    names: Mutex<BTreeSet<String>>,
}

impl Damaged {
    /// Those that lie in quarantine, and what else is known of damage.
    pub(crate) fn load(connection: &Connection, known: Vec<String>) -> Result<Self, StoreError> {
        let mut statement = connection.prepare("SELECT account_id, region, name, version FROM quarantine")?;
        let functions = statement.query_map([], |row| {
            let key = FunctionKey { account_id: row.get(0)?, region: row.get(1)?, name: row.get(2)? };
            Ok(key.qualified_arn(&row.get::<_, String>(3)?))
        })?;
        let mut statement =
            connection.prepare("SELECT kind, account_id, region, parent, name FROM quarantined_documents")?;
        let documents = statement.query_map([], |row| {
            let key = DocumentKey {
                account_id: row.get(1)?,
                region: row.get(2)?,
                parent: row.get(3)?,
                name: row.get(4)?,
            };
            Ok(documents::describe(&row.get::<_, String>(0)?, &key))
        })?;
        let mut statement = connection.prepare("SELECT id FROM quarantined_s3_events")?;
        let events = statement.query_map([], |row| Ok(s3::describe_event(row.get(0)?)))?;
        let names = known.into_iter().map(Ok).chain(functions).chain(documents).chain(events);
        Ok(Self { names: Mutex::new(names.collect::<Result<_, _>>()?) })
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> Vec<String> {
        self.names().iter().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    /// Reports an error that tells of damage, once.
    pub(crate) fn notice(&self, error: &StoreError) {
        if let StoreError::DamagedFunction { arn: name, .. }
        | StoreError::DamagedDocument { document: name, .. } = error
            && self.names().insert(name.clone())
        {
            tracing::error!(%error, "a record is damaged");
        }
    }

    /// Leaves out what is damaged, and reports it.
    pub(crate) fn leave_out<T>(&self, records: Vec<Result<T, StoreError>>) -> Vec<T> {
        records.into_iter().filter_map(|record| record.inspect_err(|error| self.notice(error)).ok()).collect()
    }

    /// What was deleted, or made anew, is not damaged any more.
    pub(crate) fn forget_changed(&self, changes: &[Change]) {
        if self.is_empty() {
            return;
        }
        let mut names = self.names();
        for change in changes {
            match change {
                Change::FunctionStored(record) => {
                    names.remove(&record.key.qualified_arn(&record.version));
                }
                Change::VersionDeleted(key, version) => {
                    names.remove(&key.qualified_arn(version));
                }
                Change::FunctionDeleted(key) => {
                    let version_of_it = format!("{}:", key.arn());
                    names.retain(|name| !name.starts_with(&version_of_it));
                }
                Change::DocumentStored { kind, key, .. } | Change::DocumentDeleted { kind, key } => {
                    names.remove(&documents::describe(kind, key));
                }
                Change::EverythingDeleted => names.clear(),
            }
        }
    }

    /// Everything was deleted.
    pub(crate) fn forget_all(&self) {
        self.names().clear();
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name with something more.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Where a damaged file goes: beside itself, under the first number that is free.
pub(crate) fn free_name(path: &Path) -> PathBuf {
    beside(path, &format!(".damaged-{}", set_aside(path).count() + 1))
}

/// The damaged files of this name that were set aside, in order.
pub(crate) fn set_aside(path: &Path) -> impl Iterator<Item = PathBuf> {
    let names = (1..).map(|number: u32| beside(path, &format!(".damaged-{number}")));
    names.take_while(|name| name.exists())
}

/// Moves damaged rows out of the way. The functions that are not damaged: whoever comes next need not read them again.
pub(crate) fn set_aside_damaged(connection: &mut Connection) -> Result<Vec<FunctionRecord>, StoreError> {
    let transaction = connection.transaction()?;
    let (functions, damaged) = functions(&transaction)?;
    let damaged = damaged.into_iter().map(|row| ("functions", "quarantine", row));
    let documents =
        damaged_documents(&transaction)?.into_iter().map(|row| ("documents", "quarantined_documents", row));
    for (table, quarantine, (row, error)) in damaged.chain(documents) {
        tracing::error!(%error, "a record is damaged and was set aside");
        transaction.execute(
            &format!("INSERT INTO {quarantine} SELECT * FROM {table} WHERE rowid = ?1"),
            params![row],
        )?;
        transaction.execute(&format!("DELETE FROM {table} WHERE rowid = ?1"), params![row])?;
    }
    transaction.commit()?;
    Ok(functions)
}

/// Rows that are damaged, and how.
type DamagedRows = Vec<(i64, StoreError)>;

fn damaged_documents(connection: &Connection) -> Result<DamagedRows, StoreError> {
    let columns = documents::COLUMNS;
    let mut statement = connection.prepare(&format!("SELECT {columns}, rowid FROM documents"))?;
    let mut rows = statement.query([])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        if let Err(error) = documents::Row::read(row)?.check() {
            damaged.push((row.get("rowid")?, error));
        }
    }
    Ok(damaged)
}

/// All functions, and the rows of those that are damaged. A start waits for it: while this thread reads, others decode what it has.
fn functions(connection: &Connection) -> Result<(Vec<FunctionRecord>, DamagedRows), StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS}, rowid FROM functions"))?;
    let mut rows = statement.query_map([], |row| Ok((row.get("rowid")?, Row::read(row)?)))?;
    let decoders_max = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let (mut decoders, mut decoded) = (VecDeque::new(), Decoded::default());
        loop {
            let part = rows.by_ref().take(PART).collect::<Result<Vec<(i64, Row)>, _>>()?;
            let is_last = part.len() < PART;
            decoders.push_back(scope.spawn(move || decode_part(part)));
            while decoders.len() > if is_last { 0 } else { decoders_max } {
                let first = decoders.pop_front().map(|decoder| decoder.join());
                decoded.extend(first.transpose().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            if is_last {
                return Ok((decoded.functions, decoded.damaged));
            }
        }
    })
}

/// What came of rows.
#[derive(Default)]
struct Decoded {
    functions: Vec<FunctionRecord>,
    damaged: DamagedRows,
}

impl Decoded {
    fn extend(&mut self, part: Option<Decoded>) {
        let part = part.unwrap_or_default();
        self.functions.extend(part.functions);
        self.damaged.extend(part.damaged);
    }
}

fn decode_part(rows: Vec<(i64, Row)>) -> Decoded {
    let mut part = Decoded { functions: Vec::with_capacity(rows.len()), damaged: Vec::new() };
    for (number, row) in rows {
        match decode(&row) {
            Ok(function) => part.functions.push(function),
            Err(error) => part.damaged.push((number, error)),
        }
    }
    part
}

/// Removes what lies in quarantine of a function. Whether there was anything.
pub(crate) fn discard(connection: &Connection, key: &FunctionKey) -> Result<bool, StoreError> {
    let rows = connection.execute(
        "DELETE FROM quarantine WHERE account_id = ?1 AND region = ?2 AND name = ?3",
        params![key.account_id, key.region, key.name],
    )?;
    Ok(rows > 0)
}

/// Removes what lies in quarantine of a document. Whether there was anything.
pub(crate) fn discard_document(
    connection: &Connection,
    kind: &str,
    key: &DocumentKey,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM quarantined_documents
         WHERE kind = ?1 AND account_id = ?2 AND region = ?3 AND parent = ?4 AND name = ?5",
    )?;
    Ok(statement.execute(params![kind, key.account_id, key.region, key.parent, key.name])? > 0)
}
