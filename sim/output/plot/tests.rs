//! Every picture of made-up records: the same bytes twice, well-formed, nothing outside the page.

mod look;

use super::canvas::{Canvas, Shape};
use super::palette::{Colour, GOOD, cause_colour};
use super::*;
use crate::metrics::synthetic::{full_labels, full_record};
use crate::metrics::timeline::TimelineRecord;
use crate::metrics::{Labels, Results, RunRecord, estimate};
use crate::vocabulary::failure::Cause;

/// Labels, records and results of one mesh.
pub(super) struct Made {
    pub(super) labels: Labels,
    pub(super) records: Vec<RunRecord>,
    pub(super) results: Results,
}

impl Made {
    pub(super) fn new(labels: Labels, records: Vec<RunRecord>) -> Self {
        let mut results = estimate(&labels, &records);
        results.baseline = (labels.mesh != "none").then(|| "none".to_owned());
        Self { labels, records, results }
    }

    pub(super) fn run(&self) -> Run<'_> {
        Run { labels: &self.labels, records: &self.records, results: &self.results }
    }
}

fn made(mesh: &str) -> Made {
    let proxied = mesh != "none";
    let mut records: Vec<RunRecord> = (0..2).map(|number| full_record(number, 2000, proxied)).collect();
    for row in records.iter_mut().flat_map(|record| record.timeline.entries.iter_mut().flatten()) {
        // A seventh of the requests fails, for three causes.
        let each = (row.requests / 21) as u32;
        for cause in [Cause::Application, Cause::AttemptTimeout, Cause::Overflow] {
            row.causes[cause as usize] = each;
        }
        row.failures = 3 * u64::from(each);
    }
    Made::new(full_labels(mesh, proxied), records)
}

pub(super) fn pictures_of(made: &[Made], load: &[LoadCurve]) -> Vec<Picture> {
    let runs: Vec<Run<'_>> = made.iter().map(Made::run).collect();
    pictures(&runs, load, &varied(load))
}

/// Of every mesh of a load test the same along a key: proxies that grow, of one group more than of the other.
fn varied(load: &[LoadCurve]) -> Vec<VaryCurve> {
    let curve = |(index, of): (usize, &LoadCurve)| {
        let point = |&setting: &&str| {
            let size = setting.parse::<f64>().expect("a number") * 80e3 * index as f64;
            VaryPoint {
                setting: setting.to_owned(),
                proxy_memory: 12.0 * (size + 5e7 * index as f64),
                largest: (index > 0).then_some(size + 5e7),
                smallest: (index > 0).then_some(0.2 * size + 5e7),
                p99: Some(0.02 + 0.001 * index as f64),
                proxy_cpu: 0.1 * index as f64,
                saturated: setting == "10000" && index == 1,
            }
        };
        VaryCurve {
            scenario: of.scenario.clone(),
            key: "cluster.others.services".to_owned(),
            entry: of.entry.clone(),
            mesh: of.mesh.clone(),
            replications: 2,
            points: ["0", "100", "1000", "10000"].iter().map(point).collect(),
        }
    };
    load.iter().enumerate().map(curve).collect()
}

/// A load test of each mesh: like an M/M/1 queue, the more a mesh adds the sooner it saturates.
pub(super) fn load(entry: &str, meshes: &[&str]) -> Vec<LoadCurve> {
    let curve = |(index, mesh): (usize, &&str)| {
        let limit = 1.35 - 0.1 * index as f64;
        let points = (1..=6).map(|step| {
            let factor = 0.2 * f64::from(step);
            let mean = (0.004 + 0.0005 * index as f64) / (1.0 - factor / limit).max(0.01);
            let saturated = factor >= limit;
            LoadPoint {
                factor,
                offered_rate: 200.0 * factor,
                p50: 0.7 * mean,
                p99: 4.6 * mean,
                throughput: 0.0,
                saturated,
            }
        });
        LoadCurve {
            scenario: "shop".to_owned(),
            entry: entry.to_owned(),
            mesh: (*mesh).to_owned(),
            replications: 10,
            points: points.collect(),
            drawn: Vec::new(),
        }
    };
    meshes.iter().enumerate().map(curve).collect()
}

fn text(picture: &Picture) -> String {
    render::svg(&picture.canvas)
}

