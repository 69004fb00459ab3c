//! Services that the operator has elsewhere: real AWS, MinIO, another server. Requests for them pass through this one.
//!
//! ```text
//!   client or function -> who is it? -> the caller's signature off -> the endpoint's signature on -> endpoint
//!                     <------------------------ the answer, as it comes ------------------------------
//! ```
//! Functions are given `AWS_ENDPOINT_URL_SERVICE` with this server's address rather than the endpoint's own: an environment has one
//! set of credentials, its role's, and those of the endpoint stay out of it; and it needs no way to the endpoint through its network.

mod code_objects;
mod names;
mod queues;
mod sending;
mod settings;

use std::collections::BTreeMap;

use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

pub(crate) use code_objects::MappedCodeObjects;
pub(crate) use queues::MappedQueues;
pub(crate) use sending::{FAULT_NAMESPACE, Passed, Payload, not_implemented};
pub(crate) use settings::ServiceEndpoint;

use crate::https::connector;

/// Every service that is elsewhere, and the connections to them.
pub(crate) struct ServiceEndpoints {
    endpoints: BTreeMap<String, ServiceEndpoint>,
    client: Client<HttpsConnector<HttpConnector>, s3s::Body>,
}

impl ServiceEndpoints {
    /// Of a service that is named twice the last counts.
    ///
    /// # Errors
    /// When an endpoint is `https` and this host has no list of authorities.
    pub(crate) fn new(endpoints: Vec<ServiceEndpoint>) -> Result<Self, std::io::Error> {
        let needs_tls = endpoints.iter().any(|endpoint| endpoint.scheme == http::uri::Scheme::HTTPS);
        let client = Client::builder(TokioExecutor::new()).build(connector(HttpConnector::new(), needs_tls)?);
        let endpoints = endpoints.into_iter().map(|endpoint| (endpoint.service.clone(), endpoint)).collect();
        Ok(Self { endpoints, client })
    }

    /// Where a service is, if it is elsewhere.
    pub(crate) fn of(&self, service: &str) -> Option<&ServiceEndpoint> {
        self.endpoints.get(service)
    }
}
