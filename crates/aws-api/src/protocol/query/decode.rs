//! From a form to one JSON object, checked against the model's constraints.

use serde_json::{Map, Number, Value};

use super::{Dialect, Form};
use crate::{
    blob::is_base64,
    error_response::ApiError,
    protocol::Decoded,
    schema::{Kind, Member, OperationSchema, ServiceModel, ShapeId},
    validation,
};

/// Decodes and validates a request of `operation`.
///
/// # Errors
/// `MalformedInput` for a value of the wrong type, `ValidationError` with every violated constraint, in the words of E-13.
pub fn decode(
    model: &ServiceModel,
    dialect: &Dialect,
    operation: &OperationSchema,
    form: &Form,
) -> Result<Decoded, ApiError> {
    let Some(shape) = operation.input else { return Ok(Decoded { input: Map::new(), payload: None }) };
    let reader = Reader { model, dialect, form };
    let input = reader.structure(model.members(shape), "")?;
    validation::check(model, shape, &input, false).map_err(in_words_of_the_protocol)?;
    Ok(Decoded { input, payload: None })
}

fn in_words_of_the_protocol(error: ApiError) -> ApiError {
    ApiError { code: "ValidationError", ..error }
}

struct Reader<'a> {
    model: &'a ServiceModel,
    dialect: &'a Dialect,
    form: &'a Form,
}

impl Reader<'_> {
    fn structure(&self, members: &[Member], prefix: &str) -> Result<Map<String, Value>, ApiError> {
        let mut object = Map::new();
        for member in members {
            let flat = self.dialect.flat(self.model, member);
            let name = flat.map_or(member.wire_name, |(element, _)| element);
            let name = match prefix {
                "" => name.to_owned(),
                prefix => format!("{prefix}.{name}"),
            };
            if self.form.has(&name) {
                let value = match flat {
                    Some((_, entry)) => self.elements(member.shape, &name, entry)?,
                    None => self.value(member.shape, &name)?,
                };
                object.insert(member.name.to_owned(), value);
            }
        }
        Ok(object)
    }

    /// The elements of a list or a map, numbered below `prefix`.
    fn elements(&self, shape: ShapeId, prefix: &str, entry: (&str, &str)) -> Result<Value, ApiError> {
        let indices = self.form.indices(prefix).into_iter();
        match &self.model.shapes[shape].kind {
            Kind::List { member, .. } => {
                let elements = indices.map(|index| self.value(*member, &format!("{prefix}.{index}")));
                elements.collect::<Result<_, _>>().map(Value::Array)
            }
            Kind::Map { value, .. } => {
                let entries = indices.map(|index| {
                    let key = self.form.get(&format!("{prefix}.{index}.{}", entry.0)).unwrap_or_default();
                    Ok((key.to_owned(), self.value(*value, &format!("{prefix}.{index}.{}", entry.1))?))
                });
                entries.collect::<Result<_, _>>().map(Value::Object)
            }
            kind => self.scalar(kind, prefix),
        }
    }

    fn value(&self, shape: ShapeId, name: &str) -> Result<Value, ApiError> {
        let kind = &self.model.shapes[shape].kind;
        match kind {
            Kind::Structure { members, .. } => Ok(Value::Object(self.structure(members, name)?)),
            Kind::List { .. } => self.elements(shape, &format!("{name}.member"), ("", "")),
            Kind::Map { names, .. } => self.elements(shape, &format!("{name}.entry"), *names),
            _ => self.scalar(kind, name),
        }
    }

    fn scalar(&self, kind: &Kind, name: &str) -> Result<Value, ApiError> {
        let text = self.form.get(name).unwrap_or_default();
        let value = match kind {
            Kind::Integer { .. } => text.parse::<i64>().ok().map(|number| Value::Number(number.into())),
            Kind::Double { .. } => text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number),
            Kind::Boolean => text.parse::<bool>().ok().map(Value::Bool),
            Kind::Blob { .. } => is_base64(text).then(|| Value::String(text.to_owned())),
            Kind::Timestamp | Kind::IsoTimestamp => {
                text.parse::<jiff::Timestamp>().ok().map(|time| time.as_second().into())
            }
            _ => Some(Value::String(text.to_owned())),
        };
        let last = name.rsplit('.').next().unwrap_or(name);
        value.ok_or_else(|| ApiError { code: "MalformedInput", ..validation::wrong_type(last, kind) })
    }
}
