//! `GET /_lambent/health` (the fixed contract): answered once the server is ready.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde_json::json;

use crate::{
    http::{self, HttpResponse},
    router::SERVICES,
};

/// What the page tells that is fixed at start.
#[derive(Debug, Clone)]
pub(crate) struct HealthFacts {
    /// Level of isolation.
    pub isolation: &'static str,
    /// Names everything that this data directory's server makes on the host.
    pub data_dir_id: String,
    /// What the host cannot enforce, in sentences.
    pub unenforced: Vec<String>,
}

impl HealthFacts {
    /// The page. `damaged` are functions whose records are.
    pub(crate) fn render(&self, damaged: Vec<String>) -> HttpResponse {
        let page = json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "services": SERVICES.map(|name| (name, "running")).into_iter().collect::<BTreeMap<_, _>>(),
            "isolation": self.isolation,
            "data_dir_id": self.data_dir_id,
            "unenforced": self.unenforced,
            "damaged": damaged,
        });
        http::json(StatusCode::OK, &page)
    }
}
