//! Reads, and changes that happen wholly or not at all.

use std::{collections::HashSet, ops::Deref};

use rusqlite::Connection;

use super::{
    events,
    files::{NewObjectFile, ObjectFiles},
    records::{BucketRecord, ObjectRecord, PartRecord, UploadRecord},
    rows,
    scan::{self, Listing, Scan, UploadPage, VersionPage},
};
use crate::{Store, StoreError};

/// Reads a consistent state.
pub struct S3Reader<'a> {
    connection: &'a Connection,
}

/// Reads and changes on the writer's thread.
pub struct S3Transaction<'a> {
    reader: S3Reader<'a>,
    released: Vec<String>,
    kept: Vec<NewObjectFile>,
    has_events: bool,
}

impl Store {
    /// The files of S3.
    #[must_use]
    pub fn object_files(&self) -> ObjectFiles {
        self.files_of_s3().clone()
    }

    /// Reads what S3 keeps.
    ///
    /// # Errors
    /// Of `read`, or that the database refuses.
    pub async fn read_s3<T, E>(
        &self,
        read: impl FnOnce(&S3Reader<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.read(move |connection| Ok(read(&S3Reader { connection }))).await?
    }

    /// Changes what S3 keeps. An error of `change` leaves everything as it was. Files that no row names any more are removed afterwards.
    ///
    /// # Errors
    /// Of `change`, or that nothing could be made durable.
    pub async fn change_s3<T, E>(
        &self,
        change: impl FnOnce(&mut S3Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let job = move |connection: &Connection| run(connection, change);
        let events = self.object_events();
        let committed = move |ran: &Ran<T, E>| {
            if ran.has_events {
                events.notify_one();
            }
        };
        let Ran { result, released, .. } = self.writer().write(job, committed).await?;
        if !released.is_empty() {
            let files = self.object_files();
            let _ = tokio::task::spawn_blocking(move || files.remove(&released)).await;
        }
        result
    }

    /// Removes files that no row names: what a crash left.
    pub(crate) fn sweep_object_files(&self) -> Result<(), StoreError> {
        let named: HashSet<String> = self.read_now(rows::files)?.into_iter().collect();
        self.files_of_s3().sweep(&named)
    }
}

/// What a change gave, the files that no row names any more, and whether something happened that is to be handed over.
struct Ran<T, E> {
    result: Result<T, E>,
    released: Vec<String>,
    has_events: bool,
}

fn run<T, E: From<StoreError>>(
    connection: &Connection,
    change: impl FnOnce(&mut S3Transaction<'_>) -> Result<T, E>,
) -> Result<Ran<T, E>, StoreError> {
    connection.execute_batch("SAVEPOINT s3")?;
    let mut transaction = S3Transaction {
        reader: S3Reader { connection },
        released: Vec::new(),
        kept: Vec::new(),
        has_events: false,
    };
    let result = change(&mut transaction);
    if result.is_err() {
        connection.execute_batch("ROLLBACK TO s3; RELEASE s3")?;
        return Ok(Ran { result, released: Vec::new(), has_events: false });
    }
    connection.execute_batch("RELEASE s3")?;
    let S3Transaction { released, kept, has_events, .. } = transaction;
    kept.into_iter().for_each(NewObjectFile::keep);
    Ok(Ran { result, released, has_events })
}

fn files_of(record: &ObjectRecord) -> impl Iterator<Item = String> {
    record.content.iter().flat_map(|content| &content.segments).map(|segment| segment.file.clone())
}

impl S3Reader<'_> {
    /// A bucket, whoever owns it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn bucket(&self, name: &str) -> Result<Option<BucketRecord>, StoreError> {
        rows::bucket(self.connection, name)
    }

    /// The buckets of an account, by name.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn buckets(&self, account_id: &str) -> Result<Vec<BucketRecord>, StoreError> {
        rows::buckets(self.connection, account_id)
    }

