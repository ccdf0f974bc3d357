//! Traces as a graph: operations out of spans, calls out of pairs of spans, own time out of what no call covers.
//!
//! A request is a server's span, or the first one of a service. Clients' and proxies' spans are the way from one request
//! to the next; a proxy speaks for its service where that records nothing itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Diagnostic, Diagnostics, quote};
use crate::input::defaults;
use crate::input::kubernetes;
use crate::input::tree::Located;
use crate::vocabulary::Protocol;

use super::graph::{Entrance, Observed, Sum, Target, Window};

mod pattern;
mod span;
mod tree;

use pattern::{Interval, Pattern, uncovered};
pub(super) use span::{Kind, Parent, Span, Tags};
use tree::Tree;

/// Traces from which the rate of requests is taken; fewer tell too little.
const ENOUGH: usize = 10;

/// What all spans together say; `None` if there are none.
pub(super) fn resolve(spans: &[Span], diagnostics: &mut Diagnostics) -> Option<Observed> {
    let first = spans.first()?;
    let mut traces: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        traces.entry(&span.trace).or_default().push(span);
    }
    let speak = spans.iter().filter(|span| !span.is_hop());
    let mut gathering = Gathering {
        observed: Observed::default(),
        speak: speak.map(|span| span.service.value.as_str()).collect(),
        patterns: BTreeMap::new(),
        served: BTreeMap::new(),
        entered: Vec::new(),
    };
    let mut repeated = 0;
    for spans in traces.values() {
        let tree = Tree::of(spans);
        repeated += tree.repeated;
        gathering.trace(&tree);
    }
    if repeated > 0 {
        let message = format!("spans that come a second time are left out: {repeated}");
        diagnostics.push(Diagnostic::warning(Code::DuplicateName, message).at(first.place));
    }
    Some(gathering.finish())
}

struct Gathering<'s> {
    observed: Observed,
    /// Services that record spans of their own.
    speak: BTreeSet<&'s str>,
    patterns: BTreeMap<Target, Pattern>,
    /// How long servers took for the calls of one operation by another.
    served: BTreeMap<(Target, Target), Sum>,
    /// When requests came in, in nanoseconds.
    entered: Vec<u64>,
}

/// What lies above a span.
#[derive(Clone, Debug, Default)]
struct Context {
    /// The row of the request that it is a part of.
    request: Option<usize>,
    /// The first span on the way from there, if it is a call's.
    call: Option<(Interval, bool)>,
    /// The row of the client's span on that way.
    client: Option<usize>,
    /// Where it came in, if nothing above it is a request.
    entrance: Option<Entrance>,
}

/// A request and its calls.
struct Request {
    target: Target,
    whole: Interval,
    calls: Vec<MadeCall>,
}

struct MadeCall {
    to: Target,
    /// As the caller saw it.
    interval: Interval,
    waits: bool,
    failed: bool,
    /// Nanoseconds that the callee took.
    served: Option<f64>,
}

