//! Operations of DynamoDB: how long each takes, alone and among others.
//!
//! Beside those that write, in the same minute, what a disk allows: a log of our own with one fdatasync for all that wait. Beside those that
//! read, an operation that reads nothing.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::Effort;
use super::events::appends;
use super::http::{About, Connection};
use super::lambent::Lambent;
use super::load::{self, Kind, Latencies, Target};
use super::report::Row;
use super::sources::ask;
use crate::failure::Failure;

const TABLE: &str = "bench";
/// Callers at a time.
const CALLERS: &[usize] = &[1, 32];
const ITEM_BYTES: usize = 1 << 10;
/// Items of the table, of a partition of it, and of a request that puts some.
const ITEMS: usize = 10_000;
const PARTITION: usize = 100;
const BATCH: usize = 25;

/// All rows.
///
/// # Errors
/// When something cannot be measured.
pub(super) fn rows(server: &Lambent, folder: &Path, effort: &Effort) -> Result<Vec<Row>, Failure> {
    measure(server, folder, effort).map_err(|error| Failure::during("tables", error))
}

fn measure(server: &Lambent, folder: &Path, effort: &Effort) -> io::Result<Vec<Row>> {
    fill(&mut Connection::open(&server.address)?)?;
    let run = |operation: &'static str, asked: &Value, callers: usize| -> io::Result<Latencies> {
        let (body, kind) = (asked.to_string(), Kind::Done(About::DynamoDb(operation)));
        let target = Target { address: &server.address, path: "/", body: body.as_bytes(), kind };
        load::run(&target, callers, effort.warm)
    };
    let counted = json!({
        "TableName": TABLE, "Key": key(7), "UpdateExpression": "ADD n :one",
        "ConditionExpression": "attribute_exists(id)", "ExpressionAttributeValues": {":one": {"N": "1"}},
    });
    let asked = json!({
        "TableName": TABLE, "KeyConditionExpression": "id = :id", "Limit": 10,
        "ExpressionAttributeValues": {":id": key(7)["id"]},
    });
    let mut rows = Vec::new();
    for callers in CALLERS {
        let put = json!({"TableName": TABLE, "Item": item(7)});
        for (name, operation, written) in [("put", "PutItem", &put), ("update", "UpdateItem", &counted)] {
            let lambent = run(operation, written, *callers)?;
            let floor = appends(folder, *callers, effort.warm, &[b'x'; ITEM_BYTES])?;
            rows.push(Row { name: format!("dynamodb {name}, {callers} callers"), lambent, floor });
        }
        let got = json!({"TableName": TABLE, "Key": key(7)});
        for (name, operation, read) in [("get", "GetItem", &got), ("query of 10", "Query", &asked)] {
            let lambent = run(operation, read, *callers)?;
            let floor = run("DescribeLimits", &json!({}), *callers)?;
            rows.push(Row { name: format!("dynamodb {name}, {callers} callers"), lambent, floor });
        }
    }
    Ok(rows)
}

/// Makes the table, with an index, and its items.
fn fill(connection: &mut Connection) -> io::Result<()> {
    let names = [("id", "S"), ("place", "N"), ("kind", "S")];
    let attributes: Vec<_> =
        names.iter().map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind})).collect();
    let made = json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": attributes,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "place", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [{
            "IndexName": "kinds", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "place", "KeyType": "RANGE"}],
        }],
    });
    let mut call = |operation, asked: &Value| {
        ask(connection, ("POST", "/"), asked.to_string().as_bytes(), About::DynamoDb(operation))
    };
    call("CreateTable", &made)?;
    for first in (0..ITEMS).step_by(BATCH) {
        let puts: Vec<_> =
            (first..first + BATCH).map(|number| json!({"PutRequest": {"Item": item(number)}})).collect();
        call("BatchWriteItem", &json!({"RequestItems": {TABLE: puts}}))?;
    }
    Ok(())
}

fn key(number: usize) -> Value {
    json!({"id": {"S": format!("p{}", number / PARTITION)}, "place": {"N": number.to_string()}})
}

fn item(number: usize) -> Value {
    let mut item = key(number);
    item["kind"] = json!({"S": format!("k{}", number % 10)});
    item["n"] = json!({"N": "0"});
    item["text"] = json!({"S": "x".repeat(ITEM_BYTES)});
    item
}
