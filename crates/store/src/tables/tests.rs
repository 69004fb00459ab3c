//! Rows in the order of their keys, wholly or not at all, and never unlike what was kept.

use std::ops::ControlFlow;

use tempfile::TempDir;

use super::*;

fn tables() -> (TempDir, Tables) {
    let folder = TempDir::new().unwrap();
    let tables = Tables::open(&folder.path().join("tables.db")).unwrap();
    (folder, tables)
}

async fn change<T: Send + 'static>(
    tables: &Tables,
    change: impl FnOnce(&mut TableTransaction<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tables.transact(change, |_| {}).await
}

/// A space whose partition `p` has the sort keys 1, 2, 4 and whose partition `q` has 3.
async fn filled(tables: &Tables) -> i64 {
    let fill = |transaction: &mut TableTransaction<'_>| {
        let space = transaction.new_space()?;
        for (partition, sort) in [(b"p", 4), (b"p", 1), (b"q", 3), (b"p", 2)] {
            transaction.put(space, partition, &[sort], &[sort, sort])?;
        }
        Ok(space)
    };
    change(tables, fill).await.unwrap()
}

async fn sorts(tables: &Tables, space: i64, span: Span, direction: Direction, limit: usize) -> Vec<u8> {
    let read = move |view: &TableView<'_>| -> Result<Vec<u8>, StoreError> {
        let mut found = Vec::new();
        view.in_partition((space, b"p"), &span, direction, |row| {
            assert_eq!(row.item, [row.sort[0], row.sort[0]]);
            found.push(row.sort[0]);
            Ok::<_, StoreError>(if found.len() == limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        Ok(found)
    };
    tables.read(read).await.unwrap()
}

#[tokio::test]
async fn rows_of_a_partition_are_read_in_either_direction_between_bounds() {
    let (_folder, tables) = tables();
    let space = filled(&tables).await;
    let span = |from: &[u8], to: Option<u8>| Span { from: from.to_vec(), to: to.map(|to| vec![to]) };
    for (span, direction, limit, expected) in [
        (span(&[], None), Direction::Forward, 9, vec![1, 2, 4]),
        (span(&[], None), Direction::Backward, 9, vec![4, 2, 1]),
        (span(&[], None), Direction::Forward, 2, vec![1, 2]),
        (span(&[2], None), Direction::Forward, 9, vec![2, 4]),
        (span(&[2], Some(4)), Direction::Backward, 9, vec![2]),
        (span(&[5], None), Direction::Forward, 9, vec![]),
    ] {
        assert_eq!(sorts(&tables, space, span, direction, limit).await, expected);
    }
}

#[tokio::test]
async fn all_rows_of_a_space_are_read_also_from_behind_one() {
    let (_folder, tables) = tables();
    let (space, other) = (filled(&tables).await, filled(&tables).await);
    assert_ne!(space, other);
    let all = |behind: Option<(Vec<u8>, Vec<u8>)>| {
        let read = move |view: &TableView<'_>| -> Result<Vec<u8>, StoreError> {
            let mut found = Vec::new();
            let behind = behind.as_ref().map(|(partition, sort)| (partition.as_slice(), sort.as_slice()));
            view.in_space(space, behind, |row| {
                found.push(row.sort[0]);
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            })?;
            Ok(found)
        };
        tables.read(read)
    };
    assert_eq!(all(None).await.unwrap(), [1, 2, 4, 3]);
    assert_eq!(all(Some((b"p".to_vec(), vec![2]))).await.unwrap(), [4, 3]);
    change(&tables, move |transaction| transaction.delete_space(space)).await.unwrap();
    assert!(all(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_that_fails_leaves_everything_as_it_was_and_is_not_told() {
    let (_folder, tables) = tables();
    let space = filled(&tables).await;
    let fails = move |transaction: &mut TableTransaction<'_>| -> Result<(), StoreError> {
        transaction.put(space, b"p", &[1], b"x")?;
        transaction.delete(space, b"p", &[2])?;
        Err(StoreError::Closed)
    };
    assert!(tables.transact(fails, |()| panic!("it is told")).await.is_err());
    let whole = Span { from: Vec::new(), to: None };
    assert_eq!(sorts(&tables, space, whole, Direction::Forward, 9).await, [1, 2, 4]);
}

#[tokio::test]
async fn tables_and_items_are_there_after_the_next_start_and_damage_is_reported() {
    let (folder, tables) = tables();
    let space = filled(&tables).await;
    let key = TableKey { account_id: "1".into(), region: "r".into(), name: "t".into() };
    let kept = key.clone();
    change(&tables, move |transaction| transaction.put_table(&kept, b"{}")).await.unwrap();
    let kept = key.clone();
    change(&tables, move |transaction| transaction.put_table(&kept, b"{1}")).await.unwrap();
    tables.close();
    drop(tables);
    let path = folder.path().join("tables.db");
    let tables = Tables::open(&path).unwrap();
    let all = tables.read(|view: &TableView<'_>| view.all()).await.unwrap();
    assert_eq!(all, [(key, b"{1}".to_vec())]);
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch(
            "UPDATE items SET item = x'00' WHERE sort = x'02'; UPDATE tables SET description = x'00'",
        )
        .unwrap();
    let get = |sort: u8| tables.read(move |view: &TableView<'_>| view.get(space, b"p", &[sort]));
    assert_eq!(get(1).await.unwrap(), Some(vec![1, 1]));
    assert!(matches!(get(2).await, Err(StoreError::DamagedDocument { .. })));
    assert!(tables.read(|view: &TableView<'_>| view.all()).await.unwrap().is_empty());
    assert_eq!(tables.damaged().len(), 2);
}

/// What is read from a place on, in either direction, is not looked for from an end.
#[test]
fn bounds_are_searched_by() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("../schema/tables/0001_initial.sql")).unwrap();
    let plan = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let parameters = [&1 as &dyn rusqlite::ToSql, &b"p", &b"a", &b"b"];
        let parameters = &parameters[..statement.parameter_count()];
        statement.query_map(parameters, |row| row.get(3)).unwrap().map(Result::unwrap).collect()
    };
    let of_partition = |direction, has_end| plan(rows::rows_of_partition(direction, has_end));
    for (plan, bounds) in [
        (of_partition(Direction::Forward, false), "sort>?)"),
        (of_partition(Direction::Backward, false), "sort>?)"),
        (of_partition(Direction::Forward, true), "sort>? AND sort<?)"),
        (of_partition(Direction::Backward, true), "sort>? AND sort<?)"),
        (plan(rows::ROWS_BEHIND), "(partition,sort)>(?,?))"),
    ] {
        // One step: nothing is sorted either.
        assert!(plan.len() == 1 && plan[0].starts_with("SEARCH") && plan[0].ends_with(bounds), "{plan:?}");
    }
}

#[tokio::test]
async fn what_is_in_a_space_is_counted() {
    let (_folder, tables) = tables();
    let space = filled(&tables).await;
    let count = || tables.read(move |view: &TableView<'_>| view.count(space));
    // A byte of each key, and two of each item.
    assert_eq!(count().await.unwrap(), (4, 4 * 4));
    let change_some = move |transaction: &mut TableTransaction<'_>| {
        transaction.put(space, b"p", &[1], b"longer")?;
        transaction.delete(space, b"p", &[2])?;
        transaction.delete(space, b"p", &[9])
    };
    change(&tables, change_some).await.unwrap();
    assert_eq!(count().await.unwrap(), (3, 3 * 4 + 4));
    change(&tables, move |transaction| transaction.delete_space(space)).await.unwrap();
    assert_eq!(count().await.unwrap(), (0, 0));
}
