//! Call graphs from observation: what real and nasty files say, and what is made of a trace whose truth is known.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use sim::diag::{Diagnostics, Style};
use sim::experiment::{
    self,
    model::{Experiment, Length},
};
use sim::input::draft::{
    ActionDraft, ArrivalsDraft, CallDraft, Draft, OperationDraft, Origins, ServiceDraft, StepDraft,
};
use sim::input::{self, Options};
use sim::mesh::profile::find;
use sim::mesh::{Scenario, validate};
use sim::program::compile;
use sim::units::{Ratio, Span};
use sim::vocabulary::{Arrivals, CpuTime, Origin, Protocol};

const GOOD: &str = "tests/data/good/observed";

fn load(paths: &[PathBuf]) -> (Draft, String) {
    let (draft, sources, diagnostics) = input::load(paths, &Options::default());
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(&sources, Style::Plain));
    (draft, diagnostics.render(&sources, Style::Plain))
}

#[track_caller]
fn good(name: &str) -> Draft {
    let (draft, _) = load(&[Path::new(GOOD).join(name)]);
    scenario(&draft);
    draft
}

/// A file as Kiali's own tests have it, where it is at hand.
fn real(name: &str) -> Option<Draft> {
    let folders = ["../shared", "../../shared"].map(Path::new);
    let path = folders
        .map(|folder| folder.join("data/inputs/kiali").join(name))
        .into_iter()
        .find(|path| path.exists())?;
    let (draft, said) = load(&[path]);
    assert_eq!(said, "");
    scenario(&draft);
    Some(draft)
}

/// Files with these texts together.
fn texts(texts: &[(&str, &str)]) -> Draft {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |(name, text): &(&str, &str)| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    load(&texts.iter().map(path).collect::<Vec<_>>()).0
}

#[track_caller]
fn scenario(draft: &Draft) -> Scenario {
    let mut diagnostics = Diagnostics::default();
    validate(draft, &mut diagnostics).unwrap_or_else(|| panic!("{:?}", diagnostics.sorted()))
}

#[track_caller]
fn service<'d>(draft: &'d Draft, name: &str) -> &'d ServiceDraft {
    let names: Vec<_> = draft.services.iter().map(ServiceDraft::full_name).collect();
    let found = draft.services.iter().find(|service| service.full_name() == name);
    found.unwrap_or_else(|| panic!("no {name} among {names:?}"))
}

#[track_caller]
fn operation<'d>(draft: &'d Draft, of: &str) -> &'d OperationDraft {
    &service(draft, of).operations[0]
}

/// Calls of a script: callee, chance in per mille, times; `|` begins a step that runs at once.
fn shown(steps: &[StepDraft]) -> String {
    let call = |call: &CallDraft| {
        let optional = if call.optional { "?" } else { "" };
        let times = if call.count == 1 { String::new() } else { format!(" x{}", call.count) };
        let chance = call.probability.value() * 1000.0;
        format!("{}{optional} {chance:.0}{times}", call.service.value)
    };
    let action = |action: &ActionDraft| match action {
        ActionDraft::Call(made) => call(made),
        ActionDraft::Sleep(_) => panic!("nobody sleeps"),
    };
    let step = |step: &StepDraft| match step {
        StepDraft::One(one) => action(one),
        StepDraft::Parallel(all) => format!("|{}|", all.iter().map(action).collect::<Vec<_>>().join(" & ")),
    };
    steps.iter().map(step).collect::<Vec<_>>().join(", ")
}

/// Sources: name, service, requests per second in thousandths.
fn sources(draft: &Draft) -> Vec<(&str, &str, i64)> {
    let rate = |arrivals: &ArrivalsDraft| match arrivals {
        ArrivalsDraft::Known(Arrivals::Poisson { rate }) => (rate.value() * 1000.0).round() as i64,
        other => panic!("{other:?}"),
    };
    let each = draft.sources.iter();
    each.map(|source| (&*source.name.value, &*source.service.value, rate(&source.arrivals.value))).collect()
}

