//! From text to a path.

use super::{
    Function, JsonPath, JsonPathError, Step,
    filter::{Comparison, Filter, Operand, Test},
};

/// How deep conditions may be in each other.
const DEPTH_MAX: usize = 32;

type Parsed<T> = Result<T, JsonPathError>;

pub(super) fn path(text: &str) -> Parsed<JsonPath> {
    let text = text.trim();
    let mut reader = Reader { rest: text, depth: 0 };
    if !reader.take("$") && !text.starts_with('[') {
        // A name alone is from the root.
        reader = Reader { rest: text, depth: 0 };
        let mut steps = Vec::new();
        if !text.is_empty() && !text.starts_with('.') {
            steps.push(reader.name()?);
        }
        return reader.path_of(steps);
    }
    reader.path_of(Vec::new())
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn path_of(&mut self, mut steps: Vec<Step>) -> Parsed<JsonPath> {
        let function = self.steps(&mut steps)?;
        match self.rest.is_empty() {
            true => Ok(JsonPath { steps, function }),
            false => Err(self.wrong()),
        }
    }

    /// Steps as long as there are any, and the function behind them.
    fn steps(&mut self, steps: &mut Vec<Step>) -> Parsed<Option<Function>> {
        loop {
            if self.take("..") {
                steps.push(Step::Deep);
                if !self.rest.starts_with('[') {
                    steps.push(self.name()?);
                }
            } else if self.take(".") {
                if let Some(function) = self.function() {
                    return Ok(Some(function));
                }
                steps.push(self.name()?);
            } else if self.take("[") {
                steps.push(self.bracket()?);
            } else {
                return Ok(None);
            }
        }
    }

    fn function(&mut self) -> Option<Function> {
        let all = [
            ("length()", Function::Length),
            ("size()", Function::Length),
            ("keys()", Function::Keys),
            ("min()", Function::Minimum),
            ("max()", Function::Maximum),
            ("sum()", Function::Sum),
            ("avg()", Function::Average),
        ];
        let (_, function) = all.into_iter().find(|(written, _)| self.take(written))?;
        Some(function)
    }

    /// A name without brackets; it may have more in it than those of RFC 9535: `a-b`.
    fn name(&mut self) -> Parsed<Step> {
        let is_end = |character: char| " .[]()!=<>&|,'\"".contains(character);
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(self.wrong());
        }
        self.rest = rest;
        Ok(if name == "*" { Step::All } else { Step::Members(vec![name.to_owned()]) })
    }

    fn bracket(&mut self) -> Parsed<Step> {
        self.space();
        let step = match self.rest.chars().next() {
            Some('*') => {
                self.take("*");
                Step::All
            }
            Some('\'' | '"') => {
                let mut names = vec![self.quoted()?];
                while self.comma() {
                    names.push(self.quoted()?);
                }
                Step::Members(names)
            }
            Some('?') => {
                self.take("?");
                self.expect("(")?;
                let filter = self.any_of()?;
                self.expect(")")?;
                Step::Those(filter)
            }
            _ => self.places()?,
        };
        self.expect("]")?;
        Ok(step)
    }

    fn places(&mut self) -> Parsed<Step> {
        let first = self.integer();
        self.space();
        if self.take(":") {
            return Ok(Step::Slice(first, self.integer()));
        }
        let mut places = vec![first.ok_or_else(|| self.wrong())?];
        while self.comma() {
            places.push(self.integer().ok_or_else(|| self.wrong())?);
        }
        Ok(Step::Items(places))
    }

    fn any_of(&mut self) -> Parsed<Filter> {
        self.deeper(|this| {
            let mut any = vec![this.all_of()?];
            while this.takes_next("||") {
                any.push(this.all_of()?);
            }
            Ok(Filter::Any(any))
        })
    }

    fn all_of(&mut self) -> Parsed<Filter> {
        let mut all = vec![self.test()?];
        while self.takes_next("&&") {
            all.push(self.test()?);
        }
        Ok(Filter::All(all))
    }

    fn test(&mut self) -> Parsed<Filter> {
        self.space();
        if self.take("!") {
            return Ok(Filter::Not(Box::new(self.deeper(Self::test)?)));
        }
        if self.take("(") {
            let inner = self.any_of()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let left = self.operand()?;
        self.space();
        let all = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("in ", Comparison::In),
            ("nin ", Comparison::NotIn),
        ];
        let found = all.into_iter().find(|(written, _)| self.take(written));
        Ok(Filter::Test(match found {
            Some((_, comparison)) => Test::Compared(left, comparison, self.operand()?),
            None => Test::Exists(left),
        }))
    }

    fn operand(&mut self) -> Parsed<Operand> {
        self.space();
        let is_of_item = self.rest.starts_with('@');
        if is_of_item || self.rest.starts_with('$') {
            self.rest = &self.rest[1..];
            let mut steps = Vec::new();
            let function = self.deeper(|this| this.steps(&mut steps))?;
            return Ok(Operand::Path { path: JsonPath { steps, function }, is_of_item });
        }
        if self.rest.starts_with(['\'', '"']) {
            return Ok(Operand::Literal(serde_json::Value::String(self.quoted()?)));
        }
        if self.take("[") {
            let mut items = Vec::new();
            self.space();
            while !self.take("]") {
                match self.operand()? {
                    Operand::Literal(item) => items.push(item),
                    Operand::Path { .. } => return Err(self.wrong()),
                }
                self.comma();
            }
            return Ok(Operand::Literal(items.into()));
        }
        let is_end = |character: char| " )],&|=<>!".contains(character);
        let (word, rest) = self.rest.split_at(self.rest.find(is_end).unwrap_or(self.rest.len()));
        let literal: serde_json::Value = serde_json::from_str(word).map_err(|_| self.wrong())?;
        self.rest = rest;
        Ok(Operand::Literal(literal))
    }

    /// A text in quotes; a backslash keeps what follows it.
    fn quoted(&mut self) -> Parsed<String> {
        self.space();
        let mut characters = self.rest.char_indices();
        let Some((_, quote @ ('\'' | '"'))) = characters.next() else { return Err(self.wrong()) };
        let mut text = String::new();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, kept)| kept)),
                end if end == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                other => text.push(other),
            }
        }
        Err(self.wrong())
    }

    fn integer(&mut self) -> Option<i64> {
        self.space();
        let is_of =
            |(at, character): (usize, char)| character.is_ascii_digit() || (at == 0 && character == '-');
        let end = self.rest.char_indices().find(|it| !is_of(*it)).map_or(self.rest.len(), |(at, _)| at);
        let number = self.rest[..end].parse().ok()?;
        self.rest = &self.rest[end..];
        Some(number)
    }

    fn comma(&mut self) -> bool {
        self.takes_next(",")
    }

    fn takes_next(&mut self, text: &str) -> bool {
        self.space();
        self.take(text)
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, text: &str) -> Parsed<()> {
        match self.takes_next(text) {
            true => Ok(()),
            false => Err(self.wrong()),
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEPTH_MAX {
            return Err(self.wrong());
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn wrong(&self) -> JsonPathError {
        JsonPathError(format!("at '{}'", self.rest.chars().take(40).collect::<String>()))
    }
}