impl<'s> Gathering<'s> {
    fn trace(&mut self, tree: &Tree<'s>) {
        let mut contexts: Vec<Context> = vec![Context::default(); tree.spans.len()];
        let mut requests: BTreeMap<usize, Request> = BTreeMap::new();
        let mut lonely: BTreeSet<usize> = BTreeSet::new();
        for row in tree.order.iter().copied() {
            let span = tree.spans[row];
            let above = tree.parents[row].map(|parent| contexts[parent].clone()).unwrap_or_default();
            let caller = above.request.map(|request| tree.spans[request]);
            let own = span.interval();
            contexts[row] = match self.part(span, &above, caller) {
                Part::Way(entrance) => {
                    let waits = tree.waits[row] && span.kind != Kind::Producer;
                    let call = above.request.map(|_| above.call.unwrap_or((own, waits)));
                    let entrance = above.entrance.or(entrance);
                    let mut client = above.client;
                    if above.request.is_some() && span.kind == Kind::Client && client.is_none() {
                        client = Some(row);
                        lonely.insert(row);
                    }
                    Context { request: above.request, call, client, entrance }
                }
                Part::Inside => above,
                Part::Request => {
                    if let Some(client) = above.client {
                        lonely.remove(&client);
                    }
                    let target = self.serve(span);
                    requests.insert(row, Request { target, whole: own, calls: Vec::new() });
                    if let Some(request) = above.request.and_then(|row| requests.get_mut(&row)) {
                        let waits = tree.waits[row] && span.kind != Kind::Consumer;
                        let (interval, waits) = above.call.unwrap_or((own, waits));
                        let failed = span.tags.failed;
                        let served = above.call.map(|_| own.length() as f64);
                        request.calls.push(MadeCall { to: target, interval, waits, failed, served });
                    } else {
                        self.enter(target, above.entrance, own.start);
                    }
                    Context { request: Some(row), ..Context::default() }
                }
            };
        }
        for row in lonely {
            self.call_silent(tree.spans[row], contexts[row].request, &mut requests);
        }
        for request in requests.into_values() {
            self.count(&request);
        }
    }

    /// What a span is, by what lies above it.
    fn part(&self, span: &Span, above: &Context, caller: Option<&Span>) -> Part {
        let (service, _) = self.name(span);
        let is_gateway = span.is_hop() && service.contains("gateway");
        if is_gateway && above.request.is_none() {
            return Part::Way(Some(Entrance::Gateway(service.to_owned())));
        }
        if span.is_hop() && (is_gateway || self.speak.contains(service) || is_nobody(service)) {
            return Part::Way(None);
        }
        let same = caller.is_some_and(|caller| self.name(caller).0 == service);
        match span.kind {
            Kind::Client | Kind::Producer if same => Part::Way(None),
            Kind::Client if caller.is_none() && kubernetes::makes_load(service) => {
                Part::Way(Some(Entrance::Client(service.to_owned())))
            }
            Kind::Server | Kind::Consumer if same && above.call.is_some() => Part::Request,
            _ if same => Part::Inside,
            _ => Part::Request,
        }
    }

