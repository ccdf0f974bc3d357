//! What each mesh cannot do of what the scenario asks for, or does by other means.

use crate::mesh::profile::{Granularity, Support};

use super::super::comparison::Comparison;
use super::{code, escape, table};

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let mut rows: Vec<[String; 4]> = Vec::new();
    for (profile, results) in comparison.profiles.iter().zip(comparison.results()) {
        for (feature, answer) in profile.capabilities() {
            if !comparison.features.contains(&feature) {
                continue;
            }
            let by = answer.by.as_deref().unwrap_or_default();
            let how = match answer.support {
                Support::Native if answer.per == Some(Granularity::Connection) => {
                    "only once per connection".to_owned()
                }
                Support::Native => continue,
                Support::OtherResource => format!("by other means: {by}"),
                Support::Extension => format!("by an extension: {by}"),
                Support::Unsupported => "**not possible**".to_owned(),
            };
            let how = if how.starts_with("**") { how } else { escape(&how) };
            let what = format!("{} {}", code(feature.name), feature.meaning);
            let (mesh, source) = (escape(&results.mesh), escape(&answer.source));
            // What a mesh answers in the same words is told once.
            let same = |row: &&mut [String; 4]| row[0] == mesh && row[2] == how && row[3] == source;
            match rows.iter_mut().find(same) {
                Some(row) => row[1].extend(["<br>", &what]),
                None => rows.push([mesh, what, how, source]),
            }
        }
    }
    if rows.is_empty() {
        return "Every mesh does what this scenario asks for.\n".to_owned();
    }
    let intro = "Of what this scenario asks for, and mutual TLS and authorization, for which meshes are installed. Where \
                 something is not possible the mesh's own way was simulated, and without a mesh there is nothing to do it, \
                 so those rows are not like for like.";
    format!("{intro}\n\n{}", table(["mesh", "what", "how", "source"], rows.into_iter()))
}
