//! Where an authorizer finds who a caller is said to be: `$request.header.Authorization`, `$request.querystring.token`,
//! `$context.identity.sourceIp`, `$stageVariables.name`.

use std::collections::BTreeMap;

use crate::http_event::{WebRequest, query_pairs};

/// What identity sources name, in their order; `None` as soon as one is missing or empty: the caller is then nobody.
pub fn values(
    sources: &[String],
    request: &WebRequest,
    stage_variables: &BTreeMap<String, String>,
) -> Option<Vec<String>> {
    let value = |source: &String| {
        let found = one(source, request, stage_variables)?;
        (!found.is_empty()).then_some(found)
    };
    sources.iter().map(value).collect()
}

fn one(source: &str, request: &WebRequest, variables: &BTreeMap<String, String>) -> Option<String> {
    let source = source.strip_prefix('$')?;
    if let Some(name) = source.strip_prefix("request.header.") {
        return request.header(&name.to_ascii_lowercase()).map(str::to_owned);
    }
    if let Some(name) = source.strip_prefix("request.querystring.") {
        return query_pairs(&request.raw_query).find(|(known, _)| known == name).map(|(_, value)| value);
    }
    if let Some(name) = source.strip_prefix("stageVariables.") {
        return variables.get(name).cloned();
    }
    match source {
        "context.identity.sourceIp" => Some(request.source_ip.clone()),
        "context.identity.userAgent" => request.header("user-agent").map(str::to_owned),
        "context.httpMethod" => Some(request.method.clone()),
        "context.path" => Some(request.raw_path.clone()),
        "context.domainName" => Some(request.domain().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_found_where_they_say() {
        let request = WebRequest {
            headers: vec![("authorization".into(), "token".into()), ("x-empty".into(), String::new())],
            raw_query: "a=b%20c".into(),
            source_ip: "10.0.0.1".into(),
            ..WebRequest::default()
        };
        let variables = BTreeMap::from([("v".to_owned(), "1".to_owned())]);
        let found = |sources: &[&str]| {
            values(&sources.iter().map(|source| (*source).into()).collect::<Vec<_>>(), &request, &variables)
        };
        let all = [
            "$request.header.Authorization",
            "$request.querystring.a",
            "$context.identity.sourceIp",
            "$stageVariables.v",
        ];
        assert_eq!(found(&all).unwrap(), ["token", "b c", "10.0.0.1", "1"]);
        for missing in [
            "$request.header.Other",
            "$request.header.X-Empty",
            "$request.querystring.b",
            "$stageVariables.w",
            "x",
        ] {
            assert_eq!(found(&[missing]), None, "{missing}");
        }
        assert_eq!(found(&[]).unwrap(), Vec::<String>::new());
    }
}
