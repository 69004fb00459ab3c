//! From method, path and query to an operation and the labels in its path.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::schema::{OperationSchema, ServiceModel};

/// The operation that a request means.
pub struct Route {
    /// Its schema.
    pub operation: &'static OperationSchema,
    /// Labels of the path, percent-decoded, under the names of the template.
    pub labels: Vec<(&'static str, String)>,
}

/// The templates of a service, split once.
pub struct Router {
    templates: Vec<Template>,
}

struct Template {
    operation: &'static OperationSchema,
    segments: Vec<Segment>,
    /// A fixed part of the query, such as `find=LayerVersion`.
    query: Option<&'static str>,
}

enum Segment {
    Literal(&'static str),
    Label(&'static str),
    /// Takes the rest of the path, slashes included.
    Greedy(&'static str),
}

impl Router {
    /// Splits the templates. The more specific come first: with a fixed query before without, literals before labels.
    pub fn new(model: &'static ServiceModel) -> Self {
        let mut templates: Vec<Template> = model.operations.iter().map(Template::parse).collect();
        templates.sort_by_key(|template| (template.query.is_none(), template.labels()));
        Self { templates }
    }

    /// Finds the operation. `path` is as sent: labels are decoded only after the path is split, so that an encoded slash stays in
    /// its label.
    pub fn route(&self, method: &Method, path: &str, query: &str) -> Option<Route> {
        let segments: Vec<&str> = path.strip_prefix('/')?.trim_end_matches('/').split('/').collect();
        self.templates
            .iter()
            .filter(|template| template.operation.method == method.as_str() && template.query_matches(query))
            .find_map(|template| {
                Some(Route { operation: template.operation, labels: template.labels_of(&segments)? })
            })
    }
}

impl Template {
    fn parse(operation: &'static OperationSchema) -> Self {
        let (path, query) = match operation.uri.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (operation.uri, None),
        };
        let segments = path.trim_matches('/').split('/').map(Segment::parse).collect();
        Self { operation, segments, query }
    }

    fn labels(&self) -> usize {
        self.segments.iter().filter(|segment| !matches!(segment, Segment::Literal(_))).count()
    }

    fn query_matches(&self, query: &str) -> bool {
        self.query.is_none_or(|fixed| query.split('&').any(|pair| pair == fixed))
    }

    fn labels_of(&self, segments: &[&str]) -> Option<Vec<(&'static str, String)>> {
        // Most templates are none of it: that is known before anything is decoded.
        if !self.fits(segments) {
            return None;
        }
        let mut labels = Vec::new();
        for (position, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Literal(_) => {}
                Segment::Label(name) => labels.push((*name, decode(segments.get(position)?)?)),
                Segment::Greedy(name) => {
                    labels.push((*name, decode(&segments.get(position..)?.join("/"))?));
                    break;
                }
            }
        }
        Some(labels)
    }

    fn fits(&self, segments: &[&str]) -> bool {
        let takes_rest = self.segments.iter().position(|segment| matches!(segment, Segment::Greedy(_)));
        let has_length = match takes_rest {
            Some(position) => segments.len() >= position,
            None => segments.len() == self.segments.len(),
        };
        has_length
            && self.segments.iter().zip(segments).all(|(segment, given)| match segment {
                Segment::Literal(literal) => given == literal,
                Segment::Label(_) => !given.is_empty(),
                Segment::Greedy(_) => true,
            })
    }
}

impl Segment {
    fn parse(text: &'static str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(label) => match label.strip_suffix('+') {
                Some(label) => Self::Greedy(label),
                None => Self::Label(label),
            },
            None => Self::Literal(text),
        }
    }
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}