    /// Service and namespace; proxies write both into one name.
    fn name<'a>(&self, span: &'a Span) -> (&'a str, Option<&'a str>) {
        let name = span.service.value.as_str();
        match name.split_once('.') {
            Some((service, namespace)) if span.is_hop() && !self.speak.contains(name) => {
                (service, Some(namespace))
            }
            _ => (name, span.tags.namespace.as_deref()),
        }
    }

    /// The operation that a request asks for; what was seen of it is added.
    fn serve(&mut self, span: &Span) -> Target {
        let place = span.service.location;
        let (name, namespace) = self.name(span);
        let namespace = namespace.map(|namespace| Located::new(namespace.to_owned(), place));
        let service = self.observed.service(namespace, &Located::new(name.to_owned(), place));
        let workload = self.observed.workload(service, Located::new(String::new(), place));
        let target = self.observed.operation(service, workload, span.operation.clone());
        if span.tags.grpc {
            self.observed.services[service].protocol = Some(Protocol::Grpc);
        }
        let operation = self.observed.at_mut(target);
        operation.response.add(span.interval().length() as f64);
        operation.failures += f64::from(u8::from(span.tags.failed));
        if let Some(bytes) = span.tags.request_size {
            operation.request_size.add(bytes);
        }
        if let Some(bytes) = span.tags.response_size {
            operation.response_size.add(bytes);
        }
        target
    }

    fn enter(&mut self, target: Target, entrance: Option<Entrance>, start: u64) {
        let entrance = entrance.unwrap_or(Entrance::Outside);
        *self.observed.at_mut(target).entries.entry(entrance).or_default() += 1.0;
        self.entered.push(start);
    }

    /// A call of somebody who records no spans: a database, a queue. Without a name its time is the caller's own.
    fn call_silent(&mut self, span: &Span, request: Option<usize>, requests: &mut BTreeMap<usize, Request>) {
        let Some(peer) = &span.tags.peer else { return };
        let Some(request) = request.and_then(|row| requests.get_mut(&row)) else { return };
        let name = Located::new(peer.clone(), span.place);
        let service = self.observed.service(None, &name);
        let workload = self.observed.workload(service, Located::new(String::new(), span.place));
        let operation = Located::new(defaults::OPERATION.to_owned(), span.place);
        let to = self.observed.operation(service, workload, operation);
        let interval = span.interval();
        let operation = self.observed.at_mut(to);
        operation.response.add(interval.length() as f64);
        operation.own.add(interval.length() as f64);
        operation.failures += f64::from(u8::from(span.tags.failed));
        let failed = span.tags.failed;
        request.calls.push(MadeCall { to, interval, waits: true, failed, served: None });
    }

    fn count(&mut self, request: &Request) {
        let place = self.observed.at(request.target).name.location;
        let waited: Vec<_> =
            request.calls.iter().filter(|call| call.waits).map(|call| call.interval).collect();
        self.observed.at_mut(request.target).own.add(uncovered(request.whole, &waited) as f64);
        let mut called: BTreeSet<Target> = BTreeSet::new();
        for made in &request.calls {
            let call = self.observed.call(request.target, made.to, place);
            call.calls += 1.0;
            call.failures += f64::from(u8::from(made.failed));
            call.time.add(made.interval.length() as f64);
            if called.insert(made.to) {
                call.callers = Some(call.callers.unwrap_or(0.0) + 1.0);
            }
            if let Some(served) = made.served {
                self.served.entry((request.target, made.to)).or_default().add(served);
            }
        }
        if let Some(made) = request.calls.iter().find(|made| !made.waits) {
            let names = [request.target, made.to].map(|end| quote(&self.observed.written(end.service)));
            let text = format!("{} waits for {}, which it only sends messages to", names[0], names[1]);
            if self.observed.remarks.iter().all(|remark| remark.value != text) {
                self.observed.remarks.push(Located::new(text, place));
            }
        }
        let calls: Vec<_> = request.calls.iter().map(|made| (made.to, made.interval)).collect();
        self.patterns.entry(request.target).or_default().add(request.whole.start, &calls);
    }

    fn finish(mut self) -> Observed {
        for (target, pattern) in &self.patterns {
            pattern.write(*target, &mut self.observed);
        }
        for ((from, to), served) in &self.served {
            let calls = &self.observed.at(*from).calls;
            let client = calls.get(to).and_then(|call| call.time.mean());
            if let (Some(client), Some(server)) = (client, served.mean()) {
                self.observed.remark_overhead(*from, *to, client, server);
            }
        }
        self.observed.window = self.window();
        self.observed
    }

    /// The window is as long as it takes from the first request to the last, and one more.
    fn window(&self) -> Window {
        let count = self.entered.len();
        let (first, last) = (self.entered.iter().min(), self.entered.iter().max());
        match first.zip(last) {
            Some((first, last)) if count >= ENOUGH && last > first => {
                let seconds = (last - first) as f64 / 1e9 * count as f64 / (count - 1) as f64;
                let why = format!(
                    "traces tell no rates: {count} requests in {seconds:.1}s are taken for all that came"
                );
                Window::Guessed(seconds, why)
            }
            _ => Window::Unknown,
        }
    }
}

/// What a span is.
enum Part {
    /// A part of the way to the next request, perhaps where it comes in.
    Way(Option<Entrance>),
    /// Work within a request.
    Inside,
    /// A request.
    Request,
}

/// Names of proxies that do not say whose they are.
fn is_nobody(service: &str) -> bool {
    matches!(service, "linkerd-proxy" | "istio-proxy" | "envoy")
}

impl Span {
    const fn interval(&self) -> Interval {
        Interval { start: self.start, end: self.end }
    }
}
