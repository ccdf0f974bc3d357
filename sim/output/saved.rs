//! Results that an earlier run left in a folder, and what changes from one such folder to another.

use std::fs;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::metrics::change::paired;
use crate::metrics::{Change, Estimate, Kind, Scope, Statistic, Unit};
use crate::units::Currency;

use super::folder::read_manifest;
use super::manifest::Manifest;
use super::{replications_csv, summary_csv};

/// The results of one mesh as a folder holds them.
#[derive(Debug)]
pub struct Saved {
    /// What they came from.
    pub manifest: Manifest,
    rows: Vec<(Key, Estimate, Unit)>,
    /// By key: the values in each replication.
    replications: FxHashMap<Key, Vec<f64>>,
}

/// Which number: of the scenario, without its name.
type Key = (Scope, String, String, Statistic);

/// The folders with results of single meshes in a folder, itself included, by mesh; none if it is no results folder. The
/// folder that `--out` names is one, too, as long as it holds results of one scenario.
///
/// # Errors
/// What cannot be read, or that there are several scenarios, in a sentence.
pub fn find(folder: &Path) -> Result<Vec<Saved>, String> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let within = folders(folder)?;
    let here = std::iter::once(folder).chain(within.iter().map(PathBuf::as_path));
    let found: Vec<Saved> =
        here.filter_map(|folder| Saved::read(folder).transpose()).collect::<Result<_, _>>()?;
    if !found.is_empty() {
        return Ok(found);
    }
    let mut of_scenarios: Vec<(&Path, Vec<Saved>)> = Vec::new();
    for scenario in &within {
        let meshes = folders(scenario)?;
        let found: Vec<Saved> =
            meshes.iter().filter_map(|folder| Saved::read(folder).transpose()).collect::<Result<_, _>>()?;
        if !found.is_empty() {
            of_scenarios.push((scenario, found));
        }
    }
    if of_scenarios.len() > 1 {
        let names: Vec<String> = of_scenarios.iter().map(|(path, _)| path.display().to_string()).collect();
        return Err(format!(
            "{} holds results of several scenarios, give one of them: {}",
            folder.display(),
            names.join(", ")
        ));
    }
    Ok(of_scenarios.pop().map(|(_, found)| found).unwrap_or_default())
}

/// The folders in a folder, by name.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries =
        fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

impl Saved {
    /// `None` where no run of a mesh left its results.
    fn read(folder: &Path) -> Result<Option<Self>, String> {
        let manifest = read_manifest(folder).map_err(|error| error.to_string())?;
        let Some(manifest) = manifest.filter(|_| folder.join(summary_csv::FILE).is_file()) else {
            return Ok(None);
        };
        let mut rows = Vec::new();
        for (line, fields) in lines(&folder.join(summary_csv::FILE))? {
            let row = read_row(&fields);
            rows.push(row.ok_or_else(|| unreadable(&folder.join(summary_csv::FILE), line))?);
        }
        let mut replications = FxHashMap::default();
        let path = folder.join(replications_csv::FILE);
        if path.is_file() {
            for (line, fields) in lines(&path)? {
                let key = key_at(&fields, 0);
                let values = fields.iter().skip(replications_csv::KEYS.len()).map(str::parse);
                let values: Result<Vec<f64>, _> = values.collect();
                let (Some(key), Ok(values)) = (key, values) else { return Err(unreadable(&path, line)) };
                replications.insert(key, values);
            }
        }
        Ok(Some(Self { manifest, rows, replications }))
    }

