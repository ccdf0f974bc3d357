//! Sources of traffic.

use crate::input::draft::{ArrivalsDraft, SourceDraft};
use crate::units::{Ratio, Span};
use crate::vocabulary::{Arrivals, HeaderValues, Origin, Phase};

use super::Guesses;
use super::quantity::{Of, dist, rate, ratio};
use super::yaml::{Map, Yaml};

pub(super) fn source(source: &SourceDraft, guesses: &mut Guesses<'_>) -> Yaml {
    let mut map = Map::default();
    map.put("name", Yaml::text(&source.name.value));
    map.put("service", Yaml::text(&source.service.value));
    map.maybe("operation", source.operation.as_ref().map(|operation| Yaml::text(&operation.value)));
    map.put("from", origin(&source.from.value));
    match &source.arrivals.value {
        ArrivalsDraft::Known(Arrivals::Poisson { rate: poisson }) => map.put("rate", rate(*poisson)),
        ArrivalsDraft::Known(known) => map.put("arrivals", arrivals(known)),
        ArrivalsDraft::TraceFile(file) => map.put("arrivals", Yaml::of("trace", Yaml::text(file))),
    }
    map.maybe("host", source.host.as_ref().map(|host| Yaml::text(&host.value)));
    let (mut headers, mut query) = (Map::default(), Map::default());
    for header in &source.headers {
        let values = values(&header.value.values);
        match header.value.name.as_str() {
            ":path" => map.put("path", values),
            ":method" => map.put("method", values),
            name => match name.strip_prefix('?') {
                Some(name) => query.put(name, values),
                None => headers.put(name, values),
            },
        }
    }
    for (key, named) in [("headers", headers), ("query", query)] {
        if !named.is_empty() {
            map.put(key, named);
        }
    }
    map.maybe("timeout", source.timeout.map(Yaml::plain));
    let places =
        [source.name.location, source.service.location, source.from.location, source.arrivals.location];
    guesses.say(&places, &mut map);
    if guesses.draft.assumed_rates == guesses.draft.sources.len() {
        map.comment("guess: no file gives a rate");
    }
    map.into()
}

fn origin(origin: &Origin) -> Yaml {
    match origin {
        Origin::Outside => Yaml::text("outside"),
        Origin::MeshedClient { replicas: 1 } => Yaml::text("meshed_client"),
        Origin::MeshedClient { replicas } => {
            Yaml::of("meshed_client", Yaml::of("replicas", Yaml::plain(replicas)))
        }
        Origin::Gateway { name, replicas } => {
            let mut map = Map::default();
            map.put("name", Yaml::text(name));
            map.put("replicas", Yaml::plain(replicas));
            Yaml::of("gateway", map)
        }
    }
}

fn values(values: &HeaderValues) -> Yaml {
    match values {
        HeaderValues::Distinct(count) => Yaml::of("distinct", Yaml::plain(count)),
        HeaderValues::Shares(shares) => match shares.as_slice() {
            [(value, share)] if *share == 1.0 => Yaml::text(value),
            shares => {
                let mut map = Map::default();
                for (value, share) in shares {
                    map.put(value, Ratio::new(*share).map_or_else(|_| Yaml::plain(share), ratio));
                }
                Yaml::of("shares", map)
            }
        },
    }
}

fn arrivals(arrivals: &Arrivals) -> Yaml {
    let of = |name: &str, parameters: Vec<(&str, Yaml)>| {
        let mut map = Map::default();
        for (key, value) in parameters {
            map.put(key, value);
        }
        Yaml::of(name, map)
    };
    match arrivals {
        Arrivals::Poisson { rate: mean } => Yaml::of("poisson", rate(*mean)),
        Arrivals::Constant { rate: constant } => Yaml::of("constant", rate(*constant)),
        Arrivals::Ramp { from, to, over } => {
            of("ramp", vec![("from", rate(*from)), ("to", rate(*to)), ("over", Yaml::plain(over))])
        }
        Arrivals::Diurnal { mean, amplitude, period } => of(
            "diurnal",
            vec![("mean", rate(*mean)), ("amplitude", ratio(*amplitude)), ("period", Yaml::plain(period))],
        ),
        Arrivals::Bursty { calm_rate, burst_rate, calm_mean, burst_mean } => of(
            "bursty",
            vec![
                ("calm_rate", rate(*calm_rate)),
                ("burst_rate", rate(*burst_rate)),
                ("calm_mean", Yaml::plain(calm_mean)),
                ("burst_mean", Yaml::plain(burst_mean)),
            ],
        ),
        Arrivals::Trace { times } => {
            Yaml::of("trace", Yaml::List(times.iter().map(|time: &Span| Yaml::plain(time)).collect()))
        }
        Arrivals::Closed { users, think_time } => {
            of("closed", vec![("users", Yaml::plain(users)), ("think_time", dist(think_time, Of::Time))])
        }
        Arrivals::Paced { connections, rate: all, phase, catch_up } => {
            let phase = match phase {
                Phase::Together => "together",
                Phase::Spread => "spread",
                Phase::Jittered => "jittered",
            };
            of(
                "paced",
                vec![
                    ("connections", Yaml::plain(connections)),
                    ("rate", rate(*all)),
                    ("phase", Yaml::text(phase)),
                    ("catch_up", Yaml::plain(catch_up)),
                ],
            )
        }
    }
}
