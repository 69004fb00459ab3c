//! Damaged records. When the store opens they are set aside, with everything that is left of them; those found later stay where
//! they are. In neither case do they take down the server or other functions, and they are reported, never skipped in silence.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lambda_model::function::FunctionKey;
use rusqlite::{Connection, params};

use crate::{
    StoreError,
    functions::{COLUMNS, Row, decode},
};

/// ARNs of functions whose records are damaged.
#[derive(Default)]
pub(crate) struct Damaged {
    arns: Mutex<BTreeSet<String>>,
}

impl Damaged {
    /// Those that lie in quarantine.
    pub(crate) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut statement = connection.prepare("SELECT account_id, region, name, version FROM quarantine")?;
        let rows = statement.query_map([], |row| {
            let key = FunctionKey { account_id: row.get(0)?, region: row.get(1)?, name: row.get(2)? };
            Ok(key.qualified_arn(&row.get::<_, String>(3)?))
        })?;
        Ok(Self { arns: Mutex::new(rows.collect::<Result<_, _>>()?) })
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> Vec<String> {
        self.arns().iter().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.arns().is_empty()
    }

    /// Reports an error that tells of damage, once.
    pub(crate) fn notice(&self, error: &StoreError) {
        if let StoreError::DamagedFunction { arn, .. } = error
            && self.arns().insert(arn.clone())
        {
            tracing::error!(%error, "a function is damaged");
        }
    }

    /// Leaves out what is damaged, and reports it.
    pub(crate) fn leave_out<T>(&self, records: Vec<Result<T, StoreError>>) -> Vec<T> {
        records.into_iter().filter_map(|record| record.inspect_err(|error| self.notice(error)).ok()).collect()
    }

    /// The function was deleted, or made anew: nothing of the damage is left.
    pub(crate) fn forget(&self, key: &FunctionKey) {
        let version_of_it = format!("{}:", key.arn());
        self.arns().retain(|arn| !arn.starts_with(&version_of_it));
    }

    /// Everything was deleted.
    pub(crate) fn forget_all(&self) {
        self.arns().clear();
    }

    fn arns(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.arns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves damaged rows out of the way.
pub(crate) fn set_aside_damaged(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    for (row, error) in damaged_rows(&transaction)? {
        tracing::error!(%error, "a function is damaged and was set aside");
        transaction
            .execute("INSERT INTO quarantine SELECT * FROM functions WHERE rowid = ?1", params![row])?;
        transaction.execute("DELETE FROM functions WHERE rowid = ?1", params![row])?;
    }
    Ok(transaction.commit()?)
}

fn damaged_rows(connection: &Connection) -> Result<Vec<(i64, StoreError)>, StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS}, rowid FROM functions"))?;
    let mut rows = statement.query([])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        if let Err(error) = decode(&Row::read(row)?) {
            damaged.push((row.get("rowid")?, error));
        }
    }
    Ok(damaged)
}

/// Removes what lies in quarantine of a function. Whether there was anything.
pub(crate) fn discard(connection: &Connection, key: &FunctionKey) -> Result<bool, StoreError> {
    let rows = connection.execute(
        "DELETE FROM quarantine WHERE account_id = ?1 AND region = ?2 AND name = ?3",
        params![key.account_id, key.region, key.name],
    )?;
    Ok(rows > 0)
}