    /// What changes from `self` to `after`, in the order of the rows after, then what was there only before. The
    /// replications are paired if both have the same seed and kept them; other differences have no interval.
    pub fn changes(&self, after: &Self) -> Vec<Change> {
        let before: FxHashMap<&Key, &Estimate> =
            self.rows.iter().map(|(key, estimate, _)| (key, estimate)).collect();
        let known: FxHashSet<&Key> = after.rows.iter().map(|(key, ..)| key).collect();
        let same_seed = self.manifest.run.seed == after.manifest.run.seed;
        let mut changes = Vec::new();
        for (key, estimate, unit) in &after.rows {
            let earlier = before.get(key).map(|&&earlier| earlier);
            let difference = earlier.and_then(|earlier| {
                let is_known = earlier.kind == Kind::Exact && key.3 != Statistic::Max;
                let each = if same_seed { self.pairs(after, key) } else { Vec::new() };
                let mut difference = is_known.then(|| paired(earlier.value, estimate.value, &each))?;
                difference.kind = estimate.kind;
                Some(difference)
            });
            changes.push(change(key, *unit, earlier, Some(*estimate), difference));
        }
        let gone = self.rows.iter().filter(|(key, ..)| !known.contains(key));
        changes.extend(gone.map(|(key, estimate, unit)| change(key, *unit, Some(*estimate), None, None)));
        changes
    }

    fn pairs(&self, after: &Self, key: &Key) -> Vec<(f64, f64)> {
        let both = self.replications.get(key).zip(after.replications.get(key));
        both.map_or_else(Vec::new, |(before, after)| {
            before.iter().copied().zip(after.iter().copied()).collect()
        })
    }
}

fn change(
    key: &Key,
    unit: Unit,
    before: Option<Estimate>,
    after: Option<Estimate>,
    difference: Option<Estimate>,
) -> Change {
    let (scope, name, metric, statistic) = key.clone();
    Change { scope, name, metric, statistic, unit, before, after, difference }
}

fn unreadable(path: &Path, line: u64) -> String {
    format!("{}:{line}: this is no row that `sim` wrote", path.display())
}

/// The lines of a CSV file after its header, with their numbers.
fn lines(path: &Path) -> Result<Vec<(u64, csv::StringRecord)>, String> {
    let cannot = |error: csv::Error| format!("cannot read {}: {error}", path.display());
    let mut reader = csv::Reader::from_path(path).map_err(cannot)?;
    let numbered = |record: csv::StringRecord| (record.position().map_or(0, csv::Position::line), record);
    reader.records().map(|record| record.map(numbered).map_err(cannot)).collect()
}

/// A row of `summary.csv`, in the order of its columns.
fn read_row(fields: &csv::StringRecord) -> Option<(Key, Estimate, Unit)> {
    let field = |at: usize| fields.get(at);
    let key = key_at(fields, 2)?;
    let written = field(6)?;
    let (kind, number) = match written.strip_prefix('>') {
        Some(bound) => (Kind::AtLeast, bound),
        None => (Kind::Exact, written),
    };
    let ends = |low: usize| Some((field(low)?.parse().ok()?, field(low + 1)?.parse().ok()?));
    let estimate = Estimate { value: number.parse().ok()?, interval: ends(8), model: ends(10), kind };
    Some((key, estimate, unit(field(7)?)?))
}

/// The columns `scope,name,metric,statistic` from this one on.
fn key_at(fields: &csv::StringRecord, first: usize) -> Option<Key> {
    let field = |at: usize| fields.get(first + at);
    let [scope, statistic] = [field(0)?, field(3)?];
    let scope = *Scope::ALL.iter().find(|known| known.as_str() == scope)?;
    let statistic = *Statistic::ALL.iter().find(|known| known.as_str() == statistic)?;
    let name = if scope == Scope::Scenario { "" } else { field(1)? };
    Some((scope, name.to_owned(), field(2)?.to_owned(), statistic))
}

fn unit(text: &str) -> Option<Unit> {
    const PLAIN: [Unit; 7] = [
        Unit::Seconds,
        Unit::PerSecond,
        Unit::Ratio,
        Unit::Cores,
        Unit::Bytes,
        Unit::BytesPerSecond,
        Unit::Count,
    ];
    let plain = PLAIN.into_iter().find(|unit| unit.as_str() == text);
    plain.or_else(|| Currency::parse(text).ok().map(Unit::Money))
}
