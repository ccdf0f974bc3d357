//! What the code promises about its own shape: layers, module documentation, file sizes.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of the pipeline: each may import only what stands before it.
const LAYERS: [&str; 18] = [
    "units",
    "index",
    "digest",
    "diag",
    "kernel",
    "vocabulary",
    "input",
    "topology",
    "mesh",
    "placement",
    "policy",
    "program",
    "metrics",
    "engine",
    "experiment",
    "analytic",
    "output",
    "cli",
];

/// Above this many lines a file is asked what it is really made of; above it fails.
const LONGEST_FILE: usize = 600;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the source folder is there") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sim")
}

/// The layer a source file belongs to; `lib.rs` and `main.rs` stand above all.
fn layer(file: &Path) -> Option<usize> {
    let relative = file.strip_prefix(root()).expect("a source file");
    let first = relative.components().next().expect("a path has parts").as_os_str().to_string_lossy();
    let name = first.trim_end_matches(".rs").to_owned();
    if name == "lib" || name == "main" {
        return None;
    }
    Some(
        LAYERS
            .iter()
            .position(|layer| *layer == name)
            .unwrap_or_else(|| panic!("{name} is no layer: place it")),
    )
}

#[test]
fn a_module_imports_only_what_stands_before_it() {
    let mut wrong = Vec::new();
    for file in sources(&root()) {
        let Some(own) = layer(&file) else { continue };
        let text = fs::read_to_string(&file).expect("a readable source file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for used in code.split("crate::").skip(1) {
                let name: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if let Some(other) = LAYERS.iter().position(|layer| *layer == name)
                    && other > own
                {
                    wrong.push(format!("{}:{}: {} imports {name}", file.display(), number + 1, LAYERS[own]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "against the way of the data:\n{}", wrong.join("\n"));
}

/// Headers of every CSV file, as readers of the files know them: a change here is a change of the format.
const CSV_HEADERS: [(&str, &str); 4] = [
    (
        "summary.csv",
        "scenario,mesh,scope,name,metric,statistic,value,unit,ci_low,ci_high,model_low,model_high",
    ),
    ("replications.csv", "scope,name,metric,statistic,replication_1"),
    (
        "edges.csv",
        "scenario,mesh,caller,callee,call_rate,error_ratio,timeout_ratio,response_time_mean,response_time_p50,response_time_p99,proxy_time_mean,proxy_time_p50,proxy_time_p99,connections_opened_rate,bytes_rate",
    ),
    ("timeline.csv", "scenario,mesh,scope,name,start,end,phase,metric,statistic,value,unit,low,high"),
];

#[test]
fn csv_files_keep_their_headers() {
    let scenario = crate::common::scenario(
        "version: 1\nservices: [{name: a, service_time: 1ms}]\ntraffic: [{service: a, from: meshed_client, rate: 100/s}]\nrun: {warm_up: 0s, duration: 1s}\n",
    );
    let program = sim::program::compile(&scenario, &crate::common::mesh("istio-sidecar"));
    let records = [sim::engine::run(&program, 0, &false.into()).expect("nothing stops it")];
    let labels = sim::experiment::labels(&program);
    let results = sim::metrics::estimate(&labels, &records);
    let files =
        sim::output::render(&sim::output::Run { labels: &labels, records: &records, results: &results });
    let written: Vec<(String, String)> = files
        .into_iter()
        .filter(|file| Path::new(&file.path).extension().is_some_and(|extension| extension == "csv"))
        .map(|file| {
            let text = String::from_utf8(file.bytes).expect("CSV is text");
            (file.path, text.lines().next().unwrap_or_default().to_owned())
        })
        .collect();
    let expected = CSV_HEADERS.map(|(path, header)| (path.to_owned(), header.to_owned()));
    assert_eq!(written, expected);
    for column in written.iter().flat_map(|(_, header)| header.split(',')) {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(!column.is_empty() && column.chars().all(is_plain), "{column:?} is no column's name");
    }
}

#[test]
fn every_file_says_what_it_is() {
    for file in sources(&root()) {
        let text = fs::read_to_string(&file).expect("a readable source file");
        assert!(text.starts_with("//! "), "{} has no module documentation", file.display());
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines: what is it made of?", file.display());
    }
}
