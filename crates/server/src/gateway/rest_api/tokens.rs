//! Tokens of Cognito user pools: JWTs that the pool has signed. The pool's keys are where Cognito has them, or where the operator says that
//! Cognito is.

use lambda_model::http_api::jwt::{Expected, Token};
use serde_json::{Map, Value, json};
use services::{apigateway::Shape, shape::list};

use super::{
    Visit,
    refusal::{Kind, Refusal},
    text,
};
use crate::{
    clock,
    gateway::{Gateway, issuers::Keys},
};

impl Gateway {
    /// By a token of one of the pools that the authorizer names.
    pub(super) async fn of_user_pool(
        &self,
        visit: &mut Visit<'_>,
        authorizer: &Shape,
    ) -> Result<(), Refusal> {
        let unauthorized = || Refusal::of(Kind::Unauthorized);
        let source = text(authorizer, "identitySource").strip_prefix("method.request.header.");
        let sent = visit.web.header(source.unwrap_or("Authorization"));
        let token = sent.and_then(Token::parse).ok_or_else(unauthorized)?;
        let scopes = list(visit.method.shape.get("authorizationScopes"));
        for pool in list(authorizer.get("providerARNs")).iter().filter_map(|arn| Pool::parse(arn)) {
            if let Some(claims) = self.claims(&token, &pool, &scopes).await {
                visit.known.authorizer = Some(Map::from_iter([("claims".to_owned(), claims)]));
                return Ok(());
            }
        }
        Err(unauthorized())
    }

    /// The claims of a token that is good.
    async fn claims(&self, token: &Token, pool: &Pool, scopes: &[String]) -> Option<Value> {
        let usual = format!("https://cognito-idp.{}.amazonaws.com/{}", pool.region, pool.id);
        let elsewhere = self.elsewhere.of("cognito-idp");
        let elsewhere =
            elsewhere.map(|it| format!("{}://{}{}/{}", it.scheme, it.authority, it.base_path, pool.id));
        let at = elsewhere.clone().unwrap_or_else(|| usual.clone());
        // A pool that is elsewhere may call itself by its place there.
        let issuers = [Some(usual), elsewhere];
        let is_good = issuers.iter().flatten().any(|issuer| {
            let expected = Expected { issuer, audience: None, scopes, now: clock::unix_seconds() };
            token.check(&expected).is_ok()
        });
        let keys = Keys::At(format!("{at}/.well-known/jwks.json"));
        let is_signed = is_good && self.memory.issuers.has_signed(&at, keys, token, &self.ways_out).await;
        is_signed.then(|| json!(token.shown()))
    }
}

struct Pool {
    region: String,
    id: String,
}

impl Pool {
    fn parse(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "cognito-idp", region, _, resource] = parts[..] else { return None };
        Some(Self { region: region.to_owned(), id: resource.strip_prefix("userpool/")?.to_owned() })
    }
}
