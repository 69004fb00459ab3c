//! `GET /_lambent/health` (the fixed contract): answered once the server is ready.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::http::{self, HttpResponse};

/// What the page tells; fixed at start.
#[derive(Debug, Clone)]
pub(crate) struct HealthFacts {
    /// Level of isolation.
    pub isolation: &'static str,
    /// Names everything that this data directory's server makes on the host.
    pub data_dir_id: String,
    /// What the host cannot enforce, in sentences.
    pub unenforced: Vec<String>,
    /// Functions whose records are damaged.
    pub damaged: Vec<String>,
}

impl HealthFacts {
    /// The page.
    pub(crate) fn render(&self) -> HttpResponse {
        http::json(StatusCode::OK, &self.to_json())
    }

    fn to_json(&self) -> Value {
        json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "services": {"lambda": "running"},
            "isolation": self.isolation,
            "data_dir_id": self.data_dir_id,
            "unenforced": self.unenforced,
            "damaged": self.damaged,
        })
    }
}
