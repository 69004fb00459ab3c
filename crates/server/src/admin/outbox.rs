//! `GET /_lambent/outbox?account=..&region=..`: what SNS has sent to people, the newest last; `protocol` and `to` choose.

use hyper::StatusCode;
use lambda_model::error::with_causes;
use serde_json::json;

use super::{Admin, logs::parameter};
use crate::http::{self, HttpRequest, HttpResponse};

impl Admin {
    pub(super) async fn outbox(&self, request: &HttpRequest) -> HttpResponse {
        let query = &request.query;
        let (Some(account), Some(region)) = (parameter(query, "account"), parameter(query, "region")) else {
            return http::json(StatusCode::BAD_REQUEST, &json!({"message": "account and region are needed"}));
        };
        let is_wanted = |name: &str, value: &str| parameter(query, name).is_none_or(|wanted| wanted == value);
        match self.sns.sent(&account, &region).await {
            Ok(mut sent) => {
                sent.retain(|one| is_wanted("protocol", &one.protocol) && is_wanted("to", &one.to));
                http::json(StatusCode::OK, &json!({"messages": sent}))
            }
            Err(error) => {
                tracing::error!(error = with_causes(&error), "the outbox was not read");
                http::json(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &json!({"message": "the outbox could not be read"}),
                )
            }
        }
    }
}
