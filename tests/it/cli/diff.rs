//! `sim diff` as its users run it.

use super::{Place, QUICK, stderr};

fn scenario(details: &str) -> String {
    format!(
        "version: 1\nname: shop\nservices:\n\
         \x20 - {{name: web, service_time: 2ms, script: [{{call: db}}]}}\n\
         \x20 - {{name: db, service_time: {details}}}\n\
         traffic:\n  - {{name: users, service: web, rate: 300, from: outside}}\n\
         run: {{warm_up: 0.5s, duration: 2s, replications: 10}}\n"
    )
}

fn place() -> Place {
    let place = Place::new();
    place.write("before.yaml", &scenario("1ms"));
    place.write("after.yaml", &scenario("4ms"));
    place
}

/// The fields of the only row with this beginning.
fn row<'t>(table: &'t str, beginning: &str) -> Vec<&'t str> {
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with(beginning)).collect();
    assert_eq!(rows.len(), 1, "{beginning} in\n{table}");
    rows[0].split(',').collect()
}

#[test]
fn a_slower_service_makes_its_callers_slower_by_as_much() {
    let place = place();
    let csv = place.fine("diff before.yaml after.yaml --mesh none --output csv");
    // Without queues at the unlimited workers, three milliseconds more are three milliseconds more.
    let mean = row(&csv, "none,entry,users,response_time,mean,s,");
    let difference: f64 = mean[8].parse().unwrap();
    assert!((difference - 3e-3).abs() < 1e-6, "{difference}");
    let [low, high]: [f64; 2] = [9, 10].map(|column| mean[column].parse().unwrap());
    assert!(
        low <= 3e-3 && 3e-3 <= high && high - low < 1e-4,
        "the pairs saw the same requests: {low}..{high}"
    );
    assert_eq!(mean[11], "yes");
    let db = row(&csv, "none,service,default/db,response_time,mean,s,");
    assert!((db[8].parse::<f64>().unwrap() - 3e-3).abs() < 1e-6, "{db:?}");

    let table = place.fine("diff before.yaml after.yaml --mesh none");
    assert!(table.starts_with("Under none\n\nusers\n"), "{table}");
    assert!(table.contains("Changed most"), "{table}");
}

#[test]
fn nothing_changes_between_equal_scenarios() {
    let place = place();
    let csv = place.fine("diff before.yaml before.yaml --mesh linkerd --output csv");
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        assert!(matches!(fields[8], "0" | "") && fields[11] != "yes", "{line}");
    }
    let table = place.fine("diff before.yaml before.yaml --mesh linkerd");
    assert!(table.contains("No service, call or proxy changed"), "{table}");
}

#[test]
fn folders_of_results_are_compared_pair_by_pair() {
    let place = place();
    place.fine("run before.yaml --mesh none,linkerd --out left");
    place.fine("run after.yaml --mesh none,linkerd --out right");
    let of_folders = place.fine("diff left/shop right/shop --mesh none --output csv");
    let of_scenarios = place.fine("diff before.yaml after.yaml --mesh none --output csv");
    for number in ["response_time,mean", "response_time,p50", "throughput,mean"] {
        let key = format!("none,entry,users,{number},");
        let [saved, run] = [&of_folders, &of_scenarios].map(|csv| row(csv, &key));
        for column in [6, 7, 8, 9, 10] {
            let [saved, run] = [&saved, &run].map(|fields| fields[column].parse::<f64>().unwrap_or(f64::NAN));
            assert!(
                (saved - run).abs() < 1e-9 || (saved.is_nan() && run.is_nan()),
                "{number}, column {column}: {saved} in the folders, {run} from the runs"
            );
        }
    }
    assert!(of_folders.contains("\nlinkerd,") == of_scenarios.contains("\nlinkerd,"));
    // As `--out` names it, as long as it holds one scenario only.
    assert_eq!(place.fine("diff left right --mesh none --output csv"), of_folders);
    place.write("second.yaml", &scenario("1ms").replace("name: shop", "name: second"));
    place.fine(&format!("run second.yaml {QUICK} --mesh none --out left"));
    let output = place.sim("diff left right");
    assert_eq!(output.status.code(), Some(2));
    let expected = "left holds results of several scenarios, give one of them: left/second, left/shop";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    place.fine(&format!("run after.yaml {QUICK} --mesh none --seed 7 --out other"));
    let unpaired = place.fine("diff left/shop/none other/shop/none");
    assert!(unpaired.contains("the seeds differ"), "{unpaired}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let place = place();
    place.write("wrong.yaml", "version: 1\nservices: [{name: web}]\n");
    for (arguments, said) in [
        ("diff before.yaml", "two sides"),
        ("diff before.yaml wrong.yaml", "service_time"),
        ("diff before.yaml missing.yaml", "missing.yaml"),
    ] {
        let output = place.sim(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(stderr(&output).contains(said), "{arguments}: {}", stderr(&output));
    }
    place.fine(&format!("run before.yaml {QUICK} --mesh none --out left"));
    let output = place.sim("diff left/shop after.yaml");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("holds no results"), "{}", stderr(&output));
}
