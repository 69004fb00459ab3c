//! How a connection logs in: as it is kept in its secret, and what is shown of it.

use aws_api::generated::events::types;
use serde::{Deserialize, Serialize};

use super::super::{Handled, error::invalid};

/// A header, a parameter of a query or a field of a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Parameter {
    pub key: String,
    pub value: String,
    pub is_value_secret: bool,
}

/// What goes along with each request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct HttpParameters {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header_parameters: Vec<Parameter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_string_parameters: Vec<Parameter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body_parameters: Vec<Parameter>,
}

/// What the secret of a connection has, as on AWS (recorded by moto's tests).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Authorization {
    #[serde(flatten)]
    pub way: Way,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_http_parameters: Option<HttpParameters>,
}

/// How to log in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Way {
    Basic {
        username: String,
        password: String,
    },
    ApiKey {
        api_key_name: String,
        api_key_value: String,
    },
    OAuth {
        client_id: String,
        client_secret: String,
        authorization_endpoint: String,
        http_method: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oauth_http_parameters: Option<HttpParameters>,
    },
}

impl Authorization {
    /// What a request says, over what there was.
    ///
    /// # Errors
    /// When that is not enough for its kind.
    pub(super) fn read(
        kind: &str,
        given: types::CreateConnectionAuthRequestParameters,
        before: Option<Self>,
    ) -> Handled<Self> {
        let (known, known_parameters) =
            before.map_or((None, None), |before| (Some(before.way), before.invocation_http_parameters));
        let missing = |what: &str| {
            invalid(format!(
                "Parameter AuthParameters.{what} is not valid. Reason: It must be given for {kind}."
            ))
        };
        let way = match kind {
            "BASIC" => match (given.basic_auth_parameters, known) {
                (Some(given), known) => {
                    let (username, password) = match known {
                        Some(Way::Basic { username, password }) => (Some(username), Some(password)),
                        _ => (None, None),
                    };
                    Way::Basic {
                        username: given
                            .username
                            .or(username)
                            .ok_or_else(|| missing("BasicAuthParameters"))?,
                        password: given
                            .password
                            .or(password)
                            .ok_or_else(|| missing("BasicAuthParameters"))?,
                    }
                }
                (None, Some(known @ Way::Basic { .. })) => known,
                _ => return Err(missing("BasicAuthParameters")),
            },
            "API_KEY" => match (given.api_key_auth_parameters, known) {
                (Some(given), known) => {
                    let (name, value) = match known {
                        Some(Way::ApiKey { api_key_name, api_key_value }) => {
                            (Some(api_key_name), Some(api_key_value))
                        }
                        _ => (None, None),
                    };
                    Way::ApiKey {
                        api_key_name: given
                            .api_key_name
                            .or(name)
                            .ok_or_else(|| missing("ApiKeyAuthParameters"))?,
                        api_key_value: given
                            .api_key_value
                            .or(value)
                            .ok_or_else(|| missing("ApiKeyAuthParameters"))?,
                    }
                }
                (None, Some(known @ Way::ApiKey { .. })) => known,
                _ => return Err(missing("ApiKeyAuthParameters")),
            },
            _ => oauth(given.o_auth_parameters, known).ok_or_else(|| missing("OAuthParameters"))?,
        };
        let given = given.invocation_http_parameters.map(parameters);
        Ok(Self { way, invocation_http_parameters: given.or(known_parameters) })
    }

