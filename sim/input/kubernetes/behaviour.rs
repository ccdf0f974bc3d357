//! What manifests do not say and nobody else has said: how long services work, whom they call, and where load comes from.
//! All of it is a guess, and marked as one.

use std::collections::BTreeMap;

use crate::diag::{Location, quote};
use crate::input::defaults;
use crate::input::draft::{
    ActionDraft, ArrivalsDraft, CallDraft, Draft, GuessedTime, OperationDraft, Origins, ServiceDraft,
    SourceDraft, StepDraft,
};
use crate::input::isotope::Entry;
use crate::input::tree::Located;
use crate::kernel::dist::Dist;
use crate::units::Rate;
use crate::vocabulary::{Arrivals, Origin};

use super::hints::{Clue, Load, load};
use super::resolve::{Client, Hints};

/// Users think for this long, in nanoseconds, where only their number is known: as in Locust's examples.
const THINK_TIME: (f64, f64) = (1e9, 1e10);

/// A call that an environment hints at: by rows of services.
struct Hint {
    from: usize,
    version: Option<String>,
    to: usize,
    port: Option<u16>,
    location: Location,
    /// Whether it would close a circle of calls.
    left_out: bool,
}

/// Puts guesses in the place of what no file says.
pub(in crate::input) fn guess(hints: &Hints, entry: &Entry, draft: &mut Draft) {
    let directory = Directory::new(&draft.services);
    let mut calls = directory.hints(hints, &draft.services);
    leave_out_circles(draft.services.len(), &mut calls);
    main_ports(&mut draft.services, &calls);
    let mut guesses = Vec::new();
    let mut first = 0;
    for row in 0..draft.services.len() {
        // They come in the order of their callers.
        let count = calls[first..].iter().take_while(|hint| hint.from == row).count();
        let own = &calls[first..first + count];
        first += count;
        let names: Vec<_> = own.iter().map(|hint| draft.services[hint.to].full_name()).collect();
        let service = &mut draft.services[row];
        if service.origin == Origins::Manifest {
            draft.guessed_times.push(GuessedTime {
                service: Located::new(service.full_name(), service.name.location),
                operation: defaults::OPERATION.to_owned(),
                factors: GuessedTime::FACTORS,
            });
        }
        behave(service, own, &names, &mut guesses);
    }
    draft.guesses.extend(guesses);
    let given = !draft.sources.is_empty();
    for client in &hints.clients {
        add_client(client, &directory, entry, given, draft);
    }
}

/// Services by namespace and name, other names included.
struct Directory {
    rows: BTreeMap<(String, String), usize>,
}

impl Directory {
    fn new(services: &[ServiceDraft]) -> Self {
        let mut rows = BTreeMap::new();
        for (row, service) in services.iter().enumerate() {
            let namespace = service.namespace().to_owned();
            rows.entry((namespace, service.name.value.clone())).or_insert(row);
        }
        for (row, service) in services.iter().enumerate() {
            for alias in &service.aliases {
                let key = (service.namespace().to_owned(), alias.name.value.clone());
                rows.entry(key).or_insert(row);
            }
        }
        Self { rows }
    }

    /// The services that a text names in a namespace, with the ports it gives.
    fn named(&self, clue: &Clue, namespace: &str) -> Vec<(usize, Option<u16>)> {
        let row = |name: String, namespace: String| self.rows.get(&(namespace, name)).copied();
        let hosts = clue.hosts().into_iter().filter_map(|host| {
            Some((row(host.name, host.namespace.unwrap_or_else(|| namespace.to_owned()))?, host.port))
        });
        hosts.collect()
    }

    /// All hints to services whose scripts nobody has written, by caller; each callee once.
    fn hints(&self, hints: &Hints, services: &[ServiceDraft]) -> Vec<Hint> {
        let mut calls: Vec<Hint> = Vec::new();
        let mut of: BTreeMap<usize, Vec<Hint>> = BTreeMap::new();
        for (name, version, clues) in &hints.clues {
            let Some((namespace, short)) = name.split_once('/') else { continue };
            let Some(from) = self.rows.get(&(namespace.to_owned(), short.to_owned())).copied() else {
                continue;
            };
            if is_written(&services[from], &["operations", "script"]) {
                continue;
            }
            let own = of.entry(from).or_default();
            for clue in clues {
                for (to, port) in self.named(clue, namespace) {
                    let known = own.iter().any(|hint| hint.to == to && hint.version == *version);
                    if to != from && !known {
                        let (version, location) = (version.clone(), clue.text.location);
                        own.push(Hint { from, version, to, port, location, left_out: false });
                    }
                }
            }
        }
        calls.extend(of.into_values().flatten());
        calls
    }
}

