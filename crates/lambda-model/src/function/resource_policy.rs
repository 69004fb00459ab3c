//! Resource policies of functions and layer versions: statements under ids, in AWS's own JSON (M-01, V-04).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{LambdaError, limits};

/// The policy of a function, a version, an alias or a layer version. One without statements does not exist.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourcePolicy {
    /// `Id` of the document; `default` where Lambda made it.
    pub id: Option<String>,
    /// In the order in which they were added.
    pub statements: Vec<Value>,
}

/// What AddPermission asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Unique in the policy.
    pub statement_id: String,
    /// Such as `lambda:InvokeFunction`.
    pub action: String,
    /// A service, an account, an ARN, or `*`.
    pub principal: String,
    /// `AWS:SourceArn`, with wildcards.
    pub source_arn: Option<String>,
    /// `AWS:SourceAccount`.
    pub source_account: Option<String>,
    /// `aws:PrincipalOrgID`.
    pub principal_org_id: Option<String>,
    /// `lambda:EventSourceToken`.
    pub event_source_token: Option<String>,
    /// `lambda:FunctionUrlAuthType`.
    pub function_url_auth_type: Option<String>,
    /// `lambda:InvokedViaFunctionUrl`.
    pub invoked_via_function_url: Option<bool>,
}

impl Grant {
    /// The statement for a resource, as recorded.
    ///
    /// # Errors
    /// A principal that can be none.
    pub fn statement(&self, resource_arn: &str) -> Result<Value, LambdaError> {
        let mut statement = json!({
            "Sid": self.statement_id,
            "Effect": "Allow",
            "Principal": principal(&self.principal)?,
            "Action": self.action,
            "Resource": resource_arn,
        });
        let conditions = self.conditions();
        if !conditions.is_empty() {
            statement["Condition"] = conditions.into();
        }
        Ok(statement)
    }

    fn conditions(&self) -> Map<String, Value> {
        let text = |value: &Option<String>| value.clone().map(Value::from);
        let flag = self.invoked_via_function_url.map(|flag| Value::from(flag.to_string()));
        let mut conditions = Map::new();
        for (operator, key, value) in [
            ("StringEquals", "AWS:SourceAccount", text(&self.source_account)),
            ("StringEquals", "aws:PrincipalOrgID", text(&self.principal_org_id)),
            ("StringEquals", "lambda:EventSourceToken", text(&self.event_source_token)),
            ("StringEquals", "lambda:FunctionUrlAuthType", text(&self.function_url_auth_type)),
            ("Bool", "lambda:InvokedViaFunctionUrl", flag),
            ("ArnLike", "AWS:SourceArn", text(&self.source_arn)),
        ] {
            if let Some(value) = value {
                let keys = conditions.entry(operator).or_insert_with(|| json!({}));
                keys[key] = value;
            }
        }
        conditions
    }
}

/// A principal as statements name it.
fn principal(principal: &str) -> Result<Value, LambdaError> {
    let is_account = principal.len() == 12 && principal.bytes().all(|byte| byte.is_ascii_digit());
    if principal == "*" {
        Ok("*".into())
    } else if is_account {
        Ok(json!({"AWS": format!("arn:aws:iam::{principal}:root")}))
    } else if principal.starts_with("arn:") && principal.split(':').count() >= 6 {
        Ok(json!({"AWS": principal}))
    } else if principal.contains('.') && !principal.contains([':', '*', ' ', '/']) {
        Ok(json!({"Service": principal}))
    } else {
        Err(LambdaError::InvalidParameterValue(
            "The provided principal was invalid. Please check the principal and try again.".into(),
        ))
    }
}

impl ResourcePolicy {
    /// Adds a statement.
    ///
    /// # Errors
    /// 409 when its id is taken, 400 when the policy grows too large.
    pub fn add(&mut self, statement: Value) -> Result<(), LambdaError> {
        let id = statement["Sid"].as_str().unwrap_or_default();
        if self.find(id).is_some() {
            return Err(LambdaError::ResourceConflict(format!(
                "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement."
            )));
        }
        self.statements.push(statement);
        self.check_length()
    }

