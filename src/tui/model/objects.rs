//! The objects of one finding: which are listed, and which is under the cursor.

use super::List;
use crate::model::{Finding, FoundObject};

/// The table of the objects that the finding under the cursor speaks of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    /// The object under the cursor.
    pub(crate) list: List,
    /// Text they must contain.
    pub(crate) search: String,
}

impl Objects {
    /// What is listed: most dangerous first, as the finding has them.
    pub(crate) fn shown<'f>(&self, finding: &'f Finding) -> Vec<&'f FoundObject> {
        let wanted = self.search.to_lowercase();
        let objects = finding.objects.iter();
        objects.filter(|object| wanted.is_empty() || contains(object, &wanted)).collect()
    }
}

fn contains(object: &FoundObject, lower: &str) -> bool {
    [&object.object, &object.path, &object.value]
        .into_iter()
        .chain(&object.who)
        .any(|text| text.to_lowercase().contains(lower))
}
