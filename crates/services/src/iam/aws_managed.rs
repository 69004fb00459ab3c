//! The policies of AWS that users of Lambda attach, under AWS's names and ARNs.
//!
//! Those for Lambda's execution roles say what AWS's say. Where AWS lists hundreds of services, the document here says the same of
//! the services that this server has.

use serde_json::json;

use crate::random;

/// The only version of each, and its default one.
pub(super) const VERSION_ID: &str = "v1";
/// When they were created: the first second of 2015, the year of most.
pub(super) const CREATED_SECONDS: f64 = 1_420_070_400.0;

/// One of AWS's policies: everything that it allows, it allows on all resources.
pub(super) struct AwsManaged {
    pub name: &'static str,
    pub path: &'static str,
    pub description: &'static str,
    actions: &'static [&'static [&'static str]],
    /// Whether the actions are those that are not allowed.
    is_negated: bool,
}

impl AwsManaged {
    /// Its ARN, which has `aws` for an account.
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy{}{}", self.path, self.name)
    }

    /// `ANPA...`: always the same for a name.
    pub(super) fn id(&self) -> String {
        random::derived_id("ANPA", self.name)
    }

    /// Its document.
    pub(super) fn document(&self) -> String {
        let actions: Vec<&str> = self.actions.iter().copied().flatten().copied().collect();
        let key = if self.is_negated { "NotAction" } else { "Action" };
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", key: actions, "Resource": "*"}]})
            .to_string()
    }
}

/// One of them by its ARN.
pub(super) fn find(arn: &str) -> Option<&'static AwsManaged> {
    // They are the same in every partition.
    let (start, rest) = arn.split_once(":iam::aws:policy")?;
    start.strip_prefix("arn:aws")?;
    ALL.iter().find(|policy| rest.strip_prefix(policy.path) == Some(policy.name))
}

const LOGS: &[&str] = &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
const INTERFACES: &[&str] = &[
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
];
const LAMBDA_AROUND: &[&str] = &[
    "cloudformation:DescribeStacks",
    "cloudformation:ListStackResources",
    "cloudwatch:ListMetrics",
    "cloudwatch:GetMetricData",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "kms:ListAliases",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:ListRoles",
    "logs:DescribeLogGroups",
    "tag:GetResources",
    "xray:GetTraceSummaries",
    "xray:BatchGetTraces",
];
const XRAY_WRITE: &[&str] = &[
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
];
const READ_ONLY: &[&str] = &[
    "apigateway:GET",
    "cloudformation:Describe*",
    "cloudformation:Get*",
    "cloudformation:List*",
    "cloudwatch:Describe*",
    "cloudwatch:Get*",
    "cloudwatch:List*",
    "dynamodb:BatchGet*",
    "dynamodb:Describe*",
    "dynamodb:Get*",
    "dynamodb:List*",
    "dynamodb:Query",
    "dynamodb:Scan",
    "ecr:BatchGet*",
    "ecr:Describe*",
    "ecr:Get*",
    "ecr:List*",
    "events:Describe*",
    "events:List*",
    "events:Test*",
    "iam:Generate*",
    "iam:Get*",
    "iam:List*",
    "iam:Simulate*",
    "kinesis:Describe*",
    "kinesis:Get*",
    "kinesis:List*",
    "kms:Describe*",
    "kms:Get*",
    "kms:List*",
    "lambda:Get*",
    "lambda:List*",
    "logs:Describe*",
    "logs:FilterLogEvents",
    "logs:Get*",
    "logs:ListTagsLogGroup",
    "s3:Get*",
    "s3:List*",
    "scheduler:Get*",
    "scheduler:List*",
    "secretsmanager:Describe*",
    "secretsmanager:List*",
    "sns:Get*",
    "sns:List*",
    "sqs:Get*",
    "sqs:List*",
    "ssm:Describe*",
    "ssm:Get*",
    "ssm:List*",
    "sts:Get*",
    "xray:BatchGet*",
    "xray:Get*",
];

/// `name in "path" says "description": actions`.
macro_rules! policies {
    ($($name:literal in $path:literal: $description:literal, $negated:literal, [$($actions:expr),*];)*) => {
        /// All of them.
        pub(super) static ALL: &[AwsManaged] = &[
            $(AwsManaged {
                name: $name,
                path: $path,
                description: $description,
                actions: &[$($actions),*],
                is_negated: $negated,
            },)*
        ];
    };
}