    /// Removes a statement.
    ///
    /// # Errors
    /// 404 when there is none of this id.
    pub fn remove(&mut self, statement_id: &str) -> Result<(), LambdaError> {
        let index = self.find(statement_id).ok_or_else(|| {
            LambdaError::ResourceNotFound(format!(
                "Statement {statement_id} is not found in resource policy."
            ))
        })?;
        self.statements.remove(index);
        Ok(())
    }

    fn find(&self, statement_id: &str) -> Option<usize> {
        self.statements.iter().position(|statement| statement["Sid"] == statement_id)
    }

    /// The document, on one line.
    pub fn document(&self) -> String {
        let id = self.id.as_deref().unwrap_or("default");
        json!({"Version": "2012-10-17", "Id": id, "Statement": self.statements}).to_string()
    }

    /// Checks that the document is not larger than a policy may be (B.25).
    ///
    /// # Errors
    /// 400 with both sizes.
    pub fn check_length(&self) -> Result<(), LambdaError> {
        let length = self.document().len();
        if length <= limits::RESOURCE_POLICY_BYTES_MAX {
            return Ok(());
        }
        Err(LambdaError::PolicyLengthExceeded(format!(
            "The final policy size ({length}) is bigger than the limit ({}).",
            limits::RESOURCE_POLICY_BYTES_MAX
        )))
    }

    /// Reads a whole document, as PutResourcePolicy takes it.
    ///
    /// # Errors
    /// 400 for what is no policy, or one of something else than `resource_arn`.
    pub fn parse(document: &str, resource_arn: &str) -> Result<Self, LambdaError> {
        let malformed =
            |why: &str| LambdaError::InvalidParameterValue(format!("The policy is malformed: {why}."));
        let value: Value = serde_json::from_str(document).map_err(|_| malformed("it is no JSON"))?;
        let object = value.as_object().ok_or_else(|| malformed("it is no object"))?;
        let statements = match object.get("Statement") {
            Some(Value::Array(statements)) => statements.clone(),
            Some(Value::Object(statement)) => vec![Value::Object(statement.clone())],
            _ => return Err(malformed("it has no Statement")),
        };
        if statements.is_empty() {
            return Err(malformed("it has no Statement"));
        }
        statements
            .iter()
            .try_for_each(|statement| check_statement(statement, resource_arn).map_err(malformed))?;
        let id = object.get("Id").and_then(Value::as_str).map(str::to_owned);
        let policy = Self { id, statements };
        policy.check_length()?;
        Ok(policy)
    }

    /// Whether another account may do `action` by this policy alone. A statement with conditions grants nothing to an account as such.
    pub fn allows_account(&self, account_id: &str, action: &str) -> bool {
        let root = format!("arn:aws:iam::{account_id}:root");
        let names = |value: &Value| value == "*" || *value == *account_id || *value == *root;
        self.statements.iter().any(|statement| {
            let principal = &statement["Principal"];
            let is_meant = names(principal)
                || names(&principal["AWS"])
                || principal["AWS"].as_array().is_some_and(|list| list.iter().any(names));
            let is_unconditional = statement.get("Condition").is_none();
            statement["Effect"] == "Allow" && statement["Action"] == action && is_meant && is_unconditional
        })
    }
}

/// What every statement of a resource policy has.
fn check_statement(statement: &Value, resource_arn: &str) -> Result<(), &'static str> {
    let has = |name: &str| statement.get(name).is_some();
    if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
        return Err("Effect must be Allow or Deny");
    }
    if !has("Action") && !has("NotAction") {
        return Err("a statement has no Action");
    }
    if !has("Principal") && !has("NotPrincipal") {
        return Err("a statement has no Principal");
    }
    match &statement["Resource"] {
        Value::Null => Err("a statement has no Resource"),
        Value::String(resource) if resource != resource_arn && resource != "*" => {
            Err("a statement is about another resource")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