/// Mean service time in microseconds.
fn own(draft: &Draft, of: &str) -> f64 {
    (operation(draft, of).service_time.mean() / 1e3).round()
}

fn says(draft: &Draft, text: &str) -> bool {
    draft.guesses.iter().any(|guess| guess.value.contains(text))
}

#[test]
fn bookinfo_as_kiali_sees_it() {
    let Some(draft) = real("workload_graph.json") else { return };
    assert_eq!(draft.services.len(), 8, "{:?}", draft.services);
    assert!(draft.services.iter().all(|service| service.origin == Origins::Observed));
    // 300 and 800 bytes per second of TCP.
    assert_eq!(
        sources(&draft),
        [
            ("bookinfo/kiali-2412", "bookinfo/kiali-2412", 50_000),
            ("bookinfo/productpage", "bookinfo/productpage", 50_000),
            ("ingressgateway to bookinfo/productpage", "bookinfo/productpage", 100_000),
            ("bookinfo/tcp", "bookinfo/tcp", 521),
            ("ingressgateway to bookinfo/tcp", "bookinfo/tcp", 195),
        ]
    );
    let gateway = &draft.sources[2].from.value;
    assert_eq!(*gateway, Origin::Gateway { name: "ingressgateway".to_owned(), replicas: 1 });
    // Of 170 requests, 20 come from itself.
    assert_eq!(
        shown(&operation(&draft, "bookinfo/productpage").script),
        "bookinfo/reviews 353, bookinfo/details? 471, bookinfo/productpage 118, bookinfo/tcp 0"
    );
    let reviews = service(&draft, "bookinfo/reviews");
    let versions: Vec<_> = reviews
        .versions
        .iter()
        .map(|one| (&*one.name.value, one.replicas.value, shown(&one.operations[0].script)))
        .collect();
    let third = "bankapp/pricing 500, bookinfo/reviews 500, bankapp/deposit 1000, bankapp/deposit 250, bookinfo/ratings? 750";
    assert_eq!(
        versions,
        [
            ("v1", 1, String::new()),
            ("v2", 2, "bookinfo/reviews 500, bookinfo/ratings? 750".to_owned()),
            ("v3", 2, third.to_owned()),
        ]
    );
    assert_eq!(reviews.replicas.value, 5);
    let ratio = |name| (operation(&draft, name).error_ratio.value() * 1000.0).round();
    assert_eq!((ratio("bookinfo/details"), ratio("bookinfo/ratings")), (250.0, 333.0));
    let protocol = |name| service(&draft, name).application.protocol;
    assert_eq!(protocol("bankapp/deposit"), Protocol::Grpc);
    assert_eq!(protocol("bookinfo/tcp"), Protocol::Tcp);
    assert!(says(&draft, "`bookinfo/reviews` calls nobody known 4 times per second"), "{:?}", draft.guesses);
}

#[test]
fn waypoints_are_hops() {
    let Some(draft) = real("ambient_graph.json") else { return };
    let names: Vec<_> = draft.services.iter().map(ServiceDraft::full_name).collect();
    assert_eq!(names, ["bookinfo/details", "bookinfo/productpage", "bookinfo/reviews"]);
    assert_eq!(sources(&draft), [("bookinfo/productpage", "bookinfo/productpage", 10_000)]);
    let script = shown(&operation(&draft, "bookinfo/productpage").script);
    assert_eq!(script, "bookinfo/details 1000, bookinfo/reviews 1000");
    assert!(says(&draft, "nothing tells how often `bookinfo/productpage` is asked"));
}

