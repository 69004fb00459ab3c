//! `GET /_lambent/watch?account=..&region=..&function=..`: asks the watcher of a function's folder, line by line, to look; and
//! `POST` of the same with `&checked=N`, its answer. See [`crate::watches`].

use bytes::Bytes;
use hyper::{Method, StatusCode};
use lambda_model::function::FunctionKey;
use serde_json::json;

use super::{Admin, logs};
use crate::{
    http::{self, HttpRequest, HttpResponse},
    pieces::PieceSender,
    watches::Questions,
};

impl Admin {
    pub(super) fn watch(&self, request: &HttpRequest) -> HttpResponse {
        let Some(key) = logs::function_of(&request.query) else {
            return http::json(
                StatusCode::BAD_REQUEST,
                &json!({"message": "account, region and function are needed"}),
            );
        };
        if !self.lambda.catalog.contains(&key) {
            return http::json(
                StatusCode::NOT_FOUND,
                &json!({"message": format!("Function not found: {}", key.arn())}),
            );
        }
        if request.method == Method::GET {
            self.open_watch(key)
        } else {
            self.answer_watch(&key, &request.query)
        }
    }

    fn open_watch(&self, key: FunctionKey) -> HttpResponse {
        let (sender, response) = http::response_in_pieces(logs::TEXT);
        let questions = self.lambda.watches.open(key);
        let mut stopped = self.stopped.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = ask(questions, sender) => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        });
        response
    }

    fn answer_watch(&self, key: &FunctionKey, query: &str) -> HttpResponse {
        let number = logs::parameter(query, "checked").and_then(|number| number.parse().ok());
        match number {
            Some(number) => {
                self.lambda.watches.checked(key, number);
                http::json(StatusCode::OK, &json!({"status": "ok"}))
            }
            None => http::json(StatusCode::BAD_REQUEST, &json!({"message": "checked must be a number"})),
        }
    }
}

/// Sends questions until the watcher is gone.
async fn ask(mut questions: Questions, sender: PieceSender) {
    // Tells the watcher that it is registered.
    if sender.send(Bytes::from_static(b"watching\n")).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            number = questions.next() => {
                let Some(number) = number else { return };
                if sender.send(format!("check {number}\n").into()).await.is_err() {
                    return;
                }
            }
            // An empty piece is not sent, and finds out whether the watcher is still there.
            () = tokio::time::sleep(logs::FOLLOW_PAUSE) => {
                if sender.send(Bytes::new()).await.is_err() {
                    return;
                }
            }
        }
    }
}
