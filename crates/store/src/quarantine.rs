//! Damaged records. When the store opens they are set aside, with everything that is left of them; those found later stay where
//! they are. In neither case do they take down the server or other functions, and they are reported, never skipped in silence.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    num::NonZero,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use lambda_model::function::FunctionKey;
use rusqlite::{Connection, params};

use crate::{
    StoreError,
    documents::{self, DocumentKey},
    functions::{COLUMNS, Row, decode, references},
    s3,
    transaction::{Change, CommitObserver},
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

/// Moves damaged rows out of the way, and tells of the functions that are not damaged. The packages that these name: whoever comes next
/// need not read them again.
pub(crate) fn set_aside_damaged(
    connection: &mut Connection,
    observer: &dyn CommitObserver,
) -> Result<HashSet<String>, StoreError> {
    let transaction = connection.transaction()?;
    let (packages, damaged) = functions(&transaction, observer)?;
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
    Ok(packages)
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

/// Packages that functions name, and the rows of those that are damaged. A start waits for it: while this thread reads, others decode what
/// it has and tell of it.
fn functions(
    connection: &Connection,
    observer: &dyn CommitObserver,
) -> Result<(HashSet<String>, DamagedRows), StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS}, rowid FROM functions"))?;
    let mut rows = statement.query([])?;
    let decoders_max = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let (mut decoders, mut decoded) = (VecDeque::new(), Decoded::default());
        let mut part = Part::default();
        loop {
            part.read(&mut rows)?;
            let is_last = part.length < PART;
            decoders.push_back(scope.spawn(move || part.decode(observer)));
            part = Part::default();
            while decoders.len() > if is_last { 0 } else { decoders_max } {
                let first = decoders.pop_front().map(|decoder| decoder.join());
                let first = first.transpose().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                part = decoded.extend(first.unwrap_or_default());
            }
            if is_last {
                return Ok((decoded.packages, decoded.damaged));
            }
        }
    })
}

/// Rows that a thread decodes, with their numbers; those behind its length are of another time, and only their memory counts.
#[derive(Default)]
struct Part {
    rows: Vec<(i64, Row)>,
    length: usize,
}

/// What came of rows.
#[derive(Default)]
struct Decoded {
    packages: HashSet<String>,
    damaged: DamagedRows,
}

impl Part {
    /// As many as there are and fit.
    fn read(&mut self, rows: &mut rusqlite::Rows<'_>) -> Result<(), StoreError> {
        self.length = 0;
        while self.length < PART
            && let Some(row) = rows.next()?
        {
            if self.rows.len() == self.length {
                self.rows.push(Default::default());
            }
            let (number, place) = &mut self.rows[self.length];
            *number = row.get("rowid")?;
            place.read_again(row)?;
            self.length += 1;
        }
        Ok(())
    }

    fn decode(self, observer: &dyn CommitObserver) -> (Decoded, Self) {
        let mut decoded = Decoded::default();
        for (number, row) in &self.rows[..self.length] {
            match decode(row) {
                Ok(function) => {
                    for package in references(&function) {
                        if !decoded.packages.contains(package) {
                            decoded.packages.insert(package.to_owned());
                        }
                    }
                    observer.found(function);
                }
                Err(error) => decoded.damaged.push((*number, error)),
            }
        }
        (decoded, self)
    }
}

impl Decoded {
    /// The rows of the part, for others.
    fn extend(&mut self, (decoded, part): (Decoded, Part)) -> Part {
        self.packages.extend(decoded.packages);
        self.damaged.extend(decoded.damaged);
        part
    }
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
