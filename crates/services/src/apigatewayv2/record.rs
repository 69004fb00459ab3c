//! APIs as they are kept: in the shapes of AWS's model, by the names of its members, so that a member that is new there needs nothing here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Document, DocumentKey};

use crate::service::ServiceContext;

pub use crate::shape::Shape;
pub(super) use crate::shape::{key, new_id, seconds, taken, text};

/// What an API is made of, by kind and id.
pub(super) type Parts = BTreeMap<String, BTreeMap<String, Shape>>;

/// An API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ApiRecord {
    /// `Api` of the model.
    pub api: Shape,
    /// Its parts.
    #[serde(default)]
    pub parts: Parts,
    /// What was deployed, by the id of the deployment.
    #[serde(default)]
    pub snapshots: BTreeMap<String, Snapshot>,
}

/// What is deployed of an API.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Of the API itself: how browsers of other origins are answered.
    pub cors: Option<Value>,
    /// Routes by id.
    pub routes: BTreeMap<String, Shape>,
    /// Integrations by id.
    pub integrations: BTreeMap<String, Shape>,
    /// Authorizers by id.
    pub authorizers: BTreeMap<String, Shape>,
    /// Responses of routes and of integrations by id.
    #[serde(default)]
    pub responses: BTreeMap<String, Shape>,
}

impl Document for ApiRecord {
    const KIND: &'static str = "apigatewayv2/api";
}

impl ApiRecord {
    /// Parts of a kind.
    pub(super) fn of(&self, kind: &str) -> &BTreeMap<String, Shape> {
        static NONE: BTreeMap<String, Shape> = BTreeMap::new();
        self.parts.get(kind).unwrap_or(&NONE)
    }

    /// The same, to be changed.
    pub(super) fn of_mut(&mut self, kind: &str) -> &mut BTreeMap<String, Shape> {
        self.parts.entry(kind.to_owned()).or_default()
    }

    /// A member of the API that is a text.
    pub(super) fn text(&self, member: &str) -> &str {
        text(&self.api, member)
    }

    /// Whether it is an HTTP API, and not one of WebSockets.
    pub(super) fn is_http(&self) -> bool {
        self.text("ProtocolType") == "HTTP"
    }

    /// What would be deployed now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut responses = self.of("RouteResponse").clone();
        responses.extend(self.of("IntegrationResponse").clone());
        Snapshot {
            cors: self.api.get("CorsConfiguration").cloned(),
            routes: self.of("Route").clone(),
            integrations: self.of("Integration").clone(),
            authorizers: self.of("Authorizer").clone(),
            responses,
        }
    }

    /// Gives every stage that deploys automatically what there is now. The deployment that it had goes, if it was made so.
    pub(super) fn deploy_automatically(&mut self, now_ms: i64) {
        let is_automatic = |stage: &Shape| stage.get("AutoDeploy") == Some(&Value::Bool(true));
        if !self.of("Stage").values().any(is_automatic) {
            return;
        }
        let id = self.deploy(
            now_ms,
            json!({
                "AutoDeployed": true,
                "Description": "Automatic deployment triggered by changes to the Api configuration",
            }),
        );
        let mut left = Vec::new();
        for stage in self.of_mut("Stage").values_mut().filter(|stage| is_automatic(stage)) {
            left.extend(stage.insert("DeploymentId".into(), id.clone().into()));
            stage.insert("LastUpdatedDate".into(), seconds(now_ms));
            let told = format!("Successfully deployed stage with deployment ID '{id}'");
            stage.insert("LastDeploymentStatusMessage".into(), told.into());
        }
        for before in left.iter().filter_map(Value::as_str) {
            self.forget_if_automatic(before);
        }
    }

    /// A deployment of what there is now; its id.
    pub(super) fn deploy(&mut self, now_ms: i64, members: Value) -> String {
        let id = new_id(6);
        let mut deployment = match members {
            Value::Object(members) => members,
            _ => Shape::new(),
        };
        deployment.insert("DeploymentId".into(), id.clone().into());
        deployment.insert("CreatedDate".into(), seconds(now_ms));
        deployment.insert("DeploymentStatus".into(), "DEPLOYED".into());
        deployment.entry("AutoDeployed").or_insert(false.into());
        self.of_mut("Deployment").insert(id.clone(), deployment);
        let snapshot = self.snapshot();
        self.snapshots.insert(id.clone(), snapshot);
        id
    }

    fn forget_if_automatic(&mut self, id: &str) {
        let is_used = self.of("Stage").values().any(|stage| text(stage, "DeploymentId") == id);
        let deployment = self.of("Deployment").get(id);
        let is_automatic = deployment.is_some_and(|it| it.get("AutoDeployed") == Some(&Value::Bool(true)));
        if is_automatic && !is_used {
            self.of_mut("Deployment").remove(id);
            self.snapshots.remove(id);
        }
    }
}

/// Where an API of the caller's is kept.
pub(super) fn api_key(context: &ServiceContext, api_id: &str) -> DocumentKey {
    key(context, String::new(), api_id)
}
