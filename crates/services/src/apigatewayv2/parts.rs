//! Routes, integrations, authorizers, models, and responses of routes and of integrations: parts of an API that are made, read, changed and
//! deleted in the same way. What each may be is in [`super::checks`].

use serde_json::{Value, json};

use super::{
    ApiGatewayV2, Handled, checks,
    error::{conflict, no_part},
    listing,
    record::{ApiRecord, Shape, new_id, taken, text},
};
use crate::service::ServiceContext;

/// A kind of part.
pub(super) struct Kind {
    /// Its name in the model.
    pub name: &'static str,
    /// The member that is its id.
    pub id: &'static str,
    id_characters: usize,
    /// The kind that each of it belongs to, if there is one.
    parent: Option<&'static Kind>,
    /// Completes one that is new or changed, or says why it cannot be.
    check: fn(&ApiRecord, &mut Shape) -> Handled<()>,
}

pub(super) static ROUTE: Kind =
    Kind { name: "Route", id: "RouteId", id_characters: 7, parent: None, check: checks::route };
pub(super) static INTEGRATION: Kind = Kind {
    name: "Integration",
    id: "IntegrationId",
    id_characters: 7,
    parent: None,
    check: checks::integration,
};
pub(super) static AUTHORIZER: Kind = Kind {
    name: "Authorizer",
    id: "AuthorizerId",
    id_characters: 6,
    parent: None,
    check: checks::authorizer,
};
pub(super) static MODEL: Kind =
    Kind { name: "Model", id: "ModelId", id_characters: 6, parent: None, check: checks::model };
pub(super) static ROUTE_RESPONSE: Kind = Kind {
    name: "RouteResponse",
    id: "RouteResponseId",
    id_characters: 6,
    parent: Some(&ROUTE),
    check: checks::anything,
};
pub(super) static INTEGRATION_RESPONSE: Kind = Kind {
    name: "IntegrationResponse",
    id: "IntegrationResponseId",
    id_characters: 6,
    parent: Some(&INTEGRATION),
    check: checks::anything,
};

impl Kind {
    /// One of an API's, of the parent that the request names.
    fn find<'a>(&self, record: &'a ApiRecord, input: &Shape) -> Handled<&'a Shape> {
        let id = text(input, self.id);
        let found = record.of(self.name).get(id).filter(|found| self.is_of(found, input));
        found.ok_or_else(|| no_part(self.name, id))
    }

    fn is_of(&self, part: &Shape, input: &Shape) -> bool {
        self.parent.is_none_or(|parent| text(part, parent.id) == text(input, parent.id))
    }
}

impl ApiGatewayV2 {
    async fn create_part(
        &self,
        context: &ServiceContext,
        kind: &'static Kind,
        mut input: Shape,
    ) -> Handled<Shape> {
        let api_id = taken(&mut input, "ApiId");
        self.change(context, &api_id, move |record| {
            if let Some(parent) = kind.parent {
                parent.find(record, &input)?;
            }
            let id = new_id(kind.id_characters);
            input.insert(kind.id.into(), id.clone().into());
            (kind.check)(record, &mut input)?;
            record.of_mut(kind.name).insert(id, input.clone());
            Ok(input)
        })
        .await
    }

    async fn update_part(
        &self,
        context: &ServiceContext,
        kind: &'static Kind,
        mut input: Shape,
    ) -> Handled<Shape> {
        let api_id = taken(&mut input, "ApiId");
        self.change(context, &api_id, move |record| {
            let mut part = kind.find(record, &input)?.clone();
            merge(&mut part, input);
            (kind.check)(record, &mut part)?;
            record.of_mut(kind.name).insert(text(&part, kind.id).to_owned(), part.clone());
            Ok(part)
        })
        .await
    }

