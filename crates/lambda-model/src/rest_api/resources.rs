//! Which resource a path leads to: plain parts before variables, variables before those that take all the rest.

use std::collections::BTreeMap;

/// Resources by their paths.
#[derive(Debug, Clone, Default)]
pub struct ResourceTable {
    root: Node,
}

#[derive(Debug, Clone, Default)]
struct Node {
    plain: BTreeMap<String, Node>,
    variable: Option<(String, Box<Node>)>,
    greedy: Option<(String, String)>,
    id: Option<String>,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundResource {
    /// The resource.
    pub id: String,
    /// What its variables stand for, decoded.
    pub parameters: BTreeMap<String, String>,
}

impl ResourceTable {
    /// The table of resources: paths and ids.
    pub fn new<'a>(resources: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut table = Self::default();
        resources.for_each(|(path, id)| table.add(path, id));
        table
    }

    fn add(&mut self, path: &str, id: &str) {
        let mut node = &mut self.root;
        for part in parts(path) {
            let variable = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            node = match variable {
                Some(name) => match name.strip_suffix('+') {
                    Some(name) => {
                        node.greedy = Some((name.to_owned(), id.to_owned()));
                        return;
                    }
                    None => &mut node.variable.get_or_insert_with(|| (name.to_owned(), Box::default())).1,
                },
                None => node.plain.entry(part.to_owned()).or_default(),
            };
        }
        node.id = Some(id.to_owned());
    }

    /// The resource of a path, as it was sent, that `has` what the request wants; the most particular one first.
    pub fn find(&self, path: &str, has: impl Fn(&str) -> bool) -> Option<FoundResource> {
        let parts: Vec<&str> = parts(path).collect();
        let mut parameters = BTreeMap::new();
        let id = self.root.find(&parts, &has, &mut parameters)?;
        Some(FoundResource { id: id.to_owned(), parameters })
    }
}

impl Node {
    fn find(
        &self,
        parts: &[&str],
        has: &dyn Fn(&str) -> bool,
        parameters: &mut BTreeMap<String, String>,
    ) -> Option<&str> {
        let Some((first, rest)) = parts.split_first() else {
            return self.id.as_deref().filter(|id| has(id));
        };
        if let Some(found) = self.plain.get(*first).and_then(|node| node.find(rest, has, parameters)) {
            return Some(found);
        }
        if let Some((name, node)) = &self.variable
            && let Some(found) = node.find(rest, has, parameters)
        {
            parameters.insert(name.clone(), decoded(first));
            return Some(found);
        }
        let (name, id) = self.greedy.as_ref().filter(|(_, id)| has(id))?;
        parameters.insert(name.clone(), decoded(&parts.join("/")));
        Some(id)
    }
}

/// The parts of a path; a slash at its end makes no difference.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').filter(move |_| !path.is_empty())
}

/// REST APIs decode parameters before they pass them on (API Gateway guide, "Important notes").
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<(&str, &[(&str, &str)])>) {
        let all = [
            "/",
            "/pets",
            "/pets/{id}",
            "/pets/{id}/toys",
            "/pets/special",
            "/files/{path+}",
            "/{any+}",
            "/v/{x}/{y+}",
        ];
        let table = ResourceTable::new(all.iter().map(|path| (*path, *path)));
        let found = table.find(path, |_| true);
        let shown = found.as_ref().map(|found| {
            (
                found.id.as_str(),
                found.parameters.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(),
            )
        });
        assert_eq!(shown, expected.map(|(id, parameters)| (id, parameters.to_vec())), "{path}");
    }

    #[test]
    fn the_most_particular_resource_is_taken() {
        check("/", Some(("/", &[])));
        check("", Some(("/", &[])));
        check("/pets", Some(("/pets", &[])));
        check("/pets/", Some(("/pets", &[])));
        check("/pets/7", Some(("/pets/{id}", &[("id", "7")])));
        check("/pets/a%2Fb", Some(("/pets/{id}", &[("id", "a/b")])));
        check("/pets/special", Some(("/pets/special", &[])));
        check("/pets/special/toys", Some(("/pets/{id}/toys", &[("id", "special")])));
        check("/files/a/b%20c", Some(("/files/{path+}", &[("path", "a/b c")])));
        check("/files", Some(("/{any+}", &[("any", "files")])));
        check("/pets/1/none", Some(("/{any+}", &[("any", "pets/1/none")])));
        check("/v/1/2/3", Some(("/v/{x}/{y+}", &[("x", "1"), ("y", "2/3")])));
        check("//x", Some(("/{any+}", &[("any", "/x")])));
    }

    #[test]
    fn what_has_not_what_is_wanted_is_passed_over() {
        let table = ResourceTable::new([("/pets", "a"), ("/{any+}", "b")].into_iter());
        assert_eq!(table.find("/pets", |id| id == "b").map(|it| it.id).as_deref(), Some("b"));
        assert_eq!(table.find("/pets", |_| false), None);
        assert_eq!(table.find("/", |_| true), None);
    }
}
