//! Renders a template.

use std::{collections::HashMap, sync::Arc};

use super::{
    Map, RenderError, Scope, Value,
    meter::{self, Meter, TEXT_BYTES_MAX},
    methods, numbers, print,
    syntax::{Block, Expression, Macro, Node, Operator, Path, Step},
    util,
    value::Definition,
};

/// Times that a loop goes round at most (API Gateway quotas: 1,000 iterations of a `#foreach`).
const ITERATIONS_MAX: usize = 1_000;
/// What a template does at most, so that loops in loops end: things rendered, and steps of paths.
const WORK_MAX: usize = 1_000_000;
/// Macros and definitions that name themselves.
const DEPTH_MAX: usize = 20;
/// Blocks and expressions in each other, those of macros in macros too: what fits on the stack of a thread (2 MB).
const NESTED_MAX: usize = 256;

/// Renders a block in a scope.
pub(super) fn render(block: &Block, scope: &mut Scope) -> Result<String, RenderError> {
    let _meter = Meter::start();
    let mut renderer = Renderer { scope, macros: HashMap::new(), work: 0, bytes: 0, depth: 0, nested: 0 };
    let mut out = String::new();
    renderer.block(block, &mut out)?;
    Ok(out)
}

struct Renderer<'s> {
    scope: &'s mut Scope,
    macros: HashMap<String, Arc<Macro>>,
    work: usize,
    /// What all texts together have grown by.
    bytes: usize,
    depth: usize,
    nested: usize,
}

/// How a block ended.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Stop,
}

type Rendered<T> = Result<T, RenderError>;