#[test]
fn a_comparison_has_every_picture_and_a_single_mesh_too() {
    let names =
        |pictures: &[Picture]| pictures.iter().map(|picture| picture.name.clone()).collect::<Vec<_>>();
    let several = pictures_of(&[made("none"), made("linkerd")], &load("web", &["none", "linkerd"]));
    assert_eq!(
        names(&several),
        [
            "percentiles-web",
            "time-web",
            "timeline-web",
            "outcomes-web",
            "load-web",
            "vary",
            "resources",
            "telemetry",
            "graph-none",
            "graph-linkerd"
        ]
    );
    let single = pictures_of(&[made("linkerd")], &[]);
    assert_eq!(
        names(&single),
        [
            "percentiles-web",
            "time-web",
            "timeline-web",
            "outcomes-web",
            "resources",
            "telemetry",
            "graph-linkerd"
        ]
    );
    assert_eq!(pictures_of(&[], &[]), []);
    let paths = several[0].files().map(|file| file.path);
    assert_eq!(paths, ["plots/percentiles-web.svg", "plots/percentiles-web.png"]);
}

/// Areas of one colour, as heights of their first step above the axis.
fn height_of(picture: &Picture, colour: Colour) -> f64 {
    let areas = picture.canvas.shapes.iter().filter_map(|shape| match shape {
        Shape::Polygon { corners, colour: own } if *own == colour && corners.len() > 4 => Some(corners),
        _ => None,
    });
    let first = areas.into_iter().next().expect("an area");
    first[first.len() - 1].1 - first[0].1
}

#[test]
fn outcomes_stand_on_each_other_and_say_how_many_are_good() {
    let pictures = pictures_of(&[made("linkerd")], &[]);
    let picture = pictures.iter().find(|picture| picture.name == "outcomes-web").expect("it is drawn");
    let causes = [Cause::Application, Cause::AttemptTimeout, Cause::Overflow].map(cause_colour);
    let good = height_of(picture, GOOD);
    for (number, colour) in (1..).zip(causes) {
        // 47 of 1000 each, and 859 good ones.
        let expected = good * (1000.0 - 47.0 * f64::from(3 - number)) / 859.0;
        let height = height_of(picture, colour);
        assert!((height - expected).abs() < 0.01 * expected, "{number}: {height}, {expected}");
    }
    let texts = texts(&text(picture));
    for told in ["answered well", "attempt timeout", "1718/s good of 2000/s", "overflow: 94/s"] {
        assert!(texts.iter().any(|text| text == told), "{told}: {texts:?}");
    }
    // Where nothing fails there is nothing to tell.
    let mut good = made("linkerd");
    for row in good.records.iter_mut().flat_map(|record| record.timeline.entries.iter_mut().flatten()) {
        (row.failures, row.causes) = (0, Default::default());
    }
    let names: Vec<String> = pictures_of(&[good], &[]).into_iter().map(|picture| picture.name).collect();
    assert!(!names.contains(&"outcomes-web".to_owned()), "{names:?}");
}

#[test]
fn the_same_runs_give_the_same_bytes() {
    let files = || -> Vec<File> {
        let pictures = pictures_of(&[made("istio-sidecar")], &load("web", &["none"]));
        pictures.iter().flat_map(Picture::files).collect()
    };
    let (first, second) = (files(), files());
    assert!(first.iter().all(|file| !file.bytes.is_empty()));
    assert_eq!(first, second);
}

#[test]
fn pngs_are_twice_the_size_and_not_empty() {
    for picture in pictures_of(&[made("linkerd")], &[]) {
        let [_, file] = picture.files();
        let decoder = png::Decoder::new(std::io::Cursor::new(&file.bytes));
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("it fits")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        assert_eq!(f64::from(info.width), picture.canvas.width * 2.0);
        assert_eq!(f64::from(info.height), picture.canvas.height * 2.0);
        let inked = pixels.iter().filter(|channel| **channel < 128).count();
        assert!(inked > 1000, "{}: {inked}", picture.name);
    }
}

