//! From files and options to a scenario and the meshes it runs under; everything that is wrong goes to standard error.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::diag::{Code, Diagnostic, Diagnostics, Location, Sources, Style, quote};
use crate::experiment::{Plan, size};
use crate::input::draft::{FeatureDraft, MeshDraft};
use crate::input::tree::{self, Located};
use crate::input::{self, Draft, Options};
use crate::mesh::profile::{self, Profile};
use crate::mesh::scenario::{Arrivals, Origin};
use crate::mesh::{MeshModel, Scenario, validate};
use crate::output::FileHash;
use crate::program::{Program, compile};
use crate::units::Rate;

/// Cores of a node: as many workers has a proxy without a CPU limit that asks for one per core.
pub(super) const NODE_CORES: u32 = 4;

/// What a value of the profiles begins with.
const OF_PROFILE: &str = "profile.";

/// The mesh that others are compared with.
const BASELINE: &str = "none";

/// What to load.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) files: Vec<PathBuf>,
    /// Names or files of profiles; empty for those of the scenario.
    pub(super) meshes: Vec<String>,
    /// Which meshes are meant when none is named.
    pub(super) unnamed: Meshes,
    /// `path=value`, for the scenario or (`profile.…`) the profiles.
    pub(super) sets: Vec<String>,
    /// One more of them, of `--vary`; the last to be applied.
    pub(super) vary: Option<String>,
    pub(super) rate: Option<Rate>,
    /// An object acts only in meshes that read its kind.
    pub(super) as_written: bool,
    /// What is not modelled is an error.
    pub(super) strict: bool,
}

/// Which meshes are meant when none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meshes {
    /// That of the scenario beside `none`; those that are always compared when it names none.
    OfScenario,
    /// Those that are always compared, and that of the scenario.
    All,
}

/// What was loaded.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) scenario: Scenario,
    pub(super) meshes: Vec<Mesh>,
    /// Cores of a node: as many workers has a proxy without a CPU limit that asks for one per core.
    pub(super) node_cores: u32,
    /// Position of the mesh that the others are compared with.
    pub(super) baseline: Option<usize>,
    /// Warnings, one line each.
    pub(super) warnings: Vec<String>,
    /// What was chosen in the user's place, for the reader of results: sentences.
    pub(super) notes: Vec<String>,
    /// What stands in the place of what no file says, a sentence each.
    pub(super) guesses: Vec<String>,
    /// What was read.
    pub(super) inputs: Vec<FileHash>,
}

/// A mesh to run under.
#[derive(Debug)]
pub(super) struct Mesh {
    pub(super) name: String,
    pub(super) profile: Profile,
    pub(super) model: MeshModel,
}

impl Loaded {
    /// How many replications the scenario asks for.
    pub(super) fn plan(&self) -> Plan {
        let run = &self.scenario.run;
        run.precision.map_or(Plan::Fixed(run.replications), Plan::Precision)
    }

    /// A scenario as each mesh can have it, compiled.
    pub(super) fn programs(&self, scenario: &Scenario) -> Vec<Program> {
        let program = |mesh: &Mesh| compile(&mesh.profile.possible(scenario), &mesh.model);
        self.meshes.iter().map(program).collect()
    }
}

impl Loading {
    /// Loads everything, or reports everything that is wrong.
    pub(super) fn load(&self) -> Option<Loaded> {
        self.load_with(|_| {}, |_, _, _| ())
    }

    /// As [`Self::load`], with a hand in what the files say before it is checked, and a look at it afterwards to report what
    /// else is wrong.
    pub(super) fn load_with(
        &self,
        complete: impl FnOnce(&mut Draft),
        check: impl FnOnce(&Scenario, &mut Sources, &mut Diagnostics),
    ) -> Option<Loaded> {
        let (loaded, sources, diagnostics) = self.read_with(complete, check);
        report(&diagnostics, &sources);
        loaded
    }

    /// Loads everything and leaves it to the caller to say what is wrong.
    pub(super) fn read(&self) -> (Option<Loaded>, Sources, Diagnostics) {
        self.read_with(|_| {}, |_, _, _| ())
    }