    /// What everybody may see.
    pub(super) fn shown(&self) -> types::ConnectionAuthResponseParameters {
        let mut all = types::ConnectionAuthResponseParameters {
            invocation_http_parameters: self.invocation_http_parameters.as_ref().map(shown),
            ..Default::default()
        };
        match &self.way {
            Way::Basic { username, .. } => {
                let username = Some(username.clone());
                all.basic_auth_parameters = Some(types::ConnectionBasicAuthResponseParameters { username });
            }
            Way::ApiKey { api_key_name, .. } => {
                let api_key_name = Some(api_key_name.clone());
                all.api_key_auth_parameters =
                    Some(types::ConnectionApiKeyAuthResponseParameters { api_key_name });
            }
            Way::OAuth { client_id, authorization_endpoint, http_method, oauth_http_parameters, .. } => {
                all.o_auth_parameters = Some(types::ConnectionOAuthResponseParameters {
                    client_parameters: Some(types::ConnectionOAuthClientResponseParameters {
                        client_id: Some(client_id.clone()),
                    }),
                    authorization_endpoint: Some(authorization_endpoint.clone()),
                    http_method: Some(http_method.clone()),
                    o_auth_http_parameters: oauth_http_parameters.as_ref().map(shown),
                });
            }
        }
        all
    }
}

fn oauth(given: Option<types::CreateConnectionOAuthRequestParameters>, known: Option<Way>) -> Option<Way> {
    let known = match known {
        Some(Way::OAuth {
            client_id,
            client_secret,
            authorization_endpoint,
            http_method,
            oauth_http_parameters,
        }) => Some((client_id, client_secret, authorization_endpoint, http_method, oauth_http_parameters)),
        _ => None,
    };
    let given = given.unwrap_or_default();
    let client = given.client_parameters.unwrap_or_default();
    let (id, secret, endpoint, method, parameters_before) = match known {
        Some((id, secret, endpoint, method, parameters)) => {
            (Some(id), Some(secret), Some(endpoint), Some(method), parameters)
        }
        None => (None, None, None, None, None),
    };
    Some(Way::OAuth {
        client_id: client.client_id.or(id)?,
        client_secret: client.client_secret.or(secret)?,
        authorization_endpoint: given.authorization_endpoint.or(endpoint)?,
        http_method: given.http_method.or(method)?,
        oauth_http_parameters: given.o_auth_http_parameters.map(parameters).or(parameters_before),
    })
}

fn parameters(given: types::ConnectionHttpParameters) -> HttpParameters {
    let parameter = |key: Option<String>, value: Option<String>, is_secret: Option<bool>| Parameter {
        key: key.unwrap_or_default(),
        value: value.unwrap_or_default(),
        is_value_secret: is_secret.unwrap_or(false),
    };
    let headers = given.header_parameters.unwrap_or_default().into_iter();
    let query = given.query_string_parameters.unwrap_or_default().into_iter();
    let body = given.body_parameters.unwrap_or_default().into_iter();
    HttpParameters {
        header_parameters: headers.map(|one| parameter(one.key, one.value, one.is_value_secret)).collect(),
        query_string_parameters: query
            .map(|one| parameter(one.key, one.value, one.is_value_secret))
            .collect(),
        body_parameters: body.map(|one| parameter(one.key, one.value, one.is_value_secret)).collect(),
    }
}

/// Without the values that are secret.
fn shown(all: &HttpParameters) -> types::ConnectionHttpParameters {
    let value = |one: &Parameter| (!one.is_value_secret).then(|| one.value.clone());
    let header = |one: &Parameter| types::ConnectionHeaderParameter {
        key: Some(one.key.clone()),
        value: value(one),
        is_value_secret: Some(one.is_value_secret),
    };
    let query = |one: &Parameter| types::ConnectionQueryStringParameter {
        key: Some(one.key.clone()),
        value: value(one),
        is_value_secret: Some(one.is_value_secret),
    };
    let body = |one: &Parameter| types::ConnectionBodyParameter {
        key: Some(one.key.clone()),
        value: value(one),
        is_value_secret: Some(one.is_value_secret),
    };
    types::ConnectionHttpParameters {
        header_parameters: Some(all.header_parameters.iter().map(header).collect()),
        query_string_parameters: Some(all.query_string_parameters.iter().map(query).collect()),
        body_parameters: Some(all.body_parameters.iter().map(body).collect()),
    }
}
