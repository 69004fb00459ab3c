//! Damaged records: set aside when the store opens, with everything that is left of them, so that one of them takes down neither
//! the server nor the others. They are reported, never skipped in silence.

use lambda_model::function::FunctionKey;
use rusqlite::{Connection, params};

use crate::{StoreError, functions::decode};

/// Moves damaged rows out of the way. The ARNs of all that was ever moved, newest last.
pub(crate) fn set_aside_damaged(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let transaction = connection.transaction()?;
    for row in damaged_rows(&transaction)? {
        tracing::error!(row, "a function's record is damaged and was set aside");
        transaction
            .execute("INSERT INTO quarantine SELECT * FROM functions WHERE rowid = ?1", params![row])?;
        transaction.execute("DELETE FROM functions WHERE rowid = ?1", params![row])?;
    }
    let arns = arns(&transaction)?;
    transaction.commit()?;
    Ok(arns)
}

fn damaged_rows(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare("SELECT rowid, document, checksum FROM functions")?;
    let mut rows = statement.query([])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        if decode(&(row.get(1)?, row.get(2)?)).is_err() {
            damaged.push(row.get(0)?);
        }
    }
    Ok(damaged)
}

fn arns(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("SELECT account_id, region, name, version FROM quarantine")?;
    let rows = statement.query_map([], |row| {
        let key = FunctionKey { account_id: row.get(0)?, region: row.get(1)?, name: row.get(2)? };
        Ok(key.qualified_arn(&row.get::<_, String>(3)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