#[test]
fn kiali_in_all_its_ways() {
    let draft = good("kiali.json");
    let names: Vec<_> = draft.services.iter().map(ServiceDraft::full_name).collect();
    assert_eq!(names, ["shop/web", "shop/cart", "shop/mail", "shop/queue"]);
    assert_eq!(
        sources(&draft),
        [("shop-gateway", "shop/web", 90_000), ("loadgenerator", "shop/web", 10_000)]
    );
    assert_eq!(draft.sources[1].from.value, Origin::MeshedClient { replicas: 1 });
    let web = shown(&operation(&draft, "shop/web").script);
    assert_eq!(web, "shop/cart? 500, shop/queue 100", "15360 bytes are 10 requests");
    // A p95 of 139 ms is a mean of 50; half of the requests wait for 20 ms.
    assert_eq!((own(&draft, "shop/web"), own(&draft, "shop/cart")), (40_000.0, 20_000.0));
    let cart = service(&draft, "shop/cart");
    let versions: Vec<_> = cart.versions.iter().map(|one| (&*one.name.value, one.replicas.value)).collect();
    assert_eq!(versions, [("v1", 1), ("v2", 3)]);
    assert_eq!(cart.versions[0].operations[0].script, []);
    assert_eq!(shown(&cart.versions[1].operations[0].script), "shop/mail 1000 x2");
    let excluded: Vec<_> = draft.mesh.exclude.services.iter().map(|name| &*name.value).collect();
    assert_eq!(excluded, ["shop/mail"]);
    let guessed: Vec<_> = draft.guessed_times.iter().map(|guess| &*guess.service.value).collect();
    assert_eq!(guessed, ["shop/mail", "shop/queue"], "theirs are the only ones that nobody has seen");
}

#[test]
fn a_trace_with_everything_wrong() {
    let draft = good("jaeger.json");
    let names: Vec<_> = draft.services.iter().map(ServiceDraft::full_name).collect();
    let expected = ["web", "clock", "stock", "cart", "postgresql"].map(|name| format!("default/{name}"));
    assert_eq!(names, expected, "proxies are no services");
    let script = shown(&operation(&draft, "default/web").script);
    assert_eq!(script, "cart? 1000, stock 1000", "one after the other");
    assert_eq!(own(&draft, "default/web"), 40_000.0, "100 ms less 40 and 20");
    assert_eq!((own(&draft, "default/cart"), own(&draft, "default/stock")), (25_000.0, 18_000.0));
    assert_eq!(own(&draft, "default/postgresql"), 5_000.0);
    assert_eq!(operation(&draft, "default/cart").error_ratio, Ratio::ONE);
    assert!(
        says(&draft, "between `web` and `cart` network and proxies took 10.000ms"),
        "{:?}",
        draft.guesses
    );
    // Of a circle of two spans one is the other's child.
    assert_eq!(own(&draft, "default/clock"), 1_000.0 - 600.0);
    assert_eq!(draft.assumed_rates, 2, "a single trace tells no rate");
}

#[test]
fn dependencies_are_weights() {
    let draft = good("jaeger-dependencies.json");
    assert_eq!(sources(&draft), [("web", "web", 1_000_000)]);
    let calls = |name| shown(&operation(&draft, name).script);
    assert_eq!(
        (calls("default/web"), calls("default/cart")),
        ("cart 1000, stock 250".into(), "stock 1000 x3".into())
    );
    let draft = good("zipkin-dependencies.json");
    // `b` is asked 150 times, for `c` asks it back; whether `a` survives its failures is not known.
    assert_eq!(shown(&operation(&draft, "default/a").script), "b 1000");
    assert_eq!(shown(&operation(&draft, "default/b").script), "c 667");
    assert_eq!(shown(&operation(&draft, "default/c").script), "b 500");
    assert!((operation(&draft, "default/b").error_ratio.value() - 10.0 / 150.0).abs() < 1e-9);
    // Nobody else asks `x` and `y`.
    assert_eq!(
        (shown(&operation(&draft, "default/x").script), shown(&operation(&draft, "default/y").script)),
        ("y 1000".into(), String::new())
    );
}