#[test]
fn nothing_is_written_outside_the_page() {
    let five = ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd"];
    for meshes in [&five[..], &five[..1], &five[4..]] {
        let made: Vec<Made> = meshes.iter().map(|mesh| made(mesh)).collect();
        for picture in pictures_of(&made, &load("web", meshes)) {
            let Canvas { width, height, shapes } = &picture.canvas;
            for shape in shapes {
                let Shape::Text { at, text, style } = shape else { continue };
                let inside = at.0 >= 0.0
                    && at.0 + style.width(text) <= *width
                    && at.1 >= style.size
                    && at.1 <= *height;
                assert!(inside, "{}: {text:?} at {at:?} of {width}×{height}", picture.name);
            }
        }
    }
}

#[test]
fn texts_do_not_cover_each_other() {
    let meshes = ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd"];
    let made: Vec<Made> = meshes.iter().map(|mesh| made(mesh)).collect();
    for picture in pictures_of(&made, &load("web", &meshes)) {
        let mut boxes: Vec<(&str, [f64; 4])> = Vec::new();
        for shape in &picture.canvas.shapes {
            let Shape::Text { at, text, style } = shape else { continue };
            // Letters reach from somewhat above to somewhat below the base line.
            let one = [at.0, at.1 - 0.7 * style.size, at.0 + style.width(text), at.1 + 0.15 * style.size];
            for (other_text, other) in &boxes {
                let apart =
                    one[0] >= other[2] || other[0] >= one[2] || one[1] >= other[3] || other[1] >= one[3];
                assert!(apart, "{}: {text:?} covers {other_text:?}", picture.name);
            }
            boxes.push((text, one));
        }
    }
}

/// Checks that tags are closed in turn, and gives the texts between them as they read.
fn texts(xml: &str) -> Vec<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut texts = Vec::new();
    let mut rest = xml;
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a stray bracket: {text:?}");
        for entity in text.split('&').skip(1) {
            let name = entity.split_once(';').map(|(name, _)| name);
            assert!(matches!(name, Some("lt" | "gt" | "amp" | "quot" | "apos")), "{text:?}");
        }
        if open.last() == Some(&"text") {
            texts.push(text.trim().to_owned());
        }
        let (tag, after) = after.split_once('>').expect("a tag ends");
        assert!(tag.matches('"').count().is_multiple_of(2) && !tag.contains('<'), "{tag:?}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or_default()),
        }
        rest = after;
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest:?}");
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

#[test]
fn svgs_are_well_formed_and_name_the_scenario() {
    for picture in pictures_of(&[made("none"), made("linkerd")], &load("web", &["none", "linkerd"])) {
        let text = text(&picture);
        assert!(text.starts_with("<svg width=\"") && text.contains("xmlns=\"http://www.w3.org/2000/svg\""));
        let texts = texts(&text);
        assert!(texts.contains(&picture.title), "{texts:?}");
        assert!(texts.iter().any(|text| text.starts_with("shop")), "{texts:?}");
    }
}

#[test]
fn nasty_names_are_escaped() {
    let nasty = "<b>\"größe\" & 'x'\u{1}\u{ffff}]]>日本";
    let mut made = made("linkerd");
    made.labels.scenario = nasty.to_owned();
    made.labels.mesh = nasty.to_owned();
    made.labels.entries[0].name = nasty.to_owned();
    made.labels.services[0] = nasty.to_owned();
    made.labels.edges[1].caller = nasty.to_owned();
    made.labels.edges[0].callee = nasty.to_owned();
    for picture in pictures_of(&[made], &load(nasty, &[nasty])) {
        let text = text(&picture);
        assert!(!text.contains("<b>") && !text.contains('\u{1}') && !text.contains('\u{ffff}'));
        let seen = "&lt;b&gt;&quot;größe&quot; &amp; &apos;x&apos;\u{fffd}\u{fffd}]]&gt;日本";
        assert!(texts(&text).iter().any(|text| text.contains(seen)), "{}", picture.name);
        assert!(picture.name.is_ascii() && !picture.name.contains(['<', '"', ' ', '/']), "{}", picture.name);
    }
}

#[test]
fn what_cannot_be_drawn_is_left_out() {
    let mut made = made("none");
    for record in &mut made.records {
        record.timeline = TimelineRecord::default();
        for entry in &mut record.entries {
            entry.succeeded.reset();
        }
    }
    let names: Vec<String> = pictures_of(&[made], &[]).into_iter().map(|picture| picture.name).collect();
    assert_eq!(names, ["graph-none"]);
}
