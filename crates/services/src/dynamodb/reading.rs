//! Query and Scan.

use std::ops::ControlFlow;

use aws_api::generated::dynamodb::types;
use store::{Direction, Row, TableView};

use super::{
    DynamoDb, Handled, capacity,
    conditions::{check_not_both, of_legacy},
    error::{detected, invalid, invalid_parameters},
    expressions::{Condition, Kind, Placeholders, Projection, holds, project},
    items::projection,
    key_condition::span_of,
    keys::{self, KeySchema, Place},
    record::{IndexRecord, TableRecord, table_in, table_key},
    value::{self, Item},
    writes,
};
use crate::{change::ChangeError, service::ServiceContext};

/// Bytes that one request reads at most ("Paginating results").
const READ_BYTES_MAX: usize = 1 << 20;
/// Segments of a scan at most.
const SEGMENTS_MAX: i64 = 1_000_000;

/// What both read.
struct Reading {
    index: Option<String>,
    filter: Option<Condition>,
    projection: Option<Projection>,
    select: Option<String>,
    limit: Option<usize>,
    start: Option<Item>,
    is_consistent: bool,
    /// Whether attributes are named as before there were expressions.
    is_legacy: bool,
}

/// What was read.
#[derive(Default)]
struct Read {
    items: Vec<Item>,
    count: usize,
    scanned: usize,
    bytes: usize,
    /// The key of the item that was looked at last, where there may be more.
    last: Option<Item>,
}

impl Reading {
    /// Whether only the number of items is wanted.
    fn counts(&self) -> bool {
        self.select.as_deref() == Some("COUNT")
    }
}

/// What both requests say; the last of them, so that every name and value is used by then.
macro_rules! reading {
    ($input:ident, $filter:ident, $placeholders:expr) => {{
        let filter = match &$input.filter_expression {
            Some(text) => Some(Condition::parse(text, Kind::Filter, $placeholders)?),
            None => of_legacy($input.$filter.unwrap_or_default(), $input.conditional_operator.as_deref())?,
        };
        let is_legacy = $input.attributes_to_get.is_some();
        let projection =
            projection($input.projection_expression.as_deref(), $input.attributes_to_get, $placeholders)?;
        $placeholders.check_used()?;
        Reading {
            index: $input.index_name,
            filter,
            projection,
            select: $input.select,
            limit: $input.limit.and_then(|limit| usize::try_from(limit).ok()),
            start: $input.exclusive_start_key.map(value::read).transpose()?,
            is_consistent: $input.consistent_read == Some(true),
            is_legacy,
        }
    }};
}

/// What both answer.
macro_rules! output {
    ($output:ident, $read:ident, $input:ident, $is_consistent:ident, $counts:ident) => {
        types::$output {
            consumed_capacity: capacity::consumed(
                $input.return_consumed_capacity.as_deref(),
                $input.table_name.as_deref().unwrap_or_default(),
                capacity::of_read($read.bytes, $is_consistent),
            ),
            count: i64::try_from($read.count).ok(),
            scanned_count: i64::try_from($read.scanned).ok(),
            last_evaluated_key: $read.last.map(value::shown),
            items: (!$counts).then(|| $read.items.into_iter().map(value::shown).collect()),
        }
    };
}

