//! SQLite: the embedded database of a single node.
//!
//! One connection writes and a few read, so that nobody waits for a lock. The
//! process is the database's only user, and its clock is the database's clock.

mod jobs;
mod rows;
mod units;
mod work;

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Timestamp;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{SqlStr, Sqlite, Transaction};

use crate::{Clock, StoreError};

/// How long a statement waits for another process that looks into the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;

/// The steps from an empty file to the schema of this version. None is ever
/// changed: files out there have gone through them.
const MIGRATIONS: &[(&str, &str)] = &[
    ("jobs", include_str!("../../migrations/sqlite/0001_jobs.sql")),
    ("untranslated", include_str!("../../migrations/sqlite/0002_untranslated.sql")),
];

/// Jobs and units in one SQLite file.
pub struct SqliteStore {
    writer: SqlitePool,
    reader: SqlitePool,
    clock: Clock,
    // Held as long as the store lives: two servers on one file would each
    // believe the other's leases void.
    _lock: File,
}

impl SqliteStore {
    /// Opens the database at `path`, makes it if there is none, and voids all
    /// leases: whoever held one is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`], [`StoreError::Newer`], [`StoreError::ReadOnly`].
    pub async fn open(path: &Path, clock: Clock) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let store = Self::connect(path, options, clock, lock).await;
        store.map_err(|err| name_the_cause(err, path))
    }

    async fn connect(
        path: &Path,
        options: SqliteConnectOptions,
        clock: Clock,
        lock: File,
    ) -> Result<Self, StoreError> {
        let writer =
            SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrate(&writer, path, MIGRATIONS).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await?;
        let store = Self { writer, reader, clock, _lock: lock };
        let mut tx = store.begin().await?;
        sqlx::query(
            "UPDATE unit INDEXED BY unit_by_status SET lease_until_ms = 0 WHERE status = 'LEASED' \
             AND job IN (SELECT id FROM job WHERE status IN ('IN_PROGRESS', 'STOP_REQUESTED'))",
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE job SET lease_until_ms = 0 WHERE status IN ('IN_PROGRESS', 'STOP_REQUESTED')",
        )
        .execute(&mut *tx)
        .await?;
        // A file that cannot be written shows it here and not at the first job.
        sqlx::query("UPDATE secret SET value = value").execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(store)
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// A transaction that writes: it has the only writer and sees what is committed.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        match self.writer.begin_with(BEGIN).await {
            // When the disk is full SQLite ends a transaction by itself, and the
            // driver goes on believing in it: that connection is of no more use.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.writer.acquire().await?.close().await?;
                Ok(self.writer.begin_with(BEGIN).await?)
            }
            begun => Ok(begun?),
        }
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(PathBuf::from(name))
        .map_err(|err| unwritable(err, path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(err)) => Err(unwritable(err, path)),
    }
}

fn unwritable(err: io::Error, path: &Path) -> StoreError {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
    if matches!(err.kind(), PermissionDenied | ReadOnlyFilesystem | StorageFull) {
        return StoreError::ReadOnly(path.to_owned());
    }
    StoreError::Database(sqlx::Error::Io(err))
}

/// SQLite's primary result codes for a file that can be read and not written, or not at all.
fn name_the_cause(err: StoreError, path: &Path) -> StoreError {
    const READONLY: i32 = 8;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    const NOTADB: i32 = 26;
    if let StoreError::Database(sqlx::Error::Database(cause)) = &err {
        let primary =
            cause.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xFF);
        match primary {
            Some(READONLY | FULL | CANTOPEN) => return StoreError::ReadOnly(path.to_owned()),
            Some(NOTADB) => return StoreError::NoDatabase(path.to_owned()),
            _ => (),
        }
    }
    err
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other faults all mean a broken file")]
async fn migrate(
    writer: &SqlitePool,
    path: &Path,
    migrations: &'static [(&'static str, &'static str)],
) -> Result<(), StoreError> {
    let migrations = migrations.iter().zip(1..).map(|((name, sql), number)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(number, (*name).into(), MigrationType::Simple, sql, false)
    });
    let migrations = migrations.collect::<Vec<_>>();
    Migrator::with_migrations(migrations).run(writer).await.map_err(|err| match err {
        MigrateError::VersionMissing(schema) => StoreError::Newer { path: path.to_owned(), schema },
        MigrateError::Execute(err) | MigrateError::ExecuteMigration(err, _) => {
            StoreError::Database(err)
        }
        err => StoreError::Database(sqlx::Error::Migrate(Box::new(err))),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::contract::{contract_tests, new_job};
    use crate::{JobRoom, JobStore, JobTask, NodeId, WorkStore};

    contract_tests!(super::SqliteStore);

    fn still() -> Clock {
        Arc::new(|| Timestamp(0))
    }

    async fn refused(path: &Path) -> StoreError {
        SqliteStore::open(path, still()).await.err().expect("is refused")
    }

    #[tokio::test]
    async fn a_file_of_an_earlier_version_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let old = SqlitePool::connect_with(options).await.unwrap();
        migrate(&old, &path, &MIGRATIONS[..1]).await.unwrap();
        old.close().await;

        let store = SqliteStore::open(&path, still()).await.unwrap();
        store.submit(new_job("a"), 1).await.unwrap();
        let columns = "SELECT untranslated FROM unit";
        assert!(sqlx::query(columns).fetch_all(&store.reader).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_second_server_on_the_same_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let _first = SqliteStore::open(&path, still()).await.unwrap();
        assert!(matches!(refused(&path).await, StoreError::InUse(named) if named == path));
    }

    #[tokio::test]
    async fn a_file_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = SqliteStore::open(&path, still()).await.unwrap();
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (999, 'of the future', 1, x'00', 0)",
        )
        .execute(&store.writer)
        .await
        .unwrap();
        store.close().await;
        drop(store);
        assert!(
            matches!(refused(&path).await, StoreError::Newer { schema: 999, path: named } if named == path)
        );
    }

    #[tokio::test]
    async fn a_damaged_job_does_not_keep_others_from_being_claimed() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("a.db"), still()).await.unwrap();
        for id in ["a", "b"] {
            store.submit(new_job(id), 10).await.unwrap();
        }
        sqlx::query("UPDATE job SET targets = 'xx' WHERE id = 'a'")
            .execute(&store.writer)
            .await
            .unwrap();
        let (node, room) = (NodeId("n".to_owned()), JobRoom { lists: true, finishes: true });
        let mut claims = Vec::new();
        for _ in 0..3 {
            claims.push(store.claim_job(&node, Duration::from_secs(30), 10, room).await);
        }
        assert!(matches!(&claims[0], Err(StoreError::Damaged("language"))), "{:?}", claims[0]);
        let Ok(Some(JobTask::List { lease, .. })) = &claims[1] else { panic!("{:?}", claims[1]) };
        assert_eq!(lease.job.id.as_str(), "b");
        assert!(matches!(&claims[2], Ok(None)), "{:?}", claims[2]);
    }

    #[tokio::test]
    async fn a_place_that_cannot_hold_a_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("a.db");
        assert!(matches!(refused(&path).await, StoreError::Database(_)));
    }

    #[tokio::test]
    async fn what_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        std::fs::write(&path, "no database".repeat(1000)).unwrap();
        assert!(matches!(refused(&path).await, StoreError::NoDatabase(named) if named == path));
    }
}