impl Renderer<'_> {
    fn block(&mut self, block: &Block, out: &mut String) -> Rendered<Flow> {
        self.nested(|this| this.nodes(block, out))
    }

    fn nodes(&mut self, nodes: &[Node], out: &mut String) -> Rendered<Flow> {
        for node in nodes {
            let before = out.len();
            let flow = self.node(node, out)?;
            self.grown(out.len().saturating_sub(before))?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &Node, out: &mut String) -> Rendered<Flow> {
        self.worked()?;
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Reference(path) => print::print(&self.path(path)?, out, 0)?,
            Node::Set { target, value } => {
                let value = self.expression(value)?;
                self.set(target, value)?;
            }
            Node::If { branches, otherwise } => {
                for (condition, body) in branches {
                    if self.expression(condition)?.is_true() {
                        return self.block(body, out);
                    }
                }
                return self.block(otherwise, out);
            }
            Node::Foreach { name, values, body } => return self.foreach(name, values, body, out),
            Node::Break => return Ok(Flow::Break),
            Node::Stop => return Ok(Flow::Stop),
            Node::Define { name, body } => self.scope.set(name, Value::Block(Definition(Arc::clone(body)))),
            Node::Macro(named) => {
                self.macros.insert(named.name.clone(), Arc::clone(named));
            }
            Node::Call { name, arguments, written } => match self.macros.get(name).cloned() {
                Some(named) => return self.call(&named, arguments, out),
                None => out.push_str(written),
            },
        }
        Ok(Flow::On)
    }

    fn foreach(&mut self, name: &str, values: &Expression, body: &Block, out: &mut String) -> Rendered<Flow> {
        let items = items_of(self.expression(values)?);
        if items.len() > ITERATIONS_MAX {
            return Err(RenderError(format!("#foreach goes round at most {ITERATIONS_MAX} times")));
        }
        let before = [name, "foreach", "velocityCount"].map(|name| (name, self.scope.take(name)));
        let parent = before[1].1.clone().unwrap_or_default();
        let mut flow = Flow::On;
        let count = items.len();
        for (index, item) in items.into_iter().enumerate() {
            self.scope.set(name, item);
            self.scope.set("foreach", round(index, count, &parent));
            self.scope.set("velocityCount", whole(index + 1));
            flow = self.block(body, out)?;
            if flow != Flow::On {
                break;
            }
        }
        for (name, value) in before {
            match value {
                Some(value) => self.scope.set(name, value),
                None => drop(self.scope.take(name)),
            }
        }
        Ok(if flow == Flow::Stop { Flow::Stop } else { Flow::On })
    }

    fn call(&mut self, named: &Macro, arguments: &[Expression], out: &mut String) -> Rendered<Flow> {
        let parameters = &named.parameters;
        let values: Vec<Value> = arguments.iter().map(|it| self.expression(it)).collect::<Rendered<_>>()?;
        let before: Vec<_> = parameters.iter().map(|name| (name, self.scope.take(name))).collect();
        for (name, value) in parameters.iter().zip(values) {
            self.scope.set(name, value);
        }
        let flow = self.deeper(|this| this.block(&named.body, out))?;
        for (name, value) in before {
            match value {
                Some(value) => self.scope.set(name, value),
                None => drop(self.scope.take(name)),
            }
        }
        Ok(flow)
    }

    fn set(&mut self, target: &Path, value: Value) -> Rendered<()> {
        let Some((last, steps)) = target.steps.split_last() else {
            self.scope.set(&target.root, value);
            return Ok(());
        };
        let mut holder = self.scope.get(&target.root).cloned().unwrap_or_default();
        for step in steps {
            holder = self.step(&holder, step)?;
        }
        let key = match last {
            Step::Property(name) => Value::text(name),
            Step::Index(index) => self.expression(index)?,
            Step::Method(name, _) => return Err(RenderError(format!("{name}() cannot be set"))),
        };
        self.scope.holds(&holder, &[&value]);
        match (&holder, key) {
            (Value::Map(map), key) => {
                map.borrow_mut().insert(print::text_of(&key)?, value);
            }
            (Value::List { items, .. }, Value::Integer(index)) => {
                let length = items.borrow().len();
                if let Some(at) = position(index, length) {
                    items.borrow_mut()[at] = value;
                }
            }
            // As Velocity does: what cannot take it does not.
            _ => {}
        }
        Ok(())
    }

    fn path(&mut self, path: &Path) -> Rendered<Value> {
        let mut value = self.scope.get(&path.root).cloned().unwrap_or_default();
        for step in &path.steps {
            value = self.step(&value, step)?;
        }
        if let Value::Block(definition) = &value {
            return self.defined(&definition.0);
        }
        // What is not there is an empty text, in conditions too.
        Ok(if matches!(value, Value::Null) { Value::text("") } else { value })
    }

    /// What `#define` gave a name to is rendered where it is used.
    fn defined(&mut self, block: &Block) -> Rendered<Value> {
        let mut out = String::new();
        self.deeper(|this| this.block(block, &mut out).map(drop))?;
        Ok(Value::text(out))
    }

    fn step(&mut self, value: &Value, step: &Step) -> Rendered<Value> {
        self.worked()?;
        match step {
            Step::Property(name) => Ok(methods::property(value, name)),
            Step::Index(index) => {
                let index = self.expression(index)?;
                Ok(at(value, &index)?)
            }
            Step::Method(name, arguments) => {
                let arguments: Vec<Value> =
                    arguments.iter().map(|it| self.expression(it)).collect::<Rendered<_>>()?;
                self.scope.holds(value, &arguments.iter().collect::<Vec<_>>());
                let found = match value {
                    Value::Input(input) => input.call(name, &arguments)?,
                    Value::Util => util::call(name, &arguments)?,
                    value => methods::call(value, name, &arguments)?,
                };
                if let Value::Text(text) = &found {
                    self.grown(text.len())?;
                }
                meter::check()?;
                Ok(found)
            }
        }
    }

    fn expression(&mut self, expression: &Expression) -> Rendered<Value> {
        self.nested(|this| this.value(expression))
    }

    fn value(&mut self, expression: &Expression) -> Rendered<Value> {
        self.worked()?;
        Ok(match expression {
            Expression::Boolean(value) => Value::Boolean(*value),
            Expression::Integer(number) => Value::Integer(*number),
            Expression::Decimal(number) => Value::Decimal(*number),
            Expression::Text(text) => Value::text(text),
            Expression::Interpolated(block) => {
                let mut out = String::new();
                self.block(block, &mut out)?;
                Value::text(out)
            }
            Expression::List(items) => {
                Value::list(items.iter().map(|item| self.expression(item)).collect::<Rendered<_>>()?)
            }
            Expression::Range(ends) => {
                let (first, last) = (self.expression(&ends.0)?, self.expression(&ends.1)?);
                range(&first, &last)?
            }
            Expression::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let key = print::text_of(&self.expression(key)?)?;
                    map.insert(key, self.expression(value)?);
                }
                Value::map(map)
            }
            Expression::Reference(path) => self.path(path)?,
            Expression::Not(inner) => Value::Boolean(!self.expression(inner)?.is_true()),
            Expression::Negative(inner) => {
                numbers::calculate(Operator::Minus, &Value::Integer(0), &self.expression(inner)?)
            }
            Expression::Chain(first, others) => {
                let mut value = self.expression(first)?;
                for (operator, right) in others {
                    value = self.binary(*operator, value, right)?;
                }
                value
            }
        })
    }

    fn binary(&mut self, operator: Operator, left: Value, right: &Expression) -> Rendered<Value> {
        // What does not matter any more is not looked at.
        match operator {
            Operator::Or if left.is_true() => return Ok(Value::Boolean(true)),
            Operator::And if !left.is_true() => return Ok(Value::Boolean(false)),
            _ => {}
        }
        let right = self.expression(right)?;
        Ok(match operator {
            Operator::Or | Operator::And => Value::Boolean(right.is_true()),
            Operator::Equal => Value::Boolean(methods::equal(&left, &right)?),
            Operator::NotEqual => Value::Boolean(!methods::equal(&left, &right)?),
            Operator::Less => compare(&left, &right, |order| order.is_lt()),
            Operator::LessOrEqual => compare(&left, &right, |order| order.is_le()),
            Operator::Greater => compare(&left, &right, |order| order.is_gt()),
            Operator::GreaterOrEqual => compare(&left, &right, |order| order.is_ge()),
            Operator::Plus if matches!(left, Value::Text(_)) || matches!(right, Value::Text(_)) => {
                let text = print::text_of(&left)? + &print::text_of(&right)?;
                self.grown(text.len())?;
                Value::text(text)
            }
            operator => numbers::calculate(operator, &left, &right),
        })
    }

    fn worked(&mut self) -> Rendered<()> {
        self.work += 1;
        match self.work > WORK_MAX {
            true => Err(RenderError("the template does too much".to_owned())),
            false => meter::check(),
        }
    }

    fn grown(&mut self, bytes: usize) -> Rendered<()> {
        self.bytes += bytes;
        // What is printed counts once for each thing that it is in, of which there are few.
        match self.bytes > TEXT_BYTES_MAX {
            true => Err(RenderError("the template gives too much".to_owned())),
            false => Ok(()),
        }
    }

    fn nested<T>(&mut self, render: impl FnOnce(&mut Self) -> Rendered<T>) -> Rendered<T> {
        if self.nested == NESTED_MAX {
            return Err(RenderError("the template is too deep".to_owned()));
        }
        self.nested += 1;
        let rendered = render(self);
        self.nested -= 1;
        rendered
    }

    fn deeper<T>(&mut self, render: impl FnOnce(&mut Self) -> Rendered<T>) -> Rendered<T> {
        if self.depth == DEPTH_MAX {
            return Err(RenderError("a macro or a definition names itself".to_owned()));
        }
        self.depth += 1;
        let rendered = render(self);
        self.depth -= 1;
        rendered
    }
}

