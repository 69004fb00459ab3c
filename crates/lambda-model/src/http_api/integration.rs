//! What an integration names.

/// The ARN of the function that an integration's URI names: the ARN itself, or in the path that API Gateway invokes functions by, at once
/// or as a stream. Stage variables may stand in it (`${stageVariables.name}`).
pub fn function_arn(uri: &str) -> Option<&str> {
    const PATHS: [(&str, &str); 2] = [
        (":lambda:path/2015-03-31/functions/", "/invocations"),
        (":lambda:path/2021-11-15/functions/", "/response-streaming-invocations"),
    ];
    let in_path = PATHS.iter().find_map(|(path, end)| {
        let (start, rest) = uri.split_once(path)?;
        start.starts_with("arn:").then(|| rest.strip_suffix(end))
    });
    let arn = in_path.unwrap_or(Some(uri))?;
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "lambda", _, _, resource] if resource.starts_with("function:") => Some(arn),
        _ => None,
    }
}

/// A text with the stage's variables in place of `${stageVariables.name}`; what the stage does not have is empty.
pub fn with_stage_variables<'a>(text: &str, variable: impl Fn(&str) -> Option<&'a str>) -> String {
    const START: &str = "${stageVariables.";
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(START) {
        let Some((name, behind)) = after.split_once('}') else { break };
        done.push_str(before);
        done.push_str(variable(name).unwrap_or_default());
        rest = behind;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_by_their_arns_or_by_the_path_to_them() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f:live";
        let path = format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations");
        assert_eq!((function_arn(arn), function_arn(&path)), (Some(arn), Some(arn)));
        for wrong in [
            "",
            "https://example.com",
            "arn:aws:sqs:us-east-1:000000000000:q",
            "arn:aws:lambda:us-east-1:0:layer:x",
        ] {
            assert_eq!(function_arn(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn stage_variables_are_put_in() {
        let variable = |name: &str| (name == "alias").then_some("live");
        let check = |text: &str, expected: &str| assert_eq!(with_stage_variables(text, variable), expected);
        check("f:${stageVariables.alias}", "f:live");
        check("${stageVariables.alias}/${stageVariables.no}/x", "live//x");
        check("${stageVariables.alias", "${stageVariables.alias");
        check("plain", "plain");
    }
}
