//! A second opinion: libyaml, whose port Kubernetes uses, must see the same structure and scalars.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{Kind, Node, ParseProblem, Tree, problem};

/// Reads the text again with libyaml, along the tree.
pub(super) fn with_libyaml(text: &str, tree: &Tree) -> Result<(), ParseProblem> {
    if matches!(&tree.root.kind, Kind::Scalar { text, .. } if text.is_empty()) {
        return Ok(());
    }
    let Some(document) = serde_yaml::Deserializer::from_str(text).next() else {
        return Err(problem(None, "the file is empty: it holds no YAML document"));
    };
    Same(&tree.root).deserialize(document).map_err(|error| ParseProblem {
        line: error.location().map(|location| location.line()),
        message: error.to_string(),
    })
}

/// Succeeds where the input is what this node is.
#[derive(Clone, Copy)]
struct Same<'t>(&'t Node);

impl Same<'_> {
    fn differs<E: serde::de::Error>(self) -> E {
        E::custom(format!(
            "YAML readers understand line {} differently: write it in a plainer way",
            self.0.line
        ))
    }
}

impl<'de> DeserializeSeed<'de> for Same<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match &self.0.kind {
            Kind::Scalar { .. } => deserializer.deserialize_str(self),
            Kind::List { .. } => deserializer.deserialize_seq(self),
            Kind::Map { .. } => deserializer.deserialize_map(self),
            // Its value was compared at its anchor; here only its place counts.
            Kind::Alias(_) => deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ()),
        }
    }
}

impl<'de> Visitor<'de> for Same<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0.kind {
            Kind::Scalar { .. } => "a scalar",
            Kind::List { .. } => "a list",
            Kind::Map { .. } => "a mapping",
            Kind::Alias(_) => "an alias",
        })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if self.0.text() == Some(text) { Ok(()) } else { Err(self.differs()) }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        match &self.0.kind {
            Kind::Scalar { text, .. } if !text.is_empty() => Err(self.differs()),
            _ => Ok(()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<(), A::Error> {
        for item in self.0.items() {
            input.next_element_seed(Same(item))?.ok_or_else(|| self.differs())?;
        }
        let rest = input.next_element::<IgnoredAny>()?;
        if rest.is_some() { Err(self.differs()) } else { Ok(()) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<(), A::Error> {
        for (key, value) in self.0.entries() {
            input.next_key_seed(Same(key))?.ok_or_else(|| self.differs())?;
            input.next_value_seed(Same(value))?;
        }
        let rest = input.next_key::<IgnoredAny>()?;
        if rest.is_some() { Err(A::Error::custom(self.differs::<A::Error>())) } else { Ok(()) }
    }
}