    fn read_with(
        &self,
        complete: impl FnOnce(&mut Draft),
        check: impl FnOnce(&Scenario, &mut Sources, &mut Diagnostics),
    ) -> (Option<Loaded>, Sources, Diagnostics) {
        let is_of_profile = |set: &String| set.starts_with(OF_PROFILE);
        let assignments = self.sets.iter().filter(|set| !is_of_profile(set)).cloned().collect();
        let varied = self.vary.clone().filter(|set| !is_of_profile(set));
        let mut options = Options { assignments, varied, ..Options::default() };
        if let Some(rate) = self.rate {
            options.entry.rate = rate;
        }
        let (mut draft, mut sources, mut diagnostics) = input::load(&self.files, &options);
        complete(&mut draft);
        let scenario = validate(&draft, &mut diagnostics);
        if let Some(scenario) = &scenario {
            check(scenario, &mut sources, &mut diagnostics);
        }
        let node_cores = scenario
            .as_ref()
            .map_or(NODE_CORES, |scenario: &Scenario| scenario.cluster.nodes.cores.value().ceil() as u32);
        let meshes = self.meshes(&draft.mesh, node_cores, &mut sources, &mut diagnostics);
        if self.strict {
            diagnostics.refuse(Code::NotModelled);
        }
        let loaded = scenario.filter(|_| !diagnostics.has_errors());
        let loaded =
            loaded.map(|scenario| self.loaded(scenario, meshes, node_cores, draft, &sources, &diagnostics));
        (loaded, sources, diagnostics)
    }

    /// What is known of a scenario in which nothing is wrong.
    fn loaded(
        &self,
        scenario: Scenario,
        meshes: Vec<Mesh>,
        node_cores: u32,
        draft: Draft,
        sources: &Sources,
        diagnostics: &Diagnostics,
    ) -> Loaded {
        let mut scenario = Scenario { as_written: self.as_written, ..scenario };
        let mut notes: Vec<String> = match self.rate {
            Some(rate) => {
                set_rate(&mut scenario, rate);
                Vec::new()
            }
            None => size::moderate_rates(&mut scenario).into_iter().collect(),
        };
        let guesses: Vec<String> = draft.guesses.into_iter().map(|guess| guess.value).collect();
        if !guesses.is_empty() {
            let count = guesses.len();
            notes.push(format!("{count} guesses stand for what no file says; `sim validate` lists them"));
        }
        let baseline =
            (meshes.len() > 1).then(|| meshes.iter().position(|mesh| mesh.name == BASELINE).unwrap_or(0));
        let warnings = diagnostics.sorted().iter().map(|one| one_line(one, sources)).collect();
        let inputs = sources.files().map(|(name, text)| FileHash::new(name, text.as_bytes())).collect();
        Loaded { scenario, meshes, node_cores, baseline, warnings, notes, guesses, inputs }
    }