#[test]
fn istios_metrics_count_each_request_once() {
    let draft = good("istio.json");
    assert_eq!(sources(&draft), [("istio-ingressgateway", "shop/web", 100_000)]);
    let web = operation(&draft, "shop/web");
    assert_eq!(shown(&web.script), "shop/cart 1000 x2");
    assert_eq!(web.error_ratio.value(), 0.05);
    // 30 ms less twice the 6 ms that it waits.
    assert_eq!(own(&draft, "shop/web"), 18_000.0);
    // 0.9 cores for 100 requests per second, without the proxy's.
    let CpuTime::Share(share) = web.cpu_time else { panic!("{web:?}") };
    assert!((share.value() - 0.5).abs() < 1e-9, "{share:?}");
    // Half of the values at 1 ms, half at 7 ms.
    let cart = operation(&draft, "shop/cart");
    assert!(
        (cart.service_time.mean() - 4e6).abs() < 1.0 && (cart.service_time.scv() - 9.0 / 16.0).abs() < 1e-9
    );
    assert_eq!(cart.response_size.mean(), 3000.0);
    assert_eq!(service(&draft, "shop/cart").application.protocol, Protocol::Grpc);
    assert!(says(&draft, "between `shop/web` and `shop/cart` network and proxies took 2.000ms"));
    // Counters that began anew: 3000 and 500 requests in 100 s.
    assert_eq!(sources(&good("istio-counters.json")), [("shop/web", "shop/web", 35_000)]);
}

#[test]
fn linkerds_and_opentelemetrys_metrics() {
    let draft = good("linkerd.json");
    assert_eq!(sources(&draft), [("emojivoto/web", "emojivoto/web", 10_000)]);
    assert_eq!(shown(&operation(&draft, "emojivoto/web").script), "emojivoto/emoji? 1000 x2");
    assert_eq!(operation(&draft, "emojivoto/emoji").error_ratio.value(), 0.25);
    assert_eq!(own(&draft, "emojivoto/emoji"), 4_000.0);
    let draft = good("service-graph.json");
    assert_eq!(sources(&draft), [("web", "web", 10_000)]);
    assert_eq!(shown(&operation(&draft, "default/web").script), "db? 1000 x3");
    assert_eq!((own(&draft, "default/web"), own(&draft, "default/db")), (11_000.0, 2_000.0));
    assert_eq!(operation(&draft, "default/db").error_ratio.value(), 0.1);
}

#[test]
fn spans_come_a_line_each() {
    let draft = good("otlp.jsonl");
    assert_eq!((own(&draft, "shop/web"), own(&draft, "shop/cart")), (4_000.0, 4_000.0));
    assert_eq!(shown(&operation(&draft, "shop/web").script), "shop/cart? 1000");
    assert_eq!(service(&draft, "shop/cart").application.protocol, Protocol::Grpc);
}

/// Traces of `web`: it works, asks `a` and `b` at once, and in every second request `c` twice; in milliseconds.
fn synthetic(requests: u32) -> String {
    let mut spans = String::new();
    let mut count = 0;
    let mut span = |trace: u32, parent: u32, service: &str, kind: &str, start: f64, length: f64| {
        count += 1;
        let comma = if count == 1 { "" } else { "," };
        let (start, length) = ((start * 1e3) as u64 + 1_700_000_000_000_000, (length * 1e3) as u64);
        write!(
            spans,
            r#"{comma}{{"traceID":"t{trace}","spanID":"{count}","operationName":"run","references":[{{"refType":"CHILD_OF","traceID":"t{trace}","spanID":"{parent}"}}],
            "startTime":{start},"duration":{length},"tags":[{{"key":"span.kind","value":"{kind}"}}],"process":{{"serviceName":"{service}"}}}}"#
        )
        .expect("a text");
        count
    };
    for trace in 0..requests {
        let begin = f64::from(trace) * 100.0;
        let odd = f64::from(trace % 2);
        // 6 or 10 ms of its own: a mean of 8 and a cv of 1/4.
        let own = 6.0 + 4.0 * odd;
        let calls = if trace % 2 == 1 { 2 } else { 0 };
        // Calls take 2 ms of network: 12 ms for `a` and `b`, 5 ms for each `c`.
        let web = span(trace, 0, "web", "server", begin, own + 12.0 + 5.0 * f64::from(calls));
        let mut call = |service: &str, start: f64, length: f64| {
            let client = span(trace, web, "web", "client", start, length + 2.0);
            span(trace, client, service, "server", start + 1.0, length);
        };
        call("a", begin + own, 10.0);
        call("b", begin + own + 1.0, 4.0);
        for row in 0..calls {
            call("c", begin + own + 12.0 + 5.0 * f64::from(row), 3.0);
        }
    }
    format!(r#"{{"data":[{{"traceID":"t","spans":[{spans}],"processes":{{}}}}]}}"#)
}