impl DynamoDb {
    pub(super) async fn query(
        &self,
        context: &ServiceContext,
        input: types::QueryInput,
    ) -> Handled<types::QueryOutput> {
        check_query(&input)?;
        let placeholders =
            Placeholders::read(input.expression_attribute_names, input.expression_attribute_values, true)?;
        let keys = match (&input.key_condition_expression, input.key_conditions) {
            (Some(text), _) => Condition::parse(text, Kind::Key, &placeholders)?,
            (None, Some(conditions)) => of_legacy(conditions, None)?.ok_or_else(no_key_condition)?,
            (None, None) => return Err(no_key_condition()),
        };
        let reading = reading!(input, query_filter, &placeholders);
        let counts = reading.counts();
        let (is_consistent, is_forward) = (reading.is_consistent, input.scan_index_forward != Some(false));
        let named = table_key(context, input.table_name.as_deref());
        let read = move |view: &TableView<'_>| -> Result<Read, ChangeError> {
            let table = table_in(view, &named)?;
            let source = Source::of(&table, &reading)?;
            let (partition, span) = span_of(&keys, source.key())?;
            source.check_filter(reading.filter.as_ref(), true)?;
            let span = match &reading.start {
                Some(start) => keys::behind_row(span, &source.start(start)?.sort, is_forward),
                None => span,
            };
            let direction = if is_forward { Direction::Forward } else { Direction::Backward };
            let mut read = Read::default();
            view.in_partition((source.space(), &partition), &span, direction, |row| {
                read.see(view, &source, &reading, &row)
            })?;
            Ok(read)
        };
        let read = self.tables.read(read).await?;
        Ok(output!(QueryOutput, read, input, is_consistent, counts))
    }

    pub(super) async fn scan(
        &self,
        context: &ServiceContext,
        input: types::ScanInput,
    ) -> Handled<types::ScanOutput> {
        check_not_both(
            &[
                ("FilterExpression", input.filter_expression.is_some()),
                ("ProjectionExpression", input.projection_expression.is_some()),
            ],
            &[
                ("ScanFilter", input.scan_filter.is_some()),
                ("ConditionalOperator", input.conditional_operator.is_some()),
                ("AttributesToGet", input.attributes_to_get.is_some()),
            ],
        )?;
        let segment = segment(input.segment, input.total_segments)?;
        let has_expressions = input.filter_expression.is_some() || input.projection_expression.is_some();
        let placeholders = Placeholders::read(
            input.expression_attribute_names,
            input.expression_attribute_values,
            has_expressions,
        )?;
        let reading = reading!(input, scan_filter, &placeholders);
        let (is_consistent, counts) = (reading.is_consistent, reading.counts());
        let named = table_key(context, input.table_name.as_deref());
        let read = move |view: &TableView<'_>| -> Result<Read, ChangeError> {
            let table = table_in(view, &named)?;
            let source = Source::of(&table, &reading)?;
            source.check_filter(reading.filter.as_ref(), false)?;
            let start = reading.start.as_ref().map(|start| source.start(start)).transpose()?;
            let behind = start.as_ref().map(|place| (place.partition.as_slice(), place.sort.as_slice()));
            let mut read = Read::default();
            view.in_space(source.space(), behind, |row| match is_in(&row, segment) {
                true => read.see(view, &source, &reading, &row),
                false => Ok(ControlFlow::Continue(())),
            })?;
            Ok(read)
        };
        let read = self.tables.read(read).await?;
        Ok(output!(ScanOutput, read, input, is_consistent, counts))
    }
}

/// What is read: a table, or one of its indexes.
struct Source<'a> {
    table: &'a TableRecord,
    index: Option<(&'a IndexRecord, bool)>,
}

impl<'a> Source<'a> {
    fn of(table: &'a TableRecord, reading: &Reading) -> Handled<Self> {
        let Some(name) = &reading.index else {
            if reading.select.as_deref() == Some("ALL_PROJECTED_ATTRIBUTES") {
                return Err(detected(
                    "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
                ));
            }
            return Ok(Self { table, index: None }).and_then(|source| source.check_select(reading));
        };
        let index = table.index(name);
        let index =
            index.ok_or_else(|| invalid(format!("The table does not have the specified index: {name}")))?;
        if reading.is_consistent && !index.1 {
            return Err(invalid("Consistent reads are not supported on global secondary indexes"));
        }
        Self { table, index: Some(index) }.check_select(reading)
    }

    fn check_select(self, reading: &Reading) -> Handled<Self> {
        let has_projection = reading.projection.is_some();
        match reading.select.as_deref() {
            Some("SPECIFIC_ATTRIBUTES") if !has_projection => Err(detected(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
            )),
            Some(select @ ("ALL_ATTRIBUTES" | "ALL_PROJECTED_ATTRIBUTES" | "COUNT")) if has_projection => {
                let how = if reading.is_legacy { "AttributesToGet" } else { "ProjectionExpression" };
                let what = if select == "COUNT" { "only the Count" } else { select };
                Err(detected(&format!("Cannot specify the {how} when choosing to get {what}")))
            }
            Some("ALL_ATTRIBUTES")
                if self.index.is_some_and(|(index, is_local)| !is_local && !is_whole(index)) =>
            {
                Err(invalid_parameters(&format!(
                    "Select type ALL_ATTRIBUTES is not supported for global secondary index {} because its projection type is not ALL",
                    self.index.map_or("", |(index, _)| &index.name)
                )))
            }
            _ => Ok(self),
        }
    }

