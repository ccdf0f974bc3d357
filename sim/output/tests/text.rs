//! What the outputs say.

use serde_json::Value;

use super::{Made, istio, none};
use crate::metrics::{Kind, Unit, estimate};
use crate::output::summary_csv::COLUMNS;
use crate::output::{OUTPUTS, render, table};

#[test]
fn the_terminal_answers_first_what_the_mesh_adds() {
    insta::assert_snapshot!(table::render(&[none(10).results, istio(10).results]));
}

#[test]
fn a_single_mesh_with_few_replications_has_no_intervals() {
    insta::assert_snapshot!(table::render(&[istio(2).results]));
}

#[test]
fn tables_fit_a_hundred_columns() {
    let mut long = istio(10);
    long.results.mesh = "istio-ambient-waypoint".to_owned();
    for row in &mut long.results.rows {
        // Every part is there, every time as long as it gets.
        row.value.value = if row.unit == Unit::Seconds { 0.1234 } else { row.value.value };
        row.value.interval = row.value.interval.map(|_| (0.1, 0.1468));
    }
    for line in table::render(&[none(10).results, long.results]).lines() {
        assert!(line.starts_with("note: ") || line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn summary_csv_has_a_row_per_number() {
    insta::assert_snapshot!(istio(10).file("summary.csv"));
}

#[test]
fn edges_csv_has_a_row_per_edge() {
    insta::assert_snapshot!(istio(10).file("edges.csv"));
}

#[test]
fn timeline_csv_has_the_golden_signals_of_each_interval() {
    insta::assert_snapshot!(istio(3).file("timeline.csv"));
}

#[test]
fn summary_json_has_rows_and_notes() {
    let mut made = none(2);
    made.results.rows.truncate(3);
    insta::assert_snapshot!(made.file("summary.json"));
}

#[test]
fn hgrm_has_the_percentiles_of_all_replications() {
    insta::assert_snapshot!(none(2).file("histograms/web.hgrm"));
}

#[test]
fn every_output_makes_the_files_it_says() {
    let made = istio(2);
    for output in OUTPUTS {
        let (start, end) = output.file.split_once('*').unwrap_or((output.file, ""));
        let files = (output.render)(&made.run());
        assert!(!files.is_empty(), "{}", output.file);
        for file in files {
            assert!(
                file.path.starts_with(start) && file.path.ends_with(end),
                "{}: {}",
                output.file,
                file.path
            );
        }
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    assert_eq!(render(&istio(10).run()), render(&istio(10).run()));
}

#[test]
fn csv_and_json_say_the_same() {
    let made = istio(10);
    let json: Value = serde_json::from_str(&made.file("summary.json")).unwrap();
    let text = made.file("summary.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap(), COLUMNS.as_slice());
    let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!((lines.len(), rows.len()), (made.results.rows.len(), made.results.rows.len()));
    for (line, row) in lines.iter().zip(rows) {
        for (column, field) in COLUMNS.iter().zip(line) {
            match &row[column] {
                // The whole file's.
                Value::Null if matches!(*column, "scenario" | "mesh") => assert_eq!(json[column], field),
                Value::Null => assert_eq!(field, "", "{column}"),
                Value::String(text) => assert_eq!(field, text, "{column}"),
                Value::Bool(_) | Value::Array(_) | Value::Object(_) => panic!("{column} is no number"),
                Value::Number(number) => {
                    // Our JSON reader may miss by the last bit.
                    let (left, right) = (field.parse::<f64>().unwrap(), number.as_f64().unwrap());
                    assert!((left - right).abs() <= left.abs() * f64::EPSILON, "{column}: {left} {right}");
                }
            }
        }
    }
}

#[test]
fn a_bound_is_marked_wherever_it_is_written() {
    let mut made = none(10);
    for record in &mut made.records {
        record.entries[0].unfinished = 30;
        record.entries[0].arrived += 30;
    }
    made.results = estimate(&made.labels, &made.records);
    let csv = made.file("summary.csv");
    assert!(csv.lines().any(|line| line.starts_with("shop,none,entry,web,response_time,p99,>0.0")), "{csv}");
    let json: Value = serde_json::from_str(&made.file("summary.json")).unwrap();
    let bounds = made.results.rows.iter().map(|row| row.value.kind == Kind::AtLeast);
    for (row, bound) in json["rows"].as_array().unwrap().iter().zip(bounds) {
        assert_eq!(row["at_least"], bound);
    }
    assert!(made.file("histograms/web.hgrm").contains("#[Unfinished = 300, slower than all of the above]"));
    assert!(table::render(&[made.results]).contains("> "));
}

/// Names that break out of formats and folders where they are not handled.
fn nasty() -> Made {
    let mut made = istio(2);
    made.labels.scenario = "../../shop\"\n<b>,".to_owned();
    made.labels.mesh = "=1+1".to_owned();
    made.labels.entries[0].name = "a/../b\u{1b}[31m".to_owned();
    made.labels.services[0] = "größe, \"x\"".to_owned();
    made.labels.edges[0].caller = "line\nbreak".to_owned();
    made.results = estimate(&made.labels, &made.records);
    made
}

#[test]
fn nasty_names_come_back_from_csv_and_json_unchanged() {
    let made = nasty();
    let text = made.file("summary.csv");
    let lines: Vec<csv::StringRecord> =
        csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap).collect();
    let json: Value = serde_json::from_str(&made.file("summary.json")).unwrap();
    for ((line, object), row) in lines.iter().zip(json["rows"].as_array().unwrap()).zip(&made.results.rows) {
        assert_eq!((&line[0], &line[1], &line[3]), ("../../shop\"\n<b>,", "=1+1", row.name.as_str()));
        assert_eq!(object["name"], row.name);
    }
    let edges = made.file("edges.csv");
    let first = csv::Reader::from_reader(edges.as_bytes()).records().next().unwrap().unwrap();
    assert_eq!((&first[2], first.len()), ("line\nbreak", 15));
    assert_ne!(&first[4], "", "an edge finds its numbers whatever its name");
}

#[test]
fn nasty_names_stay_in_their_folder_and_off_the_terminal() {
    let made = nasty();
    for file in render(&made.run()) {
        let path = std::path::Path::new(&file.path);
        assert!(
            path.components().all(|part| matches!(part, std::path::Component::Normal(_))),
            "{}",
            file.path
        );
        assert!(file.path.is_ascii() && path.components().count() <= 2, "{}", file.path);
    }
    let shown = table::render(&[made.results]);
    assert!(!shown.contains('\u{1b}') && !shown.contains("shop\"\n"), "{shown}");
}

#[test]
fn summary_json_obeys_its_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/summary.schema.json")).unwrap();
    for made in [none(2), istio(10), nasty()] {
        let json: Value = serde_json::from_str(&made.file("summary.json")).unwrap();
        assert_eq!(violations(&schema, &json, "$"), Vec::<String>::new());
    }
    // The check itself can fail.
    let mut broken: Value = serde_json::from_str(&istio(2).file("summary.json")).unwrap();
    broken["rows"][0]["scope"] = "cluster".into();
    broken["rows"][1]["value"] = Value::Null;
    broken["rows"][2]["extra"] = 1.into();
    broken["replications"] = (-1).into();
    broken.as_object_mut().unwrap().remove("mesh");
    assert_eq!(violations(&schema, &broken, "$").len(), 5);
}

/// Where a value does not obey the keywords that our schema uses; an unknown keyword is a violation, too.
fn violations(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" => true,
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64() >= rule.as_f64(),
            "type" => match rule {
                Value::Array(types) => types.iter().any(|name| is_a(value, name)),
                name => is_a(value, name),
            },
            "required" => {
                rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "additionalProperties" => {
                assert_eq!(rule, &Value::Bool(false));
                let known = schema["properties"].as_object().unwrap();
                value.as_object().is_none_or(|object| object.keys().all(|key| known.contains_key(key)))
            }
            "properties" => {
                for (key, rule) in rule.as_object().unwrap() {
                    let inner = value.get(key).map(|inner| violations(rule, inner, &format!("{at}.{key}")));
                    found.extend(inner.into_iter().flatten());
                }
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(violations(rule, item, &format!("{at}[{index}]")));
                }
                true
            }
            _ => false,
        };
        if !holds {
            found.push(format!("{at}: {keyword}"));
        }
    }
    found
}

fn is_a(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("no such type: {other}"),
    }
}