fn whole(number: usize) -> Value {
    Value::Integer(number as i128)
}

/// `$foreach`.
fn round(index: usize, count: usize, parent: &Value) -> Value {
    let members = [
        ("index", whole(index)),
        ("count", whole(index + 1)),
        ("hasNext", Value::Boolean(index + 1 < count)),
        ("first", Value::Boolean(index == 0)),
        ("last", Value::Boolean(index + 1 == count)),
        ("parent", parent.clone()),
    ];
    Value::map(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}

/// What a loop goes through; of a map its values.
fn items_of(value: Value) -> Vec<Value> {
    match value {
        Value::List { items, .. } => items.borrow().clone(),
        Value::Map(map) => map.borrow().values().cloned().collect(),
        _ => Vec::new(),
    }
}

fn range(first: &Value, last: &Value) -> Rendered<Value> {
    let (Some(first), Some(last)) = (first.integer(), last.integer()) else { return Ok(Value::Null) };
    if first.abs_diff(last) >= ITERATIONS_MAX as u128 {
        return Err(RenderError(format!("a range has at most {ITERATIONS_MAX} numbers")));
    }
    let numbers: Vec<Value> = match first <= last {
        true => (first..=last).map(Value::Integer).collect(),
        false => (last..=first).rev().map(Value::Integer).collect(),
    };
    Ok(Value::list(numbers))
}

/// An index as a place in a list; from its end where it is negative.
fn position(index: i128, length: usize) -> Option<usize> {
    let length = length as i128;
    let index = if index < 0 { index + length } else { index };
    (0..length).contains(&index).then_some(index as usize)
}

fn at(value: &Value, index: &Value) -> Rendered<Value> {
    Ok(match (value, index) {
        (Value::List { items, .. }, Value::Integer(index)) => {
            let items = items.borrow();
            position(*index, items.len()).and_then(|at| items.get(at).cloned()).unwrap_or_default()
        }
        (Value::Map(map), key) => {
            let key = print::text_of(key)?;
            map.borrow().get(&key).cloned().unwrap_or_default()
        }
        _ => Value::Null,
    })
}

/// Only numbers are less or more than others.
fn compare(left: &Value, right: &Value, holds: fn(std::cmp::Ordering) -> bool) -> Value {
    let order = match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        _ => left.number().zip(right.number()).and_then(|(left, right)| left.partial_cmp(&right)),
    };
    Value::Boolean(order.is_some_and(holds))
}
