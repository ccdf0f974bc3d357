//! The command as its users run it: exit codes, what is written and what is not, and what it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

mod compare;
mod diff;
mod resources;
mod routes;
mod routing;

const SIM: &str = env!("CARGO_BIN_EXE_sim");
const QUICK: &str = "--warm-up 0s --duration 1s --replications 2";
const TIDY: &str = "scenario,mesh,scope,name,metric,statistic,value,unit,ci_low,ci_high,model_low,model_high";

/// A folder to run the command in.
struct Place(TempDir);

impl Place {
    /// With the scenario that `sim init` gives as `shop.yaml`.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary folder"));
        let starter = place.sim("init");
        assert_eq!(starter.status.code(), Some(0));
        place.write("shop.yaml", &stdout(&starter));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a writable temporary folder");
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(SIM);
        command.args(arguments.split_whitespace()).current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn sim(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("the command starts")
    }

    /// Standard output of a command that succeeds and has nothing to complain about.
    fn fine(&self, arguments: &str) -> String {
        let output = self.sim(arguments);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{arguments}");
        stdout(&output)
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[test]
fn the_starter_is_valid_and_its_table_answers_first_what_the_mesh_adds() {
    let place = Place::new();
    assert!(place.fine("validate shop.yaml").starts_with("my-shop: 4 services, 9 pods\n"));
    let table = place.fine(&format!("run shop.yaml {QUICK}"));
    assert_eq!(table.lines().nth(2), Some("shoppers: response time added to none"));
    assert!(table.contains("met    shoppers under linkerd: p99 is "), "{table}");
    for mesh in ["none", "istio-sidecar", "linkerd"] {
        assert!(place.path(&format!("results/my-shop/{mesh}/manifest.json")).is_file(), "{mesh}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_nothing_is_written() {
    let place = Place::new();
    place.write(
        "bad.yaml",
        "version: 1\nname: bad\nservices:\n  - {name: web, service_tme: 5ms, replicas: 0}\n\
         traffic:\n  - {service: wbe, rate: 10, from: outside}\n",
    );
    let output =
        place.sim("run bad.yaml --mesh linkred,none --set services.web.x=1 --set profile.proxy.wokers=4");
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    for expected in [
        "error[unknown-key]: a service has no `service_tme`\n --> bad.yaml:4:17",
        "error[invalid-value]: this must be at least 1\n --> bad.yaml:4:45",
        "error[unknown-name]: there is no service `wbe`\n --> bad.yaml:6:15",
        "help: did you mean `web`?",
        "help: did you mean `linkerd`?",
        "error[unknown-key]: a service has no `x`\n --> --set:1:1",
        "help: did you mean `proxy.workers`?",
    ] {
        assert!(told.contains(expected), "no {expected:?} in\n{told}");
    }
    assert!(!place.path("results").exists());
}

#[test]
fn bad_usage_and_bad_input_end_with_two_and_write_nothing() {
    let place = Place::new();
    place.write("empty.yaml", "");
    place.write("file", "");
    fs::create_dir(place.path("folder")).unwrap();
    for (arguments, expected) in [
        ("run", "required"),
        ("run missing.yaml", "cannot be read"),
        ("run empty.yaml", "no services"),
        ("run folder", "holds no YAML or JSON file"),
        ("run shop.yaml --mesh isto-sidecar", "did you mean `istio-sidecar`?"),
        ("run shop.yaml --set services.wob.replicas=3", "did you mean `web`?"),
        ("run shop.yaml --set services.web.replicas=none", "cannot be read as a whole number"),
        ("run shop.yaml --set nothing", "is not path=value"),
        ("run shop.yaml --set profile.proxy.workers=lots", "cannot be `lots`"),
        ("run shop.yaml --duration 0s", "longer than nothing"),
        ("run shop.yaml --duration soon", "--duration"),
        ("run shop.yaml --rps 0", "there must be some requests"),
        ("run shop.yaml --precision 0%", "more than nothing"),
        ("run shop.yaml --precision 5% --replications 3", "cannot be used with"),
        ("run shop.yaml --replications 0", "--replications"),
        ("run shop.yaml --out file", "cannot"),
        ("run shop.yaml --out /proc/results", "cannot create"),
        ("validate empty.yaml", "no services"),
        ("models show linkrd", "did you mean `linkerd`?"),
        ("completions shell", "possible values"),
    ] {
        let output = place.sim(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(stderr(&output).contains(expected), "{arguments}: no {expected:?} in\n{}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments}");
    }
    let mut left: Vec<_> =
        fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["empty.yaml", "file", "folder", "shop.yaml"]);
}

#[test]
fn a_missed_objective_ends_with_one_and_a_missed_precision_with_three() {
    let place = Place::new();
    let text = fs::read_to_string(place.path("shop.yaml")).unwrap();
    place.write("strict.yaml", &text.replace("p99: 150ms", "p99: 1ms"));
    let output = place.sim(&format!("run strict.yaml --mesh none {QUICK}"));
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("MISSED shoppers under none: p99 is "), "{}", stdout(&output));

    // As seldom as possible, for a hundred replications are to be run.
    place.write(
        "small.yaml",
        "version: 1\nname: small\nservices: [{name: web, operations: [{name: get, service_time: {exponential: {mean: 1us}}}]}]\n\
         traffic: [{service: web, rate: 10500, from: outside}]\n",
    );
    let output =
        place.sim("run small.yaml --mesh none --warm-up 0s --duration 1s --precision 0.0001% --out precise");
    assert_eq!(output.status.code(), Some(3));
    let told = stdout(&output);
    assert!(told.contains("precision was not reached with 100 replications"), "{told}");
    assert!(place.path("precise/small/none/manifest.json").is_file());
}

#[test]
fn replications_too_short_for_any_precision_end_the_run_at_once() {
    let place = Place::new();
    let output =
        place.sim("run shop.yaml --mesh none --warm-up 0s --duration 1s --precision 1% --out precise");
    assert_eq!(output.status.code(), Some(3));
    let told = stdout(&output);
    assert!(told.contains("no precision can be reached for entry `shoppers`: the p99 takes 10000"), "{told}");
    assert!(told.contains("run with --duration 3"), "300 requests a second take 35 s or so:\n{told}");
    let manifest = fs::read_to_string(place.path("precise/my-shop/none/manifest.json")).unwrap();
    assert!(
        manifest.contains("\"replications\": 10,"),
        "the first rung of the ladder is the last:\n{manifest}"
    );
}

#[test]
fn another_runs_results_are_kept_unless_forced() {
    let place = Place::new();
    let run = format!("run shop.yaml --mesh none {QUICK} --output csv");
    let first = place.fine(&run);
    let file = place.path("results/my-shop/none/summary.csv");
    assert_eq!(fs::read_to_string(&file).unwrap(), first);
    assert_eq!(place.fine(&run), first, "the same run may write again");

    let refused = place.sim(&format!("{run} --seed 7"));
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--force"), "{}", stderr(&refused));
    assert_eq!(fs::read_to_string(&file).unwrap(), first);

    let second = place.fine(&format!("{run} --seed 7 --force"));
    assert_ne!(first, second);
    assert_eq!(fs::read_to_string(&file).unwrap(), second);
}

#[test]
fn json_and_csv_are_what_their_names_say() {
    let place = Place::new();
    let run = format!("run shop.yaml --mesh none,linkerd {QUICK} --force");
    let json: serde_json::Value = serde_json::from_str(&place.fine(&format!("{run} --output json"))).unwrap();
    let meshes: Vec<_> = json.as_array().unwrap().iter().map(|mesh| &mesh["mesh"]).collect();
    assert_eq!(meshes, ["none", "linkerd"]);

    let text = place.fine(&format!("{run} --output csv"));
    assert_eq!(text.lines().next(), Some(TIDY));
    let rows: Vec<_> = csv::Reader::from_reader(text.as_bytes()).into_records().map(Result::unwrap).collect();
    assert!(rows.iter().all(|row| row.len() == 12 && row[6].parse::<f64>().is_ok()));
    assert!(["none", "linkerd"].iter().all(|mesh| rows.iter().any(|row| &row[1] == *mesh)));
}

#[test]
fn a_profile_of_ones_own_gives_what_the_shipped_one_gives() {
    let place = Place::new();
    place.write("mine.yaml", "name: mine\nextends: istio-sidecar\n");
    let run = format!("run shop.yaml {QUICK} --output csv --mesh");
    let mine = place.fine(&format!("{run} none,mine.yaml"));
    let shipped = place.fine(&format!("{run} none,istio-sidecar --out shipped"));
    assert_eq!(mine.replace("my-shop,mine,", "my-shop,istio-sidecar,"), shipped);
    assert!(place.fine("models show mine.yaml").contains("(mine)\n"));

    let faster = place.fine(&format!("{run} none,mine.yaml --set profile.proxy.workers=8 --out more"));
    assert_ne!(faster, mine);
}

#[test]
fn standard_input_and_folders_are_read_like_files() {
    let place = Place::new();
    let run = format!("{QUICK} --mesh linkerd --output csv");
    let file = place.fine(&format!("run shop.yaml {run} --out a"));
    let text = fs::File::open(place.path("shop.yaml")).unwrap();
    let piped = place.command(&format!("run - {run} --out b")).stdin(text).output().unwrap();
    assert_eq!(stdout(&piped), file);
    fs::create_dir(place.path("folder")).unwrap();
    fs::copy(place.path("shop.yaml"), place.path("folder/shop.yaml")).unwrap();
    assert_eq!(place.fine(&format!("run folder {run} --out c")), file);
}

#[test]
fn options_replace_what_the_file_says() {
    let place = Place::new();
    let total = |options: &str, metric: &str| -> f64 {
        let text =
            place.fine(&format!("run shop.yaml {QUICK} --mesh linkerd --output csv --force {options}"));
        let row = text.lines().find(|line| line.contains(metric)).expect("a row of the metric").to_owned();
        row.split(',').nth(6).expect("a value").parse().expect("a number")
    };
    let proxies = ",proxies,total,";
    assert!((total("--set services.web.replicas=6", proxies) - total("", proxies) - 3.0).abs() < 1e-9);
    let throughput = ",throughput,";
    assert!(total("--rps 900", throughput) > 2.0 * total("", throughput));
}

#[test]
fn an_isotope_graph_runs_with_the_rate_that_it_is_given() {
    let place = Place::new();
    place.write(
        "graph.yaml",
        "services:\n- name: a\n  isEntrypoint: true\n  script: [{call: b}]\n- name: b\n",
    );
    let table = place.fine(&format!("run graph.yaml --rps 200 {QUICK}"));
    assert!(table.contains("response time added to none"), "{table}");
}

/// Names reach the terminal, files and their contents; none may leave the results folder or break a table.
#[test]
fn nasty_names_stay_harmless() {
    let place = Place::new();
    let long = "日本語".repeat(40);
    let service = "=cmd|'/c calc'!A0, \"<b>\"";
    let quoted = service.replace('\'', "''");
    place.write(
        "names.yaml",
        &format!(
            "version: 1\nname: '../../<script>alert(1)</script>'\nservices:\n\
             \x20 - {{name: '{quoted}', service_time: 1ms, script: [{{call: '{long}'}}]}}\n\
             \x20 - {{name: '{long}', service_time: 1ms}}\n\
             traffic:\n  - {{name: '../up', service: '{quoted}', rate: 100, from: outside}}\n\
             \x20 - {{name: '{long}', service: '{quoted}', rate: 100, from: outside}}\n"
        ),
    );
    let table = place.fine(&format!("run names.yaml {QUICK} --out out"));
    let tables = table.lines().filter(|line| !line.starts_with("note: ") && !line.starts_with("Results in "));
    tables.for_each(|line| assert!(line.chars().count() <= 100, "{line}"));
    let mut files = Vec::new();
    walk(place.0.path(), &mut files);
    let written = files.iter().filter(|file| file.file_name().is_some_and(|name| name == "summary.csv"));
    let mut count = 0;
    for file in written {
        count += 1;
        assert!(file.starts_with(place.path("out")), "{}", file.display());
        let rows: Vec<_> = csv::Reader::from_path(file).unwrap().into_records().map(Result::unwrap).collect();
        assert!(rows.iter().any(|row| row[3].contains(&long)), "names are whole in files");
    }
    assert_eq!(count, sim::mesh::profile::compared().count(), "one for each mesh");
    let expected = ["names.yaml", "shop.yaml"].map(|name| place.path(name));
    assert!(
        files.iter().all(|file| file.starts_with(place.path("out")) || expected.contains(file)),
        "{files:?}"
    );
}

/// Every file under a folder.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

#[test]
fn profiles_can_be_read_on_a_hundred_columns() {
    let place = Place::new();
    let list = place.fine("models");
    for mesh in ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd", "linkerd@ha"]
    {
        assert!(list.contains(mesh), "{list}");
        let page = place.fine(&format!("models show {mesh}"));
        for line in page.lines().chain(list.lines()) {
            assert!(line.chars().count() <= 100 && line.trim_end() == line, "{line:?}");
        }
    }
    let (default, ha) = (place.fine("models show linkerd"), place.fine("models show linkerd@ha"));
    assert!(default.contains("proxy.wake.floor ") && default.contains("installation: default"), "{default}");
    assert!(default.contains("since Linkerd 2.20; before: classic"), "{default}");
    assert!(ha.contains("Linkerd (ha) (linkerd@ha)\n") && ha.contains("installation: ha"), "{ha}");
}

#[test]
fn completions_are_a_script() {
    assert!(Place::new().fine("completions bash").starts_with("_sim()"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut child = place.command("models show istio-sidecar").spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let place = Place::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = place.command("models").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("cannot write to standard output"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_is_finished() {
    let place = Place::new();
    let child = place
        .command(
            "run shop.yaml --mesh none,linkerd --warm-up 0s --duration 5s --replications 10000 --threads 2",
        )
        .spawn()
        .unwrap();
    sleep(Duration::from_millis(1500));
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stdout(&output).contains("note: stopped early: "), "{}", stdout(&output));
    let manifest = fs::read_to_string(place.path("results/my-shop/linkerd/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let finished = manifest["replications"].as_u64().expect("a number of replications");
    assert!((1..10_000).contains(&finished), "{finished}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_before_anything_is_finished_writes_nothing() {
    let place = Place::new();
    let child =
        place.command("run shop.yaml --warm-up 0s --duration 1000000s --replications 1").spawn().unwrap();
    sleep(Duration::from_millis(500));
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("nothing was written"), "{}", stderr(&output));
    assert!(!place.path("results").exists());
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Memory is that of the pods and of the requests in flight: 16 times the requests take no more of it. The long run
/// has some 240,000 requests and 770,000 calls; eight bytes for each call would be 6 MB.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_simulated_time() {
    let place = Place::new();
    let peak = |duration: &str| {
        let arguments = "--mesh linkerd --threads 1 --replications 1 --warm-up 0s --force";
        let mut child =
            place.command(&format!("run shop.yaml {arguments} --duration {duration}")).spawn().unwrap();
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            peak = peak.max(high_water(child.id()));
            sleep(Duration::from_millis(2));
        }
        assert_eq!(child.wait().unwrap().code(), Some(0));
        peak
    };
    let (short, long) = (peak("50s"), peak("800s"));
    assert!(long < short + 2048, "{short} KiB, then {long} KiB");
}

/// The most memory that a process had resident, in KiB; 0 when it is gone.
#[cfg(target_os = "linux")]
fn high_water(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
