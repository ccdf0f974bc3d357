//! `sim routes`: which rule is taken and why, where requests go, and what each mesh makes of it.

use serde_json::{Value, json};

use super::{Place, stderr, stdout};

/// Routes of every kind of effect, and nobody who sends anything.
const SHOP: &str = r"version: 1
services:
  - {name: web, service_time: 1ms, labels: {app: web}}
  - {name: bare, service_time: 1ms}
  - name: reviews
    service_time: 1ms
    versions: [{name: v1, replicas: 3, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
  - {name: shadow, service_time: 1ms, replicas: 2}
mesh: {exclude: {services: [bare]}}
subsets:
  - {name: v9, service: reviews, labels: {version: v9}}
routes:
  - name: reviews
    host: reviews
    rules:
      - {name: beta, match: [{headers: {user: jason}}, {query: {beta: {present: true}}}], to: [{service: reviews, subset: v2}], timeout: 2s, attempt_timeout: 500ms, retries: {attempts: 5, on: [connect_failure, 503], backoff: {base: 10ms, max: 100ms}}}
      - {match: {path: {prefix: /old}}, redirect: 301}
      - {match: {path: /health}, respond: {status: 204}}
      - {match: {source: {labels: {app: web}}, method: POST}, to: [{service: reviews, subset: v9}], retries: none}
      - {to: [{service: reviews, subset: v1, weight: 90}, {service: reviews, subset: v2, weight: 10}], mirror: [{service: shadow, share: 50%}], delay: {share: 10%, time: 1s}, abort: {share: 1%, status: 503}}
policies:
  - {service: reviews, subset: v1, balancing: round_robin, limits: {connections: 10, pending: 5}, ejection: {consecutive_errors: 3}}
";

/// A place with [`SHOP`], and what `sim routes` says of it as JSON for one mesh.
fn shop() -> Place {
    let place = Place::new();
    place.write("routes.yaml", SHOP);
    place
}

fn asked(place: &Place, arguments: &str, mesh: &str) -> Value {
    let output =
        place.sim(&format!("routes routes.yaml --to reviews {arguments} --mesh {mesh} --format json"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let all: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    all[0].clone()
}

/// The verdict on each rule.
fn verdicts(answer: &Value) -> Vec<&str> {
    answer["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| rule["verdict"].as_str().expect("text"))
        .collect()
}

/// The rule that is taken.
fn taken(answer: &Value) -> &Value {
    let mut rules = answer["rules"].as_array().expect("rules").iter();
    rules.find(|rule| rule["verdict"] == "taken").expect("one is taken")
}

#[test]
fn the_first_rule_whose_conditions_hold_is_taken_and_others_say_why_not() {
    let place = shop();
    for (arguments, expected) in [
        ("-H User=jason", vec!["taken", "not_reached", "not_reached", "not_reached", "not_reached"]),
        ("--path /new?beta=1", vec!["taken", "not_reached", "not_reached", "not_reached", "not_reached"]),
        ("--path /old/1", vec!["not_taken", "taken", "not_reached", "not_reached", "not_reached"]),
        ("--path /health", vec!["not_taken", "not_taken", "taken", "not_reached", "not_reached"]),
        ("--method POST --from web", vec!["not_taken", "not_taken", "not_taken", "taken", "not_reached"]),
        ("--method POST", vec!["not_taken", "not_taken", "not_taken", "not_taken", "taken"]),
        ("--query alpha=1", vec!["not_taken", "not_taken", "not_taken", "not_taken", "taken"]),
    ] {
        assert_eq!(verdicts(&asked(&place, arguments, "istio-sidecar")), expected, "{arguments}");
    }
    let answer = asked(&place, "--method POST -H user=ann", "istio-sidecar");
    let reasons = |rule: usize| answer["rules"][rule]["conditions"].clone();
    assert_eq!(
        reasons(0),
        json!([
            {"condition": "header user is `jason`", "found": "ann"},
            {"condition": "query beta is there", "found": null},
        ])
    );
    assert_eq!(reasons(1), json!([{"condition": "path begins with `/old`", "found": "/"}]));
    assert_eq!(reasons(3), json!([{"condition": "caller's label app is `web`", "found": null}]));
}

#[test]
fn effects_are_told_with_who_says_so() {
    let place = shop();
    let effect = |arguments: &str| taken(&asked(&place, arguments, "istio-sidecar"))["effect"].clone();
    let beta = effect("-H user=jason");
    assert_eq!((&beta["timeout_seconds"], &beta["attempt_timeout_seconds"]), (&json!(2.0), &json!(0.5)));
    assert_eq!(beta["retries"]["attempts"], json!({"value": 5, "from": "written"}));
    assert_eq!(beta["retries"]["on"], json!({"value": ["connect_failure", "503"], "from": "written"}));
    assert_eq!(beta["retries"]["avoid_previous"]["from"], "mesh");
    let usual = effect("--path /");
    assert_eq!(
        usual["to"],
        json!([
            {"share": 0.9, "backend": "reviews:v1", "versions": [{"version": "v1", "pods": 3}], "pods": 3, "missing": null},
            {"share": 0.1, "backend": "reviews:v2", "versions": [{"version": "v2", "pods": 1}], "pods": 1, "missing": null},
        ])
    );
    assert_eq!(
        (&usual["mirrors"][0]["backend"], &usual["mirrors"][0]["share"]),
        (&json!("shadow"), &json!(0.5))
    );
    assert_eq!(usual["delay"], json!({"share": 0.1, "mean_seconds": 1.0}));
    assert_eq!(usual["abort"], json!({"share": 0.01, "status": 503}));
    // Istio tries two times more, unasked.
    assert_eq!(usual["retries"]["attempts"], json!({"value": 2, "from": "mesh"}));
    assert_eq!(effect("--path /old")["answer"]["status"], 301);
    assert_eq!(effect("--path /health")["answer"]["status"], 204);
    let missing = effect("--method POST --from web");
    assert_eq!(
        (&missing["to"][0]["missing"], &missing["retries"]["attempts"]["from"]),
        (&json!(503), &json!("written"))
    );
}

#[test]
fn each_mesh_has_its_own_say() {
    let place = shop();
    for (mesh, by) in [
        ("istio-sidecar", json!("client_proxy")),
        ("linkerd", json!("client_proxy")),
        ("istio-ambient-waypoint", json!("waypoint")),
        ("istio-ambient", Value::Null),
        ("none", Value::Null),
    ] {
        assert_eq!(asked(&place, "--path /", mesh)["decided_by"], by, "{mesh}");
    }
    // Who is not in the mesh has no proxy that would look at rules.
    let bare = asked(&place, "--path / --from bare", "istio-sidecar");
    assert_eq!(
        (&bare["decided_by"], &bare["otherwise"]["to"][0]["backend"]),
        (&Value::Null, &json!("reviews"))
    );
    let backends = asked(&place, "--path /", "istio-sidecar")["backends"].clone();
    assert_eq!(backends[0]["balancing"], json!({"value": "round_robin", "from": "written"}));
    assert_eq!(backends[0]["policy"]["limits"], "10 connections, 5 pending");
    assert_eq!(backends[1]["balancing"], json!({"value": "least_request", "from": "mesh"}));
    let linkerd = asked(&place, "--path /", "linkerd");
    assert!(linkerd["not_possible"].as_array().expect("a list").contains(&json!("fault_delay")), "{linkerd}");
    assert_eq!(linkerd["rules"][4]["effect"]["delay"], Value::Null);
}

#[test]
fn the_table_tells_all_rules_once_and_then_the_differences() {
    let place = shop();
    let output = place.sim("routes routes.yaml --to reviews");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
    let output =
        place.sim("routes routes.yaml --to reviews.default --path / -H user=jason --mesh istio-sidecar,none");
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn as_written_only_meshes_that_read_an_object_follow_it() {
    let place = Place::new();
    place.write(
        "routes.yaml",
        &SHOP
            .replace("host: reviews", "host: reviews\n    namespace: default\n    resource: virtual_service"),
    );
    let meant = asked(&place, "--path /", "linkerd");
    assert_eq!(meant["rules"][4]["verdict"], "taken");
    let written = asked(&place, "--path / --as-written", "linkerd");
    assert_eq!(written["rules"][4]["verdict"], "not_possible");
    assert_eq!(written["otherwise"]["to"][0]["backend"], "reviews");
    assert_eq!(asked(&place, "--path / --as-written", "istio-sidecar")["rules"][4]["verdict"], "taken");
}

#[test]
fn gateways_are_asked_by_their_own_hosts() {
    let place = Place::new();
    place.write(
        "routes.yaml",
        "version: 1\nservices: [{name: web, service_time: 1ms}]\nroutes:\n- {name: page, namespace: default, hosts: [shop.example.com], via: {gateways: [edge]}, rules: [{match: {path: {prefix: /shop}}, to: [web]}]}\n",
    );
    let ask = |arguments: &str| {
        let output = place.sim(&format!("routes routes.yaml --mesh istio-sidecar --format json {arguments}"));
        let all: Value =
            serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        all[0].clone()
    };
    let taken = ask("--to shop.example.com --path /shop/1");
    assert_eq!((&taken["from"], &taken["decided_by"]), (&json!("gateway edge"), &json!("gateway")));
    assert_eq!(taken["rules"][0]["effect"]["to"][0]["backend"], "web");
    let missed = ask("--to shop.example.com --from gateway:edge --path /admin");
    assert_eq!(
        (&missed["rules"][0]["verdict"], &missed["otherwise"]["answer"]["status"]),
        (&json!("not_taken"), &json!(404))
    );
    // Callers in the mesh are not concerned.
    assert_eq!(ask("--to web --path /admin")["rules"], json!([]));
}

/// What is told is what a run does: the explanation and the compiler are held against each other on the same requests.
#[test]
fn shares_that_are_told_are_those_of_a_run() {
    for (request, from) in [
        ("headers: {user: jason}", "-H user=jason"),
        ("headers: {user: ann, '?beta': '2'}", "-H user=ann --query beta=2"),
        ("headers: {user: ann}", "-H user=ann"),
        ("headers: {user: ann, ':path': /old/1}", "-H user=ann --path /old/1"),
        (
            "headers: {user: ann, ':path': /health, ':method': POST}",
            "-H user=ann --path /health --method POST",
        ),
        ("headers: {':path': /x, ':method': POST}", "--path /x --method POST"),
    ] {
        let text = format!(
            "{SHOP}traffic: [{{service: reviews, from: meshed_client, arrivals: {{constant: 1000/s}}, {request}}}]\nrun: {{warm_up: 0s, duration: 2s}}\n"
        );
        let place = Place::new();
        place.write("routes.yaml", &text);
        let told = asked(&place, from, "istio-sidecar");
        let effect = &taken(&told)["effect"];
        let aborted = effect["abort"]["share"].as_f64().unwrap_or(0.0);
        let share = |version: &str| {
            let to = effect["to"].as_array().expect("a list").iter();
            let of = to.filter(|share| share["backend"] == format!("reviews:{version}"));
            of.map(|share| share["share"].as_f64().expect("a number")).sum::<f64>() * (1.0 - aborted)
        };
        let program =
            sim::program::compile(&crate::common::scenario(&text), &crate::common::mesh("istio-sidecar"));
        let record = sim::engine::run(&program, 0, &false.into()).expect("nothing stops it");
        for (number, version) in ["v1", "v2"].into_iter().enumerate() {
            let (share, visits) = (share(version), record.versions[number].visits as f64);
            let allowed = 4.0 * (2000.0 * share * (1.0 - share)).sqrt();
            assert!(
                (visits - 2000.0 * share).abs() <= allowed,
                "{from}: {visits} visits of {version}, {share} told"
            );
        }
    }
}

#[test]
fn what_is_wrong_with_the_question_is_told_at_once() {
    let place = shop();
    let output = place.sim("routes routes.yaml --to revews --from wbe -H =x --query y --mesh linkred");
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""));
    let told = stderr(&output);
    for expected in [
        "error[unknown-name]: there is no service `revews`\n --> --to:1:1",
        "help: did you mean `reviews`?",
        "error[unknown-name]: there is no service `wbe`\n --> --from:1:1",
        "help: did you mean `web`?",
        "error[invalid-value]: a name and a value are needed\n --> --header:1:1",
        "error[invalid-value]: a name and a value are needed\n --> --query:1:1",
        "help: did you mean `linkerd`?",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let output = place.sim("routes routes.yaml --to reviews --from gateway:edge");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("no route and no traffic goes through a gateway `edge`"),
        "{}",
        stderr(&output)
    );
    place.write("wrong.yaml", "version: 1\nservices: [{name: web, service_tim: 1ms}]\n");
    let output = place.sim("routes wrong.yaml --to web");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("wrong.yaml:2:24"), "{}", stderr(&output));
}

/// Who asks without traffic is not told that no traffic has what the question is about.
#[test]
fn a_header_that_is_asked_for_need_not_be_sent_by_anybody() {
    let place = Place::new();
    let shop = "version: 1
services: [{name: web, service_time: 1ms}, {name: reviews, service_time: 1ms}]
routes: [{host: reviews, rules: [{match: {headers: {user: jason}}, respond: {status: 418}}, {to: reviews}]}]
policies: [{service: reviews, balancing: {policy: maglev, hash_on: 'header:session'}}]
";
    place.write("routes.yaml", shop);
    let output =
        place.sim("routes routes.yaml --to reviews -H user=jason --mesh istio-sidecar --format json");
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!((verdicts(&answer[0]), stderr(&output).as_str()), (vec!["taken", "not_reached"], ""));
    // With traffic of its own the warning stands.
    place.write("routes.yaml", &format!("{shop}traffic: [{{service: web, from: outside, rate: 1/s}}]\n"));
    let output = place.sim("routes routes.yaml --to reviews -H user=jason --mesh istio-sidecar");
    assert!(stderr(&output).contains("no traffic source sends the header `user`"), "{}", stderr(&output));
}