/// Whether somebody has said what a service does: one of these keys, or measurements.
fn is_written(service: &ServiceDraft, keys: &[&str]) -> bool {
    match &service.origin {
        Origins::Manifest => false,
        Origins::Observed => true,
        Origins::Scenario(written) => written.iter().any(|key| keys.contains(&key.as_str())),
    }
}

/// Marks hints that lead back to a caller: requests would never end. Callers come in the order of the services, their
/// calls in that of the text.
fn leave_out_circles(services: usize, calls: &mut [Hint]) {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut of = vec![Vec::new(); services];
    for (row, hint) in calls.iter().enumerate() {
        of[hint.from].push(row);
    }
    let mut states = vec![State::New; services];
    for start in 0..services {
        let mut stack = if states[start] == State::New { vec![(start, 0)] } else { Vec::new() };
        while let Some((service, next)) = stack.last_mut() {
            states[*service] = State::Open;
            let Some(row) = of[*service].get(*next).copied() else {
                states[*service] = State::Done;
                stack.pop();
                continue;
            };
            *next += 1;
            let to = calls[row].to;
            match states[to] {
                State::New => stack.push((to, 0)),
                State::Open => calls[row].left_out = true,
                State::Done => {}
            }
        }
    }
}

/// A service is asked on the port that its callers name, where it has several.
fn main_ports(services: &mut [ServiceDraft], calls: &[Hint]) {
    for hint in calls.iter().rev() {
        let service = &mut services[hint.to];
        let Some(row) = service.ports.iter().position(|port| Some(port.number) == hint.port) else {
            continue;
        };
        if row > 0 {
            service.ports[..=row].rotate_right(1);
        }
        let protocol = service.ports[0].protocol;
        if service.origin == Origins::Manifest {
            service.application.protocol = protocol;
            for version in &mut service.versions {
                version.application.protocol = protocol;
            }
        }
    }
}

/// Gives a service what it does not have: a service time, and the calls that its environment hints at.
fn behave(service: &mut ServiceDraft, calls: &[Hint], names: &[String], guesses: &mut Vec<Located<String>>) {
    let place = service.name.location;
    let mut say = |text: String, location: Location| guesses.push(Located::new(text, location));
    let name = quote(&service.full_name());
    if service.origin == Origins::Manifest {
        let time = defaults::guessed_service_time();
        let operation = OperationDraft::of(Located::new(defaults::OPERATION.to_owned(), place));
        service.operations = vec![OperationDraft { service_time: time, ..operation }];
        say(
            format!(
                "{name} works for 5ms on average (lognormal, cv 1), all of it CPU: no file says how long"
            ),
            place,
        );
    }
    let step = |hint: &Hint, name: &String| {
        StepDraft::One(ActionDraft::Call(CallDraft::of(Located::new(name.clone(), hint.location))))
    };
    let made = || calls.iter().zip(names).filter(|(hint, _)| !hint.left_out);
    let mut callees: Vec<&String> = Vec::new();
    let mut script = Vec::new();
    for (hint, callee) in made() {
        // Versions may call the same ones.
        if !callees.contains(&callee) {
            callees.push(callee);
            script.push(step(hint, callee));
        }
    }
    if let (Some(operation), false) = (service.operations.first_mut(), callees.is_empty()) {
        let list: Vec<_> = callees.iter().map(|callee| quote(callee)).collect();
        let times = if list.len() == 1 { "once" } else { "each once and one after the other" };
        let list = list.join(", ");
        say(format!("{name} calls {list}, {times} for a request: its environment names them"), place);
        operation.script = script;
    }
    for (hint, callee) in calls.iter().zip(names).filter(|(hint, _)| hint.left_out) {
        let text = format!(
            "{name} does not call {}, which its environment names: calls would go round",
            quote(callee)
        );
        say(text, hint.location);
    }
    let guessed = !callees.is_empty();
    for version in service.versions.iter_mut().filter(|version| version.operations.is_empty()) {
        version.operations.clone_from(&service.operations);
        if let (Some(operation), true) = (version.operations.first_mut(), guessed) {
            let own = made().filter(|(hint, _)| hint.version.as_ref() == Some(&version.name.value));
            operation.script = own.map(|(hint, callee)| step(hint, callee)).collect();
        }
    }
}

