//! The tables that generation fills: what an operation takes and gives, and which constraints its members have.

use serde_json::{Map, Value};

/// A service.
pub struct ServiceModel {
    /// Its operations; [`OperationSchema::index`] is the position.
    pub operations: &'static [OperationSchema],
    /// Its shapes; a [`ShapeId`] is the position.
    pub shapes: &'static [Shape],
    /// Of its XML; empty where it speaks none.
    pub xml_namespace: &'static str,
}

/// Position of a shape in its service's table.
pub type ShapeId = usize;

/// An operation.
#[derive(Debug)]
pub struct OperationSchema {
    /// Position in the service's table.
    pub index: usize,
    /// Such as `CreateFunction`.
    pub name: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path with `{Labels}` and, in some, a fixed query.
    pub uri: &'static str,
    /// HTTP status of success.
    pub status: u16,
    /// Shape of the input.
    pub input: Option<ShapeId>,
    /// Shape of the output.
    pub output: Option<ShapeId>,
    /// The element around the output in the query protocol.
    pub result_wrapper: Option<&'static str>,
    /// Shapes of the errors it may give.
    pub errors: &'static [ShapeId],
}

/// A shape.
#[derive(Debug)]
pub struct Shape {
    /// Its name in the model.
    pub name: &'static str,
    /// Whether its value must not be shown.
    pub sensitive: bool,
    /// What it is.
    pub kind: Kind,
}

/// What a shape is, with its constraints.
#[derive(Debug)]
pub enum Kind {
    /// Named members.
    Structure {
        /// In the model's order.
        members: &'static [Member],
        /// HTTP status, if it is an error.
        error_status: Option<u16>,
        /// Whether it is a stream of events.
        event_stream: bool,
    },
    /// A list.
    List {
        /// Shape of the elements.
        member: ShapeId,
        /// Elements at least.
        min: Option<u64>,
        /// Elements at most.
        max: Option<u64>,
    },
    /// A map from strings.
    Map {
        /// Shape of the keys.
        key: ShapeId,
        /// Shape of the values.
        value: ShapeId,
        /// What forms and XML call a key and a value.
        names: (&'static str, &'static str),
        /// Entries at least.
        min: Option<u64>,
        /// Entries at most.
        max: Option<u64>,
    },
    /// Text.
    String {
        /// Characters at least.
        min: Option<u64>,
        /// Characters at most.
        max: Option<u64>,
        /// Regular expression for the whole text.
        pattern: Option<&'static str>,
        /// Allowed values; empty where any will do.
        values: &'static [&'static str],
    },
    /// A whole number.
    Integer {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
    /// A number.
    Double {
        /// Smallest value.
        min: Option<f64>,
        /// Largest value.
        max: Option<f64>,
    },
    /// True or false.
    Boolean,
    /// Bytes; base64 in JSON.
    Blob {
        /// Bytes at most.
        max: Option<u64>,
    },
    /// A point in time; seconds since the epoch in JSON.
    Timestamp,
    /// A point in time that is a text in JSON too: ISO 8601.
    IsoTimestamp,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Its name on the wire.
    pub wire_name: &'static str,
    /// Its shape.
    pub shape: ShapeId,
    /// Whether a request must have it.
    pub required: bool,
    /// Where in the message it is.
    pub location: Location,
}

impl Member {
    /// Its value in a structure: under its name, or as some protocols leave it, under that on the wire.
    pub fn of<'a>(&self, structure: &'a Map<String, Value>) -> Option<&'a Value> {
        structure.get(self.name).or_else(|| structure.get(self.wire_name))
    }
}

/// Where in an HTTP message a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// A member of the body's JSON object.
    Body,
    /// A header.
    Header,
    /// Headers that share a prefix.
    Headers,
    /// A label of the path.
    Uri,
    /// A parameter of the query.
    Query,
    /// The status of the response.
    StatusCode,
    /// The body as a whole.
    Payload,
}

impl ServiceModel {
    /// Members of a structure; none for any other shape.
    pub fn members(&self, shape: ShapeId) -> &'static [Member] {
        match self.shapes.get(shape).map(|shape| &shape.kind) {
            Some(Kind::Structure { members, .. }) => members,
            _ => &[],
        }
    }
}