#[test]
fn a_trace_gives_back_what_it_was_made_from() {
    let draft = texts(&[("a.json", &synthetic(20))]);
    let times = ["web", "a", "b", "c"].map(|name| own(&draft, &format!("default/{name}")));
    assert_eq!(times, [8_000.0, 10_000.0, 4_000.0, 3_000.0]);
    let web = operation(&draft, "default/web");
    assert_eq!(shown(&web.script), "|a 1000 & b 1000|, c 500 x2");
    assert!((web.service_time.scv() - 1.0 / 16.0).abs() < 1e-6, "{:?}", web.service_time);
    assert_eq!(sources(&draft), [("web.run", "web", 10_000)]);
    scenario(&draft);
}

#[test]
fn metrics_tell_how_often_and_traces_what() {
    let rates = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"client":"user","server":"web"},"value":[0,"7"]},
        {"metric":{"client":"web","server":"mail"},"value":[0,"7"]}]}}"#;
    let draft = texts(&[("a.json", &synthetic(20)), ("b.json", rates)]);
    assert_eq!(sources(&draft), [("web.run", "web", 7_000)]);
    assert_eq!(shown(&operation(&draft, "default/web").script), "|a 1000 & b 1000|, c 500 x2, mail 1000");
    assert_eq!(own(&draft, "default/web"), 8_000.0);
}

#[test]
fn manifests_and_scenarios_add_to_what_was_observed() {
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  replicas: 3\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: web}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";
    let graph = fs::read_to_string(Path::new(GOOD).join("istio-counters.json")).expect("a file");
    let draft = texts(&[("a.yaml", manifest), ("b.json", &graph)]);
    assert_eq!(draft.services.len(), 1);
    assert_eq!((draft.services[0].replicas.value, sources(&draft)[0].2), (3, 35_000));
    assert!(!says(&draft, "how many pods"), "{:?}", draft.guesses);
    let own = "version: 1\ntraffic: [{service: web, from: outside, rate: 5}]\n";
    let draft = texts(&[("a.yaml", own), ("b.json", &graph)]);
    assert_eq!(sources(&draft), [("web", "web", 5_000)]);
    assert!(says(&draft, "observed traffic is left out"));
}

#[test]
fn guessed_service_times_are_assumptions() {
    let draft = good("kiali.json");
    let nominal = scenario(&draft);
    assert_eq!(nominal.guesses.len(), 2);
    let time = |scenario: &Scenario, name: &str| {
        let service = scenario.services.iter().find(|service| service.name == name).expect("a service");
        (service.operations.iter().next().expect("an operation").service_time.mean() / 1e3).round()
    };
    let of = |scenario: &Scenario| ["web", "mail", "queue"].map(|name| time(scenario, name));
    assert_eq!(of(&nominal.guessing(|_| Some(0.5))), [40_000.0, 5_000.0, 5_000.0]);
    let high = |identity: &str| Some(if identity == "service_time shop/mail.default" { 1.0 } else { 0.0 });
    assert_eq!(of(&nominal.guessing(high)), [40_000.0, 10_000.0, 2_500.0]);
    let one = |identity: &str| (identity == "service_time shop/mail.default").then_some(1.0);
    assert_eq!(of(&nominal.guessing(one)), [40_000.0, 10_000.0, 5_000.0], "others stay as they were");
    // What somebody says is no guess any more.
    let graph = fs::read_to_string(Path::new(GOOD).join("kiali.json")).expect("a file");
    let own = "version: 1\nservices: [{name: mail, namespace: shop, service_time: 1ms}]\n";
    let together = texts(&[("a.yaml", own), ("b.json", &graph)]);
    assert!(!says(&together, "`shop/mail` works") && says(&together, "`shop/queue` works"));
    let both = scenario(&together);
    assert_eq!((both.guesses.len(), time(&both, "mail")), (1, 1_000.0));
}