    fn key(&self) -> &'a KeySchema {
        self.index.map_or(&self.table.key, |(index, _)| &index.key)
    }

    fn space(&self) -> i64 {
        self.index.map_or(self.table.space, |(index, _)| index.space)
    }

    /// Where a read goes on: behind the item of this key.
    fn start(&self, start: &Item) -> Handled<Place> {
        let wrong = || invalid("The provided starting key is invalid");
        let of_table = self.table.key.of(start);
        let place = self.table.key.place_of_key(&of_table).map_err(|_| wrong())?;
        let Some((index, _)) = self.index else {
            return if start.len() == of_table.len() { Ok(place) } else { Err(wrong()) };
        };
        let is_key = |name: &String| self.table.key.has(name) || index.key.has(name);
        if !start.keys().all(is_key) {
            return Err(wrong());
        }
        index.key.place_of_entry(&index.name, start, &place).map_err(|_| wrong())?.ok_or_else(wrong)
    }

    /// The key of an item, with that of the index.
    fn key_of(&self, item: &Item) -> Item {
        let mut key = self.key().of(item);
        key.extend(self.table.key.of(item));
        key
    }

    /// The item of a row; `None` where an entry has none, which cannot be.
    fn item(&self, view: &TableView<'_>, row: &Row) -> Result<Option<Item>, ChangeError> {
        let Some((index, _)) = self.index else { return writes::decode(&row.item).map(Some) };
        let Some(place) = index.key.owner_of_entry(row) else { return Ok(None) };
        writes::get(view, self.table, &place)
    }

    /// What the index has of an item, unless the table is to be asked as well.
    fn projected(&self, item: Item, reading: &Reading) -> Item {
        let Some((index, is_local)) = self.index else { return item };
        let asks_table =
            is_local && (reading.select.as_deref() == Some("ALL_ATTRIBUTES") || reading.projection.is_some());
        if asks_table || is_whole(index) {
            return item;
        }
        let included = index.projection.non_key_attributes.as_deref().unwrap_or_default();
        let keeps =
            |name: &String| self.table.key.has(name) || index.key.has(name) || included.contains(name);
        item.into_iter().filter(|(name, _)| keeps(name)).collect()
    }

    /// A filter of a query is for what is not in the key; there is nothing in a key that a filter of a scan could look into.
    fn check_filter(&self, filter: Option<&Condition>, is_query: bool) -> Handled<()> {
        let paths = filter.map(Condition::paths).unwrap_or_default();
        if let Some(path) = paths.iter().find(|path| is_query && self.key().has(&path.attribute)) {
            return Err(invalid(format!(
                "Filter Expression can only contain non-primary key attributes: Primary key attribute: {}",
                path.attribute
            )));
        }
        match paths.iter().find(|path| !path.steps.is_empty() && self.key().has(&path.attribute)) {
            Some(path) => Err(invalid(format!(
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {}: {}",
                if self.index.is_some() { "IndexKey" } else { "Key" },
                path.attribute
            ))),
            None => Ok(()),
        }
    }
}

fn is_whole(index: &IndexRecord) -> bool {
    index.projection.projection_type.as_deref() == Some("ALL")
}

impl Read {
    /// Looks at a row; whether to go on.
    fn see(
        &mut self,
        view: &TableView<'_>,
        source: &Source<'_>,
        reading: &Reading,
        row: &Row,
    ) -> Result<ControlFlow<()>, ChangeError> {
        let Some(whole) = source.item(view, row)? else { return Ok(ControlFlow::Continue(())) };
        let key = source.key_of(&whole);
        let item = source.projected(whole, reading);
        self.scanned += 1;
        self.bytes += value::size(&item);
        if reading.filter.as_ref().is_none_or(|filter| holds(filter, &item)) {
            self.count += 1;
            if !reading.counts() {
                self.items.push(match &reading.projection {
                    Some(projection) => project(&item, projection),
                    None => item,
                });
            }
        }
        if reading.limit == Some(self.scanned) || self.bytes > READ_BYTES_MAX {
            self.last = Some(key);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn check_query(input: &types::QueryInput) -> Handled<()> {
    check_not_both(
        &[
            ("KeyConditionExpression", input.key_condition_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
            ("ProjectionExpression", input.projection_expression.is_some()),
        ],
        &[
            ("KeyConditions", input.key_conditions.is_some()),
            ("QueryFilter", input.query_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
            ("AttributesToGet", input.attributes_to_get.is_some()),
        ],
    )
}

/// Which of how many parts of a table.
fn segment(segment: Option<i64>, total: Option<i64>) -> Handled<Option<(u32, u32)>> {
    let number = |value: i64| u32::try_from(value).unwrap_or(0);
    match (segment, total) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(invalid(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        )),
        (None, Some(_)) => Err(invalid(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        )),
        (Some(segment), Some(total)) if segment >= total || total > SEGMENTS_MAX => Err(invalid(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is not less than TotalSegments: {total}"
        ))),
        (Some(segment), Some(total)) => Ok(Some((number(segment), number(total)))),
    }
}

/// Each partition is in one part.
fn is_in(row: &Row, segment: Option<(u32, u32)>) -> bool {
    segment.is_none_or(|(segment, total)| {
        let hash = row
            .partition
            .iter()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        hash % total.max(1) == segment
    })
}

fn no_key_condition() -> aws_api::error_response::ApiError {
    invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
}