    /// A version of an object; the newest when none is named. It may be a delete marker.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn object(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Option<ObjectRecord>, StoreError> {
        rows::object(self.connection, bucket, key, version_id)
    }

    /// A page of current objects.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn current_objects(&self, scan: &Scan) -> Result<Listing<ObjectRecord>, StoreError> {
        scan::current_objects(self.connection, scan)
    }

    /// A page of versions and delete markers.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn versions(&self, scan: &Scan) -> Result<VersionPage, StoreError> {
        scan::versions(self.connection, scan)
    }

    /// A page of uploads.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn uploads(&self, scan: &Scan) -> Result<UploadPage, StoreError> {
        scan::uploads(self.connection, scan)
    }

    /// A multipart upload that goes on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
    ) -> Result<Option<UploadRecord>, StoreError> {
        rows::upload(self.connection, bucket, key, upload_id)
    }

    /// Every part of an upload, by number.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn parts(&self, upload_id: &str) -> Result<Vec<PartRecord>, StoreError> {
        rows::parts(self.connection, upload_id)
    }
}

impl<'a> Deref for S3Transaction<'a> {
    type Target = S3Reader<'a>;

    fn deref(&self) -> &S3Reader<'a> {
        &self.reader
    }
}

impl S3Transaction<'_> {
    /// The file is named by a row of this transaction: it stays if the transaction does.
    pub fn keep_file(&mut self, file: NewObjectFile) {
        self.kept.push(file);
    }

    /// Stores a bucket, over what was there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_bucket(&mut self, record: &BucketRecord) -> Result<(), StoreError> {
        rows::put_bucket(self.connection, record)
    }

    /// Deletes a bucket and the uploads into it. It must hold no objects.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_bucket(&mut self, name: &str) -> Result<(), StoreError> {
        let scan = Scan { bucket: name.to_owned(), limit: usize::MAX, ..Scan::default() };
        for line in self.uploads(&scan)?.lines {
            if let scan::Listed::One(upload) = line {
                self.delete_upload(name, &upload, &HashSet::new())?;
            }
        }
        self.connection.execute("DELETE FROM s3_buckets WHERE name = ?1", [name])?;
        Ok(())
    }

    /// Stores a new version. One of the same id goes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_object(&mut self, bucket: &str, record: &ObjectRecord) -> Result<(), StoreError> {
        if let Some(before) = self.object(bucket, &record.key, Some(&record.version_id))? {
            self.delete_object(bucket, &before)?;
        }
        rows::insert_object(self.connection, bucket, record)
    }

    /// Stores what was changed of a version, without its bytes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn update_object(&mut self, bucket: &str, record: &ObjectRecord) -> Result<(), StoreError> {
        rows::update_object(self.connection, bucket, record)
    }

    /// Deletes a version for good.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_object(&mut self, bucket: &str, record: &ObjectRecord) -> Result<(), StoreError> {
        rows::delete_object(self.connection, bucket, record)?;
        self.released.extend(files_of(record));
        Ok(())
    }

    /// Begins a multipart upload.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_upload(&mut self, bucket: &str, record: &UploadRecord) -> Result<(), StoreError> {
        rows::put_upload(self.connection, bucket, record)
    }

    /// Stores a part, over the one of the same number.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_part(&mut self, upload_id: &str, record: &PartRecord) -> Result<(), StoreError> {
        self.released.extend(rows::part_file(self.connection, upload_id, record.number)?);
        rows::put_part(self.connection, upload_id, record)
    }

    /// Ends an upload. The files of its parts go, but for those in `kept`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_upload(
        &mut self,
        bucket: &str,
        upload: &UploadRecord,
        kept: &HashSet<String>,
    ) -> Result<(), StoreError> {
        let parts = self.parts(&upload.upload_id)?;
        self.released.extend(parts.into_iter().map(|part| part.file).filter(|file| !kept.contains(file)));
        rows::delete_upload(self.connection, bucket, upload)
    }

    /// Puts down what happened: it is handed over once this transaction is on disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_event(&mut self, event: &[u8]) -> Result<(), StoreError> {
        events::insert(self.connection, event)?;
        self.has_events = true;
        tracing::trace!(target: "crash_point", "s3: an event is put down");
        Ok(())
    }

    /// Deletes everything that S3 keeps.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn delete_everything(&mut self) -> Result<(), StoreError> {
        self.released.extend(rows::files(self.connection)?);
        let sql = "DELETE FROM s3_parts; DELETE FROM s3_uploads; DELETE FROM s3_objects; DELETE FROM s3_buckets; DELETE FROM s3_events";
        self.connection.execute_batch(sql)?;
        Ok(())
    }
}
