//! What forms and XML of one service differ in from those of another.

use crate::schema::{Kind, Member, ServiceModel};

/// A dialect of the protocol.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Of the XML.
    pub xml_namespace: &'static str,
    /// Lists and maps whose elements have no element around them. Any other list is one of `member`, any other map one of `entry`.
    pub flat: &'static [Flat],
    /// What this protocol calls an error.
    pub error_code: fn(&'static str) -> &'static str,
}

/// A list or a map that is flat.
#[derive(Debug)]
pub struct Flat {
    /// The member.
    pub member: &'static str,
    /// The name of each element; empty where it is that of the elements' shape.
    pub element: &'static str,
    /// In a map, the names of key and value.
    pub entry: (&'static str, &'static str),
}

impl Dialect {
    /// That of a service whose model says everything.
    pub fn usual(model: &ServiceModel) -> Self {
        Self::in_namespace(model.xml_namespace)
    }

    /// That of errors of no service.
    pub fn in_namespace(xml_namespace: &'static str) -> Self {
        Self { xml_namespace, flat: &[], error_code: |code| code }
    }

    /// How the elements of a member are named, if it is flat.
    pub(super) fn flat(
        &self,
        model: &ServiceModel,
        member: &Member,
    ) -> Option<(&'static str, (&'static str, &'static str))> {
        let flat = self.flat.iter().find(|flat| flat.member == member.name)?;
        let element = match &model.shapes[member.shape].kind {
            Kind::List { member, .. } if flat.element.is_empty() => model.shapes[*member].name,
            Kind::List { .. } | Kind::Map { .. } => flat.element,
            _ => return None,
        };
        Some((element, flat.entry))
    }
}
