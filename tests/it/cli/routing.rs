//! Routes on the command line: what is meant and what is written, what is not modelled, and imports.

use super::{Place, QUICK, stderr, stdout};

/// Two services and a route that one mesh reads.
const SHOP: &str = "version: 1\nname: shop\nservices:\n- {name: web, service_time: 1ms, script: [call: reviews]}\n\
     - {name: reviews, service_time: 1ms}\ntraffic: [{service: web, from: outside, rate: 50/s}]\n\
     routes: [{host: reviews, namespace: default, resource: virtual_service, timeout: 1s}]\n";

#[test]
fn as_written_a_mesh_is_told_of_what_it_reads_alone() {
    let place = Place::new();
    place.write("routes.yaml", SHOP);
    let run = |flag: &str| {
        place.fine(&format!("run routes.yaml --mesh linkerd,istio-sidecar --force {QUICK} {flag}"))
    };
    let note = "linkerd: as written: no VirtualService is read";
    assert!(!run("").contains("as written"));
    let written = run("--as-written");
    assert!(written.contains(note) && !written.contains("istio-sidecar: as written"), "{written}");
}

#[test]
fn strictly_what_is_not_modelled_is_refused() {
    let place = Place::new();
    place.write("other.yaml", "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a}\nspec: {priority: 1}\n");
    let lax = place.sim("validate shop.yaml other.yaml");
    assert!(stderr(&lax).contains("warning[not-modelled]"), "{}", stderr(&lax));
    assert_eq!(lax.status.code(), Some(0), "{}", stdout(&lax));
    let strict = place.sim("validate shop.yaml other.yaml --strict");
    assert!(stderr(&strict).contains("error[not-modelled]"), "{}", stderr(&strict));
    assert_eq!(strict.status.code(), Some(2));
}

#[test]
fn imports_are_scenarios_that_run_and_say_what_is_missing() {
    let place = Place::new();
    place.write("routes.yaml", SHOP);
    assert_eq!(place.fine("import routes.yaml -o written.yaml"), "");
    let again = place.sim("import routes.yaml -o written.yaml");
    assert_eq!(again.status.code(), Some(2), "it may have been edited");
    assert!(stderr(&again).contains("written.yaml is there already: `--force` replaces it"));
    assert_eq!(place.fine("import routes.yaml -o written.yaml --force"), "");
    let written = std::fs::read_to_string(place.path("written.yaml")).expect("it is written");
    assert!(written.starts_with("version: 1\nname: shop\n"), "{written}");
    assert!(written.contains("resource: virtual_service"), "{written}");
    assert_eq!(place.fine("import written.yaml"), written, "it is read as it is written");
    assert_eq!(
        place.fine("validate written.yaml --mesh none"),
        place.fine("validate routes.yaml --mesh none")
    );
    // What is missing is said, and the user's to write.
    place.write("half.yaml", "version: 1\nservices: [{name: web, service_time: 1ms}]\n");
    let half = place.sim("import half.yaml");
    assert!(stderr(&half).contains("warning[empty-input]: nobody sends requests"), "{}", stderr(&half));
    assert!(stdout(&half).contains("name: web"));
    assert!(stdout(&half).contains("# traffic:\n#   - {service: web, from: outside, rate: 100/s}\n"));
    assert_eq!(half.status.code(), Some(0));
    place.write("wrong.yaml", "version: 1\nservices: [{name: web, service_tim: 1ms}]\n");
    assert_eq!(place.sim("import wrong.yaml -o wrong-written.yaml").status.code(), Some(2));
    assert!(!place.path("wrong-written.yaml").exists());
}

#[test]
fn a_scenario_that_misspells_a_service_of_manifests_is_told() {
    let place = Place::new();
    place.write(
        "manifest.yaml",
        "apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews}
spec: {template: {metadata: {labels: {app: reviews}}, spec: {containers: [{name: app}]}}}
",
    );
    let said = |name: &str| {
        let text = format!(
            "version: 1\nservices: [{{name: web, service_time: 1ms}}, {{name: {name}, service_time: 1ms}}]\n\
             traffic: [{{service: web, from: outside, rate: 1/s}}]\n"
        );
        place.write("shop.yaml", &text);
        let output = place.sim("validate -f manifest.yaml shop.yaml");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stderr(&output)
    };
    let misspelt = said("revews");
    assert!(misspelt.contains("no request ever reaches `revews`"), "{misspelt}");
    assert_eq!(misspelt.matches("did you mean `reviews`?").count(), 1, "{misspelt}");
    for name in ["reviews", "store"] {
        let other = said(name);
        assert!(
            other.contains("no request ever reaches `reviews`") && !other.contains("did you mean"),
            "{other}"
        );
    }
}
