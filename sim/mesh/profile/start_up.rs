//! How much later a pod starts under a mesh.

use super::{Profile, Setting};

impl Profile {
    /// What the mesh adds to the start of a pod, in seconds: value, least and most plausible. `clusters` are services that
    /// a proxy beside the pod is told of. Steps are taken one after the other.
    ///
    /// `None` without a mesh, and where the application does not wait for its proxy. A proxy of the node runs already:
    /// what counts there is redirection.
    pub fn start_up(&self, clusters: usize) -> Option<(f64, f64, f64)> {
        const STEPS: [&str; 7] = [
            "startup.init",
            "startup.agent",
            "startup.process",
            "certificate.request_cpu",
            "startup.certificate",
            "certificate.issue_cpu",
            "startup.first_configuration",
        ];
        let number = |name: &str| match self.get(name) {
            Some(Setting::Number(quantity)) => Some((quantity.value, quantity.low, quantity.high)),
            _ => None,
        };
        if let Some(redirection) = number("startup.cni") {
            return Some(redirection);
        }
        let waits = matches!(self.get("startup.mode"), Some(Setting::Word(word)) if word.word != "classic");
        if !waits {
            return None;
        }
        let per_cluster = number("startup.per_cluster")?;
        let many = |time: f64| time * clusters as f64;
        let steps = STEPS.iter().filter_map(|step| number(step));
        let clusters = (many(per_cluster.0), many(per_cluster.1), many(per_cluster.2));
        Some(steps.fold(clusters, |sum, step| (sum.0 + step.0, sum.1 + step.1, sum.2 + step.2)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::find;

    #[test]
    fn a_sidecars_steps_add_up_and_a_nodes_proxy_runs_already() {
        let start_up = |mesh: &str, clusters| find(mesh, None).expect("it is shipped").start_up(clusters);
        let (value, low, high) = start_up("istio-sidecar", 100).expect("it takes time");
        assert!((value - (0.5 + 0.3 + 0.077 + 0.15 + 0.2 + 0.116)).abs() < 1e-9, "{value}");
        assert!(low < value && value < high);
        assert_eq!(
            start_up("linkerd", 100),
            start_up("linkerd", 0),
            "nothing is fetched before it is called"
        );
        assert_eq!(start_up("istio-ambient", 100), Some((0.05, 0.01, 0.5)));
        assert_eq!(start_up("none", 100), None);
    }
}
