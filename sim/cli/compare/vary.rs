//! `--vary`: the comparison with several values of one key.

use std::collections::BTreeSet;

use crate::diag::{Diagnostics, Severity};
use crate::digest;
use crate::experiment::model::Length;
use crate::experiment::vary::{AtSetting, Variation};
use crate::experiment::{self, Plan, size};
use crate::metrics::Labels;
use crate::program::Program;

use super::super::options::Options;
use super::super::scenario::{Loaded, Loading, Meshes, report};
use super::super::simulation::{Simulation, results};
use super::load::few_replications;

/// More are no axis that anybody reads.
const MOST: usize = 64;

/// A key, as `--set` takes it, and the values that it gets one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vary {
    key: String,
    values: Vec<String>,
}

/// The same scenario with each value.
#[derive(Debug)]
pub(super) struct Varied {
    key: String,
    replications: u32,
    points: Vec<(String, Loaded)>,
}

impl Vary {
    /// `KEY=V1,V2,…`; commas in brackets or quotes part no values.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "write it as KEY=V1,V2,…, for example services.web.replicas=1,2,4";
        let (key, values) = text.split_once('=').ok_or(FORM)?;
        let key = key.trim().to_owned();
        let values: Vec<String> = parts(values).into_iter().map(|value| value.trim().to_owned()).collect();
        if key.is_empty() || values.iter().any(String::is_empty) {
            return Err(FORM.to_owned());
        }
        if !(2..=MOST).contains(&values.len()) {
            return Err(format!("it takes from two to {MOST} values"));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = values.iter().find(|value| !seen.insert(value.as_str())) {
            return Err(format!("{twice} stands there twice"));
        }
        Ok(Self { key, values })
    }

    /// Loads the scenario with every value as the command loaded it without any, or reports everything that is wrong
    /// with them. What else is to be said is left with `base`.
    pub(super) fn load(&self, options: &Options, base: &mut Loaded) -> Option<Varied> {
        let mut points = Vec::new();
        let mut said = BTreeSet::new();
        let mut is_wrong = false;
        for value in &self.values {
            let assignment = format!("{}={value}", self.key);
            let loading = Loading { vary: Some(assignment.clone()), ..options.loading(Meshes::All) };
            let (loaded, sources, diagnostics) = loading.read();
            let Some(mut loaded) = loaded else {
                // What is wrong with the key is wrong with every value.
                report(&errors(&diagnostics, &mut said), &sources);
                is_wrong = true;
                continue;
            };
            let names = |loaded: &Loaded| -> Vec<String> {
                loaded.meshes.iter().map(|mesh| mesh.name.clone()).collect()
            };
            if names(&loaded) != names(base) {
                eprintln!("error: `{assignment}` changes which meshes are compared");
                is_wrong = true;
                continue;
            }
            options.adjust(&mut loaded);
            if options.length(&loaded.scenario) == Length::Usual {
                loaded.notes.extend(size::shorten(&mut loaded.scenario));
            }
            points.push((value.clone(), loaded));
        }
        if is_wrong {
            return None;
        }
        for (value, loaded) in &points {
            let told = |text: &String| format!("with {}={value}: {text}", self.key);
            let new = |texts: &[String], known: &[String]| -> Vec<String> {
                texts.iter().filter(|text| !known.contains(text)).map(told).collect()
            };
            let warnings = new(&loaded.warnings, &base.warnings);
            for warning in &warnings {
                eprintln!("warning: {warning}");
            }
            let notes = new(&loaded.notes, &base.notes);
            base.warnings.extend(warnings);
            base.notes.extend(notes);
        }
        Some(Varied { key: self.key.clone(), replications: few_replications(base), points })
    }
}

impl Varied {
    /// For a manifest: what the results depend on.
    pub(super) fn describe(&self) -> String {
        let values: Vec<&str> = self.points.iter().map(|(value, _)| value.as_str()).collect();
        let programs = self.points.iter().flat_map(|(_, loaded)| loaded.programs(&loaded.scenario));
        let digests: Vec<String> = programs.map(|program| Program::digest(&program)).collect();
        let all = digest::of_bytes(digests.concat().as_bytes());
        format!("; vary {}={} ({})", self.key, values.join(","), &all[..16])
    }

    /// Runs of each mesh.
    pub(super) fn runs(&self) -> u64 {
        self.points.len() as u64 * u64::from(self.replications)
    }

    /// Runs every value; `None` when stopped.
    pub(super) fn run(&self, simulation: &Simulation) -> Option<Variation> {
        let point = |(value, loaded): &(String, Loaded)| {
            let programs = loaded.programs(&loaded.scenario);
            let outcome = simulation.run(&programs, Plan::Fixed(self.replications));
            let labels: Vec<Labels> = programs.iter().map(experiment::labels).collect();
            (!outcome.stopped).then(|| AtSetting::new(value, results(loaded, &labels, &outcome)))
        };
        let points = self.points.iter().map(point).collect::<Option<Vec<AtSetting>>>()?;
        Some(Variation { key: self.key.clone(), replications: self.replications, points })
    }
}

/// The errors that nobody has said yet.
fn errors(diagnostics: &Diagnostics, said: &mut BTreeSet<String>) -> Diagnostics {
    let mut new = Diagnostics::default();
    for one in diagnostics.sorted() {
        if one.severity == Severity::Error && said.insert(one.message.clone()) {
            new.push(one.clone());
        }
    }
    new
}

/// Parts a text at its commas, but not at those in brackets or quotes.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_u32, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(mark), _) if character == mark => quote = None,
            // Within a word it is an apostrophe.
            (None, '"' | '\'') if depth > 0 || text[start..at].trim().is_empty() => quote = Some(character),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parted_at_commas_that_part_values() {
        let parsed = |text: &str| Vary::parse(text).map(|vary| (vary.key, vary.values));
        let expected = |key: &str, values: &[&str]| {
            Ok((key.to_owned(), values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>()))
        };
        assert_eq!(
            parsed("cluster.others.services=0,100, 1000"),
            expected("cluster.others.services", &["0", "100", "1000"])
        );
        assert_eq!(
            parsed("services.web.service_time={lognormal: {p50: 1ms, p99: 5ms}},2ms"),
            expected("services.web.service_time", &["{lognormal: {p50: 1ms, p99: 5ms}}", "2ms"])
        );
        assert_eq!(parsed("name='a,b',c"), expected("name", &["'a,b'", "c"]));
        assert_eq!(parsed("name=jason's,b"), expected("name", &["jason's", "b"]));
        let many: Vec<String> = (0..65).map(|value| value.to_string()).collect();
        for wrong in
            ["", "a", "a=", "a=1", "=1,2", "a=1,,2", "a=1,2,1", "a=[1,2]", &format!("a={}", many.join(","))]
        {
            assert!(Vary::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Vary::parse(&format!("a={}", many[..64].join(","))).is_ok());
    }
}
