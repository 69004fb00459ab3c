//! Operations on resources: the tree of paths.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    ApiGateway, Handled,
    error::{bad_request, conflict},
    listing, patch,
    record::{ApiRecord, Shape, new_id, shape, text},
};
use crate::service::ServiceContext;

impl ApiGateway {
    pub(super) async fn create_resource(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let id = add(record, text(&input, "parentId"), text(&input, "pathPart"))?;
            Ok(record.resource(&id)?.clone())
        })
        .await
    }

    pub(super) async fn get_resource(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.api(context, text(&input, "restApiId"))?;
        Ok(shown(record.resource(text(&input, "resourceId"))?, &input))
    }

    pub(super) async fn get_resources(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.api(context, text(&input, "restApiId"))?;
        let named = record.resources.iter().map(|(id, resource)| (id.clone(), shown(resource, &input)));
        listing::page(&input, named.collect())
    }

    pub(super) async fn update_resource(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let id = text(&input, "resourceId");
            let mut resource = record.resource(id)?.clone();
            patch::apply(&mut resource, &operations, &["pathPart", "parentId"])?;
            let (parent, part) =
                (text(&resource, "parentId").to_owned(), text(&resource, "pathPart").to_owned());
            if parent.is_empty() {
                return Err(bad_request("Root resource cannot be updated"));
            }
            if is_within(record, &parent, id) {
                return Err(bad_request("A resource cannot be its own descendant"));
            }
            check_part(record, &parent, &part, id)?;
            record.resources.insert(id.to_owned(), resource);
            name_paths(&mut record.resources);
            Ok(record.resource(id)?.clone())
        })
        .await
    }

    /// With all that is below it.
    pub(super) async fn delete_resource(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let api_id = text(&input, "restApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let id = text(&input, "resourceId");
            if text(record.resource(id)?, "parentId").is_empty() {
                return Err(bad_request("Root resource cannot be deleted"));
            }
            let gone: Vec<String> =
                record.resources.keys().filter(|other| is_within(record, other, id)).cloned().collect();
            gone.iter().for_each(|id| drop(record.resources.remove(id)));
            Ok(())
        })
        .await
    }
}

/// Adds a resource; its id.
pub(super) fn add(record: &mut ApiRecord, parent_id: &str, part: &str) -> Handled<String> {
    let parent = record.resource(parent_id)?;
    let path = below(text(parent, "path"), part);
    check_part(record, parent_id, part, "")?;
    let id = new_id(6);
    let resource = json!({"id": id, "parentId": parent_id, "pathPart": part, "path": path});
    record.resources.insert(id.clone(), shape(resource));
    Ok(id)
}

fn below(parent: &str, part: &str) -> String {
    format!("{}/{part}", parent.trim_end_matches('/'))
}

fn check_part(record: &ApiRecord, parent_id: &str, part: &str, own_id: &str) -> Handled<()> {
    if !is_part(part) {
        return Err(bad_request(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and an optional plus sign before the closing brace.",
        ));
    }
    let parent = record.resource(parent_id)?;
    if text(parent, "pathPart").ends_with("+}") {
        return Err(bad_request(format!(
            "Cannot create a child of a resource with a greedy path variable: {}",
            text(parent, "path")
        )));
    }
    let siblings = record
        .resources
        .iter()
        .filter(|(id, other)| id.as_str() != own_id && text(other, "parentId") == parent_id);
    for (id, sibling) in siblings {
        let theirs = text(sibling, "pathPart");
        if theirs == part {
            return Err(conflict(format!(
                "Another resource with the same parent already has this name: {part}"
            )));
        }
        if theirs.starts_with('{') && part.starts_with('{') && theirs.ends_with("+}") == part.ends_with("+}")
        {
            return Err(bad_request(format!(
                "A sibling ({id}) of this resource already has a variable path part -- only one unique variable path part is allowed"
            )));
        }
    }
    Ok(())
}

fn is_part(part: &str) -> bool {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:%~!$&'()*,;=@".contains(&byte))
    };
    match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => is_plain(name.strip_suffix('+').unwrap_or(name)),
        None => is_plain(part),
    }
}

/// Whether a resource is another one, or below it.
fn is_within(record: &ApiRecord, id: &str, ancestor: &str) -> bool {
    let mut at = Some(id);
    // No tree is deeper than it has resources.
    for _ in 0..=record.resources.len() {
        match at {
            Some(here) if here == ancestor => return true,
            Some(here) => at = record.resources.get(here).map(|it| text(it, "parentId")),
            None => return false,
        }
    }
    false
}

/// Gives every resource the path that its place in the tree makes.
pub(super) fn name_paths(resources: &mut BTreeMap<String, Shape>) {
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    for id in resources.keys() {
        let (mut parts, mut at) = (Vec::new(), resources.get(id));
        while let Some(resource) =
            at.filter(|it| !text(it, "parentId").is_empty() && parts.len() <= resources.len())
        {
            parts.push(text(resource, "pathPart"));
            at = resources.get(text(resource, "parentId"));
        }
        parts.reverse();
        paths.insert(id.clone(), format!("/{}", parts.join("/")));
    }
    for (id, path) in paths {
        if let Some(resource) = resources.get_mut(&id) {
            resource.insert("path".into(), path.into());
        }
    }
}

/// Methods are shown whole where the request wants them so.
fn shown(resource: &Shape, input: &Shape) -> Shape {
    let is_whole = input
        .get("embed")
        .and_then(Value::as_array)
        .is_some_and(|embedded| embedded.iter().any(|one| one == "methods"));
    let mut resource = resource.clone();
    if let Some(Value::Object(methods)) = resource.get_mut("resourceMethods")
        && !is_whole
    {
        methods.values_mut().for_each(|method| *method = json!({}));
    }
    resource
}
