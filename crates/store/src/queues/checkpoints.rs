//! How far streams are read for their mappings: kept beside what is told of records that are given up, so that one transaction does both.

use rusqlite::{Connection, params};

use super::{QueueTransaction, Queues};
use crate::StoreError;

/// How far somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// UUID of the mapping.
    pub mapping: String,
    /// The shard.
    pub shard: String,
    /// Which of its lanes; `None` for what is known of the shard as a whole.
    pub lane: Option<u32>,
    /// What is kept, JSON.
    pub state: Vec<u8>,
}

/// The lane of what is known of a whole shard.
const WHOLE: i64 = -1;

impl Checkpoint {
    fn lane(&self) -> i64 {
        self.lane.map_or(WHOLE, i64::from)
    }

    fn checksum(&self) -> i64 {
        let mut hasher = crc32fast::Hasher::new();
        for part in [self.mapping.as_bytes(), self.shard.as_bytes(), &self.lane().to_le_bytes(), &self.state]
        {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        i64::from(hasher.finalize())
    }
}

impl Queues {
    /// What is kept for a mapping. What is damaged is left out, and reported: who reads begins anew there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn checkpoints(&self, mapping: &str) -> Result<Vec<Checkpoint>, StoreError> {
        let named = mapping.to_owned();
        let (whole, damaged) = self.read(move |connection| all(connection, &named)).await?;
        damaged.iter().for_each(|shard| self.report_damage(format!("how far {shard} is read for {mapping}")));
        Ok(whole)
    }

    /// The mappings that something is kept for.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn mappings_with_checkpoints(&self) -> Result<Vec<String>, StoreError> {
        let read = |connection: &Connection| {
            let mut statement = connection.prepare_cached("SELECT DISTINCT mapping FROM checkpoints")?;
            let mappings = statement.query_map([], |row| row.get(0))?;
            Ok(mappings.collect::<Result<_, _>>()?)
        };
        self.read(read).await
    }
}

impl QueueTransaction<'_> {
    /// Keeps how far somebody is, over what was kept.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO checkpoints (mapping, shard, lane, state, checksum) VALUES (?1, ?2, ?3, ?4, ?5)";
        let Checkpoint { mapping, shard, state, .. } = checkpoint;
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![mapping, shard, checkpoint.lane(), state, checkpoint.checksum()])?;
        tracing::trace!(target: "crash_point", "queue: a checkpoint is kept");
        Ok(())
    }

    /// Forgets the lanes of a shard, and what is known of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delete_checkpoints(&mut self, mapping: &str, shard: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM checkpoints WHERE mapping = ?1 AND shard = ?2";
        self.connection.prepare_cached(sql)?.execute([mapping, shard])?;
        Ok(())
    }

    /// Forgets everything that is kept for a mapping.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delete_checkpoints_of(&mut self, mapping: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM checkpoints WHERE mapping = ?1")?.execute([mapping])?;
        Ok(())
    }
}

/// What is whole, and the shards of the rest.
fn all(connection: &Connection, mapping: &str) -> Result<(Vec<Checkpoint>, Vec<String>), StoreError> {
    let sql =
        "SELECT CAST(shard AS TEXT), CAST(lane AS INTEGER), CAST(state AS BLOB), CAST(checksum AS INTEGER)
        FROM checkpoints WHERE mapping = ?1 ORDER BY shard, lane";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([mapping])?;
    let (mut whole, mut damaged) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let Ok(shard) = row.get::<_, String>(0) else { continue };
        let lane = u32::try_from(row.get::<_, i64>(1)?).ok();
        let state: Vec<u8> = row.get::<_, Option<_>>(2)?.unwrap_or_default();
        let checkpoint = Checkpoint { mapping: mapping.to_owned(), shard, lane, state };
        match row.get::<_, Option<i64>>(3)? == Some(checkpoint.checksum()) {
            true => whole.push(checkpoint),
            false => damaged.push(checkpoint.shard),
        }
    }
    Ok((whole, damaged))
}