    /// The meshes asked for on the command line, else those that are meant.
    fn meshes(
        &self,
        draft: &MeshDraft,
        node_cores: u32,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Mesh> {
        let mut names: Vec<(String, Option<Location>)> =
            self.meshes.iter().map(|name| (name.trim().to_owned(), None)).collect();
        if names.is_empty() {
            let shipped = || profile::compared().map(|name| (name.to_owned(), None));
            names = match &draft.profile {
                Some(name) if self.unnamed == Meshes::All => {
                    shipped().chain([(name.value.clone(), Some(name.location))]).collect()
                }
                Some(name) if name.value == BASELINE => vec![(BASELINE.to_owned(), None)],
                Some(name) => vec![(BASELINE.to_owned(), None), (name.value.clone(), Some(name.location))],
                None => shipped().collect(),
            };
        }
        let mut profiles: Vec<Profile> = Vec::new();
        for (name, place) in names {
            match find(&name, place, sources, diagnostics) {
                Some(profile) if profiles.iter().all(|other| other.head.name != profile.head.name) => {
                    profiles.push(profile);
                }
                _ => {}
            }
        }
        follow(&mut profiles, &draft.features, diagnostics);
        for change in self.changes(draft, sources, diagnostics) {
            apply(&mut profiles, &change, diagnostics);
        }
        profiles
            .into_iter()
            .map(|profile| Mesh {
                name: profile.head.name.clone(),
                model: profile.model(node_cores),
                profile,
            })
            .collect()
    }

    /// The scenario's overrides, then those of the command line.
    fn changes(
        &self,
        draft: &MeshDraft,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for (path, value) in &draft.overrides {
            changes.push(Change { path: path.clone(), value: value.value.clone() });
        }
        let sets = self.sets.iter().map(|set| (tree::SET, set));
        for (option, set) in sets.chain(self.vary.iter().map(|set| (tree::VARY, set))) {
            let Some(assignment) = set.strip_prefix(OF_PROFILE) else { continue };
            let file = sources.add(option, set.clone());
            let location = Location::new(file, 0, set.len() as u32);
            match assignment.split_once('=') {
                Some((path, value)) => changes.push(Change {
                    path: Located::new(path.trim().to_owned(), location),
                    value: value.trim().to_owned(),
                }),
                None => diagnostics.push(
                    Diagnostic::error(Code::InvalidValue, "an assignment needs a `=`")
                        .at(location)
                        .hint("write --set profile.proxy.workers=4"),
                ),
            }
        }
        changes
    }
}

/// A profile by name, or by file.
pub(super) fn find(
    name: &str,
    place: Option<Location>,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Profile> {
    let problem = match profile::find(name, place) {
        Ok(profile) => return Some(profile),
        Err(problem) => problem,
    };
    if Path::new(name).is_file() {
        let document = input::document(Path::new(name), sources, diagnostics)?;
        return profile::decode(&document, diagnostics);
    }
    diagnostics.push(*problem);
    None
}

/// A value of the profiles to be replaced.
struct Change {
    path: Located<String>,
    value: String,
}

/// Lets every profile follow what objects ask for, where it has such a value.
fn follow(profiles: &mut [Profile], features: &[FeatureDraft], diagnostics: &mut Diagnostics) {
    let mut asked: Vec<(&Located<String>, Vec<&FeatureDraft>)> = Vec::new();
    for feature in features {
        match asked.iter_mut().find(|(object, _)| **object == feature.object) {
            Some((_, features)) => features.push(feature),
            None => asked.push((&feature.object, vec![feature])),
        }
    }
    for (object, features) in asked {
        let followers = profiles.iter_mut().filter_map(|profile| profile.follow(&features).then_some(()));
        if followers.count() == 0 {
            let message = format!("none of these meshes has what {} asks for", quote(&object.value));
            diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(object.location));
        }
    }
}

/// Changes every profile that has such a value; it is an error if none has.
fn apply(profiles: &mut [Profile], change: &Change, diagnostics: &mut Diagnostics) {
    let mut refusal = None;
    let mut accepted = false;
    for profile in profiles.iter_mut() {
        match profile.set(&change.path.value, &change.value, Some(change.path.location)) {
            Ok(()) => accepted = true,
            // What a mesh with proxies says of it is worth more than what `none` says.
            Err(problem) if refusal.is_none() || profile.head.name != BASELINE => refusal = Some(problem),
            Err(_) => {}
        }
    }
    if let (false, Some(problem)) = (accepted, refusal) {
        diagnostics.push(*problem);
    }
}

/// Replaces the rate of every source that has one.
fn set_rate(scenario: &mut Scenario, wanted: Rate) {
    for source in &mut scenario.sources {
        if let Arrivals::Poisson { rate } | Arrivals::Constant { rate } | Arrivals::Paced { rate, .. } =
            &mut source.arrivals
        {
            *rate = wanted;
        }
    }
}

/// Puts diagnostics on standard error.
pub(super) fn report(diagnostics: &Diagnostics, sources: &Sources) {
    let style = if std::io::stderr().is_terminal() { Style::Colour } else { Style::Plain };
    let text = diagnostics.render(sources, style);
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn one_line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    match diagnostic.location {
        Some(location) => {
            let (line, column) = sources.line_column(location);
            format!("{}:{line}:{column}: {}", sources.name(location.source), diagnostic.message)
        }
        None => diagnostic.message.clone(),
    }
}

/// A line about where a source's requests come from.
pub(super) fn origin(from: &Origin) -> String {
    match from {
        Origin::Outside => "from outside".to_owned(),
        Origin::MeshedClient { replicas: 1 } => "from a meshed client".to_owned(),
        Origin::MeshedClient { replicas } => format!("from {replicas} meshed clients"),
        Origin::Gateway { name, replicas: 1 } => format!("through gateway {name}"),
        Origin::Gateway { name, replicas } => format!("through {replicas} pods of gateway {name}"),
    }
}