policies! {
    "AWSLambdaBasicExecutionRole" in "/service-role/": "Provides write permissions to CloudWatch Logs.", false, [LOGS];
    "AWSLambdaVPCAccessExecutionRole" in "/service-role/":
        "Provides minimum permissions for a Lambda function to execute while accessing a resource within a VPC", false, [LOGS, INTERFACES];
    "AWSLambdaENIManagementAccess" in "/service-role/":
        "Provides minimum permissions for a Lambda function to manage ENIs", false, [INTERFACES];
    "AWSLambdaSQSQueueExecutionRole" in "/service-role/":
        "Provides receive message, delete message, and read attribute access to SQS queues, and write permissions to CloudWatch logs.",
        false, [&["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], LOGS];
    "AWSLambdaDynamoDBExecutionRole" in "/service-role/":
        "Provides list and read access to DynamoDB streams and write permissions to CloudWatch logs.",
        false, [&["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"], LOGS];
    "AWSLambdaKinesisExecutionRole" in "/service-role/":
        "Provides list and read access to Kinesis streams and write permissions to CloudWatch logs.",
        false, [&["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
                  "kinesis:ListShards", "kinesis:ListStreams", "kinesis:SubscribeToShard"], LOGS];
    "AWSLambdaMSKExecutionRole" in "/service-role/":
        "Provides permissions required to access MSK Cluster within a VPC, manage ENIs in the VPC and write permissions to CloudWatch Logs.",
        false, [&["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers", "ec2:DescribeVpcs",
                  "ec2:DescribeSecurityGroups"], INTERFACES, LOGS];
    "AWSLambdaRole" in "/service-role/": "Default policy for AWS Lambda service role.", false, [&["lambda:InvokeFunction"]];
    "AWSLambdaExecute" in "/": "Provides Put, Get access to S3 and full access to CloudWatch Logs.",
        false, [&["logs:*", "s3:GetObject", "s3:PutObject"]];
    "AWSLambdaInvocation-DynamoDB" in "/": "Provides read access to DynamoDB Streams.",
        false, [&["lambda:InvokeFunction", "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]];
    "AWSLambda_FullAccess" in "/":
        "Grants full access to AWS Lambda service, AWS Lambda console features, and other related AWS services.",
        false, [&["lambda:*", "iam:PassRole", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents",
                  "states:DescribeStateMachine", "states:ListStateMachines"], LAMBDA_AROUND];
    "AWSLambda_ReadOnlyAccess" in "/":
        "Grants read-only access to AWS Lambda service, AWS Lambda console features, and other related AWS services.",
        false, [&["lambda:Get*", "lambda:List*", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents"], LAMBDA_AROUND];
    "CloudWatchLambdaInsightsExecutionRolePolicy" in "/": "Policy required for the Lambda Insights Extension", false, [LOGS];
    "AWSXRayDaemonWriteAccess" in "/":
        "Allow the AWS X-Ray Daemon to relay raw trace segments data to the service's API and retrieve sampling data to be used by the X-Ray SDK.",
        false, [XRAY_WRITE];
    "AWSXrayWriteOnlyAccess" in "/": "AWS X-Ray write only managed policy", false, [XRAY_WRITE];
    "AWSXrayFullAccess" in "/": "AWS X-Ray full access managed policy", false, [&["xray:*"]];
    "AmazonS3FullAccess" in "/": "Provides full access to all buckets via the AWS Management Console.",
        false, [&["s3:*", "s3-object-lambda:*"]];
    "AmazonS3ReadOnlyAccess" in "/": "Provides read only access to all buckets via the AWS Management Console.",
        false, [&["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"]];
    "AmazonDynamoDBFullAccess" in "/": "Provides full access to Amazon DynamoDB via the AWS Management Console.",
        false, [&["dynamodb:*", "dax:*", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics", "kinesis:ListStreams",
                  "lambda:CreateFunction", "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping",
                  "lambda:ListEventSourceMappings", "lambda:ListFunctions", "sns:ListTopics"]];
    "AmazonDynamoDBReadOnlyAccess" in "/": "Provides read only access to Amazon DynamoDB via the AWS Management Console.",
        false, [&["dynamodb:BatchGetItem", "dynamodb:Describe*", "dynamodb:List*", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan",
                  "dynamodb:PartiQLSelect"]];
    "AmazonSQSFullAccess" in "/": "Provides full access to Amazon SQS via the AWS Management Console.", false, [&["sqs:*"]];
    "AmazonSQSReadOnlyAccess" in "/": "Provides read only access to Amazon SQS via the AWS Management Console.",
        false, [&["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListDeadLetterSourceQueues", "sqs:ListQueues", "sqs:ListQueueTags"]];
    "AmazonSNSFullAccess" in "/": "Provides full access to Amazon SNS via the AWS Management Console.", false, [&["sns:*"]];
    "AmazonSNSReadOnlyAccess" in "/": "Provides read only access to Amazon SNS via the AWS Management Console.",
        false, [&["sns:GetTopicAttributes", "sns:List*", "sns:GetSubscriptionAttributes"]];
    "AmazonEventBridgeFullAccess" in "/": "Provides full access to Amazon EventBridge.",
        false, [&["events:*", "schemas:*", "scheduler:*", "pipes:*"]];
    "AmazonKinesisFullAccess" in "/": "Provides full access to all streams via the AWS Management Console.", false, [&["kinesis:*"]];
    "AmazonKinesisReadOnlyAccess" in "/": "Provides read only access to all streams via the AWS Management Console.",
        false, [&["kinesis:Get*", "kinesis:List*", "kinesis:Describe*"]];
    "CloudWatchLogsFullAccess" in "/": "Provides full access to CloudWatch Logs", false, [&["logs:*", "cloudwatch:GenerateQuery"]];
    "CloudWatchLogsReadOnlyAccess" in "/": "Provides read only access to CloudWatch Logs",
        false, [&["logs:Describe*", "logs:Get*", "logs:List*", "logs:StartQuery", "logs:StopQuery", "logs:TestMetricFilter", "logs:FilterLogEvents"]];
    "CloudWatchFullAccess" in "/": "Provides full access to CloudWatch.", false, [&["cloudwatch:*", "logs:*", "sns:*", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole"]];
    "SecretsManagerReadWrite" in "/": "Provides read/write access to AWS Secrets Manager via the AWS Management Console.",
        false, [&["secretsmanager:*", "kms:DescribeKey", "kms:ListAliases", "kms:ListKeys"]];
    "AmazonSSMFullAccess" in "/": "Provides full access to Amazon SSM.", false, [&["ssm:*"]];
    "AmazonSSMReadOnlyAccess" in "/": "Provides read only access to Amazon SSM.", false, [&["ssm:Describe*", "ssm:Get*", "ssm:List*"]];
    "AmazonEC2ContainerRegistryReadOnly" in "/": "Provides read-only access to Amazon EC2 Container Registry repositories.",
        false, [&["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy",
                  "ecr:DescribeRepositories", "ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage"]];
    "AmazonAPIGatewayAdministrator" in "/": "Provides full access to create/edit/delete APIs in Amazon API Gateway via the AWS Management Console.",
        false, [&["apigateway:*"]];
    "AmazonAPIGatewayInvokeFullAccess" in "/": "Provides full access to invoke APIs in Amazon API Gateway.",
        false, [&["execute-api:Invoke", "execute-api:ManageConnections"]];
    "AmazonAPIGatewayPushToCloudWatchLogs" in "/service-role/": "Allows API Gateway to push logs to user's account.",
        false, [&["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents",
                  "logs:GetLogEvents", "logs:FilterLogEvents"]];
    "AWSCloudFormationFullAccess" in "/": "Provides full access to AWS CloudFormation.", false, [&["cloudformation:*"]];
    "IAMUserChangePassword" in "/": "Provides the ability for an IAM user to change their own password.",
        false, [&["iam:ChangePassword", "iam:GetAccountPasswordPolicy"]];
    "IAMFullAccess" in "/": "Provides full access to IAM via the AWS Management Console.", false, [&["iam:*"]];
    "IAMReadOnlyAccess" in "/": "Provides read only access to IAM via the AWS Management Console.",
        false, [&["iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*", "iam:List*", "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy"]];
    "AdministratorAccess" in "/": "Provides full access to AWS services and resources.", false, [&["*"]];
    "PowerUserAccess" in "/": "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
        true, [&["iam:*", "organizations:*", "account:*"]];
    "ReadOnlyAccess" in "/": "Provides read-only access to AWS services and resources.", false, [READ_ONLY];
}
