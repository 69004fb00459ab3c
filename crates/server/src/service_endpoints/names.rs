//! How AWS's SDKs call services in `AWS_ENDPOINT_URL_SERVICE`: by the service id of the API model, where signatures have a signing
//! name. Most are the same word; the others that functions call are here (botocore 1.44.5, `serviceId` and `signingName`).

/// Signing names whose service ids are other words, or several.
const OTHERWISE: &[(&str, &[&str])] = &[
    ("apigateway", &["API_GATEWAY", "APIGATEWAYV2"]),
    ("appconfig", &["APPCONFIG", "APPCONFIGDATA"]),
    ("application-autoscaling", &["APPLICATION_AUTO_SCALING"]),
    ("autoscaling", &["AUTO_SCALING"]),
    (
        "bedrock",
        &[
            "BEDROCK",
            "BEDROCK_AGENT",
            "BEDROCK_AGENT_RUNTIME",
            "BEDROCK_DATA_AUTOMATION",
            "BEDROCK_DATA_AUTOMATION_RUNTIME",
            "BEDROCK_RUNTIME",
        ],
    ),
    ("cassandra", &["KEYSPACES"]),
    ("ce", &["COST_EXPLORER"]),
    ("cognito-idp", &["COGNITO_IDENTITY_PROVIDER"]),
    ("config", &["CONFIG_SERVICE"]),
    ("dms", &["DATABASE_MIGRATION_SERVICE"]),
    ("dynamodb", &["DYNAMODB", "DYNAMODB_STREAMS"]),
    ("elasticfilesystem", &["EFS"]),
    ("elasticloadbalancing", &["ELASTIC_LOAD_BALANCING", "ELASTIC_LOAD_BALANCING_V2"]),
    ("elasticmapreduce", &["EMR"]),
    ("es", &["ELASTICSEARCH_SERVICE", "OPENSEARCH"]),
    ("events", &["EVENTBRIDGE"]),
    ("execute-api", &["APIGATEWAYMANAGEMENTAPI"]),
    ("geo", &["LOCATION"]),
    ("iotdata", &["IOT_DATA_PLANE"]),
    ("kinesisanalytics", &["KINESIS_ANALYTICS", "KINESIS_ANALYTICS_V2"]),
    (
        "kinesisvideo",
        &["KINESIS_VIDEO", "KINESIS_VIDEO_ARCHIVED_MEDIA", "KINESIS_VIDEO_MEDIA", "KINESIS_VIDEO_SIGNALING"],
    ),
    ("lex", &["LEX_MODEL_BUILDING_SERVICE", "LEX_RUNTIME_SERVICE", "LEX_MODELS_V2", "LEX_RUNTIME_V2"]),
    ("logs", &["CLOUDWATCH_LOGS"]),
    ("mobiletargeting", &["PINPOINT"]),
    ("monitoring", &["CLOUDWATCH"]),
    ("personalize", &["PERSONALIZE", "PERSONALIZE_EVENTS", "PERSONALIZE_RUNTIME"]),
    ("rds", &["RDS", "DOCDB", "NEPTUNE"]),
    ("route53", &["ROUTE_53"]),
    ("sagemaker", &["SAGEMAKER", "SAGEMAKER_FEATURESTORE_RUNTIME", "SAGEMAKER_RUNTIME"]),
    ("secretsmanager", &["SECRETS_MANAGER"]),
    ("servicecatalog", &["SERVICE_CATALOG"]),
    ("servicequotas", &["SERVICE_QUOTAS"]),
    ("ses", &["SES", "SESV2"]),
    ("states", &["SFN"]),
    ("tagging", &["RESOURCE_GROUPS_TAGGING_API"]),
    ("timestream", &["TIMESTREAM_QUERY", "TIMESTREAM_WRITE"]),
];

/// The environment variables with which SDKs find a service, by its signing name.
pub(super) fn variables(service: &str) -> Vec<String> {
    let ids = OTHERWISE.iter().find(|(name, _)| *name == service).map(|(_, ids)| *ids);
    match ids {
        Some(ids) => ids.iter().map(|id| format!("AWS_ENDPOINT_URL_{id}")).collect(),
        None => vec![format!("AWS_ENDPOINT_URL_{}", constant(service))],
    }
}

/// A service's name as a part of a variable's.
pub(super) fn constant(service: &str) -> String {
    service.to_ascii_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn services_are_called_as_sdks_call_them() {
        assert_eq!(variables("s3"), ["AWS_ENDPOINT_URL_S3"]);
        assert_eq!(variables("cognito-identity"), ["AWS_ENDPOINT_URL_COGNITO_IDENTITY"]);
        assert_eq!(variables("logs"), ["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"]);
        assert_eq!(variables("dynamodb"), ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"]);
    }
}