    async fn delete_part(&self, context: &ServiceContext, kind: &'static Kind, input: Shape) -> Handled<()> {
        let api_id = text(&input, "ApiId").to_owned();
        self.change(context, &api_id, move |record| {
            kind.find(record, &input)?;
            let id = text(&input, kind.id);
            if let Some(user) = user_of(record, kind, id) {
                return Err(conflict(format!(
                    "Cannot delete {} '{id}' because it is referenced by Route '{user}'.",
                    kind.name
                )));
            }
            record.of_mut(kind.name).remove(id);
            for responses in ["RouteResponse", "IntegrationResponse"] {
                record
                    .of_mut(responses)
                    .retain(|_, response| text(response, kind.id) != id || kind.parent.is_some());
            }
            Ok(())
        })
        .await
    }

    fn part(&self, context: &ServiceContext, kind: &Kind, input: &Shape) -> Handled<Shape> {
        kind.find(&*self.api(context, text(input, "ApiId"))?, input).cloned()
    }

    fn parts(&self, context: &ServiceContext, kind: &Kind, input: &Shape) -> Handled<Shape> {
        let record = self.api(context, text(input, "ApiId"))?;
        if let Some(parent) = kind.parent {
            parent.find(&record, input)?;
        }
        let of_parent = record.of(kind.name).iter().filter(|(_, part)| kind.is_of(part, input));
        listing::page(input, of_parent.map(|(id, part)| (id.clone(), part.clone())).collect())
    }

    pub(super) async fn delete_route_request_parameter(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<()> {
        let api_id = text(&input, "ApiId").to_owned();
        self.change(context, &api_id, move |record| {
            let mut route = ROUTE.find(record, &input)?.clone();
            if let Some(Value::Object(parameters)) = route.get_mut("RequestParameters") {
                parameters.remove(text(&input, "RequestParameterKey"));
            }
            record.of_mut(ROUTE.name).insert(text(&input, ROUTE.id).to_owned(), route);
            Ok(())
        })
        .await
    }
}

/// Puts what a request says over what there is; parameters that are mapped to nothing go.
pub(super) fn merge(part: &mut Shape, changes: Shape) {
    for (member, value) in changes {
        match (part.get_mut(&member), value) {
            (Some(Value::Object(before)), Value::Object(after)) if member == "RequestParameters" => {
                before.extend(after);
                before.retain(|_, value| *value != json!(""));
            }
            (_, value) => {
                part.insert(member, value);
            }
        }
    }
}

/// A route that needs the part.
fn user_of(record: &ApiRecord, kind: &Kind, id: &str) -> Option<String> {
    let uses = |route: &Shape| match kind.name {
        "Integration" => text(route, "Target") == format!("integrations/{id}"),
        "Authorizer" => text(route, "AuthorizerId") == id,
        _ => false,
    };
    record.of("Route").values().find(|route| uses(route)).map(|route| text(route, "RouteKey").to_owned())
}

/// The five operations on a kind of part.
macro_rules! operations {
    ($($kind:ident: $create:ident, $get:ident, $list:ident, $update:ident, $delete:ident;)*) => {
        impl ApiGatewayV2 {
            $(
                pub(super) async fn $create(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
                    self.create_part(context, &$kind, input).await
                }

                pub(super) async fn $get(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
                    self.part(context, &$kind, &input)
                }

                pub(super) async fn $list(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
                    self.parts(context, &$kind, &input)
                }

                pub(super) async fn $update(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
                    self.update_part(context, &$kind, input).await
                }

                pub(super) async fn $delete(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
                    self.delete_part(context, &$kind, input).await
                }
            )*
        }
    };
}

operations! {
    ROUTE: create_route, get_route, get_routes, update_route, delete_route;
    INTEGRATION: create_integration, get_integration, get_integrations, update_integration, delete_integration;
    AUTHORIZER: create_authorizer, get_authorizer, get_authorizers, update_authorizer, delete_authorizer;
    MODEL: create_model, get_model, get_models, update_model, delete_model;
    ROUTE_RESPONSE: create_route_response, get_route_response, get_route_responses, update_route_response,
        delete_route_response;
    INTEGRATION_RESPONSE: create_integration_response, get_integration_response, get_integration_responses,
        update_integration_response, delete_integration_response;
}
