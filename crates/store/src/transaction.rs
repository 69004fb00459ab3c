//! Changes: whatever is read and written in one transaction happens wholly or not at all, and nobody else changes it meanwhile.

use lambda_model::function::{FunctionKey, FunctionRecord};
use rusqlite::Connection;

use crate::{
    Document, DocumentKey, DocumentRange, Store, StoreError,
    documents::{self, Deleted},
    functions, quarantine,
};

/// A committed change.
#[derive(Debug, Clone)]
pub enum Change {
    /// A version of a function was created or changed, and is now so.
    FunctionStored(Box<FunctionRecord>),
    /// A published version is gone.
    VersionDeleted(FunctionKey, String),
    /// A function is gone, with its versions and all documents that belong to it.
    FunctionDeleted(FunctionKey),
    /// Everything is gone, functions first.
    EverythingDeleted,
    /// A document was created or changed.
    DocumentStored {
        /// Its kind.
        kind: String,
        /// Which of them.
        key: DocumentKey,
        /// As it is now, in JSON.
        document: Vec<u8>,
    },
    /// A document is gone.
    DocumentDeleted {
        /// Its kind.
        kind: String,
        /// Which of them.
        key: DocumentKey,
    },
}

/// Learns of each committed change: on the writer's thread, in the order of the commits, before whoever asked for the change is
/// answered, and also when they no longer wait.
pub trait CommitObserver: Send + Sync {
    /// It is on disk.
    fn committed(&self, change: &Change);

    /// A version of a function was there when the store was opened, which reads all of them anyway. Several threads tell at a time, of each
    /// once and before anything is written.
    fn found(&self, record: FunctionRecord) {
        drop(record);
    }
}

/// Reads and writes on the writer's thread.
pub struct Transaction<'a> {
    connection: &'a Connection,
    changes: Vec<Change>,
    releases_code: bool,
}

impl Store {
    /// Runs `change` in a transaction. An error of its own leaves everything as it was.
    ///
    /// # Errors
    /// Its own, or that nothing could be made durable.
    pub async fn transact<T, E>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let observer = self.observer();
        let job = move |connection: &Connection| run(connection, change);
        let outcome = self.writer().write(job, move |outcome: &Outcome<T, E>| {
            outcome.changes.iter().for_each(|change| observer.committed(change));
        });
        let outcome = outcome.await.inspect_err(|error| self.damaged_records().notice(error))?;
        self.damaged_records().forget_changed(&outcome.changes);
        if outcome.releases_code {
            self.collect_garbage().await;
        }
        outcome.result
    }
}

struct Outcome<T, E> {
    result: Result<T, E>,
    changes: Vec<Change>,
    releases_code: bool,
}

fn run<T, E: From<StoreError>>(
    connection: &Connection,
    change: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
) -> Result<Outcome<T, E>, StoreError> {
    let mut transaction = Transaction { connection, changes: Vec::new(), releases_code: false };
    connection.execute_batch("SAVEPOINT change")?;
    let result = change(&mut transaction);
    if result.is_err() {
        connection.execute_batch("ROLLBACK TO change; RELEASE change")?;
        return Ok(Outcome { result, changes: Vec::new(), releases_code: false });
    }
    connection.execute_batch("RELEASE change")?;
    let Transaction { changes, releases_code, .. } = transaction;
    Ok(Outcome { result, changes, releases_code })
}