/// A client becomes a source of traffic where no file gives any.
fn add_client(client: &Client, directory: &Directory, entry: &Entry, given: bool, draft: &mut Draft) {
    let location = client.name.location;
    let name = quote(&format!("{}/{}", client.namespace, client.name.value));
    let mut targets: Vec<usize> = Vec::new();
    for clue in &client.clues {
        for (row, _) in directory.named(clue, &client.namespace) {
            if !targets.contains(&row) {
                targets.push(row);
            }
        }
    }
    if given || targets.is_empty() {
        let why = if given { "traffic is given" } else { "nothing tells whom it calls" };
        draft.guesses.push(Located::new(format!("{name} makes load and is left out: {why}"), location));
        return;
    }
    let told = load(&client.clues);
    for row in &targets {
        let service = draft.services[*row].full_name();
        let (arrivals, text) = arrivals(told, client.replicas, targets.len(), entry);
        draft.assumed_rates += usize::from(told.is_none());
        draft.guesses.push(Located::new(format!("{name} asks {}: {text}", quote(&service)), location));
        let own = match targets.len() {
            1 => client.name.value.clone(),
            _ => format!("{} to {service}", client.name.value),
        };
        draft.sources.push(SourceDraft {
            name: Located::new(own, location),
            service: Located::new(service, location),
            operation: None,
            host: None,
            from: Located::new(Origin::MeshedClient { replicas: client.replicas.max(1) }, location),
            arrivals: Located::new(ArrivalsDraft::Known(arrivals), location),
            headers: Vec::new(),
            timeout: None,
        });
    }
}

/// The load that a client makes on each of `targets` services, and how that is said.
fn arrivals(told: Option<Load>, replicas: u32, targets: usize, entry: &Entry) -> (Arrivals, String) {
    match told {
        Some(Load::Users(users)) => {
            let users = users.saturating_mul(replicas).div_ceil(targets as u32).max(1);
            let think_time = Dist::uniform(THINK_TIME.0, THINK_TIME.1).expect("two constants in order");
            (Arrivals::Closed { users, think_time }, format!("{users} users who think for 1s to 10s"))
        }
        Some(Load::Rate(rate)) => {
            let rate = rate * f64::from(replicas) / targets as f64;
            let rate = Rate::per_second(rate).unwrap_or(entry.rate);
            (Arrivals::Poisson { rate }, format!("{} requests per second", rate.value()))
        }
        None => {
            let rate = entry.rate;
            (
                Arrivals::Poisson { rate },
                format!("{} requests per second, a rate that nothing gives", rate.value()),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;

    #[test]
    fn what_leads_back_is_left_out() {
        let location = Location::new(Sources::default().add("a.yaml", ""), 0, 0);
        let check = |edges: &[(usize, usize)], expected: &[(usize, usize)]| {
            let hint = |&(from, to): &(usize, usize)| Hint {
                from,
                to,
                version: None,
                port: None,
                location,
                left_out: false,
            };
            let mut calls: Vec<_> = edges.iter().map(hint).collect();
            leave_out_circles(5, &mut calls);
            let out = calls.iter().filter(|hint| hint.left_out).map(|hint| (hint.from, hint.to));
            assert_eq!(out.collect::<Vec<_>>(), expected, "{edges:?}");
        };
        check(&[(0, 1), (0, 2), (1, 2)], &[]);
        check(&[(0, 1), (1, 0)], &[(1, 0)]);
        check(&[(0, 1), (1, 2), (2, 0), (3, 0), (3, 4), (4, 3)], &[(2, 0), (4, 3)]);
    }
}