#[test]
fn guesses_are_drawn_with_a_meshs_constants() {
    let mut with = scenario(&good("kiali.json"));
    with.run.warm_up = Span::from_millis(100);
    with.run.duration = Span::from_seconds(1);
    let without = Scenario { guesses: Vec::new(), ..with.clone() };
    let profiles = [find("none", None).expect("a shipped profile")];
    let programs = [compile(&with, &profiles[0].model(2))];
    let labels = [experiment::labels(&programs[0])];
    let stop = AtomicBool::new(false);
    let records = [vec![sim::engine::run(&programs[0], 0, &stop).expect("nothing stops it")]];
    let drawn = |scenario: &Scenario| {
        let experiment = Experiment::new(scenario, Length::Chosen, &profiles, &labels, &records, 2);
        let drawn = experiment.draws(2, &stop, &|| ()).expect("nothing stops it");
        let [one] = &drawn[..] else { panic!("one mesh") };
        [&one.nominal, &one.draws[0], &one.draws[1]].map(|values| format!("{values:?}"))
    };
    let (guessed, known) = (drawn(&with), drawn(&without));
    assert_eq!(guessed[0], known[0], "the nominal run has the guesses themselves");
    assert_ne!(guessed[1], known[1]);
    assert_ne!(guessed[1], guessed[2]);
    assert_eq!(guessed, drawn(&with), "the same draws every time");
}

/// Replaces the `row`-th value of a JSON text.
fn replaced(value: &mut serde_json::Value, row: &mut usize, with: &serde_json::Value) {
    if *row == 0 {
        *value = with.clone();
    }
    *row = row.wrapping_sub(1);
    match value {
        serde_json::Value::Array(all) => all.iter_mut().for_each(|one| replaced(one, row, with)),
        serde_json::Value::Object(all) => all.values_mut().for_each(|one| replaced(one, row, with)),
        _ => {}
    }
}

const EXAMPLES: [&str; 9] = [
    "kiali.json",
    "jaeger.json",
    "jaeger-dependencies.json",
    "zipkin-dependencies.json",
    "istio.json",
    "istio-counters.json",
    "linkerd.json",
    "service-graph.json",
    "otlp.jsonl",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_file_is_too_odd(
        example in prop::sample::select(&EXAMPLES[..]),
        changes in prop::collection::vec((0_usize..400, 0_usize..10), 1..6),
    ) {
        let text = fs::read_to_string(Path::new(GOOD).join(example)).expect("a file");
        let odd = ["null", "\"\"", "-1", "\"1e300\"", "1e-300", "[]", "{}", "\"NaN\"", "18446744073709551615", "\"a\""];
        let mut texts = Vec::new();
        let whole = serde_json::from_str(&text).map(|value| vec![value]);
        let values: Vec<serde_json::Value> = whole.unwrap_or_else(|_| {
            text.lines().map(|line| serde_json::from_str(line).expect("a value on every line")).collect()
        });
        for mut value in values {
            for (row, with) in &changes {
                replaced(&mut value, &mut row.clone(), &serde_json::from_str(odd[*with]).expect("JSON"));
            }
            texts.push(value.to_string());
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(example);
        fs::write(&path, texts.join("\n")).expect("a file");
        let (draft, _, mut diagnostics) = input::load(&[path], &Options::default());
        let read = !diagnostics.has_errors();
        let scenario = validate(&draft, &mut diagnostics);
        prop_assert!(scenario.is_some() || diagnostics.has_errors() || !read);
    }
}
