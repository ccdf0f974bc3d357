//! Pictures of real runs, for people to look at:
//! `SIM_PICTURES=/tmp/pictures cargo test --lib plot::tests::look -- --ignored`.

use std::path::Path;

use super::super::load::LoadCurve;
use super::{Made, load, pictures_of};
use crate::experiment::{self, Plan};
use crate::input;
use crate::mesh::{profile, validate};
use crate::program::compile;
use crate::units::Span;

/// Runs a topology under some meshes for a few seconds.
fn simulated(topology: &str, meshes: &[&str], seconds: u64) -> Vec<Made> {
    let (draft, _, mut problems) = input::load(&[topology.into()], &input::Options::default());
    let mut scenario = validate(&draft, &mut problems).expect("a valid topology");
    scenario.run.duration = Span::from_seconds(seconds);
    scenario.run.warm_up = Span::from_seconds(1);
    let programs: Vec<_> = meshes
        .iter()
        .map(|mesh| compile(&scenario, &profile::find(mesh, None).expect("a shipped profile").model(4)))
        .collect();
    let outcome = experiment::run(&programs, Plan::Fixed(2), &false.into(), &|| {});
    programs
        .iter()
        .map(experiment::labels)
        .zip(outcome.records)
        .map(|(labels, records)| Made::new(labels, records))
        .collect()
}

fn write(folder: &str, made: &[Made], load: &[LoadCurve]) {
    let root = std::env::var("SIM_PICTURES").expect("SIM_PICTURES names a folder");
    for file in pictures_of(made, load).iter().flat_map(|picture| picture.files()) {
        let path = Path::new(&root).join(folder).join(&file.path);
        std::fs::create_dir_all(path.parent().expect("a path in a folder")).expect("a folder to write to");
        std::fs::write(path, file.bytes).expect("room on the disk");
    }
}

#[test]
#[ignore = "writes pictures for people to look at"]
fn pictures_of_real_runs() {
    let meshes = ["none", "istio-sidecar", "linkerd"];
    let bookinfo = simulated("topologies/bookinfo.yaml", &meshes, 10);
    write("bookinfo", &bookinfo, &load("productpage", &meshes));
    write("one-mesh", &bookinfo[2..], &load("productpage", &meshes[..1]));
    // Two more meshes that look like others, until there are five.
    let mut five = simulated(
        "topologies/bookinfo.yaml",
        &["none", "istio-sidecar", "linkerd", "linkerd", "istio-sidecar"],
        2,
    );
    let names = ["none", "istio-sidecar", "istio-ambient", "istio-ambient-waypoint", "linkerd"];
    for (made, name) in five.iter_mut().zip(names) {
        name.clone_into(&mut made.labels.mesh);
    }
    write("five-meshes", &five, &load("productpage", &names));
    write("fan-out-100", &simulated("topologies/fan-out-100.yaml", &["none", "linkerd"], 1), &[]);
    write("tree-13", &simulated("topologies/tree-13.yaml", &["none", "istio-sidecar"], 2), &[]);
}