impl Transaction<'_> {
    /// Whether there is anything of a function, damaged or not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn function_exists(&self, key: &FunctionKey) -> Result<bool, StoreError> {
        functions::exists(self.connection, key)
    }

    /// A version of a function.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn function(&self, key: &FunctionKey, version: &str) -> Result<Option<FunctionRecord>, StoreError> {
        functions::read(self.connection, key, version)
    }

    /// Every version of a function, `$LATEST` first, then in the order of their numbers.
    ///
    /// # Errors
    /// When they cannot be read, or one is damaged.
    pub fn versions(&self, key: &FunctionKey) -> Result<Vec<FunctionRecord>, StoreError> {
        functions::read_versions(self.connection, key)
    }

    /// The `$LATEST` of every function of an account in a Region. Damaged ones are left out.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn functions(&self, account_id: &str, region: &str) -> Result<Vec<FunctionRecord>, StoreError> {
        let records = functions::read_latest(self.connection, account_id, region, "", usize::MAX)?;
        Ok(records.into_iter().filter_map(Result::ok).collect())
    }

    /// Stores a version of a function, over what was there, also over what lies in quarantine of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_function(&mut self, record: &FunctionRecord) -> Result<(), StoreError> {
        let before = functions::read(self.connection, &record.key, &record.version);
        match before {
            Ok(Some(before)) => self.releases_code |= functions::releases(&before, record),
            Ok(None) => drop(quarantine::discard(self.connection, &record.key)?),
            Err(_) => self.releases_code = true,
        }
        functions::write(self.connection, record)?;
        self.changes.push(Change::FunctionStored(Box::new(record.clone())));
        Ok(())
    }

    /// Deletes one version. False when there was none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_version(&mut self, key: &FunctionKey, version: &str) -> Result<bool, StoreError> {
        let existed = functions::delete(self.connection, key, Some(version))?;
        if existed {
            self.releases_code = true;
            self.changes.push(Change::VersionDeleted(key.clone(), version.to_owned()));
        }
        Ok(existed)
    }

    /// Deletes a function: all versions, what belongs to it, and what lies in quarantine of it. False when there was none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_function(&mut self, key: &FunctionKey) -> Result<bool, StoreError> {
        let was_damaged = quarantine::discard(self.connection, key)?;
        documents::delete_of_function(self.connection, key)?;
        let existed = functions::delete(self.connection, key, None)? || was_damaged;
        if existed {
            self.releases_code = true;
            self.changes.push(Change::FunctionDeleted(key.clone()));
        }
        Ok(existed)
    }

    /// Deletes what belongs to one qualifier of a function: a version's or an alias's policy, its configurations, the alias itself.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_documents_of_qualifier(
        &mut self,
        key: &FunctionKey,
        qualifier: &str,
    ) -> Result<(), StoreError> {
        let key = DocumentKey {
            account_id: key.account_id.clone(),
            region: key.region.clone(),
            parent: key.name.clone(),
            name: qualifier.to_owned(),
        };
        for kind in documents::delete_of_qualifier(self.connection, &key)? {
            self.changes.push(Change::DocumentDeleted { kind, key: key.clone() });
        }
        Ok(())
    }

    /// A document.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn document<D: Document>(&self, key: &DocumentKey) -> Result<Option<D>, StoreError> {
        documents::get(self.connection, key)
    }

    /// Documents in order. Damaged ones are left out.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn documents<D: Document>(&self, range: &DocumentRange) -> Result<Vec<(DocumentKey, D)>, StoreError> {
        Ok(documents::list(self.connection, range)?.into_iter().filter_map(Result::ok).collect())
    }

    /// Stores a document, over the one of the same key.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_document<D: Document>(&mut self, key: &DocumentKey, document: &D) -> Result<(), StoreError> {
        quarantine::discard_document(self.connection, D::KIND, key)?;
        // The one before may have kept another package.
        self.releases_code |= document.code().is_some();
        let bytes = documents::put(self.connection, key, document)?;
        self.changes.push(Change::DocumentStored {
            kind: D::KIND.to_owned(),
            key: key.clone(),
            document: bytes,
        });
        Ok(())
    }

    /// Deletes a document. False when there was none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_document<D: Document>(&mut self, key: &DocumentKey) -> Result<bool, StoreError> {
        let was_damaged = quarantine::discard_document(self.connection, D::KIND, key)?;
        let Deleted { existed, kept_code } = documents::delete(self.connection, D::KIND, key)?;
        self.releases_code |= kept_code || was_damaged;
        if existed || was_damaged {
            self.changes.push(Change::DocumentDeleted { kind: D::KIND.to_owned(), key: key.clone() });
        }
        Ok(existed || was_damaged)
    }
}

#[cfg(test)]
mod tests;
