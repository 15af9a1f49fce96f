//! A second opinion: libyaml itself, through the serde reader.
//!
//! It accepts the text before the tree is made, and must see the same structure and scalars in it.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{Kind, Node, ParseProblem, Tree, problem};

/// How many documents libyaml finds; an error in the first one is an error.
pub(super) fn documents(text: &str) -> Result<usize, ParseProblem> {
    let mut count = 0;
    for document in serde_yaml::Deserializer::from_str(text) {
        count += 1;
        match IgnoredAny::deserialize(document) {
            Err(error) if count == 1 => return Err(explain(&error)),
            // The kubelet reads the first document and does not look further.
            Err(_) => break,
            Ok(_) => {}
        }
    }
    if count == 0 {
        return Err(problem(None, "the file is empty: it holds no YAML document"));
    }
    Ok(count)
}

/// Reads the text along the tree.
pub(super) fn with_libyaml(text: &str, tree: &Tree) -> Result<(), ParseProblem> {
    let document = serde_yaml::Deserializer::from_str(text).next();
    document.map_or(Ok(()), |document| {
        Same(&tree.root).deserialize(document).map_err(|error| explain(&error))
    })
}

fn explain(error: &serde_yaml::Error) -> ParseProblem {
    let text = error.to_string();
    let line = error.location().map(|location| location.line());
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    ParseProblem { line, message }
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
        if rest.is_some() { Err(self.differs()) } else { Ok(()) }
    }
}
